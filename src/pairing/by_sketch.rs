//! Pairs by a sample of the bytes: for what has no like name and no equal chunk.
//!
//! A gear hash over the last 32 bytes runs along a member and takes one place in 64, by its value, so
//! that equal stretches are sampled alike wherever they lie. Each sample falls into one of 32 slots,
//! and the least in each is the sketch: two members have about as many equal slots as they share
//! stretches (minhash by one permutation). Odess groups such features by four into super-features to
//! save lookups among millions of chunks; among some thousand members that loses pairs that share
//! less than most of their bytes, and saves nothing.

use rayon::prelude::*;

use super::candidates::{are_comparable, around, winner};
use super::{By, Pair};

/// Shortest member that has a sketch, in bytes: with fewer samples than slots, chance decides.
const MIN_LEN: usize = 4 << 10;

/// Samples are hashes below this: one place in 64.
const SAMPLED: u32 = u32::MAX >> 6;

const SLOTS: usize = 32;

/// Slots that a pair has in common, at least: one may be a licence or a table that many files have.
const MIN_EQUAL: u64 = 2;

/// For each byte a random number, as the gear hash wants it: splitmix64 from 0.
const GEAR: [u32; 256] = gear();

/// The least sample of each slot, which is its slot's number above 27 other bits.
type Sketch = [u32; SLOTS];

/// A slot without a sample.
const EMPTY: u32 = u32::MAX;

/// For each of `target` the one of `base` that is most like it, if any is.
///
/// Members of the base are given by their place in their list and their bytes; leave out those that
/// a sure name claimed and those of layers that the target has whole. Members below 4 KiB
/// are passed over, and so are those of `base` that differ in length from each of `target` by more
/// than a factor of ten. All others are read once, on all threads of the current rayon pool; memory
/// is 132 bytes for each of `target`, at most 280 for each of `base`.
pub fn by_sketch(base: &[(usize, &[u8])], target: &[&[u8]]) -> Vec<Option<Pair>> {
    let sketches: Vec<Option<Sketch>> =
        target.par_iter().with_max_len(1).map(|bytes| sketch(bytes)).collect();
    let mut lens: Vec<usize> =
        target.iter().map(|bytes| bytes.len()).filter(|len| *len >= MIN_LEN).collect();
    lens.sort_unstable();
    let base = Base::new(base, &lens);
    let pair =
        |(sketch, bytes): (&Option<Sketch>, &&[u8])| base.pair(sketch.as_ref()?, bytes.len());
    sketches.par_iter().zip(target).map(pair).collect()
}

/// The base's members as they are looked up.
struct Base {
    /// Length and place of each, ascending.
    members: Vec<(u64, usize)>,
    /// Sample and number in `members`, ascending.
    samples: Vec<(u32, u32)>,
}

impl Base {
    /// Reads what could be the base of a member of one of these lengths, which ascend.
    fn new(base: &[(usize, &[u8])], lens: &[usize]) -> Self {
        let is_wanted = |len: usize| {
            let (shorter, longer) = lens.split_at(lens.partition_point(|other| *other < len));
            let nearest = shorter.last().into_iter().chain(longer.first());
            nearest.copied().any(|other| are_comparable(other as u64, len as u64))
        };
        let mut order: Vec<&(usize, &[u8])> =
            base.iter().filter(|(_, bytes)| is_wanted(bytes.len())).collect();
        order.sort_unstable_by_key(|(at, bytes)| (bytes.len(), *at));
        let mut samples: Vec<(u32, u32)> = (0..u32::MAX)
            .into_par_iter()
            .zip(&order)
            .with_max_len(1)
            .flat_map_iter(|(number, (_, bytes))| {
                let samples = sketch(bytes).into_iter().flatten();
                samples.filter(|sample| *sample != EMPTY).map(move |sample| (sample, number))
            })
            .collect();
        samples.par_sort_unstable();
        let members = order.into_iter().map(|(at, bytes)| (bytes.len() as u64, *at)).collect();
        Self { members, samples }
    }

    /// The member that has most samples in common with `sketch`, which is of `len` bytes.
    fn pair(&self, sketch: &Sketch, len: usize) -> Option<Pair> {
        let len = len as u64;
        let nearest = self.members.partition_point(|member| member.0 < len);
        let mut votes = Vec::new();
        for sample in sketch.iter().filter(|sample| **sample != EMPTY) {
            let at = self
                .samples
                .partition_point(|entry| (entry.0, entry.1 as usize) < (*sample, nearest));
            let near = around(&self.samples, at, |entry| entry.0 == *sample);
            votes.extend(near.iter().map(|(_, number)| (*number as usize, 1)));
        }
        votes.retain(|(number, _)| are_comparable(self.members[*number].0, len));
        let (number, equal) = winner(&mut votes, |number| self.members[number].0.abs_diff(len))?;
        let pair = Pair { base: self.members[number].1, by: By::Sketch };
        (equal >= MIN_EQUAL).then_some(pair)
    }
}

fn sketch(bytes: &[u8]) -> Option<Sketch> {
    if bytes.len() < MIN_LEN {
        return None;
    }
    let mut sketch = [EMPTY; SLOTS];
    let mut hash = 0_u32;
    for byte in bytes {
        hash = (hash << 1).wrapping_add(GEAR[usize::from(*byte)]);
        if hash <= SAMPLED {
            // Spreads what the low bits know of the last bytes alone over the upper ones.
            let sample = hash.wrapping_mul(0x9e37_79b1);
            let slot = &mut sketch[(sample >> (u32::BITS - SLOTS.ilog2())) as usize];
            *slot = sample.min(*slot);
        }
    }
    Some(sketch)
}

const fn gear() -> [u32; 256] {
    let mut table = [0; 256];
    let mut state = 0_u64;
    let mut byte = 0;
    while byte < 256 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [.., a, b, c, d] = (mixed ^ (mixed >> 31)).to_le_bytes();
        table[byte] = u32::from_le_bytes([a, b, c, d]);
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunker::samples::random;

    fn pairs(base: &[Vec<u8>], target: &[Vec<u8>]) -> Vec<Option<usize>> {
        let base: Vec<(usize, &[u8])> = base.iter().map(Vec::as_slice).enumerate().collect();
        let target: Vec<&[u8]> = target.iter().map(Vec::as_slice).collect();
        by_sketch(&base, &target).into_iter().map(|pair| pair.map(|pair| pair.base)).collect()
    }

    /// A bundle as minifiers write it: one line of calls, of a library by its seed.
    fn bundle(seed: u64, calls: usize) -> Vec<u8> {
        let call = |bytes: &[u8]| {
            format!("e.{:x}(t,n[{}]),", bytes[0], u16::from_le_bytes([bytes[1], bytes[2]]))
        };
        random(seed, 3 * calls).chunks(3).flat_map(|bytes| call(bytes).into_bytes()).collect()
    }

    /// The same with one byte changed in each `every`: hardly a chunk of 4 KiB stays.
    fn edited(bytes: &[u8], every: usize) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        bytes.iter_mut().step_by(every).for_each(|byte| *byte ^= 1);
        bytes
    }

    #[test]
    fn a_renamed_and_edited_bundle_is_found() {
        let base: Vec<_> = (1..30).map(|seed| bundle(seed, 3000)).collect();
        let target: Vec<_> = [4, 17, 22].map(|at| edited(&base[at], 300)).to_vec();
        assert_eq!(pairs(&base, &target), [Some(4), Some(17), Some(22)]);
    }

    #[test]
    fn a_file_that_took_half_of_another_one_is_found() {
        let base: Vec<_> = (1..10).map(|seed| random(seed, 30_000)).collect();
        let target = [&base[3][15_001..], &random(99, 12_000)].concat();
        assert_eq!(pairs(&base, &[target]), [Some(3)]);
    }

    #[test]
    fn what_has_nothing_in_common_has_no_pair() {
        let base: Vec<_> = (1..200).map(|seed| random(seed, 20_000)).collect();
        let target: Vec<_> = (200..300).map(|seed| random(seed, 20_000)).collect();
        assert!(pairs(&base, &target).iter().all(Option::is_none));
        assert_eq!(pairs(&[], &target[..1]), [None]);
        assert_eq!(pairs(&base, &[]), []);
    }

    #[test]
    fn a_licence_that_all_begin_with_pairs_nothing() {
        let licence = bundle(1, 50);
        let file = |seed| [&licence[..], &random(seed, 50_000)].concat();
        let base: Vec<_> = (2..20).map(file).collect();
        assert_eq!(pairs(&base, &[file(50), file(51)]), [None, None]);
    }

    #[test]
    fn short_members_and_runs_of_one_value_have_no_pair() {
        let base = [random(1, MIN_LEN - 1), vec![0; 50_000], random(2, MIN_LEN)];
        let target = [base[0].clone(), vec![0; 60_000], base[2].clone()];
        assert_eq!(pairs(&base, &target), [None, None, Some(2)]);
    }

    #[test]
    fn the_nearest_in_length_is_the_one_among_many_like_it() {
        let whole = random(1, 40_000);
        let base: Vec<_> = (0..100).map(|n| whole[..30_000 + 100 * n].to_vec()).collect();
        let target = [whole[..35_010].to_vec(), whole[..3_000].to_vec(), random(1, 500_000)];
        assert_eq!(pairs(&base, &target), [Some(50), None, None]);
    }

    #[test]
    fn places_are_those_that_were_given() {
        let bytes = [random(1, 9000), random(2, 8000)];
        let found = by_sketch(&[(70, &bytes[0]), (30, &bytes[1])], &[&bytes[1], &bytes[0]]);
        assert_eq!(found, [30, 70].map(|base| Some(Pair { base, by: By::Sketch })));
    }

    #[test]
    fn pairs_are_the_same_on_any_number_of_threads() {
        let base: Vec<_> = (1..100).map(|seed| bundle(seed, 900)).collect();
        let target: Vec<_> = base.iter().map(|bytes| edited(bytes, 90)).collect();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
            pool.install(|| pairs(&base, &target))
        };
        let expected = on(1);
        assert!(expected.iter().flatten().count() > 50);
        assert_eq!(on(2), expected);
        assert_eq!(on(5), expected);
    }
}
