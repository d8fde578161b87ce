//! Small deltas that use all that the format has, made by the crate's own encoder.

use std::sync::OnceLock;

use chunkdelta::chunker::{ChunkerParams, Normalization};
use chunkdelta::delta::{
    BaseContent, Child, EncodeOptions, Origin, RecreatedPiece, Recreation, Stretch, Target,
    TargetNode, TargetOutput, TargetRole, encode,
};
use chunkdelta::digest::{DiffId, Digest};
use chunkdelta::format::{Class, RoleKind, encode_head};
use chunkdelta::index::{BaseIndex, Content};

use super::draw::noise;
use super::encoders::member;
use super::memory::Base;
use super::model::Model;

/// A delta with what it is applied to.
pub(super) struct Scenario {
    pub(super) delta: Vec<u8>,
    pub(super) model: Model,
    pub(super) base: Base,
}

/// All scenarios, made once.
pub(super) fn scenarios() -> &'static [Scenario] {
    static MADE: OnceLock<Vec<Scenario>> = OnceLock::new();
    MADE.get_or_init(|| {
        vec![
            changed_file(),
            envelope(Origin::GivenBlob),
            envelope(Origin::GivenOrMade),
            directory(),
            repeats(),
            nested(),
            compressed(Origin::Made),
            compressed(Origin::GivenOrMade),
            kept(),
            wrapped(),
        ]
    })
}

/// The finest parameters, so that small contents have many chunks.
pub(super) fn params() -> ChunkerParams {
    ChunkerParams::new(64, 256, 1024, Normalization::Level1).expect("lawful sizes")
}

/// Makes a delta, with as many frames coded at once as the rayon pool has threads.
pub(super) fn create(base: &[&[u8]], target: Target<'_>, level: i32) -> Vec<u8> {
    let params = params();
    let contents: Vec<_> = base.iter().map(|data| Content { data, boundaries: &[] }).collect();
    let index = BaseIndex::build(&contents, params);
    let base: Vec<_> = base
        .iter()
        .map(|bytes| BaseContent { digest: Digest::of(bytes), bytes, boundaries: Vec::new() })
        .collect();
    let mut body = Vec::new();
    let options = EncodeOptions { level, params, workers: rayon::current_num_threads() };
    let encoded = encode(&base, &index, target, options, &mut body).expect("memory");
    let mut delta = encode_head(&encoded.header, encoded.body_len).expect("memory");
    delta.extend(body);
    delta
}

/// A node with one stretch and no children.
pub(super) fn node(bytes: &[u8], class: Class, origin: Origin) -> TargetNode<'_> {
    let stretches = vec![Stretch { end: bytes.len() as u64, class }];
    TargetNode {
        digest: Digest::of(bytes),
        bytes,
        origin,
        stretches,
        children: Vec::new(),
        recreation: None,
    }
}

/// A node that pieces make of the node `content`.
pub(super) fn recreated<'a>(
    bytes: &'a [u8],
    content: usize,
    pieces: Vec<RecreatedPiece<'a>>,
) -> TargetNode<'a> {
    TargetNode {
        recreation: Some(Recreation { content, pieces }),
        ..node(bytes, Class::DENSE, Origin::Made)
    }
}

/// Contents by digest.
pub(super) fn held<'a>(contents: impl IntoIterator<Item = &'a Vec<u8>>) -> Base {
    contents.into_iter().map(|bytes| (Digest::of(bytes), bytes.clone())).collect()
}

fn scenario(contents: &[&[u8]], base: Base, target: Target<'_>) -> Scenario {
    let delta = create(contents, target, 3);
    let model = Model::read(&delta);
    Scenario { delta, model, base }
}

fn one_file(nodes: Vec<TargetNode<'_>>) -> Target<'_> {
    let output = TargetOutput { path: Vec::new(), node: Some(nodes.len() - 1) };
    Target { nodes, outputs: vec![output], roles: Vec::new() }
}

fn changed_file() -> Scenario {
    let base = noise(1, 3000);
    let target = [&base[..1000], b"some new bytes", &base[900..2500], &[0; 5000]].concat();
    let nodes = vec![node(&target, Class::OTHER, Origin::Made)];
    scenario(&[&base], held([&base]), one_file(nodes))
}

/// Appends blobs with a gap and their digest around each, as an archive has them.
fn wrap(parts: &[(usize, &Vec<u8>)]) -> (Vec<u8>, Vec<Child>) {
    let mut envelope = b"head".to_vec();
    let mut children = Vec::new();
    for (node, bytes) in parts {
        envelope.extend([0; 30]);
        let offset = envelope.len() as u64;
        envelope.extend(*bytes);
        children.push(Child { offset, end: envelope.len() as u64, node: *node });
        envelope.extend(b" ");
        envelope.extend(Digest::of(bytes).to_hex());
        envelope.extend(b" ");
    }
    (envelope, children)
}

fn envelope(origin: Origin) -> Scenario {
    let (given, fresh, stored) = (noise(4, 500), noise(5, 700), noise(6, 300));
    let changed = [&given[..400], b"changed", &given[200..]].concat();
    let blobs = [(0, &given), (1, &fresh), (2, &stored), (1, &fresh), (3, &changed)];
    let (envelope, children) = wrap(&blobs);
    let nodes = vec![
        node(&given, Class::OTHER, Origin::GivenContent),
        node(&fresh, Class::TEXT, Origin::Made),
        node(&stored, Class::DENSE, origin),
        node(&changed, Class::CODE, Origin::Made),
        TargetNode { children, ..node(&envelope, Class::ENVELOPE, Origin::Made) },
    ];
    let roles = [(RoleKind::Manifest, 1, None), (RoleKind::Layer, 0, Some(&given))];
    let roles = roles.into_iter().enumerate().map(|(row, (kind, node, diff_id))| TargetRole {
        parent: row.checked_sub(1),
        kind,
        node: Some(node),
        diff_id: diff_id.map(|bytes| DiffId(Digest::of(bytes))),
        media_type: "application/x".to_owned(),
        platform: "linux/amd64".to_owned(),
        names: vec!["name:latest".to_owned()],
    });
    let target = Target { roles: roles.collect(), ..one_file(nodes) };
    scenario(&[&given], held([&given, &stored]), target)
}

fn directory() -> Scenario {
    let (given, small) = (noise(7, 800), noise(8, 100));
    let changed = [&given[100..], &small[..]].concat();
    let (envelope, children) = wrap(&[(0, &given), (1, &changed)]);
    let nodes = vec![
        node(&given, Class::OTHER, Origin::GivenContent),
        node(&changed, Class::OTHER, Origin::Made),
        node(&[], Class::OTHER, Origin::Made),
        TargetNode { children, ..node(&envelope, Class::ENVELOPE, Origin::Made) },
        node(&small, Class::TEXT, Origin::Stored),
    ];
    let outputs = [
        ("a", Some(0)),
        ("b", Some(3)),
        ("c/d", Some(2)),
        ("c/e", Some(4)),
        ("f", None),
        ("g", Some(3)),
        ("h", Some(1)),
        ("i", Some(0)),
    ];
    let outputs = outputs.map(|(path, node)| TargetOutput { path: path.into(), node });
    let target = Target { nodes, outputs: outputs.to_vec(), roles: Vec::new() };
    scenario(&[&given], held([&given]), target)
}

fn repeats() -> Scenario {
    let piece = noise(9, 1500);
    let first = [&piece[..], b"between", &piece[..]].concat();
    let second = [&piece[500..], b"end"].concat();
    let nodes =
        vec![node(&first, Class::OTHER, Origin::Made), node(&second, Class::TEXT, Origin::Made)];
    let output =
        |path: &str, node| TargetOutput { path: path.as_bytes().to_vec(), node: Some(node) };
    let outputs = vec![output("x", 0), output("y", 1)];
    scenario(&[], Base::new(), Target { nodes, outputs, roles: Vec::new() })
}

fn nested() -> Scenario {
    let (given, fresh, stored) = (noise(10, 200), noise(11, 150), noise(12, 120));
    let (inner, inner_children) = wrap(&[(0, &given), (1, &fresh)]);
    let (middle, middle_children) = wrap(&[(2, &stored), (3, &inner), (1, &fresh)]);
    let (outer, outer_children) = wrap(&[(4, &middle), (3, &inner), (0, &given)]);
    let around =
        |bytes, children| TargetNode { children, ..node(bytes, Class::ENVELOPE, Origin::Made) };
    let nodes = vec![
        node(&given, Class::OTHER, Origin::GivenBlob),
        node(&fresh, Class::OTHER, Origin::Stored),
        node(&stored, Class::OTHER, Origin::GivenOrMade),
        around(&inner, inner_children),
        around(&middle, middle_children),
        around(&outer, outer_children),
    ];
    scenario(&[], held([&given]), one_file(nodes))
}

/// Lines that compress, and that tell where they stand.
fn lines(first: usize, count: usize) -> Vec<u8> {
    (first..first + count)
        .flat_map(|line| format!("line {line} of a text\n").into_bytes())
        .collect()
}

/// A changed content in two members with bytes between them, or one that the base holds.
fn compressed(origin: Origin) -> Scenario {
    let base = lines(0, 120);
    let is_changed = origin == Origin::Made;
    let content =
        if is_changed { [&base[..1000], b"changed", &base[900..]].concat() } else { base.clone() };
    let (first, first_run) = member(&content[..700], 1, &[6]).expect("known");
    let (second, second_run) = member(&content[700..], 1, &[6]).expect("known");
    let blob = [&first[..], b"between", &second].concat();
    let pieces = vec![
        RecreatedPiece::Encoded(first_run),
        RecreatedPiece::Raw(b"between"),
        RecreatedPiece::Encoded(second_run),
    ];
    let (envelope, children) = wrap(&[(1, &blob), (1, &blob)]);
    let nodes = vec![
        node(&content, Class::TEXT, Origin::Made),
        TargetNode { origin, ..recreated(&blob, 0, pieces) },
        TargetNode { children, ..node(&envelope, Class::ENVELOPE, Origin::Made) },
    ];
    scenario(&[&base], held([&base]), one_file(nodes))
}

/// Contents that repeat each other, over a group between them.
fn kept() -> Scenario {
    let (first, second) = (lines(0, 150), [lines(30, 100), lines(500, 10)].concat());
    let (first_blob, first_run) = member(&first, 1, &[1]).expect("known");
    let (second_blob, second_run) = member(&second, 1, &[9]).expect("known");
    let between = noise(14, 100);
    let (envelope, children) = wrap(&[(2, &first_blob), (3, &between), (4, &second_blob)]);
    let nodes = vec![
        node(&first, Class::TEXT, Origin::Made),
        node(&second, Class::TEXT, Origin::Made),
        recreated(&first_blob, 0, vec![RecreatedPiece::Encoded(first_run)]),
        node(&between, Class::DENSE, Origin::GivenOrMade),
        recreated(&second_blob, 1, vec![RecreatedPiece::Encoded(second_run)]),
        TargetNode { children, ..node(&envelope, Class::ENVELOPE, Origin::Made) },
    ];
    scenario(&[], held([&between]), one_file(nodes))
}

/// An archive of a compressed node and a plain one, compressed in two ways.
fn wrapped() -> Scenario {
    let (content, plain) = (lines(0, 100), lines(700, 20));
    let (blob, run) = member(&content, 1, &[4]).expect("known");
    let (archive, children) = wrap(&[(1, &blob), (2, &plain), (1, &blob)]);
    let (fast, fast_run) = member(&archive, 1, &[1]).expect("known");
    let (small, small_run) = member(&archive, 1, &[9]).expect("known");
    let nodes = vec![
        node(&content, Class::TEXT, Origin::Made),
        recreated(&blob, 0, vec![RecreatedPiece::Encoded(run)]),
        node(&plain, Class::TEXT, Origin::Made),
        TargetNode { children, ..node(&archive, Class::ENVELOPE, Origin::Made) },
        recreated(&fast, 3, vec![RecreatedPiece::Encoded(fast_run)]),
        recreated(&small, 3, vec![RecreatedPiece::Encoded(small_run)]),
    ];
    let output = |path: &str, node| TargetOutput { path: path.into(), node: Some(node) };
    let outputs = vec![output("fast", 4), output("small", 5)];
    scenario(&[], Base::new(), Target { nodes, outputs, roles: Vec::new() })
}
