//! Which members of the base are looked at, and which of them has the most votes.

use std::cmp::Reverse;

/// Members of a sorted list that are looked at on each side of where a member would stand: a
/// thousand that differ in a number alone must not cost a million comparisons.
pub(super) const NEIGHBOURS: usize = 16;

/// How many times longer one of a pair may be, unless they have the same path.
const SIZE_RATIO: u64 = 10;

/// May one come from the other, by their lengths?
pub(super) fn are_comparable(one: u64, other: u64) -> bool {
    one.max(other) / SIZE_RATIO <= one.min(other)
}

/// The neighbours of the place `at` in a sorted list, as far as they are `of_group`.
pub(super) fn around<T>(sorted: &[T], at: usize, of_group: impl Fn(&T) -> bool) -> &[T] {
    let (before, behind) = sorted.split_at(at);
    let before = before.iter().rev().take(NEIGHBOURS).take_while(|entry| of_group(entry)).count();
    let behind = behind.iter().take(NEIGHBOURS).take_while(|entry| of_group(entry)).count();
    &sorted[at - before..at + behind]
}

/// Who has the most votes, and how many: the nearest in length among equals, then the last.
/// `votes` are (who, how many), any number for each; `difference` is that of lengths.
pub(super) fn winner(
    votes: &mut Vec<(usize, u64)>,
    difference: impl Fn(usize) -> u64,
) -> Option<(usize, u64)> {
    votes.sort_unstable();
    votes.dedup_by(|vote, sum| {
        let is_same = vote.0 == sum.0;
        if is_same {
            sum.1 = sum.1.saturating_add(vote.1);
        }
        is_same
    });
    votes.iter().copied().max_by_key(|(who, count)| (*count, Reverse(difference(*who)), *who))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_of_the_group_and_few() {
        let sorted: Vec<u32> = (0..100).collect();
        assert_eq!(around(&sorted, 50, |n| (49..52).contains(n)), [49, 50, 51]);
        assert_eq!(around(&sorted, 50, |_| true), &sorted[50 - NEIGHBOURS..50 + NEIGHBOURS]);
        assert_eq!(around(&sorted, 0, |n| *n < 2), [0, 1]);
        assert_eq!(around(&sorted, 100, |n| *n > 98), [99]);
        assert_eq!(around(&[], 0, |_: &u32| true), [0; 0]);
    }

    #[test]
    fn votes_add_up_and_ties_go_to_the_nearest_in_length() {
        let won = |mut votes: Vec<_>| winner(&mut votes, |who| [5, 1, 5, 5][who]);
        assert_eq!(won(vec![(0, 4), (1, 6), (0, 3)]), Some((0, 7)));
        assert_eq!(won(vec![(0, 7), (1, 7), (2, 7)]), Some((1, 7)));
        assert_eq!(won(vec![(2, 7), (3, 7), (0, 7)]), Some((3, 7)));
        assert_eq!(won(vec![(3, u64::MAX), (3, 1)]), Some((3, u64::MAX)));
        assert_eq!(won(vec![]), None);
    }
}
