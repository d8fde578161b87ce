//! The rules that tables alone can break (docs/format.md sections 4 to 7 and 11).
//!
//! What passes here can be run without any further check of rows: every citation is inside its
//! table, every sum fits, every part has its place in the output.

use super::node::check_node;
use super::order::check_order;
use super::{
    Codec, EncoderKind, FormatError, Group, Header, NONE, OutputKind, Part, ReEncodeParameters,
    RoleKind, Run, StreamKind, WayKind,
};
use crate::limits;

/// Length of the blocks by which a delta says what it uses of a base content, in bytes.
pub const BASE_BLOCK_LEN: u64 = 1 << 20;

/// What running a delta takes, added up from its header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Bytes of all outputs.
    pub output_len: u64,
    /// Bytes that parts make, whether output or not.
    pub made_len: u64,
    /// Decoded bytes of all streams.
    pub stream_len: u64,
    /// Bytes used of base contents and base blobs.
    pub base_len: u64,
    /// Instructions.
    pub instructions: u64,
    /// Greatest window of a frame, in bytes.
    pub largest_window: u64,
    /// Greatest sum over a group of its streams' greatest windows, in bytes.
    pub window_sum: u64,
    /// Greatest number of decoded bytes of a group.
    pub largest_group: u64,
    /// Decoded bytes of the streams that say what is kept.
    pub kept_ranges_len: u64,
    /// For each group, where each of its streams begins in the body.
    pub stream_starts: Vec<Vec<u64>>,
}

/// Checks a header against a body of `body_len` bytes and adds up its needs.
///
/// # Errors
/// Unsupported for unknown numbers, damage for any broken rule; the first one found.
pub fn check(header: &Header, body_len: u64) -> Result<Needs, FormatError> {
    check_numbers(header)?;
    check_counts(header)?;
    check_digests(header)?;
    header.nodes.iter().enumerate().try_for_each(|(row, node)| check_node(header, row, node))?;
    check_outputs(header)?;
    check_roles(header)?;
    let mut needs = Needs::default();
    for (row, group) in header.groups.iter().enumerate() {
        add_group(header, row, group, &mut needs)?;
    }
    check_body(header, body_len, &needs)?;
    check_order(header)?;
    add_lengths(header, &mut needs)?;
    check_work(&needs)?;
    Ok(needs)
}

pub(super) fn rule(rule: &'static str, place: &'static str, row: usize) -> FormatError {
    FormatError::Rule { rule, place, row: row as u64 }
}

/// Returns the broken rule unless it holds.
pub(super) fn hold(
    holds: bool,
    text: &'static str,
    place: &'static str,
    row: usize,
) -> Result<(), FormatError> {
    if holds { Ok(()) } else { Err(rule(text, place, row)) }
}

pub(super) fn ceiling(what: &'static str, found: u64, ceiling: u64) -> Result<(), FormatError> {
    if found <= ceiling { Ok(()) } else { Err(FormatError::Ceiling { what, found, ceiling }) }
}

/// Every number of section 10, before anything is judged that depends on its meaning.
fn check_numbers(header: &Header) -> Result<(), FormatError> {
    let declared = &header.declared;
    for (what, number) in [
        ("inline nodes:", declared.inline_count),
        ("a longest inline node of", declared.inline_longest),
        ("live inline nodes of", declared.inline_live),
        ("inline nodes nested", declared.inline_depth.into()),
    ] {
        if number != 0 {
            return Err(FormatError::Unsupported { what, number });
        }
    }
    for way in header.nodes.iter().flat_map(|node| &node.ways) {
        if WayKind::from_number(way.kind)? == WayKind::ReEncode {
            let parameters = ReEncodeParameters::decode(&way.parameters);
            for encoder in parameters.iter().flat_map(|parameters| &parameters.encoders) {
                EncoderKind::from_number(*encoder)?;
            }
        }
    }
    for output in &header.outputs {
        OutputKind::from_number(output.kind)?;
        if output.target != 0 {
            let number = output.target.into();
            return Err(FormatError::Unsupported { what: "target", number });
        }
    }
    for role in &header.roles {
        RoleKind::from_number(role.role)?;
    }
    for stream in header.groups.iter().flat_map(|group| &group.streams) {
        StreamKind::from_number(stream.kind)?;
        Codec::from_number(stream.codec)?;
    }
    Ok(())
}

fn check_counts(header: &Header) -> Result<(), FormatError> {
    let streams = || header.groups.iter().flat_map(|group| &group.streams);
    let rows = |what, found: usize| ceiling(what, found as u64, limits::ROWS);
    rows("number of nodes", header.nodes.len())?;
    rows("number of outputs", header.outputs.len())?;
    rows("number of roles", header.roles.len())?;
    rows("number of frames", streams().map(|stream| stream.frames.len()).sum())?;
    rows("number of parts", header.groups.iter().map(|group| group.parts.len()).sum())?;
    ceiling("number of groups", header.groups.len() as u64, limits::GROUPS)
}

fn check_digests(header: &Header) -> Result<(), FormatError> {
    let unsorted = header.digests.windows(2).position(|pair| pair[0] >= pair[1]);
    match unsorted {
        None => Ok(()),
        Some(row) => Err(rule("digests ascend, each once", "digest", row)),
    }
}

fn check_outputs(header: &Header) -> Result<(), FormatError> {
    let single = header.outputs.iter().any(|output| output.path.is_empty());
    hold(!single || header.outputs.len() == 1, "an empty path stands alone", "output", 0)?;
    for (row, output) in header.outputs.iter().enumerate() {
        let is_file = output.kind == OutputKind::File.number();
        let cites = (output.node as usize) < header.nodes.len();
        let node_fits = if is_file { cites } else { output.node == NONE && !single };
        hold(node_fits, "a file cites a node, a directory none", "output", row)?;
        let node = header.nodes.get(output.node as usize);
        let is_root = node.is_none_or(|node| node.parent == NONE);
        hold(is_root, "an output is placed in no other node first", "output", row)?;
        hold(single || is_plain_path(&output.path), "paths are relative and plain", "output", row)?;
    }
    for (row, pair) in header.outputs.windows(2).enumerate() {
        hold(pair[0].path < pair[1].path, "paths ascend, each once", "output", row)?;
    }
    check_parents_of_paths(header)
}

fn is_plain_path(path: &[u8]) -> bool {
    !path.contains(&0)
        && path.split(|byte| *byte == b'/').all(|name| !matches!(name, b"" | b"." | b".."))
}

/// No output lies below another one: files hold nothing, and only empty directories are listed.
fn check_parents_of_paths(header: &Header) -> Result<(), FormatError> {
    let paths: std::collections::HashSet<&[u8]> =
        header.outputs.iter().map(|output| output.path.as_slice()).collect();
    for (row, output) in header.outputs.iter().enumerate() {
        ceiling("length of a path", output.path.len() as u64, limits::PATH_LEN)?;
        let depth = output.path.split(|byte| *byte == b'/').count();
        ceiling("components of a path", depth as u64, limits::DIRECTORY_DEPTH as u64)?;
        let above = output.path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        for (end, _) in above {
            hold(
                !paths.contains(&output.path[..end]),
                "no output lies below another",
                "output",
                row,
            )?;
        }
    }
    Ok(())
}

fn check_roles(header: &Header) -> Result<(), FormatError> {
    for (row, role) in header.roles.iter().enumerate() {
        let hold = |holds, text| hold(holds, text, "role", row);
        hold(role.parent == NONE || (role.parent as usize) < row, "a role follows its parent")?;
        hold(
            role.node == NONE || (role.node as usize) < header.nodes.len(),
            "a role cites a node",
        )?;
        hold(
            role.diff_id == NONE || (role.diff_id as usize) < header.digests.len(),
            "a role cites a digest",
        )?;
    }
    Ok(())
}

/// Checks a group's streams and parts, and adds its lengths and windows to the needs.
fn add_group(
    header: &Header,
    row: usize,
    group: &Group,
    needs: &mut Needs,
) -> Result<(), FormatError> {
    let hold = |holds, text| hold(holds, text, "group", row);
    hold(!group.parts.is_empty(), "a group has parts")?;
    hold(
        group.streams.windows(2).all(|pair| pair[0].kind < pair[1].kind),
        "streams ascend by kind, none twice",
    )?;
    let mut at = needs.stream_starts.last().and_then(|starts| starts.last().copied()).unwrap_or(0);
    let mut starts = Vec::with_capacity(group.streams.len() + 1);
    let (mut decoded, mut windows) = (0, 0);
    for stream in &group.streams {
        hold(!stream.frames.is_empty(), "a stream has frames")?;
        let codec = Codec::from_number(stream.codec)?;
        let mut window = 0;
        for frame in &stream.frames {
            hold(frame.encoded > 0 && frame.decoded > 0, "a frame is not empty")?;
            let fits = match codec {
                Codec::Stored => frame.window_log == 0 && frame.encoded == frame.decoded,
                Codec::Zstd | Codec::Lzma => (10..=limits::WINDOW_LOG).contains(&frame.window_log),
            };
            hold(fits, "a frame's window fits its codec")?;
            window = window.max(match codec {
                Codec::Stored => 0,
                Codec::Zstd | Codec::Lzma => 1 << frame.window_log,
            });
        }
        starts.push(at);
        // At most 2^20 frames of 32 bits each: no sum here can overflow.
        at += stream.encoded_len();
        decoded += stream.decoded_len();
        windows += window;
        needs.largest_window = needs.largest_window.max(window);
        if stream.kind == StreamKind::Instructions.number() {
            needs.instructions += stream.decoded_len();
        }
        if stream.kind == StreamKind::Kept.number() {
            needs.kept_ranges_len += stream.decoded_len();
            ceiling("kept ranges", needs.kept_ranges_len, limits::KEPT_RANGES_LEN)?;
        }
        needs.stream_len += stream.decoded_len();
    }
    starts.push(at);
    needs.stream_starts.push(starts);
    needs.window_sum = needs.window_sum.max(windows);
    needs.largest_group = needs.largest_group.max(decoded);
    ceiling("decoded length of a group", decoded, limits::GROUP_LEN)?;
    add_parts(header, row, group, needs)
}

fn add_parts(
    header: &Header,
    row: usize,
    group: &Group,
    needs: &mut Needs,
) -> Result<(), FormatError> {
    let hold = |holds, text| hold(holds, text, "group", row);
    let mut left: Vec<u64> = group.streams.iter().map(super::Stream::decoded_len).collect();
    for part in &group.parts {
        let way =
            header.nodes.get(part.node as usize).and_then(|node| node.ways.get(part.way as usize));
        let kind = way.and_then(|way| WayKind::from_number(way.kind).ok());
        hold(
            matches!(kind, Some(WayKind::Recipe | WayKind::ReEncode)),
            "a part makes a node by a recipe or a re-encode",
        )?;
        if kind == Some(WayKind::ReEncode) {
            check_pieces(group, part)?;
        }
        hold(part.made > 0, "a part makes something")?;
        hold(part.taken.len() == left.len(), "a part takes from each stream")?;
        let instructions = group.streams.first().filter(|stream| stream.kind == 0);
        hold(instructions.is_some() && part.taken[0] > 0, "a part has an instruction")?;
        for (left, taken) in left.iter_mut().zip(&part.taken) {
            let rest = left.checked_sub(*taken);
            *left = rest.ok_or(rule("parts take no more than there is", "group", row))?;
        }
        let made = needs.made_len.checked_add(part.made);
        needs.made_len = made.ok_or(rule("the bytes made fit 64 bits", "group", row))?;
    }
    hold(left.iter().all(|left| *left == 0), "parts take all there is")
}

/// What a reader has to hold of a re-encode part while its content comes.
fn check_pieces(group: &Group, part: &Part) -> Result<(), FormatError> {
    let mut carried = 0_u64;
    for (stream, taken) in group.streams.iter().zip(&part.taken) {
        match StreamKind::from_number(stream.kind)? {
            StreamKind::Literals(_) | StreamKind::Corrections => {
                carried = carried.saturating_add(*taken);
            }
            _ => ceiling("control bytes of a re-encode part", *taken, limits::PIECES_LEN)?,
        }
    }
    ceiling("bytes carried by a re-encode part", carried, limits::CARRIED_LEN)
}

fn check_body(header: &Header, body_len: u64, needs: &Needs) -> Result<(), FormatError> {
    let end = needs.stream_starts.last().and_then(|starts| starts.last().copied()).unwrap_or(0);
    hold(
        end == body_len,
        "frames fill the body",
        "body offset",
        usize::try_from(end).unwrap_or(usize::MAX),
    )?;
    let blocks = body_len.div_ceil(super::BLOCK_LEN);
    hold(
        header.blocks.len() as u64 == blocks,
        "each block has a digest",
        "block",
        header.blocks.len(),
    )
}

fn add_lengths(header: &Header, needs: &mut Needs) -> Result<(), FormatError> {
    for output in header.outputs.iter().filter(|output| output.node != NONE) {
        // 2^20 nodes of 2^44 bytes are one too many for 64 bits; the ceiling refuses either way.
        let length = header.nodes[output.node as usize].length;
        needs.output_len = needs.output_len.saturating_add(length);
    }
    ceiling("length of the outputs", needs.output_len, limits::NODE_LEN)?;
    for node in &header.nodes {
        for way in &node.ways {
            let used = match WayKind::from_number(way.kind)? {
                WayKind::GivenContent => used_len(&way.used, node.length),
                WayKind::GivenBlob => node.length,
                WayKind::Recipe | WayKind::ReEncode => 0,
            };
            needs.base_len = needs.base_len.saturating_add(used);
        }
    }
    Ok(())
}

/// Bytes in runs of 1 MiB blocks of something `length` bytes long.
pub fn used_len(runs: &[Run], length: u64) -> u64 {
    let end = |block: u64| (block * BASE_BLOCK_LEN).min(length);
    runs.iter()
        .map(|run| {
            let first = u64::from(run.first);
            end(first + u64::from(run.count)) - end(first)
        })
        .sum()
}

fn check_work(needs: &Needs) -> Result<(), FormatError> {
    let free = needs.made_len / 8 + limits::FREE_INSTRUCTIONS;
    ceiling("number of instructions", needs.instructions, free)?;
    let work = needs.made_len.saturating_add(needs.stream_len).saturating_add(needs.base_len);
    let fair = needs.output_len.saturating_add(needs.base_len);
    ceiling("work", work, fair.saturating_mul(limits::WORK_RATIO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Declared, Node, Output, Way};

    fn given(digest: u32, length: u64) -> Node {
        let kind = WayKind::GivenContent.number();
        let ways = vec![Way { kind, used: Vec::new(), parameters: Vec::new() }];
        Node { length, digest, parent: NONE, parent_offset: 0, last_group: NONE, ways }
    }

    fn header(nodes: Vec<Node>, paths: impl Iterator<Item = Vec<u8>>) -> Header {
        let kind = OutputKind::File.number();
        let outputs = paths.map(|path| Output { target: 0, path, kind, node: 0 }).collect();
        Header {
            declared: Declared::default(),
            digests: vec![[1; 32]],
            nodes,
            outputs,
            ..Header::default()
        }
    }

    fn refusal(header: &Header) -> String {
        check(header, 0).expect_err("must be refused").to_string()
    }

    #[test]
    fn sums_that_do_not_fit_are_above_a_ceiling() {
        let paths = (0..limits::ROWS).map(|number| format!("{number:07}").into_bytes());
        let header = header(vec![given(0, limits::NODE_LEN)], paths);
        assert_eq!(
            refusal(&header),
            "length of the outputs of the delta is above its ceiling \
             (found 18446744073709551615, ceiling 17592186044416)"
        );
    }

    #[test]
    fn paths_are_no_deeper_than_any_image_has_them() {
        let path = |depth: usize| vec!["a"; depth].join("/").into_bytes();
        assert!(check(&header(vec![given(0, 1)], [path(32)].into_iter()), 0).is_ok());
        assert_eq!(
            refusal(&header(vec![given(0, 1)], [path(33)].into_iter())),
            "components of a path of the delta is above its ceiling (found 33, ceiling 32)"
        );
    }
}
