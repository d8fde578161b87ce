//! One run of a delta: the nodes that are open, where they stand, and each instruction's work.

use super::applier::{ApplyOptions, ApplyStats, Sources};
use super::lanes::Mismatch;
use super::outlet::{Landing, Outlet};
use super::streams::GroupStreams;
use super::{ApplyError, Sink};
use crate::digest::Digest;
use crate::format::{
    BASE_BLOCK_LEN, Class, Delta, FormatError, Instruction, NONE, Node, OutputKind, Part,
    PartReader, Run, STREAM_KINDS, StreamKind, Way, WayKind, used_len,
};
use crate::source::ReadAt;

/// The state of a run.
pub(super) struct Execution<'run, 'scope, 'env> {
    delta: &'run Delta,
    sources: &'run Sources<'run>,
    outlet: Outlet<'run, 'scope, 'env>,
    /// Where each node lies; `None` for contents that are only copied from.
    landings: Vec<Option<Landing>>,
    /// Bytes made of each node so far.
    made: Vec<u64>,
    /// Was the node placed by an instruction yet?
    is_placed: Vec<bool>,
    /// Nodes whose bytes are coming, outermost first.
    open: Vec<u32>,
    /// A child that parts just made: its parent's next instruction must place it.
    awaited: Option<u32>,
    stats: ApplyStats,
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
            landings: landings(delta),
            made: vec![0; delta.header().nodes.len()],
            is_placed: vec![false; delta.header().nodes.len()],
            open: Vec::new(),
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
                Some(landing) if landing.output != number => {
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
        streams: &[crate::format::Stream],
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
        while let Some(instruction) = reader.instruction()? {
            self.instruction(part.node, instruction, &mut reader, end, group)?;
        }
        if self.made[part.node as usize] != end {
            return Err(broken("a part makes what it declares", group));
        }
        if end == self.node(part.node).length {
            self.close()?;
            self.awaited = (!self.open.is_empty()).then_some(part.node);
        }
        Ok(())
    }

    /// Opens a node, and above it any parent that begins with it.
    fn open_chain(&mut self, node: u32) -> Result<(), ApplyError> {
        let parent = self.node(node).parent;
        if parent != NONE && self.open.last() != Some(&parent) {
            self.open_chain(parent)?;
        }
        self.begin(node)
    }

    fn begin(&mut self, node: u32) -> Result<(), ApplyError> {
        let landing = self.landings[node as usize];
        let landing =
            landing.ok_or(broken("a node that is made lies in an output", node as usize))?;
        self.made[node as usize] = 0;
        self.open.push(node);
        self.outlet.open(landing)
    }

    /// The innermost node is whole: its hasher compares, its parent stands behind it.
    fn close(&mut self) -> Result<(), ApplyError> {
        let node = self.open.pop().expect("BUG: what is closed was opened");
        if self.outlet.close(node, self.digest(node))? {
            return Ok(());
        }
        // The hashers know the digests; `finish` reports them instead of this.
        Err(broken("every node has its digest", 0))
    }

    fn instruction(
        &mut self,
        node: u32,
        instruction: Instruction,
        reader: &mut PartReader<'_, GroupStreams<'_>>,
        end: u64,
        group: usize,
    ) -> Result<(), ApplyError> {
        if self
            .awaited
            .take()
            .is_some_and(|child| instruction != Instruction::Place { node: child })
        {
            return Err(broken("a child is placed as soon as it is complete", group));
        }
        let room = end - self.made[node as usize];
        let fits = |length: u64| {
            if length <= room {
                Ok(())
            } else {
                Err(broken("a part makes no more than it declares", group))
            }
        };
        match instruction {
            Instruction::Copy { node: from, offset, length } => {
                fits(length)?;
                self.copy(node, from, offset, length, group)
            }
            Instruction::Zero { length } => {
                fits(length)?;
                self.stats.zero_bytes += length;
                self.fill(node, length, |_, _, buf| {
                    buf.fill(0);
                    Ok(())
                })
            }
            Instruction::Place { node: child } => {
                let length = self.header_node(child, group)?.length;
                fits(length)?;
                self.place(node, child, group)
            }
            Instruction::HexDigest { digest } => {
                fits(Digest::HEX_LEN as u64)?;
                let known = self.delta.header().digests.get(digest as usize);
                let digest = known.ok_or(broken("an instruction cites a digest", group))?;
                let hex = Digest::from_bytes(*digest).to_hex();
                self.stats.literal_bytes += hex.len() as u64;
                self.fill(node, hex.len() as u64, |_, done, buf| {
                    buf.copy_from_slice(&hex[clamp(done)..][..buf.len()]);
                    Ok(())
                })
            }
            Instruction::Literal { class, length } => {
                fits(length)?;
                self.literal(node, class, length, reader)
            }
        }
    }

    fn literal(
        &mut self,
        node: u32,
        class: Class,
        length: u64,
        reader: &mut PartReader<'_, GroupStreams<'_>>,
    ) -> Result<(), ApplyError> {
        self.stats.literal_bytes += length;
        self.fill(node, length, |_, _, buf| Ok(reader.literal(class, buf)?))
    }

    fn copy(
        &mut self,
        node: u32,
        from: u32,
        offset: u64,
        length: u64,
        group: usize,
    ) -> Result<(), ApplyError> {
        let source = self.header_node(from, group)?;
        let available = if from == node { self.made[node as usize] } else { source.length };
        if from > node || offset.checked_add(length).is_none_or(|end| end > available) {
            return Err(broken("a copy reaches only bytes that are there", group));
        }
        let way = &source.ways[0];
        if way.kind == WayKind::GivenContent.number() && !is_used(&way.used, offset, length) {
            return Err(broken("a copy stays within the blocks that are declared", group));
        }
        if way.kind == WayKind::GivenBlob.number() && source.ways.len() == 1 {
            return Err(broken("a node given as blob alone is not copied from", group));
        }
        if from != node && !self.is_given(from) && self.made[from as usize] < source.length {
            return Err(broken("a node that is copied from is complete", group));
        }
        if self.is_given(from) {
            self.stats.base_bytes += length;
            self.give(node, from, offset, length)
        } else {
            self.stats.target_bytes += length;
            self.copy_made(node, from, offset, length)
        }
    }

    fn place(&mut self, node: u32, child: u32, group: usize) -> Result<(), ApplyError> {
        let row = self.header_node(child, group)?;
        let length = row.length;
        if child >= node || length == 0 {
            return Err(broken("a node is placed whole, complete and not empty", group));
        }
        if !is_whole(row) {
            return Err(broken("all blocks of a placed node are declared", group));
        }
        if !self.is_given(child) && self.made[child as usize] < length {
            return Err(broken("a node that is placed is complete", group));
        }
        let lands = row.parent == node && row.parent_offset == self.made[node as usize];
        let is_output = row.parent == NONE && self.landings[child as usize].is_some();
        if !std::mem::replace(&mut self.is_placed[child as usize], true) && !lands && !is_output {
            return Err(broken("a node is placed where it says", group));
        }
        match (lands, self.is_given(child)) {
            (true, true) => {
                self.stats.placed_bytes += length;
                self.begin(child)?;
                self.give(child, child, 0, length)?;
                self.close()?;
                self.made[node as usize] += length;
                Ok(())
            }
            // Its parts made it where it stands.
            (true, false) => {
                self.made[node as usize] += length;
                Ok(())
            }
            (false, true) => {
                self.stats.placed_bytes += length;
                self.give(node, child, 0, length)
            }
            (false, false) => self.copy_made(node, child, 0, length),
        }
    }

    /// Makes the next bytes of `node` from what the base gives for `from`.
    fn give(&mut self, node: u32, from: u32, offset: u64, length: u64) -> Result<(), ApplyError> {
        let content = self.digest(from);
        let Some(source) = self.sources[from as usize].as_ref().filter(|_| length > 0) else {
            return Ok(());
        };
        self.fill(node, length, |_, done, buf| {
            source
                .read_exact_at(buf, offset + done)
                .map_err(|source| ApplyError::Base { content, source })
        })
    }

    /// Makes the next bytes of `node` from bytes that were made before.
    fn copy_made(
        &mut self,
        node: u32,
        from: u32,
        offset: u64,
        length: u64,
    ) -> Result<(), ApplyError> {
        if from == node {
            // What is read back must have left the piece.
            self.outlet.flush()?;
        }
        let Some(landing) = self.landings[from as usize] else {
            return Err(broken("a copy reaches only bytes that are there", 0));
        };
        self.fill(node, length, |sink, done, buf| {
            sink.read(landing.output, landing.offset + offset + done, buf)
                .map_err(ApplyError::Output)
        })
    }

    /// Makes the next `length` bytes of `node`, the innermost open one; see [`Outlet::fill`].
    fn fill(
        &mut self,
        node: u32,
        length: u64,
        read: impl FnMut(&dyn Sink, u64, &mut [u8]) -> Result<(), ApplyError>,
    ) -> Result<(), ApplyError> {
        self.outlet.fill(length, read)?;
        self.made[node as usize] += length;
        Ok(())
    }

    fn node(&self, node: u32) -> &'run Node {
        &self.delta.header().nodes[node as usize]
    }

    /// A node that an instruction cites, used no later than its last group.
    fn header_node(&self, node: u32, group: usize) -> Result<&'run Node, ApplyError> {
        let row = self.delta.header().nodes.get(node as usize);
        let row = row.ok_or(broken("an instruction cites a node", group))?;
        if row.last_group == NONE || (row.last_group as usize) < group {
            return Err(broken("a node is not used after its last group", group));
        }
        Ok(row)
    }

    fn digest(&self, node: u32) -> Digest {
        self.delta.digest(self.node(node).digest)
    }

    /// Does the base give the node, by a way that the delta names?
    fn is_given(&self, node: u32) -> bool {
        let row = node as usize;
        self.sources.get(row).is_some_and(Option::is_some)
            && self.delta.header().nodes[row].ways[0].kind != WayKind::Recipe.number()
    }
}

/// Where each node lies: in its parent, or as the first output that names it.
fn landings(delta: &Delta) -> Vec<Option<Landing>> {
    let header = delta.header();
    let mut landings = vec![None; header.nodes.len()];
    for (output, row) in header.outputs.iter().enumerate().rev() {
        if row.node != NONE {
            landings[row.node as usize] = Some(Landing { output, offset: 0 });
        }
    }
    // Parents have greater numbers: from the end, each finds its parent's landing ready.
    for (number, node) in header.nodes.iter().enumerate().rev() {
        if node.parent != NONE {
            let parent: Option<Landing> = landings[node.parent as usize];
            landings[number] = parent.map(|parent| Landing {
                output: parent.output,
                offset: parent.offset + node.parent_offset,
            });
        }
    }
    landings
}

/// Are all blocks of a node declared, where blocks are?
fn is_whole(node: &Node) -> bool {
    let is_content = |way: &&Way| way.kind == WayKind::GivenContent.number();
    node.ways
        .iter()
        .find(is_content)
        .is_none_or(|way| used_len(&way.used, node.length) == node.length)
}

/// Do the runs hold all blocks of [offset, offset + length)? The caller checked that it ends.
fn is_used(runs: &[Run], offset: u64, length: u64) -> bool {
    let first = offset / BASE_BLOCK_LEN;
    let last = (offset + length - 1) / BASE_BLOCK_LEN;
    let before = runs.partition_point(|run| u64::from(run.first) <= first);
    before
        .checked_sub(1)
        .map(|row| runs[row])
        .is_some_and(|run| last < u64::from(run.first) + u64::from(run.count))
}

fn broken(rule: &'static str, group: usize) -> ApplyError {
    FormatError::Rule { rule, place: "group", row: group as u64 }.into()
}

fn clamp(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}
