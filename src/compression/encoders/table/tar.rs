//! A tar that passes by, as Go's reader takes it apart.
//!
//! What does not parse ends the reading, as it would have ended the writer of a table. All of this
//! serves guesses: what is not understood costs corrections.

use super::entry::{BLOCK_LEN, Block, Entry, Extensions};
use crate::limits;

/// Who is told what passes.
pub(super) trait Visitor {
    /// Bytes that are no file's: headers, extensions, padding, the blocks at the end.
    fn raw(&mut self, bytes: &[u8]);

    /// An entry's headers have passed; so many bytes of a file follow.
    fn entry(&mut self, entry: Entry, payload_len: u64);

    /// Bytes of the file.
    fn payload(&mut self, bytes: &[u8]);

    /// The file has passed; not called for an entry without bytes.
    fn end_payload(&mut self);

    /// The archive is at its end: behind its two blocks of zeros, or of the content.
    fn end(&mut self);

    /// Bytes behind the end.
    fn trailing(&mut self, bytes: &[u8]);
}

/// Where the next byte belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// To a header block.
    Header,
    /// To what an extension says about the next entry; its flag.
    Extension(u8),
    Payload,
    Padding,
    /// Behind the end.
    Trailing,
    /// Nobody knows.
    Lost,
}

#[derive(Debug)]
pub(super) struct TarReader {
    state: State,
    /// The part of a header block that has passed.
    block: Vec<u8>,
    /// The part of an extension that has passed.
    text: Vec<u8>,
    /// Bytes of the state that are to come.
    left: u64,
    /// Bytes of padding behind them.
    padding: u64,
    extensions: Extensions,
    has_zero_block: bool,
}

impl TarReader {
    pub(super) fn new() -> Self {
        Self {
            state: State::Header,
            block: Vec::with_capacity(BLOCK_LEN),
            text: Vec::new(),
            left: 0,
            padding: 0,
            extensions: Extensions::default(),
            has_zero_block: false,
        }
    }

    /// Does the next byte begin an entry, its extensions included?
    pub(super) fn is_between(&self) -> bool {
        self.state == State::Header && self.block.is_empty() && self.extensions.is_empty()
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, mut bytes: &[u8], visitor: &mut dyn Visitor) {
        while !bytes.is_empty() {
            let room = match self.state {
                State::Header => BLOCK_LEN - self.block.len(),
                State::Trailing => bytes.len(),
                State::Lost => return,
                _ => usize::try_from(self.left).unwrap_or(usize::MAX),
            };
            let (now, later) = bytes.split_at(bytes.len().min(room));
            bytes = later;
            self.take(now, visitor);
        }
    }

    /// The content has ended.
    pub(super) fn finish(&mut self, visitor: &mut dyn Visitor) {
        if self.is_between() {
            self.state = State::Trailing;
            visitor.end();
        }
    }

    fn take(&mut self, bytes: &[u8], visitor: &mut dyn Visitor) {
        match self.state {
            State::Payload => visitor.payload(bytes),
            State::Trailing => return visitor.trailing(bytes),
            _ => visitor.raw(bytes),
        }
        match self.state {
            State::Header => {
                self.block.extend_from_slice(bytes);
                if let Ok(block) = Block::try_from(&self.block[..]) {
                    self.block.clear();
                    self.header(&block, visitor);
                }
                return;
            }
            State::Extension(_) => self.text.extend_from_slice(bytes),
            _ => {}
        }
        // No more than what is left was taken.
        self.left -= bytes.len() as u64;
        if self.left == 0 {
            self.ended(visitor);
        }
    }

    /// All bytes of the state have passed.
    fn ended(&mut self, visitor: &mut dyn Visitor) {
        match self.state {
            State::Payload => visitor.end_payload(),
            State::Extension(flag) => {
                let text = std::mem::take(&mut self.text);
                if !self.extensions.add(flag, &text) {
                    self.state = State::Lost;
                    return;
                }
            }
            _ => {}
        }
        self.left = std::mem::take(&mut self.padding);
        self.state = if self.left > 0 { State::Padding } else { State::Header };
    }

    fn header(&mut self, block: &Block, visitor: &mut dyn Visitor) {
        if block.iter().all(|byte| *byte == 0) {
            if std::mem::replace(&mut self.has_zero_block, true) {
                self.state = State::Trailing;
                visitor.end();
            }
            return;
        }
        let entry = if self.has_zero_block { None } else { Entry::parse(block) };
        let Some(entry) = entry else {
            self.state = State::Lost;
            return;
        };
        if entry.is_extension() {
            self.state = State::Extension(entry.flag);
            self.begin(entry.size);
            if entry.size > limits::PAX_LEN {
                self.state = State::Lost;
            }
        } else {
            let entry = std::mem::take(&mut self.extensions).apply(entry);
            let Some(entry) = entry else {
                self.state = State::Lost;
                return;
            };
            let len = entry.payload_len();
            visitor.entry(entry, len);
            self.state = State::Payload;
            self.begin(len);
        }
        if self.left == 0 && self.state != State::Lost {
            match self.state {
                // Nobody was told of bytes, so nobody is told that they ended.
                State::Payload => self.state = State::Header,
                _ => self.ended(visitor),
            }
        }
    }

    fn begin(&mut self, len: u64) {
        self.left = len;
        self.padding = len.wrapping_neg() % BLOCK_LEN as u64;
    }
}
