//! Level best: two tables, both two deep, and a guess at what each match would cost.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "lengths, distances and costs are below 2^30, and low halves of words are wanted"
)]

use super::codes;
use super::entropy::entropy_bits;
use super::history::{Pair, Window, common_len, hash, table, word32, word64};
use super::sequences::{MATCH_MIN, Parsed};

const LONG_BITS: u32 = 22;
const SHORT_BITS: u32 = 18;

/// Bytes at the end of a block where no match starts: eight are read at once, four ahead.
const MARGIN: usize = 8 + 4;

/// Blocks below this have no matches.
const SHORTEST: usize = 16;

/// No better match is sought than one of this length.
const GOOD_ENOUGH: usize = 250;

/// Bytes at the start of a match that may differ in a match which is sought from its end.
const SKIPPED: usize = 2;

/// The cost of a match that is not worth its sequence.
const NOT_WORTH: i32 = 131_074 * 8;

#[derive(Debug)]
pub(super) struct Best {
    long: Box<[u64; 1 << LONG_BITS]>,
    short: Box<[u64; 1 << SHORT_BITS]>,
}

/// What the offset of a sequence would name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offset {
    /// There is no match yet.
    None,
    /// A distance.
    Distance,
    /// The former distance of this number, behind literals.
    Former(u32),
    /// What the number means right behind a match: 1 the second latest distance, 2 the third, 3
    /// the latest less one.
    FormerAtOnce(u32),
}

/// A match that may be taken.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    at: usize,
    from: usize,
    /// 0 where it is not worth its sequence.
    len: usize,
    offset: Offset,
    /// Bits above those of its literals; below 0 where it is worth it.
    cost: i32,
}

/// The way through a block.
struct Search<'a> {
    window: Window<'a>,
    parsed: &'a mut Parsed,
    /// The first byte that no sequence covers yet.
    pending: usize,
    /// The latest distances, the newest first; real ones once the block may repeat.
    last: [usize; 3],
    /// Bits of a literal, times 1024.
    literal_cost: i32,
}

impl Best {
    pub(super) fn new() -> Self {
        Self { long: table(), short: table() }
    }

    pub(super) fn lower(&mut self, less: u32) {
        self.long.iter_mut().for_each(|pair| Pair::lower(pair, less));
        self.short.iter_mut().for_each(|pair| Pair::lower(pair, less));
    }

    pub(super) fn parse(&mut self, window: &Window<'_>, parsed: &mut Parsed) {
        let block = window.block();
        if parsed.take_run(block) {
            return;
        }
        if block.len() < SHORTEST {
            parsed.literals.extend_from_slice(block);
            return;
        }
        let literal_cost = u64::from(entropy_bits(block)) * 1024 / block.len() as u64;
        let mut search = Search {
            window: *window,
            parsed,
            pending: window.start,
            last: [1, 4, 8],
            // No code of Huffman's is shorter than a bit.
            literal_cost: literal_cost.max(1024) as i32,
        };
        let limit = window.bytes.len() - MARGIN;
        let mut at = window.start;
        while at < limit {
            let found = self.find(&mut search, at, limit);
            if found.len < 4 {
                at += 1 + ((at - search.pending) >> 9);
                continue;
            }
            let end = search.take(&found);
            let noted = match found.offset {
                Offset::Former(_) | Offset::FormerAtOnce(_) => limit + 4,
                Offset::None | Offset::Distance => limit - 4,
            };
            self.note(window, at + 1, end.min(noted));
            at = end;
        }
        search.parsed.literals.extend_from_slice(&window.bytes[search.pending..]);
    }

    /// Notes every place from `at` to before `end`.
    fn note(&mut self, window: &Window<'_>, at: usize, end: usize) {
        for at in at..end {
            let word = word64(window.bytes, at);
            let position = window.position(at);
            Pair::push(&mut self.long[hash::<8, LONG_BITS>(word)], position);
            Pair::push(&mut self.short[hash::<4, SHORT_BITS>(word)], position);
        }
    }

    fn long(&self, word: u64) -> Pair {
        Pair::of(self.long[hash::<8, LONG_BITS>(word)])
    }

    fn short(&self, word: u64) -> Pair {
        Pair::of(self.short[hash::<4, SHORT_BITS>(word)])
    }

    /// Finds the match to take at `at` or close behind it, if its length is 4 at least.
    fn find(&mut self, search: &mut Search<'_>, at: usize, limit: usize) -> Candidate {
        let bytes = search.window.bytes;
        let word = word64(bytes, at);
        let (long, short) = (self.long(word), self.short(word));
        let mut best = Candidate { at, from: 0, len: 0, offset: Offset::None, cost: NOT_WORTH };
        for seen in [long.latest, long.former, short.latest, short.former] {
            search.improve(&mut best, seen, at, word as u32, Offset::Distance);
        }
        if search.parsed.may_repeat() && best.len < GOOD_ENOUGH {
            search.try_former(&mut best, at, word);
        }
        self.note(&search.window, at, at + 1);
        if best.len < 4 || best.len >= GOOD_ENOUGH {
            return best;
        }
        let (next, second) = (word64(bytes, at + 1), word64(bytes, at + 2));
        let (short, long, second_long) =
            (self.short(word >> 8), self.long(next), self.long(second));
        for (seen, ahead, word) in [
            (short.latest, 1, next),
            (long.latest, 1, next),
            (long.former, 1, next),
            (second_long.latest, 2, second),
            (second_long.former, 2, second),
        ] {
            search.improve(&mut best, seen, at + ahead, word as u32, Offset::Distance);
        }
        self.seek_from_end(search, &mut best, at, limit);
        best
    }

    /// Seeks a better match by what was seen with the word behind this one.
    fn seek_from_end(&self, search: &Search<'_>, best: &mut Candidate, at: usize, limit: usize) {
        let end = best.at + best.len;
        if best.at + SKIPPED <= at || end >= limit {
            return;
        }
        let pair = self.long(word64(search.window.bytes, end));
        for seen in [pair.latest, pair.former] {
            // Out of reach stays out of reach.
            let position = seen.saturating_sub((best.len - SKIPPED) as u32);
            if search.window.index(position).is_some() {
                let start = best.at + SKIPPED;
                let word = word32(search.window.bytes, start);
                search.improve(best, position, start, word, Offset::Distance);
            }
        }
    }
}

impl Search<'_> {
    /// Tries the latest distances: here when a match ends here, and one and three bytes ahead.
    fn try_former(&self, best: &mut Candidate, at: usize, word: u64) {
        let [first, second, third] = self.last;
        if at == self.pending {
            self.try_at(best, at, second, word as u32, Offset::FormerAtOnce(1));
            self.try_at(best, at, third, word as u32, Offset::FormerAtOnce(2));
            if first > 1 {
                self.try_at(best, at, first - 1, word as u32, Offset::FormerAtOnce(3));
            }
        }
        if !matches!(best.offset, Offset::None | Offset::Distance) {
            return;
        }
        self.try_ahead(best, at + 1, (word >> 8) as u32);
        if best.offset == Offset::Distance {
            self.try_ahead(best, at + 3, (word >> 24) as u32);
        }
    }

    fn try_ahead(&self, best: &mut Candidate, at: usize, word: u32) {
        for (number, distance) in (1..).zip(self.last) {
            self.try_at(best, at, distance, word, Offset::Former(number));
        }
    }

    fn try_at(&self, best: &mut Candidate, at: usize, distance: usize, word: u32, offset: Offset) {
        let position = self.window.position(at).wrapping_sub(distance as u32);
        self.improve(best, position, at, word, offset);
    }

    /// Takes the match of `at`, where `word` stands, with `position` for the best if it costs
    /// less.
    #[inline]
    fn improve(&self, best: &mut Candidate, position: u32, at: usize, word: u32, offset: Offset) {
        let bytes = self.window.bytes;
        let distance = self.window.position(at).wrapping_sub(position);
        if distance >= self.window.reach() || distance == 0 {
            return;
        }
        let distance = distance as usize;
        let Some(from) = at.checked_sub(distance) else { return };
        if word32(bytes, from) != word || self.is_hopeless(best, at, distance) {
            return;
        }
        let mut found =
            Candidate { at, from, len: 4 + common_len(bytes, at + 4, from + 4), offset, cost: 0 };
        if matches!(best.offset, Offset::None | Offset::Distance) {
            found.extend_back(bytes, self.pending, self.window.reach() as usize);
        }
        found.estimate(self.literal_cost);
        let ahead = ((found.at as i32 - best.at as i32) * self.literal_cost) >> 10;
        if best.cost >= NOT_WORTH || found.cost - best.cost + ahead < 0 {
            *best = found;
        }
    }

    /// Can a match that starts at `at` be told from afar to be no longer than a long one?
    #[inline]
    fn is_hopeless(&self, best: &Candidate, at: usize, distance: usize) -> bool {
        if best.len <= 16 {
            return false;
        }
        let bytes = self.window.bytes;
        let end = best.at + best.len;
        if end >= bytes.len() {
            return true;
        }
        let tail = end - 8;
        end + 2 < bytes.len()
            && tail > at + 4
            && word32(bytes, tail - distance) != word32(bytes, tail)
    }

    /// Takes a match; returns its end.
    fn take(&mut self, found: &Candidate) -> usize {
        let literals = &self.window.bytes[self.pending..found.at];
        let [first, second, third] = self.last;
        let distance = found.at - found.from;
        let (number, last) = match found.offset {
            Offset::Former(1) => (1, [first, second, third]),
            Offset::Former(2) => (2, [second, first, third]),
            Offset::Former(number) => (number, [third, first, second]),
            Offset::FormerAtOnce(1) => (1, [second, first, third]),
            Offset::FormerAtOnce(2) => (2, [third, first, second]),
            Offset::FormerAtOnce(number) => (number, [first - 1, first, second]),
            Offset::None | Offset::Distance => (distance as u32 + 3, [distance, first, second]),
        };
        self.parsed.push(literals, found.len, number);
        self.last = last;
        self.pending = found.at + found.len;
        self.pending
    }
}

impl Candidate {
    #[inline]
    fn extend_back(&mut self, bytes: &[u8], pending: usize, reach: usize) {
        let floor = self.at.saturating_sub(reach);
        while self.from > floor && self.at > pending && bytes[self.from - 1] == bytes[self.at - 1] {
            self.at -= 1;
            self.from -= 1;
            self.len += 1;
        }
    }

    /// What its sequence costs by the predefined tables, less what its bytes would as literals.
    #[inline]
    fn estimate(&mut self, literal_cost: i32) {
        let number = match self.offset {
            Offset::None | Offset::Distance => (self.at - self.from) as u32 + 3,
            Offset::Former(number) | Offset::FormerAtOnce(number) => number,
        };
        let match_len = (self.len - MATCH_MIN) as u32;
        self.cost = codes::predefined_cost(number, match_len) as i32;
        self.cost -= (self.len as i32 * literal_cost) >> 10;
        if self.cost > 0 {
            self.len = 0;
            self.cost = NOT_WORTH;
        }
    }
}
