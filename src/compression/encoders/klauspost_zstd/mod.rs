//! Encoder 6: klauspost/compress's zstd, one whole frame.
//!
//! `BuildKit`, containerd, podman and skopeo compress layers by it; zstd:chunked makes a frame of
//! each piece of a file. Its output depends on the level and the version, and on how it was fed: a
//! flush, and `ReadFrom` after `Write`, end a block early. All of that but level and version can
//! be read off a frame, see [`FrameReader`].
//!
//! Parameters, as numbers:
//!
//! | | |
//! |---|---|
//! | level | 1 fastest, 2 default, 3 better, 4 best ([`Level`]) |
//! | era | 0 to 8 ([`Era`]) |
//! | then, for a stream of any length that was made with no option but the level, two numbers: | |
//! | first | content of the first block where its end came early, shorter than blocks of the level are; else 0 |
//! | flush | 1 if the stream was flushed before it was closed, else 0 |
//! | or, for just one frame, all of these: | |
//! | frame header descriptor | its byte: 0x04 checksum, 0x20 single segment, 0xc0 width of the content length |
//! | window | its binary logarithm, 10 to 25; 0 where the header has none and the content is below it |
//! | block length, count | of a run of blocks, by their content; as many runs as it takes, neighbours different; the last block may be empty |
//!
//! So a stream that was written and closed has first 0 and flush 0; one of containers/image, which
//! writes eight bytes and copies the rest, first 8; the last frame of zstd:chunked flush 1. A
//! stream that ends inside its first block, with no flush, gives a frame that states its length
//! and has one block. That block was coded by the compressor's shorter way for a content that it
//! has as a whole; there is no other way to get such a frame from it. An empty stream gives no
//! frame; releases from 1.18.5 on write one, which is the frame of one empty block.
//!
//! What the compressor did wrong is done wrong here: level best corrupted content now and then before
//! 1.17.2 and from 1.17.3 to 1.17.5, and levels better and best still do after blocks of 32 to 47 bytes.
//!
//! Memory: twice the window, or twice the content where that is shorter; tables of 0.3, 1.3, 4.1 and 34
//! MiB by level; a block of 128 KiB and what it is coded into.

mod best;
mod better;
mod bits;
mod block;
mod checksum;
mod codes;
mod double_fast;
mod entropy;
mod fast;
mod frames;
mod fse;
mod history;
mod huffman;
mod layout;
mod literals;
mod parameters;
mod sequence_section;
mod sequences;
#[cfg(test)]
mod tests;
mod tree;
mod weights;

use best::Best;
use better::Better;
use block::{BlockCoder, Rules};
use checksum::Xxh64;
use double_fast::DoubleFast;
use fast::Fast;
pub use frames::{Frame, FrameReader};
use history::{History, Window};
use layout::BLOCK_LEN;
pub use layout::Layout;
use layout::default_block_len;
pub use parameters::{Era, Feed, Level, Parameters};
use sequences::Parsed;

use super::{Encoder, EncoderError, Setup};

/// The number in a delta.
pub(super) const NUMBER: u32 = 6;

/// What the compressor is called, with level and era.
pub(super) fn name(parameters: &[u64]) -> String {
    let level = match parameters.first() {
        Some(1) => "fastest",
        Some(2) => "default",
        Some(3) => "better",
        Some(4) => "best",
        _ => "unknown level",
    };
    let era = parameters.get(1).and_then(|number| Era::from_number(*number));
    let since = era.map_or("an unknown release", Era::first_release);
    format!("klauspost/compress zstd (since {since}), {level}")
}

/// Memory that the encoder takes, in bytes: tables, blocks, and the content in reach twice.
pub(super) fn memory(setup: &Setup<'_>) -> u64 {
    let Ok(parameters) = Parameters::from_numbers(setup.parameters) else { return 0 };
    let own = match parameters.level {
        Level::Fastest => 3 << 20,
        Level::Default => 4 << 20,
        Level::Better => 7 << 20,
        Level::Best => 37 << 20,
    };
    own + 2 * u64::from(parameters.reach()).min(setup.content_len)
}

/// Parameters as a setup has them.
fn parameters(setup: &Setup<'_>) -> Result<Parameters, EncoderError> {
    let fail = |rule| EncoderError::Parameters { number: NUMBER, rule };
    if !setup.corrections.is_empty() {
        return Err(fail("it takes no corrections"));
    }
    Parameters::from_numbers(setup.parameters).map_err(fail)
}

/// Starts the encoder.
pub(super) fn start(setup: &Setup<'_>) -> Result<Box<dyn Encoder>, EncoderError> {
    Ok(Box::new(KlauspostZstd::new(parameters(setup)?)))
}

/// Makes the frame that klauspost/compress made of a content.
///
/// Where the parameters tell the lengths of all blocks, content of another length gives bytes that
/// no compressor made; they mean nothing.
#[derive(Debug)]
pub struct KlauspostZstd {
    parameters: Parameters,
    history: History,
    matcher: Matcher,
    parsed: Parsed,
    coder: BlockCoder,
    checksum: Xxh64,
    has_header: bool,
    /// The run of blocks of the layout that the next block belongs to, and how many are done.
    run: (usize, u64),
    /// Bytes of the block that is not full yet.
    filled: u32,
}

#[derive(Debug)]
enum Matcher {
    Fast(Fast),
    DoubleFast(DoubleFast),
    Better(Better),
    Best(Best),
}

impl KlauspostZstd {
    /// A compressor for one frame.
    pub fn new(parameters: Parameters) -> Self {
        Self {
            history: History::new(parameters.reach()),
            matcher: Matcher::new(parameters.level, parameters.era),
            parsed: Parsed::default(),
            coder: BlockCoder::new(parameters.rules()),
            checksum: Xxh64::new(),
            has_header: false,
            run: (0, 0),
            filled: 0,
            parameters,
        }
    }

    /// Begins another frame, with the memory of the former one where the level is the same.
    ///
    /// The frame is what a compressor of its own would make. zstd:chunked has thousands of frames
    /// of a few bytes; clearing tables for each would take most of the time.
    pub fn restart(&mut self, parameters: Parameters) {
        if parameters.level != self.parameters.level {
            *self = Self::new(parameters);
            return;
        }
        self.matcher.set_era(parameters.era);
        self.history.restart(parameters.reach());
        self.coder.restart(parameters.rules());
        self.checksum = Xxh64::new();
        self.has_header = false;
        self.run = (0, 0);
        self.filled = 0;
        self.parameters = parameters;
    }

    /// What the frame is made with.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The length at which the block ends that the next byte belongs to.
    fn block_len(&self) -> u32 {
        match &self.parameters.feed {
            Feed::Stream { first_len: 1.., .. } if self.has_header => {
                default_block_len(self.parameters.level)
            }
            Feed::Stream { first_len: len @ 1.., .. } => *len,
            Feed::Stream { .. } => default_block_len(self.parameters.level),
            Feed::Frame(layout) => {
                let len = layout.runs().get(self.run.0).map_or(0, |run| run.block_len);
                if len > 0 { len } else { BLOCK_LEN }
            }
        }
    }

    /// Ends the block that was filled; `is_end` where there is no more content. Says whether it is
    /// the last.
    fn end_block(&mut self, is_end: bool, out: &mut Vec<u8>) -> bool {
        let is_first = !std::mem::replace(&mut self.has_header, true);
        let Parameters { level, era, feed } = &self.parameters;
        let (is_last, is_alone) = match feed {
            Feed::Stream { first_len, is_flushed } => {
                let is_cut = *is_flushed || (is_first && *first_len > 0);
                let is_last = is_end && !is_cut;
                if is_first && is_last {
                    Layout::at_once(self.filled).header(out);
                } else if is_first {
                    Layout::stream_header(*level, *era).header(out);
                }
                (is_last, is_first && is_last)
            }
            Feed::Frame(layout) => {
                if is_first {
                    layout.header(out);
                }
                (layout.count(&mut self.run), layout.is_one_block())
            }
        };
        self.code_block(is_last, is_alone, out);
        is_last
    }

    fn code_block(&mut self, is_last: bool, is_alone: bool, out: &mut Vec<u8>) {
        let window = self.history.window(self.filled as usize);
        self.parsed.clear();
        self.matcher.parse(&window, is_alone, &mut self.parsed);
        self.coder.code(window.block(), &mut self.parsed, is_last, out);
        self.filled = 0;
    }
}
impl Encoder for KlauspostZstd {
    fn write(&mut self, mut content: &[u8], out: &mut Vec<u8>) {
        if self.parameters.has_checksum() {
            self.checksum.update(content);
        }
        while !content.is_empty() {
            let block_len = self.block_len();
            if self.filled == 0 {
                let less = self.history.make_room(block_len);
                self.matcher.lower(less);
            }
            let room = (block_len - self.filled) as usize;
            let (now, later) = content.split_at(content.len().min(room));
            self.history.push(now);
            // A block has 128 KiB at most.
            self.filled += u32::try_from(now.len()).unwrap_or(0);
            if self.filled == block_len {
                self.end_block(false, out);
            }
            content = later;
        }
    }

    fn restart(&mut self, setup: &Setup<'_>) -> Result<bool, EncoderError> {
        if setup.number != NUMBER {
            return Ok(false);
        }
        self.restart(parameters(setup)?);
        Ok(true)
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let is_empty = self.filled == 0 && !self.has_header;
        let is_ended = match &self.parameters.feed {
            Feed::Stream { .. } if is_empty => return,
            Feed::Frame(layout) if is_empty => {
                layout.header(out);
                false
            }
            _ if self.filled > 0 => self.end_block(true, out),
            Feed::Frame(layout) => self.run.0 == layout.runs().len(),
            Feed::Stream { .. } => false,
        };
        if !is_ended {
            block::raw(&[], true, out);
        }
        if self.parameters.has_checksum() {
            out.extend_from_slice(&self.checksum.value().to_le_bytes()[..4]);
        }
    }
}

impl Parameters {
    fn reach(&self) -> u32 {
        match &self.feed {
            Feed::Stream { .. } => Layout::stream_header(self.level, self.era).reach(),
            Feed::Frame(layout) => layout.reach(),
        }
    }

    fn rules(&self) -> Rules {
        let full_len = match &self.feed {
            Feed::Stream { .. } => default_block_len(self.level),
            Feed::Frame(layout) => layout.full_block_len(self.level),
        };
        Rules::new(self.level, self.era, full_len)
    }

    fn has_checksum(&self) -> bool {
        match &self.feed {
            Feed::Stream { .. } => true,
            Feed::Frame(layout) => layout.has_checksum(),
        }
    }
}

impl Matcher {
    fn new(level: Level, era: Era) -> Self {
        match level {
            Level::Fastest => Self::Fast(Fast::new()),
            Level::Default => Self::DoubleFast(DoubleFast::new()),
            Level::Better => Self::Better(Better::new(era)),
            Level::Best => Self::Best(Best::new(era)),
        }
    }

    fn set_era(&mut self, era: Era) {
        match self {
            Self::Fast(_) | Self::DoubleFast(_) => {}
            Self::Better(matcher) => matcher.set_era(era),
            Self::Best(matcher) => matcher.set_era(era),
        }
    }

    fn parse(&mut self, window: &Window<'_>, is_alone: bool, parsed: &mut Parsed) {
        match self {
            Self::Fast(matcher) => matcher.parse(window, is_alone, parsed),
            Self::DoubleFast(matcher) => matcher.parse(window, is_alone, parsed),
            Self::Better(matcher) => matcher.parse(window, parsed),
            Self::Best(matcher) => matcher.parse(window, parsed),
        }
    }

    /// Makes positions smaller, once in two gigabytes.
    fn lower(&mut self, less: u32) {
        if less == 0 {
            return;
        }
        match self {
            Self::Fast(matcher) => matcher.lower(less),
            Self::DoubleFast(matcher) => matcher.lower(less),
            Self::Better(matcher) => matcher.lower(less),
            Self::Best(matcher) => matcher.lower(less),
        }
    }
}
