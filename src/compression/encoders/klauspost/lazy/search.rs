//! Looking along a chain for the match that pays most.

use super::super::super::flate::huffman::Code;
use super::super::super::flate::symbols::{
    DISTANCE_EXTRA_LENS, LENGTH_EXTRA_LENS, MAX_MATCH, MAX_WORD_LEN, MIN_MATCH, distance_symbol,
    length_symbol,
};
use super::super::super::flate::window::common_len;
use super::super::Era;
use super::chains::Chains;
use super::{SHORTEST, WINDOW, Window};

/// Bytes that are counted for the prices of literals where more of them had no room in a count.
const COUNTED: usize = 1 << 15;

/// How hard a level tries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// No better match is looked for behind one of this length.
    pub(super) lazy: usize,
    /// A match of this length ends a search.
    pub(super) nice: usize,
    /// Candidates of a search.
    pub(super) chain: usize,
}

impl Effort {
    /// That of a level from 7 on.
    pub(super) const fn of(level: u8) -> Self {
        match level {
            ..=7 => Self { lazy: 12, nice: 16, chain: 24 },
            8 => Self { lazy: 30, nice: 40, chain: 64 },
            _ => Self { lazy: 258, nice: 258, chain: 1024 },
        }
    }

    /// Whether matches are compared by what they save, not by their lengths.
    pub(super) const fn weighs(&self) -> bool {
        self.chain >= 100
    }
}

/// Where a match was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) len: usize,
    pub(super) distance: usize,
}

/// What literals cost, and from when on a match is cheaper.
#[derive(Debug)]
pub(super) struct Prices {
    literals: Code<256>,
    /// What a match must save more than.
    least_gain: i32,
    /// What the symbols of a match are taken to cost.
    match_cost: i32,
    /// How many bytes of a window are counted at most.
    counted: usize,
}

impl Prices {
    pub(super) fn new(era: Era) -> Self {
        let (least_gain, match_cost) = if era.improves_matches() { (4, 3) } else { (0, 6) };
        let counted = if era.caps_counts() { COUNTED } else { 2 * WINDOW };
        Self { literals: Code::empty(), least_gain, match_cost, counted }
    }

    /// Sets the prices for what comes next.
    pub(super) fn set(&mut self, content: &[u8]) {
        let mut counts = [0_u16; 256];
        for &byte in content.iter().take(self.counted) {
            let count = &mut counts[usize::from(byte)];
            // 65,536 equal bytes count as none, where so many are counted.
            *count = count.wrapping_add(1);
        }
        self.literals.build(&counts, MAX_WORD_LEN);
    }

    /// What a match saves.
    fn gain(&self, bytes: &[u8], distance: usize) -> i32 {
        let words = self.literals.words();
        let literals: u32 = bytes.iter().map(|&byte| u32::from(words[usize::from(byte)].len)).sum();
        // No match is longer.
        let length = u8::try_from(bytes.len() - MIN_MATCH).unwrap_or(u8::MAX);
        let length_extra = LENGTH_EXTRA_LENS[length_symbol(length)];
        literals.cast_signed()
            - i32::from(distance_extra(distance))
            - self.match_cost
            - i32::from(length_extra)
    }
}

/// How many bits are taken to follow the symbol of a distance: those of the next longer one, and
/// for the longest one those of a symbol that its number wraps to.
fn distance_extra(distance: usize) -> u8 {
    const WRAPPED: usize = 14;
    let next = u16::try_from(distance).ok().filter(|next| usize::from(*next) < WINDOW);
    DISTANCE_EXTRA_LENS[next.map_or(WRAPPED, distance_symbol)]
}

/// Looks for a match of more than 3 bytes at a position, from the candidate `head` on; at least 4
/// bytes of the window follow, up to `end`.
pub(super) fn find(
    (window, end): (&Window, usize),
    chains: &Chains,
    at: usize,
    head: u32,
    effort: Effort,
    prices: &Prices,
) -> Option<Found> {
    let longest = MAX_MATCH.min(end - at);
    let ahead = &window[at..at + longest];
    let nice = effort.nice.min(longest);
    let oldest = chains.mark(at.saturating_sub(WINDOW));
    let mut best = Found { len: SHORTEST - 1, distance: 0 };
    let mut gain = prices.least_gain;
    let mut mark = head;
    for _ in 0..effort.chain {
        let candidate = chains.position(mark);
        if window[candidate + best.len] == ahead[best.len] {
            let len = common_len(window, at, candidate).min(longest);
            let distance = at - candidate;
            if len > best.len && pays(effort, prices, &ahead[..len], distance, &mut gain) {
                best = Found { len, distance };
                if len >= nice {
                    break;
                }
            }
        }
        if mark <= oldest {
            break;
        }
        mark = chains.before(candidate);
        if mark < oldest {
            break;
        }
    }
    (best.distance > 0).then_some(best)
}

/// Whether a match is better than the one that has `gain`, which it raises then.
#[inline]
fn pays(effort: Effort, prices: &Prices, bytes: &[u8], distance: usize, gain: &mut i32) -> bool {
    if !effort.weighs() {
        return true;
    }
    let new = prices.gain(bytes, distance);
    let is_better = new > *gain;
    if is_better {
        *gain = new;
    }
    is_better
}
