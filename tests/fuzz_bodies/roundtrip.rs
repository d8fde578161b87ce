//! Generated images through encoder and applier: what is made comes back, on any number of threads.

use std::sync::OnceLock;

use chunkdelta::delta::{
    Child, Level, Member, Origin, RecreatedPiece, Recreation, Stage, Stages, Stretch, Target,
    TargetNode, TargetOutput,
};
use chunkdelta::digest::Digest;
use chunkdelta::format::{Class, EncodeRun};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::draw::{Draw, noise};
use super::encoders::member;
use super::layers;
use super::memory::{Mode, run_watched};
use super::model::class;
use super::scenarios::{self, create, held, node};

const LONGEST: usize = 6 << 10;

pub(super) fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let (level, stages) = (level(draw.byte()), stages(draw.byte()));
    let base: Vec<Vec<u8>> = (0..=draw.byte() % 3).map(|_| content(&mut draw)).collect();
    let mut blobs: Vec<Blob> = Vec::new();
    let mut kept = base.clone();
    for _ in 0..draw.byte() % 5 {
        let bytes = derived(&mut draw, &base, &blobs);
        let is_new = blobs.iter().all(|known| known.bytes != bytes);
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
            let members = layers::said(&mut draw, &bytes);
            blobs.push(Blob { bytes, origin, class, members });
        }
    }
    let said: Vec<Vec<Member>> = base.iter().map(|bytes| layers::said(&mut draw, bytes)).collect();
    let (mut envelope, mut children) = envelope(&mut draw, &blobs);
    let is_directory = draw.flag() || blobs.iter().any(|blob| blob.bytes == envelope);
    let mut compressed = Vec::new();
    for _ in 0..draw.byte() % 4 {
        let content = draw.below(blobs.len());
        let Some(Blob { bytes, origin, .. }) = blobs.get(content) else { break };
        let mut again = Compressed::new(&mut draw, content, bytes);
        // One that the base may hold is made of a content that the base does hold.
        if *origin == Origin::GivenContent && draw.flag() {
            again.origin = Origin::GivenOrMade;
            if draw.flag() {
                kept.push(again.bytes.clone());
            }
        }
        let is_new = blobs.iter().all(|known| known.bytes != again.bytes);
        if is_new && compressed.iter().all(|known: &Compressed| known.bytes != again.bytes) {
            let (offset, node) = (envelope.len() as u64, blobs.len() + compressed.len());
            envelope.extend(&again.bytes);
            children.push(Child { offset, end: envelope.len() as u64, node });
            compressed.push(again);
        }
    }
    let is_wrapped = draw.flag() && !is_directory;
    let wrapper =
        is_wrapped.then(|| Compressed::new(&mut draw, blobs.len() + compressed.len(), &envelope));
    let made = Made { blobs, compressed, envelope, children, wrapper, is_directory };
    let target = || made.target();
    let contents = base.iter().zip(said).map(|(bytes, members)| scenarios::content(bytes, members));
    let contents: Vec<_> = contents.collect();
    let [one, two] = pools();
    let delta = one.install(|| create(&contents, target(), level, stages));
    let again = two.install(|| create(&contents, target(), level, stages));
    assert!(delta == again, "threads do not matter");
    let target = target();
    let expected: Vec<&[u8]> = target
        .outputs
        .iter()
        .map(|output| output.node.map_or(&[][..], |node| target.nodes[node].bytes))
        .collect();
    for is_spooled in [false, true] {
        let reading = Mode { is_unverified: false, is_spooled };
        let outputs = run_watched(&delta, &held(&kept), reading).expect("an own delta runs");
        assert!(outputs.expect("it is short") == expected, "what is made comes back");
    }
}

/// A blob of the target.
struct Blob {
    bytes: Vec<u8>,
    origin: Origin,
    class: Class,
    members: Vec<Member>,
}

fn level(drawn: u8) -> Level {
    Level::all().nth(usize::from(drawn) % 23).expect("BUG: 23 levels")
}

/// All stages, or without some.
fn stages(bits: u8) -> Stages {
    let bits = if bits < 128 { 0 } else { bits };
    let left_out = Stage::ALL.into_iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
    left_out.fold(Stages::ALL, |stages, (_, stage)| stages.without(stage))
}

pub(super) fn pools() -> &'static [ThreadPool; 2] {
    static POOLS: OnceLock<[ThreadPool; 2]> = OnceLock::new();
    let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    POOLS.get_or_init(|| [pool(1), pool(2)])
}

/// A content of the base: noise, text, zeros or an archive, with a few bytes of the input in it.
fn content(draw: &mut Draw<'_>) -> Vec<u8> {
    let (kind, seed, len) = (draw.byte(), draw.byte(), draw.below(LONGEST));
    let mut content = match kind % 5 {
        3 | 4 => return layers::drawn(draw),
        0 => noise(seed.into(), len),
        1 => (0..len).map(|at| b"a line of text that repeats\n"[at % 28]).collect(),
        _ => vec![0; len],
    };
    let at = draw.below(len);
    let bytes = draw.bytes(usize::from(kind / 5 % 32));
    content.splice(at..at, bytes.iter().copied());
    content
}

/// Bytes that have something to do with what was there before.
fn derived(draw: &mut Draw<'_>, base: &[Vec<u8>], blobs: &[Blob]) -> Vec<u8> {
    let known: Vec<&Vec<u8>> = base.iter().chain(blobs.iter().map(|blob| &blob.bytes)).collect();
    let mut bytes = known[draw.below(known.len())].clone();
    for _ in 0..draw.byte() % 8 {
        let what = draw.byte();
        let at = draw.below(bytes.len() + 1);
        let end = (at + draw.below(LONGEST)).min(bytes.len());
        match what % 10 {
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
            6 | 7 => layers::touch(&mut bytes, 1_700_000_000 + u64::from(what) * 3600),
            8 => layers::relink(&mut bytes[at..end], 30 + usize::from(what)),
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
fn envelope(draw: &mut Draw<'_>, blobs: &[Blob]) -> (Vec<u8>, Vec<Child>) {
    let mut envelope = Vec::new();
    let mut children = Vec::new();
    for _ in 0..draw.byte() % 8 {
        let number = draw.below(blobs.len());
        let Some(Blob { bytes, .. }) = blobs.get(number) else { break };
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

/// A blob as what makes it of another one.
struct Compressed {
    bytes: Vec<u8>,
    origin: Origin,
    content: usize,
    pieces: Vec<Piece>,
}

enum Piece {
    Raw(Vec<u8>),
    Encoded(EncodeRun),
}

impl Compressed {
    /// Members of a content, with bytes of none between some of them.
    fn new(draw: &mut Draw<'_>, content: usize, mut rest: &[u8]) -> Self {
        let (mut bytes, mut pieces): (_, Vec<Piece>) = (Vec::new(), Vec::new());
        let (encoder, level) = (1 + u32::from(draw.byte() % 5), u64::from(1 + draw.byte() % 9));
        // Klauspost's encoders have the length of a block as well.
        let parameters = [level, 0];
        let parameters = if encoder == 1 { &parameters[..1] } else { &parameters };
        for _ in 0..draw.byte() % 4 {
            let (now, later) = rest.split_at(draw.below(rest.len() + 1));
            let (stored, run) = member(now, encoder, parameters).expect("an encoder");
            rest = later;
            bytes.extend(stored);
            match pieces.last_mut() {
                Some(Piece::Encoded(before)) => before.lengths.extend(run.lengths),
                _ => pieces.push(Piece::Encoded(run)),
            }
            if draw.flag() {
                let raw = [b"raw", draw.bytes(8)].concat();
                bytes.extend(&raw);
                pieces.push(Piece::Raw(raw));
            }
        }
        let (stored, run) = member(rest, 1, &[level]).expect("an encoder");
        bytes.extend(stored);
        match pieces.last_mut() {
            Some(Piece::Encoded(before)) if before.encoder == 1 => {
                before.lengths.extend(run.lengths);
            }
            _ => pieces.push(Piece::Encoded(run)),
        }
        Self { bytes, origin: Origin::Made, content, pieces }
    }

    fn node(&self) -> TargetNode<'_> {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Raw(bytes) => RecreatedPiece::Raw(bytes),
            Piece::Encoded(run) => RecreatedPiece::Encoded(run.clone()),
        });
        let recreation = Recreation { content: self.content, pieces: pieces.collect() };
        TargetNode { recreation: Some(recreation), ..node(&self.bytes, Class::DENSE, self.origin) }
    }
}

/// All of a target.
struct Made {
    blobs: Vec<Blob>,
    compressed: Vec<Compressed>,
    envelope: Vec<u8>,
    children: Vec<Child>,
    /// The envelope, compressed.
    wrapper: Option<Compressed>,
    is_directory: bool,
}

impl Made {
    fn target(&self) -> Target<'_> {
        let mut nodes: Vec<TargetNode<'_>> = self
            .blobs
            .iter()
            .map(|Blob { bytes, origin, class, members }| {
                let mut node = node(bytes, *class, *origin);
                node.members.clone_from(members);
                node.stretches = layers::stretches(bytes, *class);
                // In an archive headers and data, else two stretches, so that literals change their
                // class in the middle.
                let end = bytes.len() as u64 / 2;
                if layers::members(bytes).is_empty() && end > 0 && *origin == Origin::Made {
                    node.stretches.insert(0, Stretch { end, class: Class::TAR_HEADER });
                }
                node
            })
            .collect();
        nodes.extend(self.compressed.iter().map(Compressed::node));
        // One that is equal to another would be a second node of its digest.
        if nodes.iter().all(|node| node.bytes != self.envelope) {
            let children = self.children.clone();
            let envelope = node(&self.envelope, Class::ENVELOPE, Origin::Made);
            nodes.push(TargetNode { children, ..envelope });
            nodes.extend(self.wrapper.as_ref().map(Compressed::node));
        }
        let output = |path: Vec<u8>, node| TargetOutput { path, node };
        let outputs = if self.is_directory {
            let file = |node| output(format!("d/{node}").into(), Some(node));
            let mut outputs: Vec<TargetOutput> = (0..nodes.len()).map(file).collect();
            outputs.push(output(b"e".to_vec(), None));
            outputs.push(output(b"f".to_vec(), Some(0)));
            outputs
        } else {
            vec![output(Vec::new(), Some(nodes.len() - 1))]
        };
        Target { nodes, outputs, roles: Vec::new() }
    }
}
