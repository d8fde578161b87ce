//! The index of the base pool: built once by all threads, then only read.

use std::ops::Range;

use rayon::prelude::*;

use crate::chunker::{self, Chunk, ChunkId, ChunkerParams};

use super::position::{Packed, Pool, Position};
use super::{CHUNKS_PER_TASK, indexed_id};

/// A content of the base pool with what of it is indexed.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// The decoded bytes.
    pub data: &'a [u8],
    /// Runs of `data` that are cut, each by itself, ascending; the rest cannot be found.
    pub stretches: &'a [Range<usize>],
}

/// Chunk ID -> where in the base pool, for every chunk worth it, the first in (content, offset)
/// order among equal ones.
///
/// It holds 64 bits of each chunk ID and no bytes: a hit is a hint that the caller verifies byte for
/// byte. A collision costs a missed copy, never a wrong delta.
///
/// Memory: 16 bytes a distinct chunk and at most 1 for the directory, so at most 17; while it is
/// built up to 48 for each chunk that is cut.
#[derive(Debug, PartialEq, Eq)]
pub struct BaseIndex {
    pool: Pool,
    /// Ascending by key, each key once.
    entries: Vec<Entry>,
    /// `directory[b]..directory[b + 1]` are the entries whose keys begin with the bits of `b`.
    directory: Vec<usize>,
    /// Bits of a key that are not in its directory number, 1 to 64.
    shift: u32,
}

/// First 64 bits of a chunk ID and the place; ascends by key, then by place.
type Entry = (u64, Packed);

/// Entries that share a directory slot, on average at most twice as many: two cache lines.
const ENTRIES_PER_SLOT: usize = 8;

impl BaseIndex {
    /// Cuts and hashes `contents`, numbered as they come, on all threads of the current rayon pool.
    ///
    /// The result depends on the contents, their order, stretches and `params` alone.
    pub fn build(contents: &[Content<'_>], params: ChunkerParams) -> Self {
        let pool = Pool::new(contents.iter().map(|content| content.data.len() as u64));
        let mut entries: Vec<Entry> = contents
            .par_iter()
            .zip(0..u32::try_from(contents.len()).unwrap_or(u32::MAX))
            .flat_map(|(content, number)| content.entries(number, &pool, params))
            .collect();
        entries.par_sort_unstable();
        entries.dedup_by_key(|(key, _)| *key);
        entries.shrink_to_fit();
        Self::from_sorted(pool, entries)
    }

    fn from_sorted(pool: Pool, entries: Vec<Entry>) -> Self {
        let bits = (entries.len() / ENTRIES_PER_SLOT).checked_ilog2().unwrap_or(0);
        let slots = 1_usize << bits;
        let shift = u64::BITS - bits;
        let mut directory = Vec::with_capacity(slots + 1);
        let mut at = 0;
        for slot in 0..slots as u64 {
            at += entries[at..].iter().take_while(|(key, _)| slot_of(*key, shift) < slot).count();
            directory.push(at);
        }
        directory.push(entries.len());
        Self { pool, entries, directory, shift }
    }

    /// Returns where a chunk with this ID probably lies.
    pub fn lookup(&self, id: &ChunkId) -> Option<Position> {
        self.position(id.prefix())
    }

    fn position(&self, key: u64) -> Option<Position> {
        let slot = usize::try_from(slot_of(key, self.shift)).ok()?;
        let candidates = &self.entries[self.directory[slot]..self.directory[slot + 1]];
        let found = candidates.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        Some(self.pool.unpack(candidates[found].1))
    }

    /// Number of distinct chunks that can be found.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Is there nothing to be found?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Memory in bytes, without the fixed part.
    pub fn memory(&self) -> usize {
        size_of::<Entry>() * self.entries.capacity()
            + size_of::<usize>() * self.directory.capacity()
    }
}

/// The leading bits of a key; a shift by 64 leaves none.
fn slot_of(key: u64, shift: u32) -> u64 {
    key.checked_shr(shift).unwrap_or(0)
}

impl Content<'_> {
    fn entries(&self, number: u32, pool: &Pool, params: ChunkerParams) -> Vec<Entry> {
        chunker::chunks_of(self.data, self.stretches, params)
            .par_iter()
            .with_max_len(CHUNKS_PER_TASK)
            .filter_map(|chunk| {
                let Chunk { start, len } = *chunk;
                let id = indexed_id(chunk.of(self.data))?;
                let place = pool.pack(Position { content: number, offset: start, len })?;
                Some((id.prefix(), place))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunker::{Normalization, samples};

    fn small() -> ChunkerParams {
        ChunkerParams::new(64, 256, 1024, Normalization::Level1).expect("valid")
    }

    /// The index of whole contents.
    fn index(contents: &[&[u8]]) -> BaseIndex {
        let whole: Vec<Range<usize>> = contents.iter().map(|data| 0..data.len()).collect();
        let contents: Vec<Content<'_>> = contents
            .iter()
            .zip(&whole)
            .map(|(data, whole)| Content { data, stretches: std::slice::from_ref(whole) })
            .collect();
        BaseIndex::build(&contents, small())
    }

    #[test]
    fn every_chunk_worth_it_is_found_where_it_first_lies() {
        let shared = samples::random(1, 30_000);
        let first = [&samples::random(2, 5000), &shared[..]].concat();
        let second = [&shared[..], &samples::random(3, 7000), &shared].concat();
        let contents: [&[u8]; 3] = [&[], &first, &second];
        let index = index(&contents);
        let mut seen = std::collections::BTreeMap::new();
        for (number, content) in (0..).zip(&contents) {
            for chunk in chunker::chunks(content, &[], small()) {
                let bytes = chunk.of(content);
                let here = Position { content: number, offset: chunk.start, len: chunk.len };
                if let Some(id) = indexed_id(bytes) {
                    let expected = *seen.entry(id).or_insert(here);
                    assert_eq!(index.lookup(&id), Some(expected));
                }
            }
        }
        assert_eq!(index.len(), seen.len());
        let again = seen.values().filter(|position| position.content == 2).count();
        assert!(again > 10 && again < 50, "of the second content only what is new: {again}");
    }

    #[test]
    fn what_was_never_indexed_is_not_found() {
        let data = samples::random(4, 100_000);
        let index = index(&[&data]);
        assert!((0_u32..1000).all(|n| index.lookup(&ChunkId::of(&n.to_le_bytes())).is_none()));
        let empty = BaseIndex::build(&[], small());
        assert!(empty.is_empty());
        assert_eq!(empty.lookup(&ChunkId::of(b"")), None);
    }

    #[test]
    fn what_lies_outside_the_stretches_is_not_found() {
        let data = samples::random(7, 40_000);
        let stretches = [10_000..20_000, 30_000..40_000];
        let index = BaseIndex::build(&[Content { data: &data, stretches: &stretches }], small());
        let is_found = |from: usize, to: usize| {
            let stretch = from..to;
            let stretches = std::slice::from_ref(&stretch);
            let mut chunks = chunker::chunks_of(&data, stretches, small()).into_iter();
            chunks.all(|chunk| index.lookup(&ChunkId::of(chunk.of(&data))).is_some())
        };
        assert!(is_found(10_000, 20_000) && is_found(30_000, 40_000));
        assert!(!is_found(0, 10_000) && !is_found(20_000, 30_000));
    }

    #[test]
    fn tiny_chunks_and_runs_of_one_value_are_not_indexed() {
        let tiny = samples::random(5, 63);
        let enough = samples::random(5, 64);
        let runs = [vec![0; 50_000], vec![9; 50_000]];
        let index = index(&[&runs[0], &runs[1], &tiny, &enough]);
        assert_eq!(index.len(), 1);
        let found = index.lookup(&ChunkId::of(&enough));
        assert_eq!(found, Some(Position { content: 3, offset: 0, len: 64 }));
    }

    #[test]
    fn the_index_is_the_same_on_any_number_of_threads() {
        let contents: Vec<Vec<u8>> = (1..40).map(|n| samples::random(n % 7 + 1, 9000)).collect();
        let contents: Vec<Content<'_>> = contents
            .iter()
            .map(|data| Content { data, stretches: &[0..3000, 5000..9000] })
            .collect();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
            pool.install(|| BaseIndex::build(&contents, small()))
        };
        let expected = on(1);
        assert_eq!(on(2), expected);
        assert_eq!(on(7), expected);
    }

    #[test]
    fn a_chunk_costs_at_most_seventeen_bytes() {
        for len in [20_000, 60_000, 200_000, 1_000_000] {
            let index = index(&[&samples::random(6, len)]);
            let most = 17 * index.len() + 2 * size_of::<usize>();
            assert!(index.memory() <= most, "{} > {most}", index.memory());
        }
    }

    #[test]
    fn keys_that_share_their_first_bits_are_told_apart() {
        let pool = Pool::new([1000]);
        let at = |offset| Position { content: 0, offset, len: 1 };
        // One crowded slot, empty ones around it, and both ends of the key space.
        let keys: Vec<u64> =
            [0, 1].into_iter().chain(1000..1090).chain([1 << 63, u64::MAX]).collect();
        let places = (0..).map(|offset| pool.pack(at(offset)).expect("fits"));
        let index =
            BaseIndex::from_sorted(pool.clone(), keys.iter().copied().zip(places).collect());
        assert!(index.directory.len() > 8);
        for (offset, key) in (0..).zip(keys) {
            assert_eq!(index.position(key), Some(at(offset)));
        }
        assert_eq!(index.position(2), None);
        assert_eq!(index.position(u64::MAX - 1), None);
    }
}
