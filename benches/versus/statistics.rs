//! What several runs of one thing say together, and how figures are written.

use std::fmt::Write as _;

/// Seconds, or any other figure, of each run of one thing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// How many runs there were.
    pub(crate) fn runs(&self) -> usize {
        self.0.len()
    }

    /// The least of all runs: what others load the machine with only ever adds.
    pub(crate) fn min(&self) -> Option<f64> {
        self.0.iter().copied().min_by(f64::total_cmp)
    }

    /// By what part of the least the greatest is more: 0.0 where all are equal, none of a single run.
    pub(crate) fn spread(&self) -> Option<f64> {
        let greatest = self.0.iter().copied().max_by(f64::total_cmp)?;
        if self.runs() < 2 { None } else { Some(greatest / self.min()? - 1.0) }
    }
}

/// What a table shows where there is no figure.
pub(crate) const NONE: &str = "-";

/// `figure` with `digits` behind the point, or a dash.
pub(crate) fn decimal(figure: Option<f64>, digits: usize) -> String {
    figure.map_or_else(|| NONE.to_owned(), |figure| format!("{figure:.digits$}"))
}

/// One figure in terms of another, `0.95`; a dash where one is missing or there is nothing to divide by.
pub(crate) fn ratio(figure: Option<f64>, of: Option<f64>) -> String {
    let quotient = figure.zip(of).filter(|(_, of)| *of > 0.0).map(|(figure, of)| figure / of);
    decimal(quotient, 2)
}

/// A part in percent with its sign, `+12 %`.
pub(crate) fn percent(part: Option<f64>) -> String {
    part.map_or_else(|| NONE.to_owned(), |part| format!("{:+.0} %", part * 100.0))
}

/// Bytes of memory as MiB, to a tenth; a dash for none, which is a process too short to be looked at.
pub(crate) fn mebibytes(bytes: u64) -> String {
    decimal(Some(real(bytes) / real(1 << 20)).filter(|mebibytes| *mebibytes > 0.0), 1)
}

/// Digits in groups of three: `3,265,143`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        write!(text, "{digit}").expect("BUG: a String takes everything");
    }
    text
}

/// A count as a number that can be divided.
#[expect(clippy::cast_precision_loss, reason = "figures are shown to a few digits")]
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}
