//! What a piece has alike with the base's piece that it comes from, byte by byte; and with what lies
//! between chunks that were found.

use std::ops::Range;

use super::pieces::Piece;
use super::{Match, MatchKind, Source};
use crate::delta::policy::{WHOLE_LEN, effort};
use crate::delta::{BaseContent, EncodeOptions, Stage};
use crate::matcher::covers;
use crate::queue::longest_first;

/// Shortest run of equal bytes that a chunk's match adds between covers; a copy costs several bytes.
const MIN_HIT: usize = 32;

/// Shortest run between chunks' matches that is compared, in bytes.
const MIN_GAP: usize = 16;

/// Bytes of the base beside a chunk's match that what lies beside it in the target is compared with,
/// for each byte of that, and in any case.
const REACH: usize = 2;
const LEAST_REACH: usize = 64 << 10;

/// A piece with what is known of it.
pub(super) struct Job<'a> {
    pub(super) piece: &'a Piece<'a>,
    /// The base's piece that it comes from.
    pub(super) pair: Option<&'a Piece<'a>>,
    /// What its chunks found, ascending and disjoint.
    pub(super) hits: &'a [Match],
}

/// The stage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Covers<'a> {
    pub(super) base: &'a [BaseContent<'a>],
    pub(super) options: &'a EncodeOptions,
    /// Which stage's pairs these are.
    pub(super) stage: Stage,
}

impl Covers<'_> {
    /// What is found of each piece, its chunks' matches included, in the order of the jobs.
    pub(super) fn all(&self, jobs: &[Job<'_>]) -> Vec<Vec<Match>> {
        let len = |job: &Job<'_>| job.piece.data.len();
        longest_first(jobs, self.options.workers.matchers, len, |job| self.one(job))
    }

    /// Is a piece compared whole?
    pub(super) fn fits_whole(piece: &Piece<'_>) -> bool {
        piece.data.len() <= WHOLE_LEN
    }

    fn one(&self, job: &Job<'_>) -> Vec<Match> {
        let data = &job.piece.data;
        match job.pair {
            Some(pair) if Self::fits_whole(pair) && Self::fits_whole(job.piece) => {
                let found = self.compare(job.piece, data, pair.owner, &pair.data);
                with_hits(found, job.hits, data)
            }
            _ => self.between(job),
        }
    }

    /// The covers of a range of a piece by one of a content.
    fn compare(
        &self,
        piece: &Piece<'_>,
        range: &Range<usize>,
        content: usize,
        from: &Range<usize>,
    ) -> Vec<Match> {
        let old = &self.base[content].bytes[from.clone()];
        let found = covers(old, &piece.bytes[range.clone()], effort(self.options.level));
        let found = found.into_iter().map(|cover| Match {
            start: range.start + cover.start,
            len: cover.len,
            source: Source::Base(content),
            offset: from.start + cover.from,
            kind: MatchKind::Plain,
            stage: self.stage,
        });
        found.collect()
    }

    /// Compares what lies between chunks' matches with what lies there in the base.
    fn between(&self, job: &Job<'_>) -> Vec<Match> {
        let mut found: Vec<Match> = Vec::new();
        let mut at = job.piece.data.start;
        let ends = job.hits.iter().map(Some).chain([None]);
        for next in ends {
            let gap = at..next.map_or(job.piece.data.end, |next| next.start);
            if gap.len() >= MIN_GAP
                && let Some((content, from)) = self.beside(found.last(), next, gap.len())
            {
                found.extend(self.compare(job.piece, &gap, content, &from));
            }
            found.extend(next);
            at = next.map_or(at, Match::end);
        }
        found
    }

    /// Which bytes of the base a gap of `len` bytes between two matches may be like.
    fn beside(
        &self,
        before: Option<&Match>,
        after: Option<&Match>,
        len: usize,
    ) -> Option<(usize, Range<usize>)> {
        let reach = len.saturating_mul(REACH).clamp(LEAST_REACH, WHOLE_LEN);
        let ends_of = |found: &Match| match found.source {
            Source::Base(content) => Some((content, found.offset, found.offset + found.len)),
            Source::Target(_) => None,
        };
        match (before.and_then(ends_of), after.and_then(ends_of)) {
            (Some((content, _, start)), Some((other, end, _)))
                if content == other && start <= end && end - start <= 2 * reach =>
            {
                Some((content, start..end)).filter(|(_, from)| !from.is_empty())
            }
            (Some((content, _, start)), _) => {
                let end = self.base[content].bytes.len().min(start + reach);
                Some((content, start..end)).filter(|(_, from)| !from.is_empty())
            }
            (None, Some((content, end, _))) => {
                Some((content, end.saturating_sub(reach)..end)).filter(|(_, from)| !from.is_empty())
            }
            (None, None) => None,
        }
    }
}

/// Adds what chunks found where covers have nothing.
fn with_hits(covers: Vec<Match>, hits: &[Match], data: &Range<usize>) -> Vec<Match> {
    let mut all = Vec::with_capacity(covers.len());
    let mut at = data.start;
    let mut hits = hits.iter().peekable();
    let mut fill = |gap: Range<usize>, all: &mut Vec<Match>| {
        while let Some(hit) = hits.peek() {
            if hit.start >= gap.end {
                break;
            }
            all.extend(hit.clipped(&gap).filter(|hit| hit.len >= MIN_HIT));
            if hit.end() > gap.end {
                break;
            }
            hits.next();
        }
    };
    for cover in covers {
        fill(at..cover.start, &mut all);
        at = cover.end();
        all.push(cover);
    }
    fill(at..data.end, &mut all);
    all
}
