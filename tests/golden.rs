//! Deltas that were written once stay readable, and the encoder still writes them.

mod reference;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chunkdelta::format::{NONE, Run, WayKind};
use reference::cases::layers::header;
use reference::cases::{apply_by_crate, cases};
use reference::reseal::Plain;
use reference::{Base, Outputs, sha256};

/// Set to 1, it writes the vectors that are missing. None is ever overwritten.
const WRITE: &str = "CHUNKDELTA_WRITE_MISSING_GOLDEN";

/// A delta with what it is applied to, and what it makes.
struct Vector {
    name: &'static str,
    delta: Vec<u8>,
    base: Base,
    expected: Outputs,
}

impl Vector {
    fn path(&self) -> PathBuf {
        directory().join(self.name).with_extension("ckd")
    }

    fn read(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

/// A copy of members, a header and a copy with differences; all is stored.
fn changes() -> Vector {
    let content = [&header("a", 40, "14500000000")[..], &[b'x'; 40], &[0; 472]].concat();
    let changed = [&header("a", 40, "14500250600")[..], &[b'x'; 39], b"y", &[0; 472]].concat();
    let file = [&changed[..], &header("b", 0, "14500250600"), b"xxxxwxxx"].concat();
    let ways: [&[WayKind]; 2] = [&[WayKind::GivenContent], &[WayKind::Recipe]];
    let mut plain = Plain::by_hand(
        &[(&content, NONE, 0, 0, ways[0]), (&file, NONE, 0, NONE, ways[1])],
        &[("", 1)],
        &[],
    );
    plain.header.nodes[0].ways[0].used = vec![Run { first: 0, count: 1 }];
    let streams: [(u32, &[u8]); 7] = [
        (0, &[7, 8, 6]),
        // 1,024 and 8.
        (1, &[0x80, 8, 8]),
        // From 0, then 512 back.
        (2, &[0, 0xFF, 7]),
        (3, &[0, 0]),
        (5, &[1, 0xFF]),
        // A day later; then 40 bytes less, another name.
        (7, &[7, 0x80, 0xC6, 0x0A, 0x18, 79, 0, b'b', 0, 0]),
        // 551, then the 472 that are left; 4, then 3.
        (8, &[0xA7, 4, 0xD8, 3, 4, 3]),
    ];
    let streams = streams.map(|(kind, bytes)| (kind, bytes.to_vec()));
    plain.add_parts(&[(1, 0, file.len() as u64, streams.into())]);
    Vector {
        name: "changes-stored",
        delta: plain.seal(),
        base: Base { contents: [(sha256(&content), content)].into(), ..Base::default() },
        expected: vec![(Vec::new(), Some(file))],
    }
}

/// What the encoder makes of every case, and deltas that it never would: all is stored.
fn vectors() -> Vec<Vector> {
    let mut vectors: Vec<_> = cases()
        .into_iter()
        .map(|case| Vector {
            name: case.name,
            delta: case.delta(),
            base: case.base(),
            expected: case.expected(),
        })
        .collect();
    let stored = Plain::by_hand(
        &[(b"a", NONE, 0, NONE, &[WayKind::Recipe])],
        &[("", 0)],
        &[&[(0, 0, 1, [&[21], &[1], &[], &[], b"a"])]],
    );
    vectors.push(Vector {
        name: "one-byte-stored",
        delta: stored.seal(),
        base: Base::default(),
        expected: vec![(Vec::new(), Some(b"a".to_vec()))],
    });
    vectors.push(changes());
    vectors
}

#[test]
fn every_vector_is_written_again_byte_for_byte() {
    for vector in vectors() {
        if std::env::var_os(WRITE).is_some_and(|value| value == "1") && !vector.path().exists() {
            fs::create_dir_all(directory()).expect("a directory for vectors");
            fs::write(vector.path(), &vector.delta).expect("a new vector");
        }
        assert!(vector.read() == vector.delta, "{} is written differently now", vector.name);
    }
}

#[test]
fn every_vector_makes_what_it_made() {
    for vector in vectors() {
        let (delta, expected) = (vector.read(), Ok(vector.expected));
        assert!(reference::apply(&delta, &vector.base) == expected, "{}", vector.name);
        assert!(apply_by_crate(&delta, &vector.base) == expected, "{}", vector.name);
    }
}

#[test]
fn the_directory_holds_the_vectors_and_nothing_else() {
    let listed: BTreeSet<_> =
        vectors().iter().map(|vector| format!("{}.ckd", vector.name)).collect();
    let found: BTreeSet<_> = fs::read_dir(directory())
        .expect("a directory of vectors")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("ASCII"))
        .collect();
    assert_eq!(found, listed);
}

#[test]
fn the_document_shows_the_stored_vector_as_it_is() {
    let document = include_str!("../docs/format.md");
    let (_, section) = document.split_once("\n## 13 ").expect("section 13");
    let (section, _) = section.split_once("\n## 14 ").expect("section 14");
    let mut shown = Vec::new();
    for line in section.lines().filter_map(|line| line.strip_prefix("    ")) {
        // Offset, then bytes in pairs of digits, then two spaces and the meaning.
        let (offset, rest) = line.split_once("  ").expect("an offset");
        assert_eq!(offset.parse(), Ok(shown.len()), "{line}");
        let (bytes, _) = rest.trim_start().split_once("  ").unwrap_or((rest.trim(), ""));
        for byte in bytes.split(' ') {
            shown.push(u8::from_str_radix(byte, 16).unwrap_or_else(|_| panic!("{line}")));
        }
    }
    let stored = fs::read(directory().join("one-byte-stored.ckd")).expect("a vector");
    assert_eq!(shown, stored);
}
