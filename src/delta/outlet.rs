//! The way out: bytes gather in a piece, which goes to the hashers of every node that is open and
//! to the sink, or, where the node is a content that is encoded again, through a [`Feed`] into the
//! piece of the node around it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::feed::Feed;
use super::keep::Keep;
use super::lanes::{Lanes, Mismatch, Piece};
use super::{ApplyError, Sink};
use crate::compression::encoders::Encoder;
use crate::digest::Digest;

/// Bytes that are gathered before they go to the sink and the hashers.
pub(super) const PIECE_LEN: usize = 128 << 10;

/// What a node's bytes lie in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// An output, by number.
    Output(usize),
    /// A content that is encoded as it comes, by the number of its node.
    Content(u32),
}

/// Where a node lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Landing {
    pub(super) space: Space,
    pub(super) offset: u64,
}

/// Bytes of a content that are to be kept as they pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToKeep {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) last_group: u64,
}

/// What was written before, to be read back.
pub(super) struct Written<'a, 'k> {
    sink: &'a dyn Sink,
    keep: &'a Keep<'k>,
}

impl Written<'_, '_> {
    /// Fills `buf` with bytes of a node that lies at `landing`, from `offset` of the node on.
    pub(super) fn read(
        &self,
        landing: Landing,
        offset: u64,
        buf: &mut [u8],
    ) -> Result<(), ApplyError> {
        let offset = landing.offset + offset;
        match landing.space {
            Space::Output(output) => {
                self.sink.read(output, offset, buf).map_err(ApplyError::Output)
            }
            Space::Content(content) => self.keep.read(content, offset, buf),
        }
    }
}

/// Takes what is made, in order, and hands it on piece by piece.
pub(super) struct Outlet<'run, 'scope, 'env> {
    sink: &'run mut dyn Sink,
    keep: Keep<'run>,
    lanes: Lanes<'scope, 'env>,
    /// The output's space, and one more for each content that is being encoded, innermost last.
    spaces: Vec<OpenSpace>,
    /// Nodes that are open: each has a hasher.
    depth: usize,
    /// Pieces that hashers may still hold; used again when they let go.
    spare: Vec<Piece>,
    /// An encoder that is done, whose memory the next feed takes.
    pub(super) idle: Option<Box<dyn Encoder>>,
}

/// A space while bytes come.
struct OpenSpace {
    /// Where the first byte that did not yet leave belongs.
    at: Landing,
    /// Number of open nodes around the space.
    outer: usize,
    /// The first `filled` bytes did not yet leave.
    piece: Piece,
    filled: usize,
    /// Ascending; none for an output.
    to_keep: VecDeque<ToKeep>,
    /// What the bytes go through to the space below; none for an output.
    feed: Option<Feed>,
}

impl<'run, 'scope, 'env> Outlet<'run, 'scope, 'env> {
    pub(super) fn new(
        sink: &'run mut dyn Sink,
        lanes: Lanes<'scope, 'env>,
        keep: Keep<'run>,
    ) -> Self {
        let output = OpenSpace::new(Space::Output(0), 0, None);
        Self { sink, keep, lanes, spaces: vec![output], depth: 0, spare: Vec::new(), idle: None }
    }

    /// Group `number` begins.
    pub(super) fn begin_group(&mut self, number: u64) {
        self.keep.forget_before(number);
    }

    /// A node begins at `landing`, inside all that are open.
    pub(super) fn open(&mut self, landing: Landing) -> Result<(), ApplyError> {
        self.flush()?;
        self.top().at = landing;
        self.depth += 1;
        Ok(())
    }

    /// A content begins whose bytes make those of the innermost node.
    pub(super) fn open_content(&mut self, content: u32, mut feed: Feed) -> Result<(), ApplyError> {
        let mut out = Vec::new();
        feed.begin(&mut out)?;
        self.put(&out)?;
        self.spaces.push(OpenSpace::new(Space::Content(content), self.depth, Some(feed)));
        self.depth += 1;
        Ok(())
    }

    /// What the encoders that wait for content take, by their reckoning, in bytes.
    pub(super) fn encoder_memory(&self) -> u64 {
        let feeds = self.spaces.iter().filter_map(|space| space.feed.as_ref());
        feeds.fold(0, |sum, feed| sum.saturating_add(feed.memory()))
    }

    /// The content of the innermost space, which is closed, has ended.
    pub(super) fn end_content(&mut self) -> Result<(), ApplyError> {
        let space = self.spaces.pop().expect("BUG: a content that ends was opened");
        if let Some(feed) = space.feed {
            self.idle = feed.end()?;
        }
        Ok(())
    }

    /// Keeps these ranges of the innermost space when they pass; they lie behind all earlier ones.
    pub(super) fn keep(&mut self, ranges: impl Iterator<Item = ToKeep>) {
        self.top().to_keep.extend(ranges);
    }

    /// Where the next byte of the innermost node will land.
    pub(super) fn position(&self) -> Landing {
        let space = self.spaces.last().expect("BUG: the output's space stays");
        let Landing { space: inside, offset } = space.at;
        Landing { space: inside, offset: offset + space.filled as u64 }
    }

    /// The innermost node is whole and must have this digest. Returns whether all is well so far:
    /// hashers are behind, so that only [`Outlet::finish`] is sure.
    pub(super) fn close(&mut self, node: u32, digest: Digest) -> Result<bool, ApplyError> {
        self.flush()?;
        self.lanes.complete(self.depth, node, digest);
        self.depth -= 1;
        Ok(!self.lanes.is_lost())
    }

    /// Takes the next `length` bytes piece by piece: `read` gets the number of bytes done and a
    /// buffer to fill, and may read back what has left.
    pub(super) fn fill(
        &mut self,
        length: u64,
        mut read: impl FnMut(&Written<'_, '_>, u64, &mut [u8]) -> Result<(), ApplyError>,
    ) -> Result<(), ApplyError> {
        let mut done = 0;
        while done < length {
            if self.top().filled == PIECE_LEN {
                self.flush()?;
            }
            let written = Written { sink: self.sink, keep: &self.keep };
            let space = self.spaces.last_mut().expect("BUG: the output's space stays");
            let left = usize::try_from(length - done).unwrap_or(usize::MAX);
            done += space.fill(left, |buf| read(&written, done, buf))? as u64;
        }
        Ok(())
    }

    /// Takes bytes.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), ApplyError> {
        self.put_at(self.spaces.len() - 1, bytes)
    }

    /// Reads back what has left.
    pub(super) fn written(&self) -> Written<'_, 'run> {
        Written { sink: self.sink, keep: &self.keep }
    }

    /// Copies an output that is whole and verified to another one.
    pub(super) fn repeat(
        &mut self,
        from: Landing,
        output: usize,
        length: u64,
    ) -> Result<(), ApplyError> {
        let mut buf = vec![0; PIECE_LEN];
        let mut done = 0;
        while done < length {
            let left = usize::try_from(length - done).unwrap_or(usize::MAX);
            let buf = &mut buf[..left.min(PIECE_LEN)];
            self.written().read(from, done, buf)?;
            self.sink.write(output, done, buf).map_err(ApplyError::Output)?;
            done += buf.len() as u64;
        }
        Ok(())
    }

    /// Sends on what was gathered in the innermost space.
    pub(super) fn flush(&mut self) -> Result<(), ApplyError> {
        self.flush_at(self.spaces.len() - 1)
    }

    fn put_at(&mut self, number: usize, mut bytes: &[u8]) -> Result<(), ApplyError> {
        while !bytes.is_empty() {
            if self.spaces[number].filled == PIECE_LEN {
                self.flush_at(number)?;
            }
            let taken = self.spaces[number].fill(bytes.len(), |buf| {
                buf.copy_from_slice(&bytes[..buf.len()]);
                Ok(())
            })?;
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    fn flush_at(&mut self, number: usize) -> Result<(), ApplyError> {
        let inner = self.spaces.get(number + 1).map_or(self.depth, |inner| inner.outer);
        let space = &mut self.spaces[number];
        if space.filled == 0 {
            return Ok(());
        }
        let bytes = &space.piece[..space.filled];
        let mut encoded = Vec::new();
        match (space.at.space, &mut space.feed) {
            (Space::Content(content), Some(feed)) => {
                for (start, bytes, last_group) in
                    passing(&mut space.to_keep, space.at.offset, bytes)
                {
                    self.keep.store(content, start, bytes, last_group)?;
                }
                feed.write(bytes, &mut encoded)?;
            }
            (Space::Output(output), _) => {
                self.sink.write(output, space.at.offset, bytes).map_err(ApplyError::Output)?;
            }
            (Space::Content(_), None) => {}
        }
        space.at.offset += bytes.len() as u64;
        self.lanes.update(space.outer..inner, &space.piece, space.filled);
        space.filled = 0;
        let free = self.spare.iter().position(|piece| Arc::strong_count(piece) == 1);
        let next = match free {
            Some(free) => self.spare.swap_remove(free),
            None => Arc::new(vec![0; PIECE_LEN]),
        };
        self.spare.push(std::mem::replace(&mut space.piece, next));
        match number.checked_sub(1) {
            Some(below) => self.put_at(below, &encoded),
            None => Ok(()),
        }
    }

    fn top(&mut self) -> &mut OpenSpace {
        self.spaces.last_mut().expect("BUG: the output's space stays")
    }

    /// Waits for the hashers; returns the mismatch that they found.
    pub(super) fn finish(self) -> Option<Mismatch> {
        self.lanes.finish()
    }
}

impl OpenSpace {
    fn new(space: Space, outer: usize, feed: Option<Feed>) -> Self {
        Self {
            at: Landing { space, offset: 0 },
            outer,
            piece: Arc::new(vec![0; PIECE_LEN]),
            filled: 0,
            to_keep: VecDeque::new(),
            feed,
        }
    }

    /// Fills what is free of the piece, at most `len` bytes; returns how many.
    fn fill(
        &mut self,
        len: usize,
        write: impl FnOnce(&mut [u8]) -> Result<(), ApplyError>,
    ) -> Result<usize, ApplyError> {
        let now = len.min(PIECE_LEN - self.filled);
        let piece = Arc::get_mut(&mut self.piece).expect("BUG: a piece is shared once it is full");
        write(&mut piece[self.filled..][..now])?;
        self.filled += now;
        Ok(now)
    }
}

/// What of `bytes`, which begin at `start`, is to be kept; drops the ranges that end with them.
fn passing<'b>(
    to_keep: &mut VecDeque<ToKeep>,
    start: u64,
    bytes: &'b [u8],
) -> Vec<(u64, &'b [u8], u64)> {
    let end = start + bytes.len() as u64;
    let index = |offset: u64| usize::try_from(offset - start).expect("BUG: inside a slice");
    let mut found = Vec::new();
    while let Some(range) = to_keep.front().copied().filter(|range| range.start < end) {
        let (from, until) = (range.start.max(start), range.end.min(end));
        found.push((from, &bytes[index(from)..index(until)], range.last_group));
        if range.end > end {
            break;
        }
        to_keep.pop_front();
    }
    found
}
