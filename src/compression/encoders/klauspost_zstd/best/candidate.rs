//! A match that may be taken, and what it would cost.

use super::super::codes;
use super::super::parameters::Era;
use super::super::sequences::MATCH_MIN;

/// What the offset of a sequence would name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offset {
    /// There is no match.
    None,
    /// A distance.
    Distance,
    /// The former distance of this number, behind literals.
    Former(u32),
    /// What the number means right behind a match: 1 the second latest distance, 2 the third, 3
    /// the latest less one.
    FormerAtOnce(u32),
}

/// A match that may be taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) at: usize,
    pub(super) from: usize,
    /// 0 where it is not worth its sequence.
    pub(super) len: usize,
    pub(super) offset: Offset,
    /// Bits above those of its literals; below 0 where it is worth it.
    pub(super) cost: i32,
}

/// The cost of a match that is not worth its sequence.
pub(super) fn not_worth(era: Era) -> i32 {
    if era < Era::V1_16_4 { 25_000 } else { 131_074 * 8 }
}

impl Candidate {
    /// No match.
    pub(super) fn none(at: usize, era: Era) -> Self {
        Self { at, from: 0, len: 0, offset: Offset::None, cost: not_worth(era) }
    }

    /// Takes in what matches before the start, down to `pending` and no farther than `reach`.
    #[inline]
    pub(super) fn extend_back(&mut self, bytes: &[u8], pending: usize, reach: usize) {
        let floor = self.at.saturating_sub(reach);
        while self.from > floor && self.at > pending && bytes[self.from - 1] == bytes[self.at - 1] {
            self.at -= 1;
            self.from -= 1;
            self.len += 1;
        }
    }

    /// What its sequence costs by the predefined tables, less what its bytes would as literals.
    #[inline]
    pub(super) fn estimate(&mut self, literal_cost: i32, era: Era) {
        let number = match self.offset {
            Offset::None | Offset::Distance => (self.at - self.from) as u32 + 3,
            Offset::FormerAtOnce(number) if era < Era::V1_17_3 => number + 4,
            Offset::Former(number) | Offset::FormerAtOnce(number) => number,
        };
        let match_len = (self.len - MATCH_MIN) as u32;
        self.cost = codes::predefined_cost(number, match_len) as i32;
        self.cost -= (self.len as i32 * literal_cost) >> 10;
        if self.cost > 0 {
            self.len = 0;
            self.cost = not_worth(era);
        }
    }
}
