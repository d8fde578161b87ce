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
//! | era | 0 to 4 ([`Era`]); level best in era 4 only |
//! | then nothing | the content was written, and the compressor closed, with no option but the level; no content gives no bytes at all |
//! | or all of these: | |
//! | frame header descriptor | its byte: 0x04 checksum, 0x20 single segment, 0xc0 width of the content length |
//! | window | its binary logarithm, 10 to 25; 0 where the header has none and the content is below it |
//! | block length, count | of a run of blocks, by their content; as many runs as it takes, neighbours different; the last block may be empty |
//!
//! A frame of one block that is not empty was coded by the compressor's short way for a content
//! that it has as a whole; there is no other way to get such a frame from it.
//!
//! Memory: twice the window, or the content where it is shorter; tables of 0.3, 1.3, 4.1 and 34 MiB
//! by level; a block of 128 KiB and what it is coded into.

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
pub use parameters::{Era, Level, Parameters};
use sequences::Parsed;

use super::Encoder;

/// Number of the encoder.
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
    let since = match parameters.get(1) {
        Some(0) => "1.15.10",
        Some(1) => "1.16.4",
        Some(2) => "1.17.0",
        Some(3) => "1.17.3",
        _ => "1.17.8",
    };
    format!("klauspost/compress zstd (since {since}), {level}")
}

/// Makes the frame that klauspost/compress made of a content.
///
/// Content that does not have the length of the parameters' blocks gives bytes that no compressor
/// made; they mean nothing.
#[derive(Debug)]
pub struct KlauspostZstd {
    parameters: Parameters,
    blocks: Blocks,
    history: History,
    matcher: Matcher,
    parsed: Parsed,
    coder: BlockCoder,
    checksum: Xxh64,
    has_header: bool,
    /// Bytes of the block that is not full yet.
    filled: u32,
}

/// How far the blocks of a layout have come.
#[derive(Debug, Clone, Copy)]
struct Blocks {
    run: usize,
    /// Blocks of the run that are done.
    done: u64,
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
        let Parameters { level, era, layout } = &parameters;
        let rules = Rules::new(*level, *era, layout.full_block_len(*level));
        Self {
            blocks: Blocks { run: 0, done: 0 },
            history: History::new(layout.reach(), layout.content_len()),
            matcher: Matcher::new(*level, *era),
            parsed: Parsed::default(),
            coder: BlockCoder::new(rules),
            checksum: Xxh64::new(),
            has_header: false,
            filled: 0,
            parameters,
        }
    }

    /// Begins another frame, with the memory of the former one where the level is the same.
    ///
    /// The frame is what a compressor of its own would make. zstd:chunked has thousands of frames
    /// of a few bytes; clearing tables for each would take most of the time.
    pub fn restart(&mut self, parameters: Parameters) {
        let Parameters { level, era, layout } = &parameters;
        if *level != self.parameters.level {
            *self = Self::new(parameters);
            return;
        }
        if let Matcher::Better(better) = &mut self.matcher {
            better.set_era(*era);
        }
        self.history.restart(layout.reach(), layout.content_len());
        self.coder.restart(Rules::new(*level, *era, layout.full_block_len(*level)));
        self.checksum = Xxh64::new();
        self.blocks = Blocks { run: 0, done: 0 };
        self.has_header = false;
        self.filled = 0;
        self.parameters = parameters;
    }

    /// What the frame is made with.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn header(&mut self, out: &mut Vec<u8>) {
        if !self.has_header {
            self.has_header = true;
            self.parameters.layout.header(out);
        }
    }

    /// Length of the block that the next byte belongs to.
    fn block_len(&self) -> u32 {
        let run = self.parameters.layout.runs().get(self.blocks.run);
        run.map(|run| run.block_len).filter(|len| *len > 0).unwrap_or(BLOCK_LEN)
    }

    /// Codes what was filled of a block.
    fn code_block(&mut self, out: &mut Vec<u8>) {
        let is_last = self.next_block();
        let window = self.history.window(self.filled as usize);
        let is_alone = self.parameters.layout.is_one_block();
        self.parsed.clear();
        self.matcher.parse(&window, is_alone, &mut self.parsed);
        self.coder.code(window.block(), &mut self.parsed, is_last, out);
        self.filled = 0;
    }

    /// Counts a block; says whether it is the last.
    fn next_block(&mut self) -> bool {
        let runs = self.parameters.layout.runs();
        self.blocks.done += 1;
        if runs.get(self.blocks.run).is_none_or(|run| self.blocks.done >= run.count) {
            self.blocks = Blocks { run: self.blocks.run + 1, done: 0 };
        }
        self.blocks.run == runs.len()
    }
}

impl Encoder for KlauspostZstd {
    fn write(&mut self, mut content: &[u8], out: &mut Vec<u8>) {
        self.header(out);
        if self.parameters.layout.has_checksum() {
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
                self.code_block(out);
            }
            content = later;
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.parameters.layout.runs().is_empty() {
            return;
        }
        self.header(out);
        if self.filled > 0 {
            self.code_block(out);
        } else if self.blocks.run < self.parameters.layout.runs().len() {
            block::raw(&[], true, out);
        }
        if self.parameters.layout.has_checksum() {
            out.extend_from_slice(&self.checksum.value().to_le_bytes()[..4]);
        }
    }
}

impl Matcher {
    fn new(level: Level, era: Era) -> Self {
        match level {
            Level::Fastest => Self::Fast(Fast::new()),
            Level::Default => Self::DoubleFast(DoubleFast::new()),
            Level::Better => Self::Better(Better::new(era)),
            Level::Best => Self::Best(Best::new()),
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
