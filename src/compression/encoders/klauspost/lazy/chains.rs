//! Positions with equal hashes, chained from the last to the first.

#![expect(clippy::cast_possible_truncation, reason = "positions are below 2^17")]

use super::super::super::flate::window::{four, zeros};
use super::{WINDOW, Window};

const HASH_BITS: u32 = 17;
const HASHES: usize = 1 << HASH_BITS;

/// Marks from here on are made smaller.
const LAST_BASE: u32 = 1 << 28;

/// The chains of a window.
///
/// A position stands as its mark: mark and position differ by `base`, which grows when the window
/// moves. The mark 0 is none.
#[derive(Debug)]
pub(super) struct Chains {
    base: u32,
    /// The last position of each hash.
    heads: Box<[u32; HASHES]>,
    /// For each position, the one before it with the same hash.
    links: Box<[u32; WINDOW]>,
}

impl Chains {
    pub(super) fn new() -> Self {
        Self { base: 1, heads: zeros(), links: zeros() }
    }

    pub(super) fn clear(&mut self) {
        self.base = 1;
        self.heads.fill(0);
        self.links.fill(0);
    }

    /// The mark of a position.
    pub(super) const fn mark(&self, at: usize) -> u32 {
        // Positions are below 65,536.
        at as u32 + self.base
    }

    /// The position of a mark that is at hand.
    pub(super) const fn position(&self, mark: u32) -> usize {
        (mark - self.base) as usize
    }

    /// Adds a position, 4 bytes before the end of the window or earlier; returns the mark of the
    /// last one with the same hash.
    #[inline]
    pub(super) fn add(&mut self, window: &Window, at: usize) -> u32 {
        let mark = self.mark(at);
        let head = &mut self.heads[hash(window, at)];
        let before = std::mem::replace(head, mark);
        self.links[at % WINDOW] = before;
        before
    }

    /// The last position whose hash is that of this position, if it is at hand.
    pub(super) fn last(&self, window: &Window, at: usize) -> Option<usize> {
        self.heads[hash(window, at)].checked_sub(self.base).map(|at| at as usize)
    }

    /// The mark that comes before in the chain.
    #[inline]
    pub(super) fn before(&self, at: usize) -> u32 {
        self.links[at % WINDOW]
    }

    /// All positions are now smaller by [`WINDOW`].
    pub(super) fn shift(&mut self) {
        self.base += WINDOW as u32;
        if self.base > LAST_BASE {
            let dropped = self.base - 1;
            self.base = 1;
            for mark in self.heads.iter_mut().chain(self.links.iter_mut()) {
                *mark = mark.saturating_sub(dropped);
            }
        }
    }
}

/// The hash of the 4 bytes at a position.
#[inline]
fn hash(window: &Window, at: usize) -> usize {
    (four(window, at).wrapping_mul(2_654_435_761) >> (32 - HASH_BITS)) as usize
}
