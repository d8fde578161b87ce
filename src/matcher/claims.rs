//! Runs of the old file that the new one has unchanged: few lookups end there.

use std::ops::Range;

use super::bytes::{common_prefix, common_suffix, word};
use super::seeds::in_run;

/// A run that is equal for so long is claimed.
const LEAST: usize = 64;
/// One of so many places, as a power of two, is sampled, in both files by the bytes that lie there.
const SAMPLED: u32 = 5;
/// How far a claim keeps from the ends of its run: seeds there lead to what lies behind it.
const EDGE: usize = 8;

/// Where less than a quarter of the first of so many parts of new is equal, the others are not looked at.
const TRIAL: usize = 8;

/// Claims, ascending; none if they make up less than half of `old`, or seem to: looking everywhere pays.
pub(super) fn claims(old: &[u8], new: &[u8]) -> Vec<Range<usize>> {
    let mut found = equal_runs(old, new);
    if found.iter().map(Range::len).sum::<usize>() < old.len() / 2 {
        return Vec::new();
    }
    found.sort_unstable_by_key(|run| run.start);
    found.into_iter().map(|run| run.start + EDGE..run.end - 2 * EDGE).collect()
}

fn equal_runs(old: &[u8], new: &[u8]) -> Vec<Range<usize>> {
    let samples = Samples::of(old);
    let mut found = Vec::new();
    let (mut at, mut done) = (0, 0);
    let (trial, mut equal) = (new.len() / TRIAL, 0);
    while let Some(seed) = word(new, at) {
        if at >= trial && equal < trial / 4 {
            break;
        }
        let mut ahead = 0;
        if let Some(from) = samples.find(seed) {
            ahead = common_prefix(&new[at..], &old[from..]);
            let back = common_suffix(&new[done..at], &old[from.saturating_sub(LEAST)..from]);
            if ahead + back >= LEAST {
                found.push(from - back..from + ahead);
                equal += back + ahead;
                done = at + ahead;
            } else {
                ahead = 0;
            }
        }
        at += ahead.max(1);
    }
    found
}

/// The last of the sampled places with each hash.
struct Samples {
    places: Vec<u32>,
    bits: u32,
}

impl Samples {
    const NONE: u32 = u32::MAX;

    fn of(old: &[u8]) -> Self {
        let bits = (old.len() >> (SAMPLED - 1)).max(256).ilog2();
        let mut places = vec![Self::NONE; 1 << bits];
        for (at, seed) in old.windows(8).enumerate() {
            let seed = u64::from_le_bytes(seed.try_into().expect("BUG: windows of eight"));
            if let Some(slot) = slot(seed, bits)
                && !in_run(old, at, seed)
            {
                places[slot] = u32::try_from(at).expect("BUG: old is cut at MAX_OLD");
            }
        }
        Self { places, bits }
    }

    /// Where `seed` may lie, if it is one that is sampled.
    fn find(&self, seed: u64) -> Option<usize> {
        let place = self.places[slot(seed, self.bits)?];
        (place != Self::NONE).then_some(place as usize)
    }
}

/// The slot of a seed that is sampled.
fn slot(seed: u64, bits: u32) -> Option<usize> {
    let mixed = (seed ^ (seed >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let slot = (mixed << SAMPLED) >> (64 - bits);
    (mixed >> (64 - SAMPLED) == 0).then(|| usize::try_from(slot).expect("BUG: below 2^28"))
}
