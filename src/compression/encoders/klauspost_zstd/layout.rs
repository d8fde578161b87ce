//! Header and block lengths of a frame.

use super::parameters::{Era, Level};
use crate::limits;

/// The longest block of the format, in bytes of content.
pub(super) const BLOCK_LEN: u32 = 128 << 10;

/// The shortest window of the format and of the compressor, as a power of two.
pub(super) const WINDOW_LOG_MIN: u32 = 10;

/// The largest window that is replayed, as a power of two: the compressor's own largest default,
/// until 1.17.4 at level best. What is held of the content is twice that at most.
const WINDOW_LOG_MAX: u32 = 25;

pub(super) const SINGLE_SEGMENT: u8 = 1 << 5;
pub(super) const CHECKSUM: u8 = 1 << 2;
const TOO_LONG: &str = "blocks have up to 131072 bytes";

/// Flags of a frame header that the compressor sets: width of the content's length, single
/// segment, checksum.
const FLAGS: u8 = 0b1110_0100;

/// Blocks of one length that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) block_len: u32,
    pub(super) count: u64,
}

/// The header of a frame, and how its content was cut into blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    descriptor: u8,
    window_log: u32,
    content_len: u64,
    /// Neighbours differ in length.
    runs: Vec<Run>,
}

impl Layout {
    /// Checks what a frame header and block lengths say.
    ///
    /// `window_log` is 0 where the header states no window; `runs` has a length and a count by
    /// turns.
    ///
    /// # Errors
    /// What rule they break.
    pub fn new(descriptor: u64, window_log: u64, runs: &[u64]) -> Result<Self, &'static str> {
        let mut layout = Self::of_header(descriptor, window_log)?;
        let (pairs, rest) = runs.as_chunks::<2>();
        if pairs.is_empty() || !rest.is_empty() {
            return Err("blocks are pairs of length and count");
        }
        for [block_len, count] in pairs {
            let block_len = u32::try_from(*block_len).map_err(|_| TOO_LONG)?;
            if layout.runs.last().is_some_and(|last| last.block_len == block_len) || *count == 0 {
                return Err("runs of blocks are not in their shortest form");
            }
            layout.push(block_len, *count)?;
        }
        layout.check()?;
        Ok(layout)
    }

    /// A layout without blocks, for [`Layout::push`].
    pub(super) fn of_header(descriptor: u64, window_log: u64) -> Result<Self, &'static str> {
        let descriptor = u8::try_from(descriptor)
            .ok()
            .filter(|flags| flags & !FLAGS == 0)
            .ok_or("the frame header has flags that are never set")?;
        let window_log = u32::try_from(window_log)
            .ok()
            .filter(|log| (WINDOW_LOG_MIN..=WINDOW_LOG_MAX).contains(log) || *log == 0)
            .ok_or("windows are powers of two from 10 to 25")?;
        Ok(Self { descriptor, window_log, content_len: 0, runs: Vec::new() })
    }

    /// Adds blocks of one length.
    pub(super) fn push(&mut self, block_len: u32, count: u64) -> Result<(), &'static str> {
        if block_len > BLOCK_LEN {
            return Err(TOO_LONG);
        }
        let is_ended = self.runs.last().is_some_and(|last| last.block_len == 0);
        if is_ended || (block_len == 0 && count > 1) {
            return Err("only the last block may be empty");
        }
        let len = u64::from(block_len).checked_mul(count);
        self.content_len = len
            .and_then(|len| self.content_len.checked_add(len))
            .filter(|len| *len <= limits::NODE_LEN)
            .ok_or("the content is too long")?;
        match self.runs.last_mut().filter(|last| last.block_len == block_len) {
            Some(run) => run.count += count,
            None => self.runs.push(Run { block_len, count }),
        }
        Ok(())
    }

    /// Checks what needs all blocks.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let is_single = self.descriptor & SINGLE_SEGMENT != 0;
        if self.window_log == 0 && !is_single {
            return Err("a frame that is no single segment has a window");
        }
        if self.window_log == 0 && self.content_len > 1 << WINDOW_LOG_MAX {
            return Err("a single segment needs a window when it is this long");
        }
        let fits = match self.descriptor >> 6 {
            0 => !is_single || self.content_len < 256,
            1 => (256..65_536 + 256).contains(&self.content_len),
            2 => u32::try_from(self.content_len).is_ok(),
            _ => true,
        };
        if fits { Ok(()) } else { Err("the frame header cannot state the content's length") }
    }

    /// The header of a stream, which does not know its length.
    pub(super) fn stream_header(level: Level, era: Era) -> Self {
        let window_log = default_window_log(level, era);
        Self { descriptor: CHECKSUM, window_log, content_len: 0, runs: Vec::new() }
    }

    /// The frame of a content that was all there when the first block was written: its header
    /// states the content's length, and has no window where it can do without.
    pub(super) fn at_once(len: u32) -> Self {
        let width = u8::from(len >= 256) + u8::from(len >= 65_536 + 256);
        let is_single = len > 1 << WINDOW_LOG_MIN;
        let single = if is_single { SINGLE_SEGMENT } else { 0 };
        let log = (u32::BITS - len.leading_zeros()).max(WINDOW_LOG_MIN);
        Self {
            descriptor: width << 6 | single | CHECKSUM,
            window_log: if is_single { 0 } else { log },
            content_len: u64::from(len),
            runs: vec![Run { block_len: len, count: 1 }],
        }
    }

    /// The frame of a content that is fed as a stream.
    pub(super) fn of_stream(
        level: Level,
        era: Era,
        len: u64,
        first_len: u32,
        is_flushed: bool,
    ) -> Result<Self, &'static str> {
        if len == 0 {
            return Err("a stream without content gives no frame");
        }
        let block_len = default_block_len(level);
        let is_cut = first_len > 0 || is_flushed;
        if let Some(len) = u32::try_from(len).ok().filter(|len| *len < block_len && !is_cut) {
            return Ok(Self::at_once(len));
        }
        let mut layout = Self::stream_header(level, era);
        let first = u32::try_from(len).map_or(first_len, |len| len.min(first_len));
        let left = len - u64::from(first);
        let last = u32::try_from(left % u64::from(block_len)).map_err(|_| TOO_LONG)?;
        for (block_len, count) in [(first, 1), (block_len, left / u64::from(block_len)), (last, 1)]
        {
            if block_len > 0 && count > 0 {
                layout.push(block_len, count)?;
            }
        }
        if last == 0 || is_flushed {
            layout.push(0, 1)?;
        }
        Ok(layout)
    }

    pub(super) fn to_numbers(&self) -> Vec<u64> {
        let mut numbers = vec![u64::from(self.descriptor), u64::from(self.window_log)];
        for run in &self.runs {
            numbers.extend([u64::from(run.block_len), run.count]);
        }
        numbers
    }

    /// Length of the content, in bytes.
    pub fn content_len(&self) -> u64 {
        self.content_len
    }

    /// Length of the content of the first block, in bytes.
    pub(super) fn first_block_len(&self) -> u32 {
        self.runs.first().map_or(0, |run| run.block_len)
    }

    /// Can a level have cut the blocks so?
    pub(super) fn may_be_of(&self, level: Level) -> bool {
        let longest = self.runs.iter().map(|run| run.block_len).max().unwrap_or(0);
        let is_default = match self.window_log {
            22 => level == Level::Fastest,
            23..=25 => level > Level::Fastest,
            _ => true,
        };
        is_default && longest <= default_block_len(level)
    }

    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Counts a block: `run` is the run that it belongs to and how many of it are done. Says whether
    /// it is the last.
    pub(super) fn count(&self, run: &mut (usize, u64)) -> bool {
        run.1 += 1;
        if self.runs.get(run.0).is_none_or(|blocks| run.1 >= blocks.count) {
            *run = (run.0 + 1, 0);
        }
        run.0 == self.runs.len()
    }

    pub(super) fn has_checksum(&self) -> bool {
        self.descriptor & CHECKSUM != 0
    }

    /// Is all the content in one block, the last? The compressor has a shorter way for it.
    pub(super) fn is_one_block(&self) -> bool {
        matches!(self.runs[..], [Run { count: 1, block_len: 1.. }])
    }

    /// The distance that matches stay below.
    pub(super) fn reach(&self) -> u32 {
        match self.window_log {
            0 => 1 << WINDOW_LOG_MAX,
            log => 1 << log,
        }
    }

    /// The block length that the compressor aims at.
    pub(super) fn full_block_len(&self, level: Level) -> u32 {
        let longest = self.runs.iter().map(|run| run.block_len).max().unwrap_or(0);
        let default = default_block_len(level).min(self.reach());
        if longest > default { BLOCK_LEN } else { default }
    }

    /// Appends the frame's header.
    pub(super) fn header(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0x28, 0xb5, 0x2f, 0xfd, self.descriptor]);
        let is_single = self.descriptor & SINGLE_SEGMENT != 0;
        if !is_single {
            let exponent = self.window_log - WINDOW_LOG_MIN;
            out.extend_from_slice(&(exponent << 3).to_le_bytes()[..1]);
        }
        let (len, width) = match self.descriptor >> 6 {
            0 => (self.content_len, usize::from(is_single)),
            1 => (self.content_len - 256, 2),
            2 => (self.content_len, 4),
            _ => (self.content_len, 8),
        };
        out.extend_from_slice(&len.to_le_bytes()[..width]);
    }
}

/// The block length of a level without options.
pub(super) fn default_block_len(level: Level) -> u32 {
    if level == Level::Fastest { 64 << 10 } else { BLOCK_LEN }
}

/// The window of a level without options. Before 1.17.5 better and best had larger ones.
fn default_window_log(level: Level, era: Era) -> u32 {
    match level {
        Level::Fastest => 22,
        Level::Better if era < Era::V1_17_5 => 24,
        Level::Best if era < Era::V1_17_5 => 25,
        _ => 23,
    }
}
