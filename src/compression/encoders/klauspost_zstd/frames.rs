//! Parameters, read off a frame.

use std::fmt;
use std::io::{self, Read};

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::layout::{BLOCK_LEN, CHECKSUM, Layout, SINGLE_SEGMENT, WINDOW_LOG_MIN};
use crate::compression::{Compression, CompressionError};
use crate::limits;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What stands in a zstd blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A frame of the compressor's kind, laid out so.
    Content(Layout),
    /// A frame that is none of the compressor's. Some of its content may have been given out.
    Foreign {
        /// What tells.
        rule: &'static str,
    },
    /// A frame for decoders to skip. Its bytes come next and were not read.
    Skippable {
        /// The first byte of its magic number, 0x50 to 0x5f.
        magic: u8,
        /// Its length behind the eight bytes of the header.
        len: u32,
    },
}

/// Decodes zstd blobs frame by frame and notes how each is laid out.
pub struct FrameReader {
    decoder: Decoder<'static>,
    stored: Vec<u8>,
    content: Vec<u8>,
    /// Bytes of the frame that were taken.
    taken: u64,
}

impl FrameReader {
    /// # Errors
    /// When the decoder cannot be made.
    pub fn new() -> Result<Self, CompressionError> {
        let mut decoder = Decoder::new().map_err(CompressionError::Read)?;
        decoder
            .set_parameter(DParameter::WindowLogMax(limits::ZSTD_WINDOW_LOG))
            .map_err(CompressionError::Read)?;
        let content = vec![0; BLOCK_LEN as usize];
        Ok(Self { decoder, stored: Vec::new(), content, taken: 0 })
    }

    /// Reads one frame and gives its content out in pieces; `None` where the blob ends.
    ///
    /// No byte behind the frame is read. After a foreign frame or an error the blob cannot be read
    /// on.
    ///
    /// # Errors
    /// When the frame is cut or damaged, or cannot be read.
    pub fn read(
        &mut self,
        blob: &mut impl Read,
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<Option<Frame>, CompressionError> {
        self.taken = 0;
        self.stored.clear();
        self.decoder.reinit().map_err(CompressionError::Read)?;
        let mut first = [0];
        if read_some(blob, &mut first)? == 0 {
            return Ok(None);
        }
        self.taken = 1;
        self.stored.extend_from_slice(&first);
        match self.take(blob, 3)? {
            [0x50..=0x5f, 0x2a, 0x4d, 0x18] => self.skippable(blob).map(Some),
            magic if *magic == MAGIC => self.frame(blob, sink).map(Some),
            _ => Err(self.damaged("neither a frame nor a skippable one")),
        }
    }

    fn skippable(&mut self, blob: &mut impl Read) -> Result<Frame, CompressionError> {
        match *self.take(blob, 4)? {
            [magic, _, _, _, a, b, c, d] => {
                Ok(Frame::Skippable { magic, len: u32::from_le_bytes([a, b, c, d]) })
            }
            _ => Err(self.damaged("no length")),
        }
    }

    fn frame(
        &mut self,
        blob: &mut impl Read,
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<Frame, CompressionError> {
        let descriptor = self.take_byte(blob)?;
        let is_single = descriptor & SINGLE_SEGMENT != 0;
        let window = if is_single { None } else { Some(self.take_byte(blob)?) };
        let mut layout = match header(descriptor, window) {
            Ok(layout) => layout,
            Err(rule) => return Ok(Frame::Foreign { rule }),
        };
        self.take(blob, [usize::from(is_single), 2, 4, 8][usize::from(descriptor >> 6)])?;
        self.decode(sink)?;
        loop {
            let (len, is_last) = self.block(blob, sink)?;
            if let Err(rule) = layout.push(len, 1) {
                return Ok(Frame::Foreign { rule });
            }
            if is_last {
                break;
            }
        }
        if descriptor & CHECKSUM != 0 {
            self.take(blob, 4)?;
            self.decode(sink)?;
        }
        Ok(match layout.check() {
            Ok(()) => Frame::Content(layout),
            Err(rule) => Frame::Foreign { rule },
        })
    }

    /// Reads a block; returns the length of its content, and whether it is the last.
    fn block(
        &mut self,
        blob: &mut impl Read,
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<(u32, bool), CompressionError> {
        let header = match *self.take(blob, 3)? {
            [a, b, c] => u32::from_le_bytes([a, b, c, 0]),
            _ => return Err(self.damaged("no block")),
        };
        let (size, form) = (header >> 3, header >> 1 & 3);
        if size > BLOCK_LEN || form == 3 {
            return Err(self.damaged("a block that cannot be"));
        }
        self.take(blob, if form == 1 { 1 } else { size as usize })?;
        let given = self.decode(sink)?;
        let len = u32::try_from(given).map_err(|_| self.damaged("too long a block"))?;
        Ok((len, header & 1 == 1))
    }

    /// Decodes what was taken; returns how much content came out of it.
    ///
    /// The decoder gives a block out as soon as it has it, which tells blocks apart.
    fn decode(&mut self, sink: &mut impl FnMut(&[u8])) -> Result<u64, CompressionError> {
        let mut given = 0;
        let mut stored = InBuffer::around(&self.stored);
        loop {
            let mut content = OutBuffer::around(&mut self.content[..]);
            let run = self.decoder.run(&mut stored, &mut content);
            let piece = content.as_slice();
            sink(piece);
            given += piece.len() as u64;
            let (is_taken, is_full) =
                (stored.pos() == self.stored.len(), piece.len() == BLOCK_LEN as usize);
            run.map_err(|error| CompressionError::Damaged {
                compression: Compression::Zstd,
                at: self.taken,
                reason: error.to_string(),
            })?;
            if is_taken && !is_full {
                self.stored.clear();
                return Ok(given);
            }
        }
    }

    fn take_byte(&mut self, blob: &mut impl Read) -> Result<u8, CompressionError> {
        let stored = self.take(blob, 1)?;
        Ok(stored.last().copied().unwrap_or(0))
    }

    /// Takes bytes for the decoder; returns all that wait for it.
    fn take(&mut self, blob: &mut impl Read, len: usize) -> Result<&[u8], CompressionError> {
        let start = self.stored.len();
        self.stored.resize(start + len, 0);
        let got = read_some(blob, &mut self.stored[start..])?;
        self.taken += got as u64;
        if got < len {
            return Err(CompressionError::Cut { compression: Compression::Zstd, len: self.taken });
        }
        Ok(&self.stored)
    }

    fn damaged(&self, reason: &str) -> CompressionError {
        let (compression, reason) = (Compression::Zstd, reason.to_owned());
        CompressionError::Damaged { compression, at: self.taken, reason }
    }
}

impl fmt::Debug for FrameReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameReader").field("taken", &self.taken).finish_non_exhaustive()
    }
}

fn header(descriptor: u8, window: Option<u8>) -> Result<Layout, &'static str> {
    let window_log = match window {
        None => 0,
        Some(window) if window.trailing_zeros() >= 3 => {
            u64::from(window >> 3) + u64::from(WINDOW_LOG_MIN)
        }
        Some(_) => return Err("the window is no power of two"),
    };
    Layout::of_header(u64::from(descriptor), window_log)
}

/// Reads until the buffer is full or the blob ends; returns how much was read.
fn read_some(blob: &mut impl Read, buffer: &mut [u8]) -> Result<usize, CompressionError> {
    let mut len = 0;
    while len < buffer.len() {
        match blob.read(&mut buffer[len..]) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(CompressionError::from_io(error)),
        }
    }
    Ok(len)
}
