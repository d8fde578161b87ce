//! Where in the old file each eight bytes are.

use std::ops::Range;

use super::bytes::word;

/// Length of a seed.
pub(super) const SEED: usize = 8;

/// The bits of a place that are the position; the others are the tag.
const PLACE: u32 = (1 << 26) - 1;

/// Positions of old by the hash of the eight bytes there, ascending within a hash.
///
/// Takes 4 bytes for each indexed position and 2 to 4 for its share of the buckets.
#[derive(Debug)]
pub(super) struct Seeds {
    /// Where each bucket ends in `places`; one more in front, so that bucket h is ends[h]..ends[h+1].
    ends: Vec<u32>,
    places: Vec<u32>,
    shift: u32,
}

impl Seeds {
    /// Indexes `old` at every `step` bytes, but at every `sparse` in `claims`, which ascend, and of a
    /// run of one byte only the end.
    pub(super) fn of(old: &[u8], step: usize, claims: &[Range<usize>], sparse: usize) -> Self {
        let indexed = || Places { at: 0, len: old.len(), step, claims, sparse };
        let positions = indexed().count().max(1);
        let bits = positions.ilog2().clamp(8, 24);
        let mut seeds =
            Self { ends: vec![0; (1 << bits) + 1], places: Vec::new(), shift: 64 - bits };
        each(old, indexed(), |mixed, _| {
            let bucket = seeds.bucket(mixed);
            seeds.ends[bucket + 1] += 1;
        });
        // Counts become the starts of buckets; filling then moves each start to its bucket's end,
        // which is the next one's start.
        let mut sum = 0;
        for end in &mut seeds.ends {
            sum += *end;
            *end = sum;
        }
        seeds.places = vec![0; sum as usize];
        each(old, indexed(), |mixed, place| {
            let bucket = seeds.bucket(mixed);
            let end = &mut seeds.ends[bucket];
            seeds.places[*end as usize] = place;
            *end += 1;
        });
        seeds.ends.rotate_right(1);
        seeds.ends[0] = 0;
        seeds
    }

    /// Places that probably have `seed`, of at most `depth` with its hash: those around `near`.
    pub(super) fn around(
        &self,
        seed: u64,
        near: usize,
        depth: usize,
    ) -> impl Iterator<Item = usize> {
        let mixed = mix(seed);
        let bucket = self.bucket(mixed);
        let all = &self.places[self.ends[bucket] as usize..self.ends[bucket + 1] as usize];
        let mut low = 0;
        if all.len() > depth {
            let middle = all.partition_point(|&place| ((place & PLACE) as usize) < near);
            low = middle.saturating_sub(depth / 2).min(all.len() - depth);
        }
        let tag = tag(mixed);
        let nearest = all[low..].iter().take(depth);
        nearest.filter(move |&place| place & !PLACE == tag).map(|&place| (place & PLACE) as usize)
    }

    /// The bucket of a seed.
    fn bucket(&self, mixed: u64) -> usize {
        usize::try_from(mixed >> self.shift).expect("BUG: 24 bits at most")
    }
}

/// Gives `take` each seed to be indexed, mixed, and its place and tag.
fn each(old: &[u8], places: Places<'_>, mut take: impl FnMut(u64, u32)) {
    for at in places {
        let Some(seed) = word(old, at) else { return };
        if !in_run(old, at, seed) {
            let mixed = mix(seed);
            take(mixed, u32::try_from(at).expect("BUG: old is cut at MAX_OLD") | tag(mixed));
        }
    }
}

/// The positions that are indexed.
struct Places<'a> {
    at: usize,
    len: usize,
    step: usize,
    /// The first ends behind `at`, once `next` was there.
    claims: &'a [Range<usize>],
    sparse: usize,
}

impl Iterator for Places<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let at = self.at;
        while self.claims.first().is_some_and(|claim| claim.end <= at) {
            self.claims = &self.claims[1..];
        }
        self.at += match self.claims.first() {
            Some(claim) if claim.start <= at => self.sparse.min(claim.end - at).max(self.step),
            _ => self.step,
        };
        (at < self.len).then_some(at)
    }
}

/// Whether the seed at `at` is one byte eight times over, and so is the next.
pub(super) fn in_run(bytes: &[u8], at: usize, seed: u64) -> bool {
    seed == seed.rotate_left(8) && bytes.get(at + SEED) == bytes.get(at)
}

/// A hash of the seed: its highest bits name the bucket, its lowest are the tag.
fn mix(seed: u64) -> u64 {
    let mixed = (seed ^ (seed >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

/// Bits of the hash that a place has beside it, so that most others need not be looked at.
fn tag(mixed: u64) -> u32 {
    u32::try_from(mixed & 63).expect("BUG: six bits") << PLACE.count_ones()
}
