//! Is a compressed node cheaper as its content, or as it is stored?

use rayon::prelude::*;

use super::find::{Match, Source};
use super::policy::{Level, WINDOW_LOG, codec_level, frame_len};
use super::{Origin, Target};
use crate::format::{Class, Codec, StreamKind, encode_frame};

/// One in so many bytes more is still worth it: other nodes may copy from a content, and never from
/// stored bytes.
const MARGIN: u64 = 100;

/// Bytes of content that nothing of the base is for, for each byte of the output. A reader refuses
/// more work than 64 times what it outputs and uses of the base (docs/format.md section 11); a
/// literal counts twice, as a byte that is made and as one of a stream.
const MOST: u64 = 24;

/// What the literals are coded as to see.
const KIND: StreamKind = StreamKind::Literals(Class::OTHER);

/// Nodes that are to be encoded again but whose content would cost more than they do, by index.
///
/// Whoever has fewer bytes of literals than stored bytes is cheaper in any case; of the others the
/// literals are coded to see.
pub(super) fn costly(
    target: &Target<'_>,
    copied: &[Vec<Match>],
    level: Level,
) -> std::io::Result<Vec<usize>> {
    let mut costly = Vec::new();
    for (index, node) in target.nodes.iter().enumerate() {
        let Some(recreation) = node.recreation.as_ref().filter(|_| node.origin == Origin::Made)
        else {
            continue;
        };
        if unaided_len(target, copied, recreation.content) > MOST * node.bytes.len() as u64 {
            costly.push(index);
            continue;
        }
        let mut literals = Vec::new();
        add_literals(target, copied, recreation.content, &mut literals);
        let len: usize = literals.iter().map(|literal| literal.len()).sum();
        if len <= node.bytes.len() {
            continue;
        }
        let stored = coded_len(&[node.bytes], level)?;
        if coded_len(&literals, level)? > stored + stored / MARGIN {
            costly.push(index);
        }
    }
    Ok(costly)
}

/// Bytes of a node, and of the nodes it is made of, that parts make and that are no copies from the
/// base.
fn unaided_len(target: &Target<'_>, copied: &[Vec<Match>], index: usize) -> u64 {
    let node = &target.nodes[index];
    if !node.is_made() {
        return 0;
    }
    let from_base = copied[index].iter().filter(|copy| matches!(copy.source, Source::Base(_)));
    let copied_len: usize = from_base.map(|copy| copy.len).sum();
    let own = node.bytes.len().saturating_sub(copied_len) as u64;
    own + node.inner().map(|inner| unaided_len(target, copied, inner)).sum::<u64>()
}

/// What of a node, and of the nodes it is made of, nothing gives.
fn add_literals<'a>(
    target: &Target<'a>,
    copied: &[Vec<Match>],
    index: usize,
    literals: &mut Vec<&'a [u8]>,
) {
    let node = &target.nodes[index];
    if !node.is_made() {
        return;
    }
    if let Some(recreation) = &node.recreation {
        return add_literals(target, copied, recreation.content, literals);
    }
    let slice = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
    let children = node.children.iter().map(|child| (slice(child.offset), slice(child.end)));
    let found = copied[index].iter().map(|copy| (copy.start, copy.start + copy.len));
    let mut at = 0;
    // Nodes with children have no copies.
    for (start, end) in children.chain(found) {
        literals.extend(node.bytes.get(at..start).filter(|gap| !gap.is_empty()));
        at = end;
    }
    literals.extend(node.bytes.get(at..).filter(|gap| !gap.is_empty()));
    for child in &node.children {
        add_literals(target, copied, child.node, literals);
    }
}

/// What literals come to in frames of their own, in bytes.
fn coded_len(literals: &[&[u8]], level: Level) -> std::io::Result<u64> {
    let mut frames: Vec<Vec<&[u8]>> = Vec::new();
    let mut room = 0;
    for literal in literals.iter().flat_map(|literal| literal.chunks(frame_len(level, KIND))) {
        if room < literal.len() {
            frames.push(Vec::new());
            room = frame_len(level, KIND);
        }
        room -= literal.len();
        frames.last_mut().expect("BUG: the first literal began one").push(literal);
    }
    let coded = |frame: &Vec<&[u8]>| {
        let frame = encode_frame(frame, Codec::Zstd, codec_level(level, KIND, 0), WINDOW_LOG)?;
        Ok(frame.bytes.len() as u64)
    };
    frames.par_iter().with_max_len(1).map(coded).sum()
}
