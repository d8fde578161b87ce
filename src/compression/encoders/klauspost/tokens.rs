//! The tokens of the block that is being made.

use super::super::flate::codes::Counts;
use super::super::flate::symbols::{
    DISTANCES, END_OF_BLOCK, FIRST_LENGTH, LENGTH_EXTRA_LENS, LITERALS, distance_symbol,
    length_symbol,
};
use super::super::flate::window::zeros;

/// Tokens of a block at most: one for each of 65,535 bytes. A power of two, so that a mask bounds
/// an index.
const CAPACITY: usize = 1 << 16;

/// Symbols of literals and lengths, rounded up so that a mask bounds them.
pub(super) const SYMBOLS: usize = 512;

/// Length of the shortest match.
const MIN_MATCH: u32 = 3;

/// Length of the longest match.
pub(super) const MAX_MATCH: u32 = 258;

/// A literal or a match.
///
/// From the lowest bit on: the symbol of the literal or length (9 bits), the extra bits of the
/// length (5), the distance counted from 1 (15), and whether it is a match.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Token(u32);

impl Token {
    const EXTRA_SHIFT: u32 = 9;
    const DISTANCE_SHIFT: u32 = 14;
    const MATCH: u32 = 1 << 29;

    const fn literal(byte: u8) -> Self {
        Self(byte as u32)
    }

    /// A match of this length, counted from 3, without its distance.
    #[expect(clippy::cast_possible_truncation, reason = "a symbol is below 286")]
    fn of_length(length: u8) -> Self {
        let symbol = length_symbol(length);
        let extra = u32::from(length) & ((1 << LENGTH_EXTRA_LENS[symbol]) - 1);
        Self(Self::MATCH | extra << Self::EXTRA_SHIFT | (FIRST_LENGTH + symbol) as u32)
    }

    /// The same with a distance, counted from 1.
    const fn at(self, distance: u32) -> Self {
        Self(self.0 | distance << Self::DISTANCE_SHIFT)
    }

    /// That of the literal or the length.
    pub(super) const fn symbol(self) -> usize {
        self.0 as usize & (SYMBOLS - 1)
    }

    /// The extra bits of the length.
    pub(super) const fn extra(self) -> u32 {
        self.0 >> Self::EXTRA_SHIFT & 31
    }

    /// The distance, counted from 1; nothing for a literal.
    pub(super) const fn distance(self) -> Option<u16> {
        let is_match = self.0 & Self::MATCH != 0;
        if is_match { Some((self.0 >> Self::DISTANCE_SHIFT & 0x7fff) as u16) } else { None }
    }
}

/// The tokens of a block.
pub(super) struct Tokens {
    list: Box<[Token; CAPACITY + 8]>,
    len: usize,
    /// How often each symbol of a distance occurs.
    distances: [u32; DISTANCES],
    /// What a match of each length is, without its distance.
    lengths: [Token; 256],
}

impl Tokens {
    pub(super) fn new() -> Self {
        let mut lengths = [Token::default(); 256];
        for (length, token) in (0..=u8::MAX).zip(&mut lengths) {
            *token = Token::of_length(length);
        }
        Self { list: zeros(), len: 0, distances: [0; DISTANCES], lengths }
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
        self.distances.fill(0);
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn as_slice(&self) -> &[Token] {
        &self.list[..self.len]
    }

    /// How often each symbol occurs, the end of the block once.
    pub(super) fn counts(&self) -> Counts {
        // Neighbours are often equal: counted apart, the second does not wait for the first.
        let (mut even, mut odd) = ([0_u32; SYMBOLS], [0_u32; SYMBOLS]);
        let pairs = self.as_slice().chunks_exact(2);
        for token in pairs.remainder() {
            even[token.symbol()] += 1;
        }
        for pair in pairs {
            even[pair[0].symbol()] += 1;
            odd[pair[1].symbol()] += 1;
        }
        let mut literals = [0; LITERALS];
        for (count, (even, odd)) in literals.iter_mut().zip(even.iter().zip(odd)) {
            *count = even + odd;
        }
        literals[END_OF_BLOCK] = 1;
        Counts { literals, distances: self.distances }
    }

    #[inline]
    fn push(&mut self, token: Token) {
        self.list[self.len & (CAPACITY - 1)] = token;
        self.len = self.len.wrapping_add(1);
    }

    #[inline]
    pub(super) fn push_literal(&mut self, byte: u8) {
        self.push(Token::literal(byte));
    }

    /// Adds the first `count` of some bytes as literals.
    #[inline]
    pub(super) fn push_literals(&mut self, bytes: [u8; 8], count: usize) {
        // The tokens behind are overwritten.
        let start = self.len & (CAPACITY - 1);
        for (token, byte) in self.list[start..start + 8].iter_mut().zip(bytes) {
            *token = Token::literal(byte);
        }
        self.len = self.len.wrapping_add(count);
    }

    /// Adds a match of at least 3 bytes; a longer one than deflate has becomes several.
    ///
    /// The distance is from 1 to 32,768.
    #[inline]
    pub(super) fn push_match(&mut self, len: u32, distance: u32) {
        let distance = distance.wrapping_sub(1) & 0x7fff;
        let symbol = distance_symbol((distance & 0x7fff) as u16);
        let mut rest = len;
        // What is left of a long one must be long enough for a match of its own.
        while rest > MAX_MATCH {
            let part = if rest > MAX_MATCH + MIN_MATCH { MAX_MATCH } else { MAX_MATCH - MIN_MATCH };
            self.push_part(part, distance, symbol);
            rest -= part;
        }
        self.push_part(rest, distance, symbol);
    }

    #[inline]
    fn push_part(&mut self, len: u32, distance: u32, symbol: usize) {
        let length = self.lengths[len.wrapping_sub(MIN_MATCH) as usize & 0xff];
        self.push(length.at(distance));
        self.distances[symbol] += 1;
    }
}
