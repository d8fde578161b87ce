//! Finds what of a run of bytes the base holds: chunks looked up, compared, grown byte by byte.
//!
//! A run sees nothing of another one, so the result does not depend on who took it. Chunks that
//! the base does not hold come back with their IDs, for [`super::repeats`] to look up in the target
//! itself.

use std::ops::Range;

use super::{Match, MatchKind, Matches, Missed, Source};
use crate::chunker::Cutter;
use crate::delta::{BaseContent, Stage};
use crate::index::{BaseIndex, extend_backward, extend_forward, indexed_id};

/// The base as this stage sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pool<'a> {
    pub(super) contents: &'a [BaseContent<'a>],
    pub(super) index: &'a BaseIndex,
    pub(super) cutter: Cutter,
}

impl Pool<'_> {
    /// Finds what the base has of a range of a node's bytes.
    pub(super) fn matches(&self, bytes: &[u8], range: &Range<usize>) -> Matches {
        let mut task = Task {
            pool: self,
            bytes: &bytes[..range.end],
            covered: range.start,
            matches: Matches::default(),
        };
        let mut at = range.start;
        while at < range.end && task.covered < range.end {
            let next = self.cutter.next(task.bytes, at);
            if next > task.covered {
                task.chunk(at.max(task.covered), at, next);
            }
            at = next;
        }
        task.matches
    }
}

struct Task<'a> {
    pool: &'a Pool<'a>,
    /// Those of the node up to the range's end.
    bytes: &'a [u8],
    /// Everything before it is matched or given up.
    covered: usize,
    matches: Matches,
}

impl Task<'_> {
    /// Looks for the chunk [start, end), whose bytes before `from` are matched already.
    fn chunk(&mut self, from: usize, start: usize, end: usize) {
        if let Some(last) = self.matches.found.last().copied()
            && let Source::Base(content) = last.source
        {
            // The cheapest guess first: the base goes on as the target does.
            let offset = last.offset + (start - last.start);
            if self.equals(content, offset, start, end) {
                return self.take(content, offset, start);
            }
        }
        let Some(id) = indexed_id(&self.bytes[start..end]) else { return };
        match self.pool.index.lookup(&id) {
            Some(hit) => {
                let content = hit.content as usize;
                let offset = usize::try_from(hit.offset).unwrap_or(usize::MAX);
                if self.equals(content, offset, start, end) {
                    return self.take(content, offset, start);
                }
            }
            None if from == start => {}
            None => return,
        }
        self.matches.missed.push(Missed { start, len: end - start, id });
    }

    fn equals(&self, content: usize, offset: usize, start: usize, end: usize) -> bool {
        let content = self.pool.contents[content].bytes;
        let other = offset.checked_add(end - start).and_then(|until| content.get(offset..until));
        other == Some(&self.bytes[start..end])
    }

    /// Takes the match of `start` with `offset` of a content, grown in both directions.
    fn take(&mut self, content: usize, offset: usize, start: usize) {
        let bytes = self.pool.contents[content].bytes;
        let after = extend_forward(&self.bytes[start..], &bytes[offset..]);
        let gap_start = self.covered.min(start);
        let before = if start > gap_start {
            extend_backward(&self.bytes[gap_start..start], &bytes[..offset])
        } else {
            0
        };
        let skip = self.covered.saturating_sub(start);
        let found = Match {
            start: start - before + skip,
            len: (before + after).saturating_sub(skip),
            source: Source::Base(content),
            offset: offset - before + skip,
            kind: MatchKind::Plain,
            stage: Stage::Chunks,
        };
        if found.len == 0 {
            return;
        }
        self.covered = found.end();
        match self.matches.found.last_mut() {
            Some(last)
                if last.end() == found.start
                    && last.source == found.source
                    && last.offset + last.len == found.offset =>
            {
                last.len += found.len;
            }
            _ => self.matches.found.push(found),
        }
    }
}
