//! What instructions and bytes are taken to cost once they are coded: sixteenths of a bit.

use super::Cover;

/// A byte that differs from the one that is copied: where it is and by how much.
const DIFFERENCE: i64 = 9 * 16;
/// A cover's lengths and instruction, and what ends a context in the other streams: measured.
const COVER: i64 = 50 * 16;
/// A literal costs this share of what its frequency says, since streams see contexts and repeats.
const LITERAL_SHARE: (i64, i64) = (19, 32);

/// The costs of one new file.
#[derive(Debug)]
pub(super) struct Costs {
    literal: [i64; 256],
}

impl Costs {
    /// Counts the bytes of `new`.
    pub(super) fn of(new: &[u8]) -> Self {
        // Four tables: one would wait for itself wherever a byte is repeated.
        let mut tables = [[0_u64; 256]; 4];
        let mut fours = new.chunks_exact(4);
        for four in fours.by_ref() {
            for (table, byte) in tables.iter_mut().zip(four) {
                table[usize::from(*byte)] += 1;
            }
        }
        for byte in fours.remainder() {
            tables[0][usize::from(*byte)] += 1;
        }
        let counts: [u64; 256] =
            std::array::from_fn(|byte| tables.iter().map(|table| table[byte]).sum());
        let all = sixteenths(new.len() as u64 + 256);
        let literal =
            counts.map(|count| (all - sixteenths(count + 1)) * LITERAL_SHARE.0 / LITERAL_SHARE.1);
        Self { literal }
    }

    /// What it saves to copy a byte, instead of sending it as a literal; below 0 if it does not.
    pub(super) fn gain(&self, new: u8, old: u8) -> i64 {
        let literal = self.literal[usize::from(new)];
        if new == old { literal } else { literal - DIFFERENCE }
    }

    /// What a cover costs, copied after `before`.
    pub(super) fn cover(before: Cover, cover: Cover) -> i64 {
        COVER + jump(before.old_end().abs_diff(cover.from))
    }

    /// What the cover `next` saves if `cover` is left out between `before` and it.
    pub(super) fn without(before: Cover, cover: Cover, next: Cover) -> i64 {
        Self::cover(before, cover) + Self::cover(cover, next) - Self::cover(before, next)
    }
}

fn jump(distance: usize) -> i64 {
    if distance == 0 { 0 } else { 32 + sixteenths(distance as u64 + 1) }
}

/// The logarithm of `x` to the base of 2 in sixteenths, linear between powers.
fn sixteenths(x: u64) -> i64 {
    let whole = x.max(1).ilog2();
    let part = if whole >= 4 { x >> (whole - 4) } else { x << (4 - whole) };
    i64::from(whole) * 16 + (part & 15).cast_signed()
}
