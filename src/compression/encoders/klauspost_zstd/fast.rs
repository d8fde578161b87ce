//! Level fastest: one table of matches of six bytes.

#![expect(clippy::cast_possible_truncation, reason = "low halves of words are wanted")]

use super::history::{Entry, Window, common_len, hash, table, word64};
use super::sequences::{Parsed, Scan};

const BITS: u32 = 15;

/// Bytes at the end of a block where no match starts, as eight are read at once.
const MARGIN: usize = 8;

/// Blocks below this have no matches.
const SHORTEST: usize = MARGIN + 2;

#[derive(Debug)]
pub(super) struct Fast {
    table: Box<[u64; 1 << BITS]>,
}

impl Fast {
    pub(super) fn new() -> Self {
        Self { table: table() }
    }

    pub(super) fn lower(&mut self, less: u32) {
        self.table.iter_mut().for_each(|entry| Entry::lower(entry, less));
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
            let found = self.search(window, at, word);
            if may_repeat && scan.repeats(at + 2, (word >> 16) as u32) {
                at = scan.take_repeat(at, 2);
                continue;
            }
            let Some((start, distance)) = found else {
                at += 2 + ((at - scan.pending) >> 5);
                continue;
            };
            let from = start - distance as usize;
            let len = 4 + common_len(scan.bytes, start + 4, from + 4);
            (_, at) = scan.take(start, from, len);
            // A block alone looks at its third match already.
            if (may_repeat || is_alone && scan.parsed.may_repeat()) && at < limit {
                at = self.alternate(window, &mut scan, at);
            }
        }
        scan.finish();
    }

    /// Notes the words at `at` and behind it; returns where one of them was seen before, as a
    /// start and a distance.
    #[inline]
    fn search(&mut self, window: &Window<'_>, at: usize, word: u64) -> Option<(usize, u32)> {
        let position = window.position(at);
        let (slot, next_slot) = (hash::<6, BITS>(word), hash::<6, BITS>(word >> 8));
        let (seen, next_seen) = (Entry::of(self.table[slot]), Entry::of(self.table[next_slot]));
        self.table[slot] = Entry::pack(position, word);
        self.table[next_slot] = Entry::pack(position.wrapping_add(1), word >> 8);

        let distance = position.wrapping_sub(seen.position);
        if distance < window.reach() && seen.word == word as u32 {
            return Some((at, distance));
        }
        let distance = position.wrapping_add(1).wrapping_sub(next_seen.position);
        let is_match = distance < window.reach() && next_seen.word == (word >> 8) as u32;
        is_match.then_some((at + 1, distance))
    }

    #[inline]
    fn alternate(&mut self, window: &Window<'_>, scan: &mut Scan<'_>, at: usize) -> usize {
        let word = word64(scan.bytes, at);
        if !scan.alternates(at, word as u32) {
            return at;
        }
        self.table[hash::<6, BITS>(word)] = Entry::pack(window.position(at), word);
        scan.take_alternate(at)
    }
}
