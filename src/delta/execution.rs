//! One run of a delta: the nodes that are open, where they stand, and each instruction's work.

use super::ApplyError;
use super::applier::{ApplyOptions, ApplyStats, Sources};
use super::feed::Feed;
use super::lanes::Mismatch;
use super::near::Near;
use super::outlet::{Landing, Outlet, Space, ToKeep};
use super::streams::GroupStreams;
use crate::digest::Digest;
use crate::format::{
    Delta, FormatError, NONE, Node, OutputKind, Part, PartReader, STREAM_KINDS, Stream, StreamKind,
    WayKind, is_fed, is_whole,
};
use crate::source::ReadAt;

/// The state of a run.
pub(super) struct Execution<'run, 'scope, 'env> {
    pub(super) delta: &'run Delta,
    pub(super) sources: &'run Sources<'run>,
    pub(super) outlet: Outlet<'run, 'scope, 'env>,
    /// What was read last of the base.
    pub(super) near: Near,
    /// Where each node lies; `None` for contents that are only copied from.
    pub(super) landings: Vec<Option<Landing>>,
    /// Bytes made of each node so far.
    pub(super) made: Vec<u64>,
    /// Was the node placed by an instruction yet?
    pub(super) is_placed: Vec<bool>,
    /// Nodes whose bytes are coming, outermost first.
    pub(super) open: Vec<u32>,
    /// The innermost node is a re-encode whose content comes next.
    pub(super) hungry: Option<Feed>,
    /// A child that parts just made: its parent's next instruction must place it.
    pub(super) awaited: Option<u32>,
    pub(super) stats: ApplyStats,
}

impl<'run, 'scope, 'env> Execution<'run, 'scope, 'env> {
    pub(super) fn new(
        delta: &'run Delta,
        sources: &'run Sources<'run>,
        outlet: Outlet<'run, 'scope, 'env>,
    ) -> Self {
        Self {
            delta,
            sources,
            outlet,
            near: Near::default(),
            landings: landings(delta),
            made: vec![0; delta.header().nodes.len()],
            is_placed: vec![false; delta.header().nodes.len()],
            open: Vec::new(),
            hungry: None,
            awaited: None,
            stats: ApplyStats::default(),
        }
    }

    /// Ends the run: what was done, and the mismatch that the hashers found.
    pub(super) fn finish(self) -> (ApplyStats, Option<Mismatch>) {
        (self.stats, self.outlet.finish())
    }

    /// Runs all groups, leaving out those that make what the base gives.
    pub(super) fn groups(
        &mut self,
        file: &dyn ReadAt,
        options: ApplyOptions<'_>,
    ) -> Result<(), ApplyError> {
        let body = self.delta.body(file);
        for (number, group) in self.delta.header().groups.iter().enumerate() {
            // An alternative lies in groups of its own, so its first part speaks for all.
            let first = &group.parts[0];
            if first.way > 0 && self.is_given(first.node) {
                continue;
            }
            self.outlet.begin_group(number as u64);
            let mut streams = GroupStreams::open(self.delta, &body, number, options.scratch)?;
            for part in &group.parts {
                self.part(part, &group.streams, &mut streams, number)?;
            }
        }
        self.check_placed()
    }

    /// Every node that says where it is placed was placed, unless its parent came whole.
    fn check_placed(&self) -> Result<(), ApplyError> {
        let nodes = self.delta.header().nodes.iter().enumerate();
        for (row, node) in nodes.filter(|(_, node)| node.parent != NONE) {
            if !self.is_placed[row] && !self.is_given(node.parent) {
                return Err(broken("a node is placed where it says", row));
            }
        }
        Ok(())
    }

    /// Brings the outputs that no part made: files that the base gives whole, empty files, and
    /// files with the bytes of another one.
    pub(super) fn given_outputs(&mut self) -> Result<(), ApplyError> {
        for (number, output) in self.delta.header().outputs.iter().enumerate() {
            if output.kind != OutputKind::File.number() {
                continue;
            }
            let length = self.node(output.node).length;
            if !is_whole(self.node(output.node)) {
                return Err(broken("all blocks of an output are declared", output.node as usize));
            }
            match self.landings[output.node as usize] {
                Some(landing) if landing.space != Space::Output(number) => {
                    self.stats.target_bytes += length;
                    self.outlet.repeat(landing, number, length)?;
                }
                _ if self.made[output.node as usize] < length || length == 0 => {
                    self.stats.placed_bytes += length;
                    self.begin(output.node)?;
                    self.give(output.node, output.node, 0, length)?;
                    self.close()?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn part(
        &mut self,
        part: &Part,
        streams: &[Stream],
        bytes: &mut GroupStreams<'_>,
        group: usize,
    ) -> Result<(), ApplyError> {
        if self.open.last() != Some(&part.node) {
            self.open_chain(part.node)?;
        }
        let mut taken = [0; STREAM_KINDS];
        for (stream, count) in streams.iter().zip(&part.taken) {
            taken[StreamKind::from_number(stream.kind)?.slot()] = *count;
        }
        let end = self.made[part.node as usize] + part.made;
        let mut reader = PartReader::new(bytes, taken);
        self.keep(&mut reader, part, group)?;
        let way = &self.node(part.node).ways[part.way as usize];
        if way.kind == WayKind::ReEncode.number() {
            return self.re_encode(part.node, way, &mut reader, group);
        }
        while let Some(instruction) = reader.instruction()? {
            self.instruction(part.node, instruction, &mut reader, end, group)?;
        }
        if self.made[part.node as usize] != end {
            return Err(broken("a part makes what it declares", group));
        }
        if end == self.node(part.node).length { self.complete() } else { Ok(()) }
    }

    /// Notes what of the bytes that a part is going to make has to be kept.
    fn keep(
        &mut self,
        reader: &mut PartReader<'_, GroupStreams<'_>>,
        part: &Part,
        group: usize,
    ) -> Result<(), ApplyError> {
        let ranges = reader.kept_ranges(part.made)?;
        // A part that places a child which just came counts from before it, where the node stands.
        let passed = self.awaited.map_or(0, |child| self.node(child).length);
        let position = self.outlet.position().offset;
        let groups = self.delta.header().groups.len() as u64;
        for range in &ranges {
            if range.start < passed {
                return Err(broken("bytes of a child are kept by its own parts", group));
            }
            if group as u64 + u64::from(range.groups) >= groups {
                return Err(broken("bytes are kept until a group of the delta", group));
            }
        }
        self.outlet.keep(ranges.iter().map(|range| ToKeep {
            start: position + (range.start - passed),
            end: position + (range.start - passed) + range.length,
            last_group: group as u64 + u64::from(range.groups),
        }));
        Ok(())
    }

    /// Opens a node, and above it any parent that begins with it.
    fn open_chain(&mut self, node: u32) -> Result<(), ApplyError> {
        let parent = self.node(node).parent;
        if parent != NONE && self.open.last() != Some(&parent) {
            self.open_chain(parent)?;
        }
        match self.hungry.take() {
            Some(feed) => {
                self.made[node as usize] = 0;
                self.open.push(node);
                self.outlet.open_content(node, feed)
            }
            None => self.begin(node),
        }
    }

    pub(super) fn begin(&mut self, node: u32) -> Result<(), ApplyError> {
        let landing = self.landings[node as usize];
        let landing =
            landing.ok_or(broken("a node that is made lies in an output", node as usize))?;
        self.made[node as usize] = 0;
        self.open.push(node);
        self.outlet.open(landing)
    }

    /// Parts have made the whole of the innermost node: its parent goes on behind it, or, where it
    /// was a content, is whole as well.
    pub(super) fn complete(&mut self) -> Result<(), ApplyError> {
        let node = *self.open.last().expect("BUG: what is complete is open");
        self.close()?;
        if !is_fed(self.delta.header(), node as usize) {
            self.awaited = (!self.open.is_empty()).then_some(node);
            return Ok(());
        }
        self.is_placed[node as usize] = true;
        self.outlet.end_content()?;
        let parent = self.node(node).parent;
        self.made[parent as usize] = self.node(parent).length;
        self.complete()
    }

    /// The innermost node is whole: its hasher compares, its parent stands behind it.
    pub(super) fn close(&mut self) -> Result<(), ApplyError> {
        let node = self.open.pop().expect("BUG: what is closed was opened");
        if self.outlet.close(node, self.digest(node))? {
            return Ok(());
        }
        // The hashers know the digests; `finish` reports them instead of this.
        Err(broken("every node has its digest", 0))
    }

    pub(super) fn node(&self, node: u32) -> &'run Node {
        &self.delta.header().nodes[node as usize]
    }

    /// A node that an instruction cites, used no later than its last group.
    pub(super) fn header_node(&self, node: u32, group: usize) -> Result<&'run Node, ApplyError> {
        let row = self.delta.header().nodes.get(node as usize);
        let row = row.ok_or(broken("an instruction cites a node", group))?;
        if row.last_group == NONE || (row.last_group as usize) < group {
            return Err(broken("a node is not used after its last group", group));
        }
        Ok(row)
    }

    pub(super) fn digest(&self, node: u32) -> Digest {
        self.delta.digest(self.node(node).digest)
    }

    /// Does the base give the node, by a way that the delta names?
    pub(super) fn is_given(&self, node: u32) -> bool {
        let row = node as usize;
        self.sources.get(row).is_some_and(Option::is_some)
            && !matches!(
                WayKind::from_number(self.delta.header().nodes[row].ways[0].kind),
                Ok(WayKind::Recipe | WayKind::ReEncode)
            )
    }
}

/// Where each node lies: in its parent, in a space of its own if the parent is made of it by
/// encoders, or as the first output that names it.
fn landings(delta: &Delta) -> Vec<Option<Landing>> {
    let header = delta.header();
    let mut landings = vec![None; header.nodes.len()];
    for (output, row) in header.outputs.iter().enumerate().rev() {
        if row.node != NONE {
            landings[row.node as usize] = Some(Landing { space: Space::Output(output), offset: 0 });
        }
    }
    // Parents have greater numbers: from the end, each finds its parent's landing ready.
    for (number, node) in header.nodes.iter().enumerate().rev() {
        if is_fed(header, number) {
            let content = u32::try_from(number).expect("BUG: rows fit 32 bits");
            landings[number] = Some(Landing { space: Space::Content(content), offset: 0 });
        } else if node.parent != NONE {
            let parent: Option<Landing> = landings[node.parent as usize];
            landings[number] = parent.map(|parent| Landing {
                space: parent.space,
                offset: parent.offset + node.parent_offset,
            });
        }
    }
    landings
}

pub(super) fn broken(rule: &'static str, group: usize) -> ApplyError {
    FormatError::Rule { rule, place: "group", row: group as u64 }.into()
}

pub(super) fn clamp(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}
