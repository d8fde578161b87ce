//! Small deltas that use all that the format has, made by the crate's own encoder.

use std::sync::OnceLock;

use chunkdelta::chunker::{ChunkerParams, Normalization};
use chunkdelta::delta::{
    BaseContent, Child, EncodeOptions, Level, Member, Origin, RecreatedPiece, Recreation, Stages,
    Stretch, Target, TargetNode, TargetOutput, TargetRole, Workers, encode,
};
use chunkdelta::digest::{DiffId, Digest};
use chunkdelta::format::{Class, Instruction, RoleKind, encode_head};

use super::draw::noise;
use super::encoders::member;
use super::layers::{members, relink, stretches, tar};
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
            layer(3.into()),
            layer(Level::BEST),
        ]
    })
}

/// The finest parameters, so that small contents have many chunks.
pub(super) fn params() -> ChunkerParams {
    ChunkerParams::new(64, 256, 1024, Normalization::Level1).expect("lawful sizes")
}

/// Makes a delta, with as many frames coded at once as the rayon pool has threads.
pub(super) fn create(
    base: &[BaseContent<'_>],
    target: Target<'_>,
    level: Level,
    stages: Stages,
) -> Vec<u8> {
    let threads = rayon::current_num_threads();
    let workers = Workers { coders: threads, matchers: threads };
    let options = EncodeOptions { level, params: params(), workers, stages };
    let mut body = Vec::new();
    let encoded = encode(&mut base.to_vec(), target, options, &mut body).expect("memory");
    let mut delta = encode_head(&encoded.header, encoded.body_len).expect("memory");
    delta.extend(body);
    delta
}

/// A content of the base, with what is said of its members.
pub(super) fn content(bytes: &[u8], members: Vec<Member>) -> BaseContent<'_> {
    BaseContent { digest: Digest::of(bytes), bytes, members }
}

/// A node with one stretch and no children.
pub(super) fn node(bytes: &[u8], class: Class, origin: Origin) -> TargetNode<'_> {
    let stretches = vec![Stretch { end: bytes.len() as u64, class }];
    TargetNode {
        known: Digest::of(bytes).into(),
        bytes,
        origin,
        stretches,
        members: Vec::new(),
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
    let contents: Vec<_> = contents.iter().map(|bytes| content(bytes, Vec::new())).collect();
    told(&contents, base, target, 3.into())
}

fn told(contents: &[BaseContent<'_>], base: Base, target: Target<'_>, level: Level) -> Scenario {
    let delta = create(contents, target, level, Stages::ALL);
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

/// A layer with other times, a program that was compiled again, a file that grew, new files, and a
/// program that is no archive; the layer once more, compressed.
fn layer(level: Level) -> Scenario {
    let (program, library) = (noise(15, 900), noise(16, 1100));
    let (mut again, mut moved) = (program.clone(), library.clone());
    relink(&mut again, 60);
    relink(&mut moved, 90);
    let (text, grown) = (lines(0, 30), lines(0, 40));
    let old = tar([
        ("bin/prog", &program[..], 1_700_000_000),
        ("etc/conf", &text, 1_700_000_000),
        ("lib/libx.so.1.2", &library, 1_700_000_000),
        ("d/", &[], 1_700_000_000),
    ]);
    let new = tar([
        ("bin/prog", &again[..], 1_705_000_000),
        ("etc/conf", &grown, 1_705_000_000),
        ("lib/libx.so.1.3", &library, 1_705_000_000),
        ("d/", &[], 1_705_000_000),
        ("new/file-1", b"new", 1_705_000_000),
        ("new/file-2", b"also new", 1_705_000_000),
    ]);
    let bare =
        |bytes: &[u8]| vec![Member { name: b"prog".to_vec(), header: 0..0, data: 0..bytes.len() }];
    let (blob, run) = member(&new, 1, &[6]).expect("known");
    let nodes = vec![
        TargetNode {
            members: members(&new),
            stretches: stretches(&new, Class::OTHER),
            ..node(&new, Class::OTHER, Origin::Made)
        },
        TargetNode { members: bare(&moved), ..node(&moved, Class::CODE, Origin::Made) },
        recreated(&blob, 0, vec![RecreatedPiece::Encoded(run)]),
    ];
    let output = |path: &str, node| TargetOutput { path: path.into(), node: Some(node) };
    let outputs = vec![output("blob", 2), output("layer", 0), output("prog", 1)];
    let contents = [content(&old, members(&old)), content(&library, bare(&library))];
    let target = Target { nodes, outputs, roles: Vec::new() };
    let scenario = told(&contents, held([&old, &library]), target, level);
    let has = |wanted: fn(Instruction) -> bool| {
        let steps = scenario.model.groups.iter().flatten().flat_map(|run| &run.steps);
        steps.map(|step| step.instruction).any(wanted)
    };
    assert!(has(|instruction| matches!(instruction, Instruction::Patch { .. })));
    assert!(has(|instruction| matches!(instruction, Instruction::Members { .. })));
    assert!(has(|instruction| matches!(instruction, Instruction::Header)));
    scenario
}
