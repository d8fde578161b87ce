//! Section 8.3: what is kept of the bytes that lie in no output.

use std::collections::BTreeMap;

use super::tables::{Cursor, Header};
use super::{Refusal, damaged, index, must, rules};

/// The fed node that the bytes of a node lie in, and where; `None` if they lie in an output.
pub(super) fn root(header: &Header, mut number: usize) -> Option<(usize, u64)> {
    let mut offset = 0;
    while !rules::is_fed(header, number) {
        offset += header.nodes[number].parent_offset;
        number = header.nodes[number].parent?;
    }
    Some((number, offset))
}

/// What is kept at the moment.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// For every kept byte of a fed node the last group that uses it.
    last_groups: BTreeMap<(usize, u64), usize>,
    /// Every range: its length and the last group that uses it.
    ranges: Vec<(u64, usize)>,
}

impl Kept {
    /// Takes the kept ranges of a part, in group number `group`, that makes bytes `[from, to)` of
    /// the node. The first `passed` of them are a child's, which its own parts made.
    pub(super) fn declare(
        &mut self,
        header: &Header,
        (number, from, to): (usize, u64, u64),
        passed: u64,
        group: usize,
        mut ranges: Cursor<'_>,
    ) -> Result<(), Refusal> {
        let Some((root, offset)) = root(header, number) else {
            return must(ranges.0.is_empty(), "kept ranges of an output");
        };
        let (mut at, mut last_before) = (from, None);
        while !ranges.0.is_empty() {
            let (gap, length, groups) = (ranges.varint()?, ranges.varint()?, ranges.varint()?);
            let Some(last) = group.checked_add(index(groups)?) else {
                return damaged("no such group");
            };
            must(last < header.groups.len(), "no such group")?;
            must(gap != 0 || last_before != Some(last), "two kept ranges not merged")?;
            let start = at.checked_add(gap);
            let end = start.and_then(|start| start.checked_add(length));
            let (Some(start), Some(end)) = (start, end.filter(|&end| end <= to)) else {
                return damaged("kept range reaches outside its part");
            };
            must(length != 0, "empty kept range")?;
            must(start >= from + passed, "kept bytes of a child")?;
            for byte in start..end {
                self.last_groups.insert((root, offset + byte), last);
            }
            self.ranges.push((length, last));
            (at, last_before) = (end, Some(last));
        }
        let now = self.ranges.iter().filter(|&&(_, last)| last >= group);
        let now: u128 = now.map(|&(length, _)| u128::from(length)).sum();
        must(now <= header.kept_peak.into(), "more is kept than declared")
    }

    /// Instructions of group number `group` use bytes `[from, to)` of a node that parts made.
    pub(super) fn used(
        &self,
        header: &Header,
        (number, from, to): (usize, u64, u64),
        group: usize,
    ) -> Result<(), Refusal> {
        let Some((root, offset)) = root(header, number) else { return Ok(()) };
        let is_kept = |byte| self.last_groups.get(&(root, offset + byte)) >= Some(&group);
        must((from..to).all(is_kept), "use of bytes that are not kept")
    }
}
