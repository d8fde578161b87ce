//! Pairs by where the base holds runs of a member's bytes.

use super::candidates::winner;
use super::{By, Member, Pair};

/// Fewest bytes that a pair shares: less is a licence or a table that many files have.
const MIN_SHARED: u64 = 64;

/// A run of a target member's bytes that the base holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Number of the content that holds it, in the base's pool.
    pub content: usize,
    /// First byte there.
    pub offset: u64,
    /// Length in bytes.
    pub len: u64,
}

/// The base's members by where they lie, to be asked for each member of the target.
#[derive(Debug)]
pub struct Votes<'a> {
    base: &'a [Member<'a>],
    /// Places in `base`, by content and first byte; without empty members.
    order: Vec<usize>,
}

impl<'a> Votes<'a> {
    /// Sorts the base's members, of which no two share a byte.
    pub fn new(base: &'a [Member<'a>]) -> Self {
        let mut order: Vec<usize> = (0..base.len()).filter(|at| base[*at].len > 0).collect();
        order.sort_unstable_by_key(|at| (base[*at].content, base[*at].start, *at));
        Self { base, order }
    }

    /// The member of the base that holds most bytes of `runs`, which belong to one member of the
    /// target of `len` bytes.
    ///
    /// Takes time for each run and each member of the base that a run touches.
    pub fn pair(&self, len: u64, runs: &[Run]) -> Option<Pair> {
        let mut votes = Vec::new();
        for run in runs {
            self.count(run, &mut votes);
        }
        let difference = |at: usize| self.base[at].len.abs_diff(len);
        let (base, shared) = winner(&mut votes, difference)?;
        (shared >= MIN_SHARED).then_some(Pair { base, by: By::Votes })
    }

    /// Adds how many bytes of a run lie in which member.
    fn count(&self, run: &Run, votes: &mut Vec<(usize, u64)>) {
        let end = run.offset.saturating_add(run.len);
        let first = self.order.partition_point(|at| {
            let member = &self.base[*at];
            (member.content, member.start.saturating_add(member.len)) <= (run.content, run.offset)
        });
        for at in &self.order[first..] {
            let member = &self.base[*at];
            if member.content != run.content || member.start >= end {
                break;
            }
            let until = end.min(member.start.saturating_add(member.len));
            votes.push((*at, until - run.offset.max(member.start)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(content: usize, start: u64, len: u64) -> Member<'static> {
        Member { name: b"", content, start, len }
    }

    fn run(content: usize, offset: u64, len: u64) -> Run {
        Run { content, offset, len }
    }

    fn base_of(base: &[Member<'_>], len: u64, runs: &[Run]) -> Option<usize> {
        Votes::new(base).pair(len, runs).map(|pair| pair.base)
    }

    #[test]
    fn the_member_that_holds_most_bytes_is_the_one() {
        // Not in the order of the pool.
        let base = [member(1, 512, 1000), member(0, 2048, 500), member(0, 512, 1000)];
        assert_eq!(base_of(&base, 900, &[run(0, 600, 300), run(1, 600, 200)]), Some(2));
        let runs = [run(0, 600, 300), run(1, 600, 200), run(1, 1000, 200)];
        assert_eq!(base_of(&base, 900, &runs), Some(0));
    }

    #[test]
    fn a_run_over_several_members_counts_for_each_with_its_part() {
        let base = [member(0, 512, 100), member(0, 1024, 200), member(0, 1536, 300)];
        assert_eq!(base_of(&base, 1000, &[run(0, 500, 900)]), Some(1));
        assert_eq!(base_of(&base, 1000, &[run(0, 0, u64::MAX)]), Some(2));
    }

    #[test]
    fn what_lies_in_no_member_has_no_vote() {
        let base = [member(0, 512, 100), member(0, 1024, 0), member(2, 512, 100)];
        let runs = [run(0, 0, 512), run(0, 612, 5000), run(1, 0, 5000), run(3, 0, u64::MAX)];
        assert_eq!(base_of(&base, 100, &runs), None);
        assert_eq!(base_of(&[], 100, &runs), None);
    }

    #[test]
    fn a_few_bytes_are_no_vote() {
        let base = [member(0, 512, 1000)];
        assert_eq!(base_of(&base, 1000, &[run(0, 512, 32), run(0, 700, 31)]), None);
        assert_eq!(base_of(&base, 1000, &[run(0, 512, 32), run(0, 700, 32)]), Some(0));
    }
}
