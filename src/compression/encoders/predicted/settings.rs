//! How a writer of the zlib family was set, as far as it is guessed.

use std::ops::RangeInclusive;

use super::coder::Coder;

/// Bits of a hash that zlib can have.
pub(super) const HASH_BITS: RangeInclusive<u8> = 8..=16;

/// Windows that zlib can have, as powers of two.
pub(super) const WINDOW_BITS: RangeInclusive<u8> = 9..=15;

/// What is told once for a stream; guesses are made with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settings {
    /// zlib's level, 1 to 9.
    pub(super) level: u8,
    /// Bits of the hash of three bytes, of [`HASH_BITS`].
    pub(super) hash_bits: u8,
    /// The window as a power of two, of [`WINDOW_BITS`].
    pub(super) window_bits: u8,
    /// Matches reach through the whole window, not 262 bytes less.
    pub(super) reaches_through: bool,
    /// Matches of three bytes are worth their bits from anywhere.
    pub(super) takes_far_threes: bool,
    /// When a block ends.
    pub(super) ends: Ends,
}

/// When a writer ends a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// After that many literals and matches, [`Ends::MOST_SYMBOLS`] at most.
    After(u32),
    /// As gzip does, which also looks at how well the block goes.
    LikeGzip,
}

impl Ends {
    /// What fits the settings.
    pub(super) const MOST_SYMBOLS: u32 = (1 << 20) - 1;
}

impl Settings {
    /// Tells them, or is told; `None` for settings that cannot be.
    pub(super) fn code(self, coder: &mut impl Coder) -> Option<Self> {
        let mut number = |number, len| coder.plain(number, len);
        let level = number(self.level.into(), 4);
        let hash_bits = number(self.hash_bits.into(), 5);
        let window_bits = number(self.window_bits.into(), 4);
        let reaches_through = number(self.reaches_through.into(), 1) == 1;
        let takes_far_threes = number(self.takes_far_threes.into(), 1) == 1;
        let symbols = match self.ends {
            Ends::After(symbols) => symbols,
            Ends::LikeGzip => 0,
        };
        let ends = match number(symbols >> 10, 10) << 10 | number(symbols & 0x3ff, 10) {
            0 => Ends::LikeGzip,
            symbols => Ends::After(symbols),
        };
        let within = |number: u32, range: RangeInclusive<u8>| {
            u8::try_from(number).ok().filter(|number| range.contains(number))
        };
        Some(Self {
            level: within(level, 1..=9)?,
            hash_bits: within(hash_bits, HASH_BITS)?,
            window_bits: within(window_bits, WINDOW_BITS)?,
            reaches_through,
            takes_far_threes,
            ends,
        })
    }

    /// How hard the level searches.
    pub(super) fn effort(&self) -> Effort {
        let (good, lazy, nice, chain) = EFFORTS[usize::from(self.level) - 1];
        Effort { good, lazy, nice, chain, looks_ahead: self.level >= 4 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            level: 6,
            hash_bits: 15,
            window_bits: 15,
            reaches_through: false,
            takes_far_threes: false,
            ends: Ends::After(16_383),
        }
    }
}

/// How hard a level searches; zlib's and gzip's words for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// A match of this length lets the next search be four times shorter.
    pub(super) good: usize,
    /// No better match is looked for after one of this length; where no level looks ahead, the
    /// longest match whose bytes can all begin another one.
    pub(super) lazy: usize,
    /// A match of this length ends a search.
    pub(super) nice: usize,
    /// Places that a search looks at.
    pub(super) chain: u32,
    /// A match is taken only when the next byte begins none that is longer.
    pub(super) looks_ahead: bool,
}

/// Of the levels 1 to 9.
const EFFORTS: [(usize, usize, usize, u32); 9] = [
    (4, 4, 8, 4),
    (4, 5, 16, 8),
    (4, 6, 32, 32),
    (4, 4, 16, 16),
    (8, 16, 32, 32),
    (8, 16, 128, 128),
    (8, 32, 128, 256),
    (32, 128, 258, 1024),
    (32, 258, 258, 4096),
];
