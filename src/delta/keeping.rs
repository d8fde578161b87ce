//! Which bytes of what lies outside the output a site must keep, because it reads them again.

use super::groups::{Layout, Read};
use crate::format::{KeptRange, NONE, StreamKind, put_kept_ranges};
use crate::limits;

/// Bytes between two ranges below which they become one: a range costs some five bytes.
const GAPS: [u64; 5] = [4 << 10, 64 << 10, 1 << 20, 16 << 20, u64::MAX];

/// Bytes of a node that are read again, last by a part of `last_group`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    start: u64,
    end: u64,
    last_group: u32,
}

/// Writes into each part what of its bytes has to be kept; returns the most that is kept at one
/// time, in bytes.
pub(super) fn keep(layout: &mut Layout<'_>) -> u64 {
    let is_outside = is_outside(layout);
    let mut reads: Vec<Read> =
        layout.reads.iter().filter(|read| is_outside[read.node as usize]).copied().collect();
    reads.sort_by_key(|read| (read.node, read.start));
    for gap in GAPS {
        let kept = merged(&reads, layout.usage.len(), gap);
        let drafts = ranges_of_parts(layout, &kept);
        let len: usize = drafts.iter().flatten().map(|ranges| encoded(ranges).len()).sum();
        if len as u64 <= limits::KEPT_RANGES_LEN {
            return write(layout, &drafts);
        }
    }
    0
}

/// By number: does a node lie in a content that is encoded, rather than in an output?
fn is_outside(layout: &Layout<'_>) -> Vec<bool> {
    let mut is_outside = vec![false; layout.usage.len()];
    // Parents have greater numbers.
    for (number, usage) in layout.usage.iter().enumerate().rev() {
        is_outside[number] =
            usage.is_fed || (usage.parent != NONE && is_outside[usage.parent as usize]);
    }
    is_outside
}

/// By number of node the ranges that are read, those with less than `gap` between them as one.
fn merged(reads: &[Read], nodes: usize, gap: u64) -> Vec<Vec<Kept>> {
    let mut kept: Vec<Vec<Kept>> = vec![Vec::new(); nodes];
    for read in reads {
        let ranges = &mut kept[read.node as usize];
        let end = read.start + read.len;
        match ranges.last_mut() {
            Some(last) if read.start <= last.end.saturating_add(gap) => {
                last.end = last.end.max(end);
                last.last_group = last.last_group.max(read.group);
            }
            _ => ranges.push(Kept { start: read.start, end, last_group: read.group }),
        }
    }
    kept
}

/// By group and part what of its bytes is kept.
fn ranges_of_parts(layout: &Layout<'_>, kept: &[Vec<Kept>]) -> Vec<Vec<Vec<KeptRange>>> {
    let mut made = vec![0; layout.usage.len()];
    let groups = layout.groups.iter().zip(0..).map(|(group, number): (_, u32)| {
        let parts = group.parts.iter().map(|part| {
            let start = made[part.node as usize];
            made[part.node as usize] += part.made;
            let end = start + part.made;
            let ranges = kept[part.node as usize].iter();
            let inside = ranges.filter(|kept| kept.start < end && kept.end > start);
            let range = |kept: &Kept| KeptRange {
                start: kept.start.max(start) - start,
                length: kept.end.min(end) - kept.start.max(start),
                groups: kept.last_group - number,
            };
            inside.map(range).collect()
        });
        parts.collect()
    });
    groups.collect()
}

fn encoded(ranges: &[KeptRange]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_kept_ranges(&mut bytes, ranges);
    bytes
}

/// Puts the ranges into the groups; returns the most that is kept at one time.
fn write(layout: &mut Layout<'_>, drafts: &[Vec<Vec<KeptRange>>]) -> u64 {
    let slot = StreamKind::Kept.slot();
    let (mut live, mut peak) = (0, 0);
    // What ends with each group.
    let mut ends = vec![0; layout.groups.len()];
    for (number, (group, parts)) in layout.groups.iter_mut().zip(drafts).enumerate() {
        for (part, ranges) in group.parts.iter_mut().zip(parts) {
            let bytes = encoded(ranges);
            part.taken[slot] = bytes.len() as u64;
            group.control[slot].extend(bytes);
            for range in ranges {
                live += range.length;
                ends[number + range.groups as usize] += range.length;
            }
        }
        peak = peak.max(live);
        live -= ends[number];
    }
    peak
}
