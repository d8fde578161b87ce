//! Sections 4 to 7 and 11: what must hold of the tables before the body is looked at.

use super::tables::{Header, Node, Part, Stream, Way};
use super::{Refusal, damaged, keep, must};

const MIB: u64 = 1 << 20;
const ROWS: usize = 1 << 20;

/// Check 3 of section 9.
pub(super) fn check(header: &Header, body_length: u64) -> Result<(), Refusal> {
    let frames = || header.groups.iter().flat_map(|g| &g.streams).flat_map(|s| &s.frames);
    must(header.nodes.len() <= ROWS, "too many nodes")?;
    must(header.outputs.len() <= ROWS, "too many outputs")?;
    must(header.roles.len() <= ROWS, "too many roles")?;
    must(frames().count() <= ROWS, "too many frames")?;
    must(parts(header).count() <= ROWS, "too many parts")?;
    must(header.groups.len() <= 1 << 16, "too many groups")?;
    must(header.digests.is_sorted_by(|a, b| a < b), "digests do not ascend")?;
    let encoded: u64 = frames().map(|frame| frame.encoded).sum();
    must(encoded == body_length, "frames do not add up to the body")?;
    must(header.blocks.len() as u64 == body_length.div_ceil(256 << 10), "count of blocks")?;
    for number in 0..header.nodes.len() {
        node(header, number)?;
    }
    order(header)?;
    outputs(header)?;
    roles(header)?;
    for number in 0..header.groups.len() {
        group(header, number)?;
    }
    sums(header)?;
    schedule(header).map(drop)
}

fn parts(header: &Header) -> impl Iterator<Item = &Part> {
    header.groups.iter().flat_map(|group| &group.parts)
}

/// Whether parts make the node.
pub(super) fn is_made(header: &Header, number: usize) -> bool {
    parts(header).any(|part| part.node == number)
}

/// How many bytes of a node a run of blocks covers, the last block with its real length.
fn covered(node: &Node, (first, count): (u64, u64)) -> u64 {
    ((first + count) * MIB).min(node.length) - first * MIB
}

/// Whether the runs of a node given as content name all its blocks.
pub(super) fn is_used_whole(node: &Node) -> bool {
    let blocks = |way: &Way| way.runs.iter().map(|run| run.1).sum::<u64>();
    node.ways.iter().all(|way| way.kind != 0 || blocks(way) == node.length.div_ceil(MIB))
}

/// Section 5 for one node.
fn node(header: &Header, number: usize) -> Result<(), Refusal> {
    let node = &header.nodes[number];
    must(node.length <= 1 << 44, "node too long")?;
    must(node.digest < header.digests.len(), "node's digest")?;
    let twins = header.nodes.iter().filter(|other| other.digest == node.digest).count();
    must(twins == 1, "two nodes of one digest")?;
    must((1..=8).contains(&node.ways.len()), "count of ways")?;
    must(node.ways.is_sorted_by(|a, b| a.kind < b.kind), "ways do not ascend")?;
    for way in &node.ways {
        if way.kind == 3 {
            re_encode(header, number, way)?;
        } else {
            must(way.parameters.is_empty(), "parameters")?;
        }
        must(way.kind == 0 || way.runs.is_empty(), "runs of a way that has none")?;
        let apart = way.runs.is_sorted_by(|a, b| a.0 + a.1 < b.0);
        must(apart, "runs touch or do not ascend")?;
        for &(first, count) in &way.runs {
            must(count != 0, "empty run")?;
            must(first + count <= node.length.div_ceil(MIB), "run reaches outside")?;
        }
        if way.kind == 2 {
            must(node.length == 0 || is_made(header, number), "recipe without parts")?;
        }
    }
    must(node.ways.iter().filter(|way| way.kind >= 2).count() <= 1, "recipe and re-encode")?;
    if let Some(group) = node.last_group {
        must(group < header.groups.len(), "last group")?;
    }
    let Some(parent) = node.parent else {
        return must(node.parent_offset == 0, "offset without parent");
    };
    must(parent > number && parent < header.nodes.len(), "parent is not a greater number")?;
    must(is_made(header, parent), "parent that no part makes")?;
    if header.nodes[parent].content().is_some() {
        must(is_fed(header, number) && node.parent_offset == 0, "child of a re-encode")?;
        must(is_made(header, number), "fed content that no part makes")?;
    } else {
        let inside = header.nodes[parent].length.checked_sub(node.length);
        must(inside.is_some_and(|most| node.parent_offset <= most), "does not fit its parent")?;
    }
    let above = std::iter::successors(Some(parent), |&up| header.nodes.get(up)?.parent);
    must(above.take(17).count() <= 16, "nesting")
}

/// Section 5, "Re-encode".
fn re_encode(header: &Header, number: usize, way: &Way) -> Result<(), Refusal> {
    let Some((content, encoders)) = way.re_encode() else {
        return damaged("parameters of a re-encode");
    };
    must(content < number, "content is not a smaller number")?;
    must(is_used_whole(&header.nodes[content]), "blocks of a content")?;
    must(!encoders.is_empty(), "no encoders")?;
    must(encoders.is_sorted_by(|a, b| a < b), "encoders do not ascend")?;
    must(parts(header).filter(|part| part.node == number).count() == 1, "parts of a re-encode")
}

/// Whether the node is a content, and its parent is the re-encode that takes it while it is made.
pub(super) fn is_fed(header: &Header, number: usize) -> bool {
    let parent = header.nodes[number].parent.and_then(|parent| header.nodes.get(parent));
    parent.is_some_and(|parent| parent.content() == Some(number))
}

/// Nodes without parts ascend by digest, the others by the part that completes them; a re-encode
/// that is fed comes after its content.
fn order(header: &Header) -> Result<(), Refusal> {
    let parts: Vec<&Part> = parts(header).collect();
    let key = |number: usize| {
        let (mut number, mut fed) = (number, 0);
        while let Some(content) = header.nodes[number].content() {
            if header.nodes[content].parent != Some(number) {
                break;
            }
            (number, fed) = (content, fed + 1);
        }
        match parts.iter().rposition(|part| part.node == number) {
            None => (0, header.nodes[number].digest, 0),
            Some(last) => (1, last, fed),
        }
    };
    must((0..header.nodes.len()).map(key).is_sorted(), "order of nodes")
}

/// Section 6.1.
fn outputs(header: &Header) -> Result<(), Refusal> {
    let mut bytes = 0;
    for output in &header.outputs {
        must((output.kind == 0) == output.node.is_some(), "an output's node")?;
        if let Some(number) = output.node {
            must(number < header.nodes.len(), "an output's node")?;
            let node = &header.nodes[number];
            bytes += node.length;
            must(is_used_whole(node), "blocks of an output")?;
            must(node.parent.is_none(), "an output with a parent")?;
        }
        let components = output.path.split(|&byte| byte == b'/').count();
        must(output.path.len() <= 4096 && components <= 32, "path too long")?;
        let single = header.outputs.len() == 1 && output.kind == 0 && output.path.is_empty();
        let lawful = output
            .path
            .split(|&byte| byte == b'/')
            .all(|component| !matches!(component, b"" | b"." | b"..") && !component.contains(&0));
        must(single || lawful, "path")?;
        let parent = [output.path.as_slice(), b"/"].concat();
        let below = header.outputs.iter().any(|other| other.path.starts_with(&parent));
        must(!below, "an output below another")?;
    }
    must(bytes <= 1 << 44, "outputs too long")?;
    must(header.outputs.is_sorted_by(|a, b| a.path < b.path), "paths do not ascend")
}

/// Section 6.2.
fn roles(header: &Header) -> Result<(), Refusal> {
    for (number, role) in header.roles.iter().enumerate() {
        must(role.parent.is_none_or(|row| row < number), "a role's parent")?;
        must(role.node.is_none_or(|row| row < header.nodes.len()), "a role's node")?;
        must(role.diff_id.is_none_or(|row| row < header.digests.len()), "a role's diff ID")?;
    }
    Ok(())
}

/// Section 7 for one group.
fn group(header: &Header, number: usize) -> Result<(), Refusal> {
    let group = &header.groups[number];
    must(!group.parts.is_empty(), "group without parts")?;
    must(group.streams.is_sorted_by(|a, b| a.kind < b.kind), "streams do not ascend")?;
    for stream in &group.streams {
        must(!stream.frames.is_empty(), "empty stream")?;
        for frame in &stream.frames {
            must(frame.encoded != 0 && frame.decoded != 0, "empty frame")?;
            if stream.codec == 0 {
                must(frame.encoded == frame.decoded && frame.window_log == 0, "stored frame")?;
            } else {
                must((10..=24).contains(&frame.window_log), "window log")?;
            }
        }
    }
    let decoded: u64 = group.streams.iter().map(Stream::decoded).sum();
    must(decoded <= 256 * MIB, "group too long")?;
    let mut taken = vec![0_u64; group.streams.len()];
    for part in &group.parts {
        let way = header.nodes.get(part.node).and_then(|node| node.ways.get(part.way));
        let Some(way) = way.filter(|way| way.kind >= 2) else {
            return damaged("part of no recipe and no re-encode");
        };
        must(part.made != 0, "part that makes nothing")?;
        must(part.taken.len() == taken.len(), "count of taken")?;
        for ((sum, &bytes), stream) in taken.iter_mut().zip(&part.taken).zip(&group.streams) {
            let Some(next) = sum.checked_add(bytes).filter(|&next| next <= stream.decoded()) else {
                return damaged("parts take more than the stream has");
            };
            *sum = next;
        }
        let taken = |wanted: fn(u32) -> bool| {
            let taken = group.streams.iter().zip(&part.taken);
            taken.filter(move |(stream, _)| wanted(stream.kind)).map(|(_, &bytes)| bytes)
        };
        if way.kind == 3 {
            let carried: u64 = taken(|kind| kind == 6 || kind >= 16).sum();
            must(carried <= 64 * MIB, "a re-encode takes too much")?;
            let each = taken(|kind| kind != 6 && kind < 16).max();
            must(each <= Some(MIB), "a re-encode takes too many numbers")?;
        }
        let is_kept = keep::root(header, part.node).is_some();
        must(is_kept || taken(|kind| kind == 4).sum::<u64>() == 0, "kept ranges of an output")?;
        let first = group.streams.first().filter(|stream| stream.kind == 0);
        must(first.is_some() && part.taken[0] != 0, "part without instructions")?;
    }
    let all = group.streams.iter().zip(&taken).all(|(stream, &sum)| stream.decoded() == sum);
    must(all, "parts take less than the stream has")?;
    let joined = group.parts.is_sorted_by(|a, b| (a.node, a.way) != (b.node, b.way));
    must(joined, "two parts of one way follow each other")?;
    let optional = |part: &Part| header.nodes[part.node].ways.len() > 1;
    let alone = group.parts.iter().all(|part| part.node == group.parts[0].node);
    must(alone || !group.parts.iter().any(optional), "alternative among others")
}

/// What adds up over the whole delta: parts to nodes, and the last two ceilings of section 11.
fn sums(header: &Header) -> Result<(), Refusal> {
    for (number, node) in header.nodes.iter().enumerate() {
        let made = parts(header).filter(|part| part.node == number);
        let made: u128 = made.map(|part| u128::from(part.made)).sum();
        must(made == 0 || made == node.length.into(), "parts do not add up to the node")?;
    }
    let made: u64 = parts(header).map(|part| part.made).sum();
    let streams = || header.groups.iter().flat_map(|group| &group.streams);
    let instructions: u64 = streams().filter(|s| s.kind == 0).map(Stream::decoded).sum();
    must(instructions <= made / 8 + 65_536, "too many instructions")?;
    let kept: u64 = streams().filter(|s| s.kind == 4).map(Stream::decoded).sum();
    must(kept <= MIB, "too many kept ranges")?;
    let mut used = 0;
    for node in &header.nodes {
        for way in &node.ways {
            used += way.runs.iter().map(|&run| u128::from(covered(node, run))).sum::<u128>();
            used += if way.kind == 1 { node.length.into() } else { 0 };
        }
    }
    let output = header.outputs.iter().filter_map(|output| output.node);
    let output: u128 = output.map(|number| u128::from(header.nodes[number].length)).sum();
    let decoded: u128 = streams().map(|stream| u128::from(stream.decoded())).sum();
    must(u128::from(made) + decoded + used <= 64 * (output + used), "too much work")
}

/// "Bodies run in order" and "contents follow": for every part the child that its first instruction
/// has to place.
pub(super) fn schedule(header: &Header) -> Result<Vec<Option<usize>>, Refusal> {
    let mut firsts = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut made = vec![0; header.nodes.len()];
    let mut is_complete: Vec<bool> =
        (0..header.nodes.len()).map(|number| !is_made(header, number)).collect();
    let mut to_place: Vec<Option<usize>> = vec![None; header.nodes.len()];
    for part in parts(header) {
        if open.last() != Some(&part.node) {
            begin(header, part.node, &mut open, &made, &to_place)?;
        }
        firsts.push(to_place[part.node].take());
        made[part.node] += part.made;
        if made[part.node] != header.nodes[part.node].length {
            continue;
        }
        if let Some(content) = header.nodes[part.node].content() {
            if header.nodes[content].parent == Some(part.node) {
                continue;
            }
            must(is_complete[content], "a content that is neither complete nor fed")?;
        }
        // The node is complete, and with a fed content the node that is encoded of it.
        while let Some(number) = open.pop() {
            is_complete[number] = true;
            if !is_fed(header, number) {
                if let Some(parent) = header.nodes[number].parent {
                    to_place[parent] = Some(number);
                }
                break;
            }
        }
    }
    must(open.is_empty(), "a node is not completed")?;
    Ok(firsts)
}

/// The node begins, and with it every ancestor that has not begun either.
fn begin(
    header: &Header,
    number: usize,
    open: &mut Vec<usize>,
    made: &[u64],
    to_place: &[Option<usize>],
) -> Result<(), Refusal> {
    let mut beginning = vec![number];
    let mut above = header.nodes[number].parent;
    while let Some(parent) = above.filter(|parent| !open.contains(parent)) {
        beginning.push(parent);
        above = header.nodes[parent].parent;
    }
    must(above == open.last().copied(), "a part while another node is open")?;
    let root = beginning[beginning.len() - 1];
    if open.is_empty() && !header.outputs.iter().any(|output| output.node == Some(root)) {
        return Err(Refusal::Unsupported("node outside the outputs".into()));
    }
    for &number in &beginning {
        must(made[number] == 0 && !open.contains(&number), "a part out of order")?;
        if let Some(parent) = header.nodes[number].parent {
            let offset = header.nodes[number].parent_offset;
            let fixed = header.nodes[parent].ways.len() == 1;
            must(fixed, "a child that parts make below an alternative")?;
            if is_fed(header, number) {
                must(made[parent] != 0, "a content before the re-encode")?;
            } else {
                must(made[parent] == offset, "a child elsewhere than at its offset")?;
            }
            must(to_place[parent].is_none(), "a child before another is placed")?;
        }
    }
    open.extend(beginning.iter().rev());
    Ok(())
}
