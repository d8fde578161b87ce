//! A re-encode while its content comes: pieces in order, each header, encoded bytes and trailer.

use super::ApplyError;
use crate::compression::encoders::{self, Encoder, EncoderError};
use crate::format::{EncodeRun, FormatError, Framing};

/// One entry of a re-encode part, with the bytes it carries.
pub(super) enum Carried {
    Literal(Vec<u8>),
    Encode(EncodeRun),
}

/// What turns a content into the bytes of a node.
pub(super) struct Feed {
    /// What has not begun.
    rest: std::vec::IntoIter<Carried>,
    open: Option<OpenRun>,
    /// Bytes of the node that are still to come.
    left: u64,
}

struct OpenRun {
    run: EncodeRun,
    /// Pieces that have begun.
    begun: usize,
    piece: OpenPiece,
}

struct OpenPiece {
    encoder: Box<dyn Encoder>,
    /// Bytes of content that it still takes.
    left: u64,
    check: flate2::Crc,
}

impl Feed {
    /// Pieces that make a node of `len` bytes.
    pub(super) fn new(pieces: Vec<Carried>, len: u64) -> Self {
        Self { rest: pieces.into_iter(), open: None, left: len }
    }

    /// Begins: appends what stands before the first byte of content.
    pub(super) fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), ApplyError> {
        let start = out.len();
        self.advance(out)?;
        self.count(out.len() - start)
    }

    /// Takes the next bytes of the content; appends what became ready.
    pub(super) fn write(
        &mut self,
        mut content: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), ApplyError> {
        let start = out.len();
        while !content.is_empty() {
            let Some(OpenRun { piece, .. }) = &mut self.open else {
                return Err(broken("pieces take all of the content"));
            };
            let len = usize::try_from(piece.left).unwrap_or(usize::MAX).min(content.len());
            let (now, later) = content.split_at(len);
            piece.encoder.write(now, out);
            piece.check.update(now);
            piece.left -= len as u64;
            content = later;
            if piece.left == 0 {
                self.advance(out)?;
            }
        }
        self.count(out.len() - start)
    }

    /// The content has ended, and so must the node.
    pub(super) fn end(&self) -> Result<(), ApplyError> {
        if self.open.is_some() || self.rest.len() > 0 {
            return Err(broken("pieces take no more than the content"));
        }
        if self.left > 0 {
            return Err(broken("pieces make the whole node"));
        }
        Ok(())
    }

    /// Ends a piece that took its content and begins those that need none, up to one that does.
    fn advance(&mut self, out: &mut Vec<u8>) -> Result<(), ApplyError> {
        let start = out.len();
        loop {
            // Pieces without content could otherwise make more than the node before anybody looks.
            if (out.len() - start) as u64 > self.left {
                return Err(broken("pieces make no more than the node"));
            }
            match &mut self.open {
                Some(open) if open.piece.left > 0 => return Ok(()),
                Some(open) => {
                    open.piece.finish(open.run.framing, out);
                    if open.begun == open.run.lengths.len() {
                        self.open = None;
                    } else {
                        open.piece = OpenPiece::begin(&open.run, open.begun, out)?;
                        open.begun += 1;
                    }
                }
                None => match self.rest.next() {
                    None => return Ok(()),
                    Some(Carried::Literal(bytes)) => out.extend(bytes),
                    Some(Carried::Encode(run)) => {
                        let piece = OpenPiece::begin(&run, 0, out)?;
                        self.open = Some(OpenRun { run, begun: 1, piece });
                    }
                },
            }
        }
    }

    fn count(&mut self, made: usize) -> Result<(), ApplyError> {
        let left = self.left.checked_sub(made as u64);
        self.left = left.ok_or(broken("pieces make no more than the node"))?;
        Ok(())
    }
}

impl OpenPiece {
    fn begin(run: &EncodeRun, number: usize, out: &mut Vec<u8>) -> Result<Self, ApplyError> {
        let encoder = encoders::start(&encoders::Setup {
            number: run.encoder,
            parameters: &run.parameters,
            corrections: &run.corrections,
            content_len: run.lengths[number],
        });
        let encoder = encoder.map_err(|error| match error {
            EncoderError::Unknown { number } => {
                FormatError::Unsupported { what: "encoder", number: number.into() }
            }
            EncoderError::Parameters { rule, .. } => {
                FormatError::Rule { rule, place: "encoder", row: run.encoder.into() }
            }
        })?;
        out.extend_from_slice(&run.header);
        Ok(Self { encoder, left: run.lengths[number], check: flate2::Crc::new() })
    }

    fn finish(&mut self, framing: Framing, out: &mut Vec<u8>) {
        self.encoder.finish(out);
        match framing {
            Framing::Bare => {}
            Framing::Gzip => {
                out.extend(self.check.sum().to_le_bytes());
                out.extend(self.check.amount().to_le_bytes());
            }
        }
    }
}

fn broken(rule: &'static str) -> ApplyError {
    FormatError::Rule { rule, place: "piece", row: 0 }.into()
}
