//! Levels 1 and 2: one table, one candidate; every second position is looked at, and ever fewer
//! where nothing is found.

use super::super::tokens::Tokens;
use super::Search;
use super::history::{History, REACH, Renewal};
use super::scan::{Match, Scan, low};
use super::tables::{Marks, hash5};

/// Level 1.
pub(super) type Level1 = Single<15, { 1 << 15 }>;

/// Level 2: a larger table, and marks inside of matches.
pub(super) type Level2 = Single<17, { 1 << 17 }>;

/// One of the two, by the bits of a hash and the length of the table.
#[derive(Debug)]
pub(super) struct Single<const BITS: u32, const N: usize> {
    marks: Marks<N>,
}

/// A match of 4 bytes that was found.
struct Found {
    at: u32,
    distance: u32,
    /// Positions up to here have been looked at.
    next: u32,
}

impl<const BITS: u32, const N: usize> Single<BITS, N> {
    const IS_LEVEL_1: bool = BITS == 15;

    pub(super) fn new() -> Self {
        Self { marks: Marks::new() }
    }

    /// Looks for a match from `scan.at` on; `bytes` are at least 5 of those there.
    #[inline]
    fn find(&mut self, scan: &Scan, mut bytes: u64) -> Option<Found> {
        let mut next = scan.at;
        loop {
            let mut at = next;
            next = scan.after(at, 2, 5);
            if next > scan.limit {
                return None;
            }
            let ahead = scan.long(next);
            let mark = self.marks.replace(hash5(bytes, BITS), scan.mark(at));
            let hash = hash5(ahead, BITS);
            if let Some(distance) = scan.match_at(at, mark, bytes) {
                self.marks.set(hash, scan.mark(next));
                return Some(Found { at, distance, next });
            }

            // The same at once for the position that was read ahead.
            at = next;
            next += 1;
            let mark = self.marks.replace(hash, scan.mark(at));
            if let Some(distance) = scan.match_at(at, mark, ahead) {
                if Self::IS_LEVEL_1 {
                    self.marks.set(hash, scan.mark(next));
                }
                return Some(Found { at, distance, next });
            }
            bytes = ahead >> 8;
        }
    }

    /// Marks some positions inside of a match that ended before `scan.at`.
    #[inline]
    fn mark_inside(&mut self, scan: &Scan, len: u32) {
        let mut at = scan.at - len + 2;
        while at + 5 < scan.at {
            let bytes = scan.long(at);
            for skipped in [0, 2, 4] {
                let hash = hash5(bytes >> (8 * skipped), BITS);
                self.marks.set(hash, scan.mark(at + skipped));
            }
            at += 7;
        }
    }

    /// Marks what was just passed; finds out whether a match starts right at `scan.at`.
    #[inline]
    fn follow(&mut self, scan: &Scan) -> (u64, Option<u32>) {
        let before = scan.at - 2;
        let bytes = scan.long(before);
        self.marks.set(hash5(bytes, BITS), scan.mark(before));
        if !Self::IS_LEVEL_1 {
            self.marks.set(hash5(bytes >> 8, BITS), scan.mark(before + 1));
        }
        let bytes = bytes >> 16;
        let mark = self.marks.replace(hash5(bytes, BITS), scan.mark(scan.at));
        let distance = scan.distance(scan.at, mark);
        // Here, and only here, the farthest distance of deflate is taken.
        let found = distance <= REACH && scan.word(scan.at.wrapping_sub(distance)) == low(bytes);
        (bytes >> 8, found.then_some(distance))
    }
}

impl<const BITS: u32, const N: usize> Search for Single<BITS, N> {
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
                    break 'scan;
                }
                if !Self::IS_LEVEL_1 {
                    self.mark_inside(&scan, taken.len);
                }
                let (following, again) = self.follow(&scan);
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
