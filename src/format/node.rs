//! The rules of a node and its ways (docs/format.md section 5).

use super::check::{BASE_BLOCK_LEN, ceiling, hold, used_len};
use super::{FormatError, Header, NONE, Node, ReEncodeParameters, Run, Way, WayKind};
use crate::limits;

/// The node that `node` re-encodes, if it has such a way.
pub fn content_of(node: &Node) -> Option<u32> {
    let way = node.ways.iter().find(|way| way.kind == WayKind::ReEncode.number())?;
    ReEncodeParameters::decode(&way.parameters).map(|parameters| parameters.content)
}

/// Does the node at a row go through the encoders of its parent, rather than lie inside it?
pub fn is_fed(header: &Header, row: usize) -> bool {
    let parent = header.nodes[row].parent;
    let parent = header.nodes.get(parent as usize);
    parent.and_then(content_of).is_some_and(|content| content as usize == row)
}

/// Are all blocks of a node declared, where blocks are? What is placed, encoded or an output is used
/// whole.
pub fn is_whole(node: &Node) -> bool {
    let content = node.ways.iter().find(|way| way.kind == WayKind::GivenContent.number());
    content.is_none_or(|way| used_len(&way.used, node.length) == node.length)
}

/// A content and at least one encoder.
fn check_parameters(
    header: &Header,
    row: usize,
    way: &Way,
    node: &Node,
) -> Result<(), FormatError> {
    let hold = |holds, text| hold(holds, text, "node", row);
    let parameters = ReEncodeParameters::decode(&way.parameters);
    let content = parameters.as_ref().map(|parameters| parameters.content as usize);
    hold(content.is_some_and(|content| content < row), "a content has a smaller number")?;
    // Also where the base gives what would be made of it, and nobody makes it.
    hold(
        content.is_some_and(|content| is_whole(&header.nodes[content])),
        "all blocks of a content are declared",
    )?;
    let encoders = parameters.map(|parameters| parameters.encoders).unwrap_or_default();
    hold(
        !encoders.is_empty() && encoders.windows(2).all(|pair| pair[0] < pair[1]),
        "encoders ascend, one at least",
    )?;
    let has_recipe = node.ways.iter().any(|way| way.kind == WayKind::Recipe.number());
    hold(!has_recipe, "a node has a recipe or a re-encode, not both")
}

/// Checks the node at a row.
pub(super) fn check_node(header: &Header, row: usize, node: &Node) -> Result<(), FormatError> {
    let hold = |holds, text| hold(holds, text, "node", row);
    ceiling("length of a node", node.length, limits::NODE_LEN)?;
    ceiling("number of ways of a node", node.ways.len() as u64, limits::WAYS)?;
    hold((node.digest as usize) < header.digests.len(), "a node cites a digest")?;
    hold(!node.ways.is_empty(), "a node has a way")?;
    hold(
        node.last_group == NONE || (node.last_group as usize) < header.groups.len(),
        "the last group is one",
    )?;
    if node.parent == NONE {
        hold(node.parent_offset == 0, "a node without parent has parent offset 0")?;
    } else {
        let parent = header.nodes.get(node.parent as usize);
        let end = node.parent_offset.checked_add(node.length);
        hold(node.parent as usize > row, "a parent has a greater number")?;
        if is_fed(header, row) {
            hold(node.parent_offset == 0, "a content begins where its re-encode does")?;
        } else {
            hold(
                parent.is_some_and(|parent| content_of(parent).is_none()),
                "a re-encode has no child but its content",
            )?;
            hold(
                parent.is_some_and(|parent| end.is_some_and(|end| end <= parent.length)),
                "a node lies inside its parent",
            )?;
            hold(node.length > 0, "an empty node is not placed")?;
        }
    }
    for (place, way) in node.ways.iter().enumerate() {
        if way.kind == WayKind::ReEncode.number() {
            check_parameters(header, row, way, node)?;
        } else {
            hold(way.parameters.is_empty(), "only a re-encode has parameters")?;
        }
        let earlier = &node.ways[..place];
        hold(
            earlier.iter().all(|other| other.kind < way.kind),
            "ways stand in order, one of a kind",
        )?;
        if way.kind == WayKind::GivenContent.number() {
            hold(runs_inside(&way.used, node.length), "runs ascend inside the node, not touching")?;
        } else {
            hold(way.used.is_empty(), "only a content has runs")?;
        }
    }
    Ok(())
}

fn runs_inside(runs: &[Run], length: u64) -> bool {
    let blocks = length.div_ceil(BASE_BLOCK_LEN);
    let mut free = 0;
    runs.iter().all(|run| {
        let first = u64::from(run.first);
        let fits = run.count > 0 && first >= free && first + u64::from(run.count) <= blocks;
        // The next run leaves at least one block free, or the two would be one.
        free = first + u64::from(run.count) + 1;
        fits
    })
}
