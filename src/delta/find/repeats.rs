//! Finds what of a node the target itself already produced.
//!
//! Nodes are taken in the order in which the site makes them, and chunks in the order in which they
//! lie there, so that whatever is found is complete when it is copied. Only chunks that the base
//! does not hold come here; they are few, and one thread does.

use super::{Match, MatchKind, Matches, Source};
use crate::delta::{Stage, Target};
use crate::index::{Position, TargetIndex, extend_backward, extend_forward};

/// Adds to each made node's matches those with earlier bytes of the target. `order` names the nodes
/// with matches as the site completes them.
pub(in crate::delta) fn add_repeats(
    target: &Target<'_>,
    order: &[usize],
    matches: &[Matches],
) -> Vec<Vec<Match>> {
    let lens = target.nodes.iter().map(|node| node.bytes.len() as u64);
    let mut index = TargetIndex::new(lens);
    let mut copied = vec![Vec::new(); target.nodes.len()];
    let mut is_there = vec![false; target.nodes.len()];
    for node in order {
        is_there[*node] = true;
        let Matches { found, missed } = &matches[*node];
        // What a node that nobody makes any more would have given is carried.
        let is_given = |found: &&Match| match found.source {
            Source::Base(_) => true,
            Source::Target(node) => is_there[node],
        };
        let found: Vec<Match> = found.iter().filter(is_given).copied().collect();
        let mut merge = Merge { target, node: *node, found: &found, next: 0, copied: Vec::new() };
        for missed in missed {
            merge.advance(missed.start);
            let is_free = merge.is_free(missed.start, missed.start + missed.len);
            let hit = index.lookup(&missed.id).filter(|_| is_free);
            if !hit.is_some_and(|hit| merge.take(hit, missed.start, missed.len)) {
                let position = Position {
                    content: u32::try_from(*node).unwrap_or(u32::MAX),
                    offset: missed.start as u64,
                    len: u32::try_from(missed.len).unwrap_or(u32::MAX),
                };
                index.insert(&missed.id, position);
            }
        }
        merge.advance(usize::MAX);
        copied[*node] = merge.copied;
    }
    copied
}

/// The base's matches of one node with repeats put between them.
struct Merge<'a> {
    target: &'a Target<'a>,
    node: usize,
    found: &'a [Match],
    next: usize,
    copied: Vec<Match>,
}

impl Merge<'_> {
    /// Takes over the base's matches that begin at or before `until`.
    fn advance(&mut self, until: usize) {
        while let Some(found) = self.found.get(self.next).filter(|found| found.start <= until) {
            self.next += 1;
            self.copied.push(*found);
        }
    }

    fn covered(&self) -> usize {
        self.copied.last().map_or(0, Match::end)
    }

    /// Where the next match of the base begins, or the node ends.
    fn limit(&self) -> usize {
        let end = self.target.nodes[self.node].bytes.len();
        self.found.get(self.next).map_or(end, |found| found.start)
    }

    fn is_free(&self, start: usize, end: usize) -> bool {
        self.covered() <= start && end <= self.limit()
    }

    /// Takes the chunk [start, start + len) from an earlier place, if the bytes are the same.
    fn take(&mut self, hit: Position, start: usize, len: usize) -> bool {
        let source = hit.content as usize;
        let Ok(offset) = usize::try_from(hit.offset) else { return false };
        let nodes = &self.target.nodes;
        let (bytes, from) = (nodes[self.node].bytes, nodes[source].bytes);
        if from.get(offset..offset + len) != Some(&bytes[start..start + len]) {
            return false;
        }
        // Within one node the source must end before the copy begins.
        let most = if source == self.node { start - offset } else { usize::MAX };
        let after = extend_forward(&bytes[start..self.limit()], &from[offset..]).min(most);
        let before = extend_backward(&bytes[self.covered()..start], &from[..offset]);
        let before = before.min(most - after);
        self.copied.push(Match {
            start: start - before,
            len: before + after,
            source: Source::Target(source),
            offset: offset - before,
            kind: MatchKind::Plain,
            stage: Stage::Repeats,
        });
        after >= len
    }
}
