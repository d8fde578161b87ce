//! Every encoder gives what the real compressor gave, byte for byte, in every release.
//!
//! `tests/golden/encoders/*.txt` has a line for each vector: number of the encoder, its parameters
//! with commas between (`-` for none), kind and length of the content, SHA-256 of what the real
//! compressor made of it.

#[path = "encoders/inputs.rs"]
mod inputs;

use std::collections::BTreeMap;
use std::path::Path;

use chunkdelta::compression::encoders;
use chunkdelta::digest::Digest;
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

fn vectors() -> Vec<Vector> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/encoders");
    let files = std::fs::read_dir(dir).expect("the vectors are there");
    let mut vectors = Vec::new();
    for file in files.map(|file| file.expect("a directory").path()) {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("a text");
        for (line, row) in text.lines().enumerate().filter(|(_, row)| !row.starts_with('#')) {
            let fields: Vec<&str> = row.split(' ').collect();
            let [number, parameters, kind, len, expected] = fields[..] else {
                panic!("{name}:{}: five fields", line + 1)
            };
            let parameters = parameters.split(',').filter(|parameter| *parameter != "-");
            vectors.push(Vector {
                file: name.clone(),
                line: line + 1,
                number: number.parse().expect("a number"),
                parameters: parameters.map(|text| text.parse().expect("a number")).collect(),
                kind: kind.to_owned(),
                len: len.parse().expect("a length"),
                expected: expected.to_owned(),
            });
        }
    }
    vectors
}

/// Encodes with the content cut at odd places, so that buffering is tested as well.
fn encode(vector: &Vector, content: &[u8]) -> Vec<u8> {
    let mut encoder = encoders::start(&encoders::Setup {
        number: vector.number,
        parameters: &vector.parameters,
        corrections: &[],
        content_len: content.len() as u64,
    })
    .expect("the encoder is there");
    let mut out = Vec::new();
    let mut rest = content;
    for len in [1, 7, 511, 4096, 65_537, 300_001].into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at(len.min(rest.len()));
        encoder.write(now, &mut out);
        rest = later;
    }
    encoder.finish(&mut out);
    out
}

fn check(is_ours: impl Fn(&Vector) -> bool) {
    let mut by_input: BTreeMap<(String, usize), Vec<Vector>> = BTreeMap::new();
    for vector in vectors().into_iter().filter(is_ours) {
        by_input.entry((vector.kind.clone(), vector.len)).or_default().push(vector);
    }
    assert!(!by_input.is_empty(), "there are vectors");
    let mut wrong = Vec::new();
    for ((kind, len), vectors) in by_input {
        let content = input(&kind, len);
        let is_wrong = |vector: &&Vector| {
            let found = Digest::of(&encode(vector, &content)).to_string();
            !found.ends_with(&vector.expected)
        };
        let vectors: Vec<&Vector> = vectors.par_iter().filter(is_wrong).collect();
        wrong.extend(vectors.iter().map(|vector| format!("{}:{}", vector.file, vector.line)));
    }
    assert!(wrong.is_empty(), "other bytes than the real compressor's: {wrong:?}");
}

#[test]
fn encoders_give_the_bytes_of_the_real_compressors() {
    check(|vector| vector.len <= FAST_LEN);
}

#[test]
#[ignore = "slow: 16 MiB through every encoder"]
fn encoders_give_the_bytes_of_the_real_compressors_for_long_contents() {
    check(|vector| vector.len > FAST_LEN && !is_for_soak(vector));
}

#[test]
#[ignore = "soak: all other vectors, five minutes on two cores"]
fn soak_of_the_long_contents_that_the_slow_test_leaves_out() {
    check(is_for_soak);
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
    let dir = std::env::var_os("CHUNKDELTA_INPUTS").expect("CHUNKDELTA_INPUTS names a directory");
    for kind in KINDS {
        let longest = input(kind, LENS.into_iter().max().expect("lengths"));
        for len in LENS {
            let path = Path::new(&dir).join(format!("{kind}-{len}"));
            std::fs::write(path, &longest[..len]).expect("a file");
        }
    }
}
