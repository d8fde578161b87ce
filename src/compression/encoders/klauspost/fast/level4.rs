//! Level 4: a table for 4 equal bytes and one for 7, a candidate in each.

use super::super::Era;
use super::super::tokens::Tokens;
use super::Search;
use super::history::{History, Renewal};
use super::scan::{Match, Scan};
use super::tables::{Marks, hash4, hash7};

const BITS: u32 = 15;
const SLOTS: usize = 1 << BITS;

/// Level 4.
#[derive(Debug)]
pub(super) struct Level4 {
    short: Marks<SLOTS>,
    long: Marks<SLOTS>,
    /// What is taken for the bytes of the candidate ahead.
    lookahead: Lookahead,
}

/// Bytes that a match at the next position is measured with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lookahead {
    /// Those of the candidate.
    Candidate,
    /// Those at the position that has the number of the distance: a slip of one release.
    Distance,
}

/// A match of 4 bytes that was found.
struct Found {
    at: u32,
    distance: u32,
    /// Positions up to here have been looked at.
    next: u32,
}

impl Level4 {
    pub(super) fn new(era: Era) -> Self {
        let slips = era.mistakes_distances();
        let lookahead = if slips { Lookahead::Distance } else { Lookahead::Candidate };
        Self { short: Marks::new(), long: Marks::new(), lookahead }
    }

    /// Looks for a match from `scan.at` on; `bytes` are at least 7 of those there.
    #[inline]
    fn find(&mut self, scan: &Scan, mut bytes: u64) -> Option<Found> {
        let mut next = scan.at;
        loop {
            let at = next;
            next = scan.after(at, 1, 6);
            if next > scan.limit {
                return None;
            }
            let mark = scan.mark(at);
            let short = self.short.replace(hash4(bytes, BITS), mark);
            let long = self.long.replace(hash7(bytes, BITS), mark);
            if let Some(distance) = scan.match_at(at, long, bytes) {
                return Some(Found { at, distance, next });
            }
            let ahead = scan.long(next);
            if let Some(distance) = scan.match_at(at, short, bytes) {
                let here = Found { at, distance, next };
                return Some(self.ahead(scan, ahead, &here).unwrap_or(here));
            }
            bytes = ahead;
        }
    }

    /// A longer match at the next position, whose bytes are given.
    fn ahead(&self, scan: &Scan, bytes: u64, here: &Found) -> Option<Found> {
        let next = here.next;
        let distance = scan.match_at(next, self.long.get(hash7(bytes, BITS)), bytes)?;
        let len = match self.lookahead {
            Lookahead::Candidate => scan.equal_len(next + 4, distance),
            Lookahead::Distance => scan.equal_len(next + 4, next - distance),
        };
        let is_longer = len > scan.equal_len(here.at + 4, here.distance);
        is_longer.then_some(Found { at: next, distance, next })
    }

    /// Marks every third position up to the end of a match.
    #[inline]
    fn mark_inside(&mut self, scan: &Scan, start: u32) {
        let mut at = start;
        while at + 1 < scan.at {
            let bytes = scan.long(at);
            self.long.set(hash7(bytes, BITS), scan.mark(at));
            self.long.set(hash7(bytes >> 8, BITS), scan.mark(at + 1));
            self.short.set(hash4(bytes >> 8, BITS), scan.mark(at + 1));
            at += 3;
        }
    }

    fn mark(&mut self, scan: &Scan, at: u32, bytes: u64) {
        self.short.set(hash4(bytes, BITS), scan.mark(at));
        self.long.set(hash7(bytes, BITS), scan.mark(at));
    }
}

impl Search for Level4 {
    fn tokenize(&mut self, history: &History, start: u32, tokens: &mut Tokens) {
        let mut scan = Scan::new(history, start);
        let mut bytes = scan.long(start);
        while let Some(Found { at, distance, next }) = self.find(&scan, bytes) {
            let len = 4 + scan.equal_len(at + 4, distance);
            scan.take(Match { at, distance, len }, tokens);
            scan.at = scan.at.max(next + 1);
            if scan.at >= scan.limit {
                if scan.at + 8 < scan.end {
                    self.mark(&scan, scan.at, scan.long(scan.at));
                }
                break;
            }
            self.mark_inside(&scan, next);
            let before = scan.long(scan.at - 1);
            self.mark(&scan, scan.at - 1, before);
            bytes = before >> 8;
        }
        scan.finish(tokens);
    }

    fn renew(&mut self, renewal: Renewal) {
        self.short.renew(renewal);
        self.long.renew(renewal);
    }

    fn clear(&mut self) {
        self.short.clear();
        self.long.clear();
    }
}
