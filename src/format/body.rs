//! The body behind its block digests: no byte leaves a block whose digest did not match.

use std::cell::RefCell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use super::FormatError;
use crate::digest::{Digest, Hasher};
use crate::source::ReadAt;

/// Length of a body block, the last one apart, in bytes.
pub const BLOCK_LEN: u64 = 256 << 10;

/// A block whose digest matched, with its number.
pub(super) type Block = (u64, Rc<Vec<u8>>);

/// The body of a delta, read in blocks that are checked.
///
/// Its copies share the block that was read last: many short frames or streams in one block cost
/// one reading of it.
#[derive(Clone)]
pub struct Body<'a> {
    file: &'a dyn ReadAt,
    /// Where the body begins in the file.
    start: u64,
    len: u64,
    blocks: &'a [[u8; 32]],
    last: Rc<RefCell<Option<Block>>>,
}

impl std::fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body")
            .field("start", &self.start)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl<'a> Body<'a> {
    /// The `len` bytes of `file` from `start` on, with a digest for each block.
    pub(super) fn new(file: &'a dyn ReadAt, start: u64, len: u64, blocks: &'a [[u8; 32]]) -> Self {
        Self { file, start, len, blocks, last: Rc::default() }
    }

    /// Number of blocks.
    pub fn block_count(&self) -> u64 {
        self.blocks.len() as u64
    }

    /// Reads and checks one block into `buf`, which is resized to it.
    ///
    /// # Errors
    /// Damage when the digest does not match.
    pub fn read_block(&self, block: u64, buf: &mut Vec<u8>) -> Result<(), FormatError> {
        let at = block * BLOCK_LEN;
        let len = self.len.saturating_sub(at).min(BLOCK_LEN);
        let (Some(expected), Ok(len)) = (
            usize::try_from(block).ok().and_then(|block| self.blocks.get(block)),
            usize::try_from(len),
        ) else {
            return Err(FormatError::Truncated {
                reading: "a body block",
                expected: 1,
                available: 0,
            });
        };
        buf.resize(len, 0);
        self.file.read_exact_at(buf, self.start + at).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => FormatError::Truncated {
                reading: "a body block",
                expected: len as u64,
                available: self.file.len().saturating_sub(self.start + at),
            },
            _ => FormatError::Read(error),
        })?;
        let found = Digest::of(buf);
        if found.as_bytes() == expected {
            return Ok(());
        }
        Err(FormatError::DigestMismatch {
            what: format!("block {block} of the body (offset {})", self.start + at),
            expected: Digest::from_bytes(*expected),
            found,
        })
    }

    /// One block, read unless it was the last one.
    fn block(&self, number: u64) -> Result<Block, FormatError> {
        let last = self.last.borrow().clone();
        if let Some(last) = last.filter(|(last, _)| *last == number) {
            return Ok(last);
        }
        let mut bytes = Vec::new();
        self.read_block(number, &mut bytes)?;
        let block = (number, Rc::new(bytes));
        *self.last.borrow_mut() = Some(block.clone());
        Ok(block)
    }

    /// The bytes [at, at + len) of the body, to be read in order; `block` is one that the reader of
    /// the bytes before has left.
    pub(super) fn range(
        &self,
        at: u64,
        len: u64,
        block: Option<Block>,
    ) -> Result<BodyRange<'a>, FormatError> {
        match at.checked_add(len).filter(|end| *end <= self.len) {
            Some(end) => Ok(BodyRange { body: self.clone(), at, end, block }),
            None => Err(FormatError::Rule {
                rule: "frames lie in the body",
                place: "body offset",
                row: at,
            }),
        }
    }
}

/// A range of the body, read front to back through checked blocks.
pub(super) struct BodyRange<'a> {
    body: Body<'a>,
    at: u64,
    end: u64,
    block: Option<Block>,
}

impl BodyRange<'_> {
    /// The block that was read last, for who reads on behind this range.
    pub(super) fn into_block(self) -> Option<Block> {
        self.block
    }
}

impl BufRead for BodyRange<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.end {
            return Ok(&[]);
        }
        let number = self.at / BLOCK_LEN;
        let block = match self.block.take().filter(|(block, _)| *block == number) {
            Some(block) => block,
            None => self.body.block(number)?,
        };
        let (_, block) = self.block.insert(block);
        let start = number * BLOCK_LEN;
        let bytes = crate::units::ByteRange::new(
            self.at - start,
            self.end.min(start + BLOCK_LEN) - self.at,
        )
        .and_then(|range| range.of(block));
        bytes.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn consume(&mut self, amount: usize) {
        self.at = self.end.min(self.at + amount as u64);
    }
}

impl Read for BodyRange<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let len = bytes.len().min(buf.len());
        buf[..len].copy_from_slice(&bytes[..len]);
        self.consume(len);
        Ok(len)
    }
}

/// Digests of the blocks of a body that arrives piece by piece.
#[derive(Debug, Default)]
pub struct BodyHasher {
    blocks: Vec<[u8; 32]>,
    current: Hasher,
    current_len: u64,
    len: u64,
}

impl BodyHasher {
    /// Adds the next bytes of the body.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.len += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = usize::try_from(BLOCK_LEN - self.current_len).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.current.update(now);
            self.current_len += now.len() as u64;
            bytes = later;
            if self.current_len == BLOCK_LEN {
                self.close();
            }
        }
    }

    /// Returns the length of the body and the digests of its blocks.
    pub fn finish(mut self) -> (u64, Vec<[u8; 32]>) {
        if self.current_len > 0 {
            self.close();
        }
        (self.len, self.blocks)
    }

    fn close(&mut self) {
        self.blocks.push(*std::mem::take(&mut self.current).finish().as_bytes());
        self.current_len = 0;
    }
}
