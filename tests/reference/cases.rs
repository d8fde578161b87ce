//! Small bases and targets, and the crate's own encoder and applier over them.

use std::io;

use chunkdelta::chunker::ChunkerParams;
use chunkdelta::compression::encoders::{self, Setup};
use chunkdelta::delta::{self, BaseContent, Child, Member, Origin, Stages, Stretch, Target};
use chunkdelta::delta::{RecreatedPiece, Recreation, TargetNode, TargetOutput, TargetRole};
use chunkdelta::digest::{DiffId, Digest};
use chunkdelta::fault::{Class as FaultClass, Explain as _};
use chunkdelta::format::{Class, Delta, EncodeRun, Framing, RoleKind, encode_head};
use chunkdelta::source::ReadAt;

use super::{Base, Hash, Outputs, Refusal, sha256};

pub(crate) mod layers;
mod table;

/// Returns `len` bytes that look random: xorshift64* from a seed that is not 0, each word as eight
/// bytes, lowest first. Golden vectors depend on it.
pub(crate) fn random(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::new();
    while bytes.len() < len {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend(state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Returns `len` bytes of words, which compress. Golden vectors depend on it.
pub(crate) fn words(seed: u64, len: usize) -> Vec<u8> {
    let vocabulary = random(77, 1 << 12);
    let words = random(seed, len).into_iter().flat_map(|number| {
        let start = usize::from(number) * 8;
        vocabulary[start..start + 5 + start % 7].iter().map(|byte| b'a' + byte % 26).chain(*b" ")
    });
    words.take(len).collect()
}

/// The bytes with some others from `at` on.
fn edited(bytes: &[u8], at: usize) -> Vec<u8> {
    [&bytes[..at], b"some new words", &bytes[at + 5..]].concat()
}

const GZIP_HEADER: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];

/// A gzip member as Go writes it, and what makes it.
fn member(content: &[u8], level: u64) -> (Vec<u8>, EncodeRun) {
    let mut blob = GZIP_HEADER.to_vec();
    let content_len = content.len() as u64;
    let setup = Setup { number: 1, parameters: &[level], corrections: &[], content_len };
    let mut encoder = encoders::start(&setup).expect("an encoder");
    encoder.write(content, &mut blob);
    encoder.finish(&mut blob);
    let mut check = flate2::Crc::new();
    check.update(content);
    blob.extend(check.sum().to_le_bytes());
    blob.extend(check.amount().to_le_bytes());
    let run = EncodeRun {
        encoder: 1,
        framing: Framing::Gzip,
        parameters: vec![level],
        header: GZIP_HEADER.to_vec(),
        corrections: Vec::new(),
        lengths: vec![content_len],
    };
    (blob, run)
}

/// A blob or file of a target.
#[derive(Debug)]
struct Row {
    bytes: Vec<u8>,
    origin: Origin,
    stretches: Vec<Stretch>,
    members: Vec<Member>,
    children: Vec<Child>,
    /// Its content, and what makes it of that.
    recreation: Option<(usize, Vec<Piece>)>,
}

/// What a compressed row is made of.
#[derive(Debug)]
enum Piece {
    Raw(Vec<u8>),
    Encoded(EncodeRun),
}

impl Piece {
    fn recreated(&self) -> RecreatedPiece<'_> {
        match self {
            Self::Raw(bytes) => RecreatedPiece::Raw(bytes),
            Self::Encoded(run) => RecreatedPiece::Encoded(run.clone()),
        }
    }
}

impl Row {
    fn node(&self) -> TargetNode<'_> {
        TargetNode {
            known: Digest::of(&self.bytes).into(),
            bytes: &self.bytes,
            origin: self.origin,
            stretches: self.stretches.clone(),
            members: self.members.clone(),
            children: self.children.clone(),
            recreation: self.recreation.as_ref().map(|(content, pieces)| Recreation {
                content: *content,
                pieces: pieces.iter().map(Piece::recreated).collect(),
            }),
        }
    }
}

/// A base, and a target to be made from it.
#[derive(Debug)]
pub(crate) struct Case {
    /// Names the golden vector.
    pub(crate) name: &'static str,
    level: u8,
    contents: Vec<Vec<u8>>,
    /// Members of the contents; those that are archives come first.
    members: Vec<Vec<Member>>,
    blobs: Vec<Vec<u8>>,
    rows: Vec<Row>,
    outputs: Vec<(&'static str, Option<usize>)>,
    diff_ids: Vec<Digest>,
}

impl Default for Case {
    fn default() -> Self {
        let (contents, members, blobs, rows) = Default::default();
        let (outputs, diff_ids) = Default::default();
        Self { name: "", level: 3, contents, members, blobs, rows, outputs, diff_ids }
    }
}

impl Case {
    fn row(&mut self, bytes: &[u8], origin: Origin, class: Class) -> usize {
        self.rows.push(Row {
            bytes: bytes.to_vec(),
            origin,
            stretches: vec![Stretch { end: bytes.len() as u64, class }],
            members: vec![],
            children: vec![],
            recreation: None,
        });
        self.rows.len() - 1
    }

    /// Adds a gzip blob of one member around a row.
    fn gzip(&mut self, content: usize, level: u64) -> usize {
        let (blob, run) = member(&self.rows[content].bytes, level);
        self.recreated(content, &blob, vec![Piece::Encoded(run)])
    }

    /// Adds a blob that pieces make of a row.
    fn recreated(&mut self, content: usize, blob: &[u8], pieces: Vec<Piece>) -> usize {
        let row = self.row(blob, Origin::Made, Class::DENSE);
        self.rows[row].recreation = Some((content, pieces));
        row
    }

    /// Adds an envelope of `rows`, each behind a digest and zeros unless `is_tight`.
    fn envelope(&mut self, rows: &[usize], is_tight: bool) -> usize {
        let mut bytes = Vec::new();
        let mut children = Vec::new();
        for &node in rows {
            if !is_tight {
                bytes.extend(b"\"digest\":\"sha256:");
                bytes.extend(Digest::of(&self.rows[node].bytes).to_hex());
                bytes.extend([0; 200]);
            }
            let offset = bytes.len() as u64;
            bytes.extend(&self.rows[node].bytes);
            children.push(Child { offset, end: bytes.len() as u64, node });
        }
        bytes.extend([0; 1024]);
        let row = self.row(&bytes, Origin::Made, Class::ENVELOPE);
        self.rows[row].children = children;
        row
    }

    /// What the base holds.
    pub(crate) fn base(&self) -> Base {
        let by_digest =
            |all: &[Vec<u8>]| all.iter().map(|bytes| (sha256(bytes), bytes.clone())).collect();
        Base { contents: by_digest(&self.contents), blobs: by_digest(&self.blobs) }
    }

    /// What the delta has to make.
    pub(crate) fn expected(&self) -> Outputs {
        let bytes = |row: usize| self.rows[row].bytes.clone();
        self.outputs.iter().map(|(path, row)| (path.as_bytes().to_vec(), row.map(bytes))).collect()
    }

    /// The delta that the crate's encoder makes.
    pub(crate) fn delta(&self) -> Vec<u8> {
        let members = self.members.iter().cloned().chain(std::iter::repeat(Vec::new()));
        let base = self.contents.iter().zip(members).map(|(bytes, members)| BaseContent {
            digest: Digest::of(bytes),
            bytes,
            members,
        });
        let mut base: Vec<_> = base.collect();
        let options = delta::EncodeOptions {
            level: self.level.into(),
            params: ChunkerParams::DEFAULT,
            workers: delta::Workers { coders: 1, matchers: 1 },
            stages: Stages::ALL,
        };
        let mut body = Vec::new();
        let encoded = delta::encode(&mut base, self.target(), options, &mut body).expect("memory");
        let mut delta = encode_head(&encoded.header, encoded.body_len).expect("memory");
        delta.extend(body);
        delta
    }

    fn target(&self) -> Target<'_> {
        let output = |&(path, node): &(&str, _)| TargetOutput { path: path.into(), node };
        let role = |(number, digest): (usize, &Digest)| TargetRole {
            parent: number.checked_sub(1),
            kind: RoleKind::Layer,
            node: None,
            diff_id: Some(DiffId(*digest)),
            media_type: "application/vnd.oci.image.layer.v1.tar".into(),
            platform: "linux/amd64".into(),
            names: vec!["a name".into()],
        };
        Target {
            nodes: self.rows.iter().map(Row::node).collect(),
            outputs: self.outputs.iter().map(output).collect(),
            roles: self.diff_ids.iter().enumerate().map(role).collect(),
        }
    }
}

/// One case for each thing that a delta can hold.
pub(crate) fn cases() -> Vec<Case> {
    let plain = [empty_directory, empty_file, one_byte, file, repeats, directory, image];
    let compressed =
        [compressed, kept, wrapped, two_ways, portable, members, carried, table::table];
    let layers = [layers::differences, layers::times, layers::small, layers::new_files];
    plain.iter().chain(&compressed).chain(&layers).map(|case| case()).collect()
}

fn one_file(name: &'static str, bytes: &[u8], class: Class) -> Case {
    let mut case = Case { name, outputs: vec![("", Some(0))], ..Case::default() };
    case.row(bytes, Origin::Made, class);
    case
}

fn empty_directory() -> Case {
    Case { name: "empty-directory", ..Case::default() }
}

fn empty_file() -> Case {
    one_file("empty-file", b"", Class::OTHER)
}

fn one_byte() -> Case {
    one_file("one-byte", b"a", Class::OTHER)
}

/// Copies forwards and backwards, zeros, literals, hex digests.
fn file() -> Case {
    let base = random(1, 60_000);
    let digest = Digest::of(b"a diff ID");
    let hex = &digest.to_hex()[..];
    let target = [&base[20_000..], b"new", &[0; 5000], hex, &base[..35_000], b",", hex, hex];
    let mut case = one_file("file", &target.concat(), Class::ENVELOPE);
    case.contents = vec![base];
    case.diff_ids = vec![digest, Digest::of(b"another")];
    case
}

fn repeats() -> Case {
    let piece = random(2, 20_000);
    let bytes = [&piece[..], b"between", &piece, &piece[3000..]].concat();
    one_file("repeats", &bytes, Class::DENSE)
}

/// Files of every origin, twice and empty, and an empty directory.
fn directory() -> Case {
    let mut case = Case { name: "directory", ..Case::default() };
    case.contents = vec![random(3, 3000), random(4, 20_000)];
    case.blobs = vec![random(5, 700)];
    let given = case.row(&random(3, 3000), Origin::Made, Class::OTHER);
    let held = case.row(&random(5, 700), Origin::GivenBlob, Class::DENSE);
    let changed = [&random(4, 20_000)[..], b"and more"].concat();
    let changed = case.row(&changed, Origin::Made, Class::TEXT);
    let empty = case.row(b"", Origin::Made, Class::OTHER);
    let stored = case.row(&random(6, 500), Origin::Stored, Class::DENSE);
    let inside = case.envelope(&[stored, given], false);
    case.outputs = vec![
        ("a", Some(given)),
        ("b/changed", Some(changed)),
        ("b/empty", None),
        ("b/inside", Some(inside)),
        ("c/again", Some(changed)),
        ("c/empty", Some(empty)),
        ("c/given again", Some(given)),
        ("c/stored", Some(stored)),
        ("d", Some(held)),
    ];
    case
}

/// An archive with blobs that are given, made, held, portable, placed twice, and nested.
fn image() -> Case {
    let mut case = Case { name: "image", ..Case::default() };
    case.contents = vec![random(7, 2000), random(8, 12_000)];
    case.blobs = vec![random(9, 900), random(10, 1100)];
    let given = case.row(&random(7, 2000), Origin::GivenContent, Class::OTHER);
    let made = [b"a changed head", &random(8, 12_000)[5000..]].concat();
    let made = case.row(&made, Origin::Made, Class::OTHER);
    let held = case.row(&random(9, 900), Origin::GivenBlob, Class::DENSE);
    let portable = case.row(&random(10, 1100), Origin::GivenOrMade, Class::DENSE);
    let nested = case.envelope(&[made, held, made], true);
    let archive = case.envelope(&[nested, given, portable, made, held, portable], false);
    case.outputs = vec![("", Some(archive))];
    case
}

/// A changed layer, compressed, twice in an archive.
fn compressed() -> Case {
    let mut case = Case { name: "compressed", ..Case::default() };
    case.contents = vec![words(11, 20_000)];
    let layer = case.row(&edited(&words(11, 20_000), 9000), Origin::Made, Class::TEXT);
    let blob = case.gzip(layer, 6);
    let archive = case.envelope(&[blob, blob], false);
    case.outputs = vec![("", Some(archive))];
    case
}

/// Compressed layers that repeat each other, over a group between them.
fn kept() -> Case {
    let mut case = Case { name: "kept", ..Case::default() };
    let first = words(12, 30_000);
    let second = edited(&first, 14_000);
    let third = [&second[..13_000], &first[4000..13_000], &words(13, 500)].concat();
    let layers = [first, second, third].map(|b| case.row(&b, Origin::Made, Class::TEXT));
    let [first, second, third] = layers.map(|layer| case.gzip(layer, 1));
    let portable = case.row(&random(14, 600), Origin::GivenOrMade, Class::DENSE);
    case.blobs = vec![random(14, 600)];
    let archive = case.envelope(&[first, second, portable, third], false);
    case.outputs = vec![("", Some(archive))];
    case
}

/// A compressed archive of compressed layers and a plain one, each twice.
fn wrapped() -> Case {
    let mut case = Case { name: "wrapped", ..Case::default() };
    case.contents = vec![words(15, 20_000)];
    let layer = case.row(&edited(&words(15, 20_000), 4000), Origin::Made, Class::TEXT);
    let blob = case.gzip(layer, 6);
    let plain = case.row(&words(16, 3000), Origin::Made, Class::TEXT);
    let archive = case.envelope(&[blob, plain, blob, plain], true);
    let wrapper = case.gzip(archive, 9);
    case.outputs = vec![("", Some(wrapper))];
    case
}

/// One content compressed in two ways, and plain.
fn two_ways() -> Case {
    let mut case = Case { name: "two-ways", ..Case::default() };
    let layer = case.row(&words(17, 12_000), Origin::Made, Class::TEXT);
    let (fast, small) = (case.gzip(layer, 1), case.gzip(layer, 9));
    let archive = case.envelope(&[fast, small, layer], false);
    case.outputs = vec![("", Some(archive))];
    case
}

/// A compressed layer that the base may hold, and whose content it does hold.
fn portable() -> Case {
    let mut case = Case { name: "portable", ..Case::default() };
    case.contents = vec![words(18, 10_000)];
    let layer = case.row(&words(18, 10_000), Origin::GivenContent, Class::TEXT);
    let blob = case.gzip(layer, 6);
    case.rows[blob].origin = Origin::GivenOrMade;
    case.blobs = vec![case.rows[blob].bytes.clone()];
    let archive = case.envelope(&[blob], false);
    case.outputs = vec![("", Some(archive))];
    case
}

/// Two members with bytes that belong to none between and after them, in files.
fn members() -> Case {
    let mut case = Case { name: "members", ..Case::default() };
    case.contents = vec![words(19, 10_000)];
    let content = edited(&words(19, 10_000), 2000);
    let layer = case.row(&content, Origin::Made, Class::TEXT);
    let (first, first_run) = member(&content[..6000], 2);
    let (second, second_run) = member(&content[6000..], 2);
    let blob = [&first[..], b"between", &second, &[0; 20]].concat();
    let pieces = vec![
        Piece::Encoded(first_run),
        Piece::Raw(b"between".to_vec()),
        Piece::Encoded(second_run),
        Piece::Raw(vec![0; 20]),
    ];
    let blob = case.recreated(layer, &blob, pieces);
    let (again, run) = member(&content[..6000], 5);
    let (empty, _) = member(b"", 5);
    let all = [&again[..], &empty, &member(&content[6000..], 5).0].concat();
    let run = EncodeRun { lengths: vec![6000, 0, content.len() as u64 - 6000], ..run };
    let all = case.recreated(layer, &all, vec![Piece::Encoded(run)]);
    case.outputs = vec![("a", Some(blob)), ("b", Some(all))];
    case
}

/// A member that no encoder makes, before one that an encoder does.
fn carried() -> Case {
    let mut case = Case { name: "carried", ..Case::default() };
    case.contents = vec![words(20, 20_000)];
    let content = edited(&words(20, 20_000), 12_000);
    let layer = case.row(&content, Origin::Made, Class::TEXT);
    let (first, _) = member(&content[..400], 8);
    let (second, run) = member(&content[400..], 7);
    let nothing = EncodeRun {
        encoder: 0,
        framing: Framing::Bare,
        parameters: Vec::new(),
        header: Vec::new(),
        corrections: Vec::new(),
        lengths: vec![400],
    };
    let blob = [&first[..], &second].concat();
    let pieces = vec![Piece::Raw(first), Piece::Encoded(nothing), Piece::Encoded(run)];
    let blob = case.recreated(layer, &blob, pieces);
    case.outputs = vec![("", Some(blob))];
    case
}

/// Outputs in memory, which must come in order.
#[derive(Debug)]
struct Memory(Vec<Vec<u8>>);

impl delta::Sink for Memory {
    fn write(&mut self, output: usize, offset: u64, bytes: &[u8]) -> io::Result<()> {
        assert_eq!(self.0[output].len() as u64, offset, "bytes come in order");
        self.0[output].extend(bytes);
        Ok(())
    }

    fn read(&self, output: usize, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.0[output].read_exact_at(buf, offset)
    }
}

/// Applies `delta` with the crate.
pub(crate) fn apply_by_crate(delta: &[u8], base: &Base) -> Result<Outputs, Refusal> {
    let opened = Delta::open(&delta).map_err(|error| refusal(error.class(), &error))?;
    let source = |node: &chunkdelta::format::Node| {
        let digest: Hash = *opened.digest(node.digest).as_bytes();
        node.ways.iter().find_map(|way| match way.kind {
            0 => base.contents.get(&digest),
            1 => base.blobs.get(&digest),
            _ => None,
        })
    };
    let nodes = &opened.header().nodes;
    let boxed = |bytes: &Vec<u8>| Box::new(bytes.clone()) as Box<dyn ReadAt>;
    let sources: Vec<_> = nodes.iter().map(|node| source(node).map(boxed)).collect();
    if let Some(&node) = delta::missing_nodes(&opened, &sources).first() {
        let node = &nodes[node as usize];
        return Err(Refusal::BaseLacks(*opened.digest(node.digest).as_bytes()));
    }
    let outputs = &opened.header().outputs;
    let mut sink = Memory(vec![Vec::new(); outputs.len()]);
    delta::apply(&opened, &delta, &sources, &mut sink, delta::ApplyOptions::default())
        .map_err(|error| refusal(error.class(), &error))?;
    let made = outputs.iter().zip(sink.0);
    Ok(made.map(|(row, bytes)| (row.path.clone(), (row.kind == 0).then_some(bytes))).collect())
}

fn refusal(class: FaultClass, error: &dyn std::error::Error) -> Refusal {
    match class {
        FaultClass::Unsupported => Refusal::Unsupported(error.to_string()),
        _ => Refusal::Damaged(format!("{class:?}: {error}")),
    }
}
