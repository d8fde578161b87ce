//! Cut points of one slice, by one thread or by all of them, always the same ones.
//!
//! The next cut point of `FastCDC` depends on the previous one and the bytes after it, on nothing
//! before. So a thread may start anywhere: as soon as its chain of cut points and the true chain
//! have one point in common, they are one from there on. The parallel path cuts segments from their
//! first byte on at a guess and then walks the true chain into each segment until it meets the
//! guess, usually within a few chunks. Where they never meet (long runs of one byte), the walk goes
//! through the whole segment: the price is a second scan, never another cut point.

use fastcdc::v2020;
use rayon::prelude::*;

use super::ChunkerParams;

/// What one thread cuts at a time, in bytes, at least. Small beside a layer, so that threads finish
/// together; large beside the few chunks until resynchronisation.
pub(super) const SEGMENT_LEN: usize = 1 << 20;

/// Largest chunks that fit a segment, at least: a guess runs up to one chunk past its segment, and
/// that must stay a small part of the work.
const CHUNKS_PER_SEGMENT: usize = 16;

/// Returns where chunks end: exclusive, ascending, the last is the length of `data`; nothing for
/// no data.
pub fn cut_points(data: &[u8], params: ChunkerParams) -> Vec<u64> {
    let cutter = Cutter::new(params);
    cutter.chain(data, 0, data.len()).skip(1).map(|cut| cut as u64).collect()
}

/// Returns exactly what [`cut_points`] returns, cut by all threads of the current rayon pool.
///
/// All threads together scan `data` once, give or take a few hundredths; where nothing resynchronises, a
/// single thread scans that stretch once more.
pub fn cut_points_parallel(data: &[u8], params: ChunkerParams) -> Vec<u64> {
    let cutter = Cutter::new(params);
    cutter.cuts(data, cutter.segment_len()).into_iter().map(|cut| cut as u64).collect()
}

/// The parameters in the shape that fastcdc wants.
#[derive(Debug, Clone, Copy)]
pub struct Cutter {
    min: usize,
    avg: usize,
    max: usize,
    strict: u64,
    loose: u64,
}

impl Cutter {
    /// Prepares to cut with `params`.
    pub fn new(params: ChunkerParams) -> Self {
        let (strict, loose) = params.masks();
        Self {
            min: params.min() as usize,
            avg: params.avg() as usize,
            max: params.max() as usize,
            strict,
            loose,
        }
    }

    /// What one thread cuts at a time, in bytes.
    pub(super) fn segment_len(&self) -> usize {
        SEGMENT_LEN.max(CHUNKS_PER_SEGMENT * self.max)
    }

    /// The cut point after the one at `at`, which lies before the end of `data`.
    ///
    /// # Panics
    ///
    /// When `at` lies past the end of `data`.
    pub fn next(&self, data: &[u8], at: usize) -> usize {
        let (_, len) = v2020::cut(
            &data[at..],
            self.min,
            self.avg,
            self.max,
            self.strict,
            self.loose,
            self.strict << 1,
            self.loose << 1,
        );
        at + len
    }

    /// `start`, then every cut point that follows from it, up to the first at or after `end`.
    pub(super) fn chain(
        self,
        data: &[u8],
        start: usize,
        end: usize,
    ) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(start), move |&at| (at < end).then(|| self.next(data, at)))
    }

    /// Cut points of `data`, in parallel where it is worth it.
    pub(super) fn cuts(self, data: &[u8], segment_len: usize) -> Vec<usize> {
        if data.len() < 2 * segment_len || rayon::current_num_threads() == 1 {
            return self.chain(data, 0, data.len()).skip(1).collect();
        }
        self.cuts_by_segments(data, segment_len)
    }

    fn cuts_by_segments(self, data: &[u8], segment_len: usize) -> Vec<usize> {
        let guesses: Vec<Vec<usize>> = (0..data.len().div_ceil(segment_len))
            .into_par_iter()
            // A task each, or rayon hands out quarters and the last one is waited for.
            .with_max_len(1)
            .map(|segment| {
                let start = segment * segment_len;
                self.chain(data, start, data.len().min(start + segment_len)).collect()
            })
            .collect();
        let mut cuts = Vec::with_capacity(guesses.iter().map(Vec::len).sum());
        let mut at = 0;
        for (segment, guess) in guesses.into_iter().enumerate() {
            let end = data.len().min((segment + 1) * segment_len);
            at = self.resync(data, at, end, &guess, &mut cuts);
        }
        cuts
    }

    /// Walks the true chain from its point `at` until it meets `guess` or reaches `end`, adds what
    /// it walked and the rest of the guess to `cuts`, and returns the last point added.
    fn resync(
        self,
        data: &[u8],
        mut at: usize,
        end: usize,
        guess: &[usize],
        cuts: &mut Vec<usize>,
    ) -> usize {
        let mut guess = guess.iter().copied().peekable();
        while at < end {
            while guess.next_if(|&point| point < at).is_some() {}
            if guess.next_if_eq(&at).is_some() {
                cuts.extend(guess);
                return cuts.last().copied().unwrap_or(at);
            }
            at = self.next(data, at);
            cuts.push(at);
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Normalization, samples};
    use super::*;

    fn sequential(data: &[u8], params: ChunkerParams) -> Vec<usize> {
        Cutter::new(params).chain(data, 0, data.len()).skip(1).collect()
    }

    fn small() -> ChunkerParams {
        ChunkerParams::new(64, 256, 1024, Normalization::Level1).expect("valid")
    }

    fn any_params() -> impl Strategy<Value = ChunkerParams> {
        prop_oneof![
            Just(small()),
            Just(ChunkerParams::new(64, 256, 1024, Normalization::Level0).expect("valid")),
            Just(ChunkerParams::new(126, 512, 1030, Normalization::Level3).expect("valid")),
            Just(ChunkerParams::new(256, 256, 1024, Normalization::Level2).expect("valid")),
            Just(ChunkerParams::DEFAULT),
        ]
    }

    proptest! {
        #[test]
        fn segments_give_the_sequential_cut_points(
            data in samples::mixed(),
            params in any_params(),
            segment_len in prop_oneof![1_usize..200, 200_usize..9000],
        ) {
            let found = Cutter::new(params).cuts_by_segments(&data, segment_len);
            prop_assert_eq!(found, sequential(&data, params));
        }

        #[test]
        fn cut_points_are_those_of_the_fastcdc_iterator(data in samples::mixed()) {
            let theirs = v2020::FastCDC::with_level(&data, 64, 256, 1024, v2020::Normalization::Level1);
            let theirs: Vec<u64> = theirs.map(|chunk| (chunk.offset + chunk.length) as u64).collect();
            prop_assert_eq!(cut_points(&data, small()), theirs);
        }
    }

    #[test]
    fn lengths_around_segment_edges_change_nothing() {
        let segment_len = 4096;
        let random = samples::random(7, 6 * segment_len);
        let zeros = vec![0; 6 * segment_len];
        for data in [&random, &zeros] {
            for len in (0..=6).flat_map(|n| {
                (n * segment_len).saturating_sub(2)..(n * segment_len + 3).min(data.len())
            }) {
                let found = Cutter::new(small()).cuts_by_segments(&data[..len], segment_len);
                assert_eq!(found, sequential(&data[..len], small()), "{len}");
            }
        }
    }

    #[test]
    fn real_segments_give_the_sequential_cut_points_on_any_number_of_threads() {
        let mut data = samples::random(11, 5 * SEGMENT_LEN + 4321);
        // Zeros that start at an odd place never resynchronise with a segment's first byte.
        data[SEGMENT_LEN + 777..3 * SEGMENT_LEN + 99].fill(0);
        let expected = cut_points(&data, ChunkerParams::DEFAULT);
        for threads in [1, 2, 3, 7] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
            let found = pool.install(|| cut_points_parallel(&data, ChunkerParams::DEFAULT));
            assert_eq!(found, expected, "{threads} threads");
        }
    }

    #[test]
    fn a_segment_has_room_for_many_of_the_largest_chunks() {
        let len = |max| {
            let params = ChunkerParams::new(64, 256, max, Normalization::Level1).expect("valid");
            Cutter::new(params).segment_len()
        };
        assert_eq!((len(1024), len(1 << 16), len(1 << 24)), (1 << 20, 1 << 20, 1 << 28));
    }

    #[test]
    fn a_walk_that_meets_the_guess_takes_the_rest_from_it() {
        let data = samples::random(3, 40_000);
        let cutter = Cutter::new(small());
        let truth = sequential(&data, small());
        // A guess whose points are all true but one, which no walk would find by itself: that it
        // comes back shows that the walk stopped where it met the guess.
        let mut guess: Vec<usize> = truth[5..20].to_vec();
        *guess.last_mut().expect("some") += 1;
        let mut cuts = Vec::new();
        let last = cutter.resync(&data, truth[3], truth[18], &guess, &mut cuts);
        assert_eq!(last, truth[19] + 1);
        assert_eq!(cuts[..2], truth[4..6]);
        assert_eq!(cuts[2..], guess[1..]);
    }

    #[test]
    fn nothing_has_no_cut_points_and_one_byte_has_one() {
        assert_eq!(cut_points(b"", small()), Vec::<u64>::new());
        assert_eq!(cut_points_parallel(b"", small()), Vec::<u64>::new());
        assert_eq!(cut_points(b"x", small()), [1]);
        assert_eq!(Cutter::new(small()).cuts_by_segments(b"x", 1), [1]);
    }

    /// Cut points decide the bytes of a delta: whoever changes one of these figures changes deltas.
    #[test]
    fn cut_points_are_the_pinned_ones() {
        let figures: Vec<String> = samples::pinned()
            .into_iter()
            .flat_map(|(name, data)| {
                pinned_params().map(|(sizes, params)| {
                    let cuts = cut_points(&data, params);
                    let bytes: Vec<u8> = cuts.iter().flat_map(|cut| cut.to_le_bytes()).collect();
                    let hash = &blake3::hash(&bytes).to_hex()[..16];
                    format!("{name} {sizes}: {} {hash}", cuts.len())
                })
            })
            .collect();
        assert_eq!(figures, PINNED);
    }

    fn pinned_params() -> [(&'static str, ChunkerParams); 4] {
        [
            ("default", ChunkerParams::DEFAULT),
            ("small", small()),
            ("8 KiB", ChunkerParams::for_pool(3 << 30)),
            ("odd", ChunkerParams::new(646, 1024, 5002, Normalization::Level2).expect("valid")),
        ]
    }

    const PINNED: [&str; 20] = [
        "random default: 52 b61fb03215b06d6c",
        "random small: 964 4a0fcf0bc1ca5b30",
        "random 8 KiB: 28 ae711518e668d3f8",
        "random odd: 246 26a7145f13511876",
        "zeros default: 7 c947b21d91ebd0ac",
        "zeros small: 98 6bbf50e5df8226e0",
        "zeros 8 KiB: 4 61b9c1c2b1fd3893",
        "zeros odd: 20 8df7d00b9cfd4be4",
        "periodic default: 76 58914a85bf3ae1fe",
        "periodic small: 604 cfc458e327a25f23",
        "periodic 8 KiB: 51 abd28c4f3d62cf02",
        "periodic odd: 151 ad55769eeff1e09f",
        "lines default: 36 3b25871177875149",
        "lines small: 592 6d61a90ae67e9610",
        "lines 8 KiB: 18 96da61bf71dee88b",
        "lines odd: 167 92c09484ea1d362d",
        "mixed default: 26 891ec5f15653f8ec",
        "mixed small: 422 59537bcc776a0c98",
        "mixed 8 KiB: 14 889de2c21e98c934",
        "mixed odd: 103 47c01d8a53fcc403",
    ];
}
