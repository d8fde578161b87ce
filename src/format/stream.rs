//! Streams: what one group holds of one kind, read through checked blocks and decoders.

use std::io::{self, BufRead, Read};

use lzma_rust2::LzmaReader;

use super::body::{Block, BodyRange};
use super::error::recover;
use super::frame::{FRAME_HEADER_MAX, check_frame_header, open_lzma};
use super::{Body, Class, Codec, FormatError, FrameRow, Stream};

/// What a stream holds (docs/format.md 10.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamKind {
    /// A byte for each instruction.
    Instructions,
    /// Lengths of copies, zeros and literals.
    Lengths,
    /// Offsets of copies.
    Offsets,
    /// Numbers of nodes, rows of digests.
    Numbers,
    /// Ranges of nodes outside the output that are copied later.
    Kept,
    /// What differing bytes are more than those that they are made from.
    Differences,
    /// Tar headers, by what they have otherwise than others.
    Headers,
    /// How many bytes lie before each differing one.
    Gaps,
    /// What turns an encoder's guess into the bytes that were.
    Corrections,
    /// Literal bytes of a class.
    Literals(Class),
}

/// Kinds that are read value by value; the others hold runs of bytes.
pub const CONTROL_STREAMS: usize = 8;
/// Slot of the literals of class 0.
pub const FIRST_LITERAL_SLOT: usize = CONTROL_STREAMS + 1;
/// All kinds.
pub const STREAM_KINDS: usize = FIRST_LITERAL_SLOT + Class::COUNT as usize;

const BEFORE_LITERALS: [StreamKind; FIRST_LITERAL_SLOT] = [
    StreamKind::Instructions,
    StreamKind::Lengths,
    StreamKind::Offsets,
    StreamKind::Numbers,
    StreamKind::Kept,
    StreamKind::Differences,
    StreamKind::Headers,
    StreamKind::Gaps,
    StreamKind::Corrections,
];
const FIRST_LITERALS: u32 = 16;

impl StreamKind {
    /// The number that stands for it in a delta.
    pub fn number(self) -> u32 {
        match self {
            Self::Instructions => 0,
            Self::Lengths => 1,
            Self::Offsets => 2,
            Self::Numbers => 3,
            Self::Kept => 4,
            Self::Differences => 5,
            Self::Corrections => 6,
            Self::Headers => 7,
            Self::Gaps => 8,
            Self::Literals(class) => FIRST_LITERALS + u32::from(class.number()),
        }
    }

    /// Reads a number from a delta.
    ///
    /// # Errors
    /// Unsupported for one that is not given out.
    pub fn from_number(number: u32) -> Result<Self, FormatError> {
        let literals = || {
            let class = u8::try_from(number.checked_sub(FIRST_LITERALS)?).ok()?;
            Class::from_number(class).map(Self::Literals)
        };
        BEFORE_LITERALS
            .into_iter()
            .find(|kind| kind.number() == number)
            .or_else(literals)
            .ok_or(FormatError::Unsupported { what: "stream", number: number.into() })
    }

    /// All kinds, in the order of their numbers, as a group has its streams.
    pub fn all() -> impl Iterator<Item = Self> {
        let mut kinds: Vec<Self> = (0..STREAM_KINDS).filter_map(Self::at_slot).collect();
        kinds.sort_by_key(|kind| kind.number());
        kinds.into_iter()
    }

    /// Its place in tables of all kinds, below [`STREAM_KINDS`]: those that are read value by value
    /// come first.
    pub fn slot(self) -> usize {
        match self {
            Self::Instructions => 0,
            Self::Lengths => 1,
            Self::Offsets => 2,
            Self::Numbers => 3,
            Self::Kept => 4,
            Self::Differences => 5,
            Self::Headers => 6,
            Self::Gaps => 7,
            Self::Corrections => CONTROL_STREAMS,
            Self::Literals(class) => FIRST_LITERAL_SLOT + usize::from(class.number()),
        }
    }

    /// The kind at a slot below [`STREAM_KINDS`].
    pub fn at_slot(slot: usize) -> Option<Self> {
        let literals = || {
            let class = u8::try_from(slot.checked_sub(FIRST_LITERAL_SLOT)?).ok()?;
            Class::from_number(class).map(Self::Literals)
        };
        BEFORE_LITERALS.get(slot).copied().or_else(literals)
    }

    /// Its name in reports and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Lengths => "lengths",
            Self::Offsets => "offsets",
            Self::Numbers => "numbers",
            Self::Kept => "kept ranges",
            Self::Differences => "differences",
            Self::Headers => "headers",
            Self::Gaps => "gaps",
            Self::Corrections => "corrections",
            Self::Literals(class) => class.name(),
        }
    }
}

/// Decoded bytes of one stream, front to back, in the memory of one frame's window.
pub struct StreamReader<'a> {
    body: Body<'a>,
    codec: Codec,
    frames: std::vec::IntoIter<FrameRow>,
    /// Offset of the next frame in the body.
    next_frame: u64,
    current: Option<OpenFrame<'a>>,
    /// The block in which the last frame ended.
    block: Option<Block>,
}

struct OpenFrame<'a> {
    at: u64,
    left: u64,
    bytes: FrameBytes<'a>,
}

enum FrameBytes<'a> {
    Stored(BodyRange<'a>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BodyRange<'a>>>),
    Lzma(Box<LzmaReader<BodyRange<'a>>>),
}

impl std::fmt::Debug for StreamReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamReader").field("next_frame", &self.next_frame).finish_non_exhaustive()
    }
}

impl<'a> StreamReader<'a> {
    /// Reads `stream`, whose first frame lies at `start` of the body.
    ///
    /// # Errors
    /// Unsupported for a codec that is not known.
    pub fn new(body: Body<'a>, stream: &Stream, start: u64) -> Result<Self, FormatError> {
        Ok(Self {
            body,
            codec: Codec::from_number(stream.codec)?,
            frames: stream.frames.clone().into_iter(),
            next_frame: start,
            current: None,
            block: None,
        })
    }

    /// Fills `buf` with the next decoded bytes.
    ///
    /// # Errors
    /// Damage when a block or frame is not what the header declares, or the stream ends.
    pub fn fill(&mut self, mut buf: &mut [u8]) -> Result<(), FormatError> {
        while !buf.is_empty() {
            let frame = match &mut self.current {
                Some(frame) => frame,
                None => self.open_next()?,
            };
            let len = usize::try_from(frame.left).unwrap_or(usize::MAX).min(buf.len());
            let (now, later) = buf.split_at_mut(len);
            frame.read(now)?;
            buf = later;
            if frame.left == 0 {
                self.close()?;
            }
        }
        Ok(())
    }

    fn open_next(&mut self) -> Result<&mut OpenFrame<'a>, FormatError> {
        let at = self.next_frame;
        let row = self.frames.next().ok_or(FormatError::Rule {
            rule: "a part takes no more than its streams hold",
            place: "body offset",
            row: at,
        })?;
        let mut range = self.body.range(at, row.encoded.into(), self.block.take())?;
        self.next_frame += u64::from(row.encoded);
        let bytes = match self.codec {
            Codec::Stored => FrameBytes::Stored(range),
            Codec::Zstd => {
                let start = self.peek(&mut range, at, row)?;
                check_frame_header(&start, row)
                    .map_err(|reason| FormatError::Frame { reason: reason.to_owned(), at })?;
                FrameBytes::Zstd(Box::new(open_zstd(range, row.window_log, at)?))
            }
            Codec::Lzma => {
                let lzma = open_lzma(range, row).map_err(|error| frame_error(error, at))?;
                FrameBytes::Lzma(Box::new(lzma))
            }
        };
        Ok(self.current.insert(OpenFrame { at, left: row.decoded.into(), bytes }))
    }

    /// The first bytes of a frame, as many as its header may have.
    fn peek(
        &self,
        range: &mut BodyRange<'a>,
        at: u64,
        row: FrameRow,
    ) -> Result<Vec<u8>, FormatError> {
        let len = usize::try_from(row.encoded).unwrap_or(usize::MAX).min(FRAME_HEADER_MAX);
        let bytes = range.fill_buf().map_err(|error| frame_error(error, at))?;
        if let Some(start) = bytes.get(..len) {
            return Ok(start.to_vec());
        }
        // The header lies across the edge of a block, as few do.
        let mut start = vec![0; len];
        let mut again = self.body.range(at, row.encoded.into(), None)?;
        again.read_exact(&mut start).map_err(|error| frame_error(error, at))?;
        Ok(start)
    }

    /// The frame gave all that was declared; now it must be at its end, and so must its bytes.
    fn close(&mut self) -> Result<(), FormatError> {
        let Some(OpenFrame { at, bytes, .. }) = self.current.take() else { return Ok(()) };
        let over = |reason: &str| FormatError::Frame { reason: reason.to_owned(), at };
        let mut range = match bytes {
            FrameBytes::Stored(range) => range,
            FrameBytes::Zstd(mut zstd) => {
                if zstd.read(&mut [0]).map_err(|error| frame_error(error, at))? > 0 {
                    return Err(over("it holds more than declared"));
                }
                zstd.finish()
            }
            FrameBytes::Lzma(lzma) => {
                let (range, unused) = lzma.into_parts();
                if !unused.is_empty() {
                    return Err(over("bytes follow it"));
                }
                range
            }
        };
        let rest = range.fill_buf().map_err(|error| frame_error(error, at))?;
        if !rest.is_empty() {
            return Err(over("bytes follow it"));
        }
        self.block = range.into_block();
        Ok(())
    }
}

impl OpenFrame<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<(), FormatError> {
        match &mut self.bytes {
            FrameBytes::Stored(range) => range.read_exact(buf),
            FrameBytes::Zstd(zstd) => zstd.read_exact(buf),
            FrameBytes::Lzma(lzma) => lzma.read_exact(buf),
        }
        .map_err(|error| frame_error(error, self.at))?;
        self.left -= buf.len() as u64;
        Ok(())
    }
}

fn open_zstd(
    range: BodyRange<'_>,
    window_log: u32,
    at: u64,
) -> Result<zstd::stream::read::Decoder<'static, BodyRange<'_>>, FormatError> {
    let mut zstd = zstd::stream::read::Decoder::with_buffer(range)
        .map_err(|error| frame_error(error, at))?
        .single_frame();
    zstd.window_log_max(window_log).map_err(|error| frame_error(error, at))?;
    Ok(zstd)
}

fn frame_error(error: io::Error, at: u64) -> FormatError {
    recover(error, |error| FormatError::Frame { reason: error.to_string(), at })
}
