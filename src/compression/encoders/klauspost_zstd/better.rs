//! Level better: a table of matches of eight bytes that is two deep, and one of matches of five.

#![expect(clippy::cast_possible_truncation, reason = "low halves of words are wanted")]

use super::history::{Entry, Pair, Window, common_len, hash, table, word32, word64};
use super::parameters::Era;
use super::sequences::{Parsed, Scan};

const LONG_BITS: u32 = 19;
const SHORT_BITS: u32 = 13;

/// Bytes at the end of a block where no match starts: eight are read at once, two ahead.
const MARGIN: usize = 8 + 2;

/// Blocks below this have no matches.
const SHORTEST: usize = 16;

/// Bytes at the start of a match that may differ in a match which is sought from its end.
const SKIPPED: usize = 3;

#[derive(Debug)]
pub(super) struct Better {
    long: Box<[u64; 1 << LONG_BITS]>,
    short: Box<[u64; 1 << SHORT_BITS]>,
    era: Era,
}

/// A match: where, with what, how long.
#[derive(Debug, Clone, Copy)]
struct Match {
    at: usize,
    from: usize,
    len: usize,
}

impl Better {
    pub(super) fn new(era: Era) -> Self {
        Self { long: table(), short: table(), era }
    }

    pub(super) fn set_era(&mut self, era: Era) {
        self.era = era;
    }

    pub(super) fn lower(&mut self, less: u32) {
        self.long.iter_mut().for_each(|pair| Pair::lower(pair, less));
        self.short.iter_mut().for_each(|entry| Entry::lower(entry, less));
    }

    pub(super) fn parse(&mut self, window: &Window<'_>, parsed: &mut Parsed) {
        if self.era >= Era::V1_17_8 && parsed.take_run(window.block()) {
            return;
        }
        if window.block().len() < SHORTEST {
            parsed.literals.extend_from_slice(window.block());
            return;
        }
        let limit = window.bytes.len() - MARGIN;
        let mut scan = Scan::new(window, parsed);
        let mut at = window.start;
        while at < limit {
            let may_repeat = scan.parsed.may_repeat();
            let word = word64(scan.bytes, at);
            let (long, short) = self.note(window, at, word);
            if may_repeat && scan.repeats(at + 1, (word >> 8) as u32) {
                let end = scan.take_repeat(at, 1);
                if end < limit {
                    self.note_inside(window, at + 1, end);
                }
                at = end;
                continue;
            }
            let Some(found) = self.choose(window, at, word, long, short) else {
                at += 1 + ((at - scan.pending) >> 8);
                continue;
            };
            let found = self.seek_from_end(window, found, limit);
            let (start, end) = scan.take(found.at, found.from, found.len);
            let inside = if self.era >= Era::V1_17_3 { at } else { start };
            at = end;
            if at >= limit {
                break;
            }
            self.note_inside(window, inside + 1, end);
            if may_repeat {
                at = self.alternate(window, &mut scan, at, limit);
            }
        }
        scan.finish();
    }

    /// Notes the word at `at` in both tables; returns what was there.
    #[inline]
    fn note(&mut self, window: &Window<'_>, at: usize, word: u64) -> (Pair, Entry) {
        let position = window.position(at);
        let long = &mut self.long[hash::<8, LONG_BITS>(word)];
        let short = &mut self.short[hash::<5, SHORT_BITS>(word)];
        let seen = (Pair::of(*long), Entry::of(*short));
        Pair::push(long, position);
        *short = Entry::pack(position, word);
        seen
    }

    /// Notes every second place from `at` to the end of a match.
    #[inline]
    fn note_inside(&mut self, window: &Window<'_>, mut at: usize, end: usize) {
        while at < end - 1 {
            let word = word64(window.bytes, at);
            let position = window.position(at);
            Pair::push(&mut self.long[hash::<8, LONG_BITS>(word)], position);
            let next = Entry::pack(position.wrapping_add(1), word >> 8);
            self.short[hash::<5, SHORT_BITS>(word >> 8)] = next;
            at += 2;
        }
    }

    /// Prefers the longer of two long matches, then a long one behind a short one that is longer.
    #[inline]
    fn choose(
        &mut self,
        window: &Window<'_>,
        at: usize,
        word: u64,
        long: Pair,
        short: Entry,
    ) -> Option<Match> {
        let position = window.position(at);
        let latest = long_match(window, position, at, word, long.latest);
        let former = long_match(window, position, at, word, long.former);
        let better = match (latest, former) {
            (Some(latest), Some(former)) if former.len > latest.len => Some(former),
            (latest, former) => latest.or(former),
        };
        if better.is_some() {
            return better;
        }
        let distance = position.wrapping_sub(short.position);
        if distance >= window.reach() || short.word != word as u32 {
            return None;
        }
        let from = at - distance as usize;
        let len = 4 + common_len(window.bytes, at + 4, from + 4);

        let next = word64(window.bytes, at + 1);
        let slot = &mut self.long[hash::<8, LONG_BITS>(next)];
        let pair = Pair::of(*slot);
        Pair::push(slot, position.wrapping_add(1));
        // The distance is taken from `at`, one byte short, as the compressor does.
        let longer =
            |seen| long_match(window, position, at + 1, next, seen).filter(|found| found.len > len);
        longer(pair.latest).or_else(|| longer(pair.former)).or(Some(Match { at, from, len }))
    }

    /// Seeks a longer match by what was seen with the word behind this one.
    #[inline]
    fn seek_from_end(&self, window: &Window<'_>, found: Match, limit: usize) -> Match {
        let end = found.at + found.len;
        if end >= limit {
            return found;
        }
        let pair = Pair::of(self.long[hash::<8, LONG_BITS>(word64(window.bytes, end))]);
        let at = found.at + SKIPPED;
        let word = word32(window.bytes, at);
        let mut best = found;
        for seen in [pair.latest, pair.former] {
            // Out of reach stays out of reach.
            let position = seen.saturating_sub((best.len - SKIPPED) as u32);
            let Some(from) = window.index(position).filter(|from| *from < at) else { continue };
            if at - from >= window.reach() as usize || word != word32(window.bytes, from) {
                continue;
            }
            let len = 4 + common_len(window.bytes, at + 4, from + 4);
            if len > best.len {
                best = Match { at, from, len };
            }
        }
        best
    }

    #[inline]
    fn alternate(
        &mut self,
        window: &Window<'_>,
        scan: &mut Scan<'_>,
        mut at: usize,
        limit: usize,
    ) -> usize {
        while at < limit {
            let word = word64(scan.bytes, at);
            if !scan.alternates(at, word as u32) {
                break;
            }
            self.note(window, at, word);
            at = scan.take_alternate(at);
        }
        at
    }
}

/// Do the eight bytes at `at` match those at the position `seen`, which is in reach of `position`?
#[inline]
fn long_match(
    window: &Window<'_>,
    position: u32,
    at: usize,
    word: u64,
    seen: u32,
) -> Option<Match> {
    if position.wrapping_sub(seen) >= window.reach() {
        return None;
    }
    let from = window.index(seen)?;
    if word != word64(window.bytes, from) {
        return None;
    }
    Some(Match { at, from, len: 8 + common_len(window.bytes, at + 8, from + 8) })
}
