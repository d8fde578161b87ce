//! The blocks that pigz cuts a content into, each a run of zlib that ends at a whole byte.

use std::ops::RangeInclusive;

use flate2::FlushCompress;

use super::Deflate;
use crate::compression::encoders::Encoder;

/// Lengths of blocks that pigz takes.
pub(super) const BLOCK_LENS: RangeInclusive<u64> = 32 << 10..=1 << 40;

/// How much of the content before a block pigz shows zlib.
const DICTIONARY_LEN: usize = 32 << 10;

/// What zlib writes for an empty stored block, after its three bits of header.
const STORED_NOTHING: [u8; 4] = [0, 0, 0xff, 0xff];

/// What zlib knows at the start of a block of the content before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum History {
    /// The last 32 KiB, as a dictionary: pigz on two threads or more.
    Dictionary,
    /// Nothing: `--independent`.
    Nothing,
    /// Everything, as one run of zlib goes on: pigz on one thread.
    Everything,
}

impl History {
    pub(super) const fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Dictionary),
            1 => Some(Self::Nothing),
            2 => Some(Self::Everything),
            _ => None,
        }
    }
}

/// zlib as pigz runs it.
pub(super) struct Pigz {
    deflate: Deflate,
    block_len: u64,
    history: History,
    /// Bytes of content in the block so far.
    filled: u64,
    /// The end of the content so far, of [`DICTIONARY_LEN`] bytes or fewer.
    tail: Vec<u8>,
}

impl Pigz {
    pub(super) fn new(deflate: Deflate, block_len: u64, history: History) -> Self {
        Self { deflate, block_len, history, filled: 0, tail: Vec::with_capacity(DICTIONARY_LEN) }
    }

    fn write_within_block(&mut self, content: &[u8], out: &mut Vec<u8>) {
        self.deflate.run(content, FlushCompress::None, out);
        self.filled += content.len() as u64;
        let kept = DICTIONARY_LEN.saturating_sub(content.len()).min(self.tail.len());
        self.tail.drain(..self.tail.len() - kept);
        self.tail.extend_from_slice(&content[content.len().saturating_sub(DICTIONARY_LEN)..]);
    }

    /// Ends a block that another one follows.
    fn end_block(&mut self, out: &mut Vec<u8>) {
        match self.history {
            History::Nothing => {
                self.deflate.run(&[], FlushCompress::Sync, out);
                self.deflate.run(&[], FlushCompress::Full, out);
                self.deflate.restart(&[]);
            }
            History::Dictionary => {
                self.align(out);
                self.deflate.restart(&self.tail);
            }
            History::Everything => self.align(out),
        }
        self.filled = 0;
    }

    /// Ends the block of deflate, then adds empty ones up to the end of a byte, as pigz does: fixed
    /// ones of ten bits each, or a stored one where those do not lead there. A block that ends with
    /// a byte stays as it is.
    fn align(&mut self, out: &mut Vec<u8>) {
        self.deflate.run(&[], FlushCompress::Partial, out);
        self.deflate.run(&[], FlushCompress::Sync, out);
        // zlib has added a fixed block, bits 0, 1 and eight of 0, then a stored one, three bits of 0
        // and those that the byte has left. So the last bit of 1 tells where the block before ends.
        out.truncate(out.len() - STORED_NOTHING.len());
        while out.pop_if(|byte| *byte == 0).is_some() {}
        let last = out.last_mut().expect("the fixed block");
        let one = last.ilog2();
        *last ^= 1 << one;
        let used = match one {
            0 => 7,
            _ => one - 1,
        };
        if one <= 1 {
            out.pop();
        }
        fill_up(used, out);
    }
}

/// Adds empty blocks after `used` bits of the last byte.
fn fill_up(mut used: u32, out: &mut Vec<u8>) {
    if !used.is_multiple_of(2) {
        if used > 5 {
            out.push(0);
        }
        out.extend_from_slice(&STORED_NOTHING);
        return;
    }
    while !used.is_multiple_of(8) {
        *out.last_mut().expect("a byte that is not full") |= 2 << used;
        out.push(0);
        used += 2;
    }
}

impl Encoder for Pigz {
    fn write(&mut self, mut content: &[u8], out: &mut Vec<u8>) {
        while !content.is_empty() {
            if self.filled == self.block_len {
                self.end_block(out);
            }
            let len = usize::try_from(self.block_len - self.filled).unwrap_or(usize::MAX);
            let (now, later) = content.split_at(len.min(content.len()));
            self.write_within_block(now, out);
            content = later;
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.deflate.finish(out);
    }
}
