//! The content that matches may point into.

#![expect(
    clippy::cast_possible_truncation,
    reason = "what is held is shorter than 2^27 bytes, and low halves of words are wanted"
)]

use super::layout::BLOCK_LEN;

/// Positions above this are made small again.
const POSITION_MAX: u32 = 1 << 31;

/// The latest content, and the block that is to be coded at its end.
///
/// Tables of matches hold positions: 32-bit numbers that grow over the whole content, and over
/// frames, so that what a table still holds of a former frame lies out of reach.
#[derive(Debug)]
pub(super) struct History {
    bytes: Vec<u8>,
    /// Position of the first byte that is held; `reach` at least, so that 0 is out of reach.
    base: u32,
    reach: u32,
}

impl History {
    pub(super) fn new(reach: u32) -> Self {
        Self { bytes: Vec::new(), base: reach, reach }
    }

    /// Forgets the content, so that no position of it is in reach any more.
    pub(super) fn restart(&mut self, reach: u32) {
        self.base += self.bytes.len() as u32 + self.reach.max(reach);
        self.reach = reach;
        self.bytes.clear();
    }

    /// Makes sure that a block has room, and says by how much all positions in tables become
    /// smaller; those that would become negative are out of reach.
    pub(super) fn make_room(&mut self, block_len: u32) -> u32 {
        // Moving what is in reach costs as much as is held above it saves.
        let capacity = 2 * self.reach as usize + BLOCK_LEN as usize;
        let mut needed = self.bytes.len() + block_len as usize;
        if needed > capacity {
            let gone = self.bytes.len() - self.reach as usize;
            self.bytes.drain(..gone);
            self.base += gone as u32;
            needed -= gone;
        }
        if needed > self.bytes.capacity() {
            self.bytes.reserve_exact((2 * needed).min(capacity) - self.bytes.len());
        }
        if self.base < POSITION_MAX {
            return 0;
        }
        let less = self.base - self.reach;
        self.base = self.reach;
        less
    }

    pub(super) fn push(&mut self, content: &[u8]) {
        self.bytes.extend_from_slice(content);
    }

    /// The window for a block that is the last `len` bytes pushed.
    pub(super) fn window(&self, len: usize) -> Window<'_> {
        let start = self.bytes.len() - len;
        Window { bytes: &self.bytes, start, base: self.base, reach: self.reach }
    }

    #[cfg(test)]
    pub(super) fn move_base(&mut self, base: u32) {
        self.base = base;
    }
}

/// What a block may be matched with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<'a> {
    /// Former content, then the block.
    pub(super) bytes: &'a [u8],
    /// Where the block starts in `bytes`.
    pub(super) start: usize,
    base: u32,
    reach: u32,
}

impl<'a> Window<'a> {
    /// The block.
    pub(super) fn block(&self) -> &'a [u8] {
        &self.bytes[self.start..]
    }

    /// Distances are below this.
    pub(super) fn reach(&self) -> u32 {
        self.reach
    }

    /// The position of an index of `bytes`.
    #[inline]
    pub(super) fn position(&self, at: usize) -> u32 {
        self.base.wrapping_add(at as u32)
    }

    /// The index of a position that is held.
    #[inline]
    pub(super) fn index(&self, position: u32) -> Option<usize> {
        position.checked_sub(self.base).map(|at| at as usize)
    }
}

/// The four bytes at an index, 0 past the end.
#[inline]
pub(super) fn word32(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |word| u32::from_le_bytes(*word))
}

/// The eight bytes at an index, 0 past the end.
#[inline]
pub(super) fn word64(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |word| u64::from_le_bytes(*word))
}

/// How many bytes from `at` on equal those from `from` on, which is smaller.
#[inline]
pub(super) fn common_len(bytes: &[u8], at: usize, from: usize) -> usize {
    let (words, rest) = bytes[at..].as_chunks::<8>();
    let (earlier, _) = bytes[from..].as_chunks::<8>();
    let mut len = 0;
    for (word, earlier) in words.iter().zip(earlier) {
        let difference = u64::from_le_bytes(*word) ^ u64::from_le_bytes(*earlier);
        if difference != 0 {
            return len + difference.trailing_zeros() as usize / 8;
        }
        len += 8;
    }
    len + rest.iter().zip(&bytes[from + len..]).take_while(|(a, b)| a == b).count()
}

/// A number of `BITS` bits for the `BYTES` lowest bytes of a word.
#[inline]
pub(super) fn hash<const BYTES: u32, const BITS: u32>(word: u64) -> usize {
    let product = match BYTES {
        4 => return ((word as u32).wrapping_mul(2_654_435_761) >> (32 - BITS)) as usize,
        5 => (word << 24).wrapping_mul(889_523_592_379),
        6 => (word << 16).wrapping_mul(227_718_039_650_203),
        _ => word.wrapping_mul(0xcf1b_bcdc_b7a5_6463),
    };
    (product >> (64 - BITS)) as usize
}

/// A table of `LEN` zeros, which costs memory only where it is used.
#[expect(clippy::unnecessary_box_returns, reason = "it is too large for the stack")]
pub(super) fn table<const LEN: usize>() -> Box<[u64; LEN]> {
    vec![0; LEN].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!("LEN was asked for"))
}

/// A position and four bytes that stand there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) position: u32,
    pub(super) word: u32,
}

impl Entry {
    #[inline]
    pub(super) fn of(packed: u64) -> Self {
        Self { position: (packed >> 32) as u32, word: packed as u32 }
    }

    #[inline]
    pub(super) fn pack(position: u32, word: u64) -> u64 {
        u64::from(position) << 32 | u64::from(word as u32)
    }

    /// Makes the position in a packed entry smaller.
    pub(super) fn lower(packed: &mut u64, less: u32) {
        let entry = Self::of(*packed);
        *packed = Self::pack(entry.position.saturating_sub(less), u64::from(entry.word));
    }
}

/// The two latest positions with a hash.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) latest: u32,
    pub(super) former: u32,
}

impl Pair {
    #[inline]
    pub(super) fn of(packed: u64) -> Self {
        Self { latest: (packed >> 32) as u32, former: packed as u32 }
    }

    /// Makes a position the latest of a packed pair.
    #[inline]
    pub(super) fn push(packed: &mut u64, position: u32) {
        *packed = u64::from(position) << 32 | *packed >> 32;
    }

    /// Makes the positions in a packed pair smaller.
    pub(super) fn lower(packed: &mut u64, less: u32) {
        let pair = Self::of(*packed);
        let latest = pair.latest.saturating_sub(less);
        *packed = u64::from(latest) << 32 | u64::from(pair.former.saturating_sub(less));
    }
}
