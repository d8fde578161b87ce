//! What each stage made of the target's bytes.

use std::collections::{HashMap, HashSet};

use super::target::Plan;
use crate::delta::{Encoded, NodeStats, Origin, Stage};
use crate::digest::Digest;
use crate::format::{Group, Header, Stream, StreamKind};

/// Bytes by what each stage made of them; all but the exceptions together are the whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shares {
    /// The base has them.
    pub base: u64,
    /// The target has them elsewhere, too.
    pub target: u64,
    /// Zeros.
    pub zeros: u64,
    /// Tar headers that are made of those before them.
    pub headers: u64,
    /// Saved by coding what is left: literals less what they take in the delta.
    pub coding: u64,
    /// Carried: what the literals take in the delta. A frame that holds literals of several layers
    /// is borne by them according to length.
    pub coded: u64,
    /// Carried beside the copies: what their bytes have otherwise, how headers differ, and what coding
    /// adds to literals that do not compress.
    pub differences: u64,
    /// Bytes that each stage of the encoder found, in the order of [`crate::delta::Stage::ALL`].
    pub found: [u64; Stage::ALL.len()],
    /// Carried beside the content of what is compressed again: what the encoders do not make, as it
    /// is coded.
    pub exceptions: u64,
}

/// What became of the bytes of each node of the target.
pub(super) struct Ledger<'p, 'a> {
    plan: &'p Plan<'a>,
    given: HashSet<Digest>,
    stored: HashSet<Digest>,
    /// By index; the bytes of children and contents not among them.
    nodes: Vec<Shares>,
}

impl<'p, 'a> Ledger<'p, 'a> {
    pub(super) fn new(plan: &'p Plan<'a>, encoded: &Encoded) -> Self {
        let header = &encoded.header;
        let digest = |row: u32| Digest::from_bytes(header.digests[row as usize]);
        let digests = header.nodes.iter().map(|node| digest(node.digest));
        let costs = coded_bytes(header, is_literal).into_iter().zip(coded_bytes(header, is_change));
        let coded: HashMap<Digest, (u64, u64)> = digests.zip(costs).collect();
        let given = encoded.stats.given.iter().copied().collect();
        let stored = encoded.stats.stored.iter().copied().collect();
        let mut ledger = Self { plan, given, stored, nodes: Vec::new() };
        let nodes = plan.target.nodes.iter().zip(&encoded.stats.nodes).enumerate();
        ledger.nodes = nodes
            .map(|(index, (node, stats))| {
                ledger.of_node(index, stats, coded.get(&node.digest()).copied().unwrap_or_default())
            })
            .collect();
        ledger
    }

    /// Does the base have it as it is?
    pub(super) fn is_given(&self, node: usize) -> bool {
        self.given.contains(&self.plan.target.nodes[node].digest())
    }

    /// Is it carried as it is?
    pub(super) fn is_stored(&self, node: usize) -> bool {
        self.stored.contains(&self.plan.target.nodes[node].digest())
    }

    /// The content that a node is compressed from again.
    pub(super) fn content(&self, node: usize) -> Option<usize> {
        let row = &self.plan.target.nodes[node];
        let content = row.recreation.as_ref().map(|recreation| recreation.content);
        content
            .filter(|_| row.origin == Origin::Made && !self.is_given(node) && !self.is_stored(node))
    }

    /// What became of a layer: of its content's bytes, where it is compressed from that again.
    pub(super) fn of_layer(&self, node: usize) -> Shares {
        let own = self.nodes[node];
        match self.content(node) {
            Some(content) => Shares { exceptions: own.exceptions, ..self.nodes[content] },
            None => own,
        }
    }

    fn of_node(&self, index: usize, stats: &NodeStats, (coded, differences): (u64, u64)) -> Shares {
        let node = &self.plan.target.nodes[index];
        let base = node.bytes.len() as u64;
        if node.origin == Origin::GivenBlob || self.is_given(index) {
            return Shares { base, ..Shares::default() };
        }
        if node.recreation.is_some() && !self.is_stored(index) {
            let base = if node.origin == Origin::GivenOrMade { base } else { 0 };
            return Shares { base, exceptions: coded, ..Shares::default() };
        }
        // What coding adds to literals that do not compress is borne beside them.
        let literals = coded.min(stats.literal_bytes);
        let (coded, differences) = (literals, differences + (coded - literals));
        Shares {
            base: stats.base_bytes,
            target: stats.target_bytes,
            zeros: stats.zero_bytes,
            coding: stats.literal_bytes - coded,
            headers: stats.header_bytes,
            coded,
            differences,
            found: stats.found,
            exceptions: 0,
        }
    }

    /// Bytes of all outputs, compressed nodes that are made again counted as their contents, and
    /// what became of them. What the nodes do not have of them are nodes that lie there again.
    pub(super) fn whole(&self) -> (u64, Shares) {
        let mut nodes: Vec<usize> =
            self.plan.target.outputs.iter().filter_map(|output| output.node).collect();
        let len = nodes.iter().map(|node| self.content_len(*node)).sum();
        let (mut whole, mut is_seen) = (Shares::default(), vec![false; self.nodes.len()]);
        while let Some(node) = nodes.pop() {
            if std::mem::replace(&mut is_seen[node], true) {
                continue;
            }
            let Shares {
                base, zeros, headers, coding, coded, differences, found, exceptions, ..
            } = self.nodes[node];
            whole.headers += headers;
            whole.differences += differences;
            whole.found.iter_mut().zip(found).for_each(|(whole, found)| *whole += found);
            whole.base += base;
            whole.zeros += zeros;
            whole.coding += coding;
            whole.coded += coded;
            whole.exceptions += exceptions;
            nodes.extend(self.content(node));
            if !self.is_given(node) {
                nodes.extend(self.plan.target.nodes[node].children.iter().map(|child| child.node));
            }
        }
        let rest = whole.base + whole.zeros + whole.headers + whole.coding + whole.coded;
        whole.target = u64::saturating_sub(len, rest);
        (len, whole)
    }

    /// Bytes of a node, what is compressed from its content again counted as that.
    fn content_len(&self, node: usize) -> u64 {
        if let Some(content) = self.content(node) {
            return self.content_len(content);
        }
        let row = &self.plan.target.nodes[node];
        let len = row.bytes.len() as u64;
        if self.is_given(node) {
            return len;
        }
        let stored: u64 = row.children.iter().map(|child| child.end - child.offset).sum();
        len - stored + row.children.iter().map(|child| self.content_len(child.node)).sum::<u64>()
    }
}

fn is_literal(kind: StreamKind) -> bool {
    matches!(kind, StreamKind::Literals(_) | StreamKind::Corrections)
}

fn is_change(kind: StreamKind) -> bool {
    matches!(kind, StreamKind::Differences | StreamKind::Gaps | StreamKind::Headers)
}

/// Coded bytes that each node has in streams of some kinds, by row.
///
/// A frame holds those of several nodes; each bears it by the bytes that it has in it.
fn coded_bytes(header: &Header, is_wanted: impl Fn(StreamKind) -> bool) -> Vec<u64> {
    let mut coded = vec![0; header.nodes.len()];
    for group in &header.groups {
        for (place, stream) in group.streams.iter().enumerate() {
            let kind = StreamKind::from_number(stream.kind);
            if kind.is_ok_and(&is_wanted) {
                share(group, place, stream, &mut coded);
            }
        }
    }
    coded
}

/// Adds what a stream costs to the nodes whose parts take of it, frame by frame.
fn share(group: &Group, place: usize, stream: &Stream, coded: &mut [u64]) {
    let mut parts = group.parts.iter().map(|part| (part.node, part.taken[place]));
    let (mut node, mut taken) = (0, 0);
    for frame in &stream.frames {
        let (mut decoded, mut encoded) = (u64::from(frame.decoded), u64::from(frame.encoded));
        while decoded > 0 {
            while taken == 0 {
                let Some(part) = parts.next() else { return };
                (node, taken) = part;
            }
            let len = taken.min(decoded);
            // Who has bytes in it bears one at least; the last one bears what is left.
            let cost = (encoded * len).div_ceil(decoded);
            coded[node as usize] += cost;
            (taken, decoded, encoded) = (taken - len, decoded - len, encoded - cost);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Class, Codec, Declared, FrameRow, Node, Part};

    #[test]
    fn every_coded_byte_is_borne_by_whose_it_is() {
        let node = Node {
            length: 0,
            digest: 0,
            parent: 0,
            parent_offset: 0,
            last_group: 0,
            ways: Vec::new(),
        };
        let stream = |kind: StreamKind, frames: &[(u32, u32)]| Stream {
            kind: kind.number(),
            codec: Codec::Zstd.number(),
            frames: frames
                .iter()
                .map(|(encoded, decoded)| FrameRow {
                    encoded: *encoded,
                    decoded: *decoded,
                    window_log: 10,
                })
                .collect(),
        };
        let part = |node, taken: [u64; 3]| Part { node, way: 0, made: 0, taken: taken.to_vec() };
        let group = Group {
            streams: vec![
                stream(StreamKind::Instructions, &[(50, 100)]),
                stream(StreamKind::Literals(Class::TEXT), &[(10, 100), (90, 100)]),
                stream(StreamKind::Literals(Class::CODE), &[(7, 9)]),
            ],
            parts: vec![
                part(2, [10, 50, 0]),
                part(1, [60, 100, 9]),
                part(2, [30, 0, 0]),
                part(0, [0, 50, 0]),
            ],
        };
        let header = Header {
            declared: Declared::default(),
            digests: Vec::new(),
            nodes: vec![node.clone(), node.clone(), node],
            outputs: Vec::new(),
            roles: Vec::new(),
            groups: vec![group],
            blocks: Vec::new(),
        };
        assert_eq!(coded_bytes(&header, is_literal), [45, 5 + 45 + 7, 5]);
        assert_eq!(coded_bytes(&header, is_change), [0; 3]);
    }
}
