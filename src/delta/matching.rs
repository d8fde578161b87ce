//! Finds what of a node the base holds: chunks looked up, compared, grown byte by byte.
//!
//! The node is cut into tasks of neighbouring stretches, which threads take in any order; a task
//! sees nothing of another one, so the result does not depend on who took it. Chunks that the base
//! does not hold come back with their IDs, for [`super::repeats`] to look up in the target itself.

use rayon::prelude::*;

use super::{BaseContent, Stretch};
use crate::chunker::{ChunkId, Cutter};
use crate::index::{BaseIndex, extend_backward, extend_forward, indexed_id};

/// Bytes that a task covers, about: many tasks for each thread, few edges where a match is cut.
const TASK_LEN: usize = 2 << 20;
/// Shortest run of equal bytes inside a changed stretch that becomes a copy of its own.
const MIN_RUN: usize = 32;

/// Bytes of a node that are found elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    /// First byte in the node.
    pub(super) start: usize,
    /// Number of bytes.
    pub(super) len: usize,
    /// Which content or node it is found in.
    pub(super) source: usize,
    /// First byte there.
    pub(super) offset: usize,
}

impl Match {
    pub(super) fn end(&self) -> usize {
        self.start + self.len
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

/// The base as the matcher sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pool<'a> {
    pub(super) contents: &'a [BaseContent<'a>],
    pub(super) index: &'a BaseIndex,
    pub(super) cutter: Cutter,
}

impl Pool<'_> {
    /// Finds what the base has of `bytes`, which `stretches` tile.
    pub(super) fn matches(&self, bytes: &[u8], stretches: &[Stretch]) -> Matches {
        let parts: Vec<Matches> = tasks(bytes.len(), stretches)
            .into_par_iter()
            .map(|ends| self.task(bytes, &ends))
            .collect();
        let mut all = Matches::default();
        for part in parts {
            all.found.extend(part.found);
            all.missed.extend(part.missed);
        }
        all
    }

    fn task(&self, bytes: &[u8], edges: &[usize]) -> Matches {
        let mut task = Task {
            pool: self,
            bytes,
            covered: edges[0],
            end: edges[edges.len() - 1],
            matches: Matches::default(),
        };
        for pair in edges.windows(2) {
            task.stretch(pair[0], pair[1]);
        }
        task.fill_rest();
        task.matches
    }
}

/// Splits a node into runs of neighbouring stretches of about [`TASK_LEN`]; longer stretches are
/// cut. Each run is its edges, ascending, at least two.
fn tasks(len: usize, stretches: &[Stretch]) -> Vec<Vec<usize>> {
    let mut tasks = Vec::new();
    let mut edges = vec![0];
    let mut start = 0;
    for stretch in stretches {
        let end = usize::try_from(stretch.end).unwrap_or(usize::MAX).min(len);
        while start < end {
            let edge = end.min(start + TASK_LEN);
            edges.push(edge);
            if edge - edges[0] >= TASK_LEN {
                tasks.push(std::mem::replace(&mut edges, vec![edge]));
            }
            start = edge;
        }
    }
    if edges.len() > 1 {
        tasks.push(edges);
    }
    tasks
}

struct Task<'a> {
    pool: &'a Pool<'a>,
    bytes: &'a [u8],
    /// Everything before it is matched or given up.
    covered: usize,
    end: usize,
    matches: Matches,
}

impl Task<'_> {
    fn stretch(&mut self, start: usize, end: usize) {
        let mut at = start;
        while at < end && self.covered < end {
            let next = self.pool.cutter.next(&self.bytes[..end], at);
            if next > self.covered {
                self.chunk(at.max(self.covered), at, next);
            }
            at = next;
        }
    }

    /// Looks for the chunk [start, end), whose bytes before `from` are matched already.
    fn chunk(&mut self, from: usize, start: usize, end: usize) {
        if let Some(last) = self.matches.found.last().copied() {
            // The cheapest guess first: the base goes on as the target does.
            let offset = last.offset + (start - last.start);
            if self.equals(last.source, offset, start, end) {
                return self.take(last.source, offset, start);
            }
        }
        let Some(id) = indexed_id(&self.bytes[start..end]) else { return };
        match self.pool.index.lookup(&id) {
            Some(hit) => {
                let source = hit.content as usize;
                let offset = usize::try_from(hit.offset).unwrap_or(usize::MAX);
                if self.equals(source, offset, start, end) {
                    return self.take(source, offset, start);
                }
            }
            None if from == start => {}
            None => return,
        }
        self.matches.missed.push(Missed { start, len: end - start, id });
    }

    fn equals(&self, source: usize, offset: usize, start: usize, end: usize) -> bool {
        let content = self.pool.contents[source].bytes;
        let other = offset.checked_add(end - start).and_then(|until| content.get(offset..until));
        other == Some(&self.bytes[start..end])
    }

    /// Takes the match of `start` with `offset` of a content, grown in both directions.
    fn take(&mut self, source: usize, offset: usize, start: usize) {
        let content = self.pool.contents[source].bytes;
        let after = extend_forward(&self.bytes[start..self.end], &content[offset..]);
        let gap_start = self.covered.min(start);
        let before = if start > gap_start {
            extend_backward(&self.bytes[gap_start..start], &content[..offset])
        } else {
            0
        };
        let skip = self.covered.saturating_sub(start);
        let found = Match {
            start: start - before + skip,
            len: (before + after).saturating_sub(skip),
            source,
            offset: offset - before + skip,
        };
        if found.len == 0 {
            return;
        }
        self.fill_gap(found);
        self.covered = found.end();
        self.push(found);
    }

    /// Before `next` lies a gap. Where the base has other bytes at the same distance, as after a
    /// changed field, runs that are equal again are found without any lookup: first along the match
    /// before the gap, then along the one behind it.
    fn fill_gap(&mut self, next: Match) {
        let mut from = self.covered;
        if let Some(last) = self.matches.found.last().copied().filter(|last| last.end() == from) {
            let same = last.source == next.source
                && last.offset + (next.start - last.start) == next.offset;
            from = self.runs(last, from, next.start);
            if same {
                return;
            }
        }
        self.runs(next, from, next.start);
    }

    /// Behind the last match of the task, along it.
    fn fill_rest(&mut self) {
        if let Some(last) = self.matches.found.last().copied() {
            self.runs(last, last.end(), self.end);
        }
    }

    /// Adds the runs of equal bytes in [from, until) along a match's distance; returns where the
    /// last one ended.
    fn runs(&mut self, along: Match, from: usize, until: usize) -> usize {
        let content = self.pool.contents[along.source].bytes;
        let mut done = from;
        let mut at = from;
        while at < until {
            // The distance may reach before the content's first byte or past its last one.
            let Some(offset) = (along.offset + at).checked_sub(along.start) else { return done };
            let Some(other) = content.get(offset..).filter(|other| !other.is_empty()) else {
                return done;
            };
            let len = extend_forward(&self.bytes[at..until], other);
            if len >= MIN_RUN {
                self.push(Match { start: at, len, source: along.source, offset });
                done = at + len;
            }
            at += len + 1;
            at += different_run(
                &self.bytes[at.min(until)..until],
                other.get(len + 1..).unwrap_or(&[]),
            );
        }
        done
    }

    fn push(&mut self, found: Match) {
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

/// Length of the run at the start in which no eight bytes in a row are equal, in steps of eight.
fn different_run(a: &[u8], b: &[u8]) -> usize {
    let words = |bytes: &[u8]| -> usize { bytes.len() / 8 };
    let count = words(a).min(words(b));
    let pairs = a.chunks_exact(8).zip(b.chunks_exact(8)).take(count);
    let run = pairs.take_while(|(a, b)| a != b).count();
    // A run of MIN_RUN equal bytes holds a whole word at every alignment; it begins at most seven
    // bytes before the first equal word.
    (run * 8).saturating_sub(7)
}
