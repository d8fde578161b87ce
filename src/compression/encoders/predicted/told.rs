//! The headers of blocks, told by what zlib would have chosen.

use super::coder::{Chance, Coder};
use super::header::{FEWEST_STEP_LENS, Header, Lens, ORDER, Runs, STEPS, Step, StepLens};
use super::numbers::Symbol;
use crate::compression::encoders::flate::codes::Counts;
use crate::compression::encoders::flate::symbols::{DISTANCES, FIRST_LENGTH, LITERALS};

/// What is learned of headers.
#[derive(Default)]
pub(super) struct Headers {
    is_zlibs: Chance,
    has_zlibs_lens: Chance,
    /// By the length that zlib would have chosen.
    literal_lens: [Symbol<16>; 16],
    distance_lens: [Symbol<16>; 16],
    runs: Symbol<4>,
    steps: Symbol<4>,
    /// Of the three runs.
    extras: [Symbol<128>; 3],
    has_zlibs_step_lens: Chance,
}

impl Headers {
    /// The header of a block in which symbols occur `counts` times. `actual` is what there is, for
    /// who writes; `None` comes back where there is no such header.
    pub(super) fn code(
        &mut self,
        coder: &mut impl Coder,
        counts: &Counts,
        actual: Option<&Header>,
    ) -> Option<Header> {
        let zlibs = Header::of_counts(counts);
        if coder.bit(actual == Some(&zlibs), &mut self.is_zlibs) {
            return Some(zlibs);
        }
        let lens = self.lens(coder, &zlibs.lens, actual.map(|actual| &actual.lens))?;
        let steps = self.steps(coder, &lens, actual.map(|actual| &actual.steps[..]))?;
        let step_lens = StepLens::of_steps(&steps);
        let step_lens = self.step_lens(coder, step_lens, actual.map(|actual| &actual.step_lens))?;
        Some(Header { lens, steps, step_lens })
    }

    fn lens(
        &mut self,
        coder: &mut impl Coder,
        zlibs: &Lens,
        actual: Option<&Lens>,
    ) -> Option<Lens> {
        if coder.bit(actual == Some(zlibs), &mut self.has_zlibs_lens) {
            return Some(zlibs.clone());
        }
        let actual = actual.unwrap_or(zlibs);
        let told = |told: usize, fewest: usize| u32::try_from(told - fewest).unwrap_or(0);
        let literals_told = coder.plain(told(actual.literals_told, FIRST_LENGTH), 5);
        let distances_told = coder.plain(told(actual.distances_told, 1), 5);
        let mut lens = Lens {
            literals: [0; LITERALS],
            distances: [0; DISTANCES],
            literals_told: usize::try_from(literals_told).ok()? + FIRST_LENGTH,
            distances_told: usize::try_from(distances_told).ok()? + 1,
        };
        let literals = lens.literals.get_mut(..lens.literals_told)?;
        let known = zlibs.literals.iter().zip(actual.literals);
        one_by_one(coder, &mut self.literal_lens, literals, known);
        let distances = lens.distances.get_mut(..lens.distances_told)?;
        let known = zlibs.distances.iter().zip(actual.distances);
        one_by_one(coder, &mut self.distance_lens, distances, known);
        Some(lens)
    }

    fn steps(
        &mut self,
        coder: &mut impl Coder,
        lens: &Lens,
        actual: Option<&[Step]>,
    ) -> Option<Vec<Step>> {
        const RULES: [Runs; 2] = [Runs::Apart, Runs::Across];
        let rule =
            actual.and_then(|actual| RULES.iter().position(|rule| rule.steps(lens) == actual));
        match RULES.get(self.runs.code(coder, rule.unwrap_or(RULES.len()))) {
            Some(rule) => Some(rule.steps(lens)),
            None => self.free_steps(coder, &lens.told().collect::<Vec<u8>>(), actual),
        }
    }

    /// Steps by no rule that is known.
    fn free_steps(
        &mut self,
        coder: &mut impl Coder,
        mut lens: &[u8],
        actual: Option<&[Step]>,
    ) -> Option<Vec<Step>> {
        let mut actual = actual.map(<[Step]>::iter);
        let mut steps = Vec::new();
        while let [len, ..] = lens {
            let step = match &mut actual {
                Some(actual) => Some(*actual.next()?),
                None => None,
            };
            let step = self.step(coder, *len, step)?;
            lens = lens.get(usize::from(step.symbols())..)?;
            steps.push(step);
        }
        Some(steps)
    }

    /// The step for a symbol whose word has the length `len`, and perhaps for more.
    fn step(&mut self, coder: &mut impl Coder, len: u8, actual: Option<Step>) -> Option<Step> {
        type Run = fn(u8) -> Step;
        const RUNS: [(Run, u8, u8); 3] =
            [(Step::Again, 3, 6), (Step::ShortGap, 3, 10), (Step::LongGap, 11, 138)];
        let kind = match actual {
            None | Some(Step::Len(_)) => 0,
            Some(Step::Again(_)) => 1,
            Some(Step::ShortGap(_)) => 2,
            Some(Step::LongGap(_)) => 3,
        };
        let Some(run) = self.steps.code(coder, kind).checked_sub(1) else {
            return Some(Step::Len(len));
        };
        let (step, fewest, most) = RUNS[run];
        let extra = actual.map_or(0, |actual| actual.symbols().saturating_sub(fewest));
        let extra = u8::try_from(self.extras[run].code(coder, extra.into())).ok()?;
        (extra <= most - fewest).then(|| step(fewest + extra))
    }

    fn step_lens(
        &mut self,
        coder: &mut impl Coder,
        zlibs: StepLens,
        actual: Option<&StepLens>,
    ) -> Option<StepLens> {
        if coder.bit(actual == Some(&zlibs), &mut self.has_zlibs_step_lens) {
            return Some(zlibs);
        }
        let actual = actual.unwrap_or(&zlibs);
        let told = u32::try_from(actual.told - FEWEST_STEP_LENS).ok()?;
        let told = usize::try_from(coder.plain(told, 4)).ok()? + FEWEST_STEP_LENS;
        let mut step_lens = StepLens { lens: [0; STEPS], told };
        for step in ORDER.get(..told)? {
            let len = coder.plain(actual.lens[*step].into(), 3);
            step_lens.lens[*step] = u8::try_from(len).ok()?;
        }
        Some(step_lens)
    }
}

/// Lengths of words, each by the one that zlib would have chosen.
fn one_by_one<'z>(
    coder: &mut impl Coder,
    chances: &mut [Symbol<16>; 16],
    lens: &mut [u8],
    known: impl Iterator<Item = (&'z u8, u8)>,
) {
    for (len, (zlibs, actual)) in lens.iter_mut().zip(known) {
        let chances = &mut chances[usize::from(*zlibs)];
        // Symbols of four bits.
        *len = u8::try_from(chances.code(coder, actual.into())).unwrap_or_default();
    }
}
