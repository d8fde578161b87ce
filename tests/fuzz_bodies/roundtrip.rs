//! Generated images through encoder and applier: what is made comes back, on any number of threads.

use std::sync::OnceLock;

use chunkdelta::delta::{Child, Origin, Stretch, Target, TargetNode, TargetOutput};
use chunkdelta::digest::Digest;
use chunkdelta::format::Class;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::draw::{Draw, noise};
use super::memory::{Mode, run_watched};
use super::model::class;
use super::scenarios::{create, held, node};

const LONGEST: usize = 6 << 10;

pub(super) fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let level = if draw.flag() { 1 } else { 3 };
    let base: Vec<Vec<u8>> = (0..=draw.byte() % 3).map(|_| content(&mut draw)).collect();
    let mut blobs: Vec<(Vec<u8>, Origin, Class)> = Vec::new();
    let mut kept = base.clone();
    for _ in 0..draw.byte() % 5 {
        let bytes = derived(&mut draw, &base, &blobs);
        let is_new = blobs.iter().all(|(known, ..)| *known != bytes);
        let is_content = base.contains(&bytes);
        let origin = match draw.byte() % 5 {
            _ if is_content => Origin::GivenContent,
            0 => Origin::GivenBlob,
            1 => Origin::GivenOrMade,
            2 => Origin::Stored,
            _ => Origin::Made,
        };
        // A base that holds a blob with the bytes of nothing has no reason to be asked for it.
        let origin = if bytes.is_empty() { Origin::Made } else { origin };
        if origin == Origin::GivenBlob || (origin == Origin::GivenOrMade && draw.flag()) {
            kept.push(bytes.clone());
        }
        let class = class(draw.byte());
        if is_new {
            blobs.push((bytes, origin, class));
        }
    }
    let (envelope, children) = envelope(&mut draw, &blobs);
    let is_directory = draw.flag() || blobs.iter().any(|(bytes, ..)| *bytes == envelope);
    let target = || target(&blobs, (&envelope, &children), is_directory);
    let contents: Vec<&[u8]> = base.iter().map(Vec::as_slice).collect();
    let [one, two] = pools();
    let delta = one.install(|| create(&contents, target(), level));
    let again = two.install(|| create(&contents, target(), level));
    assert!(delta == again, "threads do not matter");
    let expected: Vec<&[u8]> = target()
        .outputs
        .iter()
        .map(|output| output.node.map_or(&[][..], |node| target_bytes(&blobs, &envelope, node)))
        .collect();
    for is_spooled in [false, true] {
        let mode = Mode { is_unverified: false, is_spooled };
        let outputs = run_watched(&delta, &held(&kept), mode).expect("an own delta runs");
        assert!(outputs.expect("it is short") == expected, "what is made comes back");
    }
}

fn pools() -> &'static [ThreadPool; 2] {
    static POOLS: OnceLock<[ThreadPool; 2]> = OnceLock::new();
    let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    POOLS.get_or_init(|| [pool(1), pool(2)])
}

/// A content of the base: noise, text or zeros, with a few bytes of the input in it.
fn content(draw: &mut Draw<'_>) -> Vec<u8> {
    let (kind, seed, len) = (draw.byte(), draw.byte(), draw.below(LONGEST));
    let mut content = match kind % 3 {
        0 => noise(seed.into(), len),
        1 => (0..len).map(|at| b"a line of text that repeats\n"[at % 28]).collect(),
        _ => vec![0; len],
    };
    let at = draw.below(len);
    let bytes = draw.bytes(usize::from(kind / 3 % 32));
    content.splice(at..at, bytes.iter().copied());
    content
}

/// Bytes that have something to do with what was there before.
fn derived(draw: &mut Draw<'_>, base: &[Vec<u8>], blobs: &[(Vec<u8>, Origin, Class)]) -> Vec<u8> {
    let known: Vec<&Vec<u8>> = base.iter().chain(blobs.iter().map(|(bytes, ..)| bytes)).collect();
    let mut bytes = known[draw.below(known.len())].clone();
    for _ in 0..draw.byte() % 8 {
        let what = draw.byte();
        let at = draw.below(bytes.len() + 1);
        let end = (at + draw.below(LONGEST)).min(bytes.len());
        match what % 7 {
            0 => drop(bytes.drain(at..end)),
            1 => bytes[at..end].fill(0),
            2 => drop(bytes.splice(at..end, noise(what.into(), 200))),
            3 => {
                let piece = bytes[at..end].to_vec();
                bytes.extend(piece);
            }
            4 => {
                let other = known[draw.below(known.len())];
                bytes.splice(at..at, other.iter().copied().take(draw.below(LONGEST)));
            }
            5 => {
                let piece = draw.bytes(16).to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let digest = Digest::of(known[draw.below(known.len())]);
                bytes.splice(at..at, digest.to_hex());
            }
        }
        bytes.truncate(2 * LONGEST);
    }
    bytes
}

/// A file with blobs inside it, some of them twice, and their digests around them.
fn envelope(draw: &mut Draw<'_>, blobs: &[(Vec<u8>, Origin, Class)]) -> (Vec<u8>, Vec<Child>) {
    let mut envelope = Vec::new();
    let mut children = Vec::new();
    for _ in 0..draw.byte() % 8 {
        let number = draw.below(blobs.len());
        let Some((bytes, ..)) = blobs.get(number) else { break };
        match draw.byte() % 4 {
            0 => envelope.extend(Digest::of(bytes).to_hex()),
            1 => envelope.resize(envelope.len() + draw.below(6000), 0),
            2 => envelope.extend(draw.bytes(12)),
            _ => {}
        }
        if !bytes.is_empty() {
            let offset = envelope.len() as u64;
            envelope.extend(bytes);
            children.push(Child { offset, end: envelope.len() as u64, node: number });
        }
    }
    envelope.extend(draw.bytes(20));
    (envelope, children)
}

fn target_bytes<'a>(
    blobs: &'a [(Vec<u8>, Origin, Class)],
    envelope: &'a [u8],
    node: usize,
) -> &'a [u8] {
    blobs.get(node).map_or(envelope, |(bytes, ..)| bytes)
}

fn target<'a>(
    blobs: &'a [(Vec<u8>, Origin, Class)],
    (envelope, children): (&'a Vec<u8>, &[Child]),
    is_directory: bool,
) -> Target<'a> {
    let mut nodes: Vec<TargetNode<'_>> = blobs
        .iter()
        .map(|(bytes, origin, class)| {
            let mut node = node(bytes, *class, *origin);
            // Two stretches, so that literals change their class in the middle.
            let end = bytes.len() as u64 / 2;
            if end > 0 && *origin == Origin::Made {
                node.stretches.insert(0, Stretch { end, class: Class::TAR_HEADER });
            }
            node
        })
        .collect();
    // One that is equal to a blob would be a second node of its digest.
    let is_blob = blobs.iter().any(|(bytes, ..)| bytes == envelope);
    if !is_blob {
        let children = children.to_vec();
        nodes.push(TargetNode { children, ..node(envelope, Class::ENVELOPE, Origin::Made) });
    }
    let output = |path: Vec<u8>, node| TargetOutput { path, node };
    let outputs = if is_directory {
        let mut outputs: Vec<TargetOutput> =
            (0..nodes.len()).map(|node| output(format!("d/{node}").into(), Some(node))).collect();
        outputs.push(output(b"e".to_vec(), None));
        outputs.push(output(b"f".to_vec(), Some(0)));
        outputs
    } else {
        vec![output(Vec::new(), Some(nodes.len() - 1))]
    };
    Target { nodes, outputs, roles: Vec::new() }
}
