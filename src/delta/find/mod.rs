//! Finds what of the target's bytes lies elsewhere, stage by stage.
//!
//! ```text
//! pieces    members of tar archives, and what lies between them
//! pairs     which member of the base each one comes from, by name          (crate::pairing)
//! fates     paired members with equal data are done, and so are repeated ones
//! covers    what surely paired members have alike, byte by byte            (crate::matcher)
//! chunks    of all that is left: what the base has, wherever it lies       (crate::index)
//! likeness  pairs of those without a sure name: by chunks, by sketch       (crate::pairing)
//! covers    of these
//! headers   of members that a name paired
//! repeats   chunks that the target itself already produced
//! ```
//!
//! A stage sees what the ones before it left. Each answers with [`Match`]es, which hold whatever the
//! bytes are: those that differ become differences, so that no stage can make a delta wrong.

mod chunks;
mod covers;
mod join;
mod pairs;
mod pieces;
mod repeats;

use std::collections::HashSet;
use std::ops::Range;

use rayon::prelude::*;

use self::chunks::Pool;
use self::covers::Covers;
pub(super) use self::join::{Joined, join};
use self::pairs::Fate;
use self::pieces::Piece;
pub(super) use self::repeats::add_repeats;
use super::policy::{is_worth_an_index, looks_behind_covers};
use super::{BaseContent, EncodeOptions, Origin, Stage, Target, TargetNode};
use crate::chunker::{ChunkId, Cutter};
use crate::digest::Digest;
use crate::format::TAR_BLOCK;
use crate::index::{BaseIndex, Content};

/// Where a copy's bytes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// A content of the base, by index.
    Base(usize),
    /// A node of the target, by index.
    Target(usize),
}

/// Bytes of a node that are like others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    /// First byte in the node.
    pub(super) start: usize,
    /// Number of bytes.
    pub(super) len: usize,
    /// What they are like.
    pub(super) source: Source,
    /// First byte there.
    pub(super) offset: usize,
    /// What they are.
    pub(super) kind: MatchKind,
    /// Which stage found them.
    pub(super) stage: Stage,
}

/// What the bytes of a match are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MatchKind {
    /// Any bytes.
    Plain,
    /// A tar header, in both places.
    Header,
}

impl Match {
    pub(super) fn end(&self) -> usize {
        self.start + self.len
    }

    /// The part of it that lies in `range`.
    fn clipped(self, range: &Range<usize>) -> Option<Self> {
        let start = self.start.max(range.start);
        let end = self.end().min(range.end);
        let offset = self.offset + (start - self.start);
        (start < end).then(|| Self { start, len: end - start, offset, ..self })
    }
}

/// A chunk that the base does not hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missed {
    pub(super) start: usize,
    pub(super) len: usize,
    pub(super) id: ChunkId,
}

/// What the base holds of a node, ascending and disjoint, and what it does not.
#[derive(Debug, Default)]
pub(super) struct Matches {
    pub(super) found: Vec<Match>,
    pub(super) missed: Vec<Missed>,
}

/// Finds what the base has of each node of the target. `order` names the nodes as the site completes
/// them.
pub(super) fn find(
    base: &[BaseContent<'_>],
    target: &Target<'_>,
    order: &[usize],
    options: &EncodeOptions,
) -> Vec<Matches> {
    let mut rank = vec![usize::MAX; target.nodes.len()];
    order.iter().enumerate().for_each(|(place, node)| rank[*node] = place);
    let is_sought: Vec<bool> = target.nodes.iter().map(super::encoder::is_sought).collect();
    let pieces = pieces::of_target(&target.nodes, &is_sought);
    let of_base = pieces::of_base(base);
    let given = target.nodes.iter().filter(|node| node.origin == Origin::GivenContent);
    let given: HashSet<Digest> = given.map(TargetNode::digest).collect();
    let is_kept = base.iter().map(|content| given.contains(&content.digest)).collect();
    let finder = Finder { base, is_kept, rank, pieces: &pieces, of_base: &of_base, options };
    let mut all: Vec<Matches> = target.nodes.iter().map(|_| Matches::default()).collect();
    let found = finder.find();
    let mut counts = vec![0; all.len()];
    for (piece, matches) in pieces.iter().zip(&found) {
        counts[piece.owner] += matches.found.len();
    }
    for (matches, count) in all.iter_mut().zip(counts) {
        matches.found.reserve_exact(count);
    }
    for (piece, matches) in pieces.iter().zip(found) {
        all[piece.owner].found.extend(matches.found);
        all[piece.owner].missed.extend(matches.missed);
    }
    spare(base.len(), &mut all);
    all
}

/// Gives up the contents of the base of which hardly anything is used: a site that holds them
/// compressed would inflate them for that, and the delta cites each by its digest.
fn spare(contents: usize, all: &mut [Matches]) {
    let mut used = vec![0; contents];
    for found in all.iter().flat_map(|matches| &matches.found) {
        if let Source::Base(content) = found.source {
            used[content] += found.len;
        }
    }
    for matches in all {
        matches.found.retain(|found| match found.source {
            Source::Base(content) => used[content] >= MIN_USE,
            Source::Target(_) => true,
        });
    }
}

struct Finder<'f, 'a> {
    base: &'f [BaseContent<'a>],
    /// Does the target have a content of the base as it is?
    is_kept: Vec<bool>,
    /// By node, its place in the order in which the site completes them.
    rank: Vec<usize>,
    pieces: &'f [Piece<'f>],
    of_base: &'f [Piece<'f>],
    options: &'f EncodeOptions,
}

/// Fewest bytes that are worth another content of the base.
const MIN_USE: usize = 4 << 10;

/// Shortest run that no cover holds whose chunks are looked for, in bytes: a few of the shortest.
const MIN_GAP: usize = 2 << 10;

impl Finder<'_, '_> {
    /// What the base has of each piece.
    fn find(&self) -> Vec<Matches> {
        let by_name = self.pairs_by_name();
        let mut pairs: Vec<Option<usize>> =
            by_name.iter().map(|pair| pair.map(|(base, _)| base)).collect();
        let fates = self.fates(&pairs);
        let sought = (0..fates.len()).filter(|piece| fates[*piece] == Fate::Sought);
        let is_sure = |piece: &usize| {
            let fits = pairs[*piece].is_some_and(|pair| {
                Covers::fits_whole(&self.pieces[*piece]) && Covers::fits_whole(&self.of_base[pair])
            });
            fits && self.has(Stage::Covers) && by_name[*piece].is_some_and(|(_, by)| by.is_sure())
        };
        let (sure, open): (Vec<usize>, Vec<usize>) = sought.partition(is_sure);
        let mut matches: Vec<Matches> = self.pieces.iter().map(|_| Matches::default()).collect();
        self.cover(&sure, &pairs, Stage::Covers, &mut matches);
        let is_claimed = self.claimed(&fates, &sure, &pairs, &matches);
        self.chunks(&[&sure[..], &open].concat(), &is_claimed, &mut matches);
        self.pair_by_bytes(&open, &by_name, &matches, &mut pairs);
        self.cover(&open, &pairs, Stage::Likeness, &mut matches);
        for (piece, matches) in matches.iter_mut().enumerate() {
            let whole = match fates[piece] {
                Fate::Equal(pair) => {
                    let pair = &self.of_base[pair];
                    self.whole(piece, Source::Base(pair.owner), pair, Stage::Pairs)
                }
                Fate::Repeat(first) => {
                    let first = &self.pieces[first];
                    self.whole(piece, Source::Target(first.owner), first, Stage::Repeats)
                }
                Fate::Sought => None,
            };
            let header = self.header(piece, by_name[piece].map(|(base, _)| base));
            // Every file has these: grown one by one, they would take twice as much.
            let len = matches.found.len() + usize::from(header.is_some());
            let mut found = Vec::with_capacity(len + usize::from(whole.is_some()));
            found.extend(header);
            found.append(&mut matches.found);
            found.extend(whole);
            matches.found = found;
        }
        matches
    }

    fn has(&self, stage: Stage) -> bool {
        self.options.stages.has(stage)
    }

    /// By piece of the base: does the target have it unchanged? Up to some level, has it most of it where
    /// covers were sought for a sure pair?
    fn claimed(
        &self,
        fates: &[Fate],
        sure: &[usize],
        pairs: &[Option<usize>],
        matches: &[Matches],
    ) -> Vec<bool> {
        let is_kept = |piece: &Piece<'_>| self.is_kept[piece.owner];
        let mut is_claimed: Vec<bool> = self.of_base.iter().map(is_kept).collect();
        for fate in fates {
            if let Fate::Equal(pair) = fate {
                is_claimed[*pair] = true;
            }
        }
        if looks_behind_covers(self.options.level) {
            return is_claimed;
        }
        for (piece, pair) in sure.iter().filter_map(|piece| Some((*piece, pairs[*piece]?))) {
            let found: usize = matches[piece].found.iter().map(|found| found.len).sum();
            is_claimed[pair] |= found > self.of_base[pair].data.len() / 2;
        }
        is_claimed
    }

    /// Looks for the chunks of what is not yet found of pieces; of those of the base that are claimed, for
    /// the first alone.
    fn chunks(&self, which: &[usize], is_claimed: &[bool], matches: &mut [Matches]) {
        let gaps = |piece: &usize| {
            let Piece { bytes, data, .. } = &self.pieces[*piece];
            let mut gaps = gaps(data, &matches[*piece].found);
            // Zeros, such as an archive's end, cost nothing anyway.
            gaps.retain(|gap| bytes[gap.clone()].iter().any(|byte| *byte != 0));
            gaps
        };
        let gaps: Vec<Vec<Range<usize>>> = which.par_iter().map(gaps).collect();
        if !self.has(Stage::Chunks) || gaps.iter().all(Vec::is_empty) {
            return;
        }
        let cutter = Cutter::new(self.options.params);
        let sought = gaps.iter().flatten().map(Range::len).sum();
        let base = self.base.iter().map(|content| content.bytes.len()).sum();
        let index = if is_worth_an_index(self.options.level, sought, base) {
            self.index(is_claimed, cutter, |_| true)
        } else {
            // A file that only has another name is found nevertheless.
            let data = which.iter().map(|piece| &self.pieces[*piece].data);
            let whole = data.zip(&gaps).filter(|(data, gaps)| gaps[..] == [(*data).clone()]);
            let lens: HashSet<usize> = whole.map(|(data, _)| data.len()).collect();
            self.index(is_claimed, cutter, |piece| lens.contains(&piece.data.len()))
        };
        let pool = Pool { contents: self.base, index: &index, cutter };
        let look = |(piece, gaps): (&usize, &Vec<Range<usize>>)| {
            let bytes = self.pieces[*piece].bytes;
            gaps.iter().map(|gap| pool.matches(bytes, gap)).collect::<Vec<Matches>>()
        };
        let all: Vec<Vec<Matches>> = which.par_iter().zip(&gaps).map(look).collect();
        for (piece, found) in which.iter().zip(all) {
            let matches = &mut matches[*piece];
            for Matches { found, missed } in found {
                matches.found.extend(found);
                matches.missed.extend(missed);
            }
            matches.found.sort_unstable_by_key(|found| found.start);
        }
    }

    /// The index of the chunks of those of the base's pieces that `is_worth_it`. Pieces that are claimed
    /// are found by their first chunk alone: what is copied from them is mostly copied whole.
    fn index(
        &self,
        is_claimed: &[bool],
        cutter: Cutter,
        is_worth_it: impl Fn(&Piece<'_>) -> bool,
    ) -> BaseIndex {
        let mut stretches: Vec<Vec<Range<usize>>> = vec![Vec::new(); self.base.len()];
        let all = self.of_base.iter().zip(is_claimed);
        for (piece, is_claimed) in all.filter(|(piece, _)| is_worth_it(piece)) {
            let Range { start, end } = piece.data.clone();
            let end = if *is_claimed && start < end {
                cutter.next(&piece.bytes[..end], start)
            } else {
                end
            };
            stretches[piece.owner].push(start..end);
        }
        let contents: Vec<Content<'_>> = self
            .base
            .iter()
            .zip(&stretches)
            .map(|(content, stretches)| Content { data: content.bytes, stretches })
            .collect();
        BaseIndex::build(&contents, self.options.params)
    }

    /// Adds what paired pieces have alike.
    fn cover(
        &self,
        which: &[usize],
        pairs: &[Option<usize>],
        stage: Stage,
        matches: &mut [Matches],
    ) {
        if !self.has(Stage::Covers) {
            return;
        }
        let covers = Covers { base: self.base, options: self.options, stage };
        let jobs: Vec<covers::Job<'_>> = which
            .iter()
            .map(|piece| covers::Job {
                piece: &self.pieces[*piece],
                pair: pairs[*piece].map(|pair| &self.of_base[pair]),
                hits: &matches[*piece].found,
            })
            .collect();
        for (piece, found) in which.iter().zip(covers.all(&jobs)) {
            matches[*piece].found = found;
        }
    }

    /// All data of a piece as those of one that has the same.
    fn whole(&self, piece: usize, source: Source, same: &Piece<'_>, stage: Stage) -> Option<Match> {
        let data = &self.pieces[piece].data;
        (!data.is_empty()).then_some(Match {
            start: data.start,
            len: data.len(),
            source,
            offset: same.data.start,
            kind: MatchKind::Plain,
            stage,
        })
    }

    /// A piece's header as one of its pair: all its blocks, or where these are not as many, the last.
    fn header(&self, piece: usize, pair: Option<usize>) -> Option<Match> {
        let (header, pair) = (&self.pieces[piece].header, pair.map(|pair| &self.of_base[pair])?);
        let len = if header.len() == pair.header.len() { header.len() } else { TAR_BLOCK };
        (self.has(Stage::Headers) && len > 0 && header.len().min(pair.header.len()) >= len).then(
            || Match {
                start: header.end - len,
                len,
                source: Source::Base(pair.owner),
                offset: pair.header.end - len,
                kind: MatchKind::Header,
                stage: Stage::Headers,
            },
        )
    }
}

/// What of `data` no match holds, where it is long enough to be looked for.
fn gaps(data: &Range<usize>, found: &[Match]) -> Vec<Range<usize>> {
    if found.is_empty() {
        return Some(data.clone()).filter(|data| !data.is_empty()).into_iter().collect();
    }
    let ends = found.iter().map(|found| found.start).chain([data.end]);
    let starts = [data.start].into_iter().chain(found.iter().map(Match::end));
    starts.zip(ends).map(|(start, end)| start..end).filter(|gap| gap.len() >= MIN_GAP).collect()
}
