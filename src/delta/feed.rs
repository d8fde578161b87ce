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
    /// An encoder that is done, for the next piece or the next feed.
    idle: Option<Box<dyn Encoder>>,
    /// Bytes of the node that are still to come.
    left: u64,
    /// The most that its encoders take, by their reckoning, in bytes.
    memory: u64,
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
    /// Pieces that make a node of `len` bytes, in the memory of an encoder that is done, if there
    /// is one.
    pub(super) fn new(pieces: Vec<Carried>, len: u64, idle: Option<Box<dyn Encoder>>) -> Self {
        let runs = pieces.iter().filter_map(|piece| match piece {
            Carried::Encode(run) => Some(run),
            Carried::Literal(_) => None,
        });
        let memory = runs.map(encoder_memory).max().unwrap_or(0);
        Self { rest: pieces.into_iter(), open: None, idle, left: len, memory }
    }

    /// The most memory that its encoders take, by their reckoning, in bytes.
    pub(super) fn memory(&self) -> u64 {
        self.memory
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

    /// The content has ended, and so must the node. Gives an encoder that is done, if there is one.
    pub(super) fn end(self) -> Result<Option<Box<dyn Encoder>>, ApplyError> {
        if self.open.is_some() || self.rest.len() > 0 {
            return Err(broken("pieces take no more than the content"));
        }
        if self.left > 0 {
            return Err(broken("pieces make the whole node"));
        }
        Ok(self.idle)
    }

    /// Ends a piece that took its content and begins those that need none, up to one that does.
    fn advance(&mut self, out: &mut Vec<u8>) -> Result<(), ApplyError> {
        let start = out.len();
        loop {
            // Pieces without content could otherwise make more than the node before anybody looks.
            if (out.len() - start) as u64 > self.left {
                return Err(broken("pieces make no more than the node"));
            }
            if self.open.as_ref().is_some_and(|open| open.piece.left > 0) {
                return Ok(());
            }
            match self.open.take() {
                Some(OpenRun { run, begun, piece }) => {
                    self.idle = Some(piece.finish(run.framing, out));
                    if begun < run.lengths.len() {
                        self.begin_piece(run, begun, out)?;
                    }
                }
                None => match self.rest.next() {
                    None => return Ok(()),
                    Some(Carried::Literal(bytes)) => out.extend(bytes),
                    Some(Carried::Encode(run)) => self.begin_piece(run, 0, out)?,
                },
            }
        }
    }

    fn begin_piece(
        &mut self,
        run: EncodeRun,
        number: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), ApplyError> {
        let piece = OpenPiece::begin(&run, number, self.idle.take(), out)?;
        self.open = Some(OpenRun { run, begun: number + 1, piece });
        Ok(())
    }

    fn count(&mut self, made: usize) -> Result<(), ApplyError> {
        let left = self.left.checked_sub(made as u64);
        self.left = left.ok_or(broken("pieces make no more than the node"))?;
        Ok(())
    }
}

impl OpenPiece {
    fn begin(
        run: &EncodeRun,
        number: usize,
        idle: Option<Box<dyn Encoder>>,
        out: &mut Vec<u8>,
    ) -> Result<Self, ApplyError> {
        let setup = setup(run, run.lengths[number]);
        let encoder = encoders::start_after(idle, &setup).map_err(|error| match error {
            EncoderError::Unknown { number } | EncoderError::Replaced { number } => {
                FormatError::Unsupported { what: "encoder", number: number.into() }
            }
            EncoderError::Parameters { rule, .. } => {
                FormatError::Rule { rule, place: "encoder", row: run.encoder.into() }
            }
        })?;
        out.extend_from_slice(&run.header);
        Ok(Self { encoder, left: run.lengths[number], check: flate2::Crc::new() })
    }

    fn finish(mut self, framing: Framing, out: &mut Vec<u8>) -> Box<dyn Encoder> {
        self.encoder.finish(out);
        match framing {
            Framing::Bare => {}
            Framing::Gzip => {
                out.extend(self.check.sum().to_le_bytes());
                out.extend(self.check.amount().to_le_bytes());
            }
        }
        self.encoder
    }
}

/// The most memory that the encoder of a run takes, by its reckoning, in bytes.
pub(super) fn encoder_memory(run: &EncodeRun) -> u64 {
    let longest = run.lengths.iter().max();
    longest.map_or(0, |longest| encoders::memory(&setup(run, *longest)))
}

fn setup(run: &EncodeRun, content_len: u64) -> encoders::Setup<'_> {
    encoders::Setup {
        number: run.encoder,
        parameters: &run.parameters,
        corrections: &run.corrections,
        content_len,
    }
}

fn broken(rule: &'static str) -> ApplyError {
    FormatError::Rule { rule, place: "piece", row: 0 }.into()
}
