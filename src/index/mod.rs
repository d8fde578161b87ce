//! Finds for a chunk of the target an equal one: in the base pool, or in what the target itself
//! already produced.
//!
//! The way of a target segment: cut it with [`chunker::chunks`], name its chunks with
//! [`indexed_ids`], look each up in [`BaseIndex`] and [`TargetIndex`], compare the bytes, grow the
//! match past the chunk's edges with [`extend_forward`] and [`extend_backward`], go on behind it.
//! Runs of one value never enter an index: zeros are an instruction of their own ([`zero_run`]
//! finds them), other runs compress to nothing, and either would match everywhere.
//!
//! An index answers with hints. It is as right as the comparison that follows, which nobody may
//! leave out.

mod base;
mod extend;
mod position;
mod target;

use rayon::prelude::*;

pub use self::base::{BaseIndex, Content};
pub use self::extend::{extend_backward, extend_forward, is_one_value, zero_run};
pub use self::position::Position;
pub use self::target::TargetIndex;

#[cfg(doc)]
use crate::chunker;
use crate::chunker::{Chunk, ChunkId};

/// Shortest chunk that is indexed, in bytes: a copy instruction costs several bytes of delta, and
/// what is this short comes along when its neighbour's match grows.
pub const MIN_INDEXED_LEN: usize = 64;

/// Chunks that a thread hashes at a time, about a megabyte: small beside a layer, so that threads
/// finish together.
const CHUNKS_PER_TASK: usize = 256;

/// Returns the ID under which an index holds a chunk with these bytes, or `None` if it holds none
/// such: fewer than [`MIN_INDEXED_LEN`] bytes, or one value repeated.
pub fn indexed_id(chunk: &[u8]) -> Option<ChunkId> {
    (chunk.len() >= MIN_INDEXED_LEN && !is_one_value(chunk)).then(|| ChunkId::of(chunk))
}

/// Returns [`indexed_id`] of each of `chunks`, which were cut from `content`, hashed by all threads
/// of the current rayon pool.
///
/// # Panics
///
/// When `content` ends before a chunk does.
pub fn indexed_ids(content: &[u8], chunks: &[Chunk]) -> Vec<Option<ChunkId>> {
    chunks
        .par_iter()
        .with_max_len(CHUNKS_PER_TASK)
        .map(|chunk| indexed_id(chunk.of(content)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunker::{ChunkerParams, chunks, samples};

    #[test]
    fn ids_come_in_the_order_of_their_chunks() {
        let data = [samples::random(1, 300_000), vec![0; 40_000], vec![1, 2, 3]].concat();
        let chunks = chunks(&data, &[300_000, 340_000], ChunkerParams::DEFAULT);
        let ids = indexed_ids(&data, &chunks);
        let expected: Vec<_> = chunks.iter().map(|chunk| indexed_id(chunk.of(&data))).collect();
        assert_eq!(ids, expected);
        assert_eq!(ids.iter().rev().take_while(|id| id.is_none()).count(), 4);
        assert_eq!(ids[0], Some(ChunkId::of(chunks[0].of(&data))));
    }
}
