//! The tokens of the block that is being made.

use super::super::flate::codes::Token;
use super::super::flate::symbols::{MAX_MATCH, MIN_MATCH};

/// Tokens of a block at most: one for each of 65,535 bytes. A power of two, so that a mask bounds
/// an index.
const CAPACITY: usize = 1 << 16;

/// The tokens of a block.
pub(super) struct Tokens {
    list: Box<[Token; CAPACITY]>,
    len: usize,
}

impl Tokens {
    pub(super) fn new() -> Self {
        let list = vec![Token::default(); CAPACITY].into_boxed_slice();
        Self { list: list.try_into().expect("a list of that length"), len: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn as_slice(&self) -> &[Token] {
        &self.list[..self.len]
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

    #[inline]
    pub(super) fn push_literals(&mut self, bytes: &[u8]) {
        let start = self.len & (CAPACITY - 1);
        for (token, &byte) in self.list[start..].iter_mut().zip(bytes) {
            *token = Token::literal(byte);
        }
        self.len = self.len.wrapping_add(bytes.len());
    }

    /// Adds a match of at least 3 bytes; a longer one than deflate has becomes several.
    ///
    /// The distance is from 1 to 32,768.
    #[inline]
    pub(super) fn push_match(&mut self, len: u32, distance: u32) {
        const MIN: u32 = MIN_MATCH as u32;
        const MAX: u32 = MAX_MATCH as u32;
        let distance = (distance.wrapping_sub(1) & 0x7fff) as u16;
        let mut rest = len;
        // What is left of a long one must be long enough for a match of its own.
        while rest > MAX {
            let part = if rest > MAX + MIN { MAX } else { MAX - MIN };
            self.push(Token::matched(((part - MIN) & 0xff) as u8, distance));
            rest -= part;
        }
        self.push(Token::matched((rest.wrapping_sub(MIN) & 0xff) as u8, distance));
    }
}
