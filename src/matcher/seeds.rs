//! Where in the old file each eight bytes are.

use std::ops::Range;

use super::bytes::word;

/// Length of a seed.
pub(super) const SEED: usize = 8;

/// How many lookups are prepared at once.
pub(super) const AHEAD: usize = 8;

/// The bits of a place that are the position; the others are the tag.
const PLACE: u32 = (1 << 26) - 1;

/// Seeds are sorted in so many parts, as a power of two: the tables of one fit a processor's cache,
/// those of all would miss it at every seed.
const PART_BITS: u32 = 8;
const PARTS: usize = 1 << PART_BITS;

/// Positions of old by the hash of the eight bytes there, ascending within a hash.
///
/// Takes 4 bytes for each indexed position and 1 to 2 for its share of the buckets; while it is made 2
/// more, and 4 for each in the fullest part.
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
        let mut starts = [0_usize; PARTS + 1];
        each(old, indexed(), |mixed, _| starts[part(mixed) + 1] += 1);
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let bits = (sum / 2).max(1).ilog2().clamp(PART_BITS, PART_BITS + u16::BITS);
        let mut seeds =
            Self { ends: vec![0; (1 << bits) + 1], places: vec![0; sum], shift: 64 - bits };
        let width = 1 << (bits - PART_BITS);
        let mut keys = vec![0; sum];
        let mut free = starts;
        each(old, indexed(), |mixed, place| {
            let at = &mut free[part(mixed)];
            seeds.places[*at] = place;
            keys[*at] = u16::try_from(seeds.bucket(mixed) % width).expect("BUG: 16 bits at most");
            *at += 1;
        });
        let mut unsorted = Vec::new();
        for (ends, range) in seeds.ends[1..].chunks_mut(width).zip(starts.windows(2)) {
            let range = range[0]..range[1];
            let first = u32::try_from(range.start).expect("BUG: old is cut at MAX_OLD");
            sort(&mut seeds.places[range.clone()], &keys[range], ends, first, &mut unsorted);
        }
        seeds
    }

    /// For each of [`AHEAD`] positions of `new` from `at` on, `stride` apart, a bit from the lowest: may
    /// [`Seeds::around`] find something there, at this `depth`?
    ///
    /// Most lookups find nothing, and each waits for memory twice. These wait together.
    pub(super) fn likely(&self, new: &[u8], at: usize, stride: usize, depth: usize) -> u32 {
        let mut found = [(0, 0, 0); AHEAD];
        for (ahead, found) in found.iter_mut().enumerate() {
            let Some(seed) = word(new, at + ahead * stride) else { break };
            let mixed = mix(seed);
            let bucket = self.bucket(mixed);
            *found = (tag(mixed), self.ends[bucket] as usize, self.ends[bucket + 1] as usize);
        }
        let mut bits = 0;
        for (ahead, (tag, start, end)) in found.into_iter().enumerate() {
            let is_likely = end - start > depth
                || self.places[start..end].iter().any(|place| place & !PLACE == tag);
            bits |= u32::from(is_likely) << ahead;
        }
        bits
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

/// Sorts the places of a part by their buckets, `keys`, and says in `ends` where each bucket ends, the
/// first of them beginning at `first`.
fn sort(places: &mut [u32], keys: &[u16], ends: &mut [u32], first: u32, unsorted: &mut Vec<u32>) {
    for key in keys {
        ends[usize::from(*key)] += 1;
    }
    // Counts become the starts of buckets; filling then moves each start to its bucket's end.
    let mut sum = first;
    for end in &mut *ends {
        sum += std::mem::replace(end, sum);
    }
    unsorted.clear();
    unsorted.extend_from_slice(places);
    for (place, key) in unsorted.iter().zip(keys) {
        let end = &mut ends[usize::from(*key)];
        places[(*end - first) as usize] = *place;
        *end += 1;
    }
}

/// The part of a seed.
fn part(mixed: u64) -> usize {
    usize::try_from(mixed >> (64 - PART_BITS)).expect("BUG: below PARTS")
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
