//! The order of nodes and parts (docs/format.md sections 5 and 7.3): a dry run of the body.

use std::collections::HashSet;

use super::node::{content_of, is_fed};
use super::{FormatError, Header, NONE, StreamKind, WayKind};
use crate::limits;

fn rule(rule: &'static str, place: &'static str, row: usize) -> FormatError {
    FormatError::Rule { rule, place, row: row as u64 }
}

/// A node while its parts run.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    made: u64,
    /// Its last part ran.
    is_complete: bool,
    /// A child was made where it stands: the next part must be its own and place it.
    is_awaiting: bool,
    /// Its re-encode part ran: the parts of its content must follow.
    is_hungry: bool,
}

/// Runs all parts dry: each node is opened where it lands, filled exactly, and closed in the order
/// of its number.
pub(super) fn check_order(header: &Header) -> Result<(), FormatError> {
    check_depth(header)?;
    let first_made = check_unmade(header)?;
    let mut order = Order {
        header,
        outputs: header.outputs.iter().map(|output| output.node).collect(),
        first_made,
        progress: vec![Progress::default(); header.nodes.len()],
        open: Vec::new(),
        next_complete: first_made,
    };
    for (row, group) in header.groups.iter().enumerate() {
        check_alternative(header, row)?;
        let mut previous = NONE;
        for part in &group.parts {
            if part.node == previous {
                return Err(rule("parts of one node do not follow each other", "group", row));
            }
            previous = part.node;
            order.run(part.node, part.made, row)?;
        }
    }
    check_kept(header)?;
    match order.progress[first_made..].iter().position(|progress| !progress.is_complete) {
        None => Ok(()),
        Some(row) => Err(rule("parts make the whole node", "node", first_made + row)),
    }
}

fn check_depth(header: &Header) -> Result<(), FormatError> {
    // Parents have greater numbers, so one walk from the last node down sees parents first.
    let mut depth = vec![0_u32; header.nodes.len()];
    for (row, node) in header.nodes.iter().enumerate().rev() {
        if node.parent != NONE {
            depth[row] = depth[node.parent as usize] + 1;
        }
        if depth[row] > limits::DEPTH {
            let (found, ceiling) = (depth[row].into(), limits::DEPTH.into());
            return Err(FormatError::Ceiling { what: "nesting of nodes", found, ceiling });
        }
    }
    Ok(())
}

/// Nodes that no part makes stand first, ascending by digest; returns how many there are.
fn check_unmade(header: &Header) -> Result<usize, FormatError> {
    let mut is_made = vec![false; header.nodes.len()];
    for part in header.groups.iter().flat_map(|group| &group.parts) {
        is_made[part.node as usize] = true;
    }
    let first_made = is_made.iter().position(|made| *made).unwrap_or(is_made.len());
    if let Some(row) = is_made[first_made..].iter().position(|made| !made) {
        return Err(rule("nodes that no part makes stand first", "node", first_made + row));
    }
    for (row, node) in header.nodes.iter().enumerate() {
        if node.parent != NONE && (node.parent as usize) < first_made {
            return Err(rule("a parent is made by parts", "node", row));
        }
    }
    for (row, node) in header.nodes[..first_made].iter().enumerate() {
        let has_recipe = node.ways.iter().any(|way| way.kind == WayKind::Recipe.number());
        if (has_recipe && node.length > 0) || content_of(node).is_some() {
            return Err(rule("a way without parts makes an empty node", "node", row));
        }
        if is_fed(header, row) {
            return Err(rule("a content below its re-encode is made by parts", "node", row));
        }
        if row > 0 && header.nodes[row - 1].digest >= node.digest {
            return Err(rule("nodes that no part makes ascend by digest", "node", row));
        }
    }
    let mut seen = vec![false; header.digests.len()];
    for (row, node) in header.nodes.iter().enumerate() {
        if std::mem::replace(&mut seen[node.digest as usize], true) {
            return Err(rule("no two nodes have one digest", "node", row));
        }
    }
    Ok(first_made)
}

/// A recipe behind another way is an alternative: its groups hold nothing else.
fn check_alternative(header: &Header, row: usize) -> Result<(), FormatError> {
    let parts = &header.groups[row].parts;
    let is_alone = parts.iter().all(|part| part.node == parts[0].node);
    if is_alone || parts.iter().all(|part| part.way == 0) {
        Ok(())
    } else {
        Err(rule("an alternative lies in groups of its own", "group", row))
    }
}

/// Only what the output does not hold is kept.
fn check_kept(header: &Header) -> Result<(), FormatError> {
    // Parents have greater numbers, so one walk from the last node down sees parents first.
    let mut is_inside = vec![false; header.nodes.len()];
    for (row, node) in header.nodes.iter().enumerate().rev() {
        let is_outside = node.parent == NONE || is_fed(header, row);
        is_inside[row] =
            if is_outside { node.parent == NONE } else { is_inside[node.parent as usize] };
    }
    for (row, group) in header.groups.iter().enumerate() {
        let kept = group.streams.iter().position(|stream| stream.kind == StreamKind::Kept.number());
        let Some(kept) = kept else { continue };
        if group.parts.iter().any(|part| is_inside[part.node as usize] && part.taken[kept] > 0) {
            return Err(rule("what the output holds is not kept", "group", row));
        }
    }
    Ok(())
}

struct Order<'a> {
    header: &'a Header,
    outputs: HashSet<u32>,
    /// Nodes before it are made by no part.
    first_made: usize,
    progress: Vec<Progress>,
    /// Nodes whose parts have begun, parents below their children.
    open: Vec<u32>,
    next_complete: usize,
}

impl Order<'_> {
    fn run(&mut self, node: u32, made: u64, group: usize) -> Result<(), FormatError> {
        if self.open.last() != Some(&node) {
            self.begin(node, group)?;
        }
        let row = node as usize;
        let length = self.header.nodes[row].length;
        let progress = &mut self.progress[row];
        if progress.is_hungry {
            return Err(rule("a re-encode is one part", "node", row));
        }
        progress.is_awaiting = false;
        progress.made = progress.made.saturating_add(made);
        if progress.made > length {
            return Err(rule("parts make no more than the node", "node", row));
        }
        let is_whole = progress.made == length;
        match content_of(&self.header.nodes[row]) {
            Some(_) if !is_whole => Err(rule("a re-encode is one part", "node", row)),
            Some(content) => self.feed(row, content as usize),
            None if is_whole => self.complete(row),
            None => Ok(()),
        }
    }

    /// The pieces of a re-encode are known: its content is there, or comes now.
    fn feed(&mut self, row: usize, content: usize) -> Result<(), FormatError> {
        if content < self.first_made || self.progress[content].is_complete {
            return self.complete(row);
        }
        self.progress[row].is_hungry = true;
        if self.header.nodes[content].parent as usize == row {
            return Ok(());
        }
        Err(rule("a content is complete or follows", "node", content))
    }

    /// Opens a node, and before it any parent that begins with it.
    fn begin(&mut self, node: u32, group: usize) -> Result<(), FormatError> {
        let row = node as usize;
        let Progress { made, is_complete, .. } = self.progress[row];
        if made > 0 || is_complete {
            return Err(rule("a node's parts are not interrupted", "group", group));
        }
        let (parent, offset) =
            (self.header.nodes[row].parent, self.header.nodes[row].parent_offset);
        if parent == NONE {
            if !self.open.is_empty() {
                return Err(rule("no two outputs are open at once", "group", group));
            }
            if !self.outputs.contains(&node) {
                return Err(FormatError::Unsupported {
                    what: "a node outside the output:",
                    number: node.into(),
                });
            }
        } else {
            // Who has another way for the parent skips its parts, and would have no place for these.
            if self.header.nodes[parent as usize].ways.len() > 1 {
                return Err(rule("an alternative has no child that parts make", "node", row));
            }
            let is_fed = is_fed(self.header, row);
            if self.open.last() != Some(&parent) && !is_fed {
                self.begin(parent, group)?;
            }
            let above = self.progress[parent as usize];
            if is_fed && !(above.is_hungry && self.open.last() == Some(&parent)) {
                return Err(rule("a content follows what re-encodes it", "node", row));
            }
            if !is_fed && (above.made != offset || above.is_awaiting) {
                return Err(rule("a child begins where its parent stands", "node", row));
            }
        }
        self.open.push(node);
        Ok(())
    }

    fn complete(&mut self, row: usize) -> Result<(), FormatError> {
        if row != self.next_complete {
            return Err(rule("nodes are numbered by completion", "node", row));
        }
        self.next_complete += 1;
        self.progress[row].is_complete = true;
        self.open.pop();
        match self.open.last().map(|parent| *parent as usize) {
            Some(parent) if is_fed(self.header, row) => {
                self.progress[parent].is_hungry = false;
                self.complete(parent)
            }
            Some(parent) => {
                self.progress[parent].is_awaiting = true;
                Ok(())
            }
            None => Ok(()),
        }
    }
}
