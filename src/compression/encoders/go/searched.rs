//! Levels 2 to 9: every place is looked up in a window.

use super::super::Encoder;
use super::super::flate::codes::Token;
use super::super::flate::symbols::MAX_MATCH;
use super::blocks::BlockWriter;
use super::chains::{Chains, END, Effort, MIN_MATCH, Match, STRETCH};

/// How many tokens a block has at most.
const MAX_TOKENS: usize = 1 << 14;

/// So much content lies behind a place that is looked up, but for the last ones of all.
const LOOKAHEAD: usize = MIN_MATCH + MAX_MATCH;

/// What is done with a match.
#[derive(Debug, Clone, Copy)]
enum Choice {
    /// The first one is taken. Places inside matches up to this length can be matched later.
    Greedy { insert_len: usize },
    /// It waits for a longer one at the next place, unless it has this length.
    Lazy { long_enough: usize },
}

impl Choice {
    /// What a level does, and how much it looks for.
    fn of_level(level: u64) -> (Self, Effort) {
        use Choice::{Greedy, Lazy};
        let (choice, nice_len, tries) = match level {
            ..=2 => (Greedy { insert_len: 5 }, 16, 8),
            3 => (Greedy { insert_len: 6 }, 32, 32),
            4 => (Lazy { long_enough: 4 }, 16, 16),
            5 => (Lazy { long_enough: 16 }, 32, 32),
            6 => (Lazy { long_enough: 16 }, 128, 128),
            7 => (Lazy { long_enough: 32 }, 128, 256),
            8 => (Lazy { long_enough: 128 }, 258, 1024),
            9.. => (Lazy { long_enough: 258 }, 258, 4096),
        };
        (choice, Effort { tries, nice_len })
    }
}

/// An encoder of levels 2 to 9.
pub(super) struct Searched {
    choice: Choice,
    effort: Effort,
    chains: Chains,
    /// Where the content in the window ends, exclusive.
    end: usize,
    /// The place to go on from.
    at: usize,
    /// What the place before waits with: its match, [`Match::NONE`] for a literal, or nothing.
    waiting: Option<Match>,
    /// The block that has begun.
    tokens: Vec<Token>,
    /// Where its content begins; nothing when that has left the window.
    block_start: Option<usize>,
    blocks: BlockWriter,
}

impl Searched {
    /// Of a level from 2 to 9.
    pub(super) fn new(level: u64, is_flushed: bool) -> Self {
        let (choice, effort) = Choice::of_level(level);
        Self {
            choice,
            effort,
            chains: Chains::new(),
            end: 1,
            at: 1,
            waiting: None,
            tokens: Vec::with_capacity(MAX_TOKENS),
            block_start: Some(1),
            blocks: BlockWriter::new(is_flushed),
        }
    }

    /// Goes on until less than `lookahead` bytes are left, which is at least one.
    fn run(&mut self, lookahead: usize, out: &mut Vec<u8>) {
        match self.choice {
            Choice::Greedy { insert_len } => {
                while self.end - self.at >= lookahead {
                    self.step_greedy(insert_len, out);
                }
            }
            Choice::Lazy { long_enough } => {
                while self.end - self.at >= lookahead {
                    self.step_lazy(long_enough, out);
                }
            }
        }
    }

    #[inline]
    fn step_greedy(&mut self, insert_len: usize, out: &mut Vec<u8>) {
        let first = self.insert(self.at);
        let found = self.chains.find(self.at, first, self.end - self.at, self.effort);
        if found.is_some() {
            let next = self.at + found.len;
            if found.len <= insert_len {
                self.insert_up_to(next);
            }
            self.at = next;
            self.put_match(found, out);
        } else {
            self.at += 1;
            self.put_literal(out);
        }
    }

    #[inline]
    fn step_lazy(&mut self, long_enough: usize, out: &mut Vec<u8>) {
        let first = self.insert(self.at);
        let before = self.waiting.unwrap_or(Match::NONE);
        let lookahead = self.end - self.at;
        let found = if before.len < long_enough.min(lookahead) {
            self.chains.find(self.at, first, lookahead, self.effort)
        } else {
            Match::NONE
        };
        if before.is_some() && found.len <= before.len {
            let next = self.at - 1 + before.len;
            self.insert_up_to(next);
            self.at = next;
            self.waiting = None;
            self.put_match(before, out);
        } else {
            if self.waiting.is_some() {
                self.put_literal(out);
            }
            self.at += 1;
            self.waiting = Some(found);
        }
    }

    /// Inserts a place, unless too little content is left; returns the place before or 0.
    #[inline]
    fn insert(&mut self, at: usize) -> u16 {
        if self.end - at < MIN_MATCH {
            return 0;
        }
        self.chains.insert(at)
    }

    /// Inserts the places from the next one up to `next`, exclusive.
    #[inline]
    fn insert_up_to(&mut self, next: usize) {
        for at in self.at + 1..next.min((self.end + 1).saturating_sub(MIN_MATCH)) {
            self.chains.insert(at);
        }
    }

    /// Puts the byte before the current place.
    #[inline]
    fn put_literal(&mut self, out: &mut Vec<u8>) {
        self.put(Token::literal(self.chains.window()[self.at - 1]), out);
    }

    /// Puts a match that ends before the current place.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a match has 3 to 258 bytes, 32,768 back")]
    fn put_match(&mut self, found: Match, out: &mut Vec<u8>) {
        self.put(Token::matched((found.len - 3) as u8, (found.distance - 1) as u16), out);
    }

    #[inline]
    fn put(&mut self, token: Token, out: &mut Vec<u8>) {
        self.tokens.push(token);
        if self.tokens.len() == MAX_TOKENS {
            self.put_block(out);
        }
    }

    /// Ends the block before the current place.
    fn put_block(&mut self, out: &mut Vec<u8>) {
        let content = self.block_start.map(|start| &self.chains.window()[start..self.at]);
        self.blocks.put_smallest(&self.tokens, content, out);
        self.tokens.clear();
        self.block_start = Some(self.at);
    }

    /// Moves the window on.
    fn slide(&mut self) {
        self.chains.slide();
        self.end -= STRETCH;
        self.at -= STRETCH;
        let start = self.block_start.filter(|start| *start > STRETCH);
        self.block_start = start.map(|start| start - STRETCH);
    }
}

impl Encoder for Searched {
    fn write(&mut self, content: &[u8], out: &mut Vec<u8>) {
        let mut rest = content;
        while !rest.is_empty() {
            if self.end == END {
                self.run(LOOKAHEAD, out);
                self.slide();
            }
            let len = self.chains.fill(self.end, rest);
            self.end += len;
            rest = &rest[len..];
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.run(1, out);
        if self.waiting.is_some() {
            self.put_literal(out);
        }
        if !self.tokens.is_empty() {
            self.put_block(out);
        }
        self.blocks.finish(out);
    }
}
