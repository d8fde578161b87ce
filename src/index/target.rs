//! The index of what the target itself already produced: grows while the target is encoded.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::chunker::ChunkId;

use super::position::{Packed, Pool, Position};

/// Chunk ID -> where in the target pool, the first inserted among equal ones.
///
/// Same scheme as [`BaseIndex`](super::BaseIndex): 64 bits of the chunk ID, a hit is a hint to be
/// verified byte for byte. The caller inserts what it has encoded and asks for what it has not, so
/// that every hit lies before the asking position; the index does not judge that.
///
/// Memory: 17 bytes a slot in a table that is between 7/16 and 7/8 full, so 19 to 39 a chunk. The
/// table hashes keys with a secret: contents made to collide cannot slow it down. Nothing iterates
/// it.
#[derive(Debug)]
pub struct TargetIndex {
    pool: Pool,
    places: HashMap<u64, Packed>,
}

impl TargetIndex {
    /// Creates an index of nothing for contents of these lengths, in bytes, numbered as they come.
    pub fn new(lens: impl IntoIterator<Item = u64>) -> Self {
        Self { pool: Pool::new(lens), places: HashMap::new() }
    }

    /// Adds a chunk, unless one with its ID is there or its place cannot be stored (past 1 TiB of
    /// target). Take the ID from [`indexed_id`](super::indexed_id), which leaves out what is not
    /// worth it.
    pub fn insert(&mut self, id: &ChunkId, position: Position) {
        if let Some(packed) = self.pool.pack(position)
            && let Entry::Vacant(vacant) = self.places.entry(id.prefix())
        {
            vacant.insert(packed);
        }
    }

    /// Returns where a chunk with this ID probably lies.
    pub fn lookup(&self, id: &ChunkId) -> Option<Position> {
        self.places.get(&id.prefix()).map(|&packed| self.pool.unpack(packed))
    }

    /// Number of distinct chunks that can be found.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Is there nothing to be found?
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_found_once_inserted_and_where_it_was_first() {
        let mut index = TargetIndex::new([100, 0, 1000]);
        let (one, two) = (ChunkId::of(b"one"), ChunkId::of(b"two"));
        assert_eq!(index.lookup(&one), None);
        let first = Position { content: 0, offset: 3, len: 64 };
        let later = Position { content: 2, offset: 200, len: 64 };
        index.insert(&one, first);
        index.insert(&one, later);
        index.insert(&two, later);
        assert_eq!(index.lookup(&one), Some(first));
        assert_eq!(index.lookup(&two), Some(later));
        assert_eq!(index.len(), 2);
    }

    #[test]
    fn a_place_that_cannot_be_stored_is_left_out() {
        let mut index = TargetIndex::new([100]);
        index.insert(&ChunkId::of(b"one"), Position { content: 1, offset: 0, len: 64 });
        assert!(index.is_empty());
    }
}
