//! Layers with a table of contents, by the tools that write such: the table follows from the rest.

use std::fs;
use std::io::Read as _;

use chunkdelta::compression::{Compression, Inflater};

mod built;
mod support;

use built::{Built, round_trip};
use support::fixture;

/// Layers, and what their tables are called.
const LAYERS: [(&str, &str); 7] = [
    ("chunked-1.43.zst", "table of contents of zstd:chunked without tar-split"),
    ("chunked-1.57.zst", "table of contents of zstd:chunked"),
    ("chunked-1.57-berlin.zst", "table of contents of zstd:chunked"),
    ("stargz.gz", "table of contents of eStargz"),
    ("stargz-chunks.gz", "table of contents of eStargz"),
    ("stargz-lossless.gz", "table of contents of eStargz"),
    ("stargz.zst", "table of contents of eStargz in zstd"),
];

/// A stored layer and its content.
fn layer(name: &str) -> (Vec<u8>, Vec<u8>) {
    let stored = fs::read(fixture("tables").join(name)).expect("a fixture");
    let mut content = Vec::new();
    let compression = Compression::detect(&stored);
    let mut inflater = Inflater::open(stored.as_slice(), compression).expect("opens");
    inflater.read_to_end(&mut content).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    (stored, content)
}

fn archive(stored: &[u8], content: &[u8]) -> Vec<u8> {
    let mut built = Built::of(&[content]);
    built.layers[0].1 = stored.to_vec();
    built.archive()
}

/// The content with some of its bytes changed, as a plain layer of the base.
fn base(content: &[u8]) -> Vec<u8> {
    let mut changed = content.to_vec();
    for at in (2000..content.len()).step_by(20_000) {
        changed[at] ^= 0x55;
    }
    Built::of(&[&changed]).archive()
}

#[test]
fn a_table_by_each_writer_is_guessed_to_the_last_byte() {
    let mut wrong = Vec::new();
    for (name, expected) in LAYERS {
        let (stored, content) = layer(name);
        let plain = round_trip(name, &base(&content), &archive(&content, &content)).delta_len;
        let made = round_trip(name, &base(&content), &archive(&stored, &content));
        let table = made.layers[0].encoders.last().map(String::as_str);
        let is_corrected = made.streams.iter().any(|stream| stream.0 == "corrections");
        if table != Some(expected) || is_corrected || made.delta_len > plain + 700 {
            wrong.push(format!(
                "{name}: {table:?}, {} over {plain}, {is_corrected}",
                made.delta_len
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_index_that_the_base_has_as_content_is_not_guessed() {
    let (stored, content) = layer("stargz.gz");
    let base = Built::of(&[&content]).archive();
    let made = round_trip("given", &base, &archive(&stored, &content));
    assert!(made.delta_len < 1800, "{}", made.delta_len);
    let encoders = &made.layers[0].encoders;
    assert!(!encoders.iter().any(|name| name.starts_with("table")), "{encoders:?}");
}

#[test]
fn a_table_that_tells_something_else_costs_corrections() {
    let (stored, content) = layer("chunked-1.43.zst");
    let mut tampered = stored.clone();
    let frames: Vec<usize> = stored
        .windows(4)
        .enumerate()
        .filter(|(_, magic)| *magic == [0x50, 0x2a, 0x4d, 0x18])
        .map(|(at, _)| at)
        .collect();
    let [table, footer] = frames[..] else { panic!("two skippable frames: {frames:?}") };
    let manifest = zstd::decode_all(&stored[table + 8..footer]).expect("a frame");
    let manifest = String::from_utf8(manifest).expect("UTF-8").replace("setuid", "set-id");
    // Any compressor that is known will do.
    let packed = zstd::bulk::compress(manifest.as_bytes(), 3).expect("memory");
    tampered.truncate(table);
    let mut put = |bytes: &[u8]| {
        tampered.extend([0x50, 0x2a, 0x4d, 0x18]);
        tampered.extend(u32::try_from(bytes.len()).expect("short").to_le_bytes());
        tampered.extend(bytes);
    };
    put(&packed);
    let numbers = [table + 8, packed.len(), manifest.len(), 1];
    let footer: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    put(&[&footer[..], b"GnUlInUx"].concat());
    let made = round_trip("tampered", &base(&content), &archive(&tampered, &content));
    let corrections = made.streams.iter().find(|stream| stream.0 == "corrections");
    let corrections = corrections.expect("a name differs twice");
    assert!(corrections.1 < 60, "{corrections:?}");
    assert!(made.layers[0].encoders.iter().any(|name| name.starts_with("table")));
}
