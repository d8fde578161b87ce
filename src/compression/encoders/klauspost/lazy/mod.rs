//! Levels 7 to 9: a match is only taken when the next position has no better one.

mod chains;
mod encode;
mod search;

use super::super::flate::symbols::MAX_MATCH;
use super::super::flate::window::{PADDING, zeros};
use super::Era;
use super::blocks::{Blocks, Ending};
use super::tokens::Tokens;
use chains::Chains;
use search::{Effort, Found, Prices};

/// How far a match may reach back, in bytes.
const WINDOW: usize = 1 << 15;

/// The bytes at hand: what matches may lie in, and what comes next; then room for reading on.
type Window = [u8; 2 * WINDOW + PADDING];

/// Length of the shortest match that is looked for.
const SHORTEST: usize = 4;

/// Bytes that must be ahead while more are to come.
const AHEAD: usize = SHORTEST + MAX_MATCH;

/// Tokens of a block at most.
const MAX_TOKENS: usize = 1 << 15;

/// One of the levels 7 to 9.
pub(super) struct Lazy {
    era: Era,
    effort: Effort,
    counts_dictionary: bool,
    prices: Prices,
    chains: Chains,
    window: Box<Window>,
    /// The window is filled up to here.
    end: usize,
    /// What is looked at next.
    at: usize,
    /// Where the block starts; nothing when that left the window.
    block: Option<usize>,
    /// The byte before `at` has no token yet.
    owes_literal: bool,
    /// The match that starts at that byte.
    pending: Found,
    /// Literals since the last match; the original's counter has 16 bits.
    literals: u16,
    tokens: Tokens,
}

/// No match.
const NONE: Found = Found { len: SHORTEST - 1, distance: 0 };

impl Lazy {
    /// At a level from 7 on. A dictionary may count as content of the first block when it is
    /// decided whether to store that.
    pub(super) fn new(era: Era, level: u8) -> Self {
        Self {
            era,
            effort: Effort::of(level),
            counts_dictionary: era.counts_dictionary(),
            prices: Prices::new(era),
            chains: Chains::new(),
            window: zeros(),
            end: 0,
            at: 0,
            block: Some(0),
            owes_literal: false,
            pending: NONE,
            literals: 0,
            tokens: Tokens::new(),
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.chains.clear();
        self.tokens.clear();
        (self.end, self.at, self.block) = (0, 0, Some(0));
        (self.owes_literal, self.pending, self.literals) = (false, NONE, 0);
    }

    /// Makes a dictionary known, at most 32 KiB, before anything else.
    pub(super) fn prime(&mut self, dictionary: &[u8]) {
        self.window[..dictionary.len()].copy_from_slice(dictionary);
        (self.end, self.at) = (dictionary.len(), dictionary.len());
        for at in 0..self.insertable() {
            self.chains.add(&self.window, at);
        }
        if !self.counts_dictionary {
            self.block = Some(self.end);
        }
    }

    pub(super) fn write(&mut self, content: &[u8], blocks: &mut Blocks, out: &mut Vec<u8>) {
        let mut rest = content;
        while !rest.is_empty() {
            if self.end == 2 * WINDOW {
                self.encode(Ending::Open, blocks, out);
                self.shift();
            }
            let (now, later) = rest.split_at(rest.len().min(2 * WINDOW - self.end));
            self.window[self.end..][..now.len()].copy_from_slice(now);
            self.end += now.len();
            rest = later;
        }
    }

    /// Writes what is left.
    pub(super) fn flush(&mut self, blocks: &mut Blocks, out: &mut Vec<u8>) {
        self.encode(Ending::Closed, blocks, out);
    }

    /// Makes room: what is out of reach leaves the window.
    fn shift(&mut self) {
        self.window.copy_within(WINDOW..2 * WINDOW, 0);
        self.at -= WINDOW;
        self.end -= WINDOW;
        self.block = self.block.and_then(|start| start.checked_sub(WINDOW));
        self.chains.shift();
    }

    /// Positions below this have 4 bytes.
    const fn insertable(&self) -> usize {
        self.end.saturating_sub(SHORTEST - 1)
    }
}
