//! Layers by writers that are replayed, or corrected: the layer of tests/fixtures/README.md as each of
//! them compressed it, made again to the last byte.

use std::fs;
use std::io::Read as _;

use chunkdelta::compression::{Compression, Inflater};

mod built;
mod support;

use built::{Built, round_trip};
use support::fixture;

/// Writers, what makes their layers again, and bytes that the delta may be longer than one between
/// plain layers.
const WRITERS: [(&str, &str, u64); 14] = [
    ("gzip-1.gz", "any deflate, with corrections", 600),
    ("gzip-6.gz", "any deflate, with corrections", 600),
    ("gzip-9.gz", "any deflate, with corrections", 600),
    ("libdeflate-6.gz", "any deflate, with corrections", 3000),
    ("pigz-1.gz", "zlib in pigz, level 1, blocks of 131072", 300),
    ("pigz-6.gz", "zlib in pigz, level 6, blocks of 131072", 300),
    ("pigz-9.gz", "zlib in pigz, level 9, blocks of 131072", 300),
    ("pigz-i.gz", "zlib in pigz, level 6, blocks of 131072, independent", 300),
    ("python-6.gz", "zlib, level 6", 300),
    ("python-9.gz", "zlib, level 9", 300),
    ("zstd-1.zst", "libzstd 1.5.7, level 1, with workers", 300),
    ("zstd-3.zst", "libzstd 1.5.7, level 3, with workers", 300),
    ("zstd-3-pipe.zst", "libzstd 1.5.7, level 3, with workers", 300),
    ("zstd-19.zst", "libzstd 1.5.7, level 19, with workers", 300),
];

/// A stored layer and its content.
fn layer(name: &str) -> (Vec<u8>, Vec<u8>) {
    let stored = fs::read(fixture("writers").join(name)).expect("a fixture");
    let mut content = Vec::new();
    let compression = Compression::detect(&stored);
    let mut inflater = Inflater::open(stored.as_slice(), compression).expect("opens");
    inflater.read_to_end(&mut content).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    (stored, content)
}

/// The content with some of its bytes changed, as a plain layer of the base.
fn base(content: &[u8]) -> Vec<u8> {
    let mut changed = content.to_vec();
    for at in (2000..content.len()).step_by(40_000) {
        changed[at] ^= 0x55;
    }
    Built::of(&[&changed]).archive()
}

fn archive(stored: &[u8], content: &[u8]) -> Vec<u8> {
    let mut built = Built::of(&[content]);
    built.layers[0].1 = stored.to_vec();
    built.archive()
}

#[test]
fn a_layer_by_each_writer_costs_what_the_plain_one_costs_and_comes_back() {
    let (_, content) = layer("gzip-6.gz");
    let plain = round_trip("plain", &base(&content), &archive(&content, &content)).delta_len;
    let mut wrong = Vec::new();
    for (name, expected, more) in WRITERS {
        let (stored, own_content) = layer(name);
        assert!(own_content == content, "{name} is of the same content");
        let made = round_trip(name, &base(&content), &archive(&stored, &content));
        let encoders = &made.layers[0].encoders;
        if *encoders != [expected] || made.delta_len > plain + more {
            wrong.push(format!("{name}: {encoders:?}, {} over {plain}", made.delta_len));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_archive_in_gzip_or_zstd_by_a_tool_is_made_again_around_its_layers() {
    let (_, content) = layer("gzip-6.gz");
    let base = base(&content);
    let plain = archive(&content, &content);
    let zlib = {
        let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
        std::io::Write::write_all(&mut encoder, &plain).expect("memory");
        out.extend(encoder.finish().expect("memory"));
        let mut check = flate2::Crc::new();
        check.update(&plain);
        out.extend(check.sum().to_le_bytes());
        out.extend(check.amount().to_le_bytes());
        out
    };
    let zstd = zstd::encode_all(plain.as_slice(), 3).expect("memory");
    let plain = round_trip("plain", &base, &plain).delta_len;
    for (name, wrapped) in [("gzip", zlib), ("zstd", zstd)] {
        let made = round_trip(name, &base, &wrapped).delta_len;
        assert!(made <= plain + 400, "{name}: {made} over {plain}");
    }
}
