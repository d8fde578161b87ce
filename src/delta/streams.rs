//! The decoded streams of a group while its parts run: all open at once, or one after the other
//! through scratch space where memory is short.

use super::ApplyError;
use crate::format::{
    Body, CONTROL_STREAMS, Delta, FormatError, STREAM_KINDS, StreamBytes, StreamKind, StreamReader,
};
use crate::source::Scratch;

/// Bytes that are buffered of each control stream, which are read a byte at a time.
const CONTROL_BUFFER: usize = 8 << 10;
/// Piece by which a stream goes to scratch space.
const SCRATCH_PIECE: usize = 256 << 10;

/// The decoded streams of one group, by slot.
pub(super) struct GroupStreams<'a> {
    streams: [Option<OneStream<'a>>; STREAM_KINDS],
}

struct OneStream<'a> {
    bytes: StreamSource<'a>,
    /// Decoded bytes that were not yet read from `bytes`.
    left: u64,
    buffer: Vec<u8>,
    /// What of `buffer` was handed out.
    used: usize,
}

enum StreamSource<'a> {
    Decoder(Box<StreamReader<'a>>),
    Scratch { scratch: &'a dyn Scratch, at: u64 },
}

impl<'a> GroupStreams<'a> {
    /// Opens the streams of group `number`; with `scratch`, each is decoded into it first.
    pub(super) fn open(
        delta: &'a Delta,
        body: &Body<'a>,
        number: usize,
        scratch: Option<&'a dyn Scratch>,
    ) -> Result<Self, ApplyError> {
        let mut streams = [const { None }; STREAM_KINDS];
        let starts = &delta.needs().stream_starts[number];
        let mut at = 0;
        for (stream, start) in delta.header().groups[number].streams.iter().zip(starts) {
            let mut reader = StreamReader::new(body.clone(), stream, *start)?;
            let left = stream.decoded_len();
            let bytes = if let Some(scratch) = scratch {
                spill(&mut reader, left, scratch, at)?;
                StreamSource::Scratch { scratch, at }
            } else {
                StreamSource::Decoder(Box::new(reader))
            };
            at += left;
            let slot = StreamKind::from_number(stream.kind)?.slot();
            streams[slot] = Some(OneStream { bytes, left, buffer: Vec::new(), used: 0 });
        }
        Ok(Self { streams })
    }
}

fn spill(
    reader: &mut StreamReader<'_>,
    len: u64,
    scratch: &dyn Scratch,
    start: u64,
) -> Result<(), ApplyError> {
    let mut piece = vec![0; SCRATCH_PIECE];
    let mut done = 0;
    while done < len {
        let now = usize::try_from(len - done).unwrap_or(usize::MAX).min(SCRATCH_PIECE);
        reader.fill(&mut piece[..now])?;
        scratch.write_all_at(&piece[..now], start + done).map_err(ApplyError::Scratch)?;
        done += now as u64;
    }
    Ok(())
}

impl<'a> GroupStreams<'a> {
    fn stream(&mut self, kind: StreamKind) -> Result<&mut OneStream<'a>, FormatError> {
        self.streams[kind.slot()].as_mut().ok_or_else(|| FormatError::Rule {
            rule: "a part takes from streams that its group has",
            place: "stream",
            row: kind.number().into(),
        })
    }
}

impl StreamBytes for GroupStreams<'_> {
    fn fill(&mut self, kind: StreamKind, buf: &mut [u8]) -> Result<(), FormatError> {
        let stream = self.stream(kind)?;
        if kind.slot() >= CONTROL_STREAMS {
            return stream.fill(buf);
        }
        for byte in buf {
            *byte = stream.byte()?;
        }
        Ok(())
    }

    fn byte(&mut self, kind: StreamKind) -> Result<u8, FormatError> {
        if kind.slot() >= CONTROL_STREAMS {
            let mut byte = [0];
            self.fill(kind, &mut byte)?;
            return Ok(byte[0]);
        }
        self.stream(kind)?.byte()
    }
}

impl OneStream<'_> {
    fn fill(&mut self, buf: &mut [u8]) -> Result<(), FormatError> {
        self.left = self.left.checked_sub(buf.len() as u64).ok_or(FormatError::Rule {
            rule: "parts take no more than there is",
            place: "stream bytes left",
            row: self.left,
        })?;
        match &mut self.bytes {
            StreamSource::Decoder(reader) => reader.fill(buf),
            StreamSource::Scratch { scratch, at } => {
                scratch.read_exact_at(buf, *at).map_err(FormatError::Read)?;
                *at += buf.len() as u64;
                Ok(())
            }
        }
    }

    /// The next byte, out of the buffer.
    #[inline]
    fn byte(&mut self) -> Result<u8, FormatError> {
        match self.buffer.get(self.used) {
            Some(byte) => {
                self.used += 1;
                Ok(*byte)
            }
            None => self.byte_of_next_buffer(),
        }
    }

    fn byte_of_next_buffer(&mut self) -> Result<u8, FormatError> {
        let len = usize::try_from(self.left).unwrap_or(usize::MAX).clamp(1, CONTROL_BUFFER);
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(len, 0);
        self.fill(&mut buffer)?;
        (self.buffer, self.used) = (buffer, 0);
        self.byte()
    }
}
