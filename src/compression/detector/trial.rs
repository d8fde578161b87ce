//! One candidate against the bytes that it should have made.

use crate::compression::encoders;

/// Content that an encoder gets at once, in bytes.
const STEP: usize = 64 << 10;

/// Content that may go through encoders in vain, for each byte of content, and besides.
const BUDGET_RATIO: u64 = 4;
const BUDGET_SLACK: u64 = 64 << 20;

/// How much may still go through encoders, in bytes: what bounds a search on any input.
pub(super) struct Budget(u64);

impl Budget {
    /// For all candidates of one piece.
    pub(super) fn of(content: &[u8]) -> Self {
        Self(BUDGET_RATIO * content.len() as u64 + BUDGET_SLACK)
    }

    fn spend(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.checked_sub(bytes as u64)?;
        Some(())
    }
}

/// The encoder of the trial before, whose memory the next one takes where it fits.
#[derive(Default)]
pub(super) struct Idle(Option<Box<dyn encoders::Encoder>>);

/// An encoder that may have made something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) encoder: u32,
    pub(super) parameters: Vec<u64>,
    /// Of one content alone; empty for a compressor that is replayed.
    pub(super) corrections: Vec<u8>,
}

impl Candidate {
    pub(super) fn new(encoder: crate::format::EncoderKind, parameters: &[u64]) -> Self {
        let (encoder, parameters) = (encoder.number(), parameters.to_vec());
        Self { encoder, parameters, corrections: Vec::new() }
    }

    /// Does the candidate make exactly `stored` of `content`? Takes what it fed off `budget`, and
    /// gives up when that is spent.
    pub(super) fn makes(
        &self,
        content: &[u8],
        stored: &[u8],
        budget: &mut Budget,
        idle: &mut Idle,
    ) -> bool {
        let len = content.len() as u64;
        let Some(stored) = self.compare(content, len, stored, budget, idle) else { return false };
        let mut out = Vec::new();
        idle.0.iter_mut().for_each(|encoder| encoder.finish(&mut out));
        stored == out
    }

    /// Does the candidate make bytes that `stored` begins with, of the first bytes of a content?
    /// Also true where it makes none before it has seen more.
    pub(super) fn begins(
        &self,
        start: &[u8],
        whole_len: usize,
        stored: &[u8],
        budget: &mut Budget,
        idle: &mut Idle,
    ) -> bool {
        self.compare(start, whole_len as u64, stored, budget, idle).is_some()
    }

    fn compare<'s>(
        &self,
        content: &[u8],
        whole_len: u64,
        mut stored: &'s [u8],
        budget: &mut Budget,
        idle: &mut Idle,
    ) -> Option<&'s [u8]> {
        let setup = encoders::Setup {
            number: self.encoder,
            parameters: &self.parameters,
            corrections: &self.corrections,
            content_len: whole_len,
        };
        let encoder = encoders::start_after(idle.0.take(), &setup).ok()?;
        let encoder = idle.0.insert(encoder);
        let mut out = Vec::new();
        for step in content.chunks(STEP) {
            budget.spend(step.len())?;
            out.clear();
            encoder.write(step, &mut out);
            stored = stored.strip_prefix(out.as_slice())?;
        }
        Some(stored)
    }
}
