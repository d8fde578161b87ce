//! Deltas whose every digest is right and whose tables or instructions are not: numbers of a later
//! program, numbers above a ceiling, and promises that the body does not keep.

use chunkdelta::digest::Digest;
use chunkdelta::format::{
    Body, BodyHasher, Codec, Delta, Header, StreamKind, StreamReader, encode_frame, encode_head,
};

use crate::lab::{Lab, Told};

/// A delta taken apart.
struct Forge {
    lab: Lab,
    header: Header,
    body: Vec<u8>,
}

impl Forge {
    fn new() -> Self {
        let lab = Lab::with_delta();
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
        let file = self.finish();
        let file = file.as_slice();
        let delta = Delta::open(&file).expect("not yet changed");
        let mut start = 0;
        let streams = &self.header.groups[0].streams;
        let slot = streams.iter().position(|stream| {
            let is_it =
                StreamKind::from_number(stream.kind).expect("known").name() == "instructions";
            start += if is_it { 0 } else { stream.encoded_len() };
            is_it
        });
        let slot = slot.expect("every delta has some");
        let stream = &streams[slot];
        assert_eq!((slot, stream.frames.len()), (0, 1), "a small delta");
        let mut bytes = vec![0; usize::try_from(stream.decoded_len()).expect("small")];
        let body: Body<'_> = delta.body(&file);
        let mut reader = StreamReader::new(body, stream, start).expect("whole");
        reader.fill(&mut bytes).expect("whole");
        change(&mut bytes);
        let old = usize::try_from(stream.encoded_len()).expect("small");
        let frame = encode_frame(&bytes, Codec::Zstd, 3, 17).expect("memory");
        self.body.splice(..old, frame.bytes);
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
