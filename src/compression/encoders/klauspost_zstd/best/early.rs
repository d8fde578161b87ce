//! The search of releases up to 1.16.3.

use super::super::history::{common_len, word32, word64};
use super::super::parameters::Era;
use super::candidate::{Candidate, Offset, not_worth};
use super::{Best, Search};

/// No better match is sought than one of this length.
const GOOD_ENOUGH: usize = 100;

impl Best {
    /// Parses a block.
    pub(super) fn scan_early(&mut self, search: &mut Search<'_>, limit: usize) {
        let mut at = search.window.start;
        while at < limit {
            let may_repeat = search.parsed.may_repeat();
            let found = self.find_early(search, at, limit);
            if found.len < 4 {
                at += search.stride(at);
                continue;
            }
            let is_former = matches!(found.offset, Offset::Former(_));
            // Behind a former distance, one literal is kept.
            let (start, end) = search.take(&found, search.pending + usize::from(is_former));
            at = end;
            if at >= limit {
                break;
            }
            let noted = if is_former { found.at } else { start + 1 };
            self.note(&search.window, noted, end - 1);
            if may_repeat && !is_former {
                at = self.alternate(search, at, limit);
            }
        }
    }

    /// Finds the match to take at `at` or close behind it, if its length is 4 at least.
    fn find_early(&mut self, search: &Search<'_>, at: usize, limit: usize) -> Candidate {
        let bytes = search.window.bytes;
        let word = word64(bytes, at);
        let (long, short) = (self.long(word), self.short(word));
        let found = [long.latest, long.former, short.latest, short.former]
            .map(|seen| search.try_at(seen, at, word, Offset::Distance));
        let mut best = search.choose(None, &found, at);
        if search.parsed.may_repeat() && best.len < GOOD_ENOUGH {
            best = search.choose(Some(best), &search.try_former(at + 1, word >> 8), at);
            if best.len > 0 {
                best = search.choose(Some(best), &search.try_former(at + 3, word >> 24), at);
            }
        }
        self.note(&search.window, at, at + 1);
        if best.len < 4 || best.len >= GOOD_ENOUGH {
            return best;
        }
        let (next, second) = (word64(bytes, at + 1), word64(bytes, at + 2));
        let (short, long, second_long) =
            (self.short(word >> 8), self.long(next), self.long(second));
        let found = [
            (short.latest, 1, next),
            (long.latest, 1, next),
            (long.former, 1, next),
            (second_long.latest, 2, second),
            (second_long.former, 2, second),
        ]
        .map(|(seen, ahead, word)| search.try_at(seen, at + ahead, word, Offset::Distance));
        best = search.choose(Some(best), &found, at);
        self.seek_from_end_early(search, best, limit)
    }

    /// Seeks a better match by what was seen with the word behind this one.
    fn seek_from_end_early(
        &self,
        search: &Search<'_>,
        found: Candidate,
        limit: usize,
    ) -> Candidate {
        let end = found.at + found.len;
        if end >= limit {
            return found;
        }
        let skipped = if search.era < Era::V1_15_13 { 0 } else { 2 };
        let pair = self.long(word64(search.window.bytes, end));
        let mut best = found;
        for seen in [pair.latest, pair.former] {
            let from = if search.era < Era::V1_16_1 { found } else { best };
            // Out of reach stays out of reach.
            let position = seen.saturating_sub((from.len - skipped) as u32);
            if search.window.index(position).is_some() {
                let start = from.at + skipped;
                let word = u64::from(word32(search.window.bytes, start));
                let found = search.try_at(position, start, word, Offset::Distance);
                best = search.choose(Some(best), &[found], start);
            }
        }
        best
    }

    /// Takes matches right behind another, at the distance before the other's, as long as there
    /// are some; returns their end.
    fn alternate(&mut self, search: &mut Search<'_>, mut at: usize, limit: usize) -> usize {
        let bytes = search.window.bytes;
        while at < limit {
            // A real distance is at most the index where it was found, which is below `at`.
            let from = at - search.last[1];
            if word32(bytes, from) != word32(bytes, at) {
                break;
            }
            self.note(&search.window, at, at + 1);
            let len = 4 + common_len(bytes, at + 4, from + 4);
            search.last.swap(0, 1);
            // Without literals, number 1 is the second latest distance.
            search.parsed.push(&[], len, 1);
            at += len;
            search.pending = at;
        }
        at
    }
}

impl Search<'_> {
    /// The match of `at`, where the low half of `word` stands, with `position`.
    fn try_at(&self, position: u32, at: usize, word: u64, offset: Offset) -> Candidate {
        let bytes = self.window.bytes;
        let distance = self.window.position(at).wrapping_sub(position);
        let from = at.checked_sub(distance as usize).filter(|_| distance < self.window.reach());
        match from {
            Some(from) if from < at && word32(bytes, from) == word as u32 => {
                let len = 4 + common_len(bytes, at + 4, from + 4);
                let mut found = Candidate { at, from, len, offset, cost: 0 };
                found.estimate(self.literal_cost, self.era);
                found
            }
            _ => Candidate::none(at, self.era),
        }
    }

    /// The matches of `at` with the latest distances.
    fn try_former(&self, at: usize, word: u64) -> [Candidate; 3] {
        [(1, self.last[0]), (2, self.last[1]), (3, self.last[2])].map(|(number, distance)| {
            let position = self.window.position(at).wrapping_sub(distance as u32);
            self.try_at(position, at, word, Offset::Former(number))
        })
    }

    /// Chooses among the best so far, if there is one, and others; releases differ in how.
    fn choose(&self, best: Option<Candidate>, others: &[Candidate], at: usize) -> Candidate {
        let none = Candidate::none(at, self.era);
        let all = best.iter().chain(others).copied();
        if self.era >= Era::V1_16_1 {
            let others = others.iter().filter(|other| other.offset != Offset::None);
            return others.fold(best.unwrap_or(none), |best, other| self.improved(best, *other));
        }
        if self.era < Era::V1_15_13 {
            return all.reduce(|a, b| self.cheaper_by_both(a, b)).unwrap_or(none);
        }
        let half = all.clone().count() / 2;
        let first = all.clone().take(half).reduce(|a, b| self.cheaper(a, b)).unwrap_or(none);
        let second = all.skip(half).reduce(|a, b| self.cheaper(a, b)).unwrap_or(none);
        self.cheaper(first, second)
    }

    /// Bits of the literals by which one starts behind the other.
    fn ahead(&self, a: &Candidate, b: &Candidate) -> i32 {
        ((a.at as i32 - b.at as i32) * self.literal_cost) >> 10
    }

    /// Counts what lies between the starts for one and against the other.
    fn cheaper_by_both(&self, a: Candidate, b: Candidate) -> Candidate {
        if a.cost + self.ahead(&a, &b) < b.cost + self.ahead(&b, &a) { a } else { b }
    }

    fn cheaper(&self, a: Candidate, b: Candidate) -> Candidate {
        if a.cost - b.cost + self.ahead(&a, &b) < 0 { a } else { b }
    }

    fn improved(&self, best: Candidate, other: Candidate) -> Candidate {
        let is_better = best.cost >= not_worth(self.era)
            || other.cost - best.cost + self.ahead(&other, &best) < 0;
        if is_better { other } else { best }
    }
}
