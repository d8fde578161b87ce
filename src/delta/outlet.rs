//! The way out: bytes gather in a piece, which goes to the sink and to the hashers of every node
//! that is open.

use std::sync::Arc;

use super::lanes::{Lanes, Mismatch, Piece};
use super::{ApplyError, Sink};
use crate::digest::Digest;

/// Bytes that are gathered before they go to the sink and the hashers.
pub(super) const PIECE_LEN: usize = 256 << 10;

/// Where a node lies in the outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Landing {
    pub(super) output: usize,
    pub(super) offset: u64,
}

/// Takes what is made, in order, and hands it on piece by piece.
pub(super) struct Outlet<'run, 'scope, 'env> {
    sink: &'run mut dyn Sink,
    lanes: Lanes<'scope, 'env>,
    /// Where the first byte that did not yet leave belongs.
    at: Landing,
    /// Nodes that are open: each has a hasher.
    depth: usize,
    /// The first `filled` bytes did not yet leave.
    piece: Piece,
    filled: usize,
    /// Pieces that hashers may still hold; used again when they let go.
    spare: Vec<Piece>,
}

impl<'run, 'scope, 'env> Outlet<'run, 'scope, 'env> {
    pub(super) fn new(sink: &'run mut dyn Sink, lanes: Lanes<'scope, 'env>) -> Self {
        Self {
            sink,
            lanes,
            at: Landing { output: 0, offset: 0 },
            depth: 0,
            piece: Arc::new(vec![0; PIECE_LEN]),
            filled: 0,
            spare: Vec::new(),
        }
    }

    /// A node begins at `landing`, inside all that are open.
    pub(super) fn open(&mut self, landing: Landing) -> Result<(), ApplyError> {
        self.flush()?;
        self.at = landing;
        self.depth += 1;
        Ok(())
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
        mut read: impl FnMut(&dyn Sink, u64, &mut [u8]) -> Result<(), ApplyError>,
    ) -> Result<(), ApplyError> {
        let mut done = 0;
        while done < length {
            if self.filled == PIECE_LEN {
                self.flush()?;
            }
            let left = usize::try_from(length - done).unwrap_or(usize::MAX);
            let now = left.min(PIECE_LEN - self.filled);
            let piece =
                Arc::get_mut(&mut self.piece).expect("BUG: a piece is shared once it is full");
            read(self.sink, done, &mut piece[self.filled..][..now])?;
            self.filled += now;
            done += now as u64;
        }
        Ok(())
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
            self.sink.read(from.output, from.offset + done, buf).map_err(ApplyError::Output)?;
            self.sink.write(output, done, buf).map_err(ApplyError::Output)?;
            done += buf.len() as u64;
        }
        Ok(())
    }

    /// Sends what was gathered to the sink and to the hashers of all open nodes.
    pub(super) fn flush(&mut self) -> Result<(), ApplyError> {
        if self.filled == 0 {
            return Ok(());
        }
        let Landing { output, offset } = self.at;
        let bytes = &self.piece[..self.filled];
        self.sink.write(output, offset, bytes).map_err(ApplyError::Output)?;
        self.at.offset += bytes.len() as u64;
        self.lanes.update(self.depth, &self.piece, self.filled);
        self.filled = 0;
        let free = self.spare.iter().position(|piece| Arc::strong_count(piece) == 1);
        let next = match free {
            Some(free) => self.spare.swap_remove(free),
            None => Arc::new(vec![0; PIECE_LEN]),
        };
        self.spare.push(std::mem::replace(&mut self.piece, next));
        Ok(())
    }

    /// Waits for the hashers; returns the mismatch that they found.
    pub(super) fn finish(self) -> Option<Mismatch> {
        self.lanes.finish()
    }
}
