//! Level 3: one table, two candidates; every position is looked at, and fewer where nothing is
//! found.

use super::super::tokens::Tokens;
use super::Search;
use super::history::{History, Renewal};
use super::scan::{Match, Scan, low};
use super::tables::{MarkPairs, hash5};

const BITS: u32 = 16;

/// Matches do not reach back further here.
const REACH: u32 = super::history::REACH - 4;

/// Level 3.
#[derive(Debug)]
pub(super) struct Level3 {
    marks: MarkPairs<{ 1 << BITS }>,
}

/// A match of 4 bytes that was found.
struct Found {
    at: u32,
    distance: u32,
    /// Positions up to here have been looked at.
    next: u32,
}

impl Level3 {
    pub(super) fn new() -> Self {
        Self { marks: MarkPairs::new() }
    }

    fn push(&mut self, scan: &Scan, at: u32, bytes: u64) {
        self.marks.push(hash5(bytes, BITS), scan.mark(at));
    }

    /// Looks for a match from `scan.at` on; `bytes` are at least 5 of those there.
    #[inline]
    fn find(&mut self, scan: &Scan, mut bytes: u64) -> Option<Found> {
        let mut next = scan.at;
        loop {
            let at = next;
            next = scan.after(at, 1, 7);
            if next > scan.limit {
                return None;
            }
            let pair = self.marks.push(hash5(bytes, BITS), scan.mark(at));
            let last = scan.distance(at, pair.last);
            if last <= REACH {
                let before = scan.distance(at, pair.before);
                let is_equal = |distance| scan.word(at.wrapping_sub(distance)) == low(bytes);
                let found = if is_equal(last) {
                    let both = before <= REACH
                        && is_equal(before)
                        && scan.equal_len(at + 4, before) > scan.equal_len(at + 4, last);
                    Some(if both { before } else { last })
                } else {
                    // A match that could have just reached is not taken from the second one.
                    (before < REACH && is_equal(before)).then_some(before)
                };
                if let Some(distance) = found {
                    return Some(Found { at, distance, next });
                }
            }
            bytes = scan.long(next);
        }
    }

    /// Marks some positions inside of a match that ended before `scan.at`, and what was just
    /// passed; finds out whether a match starts right there.
    #[inline]
    fn follow(&mut self, scan: &Scan, len: u32) -> (u64, Option<u32>) {
        let mut inside = scan.at - len + 2;
        while inside + 5 < scan.at {
            self.push(scan, inside, scan.long(inside));
            inside += 6;
        }
        let bytes = scan.long(scan.at - 2);
        self.push(scan, scan.at - 2, bytes);
        self.push(scan, scan.at - 1, bytes >> 8);
        let bytes = bytes >> 16;
        let pair = self.marks.push(hash5(bytes, BITS), scan.mark(scan.at));
        let is_match = |distance: &u32| {
            *distance < REACH && scan.word(scan.at.wrapping_sub(*distance)) == low(bytes)
        };
        let last = scan.distance(scan.at, pair.last);
        let before = scan.distance(scan.at, pair.before);
        let candidates = [last, before].into_iter().filter(|_| last < REACH);
        (bytes >> 8, candidates.into_iter().find(is_match))
    }

    /// Marks the end of what the last match repeats.
    fn mark_end(&mut self, scan: &Scan, taken: Match) {
        let end = taken.at - taken.distance + taken.len;
        if end + 8 < scan.end {
            self.push(scan, end, scan.long(end));
        }
    }
}

impl Search for Level3 {
    fn tokenize(&mut self, history: &History, start: u32, tokens: &mut Tokens) {
        let mut scan = Scan::new(history, start);
        let mut bytes = scan.long(start);
        'scan: while let Some(found) = self.find(&scan, bytes) {
            let (mut at, mut distance) = (found.at, found.distance);
            loop {
                let len = 4 + scan.equal_len(at + 4, distance);
                let taken = scan.take(Match { at, distance, len }, tokens);
                scan.at = scan.at.max(found.next + 1);
                if scan.at >= scan.limit {
                    self.mark_end(&scan, taken);
                    break 'scan;
                }
                let (following, again) = self.follow(&scan, taken.len);
                let Some(next) = again else {
                    bytes = following;
                    scan.at += 1;
                    break;
                };
                (at, distance) = (scan.at, next);
            }
        }
        scan.finish(tokens);
    }

    fn renew(&mut self, renewal: Renewal) {
        self.marks.renew(renewal);
    }

    fn clear(&mut self) {
        self.marks.clear();
    }
}
