//! The header of a block with codes of its own, as it was written: RFC 1951 3.2.7 leaves the writer
//! all of it, the lengths of the words, the runs that tell them, and the words of those.

use super::trees::word_lens;
use crate::compression::encoders::flate::bits::{BitWriter, Piece};
use crate::compression::encoders::flate::codes::Counts;
use crate::compression::encoders::flate::huffman::Code;
use crate::compression::encoders::flate::symbols::{
    DISTANCES, FIRST_LENGTH, LITERALS, MAX_WORD_LEN,
};

/// Steps that tell lengths: each length, then three kinds of runs.
pub(super) const STEPS: usize = 19;

/// In which order the lengths of the steps' words are written.
pub(super) const ORDER: [usize; STEPS] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The fewest lengths of the steps' words.
pub(super) const FEWEST_STEP_LENS: usize = 4;

/// The longest word of a step, in bits.
const MAX_STEP_LEN: u8 = 7;

/// The lengths of the words of both codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lens {
    pub(super) literals: [u8; LITERALS],
    pub(super) distances: [u8; DISTANCES],
    /// Symbols that are told of.
    pub(super) literals_told: usize,
    pub(super) distances_told: usize,
}

impl Lens {
    /// As zlib chooses them.
    pub(super) fn of_counts(counts: &Counts) -> Self {
        let longest = u8::try_from(MAX_WORD_LEN).expect("below 16");
        let (literals, literals_told) = word_lens(&counts.literals, longest);
        let (distances, distances_told) = word_lens(&counts.distances, longest);
        Self { literals, distances, literals_told, distances_told }
    }

    /// All that are told, in the order in which they are.
    pub(super) fn told(&self) -> impl Iterator<Item = u8> {
        let literals = self.literals[..self.literals_told].iter();
        literals.chain(&self.distances[..self.distances_told]).copied()
    }
}

/// A length, or a run of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A length of 15 or less.
    Len(u8),
    /// The length before, 3 to 6 times.
    Again(u8),
    /// 3 to 10 symbols without a word.
    ShortGap(u8),
    /// 11 to 138 symbols without a word.
    LongGap(u8),
}

impl Step {
    /// Symbols that it tells of.
    pub(super) const fn symbols(self) -> u8 {
        match self {
            Self::Len(_) => 1,
            Self::Again(symbols) | Self::ShortGap(symbols) | Self::LongGap(symbols) => symbols,
        }
    }

    const fn number(self) -> usize {
        match self {
            Self::Len(len) => len as usize,
            Self::Again(_) => 16,
            Self::ShortGap(_) => 17,
            Self::LongGap(_) => 18,
        }
    }

    const fn extra(self) -> Piece {
        match self {
            Self::Len(_) => Piece { bits: 0, len: 0 },
            Self::Again(symbols) => Piece { bits: (symbols - 3) as u64, len: 2 },
            Self::ShortGap(symbols) => Piece { bits: (symbols - 3) as u64, len: 3 },
            Self::LongGap(symbols) => Piece { bits: (symbols - 11) as u64, len: 7 },
        }
    }
}

/// Where zlib's rule for runs is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runs {
    /// On each of the codes, as zlib does.
    Apart,
    /// On all lengths, so that a run may go from one code to the other.
    Across,
}

impl Runs {
    /// The steps that tell the lengths.
    pub(super) fn steps(self, lens: &Lens) -> Vec<Step> {
        let told: Vec<u8> = lens.told().collect();
        let (literals, distances) = told.split_at(lens.literals_told);
        match self {
            Self::Apart => [steps(literals), steps(distances)].concat(),
            Self::Across => steps(&told),
        }
    }
}

/// zlib's rule for runs.
fn steps(lens: &[u8]) -> Vec<Step> {
    let mut steps = Vec::with_capacity(lens.len());
    for run in lens.chunk_by(PartialEq::eq) {
        let mut left = run.len();
        while left > 0 {
            let (step, symbols) = match (run[0], left) {
                (0, 11..) => (Step::LongGap(count(left.min(138))), left.min(138)),
                (0, 3..) => (Step::ShortGap(count(left)), left),
                (len, _) if left == run.len() => (Step::Len(len), 1),
                (1.., 3..) => (Step::Again(count(left.min(6))), left.min(6)),
                (len, _) => (Step::Len(len), 1),
            };
            steps.push(step);
            left -= symbols;
        }
    }
    steps
}

fn count(symbols: usize) -> u8 {
    u8::try_from(symbols).expect("138 at most")
}

/// A whole header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) lens: Lens,
    pub(super) steps: Vec<Step>,
    pub(super) step_lens: StepLens,
}

/// The lengths of the steps' words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StepLens {
    pub(super) lens: [u8; STEPS],
    /// Those of the [`ORDER`] that are written.
    pub(super) told: usize,
}

impl StepLens {
    /// As zlib chooses them.
    pub(super) fn of_steps(steps: &[Step]) -> Self {
        let mut counts = [0; STEPS];
        for step in steps {
            counts[step.number()] += 1;
        }
        let (lens, _) = word_lens(&counts, MAX_STEP_LEN);
        let used = ORDER.iter().rposition(|step| lens[*step] > 0);
        let told = used.map_or(0, |last| last + 1).max(FEWEST_STEP_LENS);
        Self { lens, told }
    }
}

impl Header {
    /// As zlib writes it for a block.
    pub(super) fn of_counts(counts: &Counts) -> Self {
        let lens = Lens::of_counts(counts);
        let steps = Runs::Apart.steps(&lens);
        let step_lens = StepLens::of_steps(&steps);
        Self { lens, steps, step_lens }
    }

    /// Writes what follows the three bits that begin a block; `None` where there is no such code.
    pub(super) fn put(&self, bits: &mut BitWriter, out: &mut Vec<u8>) -> Option<()> {
        let code = Code::of_lens(&self.step_lens.lens)?;
        let piece = |number: usize, len| Piece { bits: number as u64, len };
        let Lens { literals_told, distances_told, .. } = self.lens;
        let numbers = [
            piece(literals_told - FIRST_LENGTH, 5),
            piece(distances_told - 1, 5),
            piece(self.step_lens.told - FEWEST_STEP_LENS, 4),
        ];
        bits.put_all(numbers, out);
        let step_lens = ORDER[..self.step_lens.told].iter().map(|step| self.step_lens.lens[*step]);
        bits.put_all(step_lens.map(|len| piece(len.into(), 3)), out);
        let steps = self.steps.iter();
        let pieces = steps.map(|step| Piece::from(code.words()[step.number()]).then(step.extra()));
        bits.put_all(pieces, out);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_cut_as_zlib_cuts_them() {
        use Step::{Again, Len, LongGap, ShortGap};
        let lens = |runs: &[(u8, usize)]| {
            runs.iter().flat_map(|(len, symbols)| vec![*len; *symbols]).collect::<Vec<u8>>()
        };
        for (runs, expected) in [
            (&[(0, 2), (5, 3)][..], &[Len(0), Len(0), Len(5), Len(5), Len(5)][..]),
            (&[(0, 3), (5, 4)], &[ShortGap(3), Len(5), Again(3)]),
            (&[(0, 10), (5, 9)], &[ShortGap(10), Len(5), Again(6), Len(5), Len(5)]),
            (&[(0, 11), (5, 10)], &[LongGap(11), Len(5), Again(6), Again(3)]),
            (&[(0, 140)], &[LongGap(138), Len(0), Len(0)]),
            (&[(0, 141)], &[LongGap(138), ShortGap(3)]),
        ] {
            assert_eq!(steps(&lens(runs)), expected, "{runs:?}");
        }
    }
}
