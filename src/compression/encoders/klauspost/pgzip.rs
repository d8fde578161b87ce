//! pgzip's framing: blocks of one length, each a stream of its own that knows the end of the block
//! before, so that they can be made at once.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::stream::Stream;
use super::{Era, Level};
use crate::compression::encoders::Encoder;

/// What a block knows of the one before, in bytes; a block is longer.
pub(super) const TAIL_LEN: usize = 16 << 10;

/// Content that is gathered for each thread before blocks are made, in bytes: two of the usual
/// blocks.
const GATHERED_LEN: usize = 2 << 20;

/// Compresses blocks with all threads of the rayon pool it is used in.
pub(super) struct Pgzip {
    era: Era,
    level: Level,
    block_len: usize,
    /// Bytes of `gathered` that only are the tail of the last block.
    tail_len: usize,
    gathered: Vec<u8>,
    /// Streams that wait for a block.
    idle: Mutex<Vec<Stream>>,
}

impl Pgzip {
    /// With blocks longer than [`TAIL_LEN`].
    pub(super) fn new(era: Era, level: Level, block_len: usize) -> Self {
        let idle = Mutex::default();
        Self { era, level, block_len, tail_len: 0, gathered: Vec::new(), idle }
    }

    /// How many bytes of content make a batch: whole blocks.
    fn batch_len(&self) -> usize {
        let wanted = GATHERED_LEN * rayon::current_num_threads();
        (wanted / self.block_len).max(1) * self.block_len
    }

    /// Writes blocks: all that are whole, then the last one if this `is_end`, which may be empty.
    fn encode(&mut self, is_end: bool, out: &mut Vec<u8>) {
        let content_len = self.gathered.len() - self.tail_len;
        let whole = content_len / self.block_len;
        let count = whole + usize::from(is_end);
        let encoded: Vec<Vec<u8>> =
            (0..count).into_par_iter().map(|number| self.encode_block(number, whole)).collect();
        for block in encoded {
            out.extend_from_slice(&block);
        }
        if whole > 0 {
            let start = self.tail_len + whole * self.block_len - TAIL_LEN;
            self.gathered.drain(..start);
            self.tail_len = TAIL_LEN;
        }
    }

    /// Makes one of the gathered blocks; the one behind the `whole` ones ends the content.
    fn encode_block(&self, number: usize, whole: usize) -> Vec<u8> {
        let start = self.tail_len + number * self.block_len;
        let end = self.gathered.len().min(start + self.block_len);
        let mut stream = self.idle().pop().unwrap_or_else(|| Stream::new(self.era, self.level));
        if start > 0 {
            stream.prime(&self.gathered[start - TAIL_LEN..start]);
        }
        let mut out = Vec::with_capacity(self.block_len / 2);
        stream.write(&self.gathered[start..end], &mut out);
        stream.flush(&mut out);
        if number == whole {
            stream.finish(&mut out);
        }
        stream.clear();
        self.idle().push(stream);
        out
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Stream>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Encoder for Pgzip {
    fn write(&mut self, content: &[u8], out: &mut Vec<u8>) {
        let mut rest = content;
        while !rest.is_empty() {
            let room = (self.tail_len + self.batch_len()).saturating_sub(self.gathered.len());
            let (now, later) = rest.split_at(rest.len().min(room));
            self.gathered.extend_from_slice(now);
            rest = later;
            if now.len() == room {
                // A whole block is never the last one: an empty one follows where content ends.
                self.encode(false, out);
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.encode(true, out);
    }
}
