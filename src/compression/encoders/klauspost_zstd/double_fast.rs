//! Level default: a table of matches of eight bytes and one of matches of five.

#![expect(clippy::cast_possible_truncation, reason = "low halves of words are wanted")]

use super::history::{Entry, Window, common_len, hash, table, word64};
use super::sequences::{Parsed, Scan};

const LONG_BITS: u32 = 17;
const SHORT_BITS: u32 = 15;

/// Bytes at the end of a block where no match starts: eight are read at once, two ahead.
const MARGIN: usize = 8 + 2;

/// Blocks below this have no matches.
const SHORTEST: usize = 16;

#[derive(Debug)]
pub(super) struct DoubleFast {
    long: Box<[u64; 1 << LONG_BITS]>,
    short: Box<[u64; 1 << SHORT_BITS]>,
}

impl DoubleFast {
    pub(super) fn new() -> Self {
        Self { long: table(), short: table() }
    }

    pub(super) fn lower(&mut self, less: u32) {
        self.long.iter_mut().for_each(|entry| Entry::lower(entry, less));
        self.short.iter_mut().for_each(|entry| Entry::lower(entry, less));
    }

    /// Parses a block; `is_alone` where it is the whole content.
    pub(super) fn parse(&mut self, window: &Window<'_>, is_alone: bool, parsed: &mut Parsed) {
        if window.block().len() < SHORTEST {
            parsed.literals.extend_from_slice(window.block());
            return;
        }
        let limit = window.bytes.len() - MARGIN;
        let mut scan = Scan::new(window, parsed);
        let mut at = window.start;
        while at < limit {
            let may_repeat = scan.parsed.may_repeat();
            let word = word64(scan.bytes, at);
            let (long, short) = self.note(window, at, word);
            if may_repeat && scan.repeats(at + 1, (word >> 8) as u32) {
                at = scan.take_repeat(at, 1);
                continue;
            }
            let Some((start, distance)) = self.choose(window, at, word, long, short) else {
                at += 1 + ((at - scan.pending) >> 7);
                continue;
            };
            let from = start - distance as usize;
            let len = 4 + common_len(scan.bytes, start + 4, from + 4);
            let (start, end) = scan.take(start, from, len);
            at = end;
            if at >= limit {
                break;
            }
            self.note_edges(window, start, end);
            // A block alone looks at its third match already.
            if may_repeat || is_alone && scan.parsed.may_repeat() {
                at = self.alternate(window, &mut scan, at, limit, is_alone);
            }
        }
        scan.finish();
    }

    /// Notes the word at `at` in both tables; returns what was there.
    #[inline]
    fn note(&mut self, window: &Window<'_>, at: usize, word: u64) -> (Entry, Entry) {
        let entry = Entry::pack(window.position(at), word);
        let long = &mut self.long[hash::<8, LONG_BITS>(word)];
        let short = &mut self.short[hash::<5, SHORT_BITS>(word)];
        let seen = (Entry::of(*long), Entry::of(*short));
        (*long, *short) = (entry, entry);
        seen
    }

    /// Prefers a long match, even one byte behind a short one; returns start and distance.
    #[inline]
    fn choose(
        &mut self,
        window: &Window<'_>,
        at: usize,
        word: u64,
        long: Entry,
        short: Entry,
    ) -> Option<(usize, u32)> {
        let position = window.position(at);
        let distance = position.wrapping_sub(long.position);
        if distance < window.reach() && long.word == word as u32 {
            return Some((at, distance));
        }
        let distance = position.wrapping_sub(short.position);
        if distance >= window.reach() || short.word != word as u32 {
            return None;
        }
        let (next, next_position) = (word64(window.bytes, at + 1), position.wrapping_add(1));
        let slot = &mut self.long[hash::<8, LONG_BITS>(next)];
        let long = Entry::of(*slot);
        *slot = Entry::pack(next_position, next);
        let next_distance = next_position.wrapping_sub(long.position);
        if next_distance < window.reach() && long.word == next as u32 {
            return Some((at + 1, next_distance));
        }
        Some((at, distance))
    }

    /// Notes places just inside a match.
    #[inline]
    fn note_edges(&mut self, window: &Window<'_>, start: usize, end: usize) {
        for at in [start + 1, end - 2] {
            let word = word64(window.bytes, at);
            self.long[hash::<8, LONG_BITS>(word)] = Entry::pack(window.position(at), word);
            let (word, at) = (word >> 8, at + 1);
            self.short[hash::<5, SHORT_BITS>(word)] = Entry::pack(window.position(at), word);
        }
    }

    #[inline]
    fn alternate(
        &mut self,
        window: &Window<'_>,
        scan: &mut Scan<'_>,
        mut at: usize,
        limit: usize,
        is_alone: bool,
    ) -> usize {
        let first_slot = hash::<5, SHORT_BITS>(word64(scan.bytes, at));
        while at < limit {
            let word = word64(scan.bytes, at);
            if !scan.alternates(at, word as u32) {
                break;
            }
            let entry = Entry::pack(window.position(at), word);
            self.long[hash::<8, LONG_BITS>(word)] = entry;
            // A block alone notes each of them where the first belongs.
            let slot = if is_alone { first_slot } else { hash::<5, SHORT_BITS>(word) };
            self.short[slot] = entry;
            at = scan.take_alternate(at);
        }
        at
    }
}
