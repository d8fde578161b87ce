//! Hashing beside the rebuilding: a thread for each node that is open at once.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use crate::digest::{Digest, Hasher};

/// Bytes on their way to the hashers.
pub(super) type Piece = Arc<Vec<u8>>;

/// Pieces that may wait for a hasher; with the pieces' size, 8 MiB, this bounds memory. Where there are
/// more threads than cores, few would make all wait for each other.
const WAITING_PIECES: usize = 64;

/// A digest that did not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub(super) node: u32,
    pub(super) expected: Digest,
    pub(super) found: Digest,
}

enum Message {
    /// The first bytes of a piece.
    Bytes(Piece, usize),
    Finish {
        node: u32,
        expected: Digest,
    },
}

/// Hashes what nodes are made of, each depth of open nodes on a thread of its own.
///
/// A lane hashes one node after the other; lane 0 the outputs, lane 1 what is placed in them.
pub(super) struct Lanes<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    started: Vec<Lane<'scope>>,
    is_on: bool,
}

struct Lane<'scope> {
    sender: SyncSender<Message>,
    thread: ScopedJoinHandle<'scope, Option<Mismatch>>,
}

impl<'scope, 'env> Lanes<'scope, 'env> {
    /// Creates lanes that hash (or, where somebody else compares every byte, do not).
    pub(super) fn new(scope: &'scope Scope<'scope, 'env>, is_on: bool) -> Self {
        Self { scope, started: Vec::new(), is_on }
    }

    /// Sends the first `len` bytes of a piece to the hashers of these open nodes, counted from the
    /// outermost.
    pub(super) fn update(&mut self, nodes: Range<usize>, piece: &Piece, len: usize) {
        for lane in self.first(nodes.end).iter().skip(nodes.start) {
            // A lane hangs up only after a mismatch, which `finish` reports.
            lane.sender.send(Message::Bytes(Arc::clone(piece), len)).unwrap_or_default();
        }
    }

    /// The innermost of `depth` open nodes is complete and must have this digest.
    pub(super) fn complete(&mut self, depth: usize, node: u32, expected: Digest) {
        if let Some(lane) = self.first(depth).last() {
            lane.sender.send(Message::Finish { node, expected }).unwrap_or_default();
        }
    }

    /// The lanes of the outermost `depth` open nodes, started when first needed.
    fn first(&mut self, depth: usize) -> &[Lane<'scope>] {
        if !self.is_on {
            return &[];
        }
        while self.started.len() < depth {
            let (sender, receiver) = sync_channel(WAITING_PIECES);
            let thread = self.scope.spawn(move || hash_all(&receiver));
            self.started.push(Lane { sender, thread });
        }
        &self.started[..depth]
    }

    /// Has a hasher already found a mismatch?
    pub(super) fn is_lost(&self) -> bool {
        self.started.iter().any(|lane| lane.thread.is_finished())
    }

    /// Waits for all hashers; returns a mismatch of the innermost lane that has one, since that
    /// names the smallest wrong node.
    pub(super) fn finish(self) -> Option<Mismatch> {
        let mut found = None;
        for Lane { sender, thread } in self.started {
            drop(sender);
            found = thread.join().expect("BUG: hashing does not panic").or(found);
        }
        found
    }
}

fn hash_all(receiver: &Receiver<Message>) -> Option<Mismatch> {
    let mut hasher = Hasher::new();
    for message in receiver {
        match message {
            Message::Bytes(piece, len) => hasher.update(&piece[..len]),
            Message::Finish { node, expected } => {
                let found = std::mem::take(&mut hasher).finish();
                if found != expected {
                    return Some(Mismatch { node, expected, found });
                }
            }
        }
    }
    None
}
