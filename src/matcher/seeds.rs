//! Where in the old file each eight bytes are.

use super::bytes::word;

/// Length of a seed.
pub(super) const SEED: usize = 8;

/// Positions of old by the hash of the eight bytes there, ascending within a hash.
///
/// Takes 4 bytes for each indexed position and 4 to 8 for its share of the buckets.
#[derive(Debug)]
pub(super) struct Seeds {
    /// Where each bucket ends in `places`; one more in front, so that bucket h is ends[h]..ends[h+1].
    ends: Vec<u32>,
    places: Vec<u32>,
    shift: u32,
}

impl Seeds {
    /// Indexes `old` at multiples of `step`, but of a run of one byte only the end.
    pub(super) fn of(old: &[u8], step: usize) -> Self {
        let positions = (old.len() / step).max(1);
        let bits = positions.ilog2().clamp(8, 24);
        let shift = 64 - bits;
        let mut ends = vec![0u32; (1 << bits) + 1];
        each(old, step, shift, |bucket, _| ends[bucket + 1] += 1);
        // Counts become the starts of buckets; filling then moves each start to its bucket's end,
        // which is the next one's start.
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        let mut places = vec![0; sum as usize];
        each(old, step, shift, |bucket, place| {
            places[ends[bucket] as usize] = place;
            ends[bucket] += 1;
        });
        ends.rotate_right(1);
        ends[0] = 0;
        Self { ends, places, shift }
    }

    /// Up to `depth` places with the hash of `seed`, those around `near` if there are more.
    pub(super) fn around(&self, seed: u64, near: usize, depth: usize) -> &[u32] {
        let bucket = hash(seed, self.shift);
        let all = &self.places[self.ends[bucket] as usize..self.ends[bucket + 1] as usize];
        if all.len() <= depth {
            return all;
        }
        let middle = all.partition_point(|&place| (place as usize) < near);
        let low = middle.saturating_sub(depth / 2).min(all.len() - depth);
        &all[low..low + depth]
    }
}

fn each(old: &[u8], step: usize, shift: u32, mut take: impl FnMut(usize, u32)) {
    for at in (0..old.len()).step_by(step) {
        let Some(seed) = word(old, at) else { return };
        if !in_run(old, at, seed) {
            take(hash(seed, shift), u32::try_from(at).expect("BUG: old is cut at MAX_INPUT"));
        }
    }
}

/// Whether the seed at `at` is one byte eight times over, and so is the next.
pub(super) fn in_run(bytes: &[u8], at: usize, seed: u64) -> bool {
    seed == seed.rotate_left(8) && bytes.get(at + SEED) == bytes.get(at)
}

/// A bucket below 2^(64 - shift).
fn hash(seed: u64, shift: u32) -> usize {
    let mixed = (seed ^ (seed >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> shift).expect("BUG: 24 bits at most")
}
