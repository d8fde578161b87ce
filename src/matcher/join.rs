//! From anchors to covers: they grow over bytes that differ, meet, merge, and go if they do not pay.

use std::ops::Range;

use super::Cover;
use super::cost::Costs;

/// Growing stops when it has lost so much against the best end: sixteenths of a bit.
const LOST: i64 = 64 * 80;

/// Both files, and the part of the new one that is looked at.
pub(super) struct Pair<'a> {
    pub(super) old: &'a [u8],
    pub(super) new: &'a [u8],
    pub(super) costs: &'a Costs,
    pub(super) range: Range<usize>,
}

impl Pair<'_> {
    /// Covers from anchors that are ascending and disjoint; those that do not pay are sought `passes`
    /// times.
    pub(super) fn join(&self, anchors: Vec<Cover>, passes: usize) -> Vec<Cover> {
        let mut kept = anchors;
        for _ in 0..passes {
            kept = self.paying(&kept);
        }
        self.grown(&kept)
    }

    /// What the first anchor follows: where both files begin, that may grow; within them nothing does.
    fn begin(&self) -> Cover {
        let start = self.range.start;
        Cover { start, from: if start == 0 { 0 } else { self.old.len() }, len: 0 }
    }

    /// What the last anchor precedes: where both files end, that may grow.
    fn end(&self) -> Cover {
        let start = self.range.end;
        Cover { start, from: if start == self.new.len() { self.old.len() } else { 0 }, len: 0 }
    }

    /// The anchors grown, merged where they are collinear.
    fn grown(&self, anchors: &[Cover]) -> Vec<Cover> {
        let mut covers = Vec::with_capacity(anchors.len() + 2);
        let (mut last, end) = (self.begin(), self.end());
        for &next in anchors.iter().chain([&end]) {
            let mut next = next;
            if last.is_collinear(next) && self.bridges(last, next) {
                last.len = next.end() - last.start;
                continue;
            }
            self.grow_together(&mut last, &mut next);
            if last.len > 0 {
                covers.push(last);
            }
            last = next;
        }
        if last.len > 0 {
            covers.push(last);
        }
        covers
    }

    /// Whether what differs between two collinear covers costs less than beginning anew.
    fn bridges(&self, last: Cover, next: Cover) -> bool {
        let gap = next.start - last.end();
        let mut balance = Costs::cover(last, next);
        for at in 0..gap {
            balance += self.costs.gain(self.new[last.end() + at], self.old[last.old_end() + at]);
        }
        balance >= 0
    }

    /// Grows `last` to its end and `next` to its front, and gives both what serves best.
    fn grow_together(&self, last: &mut Cover, next: &mut Cover) {
        let gap = next.start - last.end();
        let ahead = best_end(self.forward(*last, gap));
        let back = best_end(self.backward(*next, gap));
        let overlap = (ahead + back).saturating_sub(gap);
        let cut = self.best_cut(*last, *next, gap - back, overlap);
        let (ahead, back) = if overlap > 0 { (cut, gap - cut) } else { (ahead, back) };
        last.len += ahead;
        next.start -= back;
        next.from -= back;
        next.len += back;
    }

    /// Gains of the bytes behind `cover`.
    fn forward(&self, cover: Cover, gap: usize) -> impl Iterator<Item = i64> {
        let new = &self.new[cover.end()..cover.end() + gap];
        new.iter().zip(&self.old[cover.old_end()..]).map(|(&new, &old)| self.costs.gain(new, old))
    }

    /// Gains of the bytes in front of `cover`, from the last to the first.
    fn backward(&self, cover: Cover, gap: usize) -> impl Iterator<Item = i64> {
        let new = &self.new[cover.start - gap..cover.start];
        let old = self.old[..cover.from].iter().rev();
        new.iter().rev().zip(old).map(|(&new, &old)| self.costs.gain(new, old))
    }

    /// Where, between `from` and `from + overlap` behind `last`, `next` had better take over.
    fn best_cut(&self, last: Cover, next: Cover, from: usize, overlap: usize) -> usize {
        let (mut sum, mut best, mut cut) = (0, 0, from);
        for at in from..from + overlap {
            let new = self.new[last.end() + at];
            let of_last = self.old[last.old_end() + at];
            let of_next = self.old[next.from - (next.start - last.end() - at)];
            sum += self.costs.gain(new, of_last) - self.costs.gain(new, of_next);
            if sum > best {
                (best, cut) = (sum, at + 1);
            }
        }
        cut
    }

    /// The anchors without those whose grown covers cost more than they save.
    fn paying(&self, anchors: &[Cover]) -> Vec<Cover> {
        let grown = self.grown(anchors);
        let (mut before, end) = (self.begin(), self.end());
        let mut kept = Vec::with_capacity(anchors.len());
        let mut rest = anchors;
        for (at, &cover) in grown.iter().enumerate() {
            let own = rest.partition_point(|anchor| anchor.start < cover.end());
            let (mine, others) = rest.split_at(own);
            rest = others;
            let next = grown.get(at + 1).copied().unwrap_or(end);
            if self.saved(cover) > Costs::without(before, cover, next) {
                kept.extend_from_slice(mine);
                before = cover;
            }
        }
        kept
    }

    fn saved(&self, cover: Cover) -> i64 {
        let new = &self.new[cover.start..cover.end()];
        let old = &self.old[cover.from..cover.old_end()];
        new.iter().zip(old).map(|(&new, &old)| self.costs.gain(new, old)).sum()
    }
}

/// The number of bytes that gain most together.
fn best_end(gains: impl Iterator<Item = i64>) -> usize {
    let (mut sum, mut best, mut end) = (0, 0, 0);
    for (at, gain) in gains.enumerate() {
        sum += gain;
        if sum > best {
            (best, end) = (sum, at + 1);
        } else if sum + LOST < best {
            break;
        }
    }
    end
}
