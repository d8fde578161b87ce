//! Going through a block: from match to match, tokens behind.

use super::super::tokens::Tokens;
use super::history::{self, Buffer, History, REACH};

/// No match is looked for so close to the end of a block.
const MARGIN: u32 = 11;

/// Going through a block.
pub(super) struct Scan<'a> {
    buffer: &'a Buffer,
    /// Where the block ends.
    pub(super) end: u32,
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
        let (buffer, end) = (history.buffer(), history.len());
        Self { buffer, end, base: history.base(), limit: end - MARGIN, told: start, at: start }
    }

    /// What is looked at behind a position: `step` bytes on, and one more for each 2^`patience`
    /// bytes without a match.
    #[inline]
    pub(super) const fn after(&self, at: u32, step: u32, patience: u32) -> u32 {
        at.wrapping_add(step).wrapping_add(at.wrapping_sub(self.told) >> patience)
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
        let behind = at.wrapping_sub(distance);
        history::equal_len(self.buffer, at, behind, self.end.wrapping_sub(at))
    }

    /// The same, of the next 254 bytes.
    #[inline]
    pub(super) fn equal_len_up_to_254(&self, at: u32, distance: u32) -> u32 {
        let behind = at.wrapping_sub(distance);
        history::equal_len(self.buffer, at, behind, self.end.wrapping_sub(at).min(254))
    }

    /// Adds the match, made longer backwards, and the literals before it; `at` is its end then.
    #[inline]
    pub(super) fn take(&mut self, mut found: Match, tokens: &mut Tokens) -> Match {
        let behind = found.at - found.distance;
        let limit = behind.min(found.at - self.told);
        let longer = history::equal_len_before(self.buffer, found.at, behind, limit);
        found.at -= longer;
        found.len += longer;
        self.tell(found.at, tokens);
        tokens.push_match(found.len, found.distance);
        self.told = found.at + found.len;
        self.at = self.told;
        found
    }

    /// Adds the bytes up to a position as literals.
    #[inline]
    fn tell(&self, end: u32, tokens: &mut Tokens) {
        let mut at = self.told;
        let mut rest = end.wrapping_sub(at) as usize;
        // Once in any case: mostly, once is enough.
        loop {
            tokens.push_literals(self.long(at).to_le_bytes(), rest.min(8));
            if rest <= 8 {
                break;
            }
            (at, rest) = (at.wrapping_add(8), rest - 8);
        }
    }

    /// Adds what is left as literals; nothing where there was no match in the whole block.
    pub(super) fn finish(&self, tokens: &mut Tokens) {
        if !tokens.is_empty() {
            self.tell(self.end, tokens);
        }
    }
}

/// The lowest 4 bytes.
#[inline]
pub(super) const fn low(bytes: u64) -> u32 {
    (bytes & 0xffff_ffff) as u32
}
