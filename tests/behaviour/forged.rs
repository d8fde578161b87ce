//! Deltas whose every digest is right and whose tables or instructions are not: numbers of a later
//! program, numbers above a ceiling, and promises that the body does not keep.

use std::fs;
use std::path::Path;

use chunkdelta::digest::Digest;
use chunkdelta::format::{
    Body, BodyHasher, Codec, Delta, Header, StreamKind, StreamReader, WayKind, encode_frame,
    encode_head,
};

use crate::archive::{Members, gzip, layer, noise};
use crate::lab::{Lab, Told};

/// A delta taken apart.
struct Forge {
    lab: Lab,
    header: Header,
    body: Vec<u8>,
}

impl Forge {
    fn new() -> Self {
        Self::of(Lab::with_delta())
    }

    /// A delta whose target has the layer `content` compressed as `stored`, from a base that has
    /// nearly that, plain.
    fn compressed(content: &[u8], stored: &[u8]) -> Self {
        let lab = Lab::new();
        let mut near = content.to_vec();
        near[content.len() / 2] ^= 1;
        lab.write("base.tar", &Members::docker("app:1", &[near]).pack());
        let target = Members::oci("app:1", &[content.to_vec()], |_| stored.to_vec());
        lab.write("target.tar", &target.pack());
        lab.create(&[]);
        Self::of(lab)
    }

    /// The delta of a lab.
    fn of(lab: Lab) -> Self {
        let file = lab.read("delta");
        let delta = Delta::open(&file.as_slice()).expect("just made");
        let start = usize::try_from(delta.head_len()).expect("small");
        Self { lab, header: delta.header().clone(), body: file[start..].to_vec() }
    }

    /// Puts it together with digests that are right.
    fn finish(&self) -> Vec<u8> {
        let head = encode_head(&self.header, self.body.len() as u64).expect("memory");
        [&head, &self.body[..]].concat()
    }

    /// `apply` and `verify` refuse it.
    #[track_caller]
    fn refused(&self, code: i32, words: &[&str]) {
        self.lab.write("bad", &self.finish());
        let refused = |run: &[&str]| -> Told {
            let told = self.lab.refused(code, run);
            told.has(words);
            told
        };
        refused(&["apply", "base.tar", "bad", "-o", "out"]);
        refused(&["verify", "bad", "base.tar"]);
    }

    /// The same and `verify` without a base, which decodes nothing.
    #[track_caller]
    fn refused_by_its_tables(&self, code: i32, words: &[&str]) {
        self.refused(code, words);
        self.lab.refused(code, &["verify", "bad"]).has(words);
        self.lab.refused(code, &["inspect", "bad"]).has(words);
    }

    /// Changes the decoded bytes of the instructions, and makes every digest right again.
    fn change_instructions(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        self.change_stream("instructions", change);
    }

    /// The same with any stream of the one group.
    fn change_stream(&mut self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let file = self.finish();
        let file = file.as_slice();
        let delta = Delta::open(&file).expect("not yet changed");
        let mut start = 0;
        let streams = &self.header.groups[0].streams;
        let slot = streams.iter().position(|stream| {
            let is_it = StreamKind::from_number(stream.kind).expect("known").name() == name;
            start += if is_it { 0 } else { stream.encoded_len() };
            is_it
        });
        let slot = slot.expect("the delta has it");
        let stream = &streams[slot];
        assert_eq!((self.header.groups.len(), stream.frames.len()), (1, 1), "a small delta");
        let mut bytes = vec![0; usize::try_from(stream.decoded_len()).expect("small")];
        let body: Body<'_> = delta.body(&file);
        let mut reader = StreamReader::new(body, stream, start).expect("whole");
        reader.fill(&mut bytes).expect("whole");
        change(&mut bytes);
        let [start, old] =
            [start, stream.encoded_len()].map(|len| usize::try_from(len).expect("small"));
        let frame = encode_frame(&[&bytes], Codec::Zstd, 3, 17).expect("memory");
        self.body.splice(start..start + old, frame.bytes);
        let stream = &mut self.header.groups[0].streams[slot];
        stream.codec = Codec::Zstd.number();
        stream.frames[0] = frame.row;
        let mut hasher = BodyHasher::default();
        hasher.update(&self.body);
        self.header.blocks = hasher.finish().1;
    }
}

#[test]
fn a_forge_that_changes_nothing_makes_a_lawful_delta() {
    let mut forge = Forge::new();
    forge.change_instructions(|_| ());
    forge.lab.write("same", &forge.finish());
    forge.lab.run(&["apply", "base.tar", "same", "-o", "out"]).ok();
    forge.lab.assert_same("out", "target.tar");
}

#[test]
fn unknown_numbers_in_the_tables_are_unsupported() {
    let changes: [fn(&mut Header); 4] = [
        |header| header.groups[0].streams[0].codec = 77,
        |header| header.groups[0].streams.last_mut().expect("some").kind = 77,
        |header| header.nodes[0].ways[0].kind = 77,
        |header| header.roles[0].role = 77,
    ];
    for change in changes {
        let mut forge = Forge::new();
        change(&mut forge.header);
        let words = [" 77, which this program does not know", "hint: a newer chunkdelta reads it"];
        forge.refused_by_its_tables(5, &words);
    }
}

#[test]
fn an_unknown_instruction_is_unsupported() {
    let mut forge = Forge::new();
    forge.change_instructions(|bytes| bytes[0] = 99);
    let message = "cannot use bad as a delta: the delta uses instruction 99, which this program";
    forge.refused(5, &[message, "hint: a newer chunkdelta reads it"]);
    // It decodes nothing, so it cannot see.
    forge.lab.run(&["verify", "bad"]).ok();
}

#[test]
fn a_table_that_contradicts_itself_is_damage() {
    let changes: [fn(&mut Header); 4] = [
        |header| header.nodes[0].digest = 10_000,
        |header| header.digests.swap(0, 1),
        |header| header.groups[0].parts[0].made += 1,
        |header| header.outputs[0].path = b"../evil".to_vec(),
    ];
    for change in changes {
        let mut forge = Forge::new();
        change(&mut forge.header);
        forge.refused_by_its_tables(4, &["cannot use bad as a delta: ", "\nhint: "]);
    }
}

#[test]
fn a_delta_that_makes_something_else_than_it_promises_is_damage() {
    let mut forge = Forge::new();
    // The digest of a node that a recipe makes: promised otherwise, in its right place.
    let made = forge.header.nodes.iter().rposition(|node| node.ways[0].kind == 2);
    let row = forge.header.nodes[made.expect("some are made")].digest as usize;
    let right = Digest::from_bytes(forge.header.digests[row]);
    forge.header.digests[row][31] ^= 1;
    let wrong = Digest::from_bytes(forge.header.digests[row]);
    let message = format!(
        "cannot apply bad: what was made has another digest (expected {wrong}, found {right})"
    );
    forge.refused(4, &[&message, "\nhint: "]);
}

/// A layer by zlib, at level 1.
fn by_zlib() -> Forge {
    let content = layer("file", &noise(7, 9000).repeat(3));
    Forge::compressed(&content, &gzip(&content))
}

/// Numbers of that encode: encoder, framing, how many parameters; a level, 131,072 for pigz's
/// blocks (the layer is one), and what they know of each other.
const ZLIB: [u8; 8] = [7, 1, 3, 1, 0x80, 0x80, 8, 0];

#[test]
fn an_encoder_of_a_later_program_is_unsupported() {
    let mut forge = by_zlib();
    let mut ways = forge.header.nodes.iter_mut().flat_map(|node| &mut node.ways);
    let way = ways.find(|way| way.kind == WayKind::ReEncode.number());
    let way = way.expect("a layer that is encoded again");
    let number = way.parameters.last_chunk_mut().expect("an encoder");
    assert_eq!(*number, 7_u32.to_le_bytes());
    *number = 77_u32.to_le_bytes();
    let words = ["uses encoder 77, which this program does not know", "\nhint: a newer chunkdelta"];
    forge.refused_by_its_tables(5, &words);
}

#[test]
fn parameters_that_an_encoder_does_not_have_are_damage() {
    // A level, a block's length (16,384) and a history that there are not; too few parameters.
    for (place, number) in [(3, 10), (6, 1), (7, 3), (2, 2)] {
        let mut forge = by_zlib();
        forge.change_stream("numbers", |bytes| {
            let start = bytes.windows(ZLIB.len()).position(|numbers| numbers == ZLIB);
            bytes[start.expect("one encode") + place] = number;
        });
        forge.refused(4, &["cannot use bad as a delta: ", "\nhint: "]);
    }
}

#[test]
fn corrections_that_lie_are_damage_whatever_they_make() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/writers");
    let content = fs::File::open(dir.join("layer.tar.zst")).expect("kept");
    let content = zstd::decode_all(content).expect("zstd");
    let stored = fs::read(dir.join("debian12-gzip-6.gz")).expect("kept");
    let changes: [fn(&mut Vec<u8>); 5] = [
        |bytes| bytes[0] ^= 0x80,
        |bytes| bytes[2] ^= 1,
        |bytes| bytes[9] ^= 0x10,
        |bytes| bytes.fill(0),
        |bytes| bytes.fill(0xff),
    ];
    for change in changes {
        let mut forge = Forge::compressed(&content, &stored);
        forge.change_stream("corrections", change);
        forge.refused(4, &["bad", "\nhint: "]);
    }
}
