//! What stands for tokens, put together beforehand for a whole block.

use super::super::flate::bits::Piece;
use super::super::flate::codes::Codes;
use super::super::flate::symbols::{
    DISTANCE_EXTRA_LENS, FIRST_LENGTH, LENGTH_EXTRA_LENS, distance_symbol,
};
use super::tokens::{SYMBOLS, Token};

/// A word, and how many extra bits follow it.
#[derive(Debug, Clone, Copy, Default)]
struct Stem {
    bits: u16,
    len: u8,
    extra_len: u8,
}

/// The words of a block's codes.
#[derive(Debug)]
pub(super) struct Phrases {
    /// Of literals and lengths.
    literals: [Stem; SYMBOLS],
    /// A power of two, so that a mask bounds a symbol.
    distances: [Stem; 32],
}

impl Phrases {
    pub(super) fn new(codes: &Codes) -> Self {
        let mut literals = [Stem::default(); SYMBOLS];
        for (stem, word) in literals.iter_mut().zip(codes.literals.words()) {
            *stem = Stem { bits: word.bits, len: word.len, extra_len: 0 };
        }
        for (stem, extra_len) in literals[FIRST_LENGTH..].iter_mut().zip(LENGTH_EXTRA_LENS) {
            stem.extra_len = extra_len;
        }
        let mut distances = [Stem::default(); 32];
        let words = codes.distances.words().iter().zip(DISTANCE_EXTRA_LENS);
        for (stem, (word, extra_len)) in distances.iter_mut().zip(words) {
            *stem = Stem { bits: word.bits, len: word.len, extra_len };
        }
        Self { literals, distances }
    }

    /// What stands for a token.
    #[inline]
    pub(super) fn piece(&self, token: Token) -> Piece {
        let near = self.literals[token.symbol()].with(token.extra());
        let Some(distance) = token.distance() else { return near };
        let stem = self.distances[distance_symbol(distance) & 31];
        let extra = u32::from(distance) & ((1 << (stem.extra_len & 15)) - 1);
        near.then(stem.with(extra))
    }
}

impl Stem {
    /// The word, then its extra bits.
    #[inline]
    fn with(self, extra: u32) -> Piece {
        let bits = u32::from(self.bits) | extra << (self.len & 15);
        Piece { bits: bits.into(), len: u32::from(self.len + self.extra_len) }
    }
}
