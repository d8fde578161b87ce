//! An image as the encoder wants it: nodes in outputs, with roles.

use std::collections::{HashMap, HashSet};
use std::mem::take;

use super::claims::Digests;
use super::contents::Held;
use super::named::stored;
use super::recreate::{Recreated, TargetContents, Wrapper, pieces};
use super::stretches;
use crate::compression::Compression;
use crate::delta::{
    Child, LateDigest, Member, Origin, Recreation, Stretch, Target, TargetNode, TargetOutput,
    TargetRole,
};
use crate::digest::Digest;
use crate::format::{Class, RoleKind};
use crate::image::{self, Blob, BlobKind, FileKind, Image};

/// A target with what is needed to prove its delta.
pub(super) struct Plan<'a> {
    pub(super) target: Target<'a>,
    /// Node of each blob of the image; `None` for blobs inside a wrapper.
    pub(super) nodes: Vec<Option<usize>>,
    /// Compressed blobs of the base by digest.
    pub(super) held: HashMap<Digest, &'a [u8]>,
}

impl<'a> Plan<'a> {
    /// The target for the encoder; what it alone asks for of each file stays with it.
    pub(super) fn give_target(&mut self) -> Target<'a> {
        let nodes = self.target.nodes.iter_mut().map(|node| {
            let (stretches, members) = (take(&mut node.stretches), take(&mut node.members));
            TargetNode { stretches, members, ..node.clone() }
        });
        let nodes = nodes.collect();
        let Target { outputs, roles, .. } = &self.target;
        Target { nodes, outputs: outputs.clone(), roles: roles.clone() }
    }

    /// Bytes of all outputs.
    pub(super) fn output_len(&self) -> u64 {
        let nodes = self.target.outputs.iter().filter_map(|output| output.node);
        nodes.map(|node| self.target.nodes[node].bytes.len() as u64).sum()
    }
}

/// What is known of the target's compressed blobs.
#[derive(Clone, Copy)]
pub(super) struct Compressed<'a> {
    pub(super) contents: &'a TargetContents<'a>,
    /// What makes each blob of its content, by number of blob.
    pub(super) recreations: &'a [Option<Recreated>],
    /// What the whole target is wrapped in, where that can be made again.
    pub(super) wrapper: Option<&'a Wrapper<'a>>,
    /// Carry what would be held.
    pub(super) is_portable: bool,
}

impl<'a> Compressed<'a> {
    /// What makes a blob, with its content as a node. What the base may hold as it is must be made
    /// of what every form of the base holds.
    fn recreation(
        &self,
        blob: usize,
        stored: &'a [u8],
        base: &Held<'a>,
        builder: &mut Builder<'a>,
    ) -> Option<Recreation<'a>> {
        let found = self.recreations[blob].as_ref()?;
        let content = self.contents.get(blob)?;
        let is_own = self.contents.is_own(blob);
        if !is_own && !base.has_content(content.digest) {
            return None;
        }
        // A content that the base has needs no part of it to be made.
        let part = found.part.as_ref().filter(|_| is_own && !base.has_content(content.digest));
        let (digest, bytes, found) = match part {
            Some(part) => (part.digest, &content.bytes[..part.len], &part.pieces),
            None => (content.digest, &content.bytes[..], &found.pieces),
        };
        let content = builder.node(digest.into(), bytes, Origin::Made, stretches::layer);
        Some(Recreation { content, pieces: pieces(found, stored) })
    }
}

/// Turns an image into nodes and outputs.
pub(super) fn plan<'a>(
    image: &'a Image,
    digests: &Digests<'_>,
    base: &Held<'a>,
    compressed: Compressed<'a>,
) -> Plan<'a> {
    let held = base.blobs(digests);
    let mut builder = Builder { target: Target::default(), by_digest: HashMap::new() };
    let mut nodes = vec![None; image.blobs.len()];
    if let (Some(wrapped), None) = (&image.wrapped, compressed.wrapper) {
        let bytes = wrapped.0.in_memory().unwrap_or_default();
        let node = builder.node(digests.of_file(0), bytes, Origin::Stored, |bytes| {
            stretches::whole(bytes, Class::DENSE)
        });
        builder.target.outputs.push(TargetOutput { path: Vec::new(), node: Some(node) });
    } else {
        for (number, blob) in image.blobs.iter().enumerate() {
            let digest = digests.of_target(number);
            let bytes = stored(image, blob);
            let recreation = compressed.recreation(number, bytes, base, &mut builder);
            let is_held = held.contains_key(&digest);
            let origin = match (blob.compression, is_held, compressed.is_portable) {
                (Compression::Plain, _, _) => Origin::Made,
                (_, true, false) => Origin::GivenBlob,
                (_, true, true) => Origin::GivenOrMade,
                (_, false, _) if recreation.is_some() => Origin::Made,
                (_, false, _) => Origin::Stored,
            };
            let node = builder.node(digest.into(), bytes, origin, |bytes| tiles(blob, bytes));
            builder.target.nodes[node].recreation = recreation;
            nodes[number] = Some(node);
        }
        let archive = compressed.wrapper.map(|wrapper| wrapper.digest);
        builder.outputs(image, &nodes, |file| {
            archive.map_or_else(|| digests.of_file(file), LateDigest::from)
        });
        if let Some(wrapper) = compressed.wrapper {
            builder.wrap(&digests.of_file(0), wrapper);
        }
    }
    builder.target.roles = roles(image, &nodes);
    Plan { target: builder.target, nodes, held }
}

fn tiles(blob: &Blob, bytes: &[u8]) -> (Vec<Stretch>, Vec<Member>) {
    match (blob.compression, blob.kind) {
        (Compression::Plain, BlobKind::Layer { .. }) => stretches::layer(bytes),
        (Compression::Plain, _) => stretches::whole(bytes, Class::ENVELOPE),
        _ => stretches::whole(bytes, Class::DENSE),
    }
}

struct Builder<'a> {
    target: Target<'a>,
    by_digest: HashMap<Digest, usize>,
}

impl<'a> Builder<'a> {
    /// The node with this digest, made where there is none yet, or where the digest is not known. Digests
    /// may be claims: bytes that are unlike are never one node, or a node could be made of itself.
    fn node(
        &mut self,
        known: LateDigest,
        bytes: &'a [u8],
        origin: Origin,
        stretches: impl FnOnce(&[u8]) -> (Vec<Stretch>, Vec<Member>),
    ) -> usize {
        let next = self.target.nodes.len();
        let same = known.get().map_or(next, |digest| *self.by_digest.entry(digest).or_insert(next));
        if self.target.nodes.get(same).is_some_and(|node| node.bytes == bytes) {
            return same;
        }
        let (stretches, members) = stretches(bytes);
        self.target.nodes.push(TargetNode {
            known,
            bytes,
            origin,
            stretches,
            members,
            children: vec![],
            recreation: None,
        });
        next
    }

    /// One output for each file, and for each directory that holds nothing.
    fn outputs(
        &mut self,
        image: &'a Image,
        nodes: &[Option<usize>],
        digest: impl Fn(usize) -> LateDigest,
    ) {
        let parent =
            |path: &'a [u8]| path.iter().rposition(|byte| *byte == b'/').map(|end| &path[..end]);
        let parents: HashSet<&[u8]> =
            image.files.iter().filter_map(|file| parent(&file.path)).collect();
        let mut blobs = image.blobs.iter().zip(nodes).peekable();
        for (number, file) in image.files.iter().enumerate() {
            let mut children = Vec::new();
            while let Some((blob, node)) = blobs.next_if(|(blob, _)| blob.file == number) {
                let (offset, end) = (blob.range.start(), blob.range.end());
                if let Some(node) = node.filter(|_| !blob.range.is_empty()) {
                    children.push(Child { offset, end, node });
                }
            }
            let node = match file.kind {
                FileKind::Directory => None,
                FileKind::File => {
                    let bytes = file.source.in_memory().unwrap_or_default();
                    let whole = |child: &Child| child.end - child.offset == bytes.len() as u64;
                    match children.first().filter(|child| whole(child)) {
                        Some(child) => Some(child.node),
                        None => Some(self.envelope(digest(number), bytes, children)),
                    }
                }
            };
            if node.is_some() || !parents.contains(&file.path[..]) {
                self.target.outputs.push(TargetOutput { path: file.path.clone(), node });
            }
        }
    }

    /// Puts the wrapper around the one output.
    fn wrap(&mut self, known: &LateDigest, wrapper: &Wrapper<'a>) {
        for output in &mut self.target.outputs {
            let Some(content) = output.node else { continue };
            let node = self.target.nodes.len();
            self.target.nodes.push(TargetNode {
                known: known.clone(),
                bytes: wrapper.stored,
                origin: Origin::Made,
                stretches: stretches::whole(wrapper.stored, Class::DENSE).0,
                members: Vec::new(),
                children: Vec::new(),
                recreation: Some(Recreation {
                    content,
                    pieces: pieces(&wrapper.pieces, wrapper.stored),
                }),
            });
            output.node = Some(node);
        }
    }

    /// A file with blobs in it.
    fn envelope(&mut self, known: LateDigest, bytes: &'a [u8], children: Vec<Child>) -> usize {
        let next = self.target.nodes.len();
        let node =
            self.node(known, bytes, Origin::Made, |bytes| stretches::whole(bytes, Class::ENVELOPE));
        if node == next {
            self.target.nodes[node].children = children;
        }
        node
    }
}

fn roles(image: &Image, nodes: &[Option<usize>]) -> Vec<TargetRole> {
    let role = |role: &image::Role| TargetRole {
        parent: role.parent,
        kind: kind(role.kind),
        node: role.blob.and_then(|blob| nodes[blob]),
        diff_id: role.diff_id,
        media_type: role.media_type.clone(),
        platform: role.platform.clone(),
        names: role.names.clone(),
    };
    image.roles.iter().map(role).collect()
}

fn kind(kind: image::RoleKind) -> RoleKind {
    match kind {
        image::RoleKind::Index => RoleKind::Index,
        image::RoleKind::Manifest => RoleKind::Manifest,
        image::RoleKind::Config => RoleKind::Config,
        image::RoleKind::Layer => RoleKind::Layer,
        image::RoleKind::Attestation => RoleKind::Attestation,
        image::RoleKind::Other => RoleKind::Other,
    }
}
