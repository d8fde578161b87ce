//! The header of a block with codes of its own: the lengths of their words, as RFC 1951 3.2.7 has
//! them, with the runs and the code that Go's and klauspost's encoders choose.

use super::bits::{BitWriter, Piece};
use super::codes::Codes;
use super::huffman::{Code, Word};
use super::symbols::{DISTANCES, FIRST_LENGTH, LITERALS};

/// Lengths up to 15, then three kinds of runs.
const SYMBOLS: usize = 19;

/// Repeats the length before it 3 to 6 times.
const AGAIN: u8 = 16;

/// 3 to 10 symbols without a word.
const SHORT_GAP: u8 = 17;

/// 11 to 138 symbols without a word.
const LONG_GAP: u8 = 18;

/// How many extra bits follow each symbol.
const EXTRA_LENS: [u8; SYMBOLS] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 7];

/// In which order the lengths of the symbols' own words are written.
const ORDER: [u8; SYMBOLS] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The longest word of a symbol, in bits.
const MAX_WORD_LEN: usize = 7;

/// How many lengths of those words are written at least.
const MIN_LENS: u8 = 4;

/// A symbol with its extra bits.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    symbol: u8,
    extra: u8,
}

/// The header of a block with codes of its own.
#[derive(Debug)]
pub struct Header {
    /// How many lengths there are of the literals' words.
    literals: usize,
    /// How many lengths there are of the distances' words.
    distances: usize,
    steps: Steps,
    code: Code<SYMBOLS>,
    /// How many lengths are written of the code's own words.
    lens: u8,
}

impl Header {
    /// The header that tells `codes`; the literals' code has a word for the end of a block.
    pub fn new(codes: &Codes) -> Self {
        let mut lens = [0_u8; LITERALS + DISTANCES];
        let literals = copy_lens(codes.literals.words(), &mut lens).max(FIRST_LENGTH);
        let distances = copy_lens(codes.distances.words(), &mut lens[literals..]).max(1);
        Self::of_lens(&lens, literals, distances)
    }

    /// The header that tells of every symbol, whether it has a word or not.
    pub fn untrimmed(codes: &Codes) -> Self {
        let mut lens = [0_u8; LITERALS + DISTANCES];
        copy_lens(codes.literals.words(), &mut lens);
        copy_lens(codes.distances.words(), &mut lens[LITERALS..]);
        Self::of_lens(&lens, LITERALS, DISTANCES)
    }

    fn of_lens(lens: &[u8; LITERALS + DISTANCES], literals: usize, distances: usize) -> Self {
        let mut steps = Steps::new();
        for run in lens[..literals + distances].chunk_by(PartialEq::eq) {
            steps.add_run(run[0], run.len());
        }
        let mut code = Code::empty();
        code.build(&steps.counts, MAX_WORD_LEN);
        let is_used = |symbol: u8| steps.counts[usize::from(symbol)] > 0;
        let used = (1..).zip(ORDER).filter(|(_, symbol)| is_used(*symbol));
        let lens = used.map(|(lens, _)| lens).fold(MIN_LENS, u8::max);
        Self { literals, distances, steps, code, lens }
    }

    /// How many bits it has, the three that begin the block among them.
    pub fn cost(&self) -> u32 {
        let counts = &self.steps.counts;
        let extra: u32 = counts.iter().zip(EXTRA_LENS).map(|(n, len)| n * u32::from(len)).sum();
        3 + 5 + 5 + 4 + 3 * u32::from(self.lens) + self.code.cost(counts) + extra
    }

    /// Begins the block, which is the last one or not.
    pub fn put(&self, last: bool, bits: &mut BitWriter, out: &mut Vec<u8>) {
        let words = self.code.words();
        let numbers = [
            (u64::from(last), 1),
            (0b10, 2),
            ((self.literals - FIRST_LENGTH) as u64, 5),
            ((self.distances - 1) as u64, 5),
            ((self.lens - MIN_LENS).into(), 4),
        ];
        bits.put_all(numbers.map(|(bits, len)| Piece { bits, len }), out);
        let len_of = |symbol: &u8| words[usize::from(*symbol)].len;
        let lens = ORDER[..usize::from(self.lens)].iter().map(len_of);
        bits.put_all(lens.map(|len| Piece { bits: len.into(), len: 3 }), out);
        let piece_of = |step: &Step| {
            let symbol = usize::from(step.symbol);
            let extra = Piece { bits: step.extra.into(), len: EXTRA_LENS[symbol].into() };
            Piece::from(words[symbol]).then(extra)
        };
        bits.put_all(self.steps.list[..self.steps.len].iter().map(piece_of), out);
    }
}

/// Copies the lengths of words; returns how many there are up to the last symbol with a word.
fn copy_lens(words: &[Word], lens: &mut [u8]) -> usize {
    for (len, word) in lens.iter_mut().zip(words) {
        *len = word.len;
    }
    words.iter().rposition(|word| word.len > 0).map_or(0, |last| last + 1)
}

/// The lengths of words one after the other, runs of them shortened.
#[derive(Debug)]
struct Steps {
    list: [Step; LITERALS + DISTANCES],
    len: usize,
    counts: [u32; SYMBOLS],
}

impl Steps {
    fn new() -> Self {
        Self { list: [Step::default(); LITERALS + DISTANCES], len: 0, counts: [0; SYMBOLS] }
    }

    fn add(&mut self, symbol: u8, extra: usize) {
        let extra = u8::try_from(extra).expect("a run is below 139");
        self.list[self.len] = Step { symbol, extra };
        self.len += 1;
        self.counts[usize::from(symbol)] += 1;
    }

    /// A run of symbols whose words have `word_len` bits, or which have no word (0).
    fn add_run(&mut self, word_len: u8, count: usize) {
        let mut rest = count;
        if word_len == 0 {
            while rest >= 11 {
                let now = rest.min(138);
                self.add(LONG_GAP, now - 11);
                rest -= now;
            }
            if rest >= 3 {
                self.add(SHORT_GAP, rest - 3);
                rest = 0;
            }
        } else {
            self.add(word_len, 0);
            rest -= 1;
            while rest >= 3 {
                let now = rest.min(6);
                self.add(AGAIN, now - 3);
                rest -= now;
            }
        }
        for _ in 0..rest {
            self.add(word_len, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps_of(word_len: u8, count: usize) -> Vec<(u8, u8)> {
        let mut steps = Steps::new();
        steps.add_run(word_len, count);
        steps.list[..steps.len].iter().map(|step| (step.symbol, step.extra)).collect()
    }

    #[test]
    fn runs_of_one_length_are_shortened() {
        assert_eq!(steps_of(8, 1), [(8, 0)]);
        assert_eq!(steps_of(8, 3), [(8, 0), (8, 0), (8, 0)]);
        assert_eq!(steps_of(8, 4), [(8, 0), (16, 0)]);
        assert_eq!(steps_of(8, 9), [(8, 0), (16, 3), (8, 0), (8, 0)]);
        assert_eq!(steps_of(8, 13), [(8, 0), (16, 3), (16, 3)]);
    }

    #[test]
    fn gaps_are_shortened() {
        assert_eq!(steps_of(0, 2), [(0, 0), (0, 0)]);
        assert_eq!(steps_of(0, 10), [(17, 7)]);
        assert_eq!(steps_of(0, 11), [(18, 0)]);
        assert_eq!(steps_of(0, 140), [(18, 127), (0, 0), (0, 0)]);
        assert_eq!(steps_of(0, 148), [(18, 127), (17, 7)]);
    }
}
