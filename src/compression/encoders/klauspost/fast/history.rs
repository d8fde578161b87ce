//! The bytes that matches of levels 1 to 6 lie in, and how tables name positions in them.

#![expect(clippy::cast_possible_truncation, reason = "positions are below 2^19")]

use super::super::super::flate::window::zeros;
use super::super::blocks::MAX_STORED;

/// How far a match may reach back, in bytes.
pub(super) const REACH: u32 = 1 << 15;

/// Bytes at hand at most.
const CAPACITY: usize = 5 * MAX_STORED;

/// Positions are below this; a power of two, so that a mask bounds them.
const POSITIONS: usize = (CAPACITY + 1).next_power_of_two();

/// The bytes at hand, with room for reading 8 at any position.
pub(super) type Buffer = [u8; POSITIONS + 8];

/// Marks from here on are made smaller before they outgrow 31 bits.
const LAST_BASE: u32 = (1 << 31) - (6 * MAX_STORED as u32) - 1;

/// The last bytes of the content.
///
/// A position in them is counted from the first byte at hand. In tables it stands as a mark, which
/// stays the same when bytes in front are dropped: position and mark differ by `base`. The mark 0,
/// with which tables start, is out of reach from everywhere.
#[derive(Debug)]
pub(super) struct History {
    buffer: Box<Buffer>,
    len: u32,
    base: u32,
}

impl History {
    pub(super) fn new() -> Self {
        Self { buffer: zeros(), len: 0, base: MAX_STORED as u32 }
    }

    /// Starts again; marks made before must be forgotten.
    pub(super) const fn restart(&mut self) {
        self.base = MAX_STORED as u32;
        self.len = 0;
    }

    /// Forgets all bytes; marks made before are out of reach.
    pub(super) fn clear(&mut self) {
        self.base += REACH + self.len;
        self.len = 0;
    }

    /// Adds a block of at most 65,535 bytes and returns the position of its start.
    pub(super) fn push(&mut self, block: &[u8]) -> u32 {
        if self.len as usize + block.len() > CAPACITY {
            let dropped = self.len - REACH;
            self.buffer.copy_within(dropped as usize..self.len as usize, 0);
            self.len = REACH;
            self.base += dropped;
        }
        let start = self.len;
        self.buffer[start as usize..][..block.len()].copy_from_slice(block);
        self.len += block.len() as u32;
        start
    }

    /// The bytes at hand are the first ones.
    pub(super) const fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    pub(super) const fn base(&self) -> u32 {
        self.base
    }

    /// Makes marks smaller, when they have grown large; to be done to all tables.
    pub(super) fn renew(&mut self) -> Option<Renewal> {
        if self.base < LAST_BASE {
            return None;
        }
        let dropped = self.base - REACH;
        let oldest = self.base + self.len - REACH;
        self.base = REACH;
        Some(Renewal { oldest, dropped })
    }
}

/// The 4 bytes at a position.
#[inline]
pub(super) fn word(buffer: &Buffer, at: u32) -> u32 {
    let at = at as usize & (POSITIONS - 1);
    u32::from_le_bytes(*buffer[at..at + 4].first_chunk().expect("4 bytes"))
}

/// The 8 bytes at a position.
#[inline]
pub(super) fn long(buffer: &Buffer, at: u32) -> u64 {
    let at = at as usize & (POSITIONS - 1);
    u64::from_le_bytes(*buffer[at..at + 8].first_chunk().expect("8 bytes"))
}

/// How many bytes are equal at two positions, `limit` at most.
#[inline]
pub(super) fn equal_len(buffer: &Buffer, mut one: u32, mut other: u32, limit: u32) -> u32 {
    let mut len = 0_u32;
    loop {
        // Bytes behind the limit are there, whatever they are.
        let difference = long(buffer, one) ^ long(buffer, other);
        if difference != 0 {
            return limit.min(len.wrapping_add(difference.trailing_zeros() / 8));
        }
        (one, other, len) = (one.wrapping_add(8), other.wrapping_add(8), len.wrapping_add(8));
        if len >= limit {
            return limit;
        }
    }
}

/// How many bytes are equal before two positions, `limit` at most; so many are there.
#[inline]
pub(super) fn equal_len_before(buffer: &Buffer, mut one: u32, mut other: u32, limit: u32) -> u32 {
    let mut len = 0_u32;
    // Eight at once, where there are so many before both.
    while len < limit && one.min(other) >= 8 {
        (one, other) = (one - 8, other - 8);
        let difference = long(buffer, one) ^ long(buffer, other);
        if difference != 0 {
            return limit.min(len + difference.leading_zeros() / 8);
        }
        len += 8;
    }
    while len < limit && buffer[one as usize - 1] == buffer[other as usize - 1] {
        (one, other, len) = (one - 1, other - 1, len + 1);
    }
    len.min(limit)
}

/// How marks change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Renewal {
    /// Up to here they are out of reach.
    oldest: u32,
    dropped: u32,
}

impl Renewal {
    pub(super) const fn of(self, mark: u32) -> u32 {
        if mark <= self.oldest { 0 } else { mark - self.dropped }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Era;
    use super::super::super::blocks::{Blocks, Ending};
    use super::super::Fast;
    use super::*;

    /// Blocks of something like text, from a history whose first base is given.
    fn encode(level: u8, base: u32) -> (Vec<u8>, u32) {
        let mut fast = Fast::new(Era::V1_15_15, level);
        fast.history.base = base;
        let mut blocks = Blocks::new(Era::V1_15_15, 7);
        let mut out = Vec::new();
        for number in 0..40_u32 {
            let block: Vec<u8> = (0..MAX_STORED as u32)
                .map(|at| ((at + number * 77) % 501 * (at / 900 + number % 3) / 7) as u8)
                .collect();
            fast.encode(&block, Ending::Open, &mut blocks, &mut out);
        }
        (out, fast.history.base)
    }

    #[test]
    fn smaller_marks_find_the_same_matches() {
        for level in 1..=6 {
            let (expected, _) = encode(level, MAX_STORED as u32);
            let (found, base) = encode(level, LAST_BASE - 500_000);
            assert!(base < LAST_BASE / 2, "marks were renewed");
            assert!(found == expected, "level {level}");
        }
    }
}
