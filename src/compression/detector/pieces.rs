//! Pieces in order, neighbours merged.

use std::ops::Range;

use super::DetectedPiece;
use super::trial::Candidate;
use crate::format::{EncodeRun, EncoderKind, Framing};

#[derive(Default)]
pub(super) struct Pieces(Vec<DetectedPiece>);

impl Pieces {
    pub(super) fn finish(self) -> Vec<DetectedPiece> {
        self.0
    }

    /// Stored bytes without content.
    pub(super) fn raw(&mut self, range: Range<usize>) {
        match self.0.last_mut() {
            _ if range.is_empty() => {}
            Some(DetectedPiece::Raw(last)) if last.end == range.start => last.end = range.end,
            _ => self.0.push(DetectedPiece::Raw(range)),
        }
    }

    /// Stored bytes that nobody makes: they are carried, their content is passed over.
    pub(super) fn passed_over(&mut self, stored: Range<usize>, content_len: usize) {
        self.raw(stored);
        let nothing = Candidate::new(EncoderKind::Nothing, &[]);
        self.encoded(&[], nothing, Framing::Bare, content_len);
    }

    /// A piece that `candidate` makes behind a header.
    pub(super) fn encoded(
        &mut self,
        header: &[u8],
        candidate: Candidate,
        framing: Framing,
        content_len: usize,
    ) {
        let length = content_len as u64;
        match self.0.last_mut() {
            Some(DetectedPiece::Encoded(run))
                if run.encoder == candidate.encoder
                    && run.parameters == candidate.parameters
                    && run.header == header
                    && run.framing == framing
                    && run.corrections.is_empty()
                    && candidate.corrections.is_empty() =>
            {
                run.lengths.push(length);
            }
            _ => self.0.push(DetectedPiece::Encoded(EncodeRun {
                encoder: candidate.encoder,
                framing,
                parameters: candidate.parameters,
                header: header.to_vec(),
                corrections: candidate.corrections,
                lengths: vec![length],
            })),
        }
    }
}
