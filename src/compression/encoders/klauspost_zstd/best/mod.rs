//! Level best: two tables, both two deep, and a guess at what each match would cost.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "lengths, distances and costs are below 2^30, and low halves of words are wanted"
)]

mod candidate;
mod early;
mod late;

use candidate::{Candidate, Offset};

use super::entropy::entropy_bits;
use super::history::{Pair, Window, hash, table, word64};
use super::parameters::Era;
use super::sequences::Parsed;

const LONG_BITS: u32 = 22;
const SHORT_BITS: u32 = 18;

/// Bytes at the end of a block where no match starts: eight are read at once, four ahead.
const MARGIN: usize = 8 + 4;

/// Blocks below this have no matches.
const SHORTEST: usize = 16;

#[derive(Debug)]
pub(super) struct Best {
    long: Box<[u64; 1 << LONG_BITS]>,
    short: Box<[u64; 1 << SHORT_BITS]>,
    era: Era,
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
    era: Era,
}

impl Best {
    pub(super) fn new(era: Era) -> Self {
        Self { long: table(), short: table(), era }
    }

    pub(super) fn set_era(&mut self, era: Era) {
        self.era = era;
    }

    pub(super) fn lower(&mut self, less: u32) {
        self.long.iter_mut().for_each(|pair| Pair::lower(pair, less));
        self.short.iter_mut().for_each(|pair| Pair::lower(pair, less));
    }

    pub(super) fn parse(&mut self, window: &Window<'_>, parsed: &mut Parsed) {
        let block = window.block();
        if self.era >= Era::V1_17_8 && parsed.take_run(block) {
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
            era: self.era,
        };
        let limit = window.bytes.len() - MARGIN;
        if self.era < Era::V1_16_4 {
            self.scan_early(&mut search, limit);
        } else {
            self.scan_late(&mut search, limit);
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
}

impl Search<'_> {
    /// How far to move on from where nothing was found.
    fn stride(&self, at: usize) -> usize {
        1 + ((at - self.pending) >> 9)
    }

    /// Takes a match, and what matches before it down to `floor`; returns its start and end.
    fn take(&mut self, found: &Candidate, floor: usize) -> (usize, usize) {
        let mut taken = *found;
        taken.extend_back(self.window.bytes, floor, self.window.reach() as usize);
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
        let end = found.at + found.len;
        self.parsed.push(&self.window.bytes[self.pending..taken.at], taken.len, number);
        self.last = last;
        self.pending = end;
        (taken.at, end)
    }
}
