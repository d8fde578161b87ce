//! Every encoder gives what the real compressor gave, byte for byte, in every release.
//!
//! `tests/golden/encoders/*.txt` has a line for each vector: number of the encoder, its parameters
//! with commas between (`-` for none), kind and length of the content, SHA-256 of what the real
//! compressor made of it.

#[path = "encoders/inputs.rs"]
mod inputs;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chunkdelta::compression::encoders;
use chunkdelta::digest::{Digest, Hasher};
use inputs::{FAST_LEN, KINDS, LENS, input};
use rayon::prelude::*;

struct Vector {
    file: String,
    line: usize,
    number: u32,
    parameters: Vec<u64>,
    kind: String,
    len: usize,
    expected: String,
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn vectors() -> Vec<Vector> {
    let files = std::fs::read_dir(golden().join("encoders")).expect("the vectors are there");
    files.flat_map(|file| vectors_in(&file.expect("a directory").path())).collect()
}

/// Vectors of contents that are too long for any test but `tests/soak`.
fn long_vectors() -> Vec<Vector> {
    vectors_in(&golden().join("encoders-long.txt"))
}

fn vectors_in(file: &Path) -> Vec<Vector> {
    let name = file.file_name().expect("a name").to_string_lossy().into_owned();
    let text = std::fs::read_to_string(file).expect("a text");
    let rows = text.lines().enumerate().filter(|(_, row)| !row.starts_with('#'));
    let vector = |(line, row): (usize, &str)| {
        let fields: Vec<&str> = row.split(' ').collect();
        let [number, parameters, kind, len, expected] = fields[..] else {
            panic!("{name}:{}: five fields", line + 1)
        };
        let parameters = parameters.split(',').filter(|parameter| *parameter != "-");
        Vector {
            file: name.clone(),
            line: line + 1,
            number: number.parse().expect("a number"),
            parameters: parameters.map(|text| text.parse().expect("a number")).collect(),
            kind: kind.to_owned(),
            len: len.parse().expect("a length"),
            expected: expected.to_owned(),
        }
    };
    rows.map(vector).collect()
}

/// Encodes with the content cut at odd places, so that buffering is tested as well.
fn encode(vector: &Vector, content: &[u8]) -> Digest {
    let mut encoder = encoders::start(&encoders::Setup {
        number: vector.number,
        parameters: &vector.parameters,
        corrections: &[],
        content_len: content.len() as u64,
    })
    .expect("the encoder is there");
    let (mut hasher, mut out) = (Hasher::new(), Vec::new());
    let mut rest = content;
    for len in [1, 7, 511, 4096, 65_537, 300_001].into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at(len.min(rest.len()));
        encoder.write(now, &mut out);
        hasher.update(&out);
        out.clear();
        rest = later;
    }
    encoder.finish(&mut out);
    hasher.update(&out);
    hasher.finish()
}

fn check(vectors: impl Iterator<Item = Vector>) {
    let mut by_input: BTreeMap<(String, usize), Vec<Vector>> = BTreeMap::new();
    for vector in vectors {
        by_input.entry((vector.kind.clone(), vector.len)).or_default().push(vector);
    }
    assert!(!by_input.is_empty(), "there are vectors");
    let mut wrong = Vec::new();
    for ((kind, len), vectors) in by_input {
        let content = input(&kind, len);
        let is_wrong = |vector: &&Vector| {
            let found = encode(vector, &content).to_string();
            !found.ends_with(&vector.expected)
        };
        let vectors: Vec<&Vector> = vectors.par_iter().filter(is_wrong).collect();
        wrong.extend(vectors.iter().map(|vector| format!("{}:{}", vector.file, vector.line)));
    }
    assert!(wrong.is_empty(), "other bytes than the real compressor's: {wrong:?}");
}

#[test]
fn encoders_give_the_bytes_of_the_real_compressors() {
    check(vectors().into_iter().filter(|vector| vector.len <= FAST_LEN));
}

#[test]
#[ignore = "slow: 16 MiB through every encoder"]
fn encoders_give_the_bytes_of_the_real_compressors_for_long_contents() {
    check(vectors().into_iter().filter(|vector| vector.len > FAST_LEN && !is_for_soak(vector)));
}

#[test]
#[ignore = "soak: all other vectors, five minutes on two cores"]
fn soak_of_the_long_contents_that_the_slow_test_leaves_out() {
    check(vectors().into_iter().filter(is_for_soak));
}

#[test]
#[ignore = "soak: gigabytes, for tests/soak"]
fn soak_encoders_give_the_bytes_of_the_real_compressors() {
    check(long_vectors().into_iter());
}

/// Vectors that hardly tell more than their neighbours do: one length of each kind is enough, and
/// the neighbours of 16 MiB for one kind.
fn is_for_soak(vector: &Vector) -> bool {
    let longest = LENS.into_iter().max().expect("lengths");
    vector.len > FAST_LEN && vector.kind != "mixed" && vector.len != longest
}

/// Writes the contents as KIND-LENGTH into the directory that `CHUNKDELTA_INPUTS` names, for a real
/// compressor to make vectors of.
#[test]
#[ignore = "tool: writes the contents for real compressors"]
fn tool_that_writes_contents() {
    for kind in KINDS {
        let longest = input(kind, LENS.into_iter().max().expect("lengths"));
        for len in LENS {
            write_content(kind, &longest[..len]);
        }
    }
}

/// The same for the long vectors.
#[test]
#[ignore = "tool: writes gigabytes for real compressors"]
fn tool_that_writes_long_contents() {
    let contents = long_vectors().into_iter().map(|vector| (vector.kind, vector.len));
    for (kind, len) in contents.collect::<BTreeSet<_>>() {
        write_content(&kind, &input(&kind, len));
    }
}

fn write_content(kind: &str, content: &[u8]) {
    let dir = std::env::var_os("CHUNKDELTA_INPUTS").expect("CHUNKDELTA_INPUTS names a directory");
    let path = Path::new(&dir).join(format!("{kind}-{}", content.len()));
    std::fs::write(path, content).expect("a file");
}
