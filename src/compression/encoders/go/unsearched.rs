//! The levels without matches: stored blocks, and blocks of literals.

use super::super::Encoder;
use super::blocks::{BlockWriter, MAX_STORED_LEN};

/// Level 0 or Huffman only: blocks of as much content as a stored block takes.
#[derive(Debug)]
pub(super) struct Unsearched {
    put: fn(&mut BlockWriter, &[u8], &mut Vec<u8>),
    blocks: BlockWriter,
    /// The start of a block; shorter than one between calls.
    begun: Vec<u8>,
}

impl Unsearched {
    pub(super) fn stored(is_flushed: bool) -> Self {
        Self::new(BlockWriter::put_stored, is_flushed)
    }

    pub(super) fn huffman_only(is_flushed: bool) -> Self {
        Self::new(BlockWriter::put_literals, is_flushed)
    }

    fn new(put: fn(&mut BlockWriter, &[u8], &mut Vec<u8>), is_flushed: bool) -> Self {
        let blocks = BlockWriter::new(is_flushed);
        Self { put, blocks, begun: Vec::with_capacity(MAX_STORED_LEN) }
    }
}

impl Encoder for Unsearched {
    fn write(&mut self, content: &[u8], out: &mut Vec<u8>) {
        let mut rest = content;
        if !self.begun.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(MAX_STORED_LEN - self.begun.len()));
            self.begun.extend_from_slice(now);
            rest = later;
            if self.begun.len() < MAX_STORED_LEN {
                return;
            }
            (self.put)(&mut self.blocks, &self.begun, out);
            self.begun.clear();
        }
        let blocks = rest.chunks_exact(MAX_STORED_LEN);
        self.begun.extend_from_slice(blocks.remainder());
        for block in blocks {
            (self.put)(&mut self.blocks, block, out);
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if !self.begun.is_empty() {
            (self.put)(&mut self.blocks, &self.begun, out);
        }
        self.blocks.finish(out);
    }
}
