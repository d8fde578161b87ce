//! Makes a delta: matches, repeats, scripts, numbers, groups, frames, header; in this order.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{self, Write};

use super::blocks::used_runs;
use super::coding::{CodedGroup, code_groups};
use super::costs::costly;
use super::find::{Match, Matches, Source, add_repeats, find};
use super::groups::{Layout, Plan};
use super::keeping::keep;
use super::needs::encoder_memory;
use super::numbering::{Numbering, completion_order, digests};
use super::policy::{Level, Workers};
use super::script::{Bytes, Operation, script};
use super::{BaseContent, Origin, RecreatedPiece, Recreation, Stage, Stages, Target, TargetNode};
use crate::chunker::ChunkerParams;
use crate::compression::encoders;
use crate::digest::Digest;
use crate::format::{
    BodyHasher, Declared, Group, Header, NONE, Node, Output, OutputKind, Part, ReEncodeParameters,
    Role, Run, TAR_BLOCK, Way, WayKind,
};

/// How a delta is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeOptions {
    /// How small the delta is to become.
    pub level: Level,
    /// How contents are cut into chunks.
    pub params: ChunkerParams,
    /// How much is done at once; changes memory and time, nothing else.
    pub workers: Workers,
    /// What looks for bytes elsewhere.
    pub stages: Stages,
}

/// What became of a target, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodeStats {
    /// Bytes of the made nodes by where they come from, by index of node.
    pub nodes: Vec<NodeStats>,
    /// Digests of nodes that turned out to be contents of the base.
    pub given: Vec<Digest>,
    /// Digests of nodes that are stored, since their content would cost more.
    pub stored: Vec<Digest>,
    /// Encoded bytes by stream, as (name, decoded, encoded).
    pub streams: Vec<(&'static str, u64, u64)>,
}

/// What became of one node, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeStats {
    /// Copied from the base.
    pub base_bytes: u64,
    /// Copied from the target itself.
    pub target_bytes: u64,
    /// Zeros.
    pub zero_bytes: u64,
    /// Carried by the delta, digests in hex among them.
    pub literal_bytes: u64,
    /// Tar headers that are made of the ones before them.
    pub header_bytes: u64,
    /// Of the copied ones, those that lie in copies with differences or with headers made over.
    pub patched_bytes: u64,
    /// Copy instructions of all kinds.
    pub copies: u64,
    /// Of these, those with differences or headers.
    pub patches: u64,
    /// Bytes that each stage found, in the order of [`Stage::ALL`].
    pub found: [u64; Stage::ALL.len()],
}

impl NodeStats {
    fn copy(&mut self, source: Source, len: usize) {
        self.copies += 1;
        *match source {
            Source::Base(_) => &mut self.base_bytes,
            Source::Target(_) => &mut self.target_bytes,
        } += len as u64;
    }
}

/// A delta that is complete but for its head.
#[derive(Debug)]
pub struct Encoded {
    /// The tables.
    pub header: Header,
    /// Length of the body that was written.
    pub body_len: u64,
    /// What became of the target.
    pub stats: EncodeStats,
}

/// Of the nodes that `asked` chooses, what is a content of the base is given. Only for one that is as
/// long as a content the digest has to be known.
fn give(
    target: &mut Target<'_>,
    base: &[BaseContent<'_>],
    asked: impl Fn(&TargetNode<'_>) -> bool,
) {
    let contents: HashSet<(usize, Digest)> =
        base.iter().map(|content| (content.bytes.len(), content.digest)).collect();
    let lens: HashSet<usize> = contents.iter().map(|(len, _)| *len).collect();
    for node in target.nodes.iter_mut().filter(|node| asked(node)) {
        let len = node.bytes.len();
        if lens.contains(&len) && contents.contains(&(len, node.digest())) {
            node.origin = Origin::GivenContent;
            node.children.clear();
            node.recreation = None;
        }
    }
}

/// Digests may be claims. One that is said of two nodes, or of a node and of a content that is not as
/// long, is false once, and numbers would not tell the two apart.
fn require_unambiguous(base: &[BaseContent<'_>], target: &Target<'_>) -> io::Result<()> {
    let contents = base.iter().map(|content| (content.digest, content.bytes.len()));
    let contents: HashMap<Digest, usize> = contents.collect();
    let mut seen = HashSet::new();
    for node in &target.nodes {
        let (digest, len) = (node.digest(), node.bytes.len());
        if !seen.insert(digest) || contents.get(&digest).is_some_and(|other| *other != len) {
            let message = format!("{digest} is said of unlike bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
    }
    Ok(())
}

/// What lies in a content that is encoded is made everywhere: where it were given instead, nobody
/// would keep its bytes for those who read them of the content.
fn give_up_portable(target: &mut Target<'_>) {
    let contents = target.nodes.iter().filter_map(|node| node.recreation.as_ref());
    let mut inner: Vec<usize> = contents.map(|recreation| recreation.content).collect();
    let mut is_seen = vec![false; target.nodes.len()];
    while let Some(node) = inner.pop() {
        if !std::mem::replace(&mut is_seen[node], true) {
            inner.extend(target.nodes[node].inner());
        }
    }
    for (node, _) in target.nodes.iter_mut().zip(is_seen).filter(|(_, is_seen)| *is_seen) {
        if node.origin == Origin::GivenOrMade {
            node.origin = Origin::Made;
        }
    }
}

/// Makes a delta from the base's contents to `target` and writes its body.
///
/// A node that is to be made or stored and is a content of the base as it stands becomes a given
/// one. Digests of nodes with children are asked for after matches were looked for. No digest need be right
/// yet ([`Target`] says what must be). The members of `base` are gone afterwards: what is held for each
/// file is dropped as soon as nothing asks for it, since coding wants the memory.
///
/// Equal arguments give equal bytes on any number of threads.
///
/// # Errors
/// When the body cannot be written, zstd has no memory, or a digest is said of unlike bytes.
pub fn encode(
    base: &mut [BaseContent<'_>],
    mut target: Target<'_>,
    options: EncodeOptions,
    body: &mut dyn Write,
) -> io::Result<Encoded> {
    give(&mut target, base, |node| node.children.is_empty());
    give_up_portable(&mut target);
    let matches = find(base, &target, &completion_order(&target), &options);
    for content in &mut *base {
        content.members = Vec::new();
    }
    let base = &*base;
    give(&mut target, base, |node| !node.children.is_empty());
    require_unambiguous(base, &target)?;
    let (order, copied) = add_to_matches(&mut target, matches, &options)?;
    let scripts = scripts(base, &target, &copied, &options);
    let runs = used_runs(base, &target, &copied);
    let node_stats = scripts.iter().zip(&copied).map(|(script, found)| node_stats(script, found));
    let node_stats = node_stats.collect();
    // What was found for each file is in the scripts now, which are in the layout soon.
    drop(copied);
    for node in &mut target.nodes {
        (node.stretches, node.members) = (Vec::new(), Vec::new());
    }
    let target = &target;
    let numbering = Numbering::new(base, target, order, &scripts);
    let plan = Plan { base, target, scripts: &scripts, numbering: &numbering };
    let mut layout = plan.lay_out();
    drop(scripts);
    let kept_peak = keep(&mut layout);
    let mut hasher = BodyHasher::default();
    let coded = code_groups(&layout.groups, options, &mut |bytes| {
        hasher.update(bytes);
        body.write_all(bytes)
    })?;
    let (body_len, blocks) = hasher.finish();
    let stats = EncodeStats {
        nodes: node_stats,
        given: digests_of(target, Origin::GivenContent),
        stored: digests_of(target, Origin::Stored),
        streams: coded.stats,
    };
    let nodes = nodes(target, &numbering, &layout, &runs);
    let encoder_memory =
        encoder_memory(&nodes, numbering.made.iter().map(|node| &target.nodes[*node]));
    let header = Header {
        declared: Declared { kept_peak, encoder_memory, ..Declared::default() },
        digests: numbering.digests.iter().map(|digest| *digest.as_bytes()).collect(),
        nodes,
        outputs: outputs(target, &numbering),
        roles: roles(target, &numbering),
        groups: groups(&layout, coded.groups),
        blocks,
    };
    Ok(Encoded { header, body_len, stats })
}

/// Adds repeats to matches, and stores whose content costs more; returns by node what is copied, and in
/// which order nodes are completed then.
fn add_to_matches(
    target: &mut Target<'_>,
    mut matches: Vec<Matches>,
    options: &EncodeOptions,
) -> io::Result<(Vec<usize>, Vec<Vec<Match>>)> {
    if !options.stages.has(Stage::Repeats) {
        for matches in &mut matches {
            matches.missed.clear();
        }
    }
    loop {
        let order = completion_order(target);
        let copied = add_repeats(target, &order, &matches);
        let costly = costly(target, &copied, options.level)?;
        if costly.is_empty() {
            return Ok((order, copied));
        }
        for index in costly {
            target.nodes[index].store();
        }
    }
}

/// What makes each node, by its index.
fn scripts(
    base: &[BaseContent<'_>],
    target: &Target<'_>,
    copied: &[Vec<Match>],
    options: &EncodeOptions,
) -> Vec<Vec<Operation>> {
    let known = digests(target);
    let has_headers = options.stages.has(Stage::Headers);
    let one = |(node, copied): (&TargetNode<'_>, &Vec<Match>)| {
        if node.is_made() && node.recreation.is_none() {
            script(node, copied, Bytes { base, target }, &known, has_headers)
        } else {
            Vec::new()
        }
    };
    target.nodes.iter().zip(copied).map(one).collect()
}

/// Is there anything to be found of a node? Nodes with children are envelopes: their own bytes are
/// headers between blobs. What is encoded again has nothing of its own.
pub(super) fn is_sought(node: &TargetNode<'_>) -> bool {
    node.origin == Origin::Made && node.children.is_empty() && node.recreation.is_none()
}

fn digests_of(target: &Target<'_>, origin: Origin) -> Vec<Digest> {
    let nodes = target.nodes.iter().filter(|node| node.origin == origin);
    nodes.map(TargetNode::digest).collect()
}

fn node_stats(script: &[Operation], found: &[Match]) -> NodeStats {
    let mut stats = NodeStats::default();
    for found in found {
        stats.found[found.stage as usize] += found.len as u64;
    }
    for operation in script {
        match operation {
            Operation::Copy { source, len, .. } => stats.copy(*source, *len),
            Operation::Patch { source, range, .. } | Operation::Members { source, range, .. } => {
                stats.copy(*source, range.len());
                stats.patches += 1;
                stats.patched_bytes += range.len() as u64;
            }
            Operation::Header { .. } => {
                stats.header_bytes += TAR_BLOCK as u64;
                stats.found[Stage::Headers as usize] += TAR_BLOCK as u64;
            }
            Operation::Zero { len } => stats.zero_bytes += *len as u64,
            Operation::Literal { range, .. } => stats.literal_bytes += range.len() as u64,
            Operation::HexDigest { .. } => stats.literal_bytes += Digest::HEX_LEN as u64,
            Operation::Place { .. } => {}
        }
    }
    stats
}

fn nodes(
    target: &Target<'_>,
    numbering: &Numbering,
    layout: &Layout<'_>,
    runs: &BTreeMap<Digest, Vec<Run>>,
) -> Vec<Node> {
    let origins: HashMap<Digest, Origin> =
        target.nodes.iter().map(|node| (node.digest(), node.origin)).collect();
    let unmade = numbering.unmade.iter().map(|(digest, length)| {
        let origin = origins.get(digest).copied();
        (*digest, *length, origin.unwrap_or(Origin::GivenContent), None)
    });
    let made = numbering.made.iter().map(|node| {
        let node = &target.nodes[*node];
        let TargetNode { bytes, origin, recreation, .. } = node;
        let parameters = recreation.as_ref().map(|recreation| ReEncodeParameters {
            content: numbering.number(target.nodes[recreation.content].digest()),
            encoders: encoders_of(recreation),
        });
        (node.digest(), bytes.len() as u64, *origin, parameters)
    });
    unmade
        .chain(made)
        .zip(&layout.usage)
        .map(|((digest, length, origin, parameters), usage)| Node {
            length,
            digest: numbering.row(digest),
            parent: usage.parent,
            parent_offset: usage.parent_offset,
            last_group: usage.last_group,
            ways: ways(origin, runs.get(&digest).cloned().unwrap_or_default(), parameters.as_ref()),
        })
        .collect()
}

/// Numbers of the encoders that pieces need, ascending.
fn encoders_of(recreation: &Recreation<'_>) -> Vec<u32> {
    let of_piece = |piece: &RecreatedPiece<'_>| match piece {
        RecreatedPiece::Raw(_) => Vec::new(),
        RecreatedPiece::Encoded(run) => encoders::all(run.encoder, &run.parameters),
    };
    let encoders: BTreeSet<u32> = recreation.pieces.iter().flat_map(of_piece).collect();
    encoders.into_iter().collect()
}

fn ways(origin: Origin, used: Vec<Run>, parameters: Option<&ReEncodeParameters>) -> Vec<Way> {
    let way = |kind: WayKind, used| Way { kind: kind.number(), used, parameters: Vec::new() };
    let made = || match parameters {
        Some(parameters) => {
            Way { parameters: parameters.encode(), ..way(WayKind::ReEncode, Vec::new()) }
        }
        None => way(WayKind::Recipe, Vec::new()),
    };
    match origin {
        Origin::GivenContent => vec![way(WayKind::GivenContent, used)],
        Origin::GivenBlob => vec![way(WayKind::GivenBlob, Vec::new())],
        Origin::GivenOrMade => {
            vec![way(WayKind::GivenBlob, Vec::new()), made()]
        }
        Origin::Made | Origin::Stored => vec![made()],
    }
}

fn outputs(target: &Target<'_>, numbering: &Numbering) -> Vec<Output> {
    let output = |output: &super::TargetOutput| Output {
        target: 0,
        path: output.path.clone(),
        kind: match output.node {
            Some(_) => OutputKind::File.number(),
            None => OutputKind::Directory.number(),
        },
        node: output.node.map_or(NONE, |node| numbering.number(target.nodes[node].digest())),
    };
    target.outputs.iter().map(output).collect()
}

fn roles(target: &Target<'_>, numbering: &Numbering) -> Vec<Role> {
    let row = |index: usize| u32::try_from(index).expect("BUG: roles are limited");
    let role = |role: &super::TargetRole| Role {
        parent: role.parent.map_or(NONE, row),
        role: role.kind.number(),
        node: role
            .node
            .and_then(|node| numbering.find(target.nodes[node].digest()))
            .unwrap_or(NONE),
        diff_id: role.diff_id.map_or(NONE, |diff_id| numbering.row(diff_id.0)),
        media_type: role.media_type.clone(),
        platform: role.platform.clone(),
        names: role.names.clone(),
    };
    target.roles.iter().map(role).collect()
}

fn groups(layout: &Layout<'_>, coded: Vec<CodedGroup>) -> Vec<Group> {
    let group = |(draft, coded): (&super::groups::GroupDraft<'_>, CodedGroup)| {
        let parts = draft.parts.iter().map(|part| Part {
            node: part.node,
            way: part.way,
            made: part.made,
            taken: coded.kinds.iter().map(|kind| part.taken[kind.slot()]).collect(),
        });
        Group { parts: parts.collect(), streams: coded.streams }
    };
    layout.groups.iter().zip(coded).map(group).collect()
}
