//! Anchors: exact matches that are worth leaving the running diagonal for.

use std::ops::Range;
use std::sync::OnceLock;

use super::bytes::{common_prefix, common_suffix, differing_within, word};
use super::claims::claims;
use super::seeds::{AHEAD, Seeds};
use super::{Cover, Effort};

/// A match must have more than this many bytes that differ along the running diagonal (bsdiff).
const MARGIN: usize = 8;
/// Equal bytes along the running diagonal that make an anchor.
const RESUMED: usize = 24;
/// The most bytes that are passed over because lookups found nothing for long.
const HASTE: usize = 32;
/// A lookup that finds nothing and compared n bytes moves on by n >> this, so that no input makes the
/// scan compare more than some 2^this bytes and a horizon for each of its own.
const PATIENCE: u32 = 9;

/// Which of the next lookups may find something.
struct Likely {
    /// Where the next of them is.
    next: usize,
    /// How far they are from each other.
    stride: usize,
    /// How many are left, the next one among them.
    left: usize,
    /// A bit for each, from the lowest.
    bits: u32,
}

impl Likely {
    /// May a lookup at `at`, where no earlier one follows, find something? `None` if it is not one of
    /// these.
    fn at(&mut self, at: usize) -> Option<bool> {
        while self.next < at && self.left > 0 {
            self.next += self.stride;
            self.left -= 1;
            self.bits >>= 1;
        }
        (self.left > 0 && self.next == at).then_some(self.bits & 1 == 1)
    }
}

/// What is looked up, and how, wherever in new.
pub(super) struct Index<'a> {
    old: &'a [u8],
    new: &'a [u8],
    effort: Effort,
    step: usize,
    /// Made when the first lookup is due: most changed files differ in a few bytes.
    seeds: OnceLock<Seeds>,
}

impl<'a> Index<'a> {
    pub(super) fn new(old: &'a [u8], new: &'a [u8], effort: Effort) -> Self {
        Self { old, new, effort, step: effort.step_for(old.len()), seeds: OnceLock::new() }
    }

    /// Exact matches of `range` of new in old, ascending and disjoint, and the number of bytes compared.
    pub(super) fn anchors(&self, range: Range<usize>) -> (Vec<Cover>, usize) {
        let new = &self.new[..range.end];
        Scan { index: self, new, likely: None, compared: 0 }.run(range.start)
    }

    /// Makes them on this thread alone: one that waited for others would take another range meanwhile,
    /// which waits for these.
    fn seeds(&self) -> &Seeds {
        let Self { old, new, effort, step, .. } = self;
        self.seeds.get_or_init(|| {
            let thins = effort.sparse > *step;
            let claims = if thins { claims(old, new) } else { Vec::new() };
            Seeds::of(old, *step, &claims, effort.sparse)
        })
    }
}

struct Scan<'a> {
    index: &'a Index<'a>,
    /// Up to the range's end.
    new: &'a [u8],
    likely: Option<Likely>,
    compared: usize,
}

impl<'a> Scan<'a> {
    /// The matches from `start` on, and the number of bytes compared.
    fn run(mut self, start: usize) -> (Vec<Cover>, usize) {
        let Index { effort, step, .. } = *self.index;
        let mut found: Vec<Cover> = Vec::new();
        let mut running = Cover { start, from: start, len: 0 };
        // Up to here lookups are made even where the running diagonal goes on: a seed is indexed at
        // one of `step` positions only.
        let (mut at, mut look_until, mut barren) = (start, 0, 0);
        while at < self.new.len() {
            if at >= look_until {
                let same = common_prefix(&self.new[at..], self.along(running, at));
                if same >= RESUMED {
                    let from = at - running.start + running.from;
                    found.push(Cover { start: at, from, len: same });
                    barren = 0;
                }
                at += same;
                self.compared += same + 1;
                look_until = at + step;
            }
            let stride = 1 + (barren >> effort.patience).min(HASTE);
            if barren > 0 && self.prepared(at) == Some(false) {
                // Whatever the running diagonal has here: nothing better will be found.
                barren += 1;
                at += stride;
                continue;
            }
            let here = &self.new[at..];
            let needed = differing_within(here, self.along(running, at), MARGIN, effort.horizon);
            self.compared += needed.unwrap_or(effort.horizon);
            let Some(needed) = needed else {
                at += 1;
                look_until = at;
                continue;
            };
            let before = self.compared;
            let near = at - running.start + running.from;
            if let Some(cover) = self.lookup(at, near, needed, stride) {
                let free = at - found.last().map_or(start, |last| last.end());
                running = self.grown_back(cover, free);
                at = running.end();
                (look_until, barren) = (0, 0);
                found.push(running);
            } else {
                barren += 1;
                at += stride + ((self.compared - before) >> PATIENCE);
            }
        }
        (found, self.compared)
    }

    /// Old bytes from where the running diagonal is at `at`.
    fn along(&self, running: Cover, at: usize) -> &'a [u8] {
        self.index.old.get(at - running.start + running.from..).unwrap_or_default()
    }

    /// May a lookup at `at` find something? `None` if nobody looked yet.
    fn prepared(&mut self, at: usize) -> Option<bool> {
        self.likely.as_mut().and_then(|likely| likely.at(at))
    }

    /// The longest match of at least `needed` bytes, of equals the one nearest to `near`. The next lookups
    /// will probably be `stride` bytes apart.
    fn lookup(&mut self, at: usize, near: usize, needed: usize, stride: usize) -> Option<Cover> {
        let seed = word(self.new, at)?;
        let Index { old, effort, .. } = *self.index;
        let (new, seeds) = (self.new, self.index.seeds());
        let is_likely = self.prepared(at).unwrap_or_else(|| {
            let bits = seeds.likely(new, at, stride, effort.depth);
            self.likely = Some(Likely { next: at, stride, left: AHEAD, bits });
            bits & 1 == 1
        });
        if !is_likely {
            return None;
        }
        let new = &new[at..];
        let mut best: Option<Cover> = None;
        let mut floor = needed.max(8);
        for from in seeds.around(seed, near, effort.depth) {
            self.compared += 1;
            if word(new, floor - 8) != word(old, from + floor - 8) {
                continue;
            }
            let len = common_prefix(new, &old[from..]);
            self.compared += len;
            let nearer = |best: &Cover| best.from.abs_diff(near) > from.abs_diff(near);
            if len > floor || len == floor && best.as_ref().is_none_or(nearer) {
                best = Some(Cover { start: at, from, len });
                floor = len;
            }
        }
        best
    }

    /// The match and what is equal in front of it, `free` bytes at most.
    fn grown_back(&self, cover: Cover, free: usize) -> Cover {
        let back = common_suffix(
            &self.new[cover.start - free..cover.start],
            &self.index.old[..cover.from],
        );
        Cover { start: cover.start - back, from: cover.from - back, len: cover.len + back }
    }
}
