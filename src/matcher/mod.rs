//! Covers of a target file by a base file, byte by byte, with differences.
//!
//! ```text
//! old -> claims (what new has unchanged: sparse) -> seeds (where each 8 bytes are); only if needed
//! new -> segments, each by itself:
//!        scan (anchors: exact matches worth leaving the running diagonal for)
//!     -> join (anchors grow over what differs, meet, merge, and go where they do not pay)
//! ```
//!
//! The work is bounded by the lengths alone, whatever the bytes are: DESIGN.md section 9 says how.

mod bytes;
mod claims;
mod cost;
mod effort;
mod join;
mod scan;
mod seeds;
#[cfg(test)]
mod tests;

pub use effort::Effort;
use rayon::prelude::*;

/// A run of `new` that resembles a run of `old` of the same length; bytes may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cover {
    /// Where the run begins in `new`.
    pub start: usize,
    /// Where the run that it resembles begins in `old`.
    pub from: usize,
    /// Length of both, at least 1.
    pub len: usize,
}

impl Cover {
    /// Where the run ends in `new`, exclusive.
    pub const fn end(self) -> usize {
        self.start + self.len
    }

    /// Where the run ends in `old`, exclusive.
    pub const fn old_end(self) -> usize {
        self.from + self.len
    }

    /// Whether `other` continues along the same distance between `new` and `old`.
    const fn is_collinear(self, other: Self) -> bool {
        self.start + other.from == other.start + self.from
    }
}

/// How much of an old file [`covers`] looks at: 64 MiB.
pub const MAX_OLD: usize = 1 << 26;

/// Bytes of a long `new` that are looked at by themselves: several threads share it.
const SEGMENT: usize = 2 << 20;

/// Covers of `new`, ascending, disjoint, inside both inputs. What no cover holds is new.
///
/// Deterministic; takes about `Effort::memory(old.len())` bytes beside the covers, and nothing if the
/// inputs hardly differ. What of `old` lies behind [`MAX_OLD`] is not looked at. The threads of the
/// current rayon pool share a long `new`.
pub fn covers(old: &[u8], new: &[u8], effort: Effort) -> Vec<Cover> {
    let old = &old[..old.len().min(MAX_OLD)];
    let costs = cost::Costs::of(new);
    let index = scan::Index::new(old, new, effort);
    let count = (new.len() / SEGMENT).max(1);
    let found = (0..count).into_par_iter().with_max_len(1).map(|number| {
        let end = if number + 1 == count { new.len() } else { (number + 1) * SEGMENT };
        let range = number * SEGMENT..end;
        let (anchors, _) = index.anchors(range.clone());
        join::Pair { old, new, costs: &costs, range }.join(anchors, effort.passes)
    });
    let found: Vec<Vec<Cover>> = found.collect();
    let mut covers: Vec<Cover> = Vec::with_capacity(found.iter().map(Vec::len).sum());
    for cover in found.into_iter().flatten() {
        match covers.last_mut() {
            Some(last) if last.end() == cover.start && last.old_end() == cover.from => {
                last.len += cover.len;
            }
            _ => covers.push(cover),
        }
    }
    covers
}
