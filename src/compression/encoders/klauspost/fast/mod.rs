//! Levels 1 to 6: blocks of 65,535 bytes, each searched from its first to its last byte.

mod double;
mod history;
mod level3;
mod level4;
mod scan;
mod single;
mod tables;

use super::Era;
use super::blocks::{Blocks, Ending};
use super::tokens::Tokens;
use history::{History, Renewal};

/// A block below this is not searched, in bytes.
const TINY: usize = 128;

/// A block up to this is stored, in bytes.
const TINIEST: usize = 32;

/// How matches are found at one level.
trait Search: Send {
    /// Makes tokens of the block that starts here in the history and ends with it; none where no
    /// match was found. It has at least 13 bytes.
    fn tokenize(&mut self, history: &History, start: u32, tokens: &mut Tokens);

    /// Changes all marks.
    fn renew(&mut self, renewal: Renewal);

    /// Forgets all marks.
    fn clear(&mut self);
}

/// One of the levels 1 to 6.
pub(super) struct Fast {
    history: History,
    search: Box<dyn Search>,
    tokens: Tokens,
}

impl Fast {
    /// At a level up to 6; 0 counts as 1.
    pub(super) fn new(era: Era, level: u8) -> Self {
        let search: Box<dyn Search> = match level {
            0 | 1 => Box::new(single::Level1::new()),
            2 => Box::new(single::Level2::new()),
            3 => Box::new(level3::Level3::new()),
            4 => Box::new(level4::Level4::new(era)),
            5 => Box::new(double::Level5::new()),
            _ => Box::new(double::Level6::new()),
        };
        Self { history: History::new(), search, tokens: Tokens::new() }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.history.restart();
        self.search.clear();
    }

    /// Makes the end of a dictionary known, which has at least 13 bytes.
    pub(super) fn prime(&mut self, dictionary: &[u8]) {
        let start = self.history.push(dictionary);
        self.search.tokenize(&self.history, start, &mut self.tokens);
        self.tokens.clear();
    }

    /// Writes a block, 1 to 65,535 bytes; less than that only at its end.
    pub(super) fn encode(
        &mut self,
        block: &[u8],
        ending: Ending,
        blocks: &mut Blocks,
        out: &mut Vec<u8>,
    ) {
        if block.len() < TINY {
            self.history.clear();
            return match block.len() {
                ..=TINIEST => blocks.store(block, out),
                _ => blocks.put_literals(block, Ending::Closed, out),
            };
        }
        if let Some(renewal) = self.history.renew() {
            self.search.renew(renewal);
        }
        let start = self.history.push(block);
        self.search.tokenize(&self.history, start, &mut self.tokens);
        if self.tokens.is_empty() {
            blocks.store(block, out);
        } else if self.tokens.len() > block.len() - block.len() / 16 {
            blocks.put_literals(block, ending, out);
        } else {
            blocks.put_tokens(&self.tokens, Some(block), ending, out);
        }
        self.tokens.clear();
    }
}
