//! Which bytes of what lies outside the output a site must keep, because it reads them again.

use std::collections::HashMap;

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
    let lengths = lengths(layout);
    let outside = layout.reads.iter().filter(|read| is_outside[read.node as usize]);
    let mut reads = by_maker(layout, outside.copied(), &lengths);
    reads.sort_by_key(|read| (read.node, read.start));
    for gap in GAPS {
        let kept = merged(&reads, layout.usage.len(), gap);
        let drafts = ranges_of_parts(layout, &kept, &lengths);
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

/// By number how many bytes of a node parts make.
fn lengths(layout: &Layout<'_>) -> Vec<u64> {
    let mut lengths = vec![0; layout.usage.len()];
    for part in layout.groups.iter().flat_map(|group| &group.parts) {
        lengths[part.node as usize] += part.made;
    }
    lengths
}

/// What is read, each byte of the node whose parts made it: where a child of a node came by parts
/// of its own, those of the node never hold the child's bytes.
fn by_maker(layout: &Layout<'_>, all: impl Iterator<Item = Read>, lengths: &[u64]) -> Vec<Read> {
    let mut reads: Vec<Vec<Read>> = vec![Vec::new(); layout.usage.len()];
    for read in all {
        reads[read.node as usize].push(read);
    }
    // Parents have greater numbers: what is left of a node's reads is final when all nodes before
    // it had their share.
    for (child, usage) in layout.usage.iter().enumerate().rev() {
        if usage.parent == NONE || usage.is_fed || lengths[child] == 0 {
            continue;
        }
        let (start, end) = (usage.parent_offset, usage.parent_offset + lengths[child]);
        for read in std::mem::take(&mut reads[usage.parent as usize]) {
            let read_end = read.start + read.len;
            let piece = |node: u32, from: u64, to: u64, base: u64| {
                (from < to).then(|| Read { node, start: from - base, len: to - from, ..read })
            };
            let number = u32::try_from(child).expect("BUG: rows fit 32 bits");
            let inside = piece(number, read.start.max(start), read_end.min(end), start);
            reads[child].extend(inside);
            let around = [
                piece(read.node, read.start, read_end.min(start), 0),
                piece(read.node, read.start.max(end), read_end, 0),
            ];
            reads[usage.parent as usize].extend(around.into_iter().flatten());
        }
    }
    reads.concat()
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
fn ranges_of_parts(
    layout: &Layout<'_>,
    kept: &[Vec<Kept>],
    lengths: &[u64],
) -> Vec<Vec<Vec<KeptRange>>> {
    // A part that begins where a child lies which parts made has that child's bytes first.
    let children = layout
        .usage
        .iter()
        .zip(lengths)
        .filter(|(usage, len)| usage.parent != NONE && !usage.is_fed && **len > 0);
    let children: HashMap<(u32, u64), u64> =
        children.map(|(usage, len)| ((usage.parent, usage.parent_offset), *len)).collect();
    let mut made = vec![0; layout.usage.len()];
    let groups = layout.groups.iter().zip(0..).map(|(group, number): (_, u32)| {
        let parts = group.parts.iter().map(|part| {
            let start = made[part.node as usize];
            made[part.node as usize] += part.made;
            let end = start + part.made;
            let own = start + children.get(&(part.node, start)).copied().unwrap_or(0);
            let ranges = kept[part.node as usize].iter();
            let inside = ranges.filter(|kept| kept.start < end && kept.end > own);
            let range = |kept: &Kept| KeptRange {
                start: kept.start.max(own) - start,
                length: kept.end.min(end) - kept.start.max(own),
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
