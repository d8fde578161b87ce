//! Cuts contents into chunks whose edges depend on the bytes around them, so that equal stretches
//! of two contents give equal chunks wherever they lie.
//!
//! Where a content has structure of its own (entries of a tar, a header and its data), its edges
//! are cut points as well, and each stretch between them is cut by itself. They are hints: cut
//! points decide how small a delta becomes, never whether it is right. Equal bytes, boundaries and
//! parameters give equal chunks on any number of threads.

mod cuts;
mod id;
mod params;
#[cfg(test)]
pub(crate) mod samples;

use std::ops::Range;

use rayon::prelude::*;

pub use self::cuts::{Cutter, cut_points, cut_points_parallel};
pub use self::id::ChunkId;
pub use self::params::{ChunkerParams, Normalization, ParamsError};

/// One chunk of a content: `len` bytes from `start`, at most [`ChunkerParams::max`] long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chunk {
    /// First byte, counted from the content's start.
    pub start: u64,
    /// Length in bytes, never 0.
    pub len: u32,
}

impl Chunk {
    /// One past the last byte.
    pub fn end(&self) -> u64 {
        self.start + u64::from(self.len)
    }

    /// Returns the chunk's bytes in the content that it was cut from.
    ///
    /// # Panics
    ///
    /// When `content` ends before the chunk does.
    pub fn of<'a>(&self, content: &'a [u8]) -> &'a [u8] {
        let start = usize::try_from(self.start).expect("chunks are cut from slices");
        &content[start..][..self.len as usize]
    }
}

/// Cuts `data` at `boundaries` and each stretch between them by its content, on all threads of the
/// current rayon pool; the chunks cover `data` without a gap, in order.
///
/// Boundaries are offsets in `data` at which a chunk begins, ascending. They may come from bytes
/// that somebody else wrote: what does not ascend or does not lie inside is ignored. A stretch of at
/// most [`ChunkerParams::min`] bytes is one chunk.
pub fn chunks(data: &[u8], boundaries: &[u64], params: ChunkerParams) -> Vec<Chunk> {
    chunks_of(data, &stretches_between(data.len(), boundaries), params)
}

/// Cuts each of `stretches` of `data` by its content, as [`chunks`] does, and nothing else; chunks come
/// in the order of the stretches.
///
/// # Panics
///
/// When a stretch ends behind `data`.
pub fn chunks_of(data: &[u8], stretches: &[Range<usize>], params: ChunkerParams) -> Vec<Chunk> {
    let cutter = Cutter::new(params);
    chunks_in_batches(data, stretches, cutter, cutter.segment_len())
}

fn chunks_in_batches(
    data: &[u8],
    stretches: &[Range<usize>],
    cutter: Cutter,
    segment_len: usize,
) -> Vec<Chunk> {
    batches(stretches, segment_len)
        .into_par_iter()
        .with_max_len(1)
        .flat_map_iter(|batch| chunks_of_batch(data, batch, cutter, segment_len))
        .collect()
}

/// The stretches between boundaries: strictly ascending, the last ends with the data; none for no
/// data.
fn stretches_between(len: usize, boundaries: &[u64]) -> Vec<Range<usize>> {
    let mut stretches = Vec::with_capacity(boundaries.len() + 1);
    let mut last = 0;
    let inside = boundaries.iter().filter_map(|&boundary| usize::try_from(boundary).ok());
    for end in inside.filter(|&end| end < len).chain([len]) {
        if end > last {
            stretches.push(last..end);
            last = end;
        }
    }
    stretches
}

/// Groups neighbouring stretches so that all groups but the last have at least `batch_len` bytes: a
/// layer of ten thousand small files must not cost ten thousand tasks.
fn batches(stretches: &[Range<usize>], batch_len: usize) -> Vec<&[Range<usize>]> {
    let mut batches = Vec::new();
    let (mut first, mut len) = (0, 0);
    for (number, stretch) in stretches.iter().enumerate() {
        len += stretch.len();
        if len >= batch_len || number + 1 == stretches.len() {
            batches.push(&stretches[first..=number]);
            (first, len) = (number + 1, 0);
        }
    }
    batches
}

fn chunks_of_batch(
    data: &[u8],
    stretches: &[Range<usize>],
    cutter: Cutter,
    segment_len: usize,
) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    for stretch in stretches {
        let mut from = stretch.start;
        for cut in cutter.cuts(&data[stretch.clone()], segment_len) {
            let to = stretch.start + cut;
            let len = u32::try_from(to - from).expect("a chunk is at most 16 MiB");
            chunks.push(Chunk { start: from as u64, len });
            from = to;
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::cuts::SEGMENT_LEN;
    use super::*;

    fn small() -> ChunkerParams {
        ChunkerParams::new(64, 256, 1024, Normalization::Level1).expect("valid")
    }

    /// What `chunks` promises, spelled out one stretch after the other.
    fn one_by_one(data: &[u8], boundaries: &[u64]) -> Vec<Chunk> {
        let mut found = Vec::new();
        let mut start = 0;
        for end in boundaries.iter().copied().chain([data.len() as u64]) {
            if end <= start || end > data.len() as u64 {
                continue;
            }
            let stretch = Chunk { start, len: u32::try_from(end - start).expect("small") };
            let mut from = 0;
            for to in cut_points(stretch.of(data), small()) {
                let len = u32::try_from(to - from).expect("small");
                found.push(Chunk { start: start + from, len });
                from = to;
            }
            start = end;
        }
        found
    }

    proptest! {
        #[test]
        fn each_stretch_is_cut_by_itself_whatever_the_batches(
            data in samples::mixed(),
            mut boundaries in prop::collection::vec(0_u64..150_000, 0..40),
            batch_len in 1_usize..5000,
        ) {
            boundaries.sort_unstable();
            let stretches = stretches_between(data.len(), &boundaries);
            let found = chunks_in_batches(&data, &stretches, Cutter::new(small()), batch_len);
            prop_assert_eq!(found, one_by_one(&data, &boundaries));
        }

        #[test]
        fn any_boundaries_leave_chunks_that_cover_the_data(
            data in samples::mixed(),
            boundaries in prop::collection::vec(any::<u64>().prop_map(|n| n % 200_000), 0..20),
        ) {
            let mut end = 0;
            for chunk in chunks(&data, &boundaries, small()) {
                prop_assert_eq!(chunk.start, end);
                prop_assert!((1..=1024).contains(&chunk.len));
                end = chunk.end();
            }
            prop_assert_eq!(end, data.len() as u64);
        }
    }

    #[test]
    fn boundaries_that_are_no_offsets_in_order_are_ignored() {
        let data = samples::random(5, 200);
        let starts = |boundaries: &[u64]| -> Vec<u64> {
            chunks(&data, boundaries, ChunkerParams::DEFAULT).iter().map(|c| c.start).collect()
        };
        assert_eq!(starts(&[0, 50, 40, 50, 60, 200, 201, u64::MAX]), [0, 50, 60]);
        assert_eq!(chunks(&[], &[0, 1], small()), []);
    }

    #[test]
    fn a_stretch_up_to_the_smallest_size_is_one_chunk() {
        let data = samples::random(6, 1024 + 1024);
        let found = chunks(&data, &[1024], ChunkerParams::DEFAULT);
        assert_eq!(found, [Chunk { start: 0, len: 1024 }, Chunk { start: 1024, len: 1024 }]);
    }

    #[test]
    fn chunks_are_the_same_on_any_number_of_threads() {
        let mut data = samples::random(8, 4 * SEGMENT_LEN + 5);
        data[3 * SEGMENT_LEN - 5..][..200_001].fill(0);
        let boundaries: Vec<u64> = (1..300).map(|n| n * 3001).collect();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
            pool.install(|| chunks(&data, &boundaries, ChunkerParams::DEFAULT))
        };
        let expected = on(1);
        assert!(expected.len() > 600);
        assert_eq!(on(2), expected);
        assert_eq!(on(7), expected);
    }
}
