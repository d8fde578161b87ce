//! One deflate stream, at any level.

use super::blocks::{Blocks, Ending, MAX_STORED};
use super::fast::Fast;
use super::lazy::Lazy;
use super::{Era, Level};
use crate::compression::encoders::Encoder;

/// A block that is not searched for matches, in bytes.
const LITERALS_LEN: usize = 32 << 10;

/// Compresses what is written.
pub(super) struct Stream {
    method: Method,
    /// Content that waits for more of its block; the lazy levels wait in their window.
    block: Vec<u8>,
    blocks: Blocks,
}

enum Method {
    Stored,
    Literals,
    Fast(Box<Fast>),
    Lazy(Box<Lazy>),
}

impl Stream {
    pub(super) fn new(era: Era, level: Level) -> Self {
        let (method, penalty) = match level {
            Level::Stored => (Method::Stored, 0),
            Level::HuffmanOnly => (Method::Literals, 10),
            Level::Fast(level) => (Method::Fast(Box::new(Fast::new(era, level))), 7),
            Level::Lazy(level) => (Method::Lazy(Box::new(Lazy::new(era, level))), 8),
        };
        Self { method, block: Vec::new(), blocks: Blocks::new(era, penalty) }
    }

    /// Forgets everything: another stream follows.
    pub(super) fn clear(&mut self) {
        match &mut self.method {
            Method::Stored | Method::Literals => {}
            Method::Fast(fast) => fast.clear(),
            Method::Lazy(lazy) => lazy.clear(),
        }
        self.block.clear();
        self.blocks.clear();
    }

    /// Makes a dictionary known, 13 bytes to 32 KiB, before anything else.
    pub(super) fn prime(&mut self, dictionary: &[u8]) {
        match &mut self.method {
            Method::Stored | Method::Literals => {}
            Method::Fast(fast) => fast.prime(dictionary),
            Method::Lazy(lazy) => lazy.prime(dictionary),
        }
    }

    /// Writes all content and fills the last byte up, so that another stream may follow.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) {
        self.encode(Ending::Closed, out);
        self.blocks.store(&[], out);
    }

    fn encode(&mut self, ending: Ending, out: &mut Vec<u8>) {
        let (block, blocks) = (&*self.block, &mut self.blocks);
        match &mut self.method {
            Method::Lazy(lazy) => lazy.flush(blocks, out),
            _ if block.is_empty() => {}
            Method::Stored => blocks.store(block, out),
            Method::Literals => blocks.put_literals(block, ending, out),
            Method::Fast(fast) => fast.encode(block, ending, blocks, out),
        }
        self.block.clear();
    }
}

impl Encoder for Stream {
    fn write(&mut self, content: &[u8], out: &mut Vec<u8>) {
        let block_len = match &mut self.method {
            Method::Lazy(lazy) => return lazy.write(content, &mut self.blocks, out),
            Method::Literals => LITERALS_LEN,
            Method::Stored | Method::Fast(_) => MAX_STORED,
        };
        let mut rest = content;
        while !rest.is_empty() {
            // A full block waits for what comes: its end may have to be written.
            if self.block.len() == block_len {
                self.encode(Ending::Open, out);
            }
            let (now, later) = rest.split_at(rest.len().min(block_len - self.block.len()));
            self.block.extend_from_slice(now);
            rest = later;
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.encode(Ending::Closed, out);
        self.blocks.finish(out);
    }
}
