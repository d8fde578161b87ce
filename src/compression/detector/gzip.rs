//! The members of a gzip blob.

use flate2::{Decompress, FlushDecompress};
use rayon::prelude::*;

use super::candidates::{for_header, ways};
use super::pieces::Pieces;
use super::trial::{Budget, Candidate, Idle};
use super::{DetectedPiece, search};
use crate::compression::Member;
use crate::compression::encoders::predicted;
use crate::format::{EncoderKind, Framing};
use crate::limits;

/// Content by which candidates are told apart, in bytes: less than any writer's first block of
/// its own.
const START_LEN: usize = 128 << 10;

/// What an empty stored block looks like, with which writers in blocks end each of them.
const SYNC_MARKER: [u8; 4] = [0, 0, 0xff, 0xff];

/// How a stream ends that was flushed before it was closed, by Go up to 1.26 and by klauspost: an
/// empty block twice.
const FLUSHED: [&[u8]; 2] = [&[0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff], &[0, 0, 0xff, 0xff, 3, 0]];

/// Least length of blocks that is taken off markers.
const FEWEST_PER_BLOCK: u64 = 16 << 10;

/// Markers that are looked at before a stream is taken to have no blocks.
const MARKERS: usize = 64;

/// Candidates that are tried on all members.
const MOST_TRIED: usize = 4;

/// How many times shorter than a deflate stream its corrections must be: the content has to come
/// from somewhere too.
const CORRECTIONS_RATIO: usize = 4;

/// Bytes behind a deflate stream: CRC-32 and length.
const TRAILER_LEN: usize = 8;

/// A member as slices.
struct Stored<'a> {
    header: &'a [u8],
    deflate: &'a [u8],
    content: &'a [u8],
    /// Where in the blob it begins, and where its trailer ends.
    start: usize,
    end: usize,
}

pub(super) fn detect(
    stored: &[u8],
    content: &[u8],
    members: &[Member],
) -> Option<Vec<DetectedPiece>> {
    let members = slices(stored, content, members)?;
    let found = search::writers(
        &members,
        |member| Some(member.content.len()),
        Stored::replayed,
        |candidate: &Candidate, member, idle| {
            let mut budget = Budget::of(member.content);
            candidate.makes(member.content, member.deflate, &mut budget, idle)
        },
    );
    let found: Vec<Option<Candidate>> = as_one(&members, found)
        .into_par_iter()
        .zip(&members)
        .map(|(found, member)| found.or_else(|| member.predicted()))
        .collect();
    let mut pieces = Pieces::default();
    for (member, found) in members.iter().zip(found) {
        match found {
            Some(candidate) => {
                pieces.encoded(member.header, candidate, Framing::Gzip, member.content.len());
            }
            None => pieces.passed_over(member.start..member.end, member.content.len()),
        }
    }
    let end = members.last().map_or(0, |member| member.end);
    pieces.raw(end..stored.len());
    Some(pieces.finish())
}

/// Members by one writer that two candidates make, like short ones at neighbouring levels, go to the
/// candidate that makes all of them, if there is one.
fn as_one(members: &[Stored<'_>], found: Vec<Option<Candidate>>) -> Vec<Option<Candidate>> {
    let mut distinct: Vec<&Candidate> = Vec::new();
    for candidate in found.iter().flatten() {
        if distinct.len() < MOST_TRIED && !distinct.contains(&candidate) {
            distinct.push(candidate);
        }
    }
    let makes_all = |candidate: &&Candidate| {
        let others = members
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.as_ref().is_some_and(|found| found != *candidate));
        others.collect::<Vec<_>>().par_iter().all(|(member, _)| {
            let mut budget = Budget::of(member.content);
            candidate.makes(member.content, member.deflate, &mut budget, &mut Idle::default())
        })
    };
    let one = if distinct.len() > 1 { distinct.into_iter().find(makes_all).cloned() } else { None };
    match one {
        Some(one) => found.iter().map(|found| found.as_ref().map(|_| one.clone())).collect(),
        None => found,
    }
}

fn slices<'a>(stored: &'a [u8], content: &'a [u8], members: &[Member]) -> Option<Vec<Stored<'a>>> {
    let mut content_start = 0;
    let mut all = Vec::with_capacity(members.len());
    for member in members {
        let [start, deflate_start, deflate_end] =
            [member.start, member.deflate_start, member.deflate_end].map(usize::try_from);
        let (start, deflate_start, deflate_end) =
            (start.ok()?, deflate_start.ok()?, deflate_end.ok()?);
        let content_end = content_start + usize::try_from(member.content_len).ok()?;
        all.push(Stored {
            header: stored.get(start..deflate_start)?,
            deflate: stored.get(deflate_start..deflate_end)?,
            content: content.get(content_start..content_end)?,
            start,
            end: deflate_end + TRAILER_LEN,
        });
        content_start = content_end;
    }
    (content_start == content.len()).then_some(all)
}

impl Stored<'_> {
    /// The candidate that makes the whole member without corrections.
    fn replayed(&self) -> Option<Candidate> {
        let (mut budget, mut idle) = (Budget::of(self.content), Idle::default());
        let is_flushed = FLUSHED.iter().any(|end| self.deflate.ends_with(end));
        let block_lens = self.block_lens(is_flushed);
        // No further than where a writer in blocks does something else than one without.
        let shortest = block_lens.iter().filter_map(|len| usize::try_from(*len).ok()).min();
        let start_len = START_LEN.min(shortest.unwrap_or(START_LEN)).min(self.content.len());
        let start = &self.content[..start_len];
        for candidate in for_header(self.header) {
            if start.len() < self.content.len()
                && !candidate.begins(
                    start,
                    self.content.len(),
                    self.deflate,
                    &mut budget,
                    &mut idle,
                )
            {
                continue;
            }
            let ways = ways(&candidate, &block_lens, is_flushed);
            for candidate in ways.into_iter().chain([candidate]) {
                if candidate.makes(self.content, self.deflate, &mut budget, &mut idle) {
                    return Some(candidate);
                }
            }
        }
        None
    }

    /// The member by corrections, if they are worth it.
    fn predicted(&self) -> Option<Candidate> {
        let most = self.deflate.len() / CORRECTIONS_RATIO;
        let corrections = predicted::corrections(self.deflate, self.content, most)?;
        let nothing = Candidate::new(EncoderKind::Predicted, &[]);
        let candidate = Candidate { corrections, ..nothing };
        let mut budget = Budget::of(self.content);
        let is_made =
            candidate.makes(self.content, self.deflate, &mut budget, &mut Idle::default());
        is_made.then_some(candidate)
    }

    /// Lengths that the blocks may have into which the content was cut, by the first markers: one
    /// that comes twice, and what divides all of them, as pigz has no marker after some blocks.
    /// A stream that was flushed before it was closed is one block.
    fn block_lens(&self, is_flushed: bool) -> Vec<u64> {
        let all = self.content.len() as u64;
        let marked = self.marked().unwrap_or_default();
        let twice = marked
            .iter()
            .copied()
            .find(|len| *len > 0 && *len < all && (2 * len >= all || marked.contains(&(2 * len))));
        let inside = marked.iter().copied().filter(|len| *len > 0 && *len < all);
        let divisor = inside.reduce(greatest_common_divisor);
        let alone = all.next_power_of_two().min(limits::PGZIP_BLOCK_LEN as u64);
        let alone = Some(alone).filter(|_| is_flushed);
        let mut lens: Vec<u64> = twice.into_iter().chain(divisor).chain(alone).collect();
        lens.dedup();
        lens.retain(|len| *len >= FEWEST_PER_BLOCK);
        lens
    }

    /// How much content there is up to each of the first markers.
    fn marked(&self) -> Option<Vec<u64>> {
        let markers = self.deflate.windows(SYNC_MARKER.len()).enumerate();
        let ends = markers
            .filter(|(_, window)| **window == SYNC_MARKER)
            .map(|(at, _)| at + SYNC_MARKER.len())
            .take(MARKERS);
        let mut inflate = Decompress::new(false);
        let mut buf = vec![0; START_LEN];
        let mut lens = Vec::new();
        for end in ends {
            inflate_until(&mut inflate, &self.deflate[..end], &mut buf)?;
            lens.push(inflate.total_out());
        }
        Some(lens)
    }
}

fn greatest_common_divisor(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { greatest_common_divisor(other, one % other) }
}

/// Inflates all of `stored`, of which the decoder has seen a part; what comes out is dropped.
fn inflate_until(inflate: &mut Decompress, stored: &[u8], buf: &mut [u8]) -> Option<()> {
    loop {
        let seen = usize::try_from(inflate.total_in()).ok()?;
        let before = inflate.total_out();
        inflate.decompress(stored.get(seen..)?, buf, FlushDecompress::None).ok()?;
        let made = inflate.total_out() - before;
        if made < buf.len() as u64 && inflate.total_in() == stored.len() as u64 {
            return Some(());
        }
        if made == 0 && inflate.total_in() == seen as u64 {
            return None;
        }
    }
}
