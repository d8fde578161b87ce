//! Levels 5 and 6: a table for 4 equal bytes and one for 7, two candidates in the latter.

use super::super::tokens::{MAX_MATCH, Tokens};
use super::Search;
use super::history::{History, REACH, Renewal};
use super::scan::{Match, Scan, low};
use super::tables::{MarkPairs, Marks, Pair, hash4, hash7};

const BITS: u32 = 15;
const SLOTS: usize = 1 << BITS;

/// A match of this length was not measured further.
const MEASURED: u32 = MAX_MATCH;

/// Level 5.
pub(super) type Level5 = Double<5>;

/// Level 6: more marks, and the last distance is tried again.
pub(super) type Level6 = Double<6>;

/// One of the two.
#[derive(Debug)]
pub(super) struct Double<const LEVEL: u32> {
    short: Marks<SLOTS>,
    long: MarkPairs<SLOTS>,
}

/// A match of at least 4 bytes.
struct Found {
    at: u32,
    distance: u32,
    /// Up to [`MEASURED`]; nothing where no more than 4 bytes were compared.
    len: Option<u32>,
    /// Positions up to here have been looked at.
    next: u32,
}

impl<const LEVEL: u32> Double<LEVEL> {
    pub(super) fn new() -> Self {
        Self { short: Marks::new(), long: MarkPairs::new() }
    }

    fn mark(&mut self, scan: &Scan, at: u32, bytes: u64) {
        self.short.set(hash4(bytes, BITS), scan.mark(at));
        self.long.push(hash7(bytes, BITS), scan.mark(at));
    }

    /// Looks for a match from `scan.at` on; `bytes` are at least 7 of those there.
    #[inline]
    fn find(&mut self, scan: &Scan, mut bytes: u64, last_distance: u32) -> Option<Found> {
        let mut next = scan.at;
        loop {
            let at = next;
            next = scan.after(at, 1, if LEVEL == 5 { 6 } else { 7 });
            if next > scan.limit {
                return None;
            }
            let mark = scan.mark(at);
            let short = self.short.replace(hash4(bytes, BITS), mark);
            let long = self.long.push(hash7(bytes, BITS), mark);
            let ahead = scan.long(next);
            let distance = scan.distance(at, long.last);
            if distance < REACH {
                let found = if scan.word(at.wrapping_sub(distance)) == low(bytes) {
                    Some(longer(scan, at, bytes, [distance, scan.distance(at, long.before)], next))
                } else {
                    let before = scan.match_at(at, long.before, bytes);
                    before.map(|distance| Found { at, distance, len: None, next })
                };
                if found.is_some() {
                    self.mark(scan, next, ahead);
                    return found;
                }
            }
            if let Some(distance) = scan.match_at(at, short, bytes) {
                let len = Some(4 + scan.equal_len_up_to_254(at + 4, distance));
                let here = Found { at, distance, len, next };
                let long = self.long.get(hash7(ahead, BITS));
                self.mark(scan, next, ahead);
                if LEVEL == 6
                    && let Some(repeat) = repeated(scan, bytes, last_distance, &here)
                {
                    return Some(repeat);
                }
                return Some(Self::find_ahead(scan, ahead, long, here));
            }
            bytes = ahead;
        }
    }

    /// A longer match at the next position, or the one given.
    fn find_ahead(scan: &Scan, bytes: u64, marks: Pair, mut found: Found) -> Found {
        let next = found.next;
        if scan.distance(next, marks.last) >= REACH {
            return found;
        }
        for mark in [marks.last, marks.before] {
            let Some(distance) = scan.match_at(next, mark, bytes) else { continue };
            let len = 4 + scan.equal_len_up_to_254(next + 4, distance);
            if found.len.is_none_or(|shorter| len > shorter) {
                found = Found { at: next, distance, len: Some(len), next };
                if LEVEL == 5 {
                    break;
                }
            }
        }
        found
    }
}

/// The longer match of two candidates, the first of which starts equal; both are measured only
/// where the second one does, too.
fn longer(scan: &Scan, at: u32, bytes: u64, distances: [u32; 2], next: u32) -> Found {
    let [distance, before] = distances;
    if before >= REACH || scan.word(at.wrapping_sub(before)) != low(bytes) {
        return Found { at, distance, len: None, next };
    }
    let [len, before_len] =
        distances.map(|distance| 4 + scan.equal_len_up_to_254(at + 4, distance));
    let (distance, len) = if before_len > len { (before, before_len) } else { (distance, len) };
    Found { at, distance, len: Some(len), next }
}

/// A longer match at the next byte that repeats the distance of the last one.
fn repeated(scan: &Scan, bytes: u64, distance: u32, found: &Found) -> Option<Found> {
    let at = found.at + 1;
    if scan.word(at - distance) != low(bytes >> 8) {
        return None;
    }
    let len = 4 + scan.equal_len_up_to_254(at + 4, distance);
    let is_longer = found.len.is_none_or(|shorter| len > shorter);
    is_longer.then_some(Found { at, distance, len: Some(len), next: found.next })
}

impl<const LEVEL: u32> Double<LEVEL> {
    /// Measures a match, then looks for a longer one that ends where something is known that
    /// follows; its start may differ by two bytes.
    #[inline]
    fn lengthen(&self, scan: &Scan, found: &Found) -> Match {
        let Found { at, distance, .. } = *found;
        let len = match found.len {
            None => 4 + scan.equal_len(at + 4, distance),
            Some(MEASURED) => MEASURED + scan.equal_len(at + MEASURED, distance),
            Some(len) => len,
        };
        let mut best = Match { at, distance, len };
        let end = at + len;
        if (LEVEL == 5 && len >= 30) || end >= scan.limit {
            return best;
        }
        let marks = self.long.get(hash7(scan.long(end), BITS));
        // A mark may lie ahead of the end, where many positions were skipped.
        if scan.distance(end, marks.last).cast_signed() < REACH.cast_signed() {
            try_distance(scan, scan.distance(end, marks.last), at, &mut best);
            if LEVEL == 6 {
                try_distance(scan, scan.distance(at + best.len, marks.before), at, &mut best);
            }
        }
        best
    }

    /// Marks some positions inside of a match that ended before `scan.at`.
    #[inline]
    fn mark_inside(&mut self, scan: &Scan, len: u32, next: u32) {
        if LEVEL == 6 {
            let mut at = next + 1;
            while at + 1 < scan.at {
                let bytes = scan.long(at);
                self.mark(scan, at, bytes);
                self.long.push(hash7(bytes >> 8, BITS), scan.mark(at + 1));
                at += 2;
            }
            return;
        }
        let mut at = scan.at - len + 1;
        if at + 1 < scan.at {
            let bytes = scan.long(at);
            self.mark(scan, at, bytes);
            self.long.push(hash7(bytes >> 8, BITS), scan.mark(at + 1));
            self.short.set(hash4(bytes >> 16, BITS), scan.mark(at + 2));
            at += 4;
            while at + 1 < scan.at {
                let bytes = scan.long(at);
                self.long.push(hash7(bytes, BITS), scan.mark(at));
                self.short.set(hash4(bytes >> 8, BITS), scan.mark(at + 1));
                at += 3;
            }
        }
    }

    /// Marks what is left of a block behind the last match.
    fn mark_end(&mut self, scan: &Scan, next: u32) {
        if LEVEL == 6 {
            let mut at = next + 1;
            while at + 8 < scan.end {
                self.mark(scan, at, scan.long(at));
                at += 2;
            }
        }
    }
}

/// Takes a match at a distance, two bytes behind `at`, if it is longer than the best one.
#[inline]
fn try_distance(scan: &Scan, distance: u32, at: u32, best: &mut Match) {
    const SKIPPED: u32 = 2;
    let start = at + SKIPPED;
    if (1..REACH).contains(&distance) && distance <= start {
        let len = scan.equal_len(start, distance);
        if len > best.len {
            *best = Match { at: start, distance, len };
        }
    }
}

impl<const LEVEL: u32> Search for Double<LEVEL> {
    fn tokenize(&mut self, history: &History, start: u32, tokens: &mut Tokens) {
        let mut scan = Scan::new(history, start);
        let mut bytes = scan.long(start);
        let mut last_distance = 1;
        while let Some(found) = self.find(&scan, bytes, last_distance) {
            let taken = scan.take(self.lengthen(&scan, &found), tokens);
            last_distance = taken.distance;
            scan.at = scan.at.max(found.next + 1);
            if scan.at >= scan.limit {
                self.mark_end(&scan, found.next);
                break;
            }
            self.mark_inside(&scan, taken.len, found.next);
            bytes = if LEVEL == 5 {
                let before = scan.long(scan.at - 1);
                self.mark(&scan, scan.at - 1, before);
                before >> 8
            } else {
                scan.long(scan.at)
            };
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
