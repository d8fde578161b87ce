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
    /// Neighbours differ in length. None at all: nothing was written, not even a header.
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
            layout.push(*block_len, *count)?;
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

    /// Adds one block.
    pub(super) fn push_block(&mut self, block_len: u32) -> Result<(), &'static str> {
        match self.runs.last_mut() {
            Some(run) if run.block_len == block_len && block_len > 0 => {
                run.count += 1;
                self.content_len += u64::from(block_len);
                Ok(())
            }
            _ => self.push(u64::from(block_len), 1),
        }
    }

    fn push(&mut self, block_len: u64, count: u64) -> Result<(), &'static str> {
        let len = u32::try_from(block_len).ok().filter(|len| *len <= BLOCK_LEN);
        let block_len = len.ok_or("blocks have up to 131072 bytes")?;
        let last = self.runs.last();
        if count == 0 || last.is_some_and(|last| last.block_len == block_len) {
            return Err("runs of blocks are not in their shortest form");
        }
        if last.is_some_and(|last| last.block_len == 0) || (block_len == 0 && count > 1) {
            return Err("only the last block may be empty");
        }
        let len = u64::from(block_len).checked_mul(count);
        self.content_len = len
            .and_then(|len| self.content_len.checked_add(len))
            .filter(|len| *len <= limits::NODE_LEN)
            .ok_or("the content is too long")?;
        self.runs.push(Run { block_len, count });
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

    /// What becomes of a content that is written to the compressor, which is then closed, with no
    /// option but the level.
    pub(super) fn of_stream(level: Level, era: Era, len: u64) -> Result<Self, &'static str> {
        let block_len = u64::from(default_block_len(level));
        let window_log = default_window_log(level, era);
        if len == 0 {
            return Ok(Self { descriptor: CHECKSUM, window_log, content_len: 0, runs: Vec::new() });
        }
        if len < block_len {
            return Self::at_once(len);
        }
        let (full, rest) = (len / block_len, len % block_len);
        let runs = [block_len, full, rest, 1];
        Self::new(u64::from(CHECKSUM), u64::from(window_log), &runs)
    }

    /// The header of a content that was all there when the first block was written: it states the
    /// content's length, and has no window where it can do without.
    fn at_once(len: u64) -> Result<Self, &'static str> {
        let width = u64::from(len >= 256) + u64::from(len >= 65_536 + 256);
        let is_single = len > 1 << WINDOW_LOG_MIN;
        let window_log = if is_single { 0 } else { (u64::BITS - len.leading_zeros()).max(10) };
        let single = if is_single { SINGLE_SEGMENT } else { 0 };
        let descriptor = width << 6 | u64::from(single | CHECKSUM);
        Self::new(descriptor, u64::from(window_log), &[len, 1])
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

    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
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

fn default_block_len(level: Level) -> u32 {
    if level == Level::Fastest { 64 << 10 } else { BLOCK_LEN }
}

/// Before 1.17.5 the levels better and best had larger windows.
fn default_window_log(level: Level, era: Era) -> u32 {
    match level {
        Level::Fastest => 22,
        Level::Better if era < Era::V1_17_8 => 24,
        Level::Best if era < Era::V1_17_8 => 25,
        _ => 23,
    }
}
