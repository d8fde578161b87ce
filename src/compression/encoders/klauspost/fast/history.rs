//! The bytes that matches of levels 1 to 6 lie in, and how tables name positions in them.

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
        let buffer = vec![0; POSITIONS + 8].into_boxed_slice();
        let buffer = buffer.try_into().expect("a buffer of that length");
        Self { buffer, len: 0, base: MAX_STORED as u32 }
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
