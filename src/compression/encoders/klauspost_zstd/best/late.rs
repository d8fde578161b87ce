//! The search of releases from 1.16.4 on.

use super::super::history::{common_len, word32, word64};
use super::super::parameters::Era;
use super::candidate::{Candidate, Offset, not_worth};
use super::{Best, Search};

/// No better match is sought than one of this length.
const GOOD_ENOUGH: usize = 250;

/// Bytes at the start of a match that may differ in a match which is sought from its end.
const SKIPPED: usize = 2;

impl Best {
    /// Parses a block.
    pub(super) fn scan_late(&mut self, search: &mut Search<'_>, limit: usize) {
        let mut at = search.window.start;
        while at < limit {
            let found = self.find(search, at, limit);
            if found.len < 4 {
                at += search.stride(at);
                continue;
            }
            let (_, end) = search.take(&found, found.at);
            let noted = match found.offset {
                _ if self.era < Era::V1_17_3 && end >= limit => at,
                _ if self.era < Era::V1_17_3 => end,
                Offset::Former(_) | Offset::FormerAtOnce(_) => limit + 4,
                Offset::None | Offset::Distance => limit - 4,
            };
            self.note(&search.window, at + 1, end.min(noted));
            at = end;
        }
    }

    /// Finds the match to take at `at` or close behind it, if its length is 4 at least.
    fn find(&mut self, search: &mut Search<'_>, at: usize, limit: usize) -> Candidate {
        let bytes = search.window.bytes;
        let word = word64(bytes, at);
        let (long, short) = (self.long(word), self.short(word));
        let mut best = Candidate::none(at, self.era);
        for seen in [long.latest, long.former, short.latest, short.former] {
            search.improve(&mut best, seen, at, word as u32, Offset::Distance);
        }
        if search.parsed.may_repeat() && best.len < GOOD_ENOUGH {
            search.improve_by_former(&mut best, at, word);
        }
        self.note(&search.window, at, at + 1);
        if best.len < 4 || best.len >= GOOD_ENOUGH {
            return best;
        }
        let (next, second) = (word64(bytes, at + 1), word64(bytes, at + 2));
        let (short, long, second_long) =
            (self.short(word >> 8), self.long(next), self.long(second));
        for (seen, ahead, word) in [
            (short.latest, 1, next),
            (long.latest, 1, next),
            (long.former, 1, next),
            (second_long.latest, 2, second),
            (second_long.former, 2, second),
        ] {
            search.improve(&mut best, seen, at + ahead, word as u32, Offset::Distance);
        }
        self.seek_from_end(search, &mut best, at, limit);
        best
    }

    /// Seeks a better match by what was seen with the word behind this one.
    fn seek_from_end(&self, search: &Search<'_>, best: &mut Candidate, at: usize, limit: usize) {
        let end = best.at + best.len;
        if best.at + SKIPPED <= at || end >= limit {
            return;
        }
        let pair = self.long(word64(search.window.bytes, end));
        for seen in [pair.latest, pair.former] {
            // Out of reach stays out of reach.
            let position = seen.saturating_sub((best.len - SKIPPED) as u32);
            if search.window.index(position).is_some() {
                let start = best.at + SKIPPED;
                let word = word32(search.window.bytes, start);
                search.improve(best, position, start, word, Offset::Distance);
            }
        }
    }
}

impl Search<'_> {
    /// Tries the latest distances: here when a match ends here, and one and three bytes ahead.
    fn improve_by_former(&self, best: &mut Candidate, at: usize, word: u64) {
        let [first, second, third] = self.last;
        if at == self.pending {
            self.improve_at(best, at, second, word as u32, Offset::FormerAtOnce(1));
            self.improve_at(best, at, third, word as u32, Offset::FormerAtOnce(2));
            if first > 1 {
                self.improve_at(best, at, first - 1, word as u32, Offset::FormerAtOnce(3));
            }
        }
        if !matches!(best.offset, Offset::None | Offset::Distance) {
            return;
        }
        self.improve_ahead(best, at + 1, (word >> 8) as u32);
        if best.offset == Offset::Distance {
            self.improve_ahead(best, at + 3, (word >> 24) as u32);
        }
    }

    fn improve_ahead(&self, best: &mut Candidate, at: usize, word: u32) {
        for (number, distance) in (1..).zip(self.last) {
            self.improve_at(best, at, distance, word, Offset::Former(number));
        }
    }

    fn improve_at(
        &self,
        best: &mut Candidate,
        at: usize,
        distance: usize,
        word: u32,
        offset: Offset,
    ) {
        let position = self.window.position(at).wrapping_sub(distance as u32);
        self.improve(best, position, at, word, offset);
    }

    /// Takes the match of `at`, where `word` stands, with `position` for the best if it costs
    /// less.
    #[inline]
    fn improve(&self, best: &mut Candidate, position: u32, at: usize, word: u32, offset: Offset) {
        let bytes = self.window.bytes;
        let distance = self.window.position(at).wrapping_sub(position);
        if distance >= self.window.reach() || distance == 0 {
            return;
        }
        let distance = distance as usize;
        let Some(from) = at.checked_sub(distance) else { return };
        if word32(bytes, from) != word || self.is_hopeless(best, at, distance) {
            return;
        }
        let mut found =
            Candidate { at, from, len: 4 + common_len(bytes, at + 4, from + 4), offset, cost: 0 };
        if self.extends_back(best.offset, offset) {
            found.extend_back(bytes, self.pending, self.window.reach() as usize);
        }
        found.estimate(self.literal_cost, self.era);
        let ahead = ((found.at as i32 - best.at as i32) * self.literal_cost) >> 10;
        if best.cost >= not_worth(self.era) || found.cost - best.cost + ahead < 0 {
            *best = found;
        }
    }

    /// Is a match that may replace another one sought before its start as well?
    #[inline]
    fn extends_back(&self, best: Offset, offset: Offset) -> bool {
        if self.era < Era::V1_17_3 {
            offset == Offset::Distance
        } else {
            self.era < Era::V1_17_6 || matches!(best, Offset::None | Offset::Distance)
        }
    }

    /// Can a match that starts at `at` be told from afar to be no longer than a long one?
    #[inline]
    fn is_hopeless(&self, best: &Candidate, at: usize, distance: usize) -> bool {
        if best.len <= 16 {
            return false;
        }
        let bytes = self.window.bytes;
        let end = best.at + best.len;
        if end >= bytes.len() {
            return true;
        }
        let tail = end - 8;
        end + 2 < bytes.len()
            && tail > at + 4
            && word32(bytes, tail - distance) != word32(bytes, tail)
    }
}
