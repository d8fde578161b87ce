//! Deltas that were changed and carry right digests all the same.

use std::collections::BTreeMap;

use chunkdelta::format::{
    FrameRow, Group, Header, Node, Output, Part, Stream, Way, WayKind, encode_head,
};

use super::sha256;

/// A delta taken apart: the tables, and the body with every stream stored.
#[derive(Debug, Clone)]
pub(crate) struct Plain {
    pub(crate) header: Header,
    pub(crate) body: Vec<u8>,
}

impl Plain {
    /// The digests of the body's blocks.
    pub(crate) fn blocks(body: &[u8]) -> Vec<[u8; 32]> {
        body.chunks(256 << 10).map(sha256).collect()
    }

    /// The tables as section 4 lists them.
    pub(crate) fn tables(&self) -> Vec<u8> {
        let head = encode_head(&self.header, 0).expect("memory");
        let word = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four"));
        match word(60) {
            0 => head[64..].to_vec(),
            _ => zstd::bulk::decompress(&head[64..], word(56) as usize).expect("own header"),
        }
    }

    /// The delta of these tables and this body, with the digests of the body's blocks.
    pub(crate) fn seal(&self) -> Vec<u8> {
        let mut with_blocks = self.clone();
        with_blocks.header.blocks = Self::blocks(&self.body);
        seal(&with_blocks.tables(), &self.body)
    }
}

/// The delta of a decoded header and a body, the header stored.
pub(crate) fn seal(tables: &[u8], body: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("small");
    let mut frozen = b"\x89CKD\r\n\x1a\n\x01\0\0\0".to_vec();
    frozen.extend((length(tables) + 16).to_le_bytes());
    let mut rest = (body.len() as u64).to_le_bytes().to_vec();
    rest.extend(length(tables).to_le_bytes());
    rest.extend(0_u32.to_le_bytes());
    rest.extend(tables);
    let digest = sha256(&[&frozen[..], &rest].concat());
    [&frozen[..], &digest, &rest, body].concat()
}

/// A node by hand: its bytes, parent, parent offset, last group, and ways.
pub(crate) type HandNode<'a> = (&'a [u8], u32, u64, u32, &'a [WayKind]);

/// A part by hand: its node, its way, the bytes it makes, and what it takes of the streams
/// instructions, lengths, offsets, numbers and literals of class 5.
pub(crate) type HandPart<'a> = (u32, u32, u64, [&'a [u8]; 5]);

/// A part by hand: its node, its way, the bytes it makes, and what it takes by kind of stream.
pub(crate) type StreamPart = (u32, u32, u64, BTreeMap<u32, Vec<u8>>);

impl Plain {
    /// Puts a delta together by hand; every output is (path, node).
    pub(crate) fn by_hand(
        nodes: &[HandNode<'_>],
        outputs: &[(&str, u32)],
        groups: &[&[HandPart<'_>]],
    ) -> Self {
        let mut digests: Vec<_> = nodes.iter().map(|node| sha256(node.0)).collect();
        digests.sort_unstable();
        let row = |bytes: &[u8]| digests.binary_search(&sha256(bytes)).expect("it is there");
        let row = |bytes: &[u8]| u32::try_from(row(bytes)).expect("few");
        let way = |kind: &WayKind| Way { kind: kind.number(), used: vec![], parameters: vec![] };
        let node = |&(bytes, parent, parent_offset, last_group, ways): &HandNode<'_>| {
            let (length, digest) = (bytes.len() as u64, row(bytes));
            let ways = ways.iter().map(way).collect();
            Node { length, digest, parent, parent_offset, last_group, ways }
        };
        let output =
            |&(path, node): &(&str, u32)| Output { target: 0, path: path.into(), kind: 0, node };
        let nodes = nodes.iter().map(node).collect();
        let outputs = outputs.iter().map(output).collect();
        let mut plain =
            Self { header: Header { digests, nodes, outputs, ..Header::default() }, body: vec![] };
        for parts in groups {
            plain.add_group(parts);
        }
        plain
    }

    fn add_group(&mut self, parts: &[HandPart<'_>]) {
        let kinds = [0, 1, 2, 3, 21];
        let parts: Vec<StreamPart> = parts
            .iter()
            .map(|&(node, way, made, streams)| {
                let streams = kinds.into_iter().zip(streams.map(<[u8]>::to_vec));
                (node, way, made, streams.collect())
            })
            .collect();
        self.add_parts(&parts);
    }

    /// Adds a group of these parts.
    pub(crate) fn add_parts(&mut self, parts: &[StreamPart]) {
        let parts_of_group =
            parts.iter().map(|&(node, way, made, _)| Part { node, way, made, taken: vec![] });
        let mut group = Group { streams: vec![], parts: parts_of_group.collect() };
        for kind in 0..32 {
            let taken: Vec<&[u8]> =
                parts.iter().map(|part| part.3.get(&kind).map_or(&[][..], Vec::as_slice)).collect();
            let bytes = taken.concat();
            let decoded = u32::try_from(bytes.len()).expect("small");
            if decoded > 0 {
                let frame = FrameRow { encoded: decoded, decoded, window_log: 0 };
                group.streams.push(Stream { kind, codec: 0, frames: vec![frame] });
                for (row, taken) in group.parts.iter_mut().zip(taken) {
                    row.taken.push(taken.len() as u64);
                }
            }
            self.body.extend(bytes);
        }
        self.header.groups.push(group);
    }
}
