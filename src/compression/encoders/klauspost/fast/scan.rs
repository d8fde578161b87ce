//! Going through a block: from match to match, tokens behind.

use super::super::tokens::Tokens;
use super::history::{self, Buffer, History, REACH};

/// No match is looked for so close to the end of a block.
const MARGIN: u32 = 11;

/// Going through a block.
pub(super) struct Scan<'a> {
    buffer: &'a Buffer,
    bytes: &'a [u8],
    base: u32,
    /// Last position that is looked at.
    pub(super) limit: u32,
    /// The tokens stand for everything before this position.
    pub(super) told: u32,
    /// What is looked at next.
    pub(super) at: u32,
}

/// Equal bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match {
    pub(super) at: u32,
    pub(super) distance: u32,
    pub(super) len: u32,
}

impl<'a> Scan<'a> {
    /// Starts at a block of at least 13 bytes that ends where the history does.
    pub(super) fn new(history: &'a History, start: u32) -> Self {
        let buffer = history.buffer();
        let bytes = &buffer[..history.len() as usize];
        let limit = history.len() - MARGIN;
        Self { buffer, bytes, base: history.base(), limit, told: start, at: start }
    }

    pub(super) fn end(&self) -> u32 {
        self.bytes.len() as u32
    }

    /// The mark of a position.
    #[inline]
    pub(super) const fn mark(&self, at: u32) -> u32 {
        at.wrapping_add(self.base)
    }

    /// How far behind a position a mark is; beyond every reach where it is before it.
    #[inline]
    pub(super) const fn distance(&self, at: u32, mark: u32) -> u32 {
        self.mark(at).wrapping_sub(mark)
    }

    /// The 8 bytes at a position.
    #[inline]
    pub(super) fn long(&self, at: u32) -> u64 {
        history::long(self.buffer, at)
    }

    /// The 4 bytes at a position.
    #[inline]
    pub(super) fn word(&self, at: u32) -> u32 {
        history::word(self.buffer, at)
    }

    /// The distance to a mark, if it is in reach of a position and its bytes start with `word`.
    #[inline]
    pub(super) fn match_at(&self, at: u32, mark: u32, word: u64) -> Option<u32> {
        let distance = self.distance(at, mark);
        let found = distance < REACH && self.word(at.wrapping_sub(distance)) == low(word);
        found.then_some(distance)
    }

    /// How many bytes are equal from a position on.
    #[inline]
    pub(super) fn equal_len(&self, at: u32, distance: u32) -> u32 {
        let behind = at.wrapping_sub(distance) as usize;
        let (ahead, behind) = (&self.bytes[at as usize..], &self.bytes[behind..]);
        common_prefix(ahead, behind)
    }

    /// The same, of the next 254 bytes.
    #[inline]
    pub(super) fn equal_len_up_to_254(&self, at: u32, distance: u32) -> u32 {
        let behind = at.wrapping_sub(distance) as usize;
        let ahead = &self.bytes[at as usize..];
        common_prefix(&ahead[..ahead.len().min(254)], &self.bytes[behind..])
    }

    /// Adds the match, made longer backwards, and the literals before it; `at` is its end then.
    #[inline]
    pub(super) fn take(&mut self, mut found: Match, tokens: &mut Tokens) -> Match {
        let (mut at, mut behind) = (found.at as usize, (found.at - found.distance) as usize);
        while behind > 0 && at > self.told as usize && self.bytes[behind - 1] == self.bytes[at - 1]
        {
            (at, behind) = (at - 1, behind - 1);
        }
        found.len += found.at - at as u32;
        found.at = at as u32;
        tokens.push_literals(&self.bytes[self.told as usize..at]);
        tokens.push_match(found.len, found.distance);
        self.told = found.at + found.len;
        self.at = self.told;
        found
    }

    /// Adds what is left as literals; nothing where there was no match in the whole block.
    pub(super) fn finish(&self, tokens: &mut Tokens) {
        if !tokens.is_empty() {
            tokens.push_literals(&self.bytes[self.told as usize..]);
        }
    }
}

/// The lowest 4 bytes.
#[inline]
pub(super) const fn low(bytes: u64) -> u32 {
    (bytes & 0xffff_ffff) as u32
}

/// How many bytes are equal from the start on; at most 65,535 are given in one of the slices.
#[inline]
pub(in super::super) fn common_prefix(first: &[u8], second: &[u8]) -> u32 {
    let mut len = 0;
    let (firsts, seconds) = (first.chunks_exact(8), second.chunks_exact(8));
    let (first_rest, second_rest) = (first, second);
    for (first, second) in firsts.zip(seconds) {
        let (first, second) = (eight(first), eight(second));
        if first != second {
            return len + (first ^ second).trailing_zeros() / 8;
        }
        len += 8;
    }
    let rests = first_rest[len as usize..].iter().zip(&second_rest[len as usize..]);
    len + rests.take_while(|(first, second)| first == second).count() as u32
}

#[inline]
fn eight(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(*bytes.first_chunk().expect("chunks of 8"))
}
