//! Lays operations out as parts in groups, in the order in which a site runs them.

use std::collections::HashSet;

use super::find::Source;
use super::numbering::Numbering;
use super::script::{Bytes, Operation};
use super::{BaseContent, Origin, RecreatedPiece, Recreation, Target};
use crate::digest::Digest;
use crate::format::{
    CONTROL_STREAMS, Class, HEADER_CLASS, Instruction, NONE, PartWriter, STREAM_KINDS, TAR_BLOCK,
    padded_len,
};

/// Decoded bytes at which a group is closed: half of what the format allows, so that one more literal
/// always fits.
const GROUP_LEN: usize = 128 << 20;

/// A group before its streams are coded.
#[derive(Debug, Default)]
pub(super) struct GroupDraft<'a> {
    pub(super) control: [Vec<u8>; CONTROL_STREAMS],
    pub(super) corrections: Vec<&'a [u8]>,
    pub(super) literals: [Vec<&'a [u8]>; Class::COUNT as usize],
    pub(super) parts: Vec<PartDraft>,
    literal_len: usize,
}

/// A part before its group's streams are known.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartDraft {
    pub(super) node: u32,
    pub(super) way: u32,
    pub(super) made: u64,
    pub(super) taken: [u64; STREAM_KINDS],
}

/// Where a node is placed first or fed, and the last group that uses it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    pub(super) parent: u32,
    /// The parent is made of it by encoders.
    pub(super) is_fed: bool,
    pub(super) parent_offset: u64,
    pub(super) last_group: u32,
}

/// Groups with what became known on the way.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    pub(super) groups: Vec<GroupDraft<'a>>,
    /// By number of node.
    pub(super) usage: Vec<Usage>,
    /// What is read of nodes that parts make, after it was made.
    pub(super) reads: Vec<Read>,
}

/// Bytes of a made node that a part reads again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read {
    /// Number of the node.
    pub(super) node: u32,
    pub(super) start: u64,
    pub(super) len: u64,
    /// Group of the part that reads.
    pub(super) group: u32,
}

/// What the layout is made from; of the scripts it keeps nothing.
#[derive(Clone, Copy)]
pub(super) struct Plan<'p, 's, 'a> {
    pub(super) base: &'p [BaseContent<'a>],
    pub(super) target: &'p Target<'a>,
    pub(super) scripts: &'s [Vec<Operation>],
    pub(super) numbering: &'p Numbering,
}

impl<'p> Plan<'p, '_, '_> {
    /// Lays out all nodes that parts make.
    pub(super) fn lay_out(self) -> Layout<'p> {
        let unused = Usage { parent: NONE, is_fed: false, parent_offset: 0, last_group: NONE };
        let count = self.numbering.unmade.len() + self.numbering.made.len();
        let mut writer = Writer {
            plan: self,
            is_done: vec![false; self.target.nodes.len()],
            outputs: self.target.outputs.iter().filter_map(|output| output.node).collect(),
            layout: Layout { groups: Vec::new(), usage: vec![unused; count], reads: Vec::new() },
            group: GroupDraft::default(),
        };
        // Outputs follow each other as they are completed; what lies in one is made inside it.
        for node in &self.numbering.made {
            if writer.outputs.contains(node) {
                writer.node(*node);
            }
        }
        writer.close_group();
        writer.layout
    }
}

struct Writer<'p, 's, 'a> {
    plan: Plan<'p, 's, 'a>,
    is_done: Vec<bool>,
    /// Nodes that land in an output of their own wherever else they are placed.
    outputs: HashSet<usize>,
    layout: Layout<'p>,
    group: GroupDraft<'p>,
}

impl<'p> Writer<'p, '_, '_> {
    fn is_to_do(&self, node: usize) -> bool {
        self.plan.target.nodes[node].is_made() && !self.is_done[node]
    }

    fn number_of(&self, node: usize) -> u32 {
        self.plan.numbering.number(self.plan.target.nodes[node].digest())
    }

    fn close_group(&mut self) {
        if !self.group.parts.is_empty() {
            let mut group = std::mem::take(&mut self.group);
            // They grew byte by byte to up to twice what they hold, and wait until they are coded.
            for stream in &mut group.control {
                stream.shrink_to_fit();
            }
            self.layout.groups.push(group);
        }
    }

    fn node(&mut self, node: usize) {
        self.is_done[node] = true;
        let is_alternative = self.plan.target.nodes[node].origin == Origin::GivenOrMade;
        if is_alternative {
            self.close_group();
        }
        if let Some(recreation) = &self.plan.target.nodes[node].recreation {
            self.re_encode(node, recreation);
        }
        let (mut at, mut made) = (0, 0);
        while let Some(next) = self.plan.scripts[node].get(at) {
            match next {
                Operation::Place { node: child } if self.is_to_do(*child) => self.node(*child),
                _ if self.group.is_full() => self.close_group(),
                _ => at = self.part(node, at, &mut made),
            }
        }
        if is_alternative {
            self.close_group();
        }
    }

    /// Writes the one part of a node that is encoded again, then, where it is not there yet, its
    /// content.
    fn re_encode(&mut self, node: usize, recreation: &'p Recreation<'_>) {
        let mut group = std::mem::take(&mut self.group);
        let mut writer = PartWriter::new(&mut group.control);
        let raw = recreation.pieces.iter().map(RecreatedPiece::raw_len).sum::<usize>();
        // How much each encoder makes is known for all of them together; the part wants no more.
        let mut encoded = (self.plan.target.nodes[node].bytes.len() - raw) as u64;
        for piece in &recreation.pieces {
            match piece {
                RecreatedPiece::Raw(bytes) => {
                    let length = bytes.len() as u64;
                    writer.push(Instruction::Literal { class: Class::DENSE, length }, length);
                    group.literals[usize::from(Class::DENSE.number())].push(bytes);
                }
                RecreatedPiece::Encoded(run) => {
                    writer.push_encode(run, std::mem::take(&mut encoded));
                    group.literals[usize::from(HEADER_CLASS.number())].push(&run.header);
                    group.corrections.push(&run.corrections);
                }
            }
        }
        if let Some((made, taken)) = writer.finish() {
            let way = self.way(node);
            group.literal_len +=
                recreation.pieces.iter().map(RecreatedPiece::carried_len).sum::<usize>();
            group.parts.push(PartDraft { node: self.number_of(node), way, made, taken });
        }
        self.group = group;
        let content = recreation.content;
        let number = self.number_of(content);
        self.used(number);
        if self.is_to_do(content) {
            let parent = self.number_of(node);
            let usage = &mut self.layout.usage[number as usize];
            (usage.parent, usage.is_fed) = (parent, true);
            self.node(content);
        } else if self.plan.target.nodes[content].is_made() {
            let len = self.plan.target.nodes[content].bytes.len() as u64;
            self.read(number, 0, len);
        }
    }

    /// Which of its ways the parts of a node are.
    fn way(&self, node: usize) -> u32 {
        u32::from(self.plan.target.nodes[node].origin == Origin::GivenOrMade)
    }

    fn read(&mut self, node: u32, start: u64, len: u64) {
        let group = self.group_number();
        self.layout.reads.push(Read { node, start, len, group });
    }

    fn group_number(&self) -> u32 {
        u32::try_from(self.layout.groups.len()).expect("BUG: groups are few")
    }

    /// Writes operations of a node from number `at` on, until a child has to be made first or the
    /// group is full; returns the number of the next one. `made` counts the node's bytes.
    fn part(&mut self, node: usize, mut at: usize, made: &mut u64) -> usize {
        let start = at;
        let mut group = std::mem::take(&mut self.group);
        let mut writer = PartWriter::new(&mut group.control);
        for operation in &self.plan.scripts[node][start..] {
            let waits = matches!(operation, Operation::Place { node } if self.is_to_do(*node));
            if waits || group.literal_len + writer.control_len() >= GROUP_LEN {
                break;
            }
            at += 1;
            let (instruction, len) = self.instruction(node, operation, *made);
            writer.push(instruction, len);
            self.changes(node, operation, &mut writer);
            *made += len;
            if let (Instruction::Literal { class, .. }, Operation::Literal { range, .. }) =
                (instruction, operation)
            {
                let bytes = &self.plan.target.nodes[node].bytes[range.clone()];
                group.literals[usize::from(class.number())].push(bytes);
                group.literal_len += bytes.len();
            }
        }
        if let Some((made, taken)) = writer.finish() {
            let way = self.way(node);
            group.parts.push(PartDraft { node: self.number_of(node), way, made, taken });
        }
        self.group = group;
        at
    }

    /// The instruction for an operation that begins where its node has `made` bytes, and the bytes
    /// it makes; notes what it uses.
    fn instruction(&mut self, node: usize, operation: &Operation, made: u64) -> (Instruction, u64) {
        let Plan { target, numbering, .. } = self.plan;
        match operation {
            Operation::Copy { source, offset, len } => {
                let (node, offset, length) = self.copied(*source, *offset, *len);
                (Instruction::Copy { node, offset, length }, length)
            }
            Operation::Patch { source, offset, range } => {
                let (node, offset, length) = self.copied(*source, *offset, range.len());
                (Instruction::Patch { node, offset, length }, length)
            }
            Operation::Members { source, offset, range } => {
                let (node, offset, length) = self.copied(*source, *offset, range.len());
                (Instruction::Members { node, offset, length }, length)
            }
            Operation::Header { .. } => (Instruction::Header, TAR_BLOCK as u64),
            Operation::Zero { len } => (Instruction::Zero { length: *len as u64 }, *len as u64),
            Operation::Place { node: child } => {
                let number = self.number_of(*child);
                self.used(number);
                let parent = self.number_of(node);
                let usage = &mut self.layout.usage[number as usize];
                let lands = usage.parent == NONE && !self.outputs.contains(child);
                if lands {
                    (usage.parent, usage.parent_offset) = (parent, made);
                }
                let length = target.nodes[*child].bytes.len() as u64;
                if target.nodes[*child].is_made() && !lands {
                    self.read(number, 0, length);
                }
                (Instruction::Place { node: number }, length)
            }
            Operation::HexDigest { digest } => {
                let digest = numbering.row(*digest);
                (Instruction::HexDigest { digest }, Digest::HEX_LEN as u64)
            }
            Operation::Literal { class, range } => {
                let length = range.len() as u64;
                (Instruction::Literal { class: *class, length }, length)
            }
        }
    }

    /// Notes that bytes of a source are copied; returns what the instruction says of them.
    fn copied(&mut self, source: Source, offset: usize, len: usize) -> (u32, u64, u64) {
        let Plan { base, target, numbering, .. } = self.plan;
        let digest = match source {
            Source::Base(content) => base[content].digest,
            Source::Target(node) => target.nodes[node].digest(),
        };
        let from = numbering.number(digest);
        self.used(from);
        let (offset, length) = (offset as u64, len as u64);
        if let Source::Target(_) = source {
            self.read(from, offset, length);
        }
        (from, offset, length)
    }

    /// Writes what an operation's bytes have otherwise than those they are made from.
    fn changes(&self, node: usize, operation: &Operation, writer: &mut PartWriter<'_>) {
        let Plan { base, target, .. } = self.plan;
        let bytes = Bytes { base, target };
        let own = target.nodes[node].bytes;
        match operation {
            Operation::Patch { source, offset, range } => {
                differences(&own[range.clone()], &bytes.of(*source)[*offset..], writer);
            }
            Operation::Members { source, offset, range } => {
                members(&own[range.clone()], &bytes.of(*source)[*offset..], writer);
            }
            Operation::Header { start } => {
                let block = own[*start..].first_chunk();
                writer.header(block.expect("BUG: scripts name whole headers"), None);
            }
            _ => {}
        }
    }

    fn used(&mut self, number: u32) {
        let group = self.group_number();
        self.layout.usage[number as usize].last_group = group;
    }
}

/// Writes where `made` differs from the first bytes of `source`.
fn differences(made: &[u8], source: &[u8], writer: &mut PartWriter<'_>) {
    let source = &source[..made.len()];
    // Most differences lie close to each other: a search for each would take longer.
    let ((eights, rest), (sources, _)) = (made.as_chunks::<8>(), source.as_chunks());
    for (eight, source) in eights.iter().zip(sources) {
        if eight == source {
            writer.equal(8);
        } else {
            differences_of_bytes(eight, source, writer);
        }
    }
    differences_of_bytes(rest, &source[made.len() - rest.len()..], writer);
}

fn differences_of_bytes(made: &[u8], source: &[u8], writer: &mut PartWriter<'_>) {
    for (made, source) in made.iter().zip(source) {
        match made.wrapping_sub(*source) {
            0 => writer.equal(1),
            difference => writer.differs(difference),
        }
    }
}

/// Writes what `made` has otherwise than the first bytes of `source`, which are walked as a tar
/// archive, as a reader will.
fn members(made: &[u8], source: &[u8], writer: &mut PartWriter<'_>) {
    let mut at = 0;
    while at < made.len() {
        let mut len = made.len() - at;
        if let (Some(block), Some(header)) = (made[at..].first_chunk(), source[at..].first_chunk())
        {
            writer.header(block, Some(header));
            writer.equal(TAR_BLOCK as u64);
            at += TAR_BLOCK;
            len -= TAR_BLOCK;
            len = padded_len(header)
                .map_or(len, |padded| usize::try_from(padded).unwrap_or(usize::MAX).min(len));
        }
        differences(&made[at..at + len], &source[at..], writer);
        at += len;
    }
}

impl GroupDraft<'_> {
    fn is_full(&self) -> bool {
        self.literal_len + self.control.iter().map(Vec::len).sum::<usize>() >= GROUP_LEN
    }
}
