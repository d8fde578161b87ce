//! Huffman's tree, cut to a height.

#![expect(clippy::cast_possible_truncation, reason = "symbols are bytes, depths below 32")]

use super::huffman::LENGTH_MAX;

/// Ranks by how much shorter than the longest their codes are, and one above them.
const RANKS: usize = LENGTH_MAX as usize + 2;

/// Returns the length of each symbol's code, 0 for those that do not occur; `longest` is the most
/// it may be. Two symbols occur at least.
pub(super) fn code_lengths(counts: &[u32; 256], longest: u32) -> Option<[u8; 256]> {
    let mut leaves: Vec<u64> = (0..)
        .zip(counts)
        .filter(|(_, count)| **count > 0)
        // Frequent ones first, of equal ones the lower.
        .map(|(symbol, count)| u64::from(!count) << 8 | symbol)
        .collect();
    leaves.sort_unstable();
    let frequencies: Vec<u32> = leaves.iter().map(|leaf| !((leaf >> 8) as u32)).collect();
    let mut depths = depths(&frequencies)?;
    limit(&mut depths, &frequencies, longest)?;
    let mut lengths = [0; 256];
    for (leaf, depth) in leaves.iter().zip(depths) {
        lengths[usize::from(*leaf as u8)] = depth;
    }
    Some(lengths)
}

/// Depths of leaves with falling frequencies.
fn depths(frequencies: &[u32]) -> Option<Vec<u8>> {
    let leaf_count = frequencies.len();
    let inner_count = leaf_count.checked_sub(1).filter(|count| *count > 0)?;
    // Leaves first, then inner nodes by rising frequency.
    let mut parents = vec![0_usize; leaf_count + inner_count];
    let mut sums: Vec<u32> = Vec::with_capacity(inner_count);
    let (mut leaves, mut inner) = (leaf_count, 0);
    for node in leaf_count..leaf_count + inner_count {
        let mut sum = 0;
        for _ in 0..2 {
            let leaf = leaves.checked_sub(1).map(|last| frequencies[last]);
            // Of a leaf and an inner node that are equal, the inner one.
            match (leaf, sums.get(inner)) {
                (Some(leaf), other) if other.is_none_or(|other| leaf < *other) => {
                    leaves -= 1;
                    parents[leaves] = node;
                    sum += leaf;
                }
                (_, Some(other)) => {
                    parents[leaf_count + inner] = node;
                    sum += other;
                    inner += 1;
                }
                _ => return None,
            }
        }
        sums.push(sum);
    }
    let mut depths = vec![0_u8; leaf_count + inner_count];
    for node in (0..leaf_count + inner_count - 1).rev() {
        depths[node] = depths[parents[node]] + 1;
    }
    depths.truncate(leaf_count);
    Some(depths)
}

/// Makes no depth larger than `longest`, and others larger for it. Depths rise.
fn limit(depths: &mut [u8], frequencies: &[u32], longest: u32) -> Option<()> {
    let (longest, deepest) = (longest as u8, *depths.last()?);
    if deepest <= longest {
        return Some(());
    }
    // What leaves that were brought up owe, in codes of the longest length.
    let unit = 1_i64 << (deepest - longest);
    let mut debt = 0;
    for depth in depths.iter_mut().filter(|depth| **depth > longest) {
        debt += unit - (1_i64 << (deepest - *depth));
        *depth = longest;
    }
    debt >>= deepest - longest;
    let mut repay = Repay::new(depths, longest)?;
    while debt > 0 {
        debt -= repay.push_down(depths, frequencies, debt)?;
    }
    while debt < 0 {
        repay.pull_up(depths)?;
        debt += 1;
    }
    Some(())
}

/// Leaves by how far above the longest depth they are.
struct Repay {
    longest: u8,
    /// The rarest leaf of each rank.
    last: [Option<usize>; RANKS],
    /// The rarest leaf that is above the longest depth.
    rarest: usize,
}

impl Repay {
    fn new(depths: &[u8], longest: u8) -> Option<Self> {
        let rarest = depths.iter().rposition(|depth| *depth < longest)?;
        let mut last = [None; RANKS];
        let mut above = longest;
        for (leaf, depth) in depths[..=rarest].iter().enumerate().rev() {
            if *depth < above {
                above = *depth;
                last[usize::from(longest - depth)] = Some(leaf);
            }
        }
        Some(Self { longest, last, rarest })
    }

    /// Moves one leaf down; returns what that pays.
    fn push_down(&mut self, depths: &mut [u8], frequencies: &[u32], debt: i64) -> Option<i64> {
        let mut rank = debt.ilog2() as usize + 1;
        // Two leaves of the next rank pay as much; are they rarer together?
        while rank > 1 {
            if let Some(high) = *self.last.get(rank)? {
                let Some(low) = self.last[rank - 1] else { break };
                if frequencies[high] <= 2 * frequencies[low] {
                    break;
                }
            }
            rank -= 1;
        }
        while self.last.get(rank)?.is_none() {
            rank += 1;
        }
        let leaf = self.last[rank]?;
        if self.last[rank - 1].is_none() {
            self.last[rank - 1] = Some(leaf);
        }
        depths[leaf] += 1;
        self.last[rank] = leaf
            .checked_sub(1)
            .filter(|before| usize::from(self.longest - depths[*before]) == rank);
        Some(1 << (rank - 1))
    }

    /// Moves one leaf up from the longest depth, as too much was paid.
    fn pull_up(&mut self, depths: &mut [u8]) -> Option<()> {
        let leaf = if let Some(last) = self.last[1] {
            last + 1
        } else {
            while depths[self.rarest] == self.longest {
                self.rarest = self.rarest.checked_sub(1)?;
            }
            self.rarest + 1
        };
        *depths.get_mut(leaf)? -= 1;
        self.last[1] = Some(leaf);
        Some(())
    }
}
