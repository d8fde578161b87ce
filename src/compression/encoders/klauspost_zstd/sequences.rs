//! A block as matches with what was there before, and the bytes between them.

#![expect(clippy::cast_possible_truncation, reason = "lengths and distances are below 2^27")]

use super::history::{Window, common_len, word32};

/// The shortest match that the format knows.
pub(super) const MATCH_MIN: usize = 3;

/// Some literals, then a match.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sequence {
    pub(super) literal_len: u32,
    /// Length of the match above [`MATCH_MIN`].
    pub(super) match_len: u32,
    /// 1 to 3 for a former distance, otherwise the distance plus 3.
    pub(super) offset: u32,
}

/// A block, taken apart.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) literals: Vec<u8>,
    pub(super) sequences: Vec<Sequence>,
}

impl Parsed {
    pub(super) fn clear(&mut self) {
        self.literals.clear();
        self.sequences.clear();
    }

    #[inline]
    pub(super) fn push(&mut self, literals: &[u8], match_len: usize, offset: u32) {
        self.literals.extend_from_slice(literals);
        let (literal_len, match_len) = (literals.len() as u32, (match_len - MATCH_MIN) as u32);
        self.sequences.push(Sequence { literal_len, match_len, offset });
    }

    /// Parses a block that is one byte again and again; says whether it is.
    pub(super) fn take_run(&mut self, block: &[u8]) -> bool {
        if block.len() <= MATCH_MIN || common_len(block, 1, 0) < block.len() - 1 {
            return false;
        }
        self.push(&block[..1], block.len() - 1, 1 + 3);
        true
    }

    /// May sequences name former distances? The first three of a block do not, for those of the
    /// former block may not be known when this one is parsed.
    #[inline]
    pub(super) fn may_repeat(&self) -> bool {
        self.sequences.len() > 2
    }
}

/// A search for matches on its way through a block, which remembers the latest two distances.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    pub(super) bytes: &'a [u8],
    reach: usize,
    pub(super) parsed: &'a mut Parsed,
    /// The first byte that no sequence covers yet.
    pub(super) pending: usize,
    /// The latest distances, the newest first; real ones once the block may repeat.
    pub(super) last: [usize; 2],
}

impl<'a> Scan<'a> {
    pub(super) fn new(window: &Window<'a>, parsed: &'a mut Parsed) -> Self {
        let reach = window.reach() as usize;
        Self { bytes: window.bytes, reach, parsed, pending: window.start, last: [1, 4] }
    }

    /// Do four bytes at `at` match at the latest distance? Only where the block may repeat.
    #[inline]
    pub(super) fn repeats(&self, at: usize, word: u32) -> bool {
        // A real distance is at most the index where it was found, which is below `at`.
        word32(self.bytes, at - self.last[0]) == word
    }

    /// Takes a match of at least four bytes at the latest distance, `ahead` bytes ahead of where
    /// the search stands; returns its end.
    #[inline]
    pub(super) fn take_repeat(&mut self, at: usize, ahead: usize) -> usize {
        let mut start = at + ahead;
        let mut from = start - self.last[0];
        let end = start + 4 + common_len(self.bytes, start + 4, from + 4);
        let floor = at.saturating_sub(self.reach);
        // One literal is kept: without any, a former distance would have another number.
        while from > floor
            && start > self.pending + 1
            && self.bytes[from - 1] == self.bytes[start - 1]
        {
            start -= 1;
            from -= 1;
        }
        self.parsed.push(&self.bytes[self.pending..start], end - start, 1);
        self.pending = end;
        end
    }

    /// Takes a match of `len` bytes at `at` with those at `from`, and what matches before it;
    /// returns its start and end.
    #[inline]
    pub(super) fn take(&mut self, at: usize, from: usize, len: usize) -> (usize, usize) {
        let (end, distance) = (at + len, at - from);
        self.last = [distance, self.last[0]];
        let (mut start, mut from) = (at, from);
        let floor = at.saturating_sub(self.reach);
        while from > floor && start > self.pending && self.bytes[from - 1] == self.bytes[start - 1]
        {
            start -= 1;
            from -= 1;
        }
        let offset = distance as u32 + 3;
        self.parsed.push(&self.bytes[self.pending..start], end - start, offset);
        self.pending = end;
        (start, end)
    }

    /// Do four bytes right behind a match match at the distance before its own? Only where the
    /// block may repeat.
    #[inline]
    pub(super) fn alternates(&self, at: usize, word: u32) -> bool {
        word32(self.bytes, at - self.last[1]) == word
    }

    /// Takes a match right behind another, at the distance before the other's; returns its end.
    #[inline]
    pub(super) fn take_alternate(&mut self, at: usize) -> usize {
        let end = at + 4 + common_len(self.bytes, at + 4, at + 4 - self.last[1]);
        self.last.reverse();
        // Without literals, number 1 is the second latest distance.
        self.parsed.push(&[], end - at, 1);
        self.pending = end;
        end
    }

    /// Leaves the rest of the block as literals.
    pub(super) fn finish(self) {
        self.parsed.literals.extend_from_slice(&self.bytes[self.pending..]);
    }
}
