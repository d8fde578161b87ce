//! Level 1: blocks of 65,535 bytes, and the last place of each hash of four bytes.

use super::super::Encoder;
use super::super::flate::codes::Token;
use super::super::flate::symbols::{MAX_DISTANCE, MAX_MATCH};
use super::super::flate::window::{PADDING, common_len, four, zeros};
use super::blocks::{BlockWriter, MAX_STORED_LEN};

/// Where a block begins in the window; the bytes before it are as far as matches reach.
const START: usize = MAX_DISTANCE;

/// Where a whole block ends in the window.
const END: usize = START + MAX_STORED_LEN;

/// Shorter blocks, which only the last one can be, are stored.
const MIN_CODED_LEN: usize = 17;

/// Shorter blocks are not searched.
const MIN_SEARCHED_LEN: usize = 128;

/// So many last bytes of a block are not searched.
const MARGIN: usize = 15;

const HASH_BITS: u32 = 14;

/// So many bytes are looked at one by one before every second one is, and so on.
const PATIENCE: usize = 32;

/// The position of the window's first byte at first: a block is too far from position zero, which
/// stands for nothing seen.
const FIRST_BASE: u32 = 1;

/// The position from which on positions are counted afresh.
const MAX_BASE: u32 = 1 << 24;

/// Four bytes, and where they were.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    bytes: u32,
    position: u32,
}

/// The encoder of level 1.
pub(super) struct Fast {
    window: Box<[u8; END + PADDING]>,
    /// Where the content in the window ends, exclusive.
    end: usize,
    seen: Box<[Seen; 1 << HASH_BITS]>,
    /// The position of the window's first byte.
    base: u32,
    tokens: Vec<Token>,
    blocks: BlockWriter,
}

impl Fast {
    pub(super) fn new(is_flushed: bool) -> Self {
        Self {
            window: zeros(),
            end: START,
            seen: zeros(),
            base: FIRST_BASE,
            tokens: Vec::with_capacity(MAX_STORED_LEN),
            blocks: BlockWriter::new(is_flushed),
        }
    }

    /// Puts the block in the window.
    fn put_block(&mut self, out: &mut Vec<u8>) {
        let len = self.end - START;
        if len >= MIN_SEARCHED_LEN {
            self.search();
        }
        let content = &self.window[START..self.end];
        if len < MIN_CODED_LEN {
            self.blocks.put_stored(content, out);
        } else if len < MIN_SEARCHED_LEN || self.tokens.len() > len - (len >> 4) {
            // Matches would save less than a sixteenth of the tokens.
            self.blocks.put_literals(content, out);
        } else {
            self.blocks.put_coded(&self.tokens, content, out);
        }
    }

    /// Makes the tokens of the block in the window.
    fn search(&mut self) {
        let last = self.end - MARGIN;
        // The bytes from here on have no token yet.
        let mut rest = START;
        let mut at = START;
        self.tokens.clear();
        'block: loop {
            let mut pace = PATIENCE;
            let mut distance = loop {
                let step = pace / PATIENCE;
                if at + step > last {
                    break 'block;
                }
                if let Some(distance) = self.see(at) {
                    break distance;
                }
                at += step;
                pace += step;
            };
            self.put_literals(rest, at);
            loop {
                at += self.put_match(at, distance);
                rest = at;
                if at >= last {
                    break 'block;
                }
                self.see(at - 1);
                let Some(next) = self.see(at) else { break };
                distance = next;
            }
            at += 1;
        }
        self.put_literals(rest, self.end);
    }

    /// Remembers a place of the window; how far back the last one with the same four bytes is.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the window is shorter than 2^17 bytes")]
    fn see(&mut self, at: usize) -> Option<usize> {
        let bytes = four(&*self.window, at);
        let hash = bytes.wrapping_mul(0x1e35_a7bd) >> (32 - HASH_BITS);
        let now = Seen { bytes, position: self.base + at as u32 };
        let before = std::mem::replace(&mut self.seen[hash as usize], now);
        let distance = (now.position - before.position) as usize;
        (before.bytes == bytes && distance <= MAX_DISTANCE).then_some(distance)
    }

    fn put_literals(&mut self, from: usize, to: usize) {
        self.tokens.extend(self.window[from..to].iter().map(|byte| Token::literal(*byte)));
    }

    /// Puts the longest match of a distance; returns its length.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a match has 4 to 258 bytes, 32,768 back")]
    fn put_match(&mut self, at: usize, distance: usize) -> usize {
        let len = common_len(&*self.window, at, at - distance).min(MAX_MATCH).min(self.end - at);
        self.tokens.push(Token::matched((len - 3) as u8, (distance - 1) as u16));
        len
    }

    /// Makes room for a block behind the one that fills the window.
    fn slide(&mut self) {
        self.window.copy_within(MAX_STORED_LEN..END, 0);
        self.end = START;
        if self.base > MAX_BASE {
            // Positions before the window are too far away already, and all the same.
            for seen in self.seen.iter_mut() {
                seen.position = seen.position.saturating_sub(self.base - FIRST_BASE);
            }
            self.base = FIRST_BASE;
        }
        self.base += MAX_STORED_LEN as u32;
    }
}

impl Encoder for Fast {
    fn write(&mut self, content: &[u8], out: &mut Vec<u8>) {
        let mut rest = content;
        while !rest.is_empty() {
            if self.end == END {
                self.put_block(out);
                self.slide();
            }
            let (now, later) = rest.split_at(rest.len().min(END - self.end));
            self.window[self.end..][..now.len()].copy_from_slice(now);
            self.end += now.len();
            rest = later;
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.end > START {
            self.put_block(out);
        }
        self.blocks.finish(out);
    }
}
