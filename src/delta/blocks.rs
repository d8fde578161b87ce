//! Which blocks of the base's contents a delta uses.

use std::collections::BTreeMap;

use super::find::{Match, Source};
use super::{BaseContent, Origin, Target};
use crate::digest::Digest;
use crate::format::{BASE_BLOCK_LEN, Run};

/// For each content of the base that is copied from or placed, the runs of blocks that are used.
pub(super) fn used_runs(
    base: &[BaseContent<'_>],
    target: &Target<'_>,
    copied: &[Vec<Match>],
) -> BTreeMap<Digest, Vec<Run>> {
    let mut used: BTreeMap<Digest, Vec<bool>> = BTreeMap::new();
    let block = |offset: usize| offset / BLOCK;
    for copy in copied.iter().flatten() {
        if let Source::Base(content) = copy.source {
            let content = &base[content];
            let blocks = used
                .entry(content.digest)
                .or_insert_with(|| vec![false; content.bytes.len().div_ceil(BLOCK)]);
            blocks[block(copy.offset)..=block(copy.offset + copy.len - 1)].fill(true);
        }
    }
    for node in target.nodes.iter().filter(|node| node.origin == Origin::GivenContent) {
        used.insert(node.digest(), vec![true; node.bytes.len().div_ceil(BLOCK)]);
    }
    used.into_iter().map(|(digest, blocks)| (digest, runs(&blocks))).collect()
}

const BLOCK: usize = 1 << 20;
const _: () = assert!(BLOCK as u64 == BASE_BLOCK_LEN);

fn runs(blocks: &[bool]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (number, _) in (0..).zip(blocks).filter(|(_, used)| **used) {
        match runs.last_mut() {
            Some(run) if run.first + run.count == number => run.count += 1,
            _ => runs.push(Run { first: number, count: 1 }),
        }
    }
    runs
}
