//! Places in a pool of contents, as callers see them and as an index stores them.

/// Where a chunk lies: in which content, from which byte of it, how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Number of the content in its pool, from 0.
    pub content: u32,
    /// First byte, counted from the content's start.
    pub offset: u64,
    /// Length in bytes, never 0.
    pub len: u32,
}

/// Contents laid end to end, so that a position is one number: offset in the pool (40 bits) above
/// length less one (24 bits).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pool {
    /// Where each content starts in the pool, ascending; empty contents share a start.
    starts: Vec<u64>,
}

/// A [`Position`] as one number. Numbers ascend as positions do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Packed(u64);

const LEN_BITS: u32 = 24;

impl Pool {
    /// Lays out contents of these lengths, in bytes.
    pub(super) fn new(lens: impl IntoIterator<Item = u64>) -> Self {
        let starts = lens.into_iter().scan(0_u64, |next, len| {
            let start = *next;
            *next = next.saturating_add(len);
            Some(start)
        });
        Self { starts: starts.collect() }
    }

    /// Packs a position; `None` for what cannot be packed: 1 TiB into the pool, or longer than
    /// 16 MiB, or of no content or no length. No such chunk is indexed.
    pub(super) fn pack(&self, position: Position) -> Option<Packed> {
        let start = self.starts.get(usize::try_from(position.content).ok()?)?;
        let offset = start.checked_add(position.offset)?;
        let len = u64::from(position.len).checked_sub(1)?;
        (offset >> (u64::BITS - LEN_BITS) == 0 && len >> LEN_BITS == 0)
            .then_some(Packed(offset << LEN_BITS | len))
    }

    /// The position that [`Pool::pack`] packed.
    pub(super) fn unpack(&self, packed: Packed) -> Position {
        let offset = packed.0 >> LEN_BITS;
        // The last content that starts at or before the offset: empty ones before it do not hold it.
        let content = self.starts.partition_point(|&start| start <= offset) - 1;
        let len = (packed.0 & ((1 << LEN_BITS) - 1)) + 1;
        Position {
            content: u32::try_from(content).expect("packed from a u32"),
            offset: offset - self.starts[content],
            len: u32::try_from(len).expect("at most 2^24"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(content: u32, offset: u64, len: u32) -> Position {
        Position { content, offset, len }
    }

    #[test]
    fn positions_survive_packing_between_empty_contents() {
        let pool = Pool::new([0, 10, 0, 0, 1 << 33, 5, 0]);
        let positions =
            [at(1, 0, 1), at(1, 9, 1), at(4, 0, 1 << 24), at(4, (1 << 33) - 1, 1), at(5, 0, 5)];
        let packed = positions.map(|position| pool.pack(position).expect("fits"));
        assert!(packed.is_sorted());
        assert_eq!(packed.map(|packed| pool.unpack(packed)), positions);
    }

    #[test]
    fn what_does_not_fit_is_not_packed() {
        let pool = Pool::new([1 << 39, 1 << 40, u64::MAX, 3]);
        assert!(pool.pack(at(1, (1 << 39) - 1, 1)).is_some());
        for position in [
            at(1, 1 << 39, 1),
            at(0, 0, 0),
            at(0, 0, (1 << 24) + 1),
            at(3, 0, 1),
            at(3, 1, 1),
            at(4, 0, 1),
        ] {
            assert_eq!(pool.pack(position), None, "{position:?}");
        }
    }
}
