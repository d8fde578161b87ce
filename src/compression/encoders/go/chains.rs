//! A window, and for each place in it the one before it whose next four bytes have the same hash.
//!
//! Places are counted from one, so that zero is none. The window holds two stretches; when both are
//! full and passed, the second becomes the first. So a match reaches back 32,768 bytes at most, at
//! some places less, and both are part of the output.

use super::super::flate::symbols::{MAX_DISTANCE, MAX_MATCH};
use super::super::flate::window::{PADDING, common_len, four, zeros};

/// How much the window moves at once, in bytes.
pub(super) const STRETCH: usize = MAX_DISTANCE;

/// Content may be in the window from place 1 to here, exclusive.
pub(super) const END: usize = 1 + 2 * STRETCH;

/// How many bytes are hashed: no match is shorter.
pub(super) const MIN_MATCH: usize = 4;

/// A match of only [`MIN_MATCH`] bytes is not taken from further away.
const MAX_SHORT_DISTANCE: usize = 4096;

const HASH_BITS: u32 = 17;

/// A match, or nothing that is longer than what was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    /// How long it is, in bytes.
    pub(super) len: usize,
    /// How far back it begins, in bytes.
    pub(super) distance: usize,
}

impl Match {
    /// No match.
    pub(super) const NONE: Self = Self { len: MIN_MATCH - 1, distance: 0 };

    pub(super) fn is_some(self) -> bool {
        self.len >= MIN_MATCH
    }
}

/// How much a search may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// How many places are tried.
    pub(super) tries: u32,
    /// A match of this length is good enough.
    pub(super) nice_len: usize,
}

/// A window with its chains of places.
pub(super) struct Chains {
    window: Box<[u8; END + PADDING]>,
    /// The last place of each hash.
    heads: Box<[u16; 1 << HASH_BITS]>,
    /// The place before each place, by the lowest bits of that.
    links: Box<[u16; STRETCH]>,
}

impl Chains {
    pub(super) fn new() -> Self {
        Self { window: zeros(), heads: zeros(), links: zeros() }
    }

    pub(super) fn window(&self) -> &[u8] {
        &*self.window
    }

    /// Puts the start of `content` into the window from `at` on; returns how much has room.
    pub(super) fn fill(&mut self, at: usize, content: &[u8]) -> usize {
        let len = content.len().min(END - at);
        self.window[at..at + len].copy_from_slice(&content[..len]);
        len
    }

    /// Makes the second stretch the first one: every place is [`STRETCH`] less, or none.
    pub(super) fn slide(&mut self) {
        self.window.copy_within(1 + STRETCH..END, 1);
        for places in [&mut self.heads[..], &mut self.links[..]] {
            for place in places.iter_mut() {
                *place = place.saturating_sub(1 << 15);
            }
        }
    }

    /// Adds a place, from which on there are [`MIN_MATCH`] bytes of content.
    ///
    /// Returns the last place before it of the same hash, or 0.
    #[inline]
    pub(super) fn insert(&mut self, at: usize) -> u16 {
        let bytes = four(&*self.window, at).swap_bytes();
        let hash = bytes.wrapping_mul(0x1e35_a7bd) >> (32 - HASH_BITS);
        let head = &mut self.heads[hash as usize];
        let before = std::mem::replace(head, place(at));
        self.links[at % STRETCH] = before;
        before
    }

    /// The longest match at `at`, where `lookahead` bytes of content begin and whose last place
    /// before with the same hash is `first`; of equally long ones the nearest.
    #[inline]
    pub(super) fn find(&self, at: usize, first: u16, lookahead: usize, effort: Effort) -> Match {
        let window = &*self.window;
        let max_len = lookahead.min(MAX_MATCH);
        let nice_len = effort.nice_len.min(max_len);
        let lowest = at.saturating_sub(STRETCH).max(1);
        let mut best = Match::NONE;
        // A longer match has these four bytes where the best one ends.
        let mut wanted = four(window, at);
        let mut here = usize::from(first);
        for _ in 0..effort.tries {
            if here < lowest {
                break;
            }
            if four(window, here + best.len - MIN_MATCH + 1) == wanted {
                let len = common_len(window, here, at).min(max_len);
                let distance = at - here;
                if len > best.len && (len > MIN_MATCH || distance <= MAX_SHORT_DISTANCE) {
                    best = Match { len, distance };
                    if len >= nice_len {
                        break;
                    }
                    wanted = four(window, at + len - MIN_MATCH + 1);
                }
            }
            // The link of the furthest place is that of `at` already.
            if here == lowest {
                break;
            }
            here = usize::from(self.links[here % STRETCH]);
        }
        best
    }
}

/// A place that was inserted: fewer than [`MIN_MATCH`] bytes from [`END`] none is.
#[expect(clippy::cast_possible_truncation, reason = "places that are inserted are below 2^16")]
fn place(at: usize) -> u16 {
    at as u16
}
