//! Inputs to begin with, made by the crate's own writers and those of its dependencies.

use std::io::Write as _;

use chunkdelta::format::Codec;
use flate2::write::GzEncoder;

use super::draw::noise;
use super::scenarios::{Scenario, scenarios};
use super::walker::seal;

/// The seeds of a target, always the same.
pub(crate) fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "covers" => edited_inputs(),
        "delta" => deltas(),
        "delta_resealed" => edits(),
        "detector" => blobs(),
        "encoders" => contents(),
        "headers" => headers(),
        "image" => images(),
        "inflate" => compressed(),
        "pairing" => named(),
        "roundtrip" => round_trips(),
        "walker" => archives().into_iter().flat_map(|tar| [with(0, &tar), with(1, &tar)]).collect(),
        _ => Vec::new(),
    }
}

fn with(first: u8, rest: &[u8]) -> Vec<u8> {
    [&[first], rest].concat()
}

/// Deltas as written, and with a header that is not compressed, so that mutations tell.
fn deltas() -> Vec<Vec<u8>> {
    let seeds = scenarios().iter().flat_map(|Scenario { delta, model, .. }| {
        [delta.clone(), model.build(Codec::Stored, false).sealed()]
    });
    seeds.collect()
}

/// Every scenario unchanged in several modes, and with an edit of each kind.
fn edits() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    let mut edits = noise(20, 4096).into_iter();
    for scenario in 0..u8::try_from(scenarios().len()).expect("few") {
        for (options, how) in [(0, 0), (4, 7), (1, 9), (0, 16)] {
            seeds.push(vec![scenario, options, how, 0]);
        }
        let new = [240, 248, 252].into_iter().filter(|_| scenario > 5);
        let raw = (232..240).filter(|_| scenario > 9);
        let new = new.flat_map(|kind| kind..=kind + 3).chain(raw);
        for first in (scenario % 3..20).step_by(3).chain(new) {
            let mut seed = vec![scenario, first % 8, 9, 0, first];
            seed.extend(edits.by_ref().take(11));
            seeds.push(seed);
        }
    }
    seeds
}

/// Every encoder number that is known, with contents of each kind.
fn contents() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for number in 0..11_u8 {
        for (level, count) in [(1, 1), (6, 2), (9, 1), (10, 2), (5, 6)] {
            let mut seed = vec![number, count, level];
            seed.extend((1..count).map(|_| 0));
            seed.extend([7, number, 0]);
            seed.extend([4 + 6 * 20, 0, 40]);
            seed.extend(b"a line of a text\n");
            seed.extend([0, 200, level, 5, 200, 90, 10, 0, 1, 255, 0, 2, b'x', b'y']);
            seeds.push(seed);
        }
    }
    seeds
}

/// The same as gzip blobs, changed in each way.
fn blobs() -> Vec<Vec<u8>> {
    let changes = [0, 1, 2, 3, 4 + 16, 5 + 32, 8, 12 + 16].into_iter().cycle();
    contents().into_iter().zip(changes).map(|(seed, what)| with(what, &seed)).collect()
}

fn round_trips() -> Vec<Vec<u8>> {
    (0..24_u8).map(|seed| noise(30 + u64::from(seed), 20 + 30 * usize::from(seed))).collect()
}

/// Contents in a few pieces, and edits of each kind.
fn edited_inputs() -> Vec<Vec<u8>> {
    let mut edits = noise(21, 4096).into_iter();
    let seed = |what: u8| {
        let mut seed = vec![what, what & 1, 2];
        for kind in [what, what / 2 + 3] {
            seed.push(kind);
            seed.extend(edits.by_ref().take(8));
        }
        // Noise, a line that repeats, bytes from before.
        seed.extend([6 * what, 0, 20, 4 + 6 * 19, 0, 10]);
        seed.extend(b"a line of a text\n");
        seed.extend([0, 200, 5, 100, 0, 0, 8]);
        seed
    };
    (0..16).map(seed).collect()
}

/// Blocks that are like each other, and entries.
fn headers() -> Vec<Vec<u8>> {
    // The entries of docs/headers.md, section 6.
    let examples: [&[u8]; 4] = [
        &[0x1F, 0x80, 0xC4, 0x9F, 0xD5, 0x0C, 0x0A, 0, b'a', 0, 0, 0x10, 0, b'b', 0, 0],
        &[7, 0x80, 0xE8, 0xF8, 4, 0],
        &[0x80, 2, 10, 1, 7, 3, 2, 8, 9],
        &[0x70, 3, b'x', 0, 0, 0, b'y', 0, 0, 0, b'z', 0, 0, 1, 2, 3, 4, 5, 6],
    ];
    let mut seeds = Vec::new();
    for (number, example) in (0..).zip(examples) {
        seeds.push([&[0, 0, 0, 0, 0][..], example].concat());
        let first = [3, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut seed = first.to_vec();
        // A field, how many bytes of it, and these.
        for field in 0..4 {
            seed.extend([7, 1, 3 * field + number, 12]);
            seed.extend(
                [b"00000000017\0", b"   12345670 ", b"\x80\0\0\0\0\0\0\0\0\0\x01\x02"]
                    [usize::from(field % 3)],
            );
        }
        seed.extend(example);
        seeds.push(seed);
    }
    seeds
}

/// Names that are like each other.
fn named() -> Vec<Vec<u8>> {
    let names: [&[u8]; 6] = [
        b"usr/lib/libx.so.1.2.3",
        b"./usr/lib/libx.so.1.10",
        b"usr/lib/python3.11/os.py",
        b"usr/lib/python3.13/os.py",
        b"static/main.3f2a77.js",
        b"",
    ];
    let seed = |count: u8| {
        let mut seed = vec![count];
        for (number, name) in (0..).zip(names.iter().cycle().take(9)) {
            seed.extend([8 * u8::try_from(name.len()).expect("short"), 0, 0]);
            seed.extend(*name);
            seed.extend([6, 100 + count * number]);
        }
        seed.extend([1, 2, 0, 3, 7, 1, 0, 2, 3, b'1', b'2', b'/', 7, 44, 1, 5, 1, 0, 1, 0, 9]);
        seed
    };
    (0..7).map(seed).collect()
}

fn compressed() -> Vec<Vec<u8>> {
    let contents = [Vec::new(), b"abc".to_vec(), noise(40, 300), vec![0; 5000], vec![b'x'; 70_000]];
    let mut seeds = Vec::new();
    for content in &contents {
        let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(content).expect("memory");
        let gzip = gzip.finish().expect("memory");
        let zstd = zstd::bulk::compress(content, 3).expect("memory");
        seeds.push(with(1, &zstd));
        seeds.push(with(4, &gzip));
        seeds.push(with(5, &[&zstd[..], b"\x50\x2a\x4d\x18\x02\0\0\0ab", &zstd].concat()));
        seeds.push(with(8, &[&gzip[..], &gzip, &[0; 20]].concat()));
    }
    seeds.push(with(
        0,
        b"\x1f\x8b\x08\x1e\0\0\0\0\0\x03\x04\0abcdname\0comment\0\0\0\x03\0\0\0\0\0\0\0\0\0",
    ));
    seeds.push(with(2, b"plain"));
    seeds
}

/// A header block, with the fields that matter.
fn header(name: &[u8], size: usize, flag: u8) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name);
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[156] = flag;
    block[157..161].copy_from_slice(b"a/bc");
    block[257..265].copy_from_slice(b"ustar\x0000");
    seal(&mut block);
    block
}

fn member(name: &[u8], flag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut member = header(name, bytes.len(), flag);
    member.extend(bytes);
    member.resize(member.len().next_multiple_of(512), 0);
    member
}

fn archives() -> Vec<Vec<u8>> {
    let plain = [member(b"a/bc", b'0', b"abc"), member(b"d/", b'5', b""), vec![0; 1024]].concat();
    let links = [b'1', b'2', b'3', b'S'].map(|flag| member(b"link", flag, b"")).concat();
    let long = [member(b"././@LongLink", b'L', &[b'n'; 600]), member(b"n", b'0', b"x")].concat();
    let long_link =
        [member(b"././@LongLink", b'K', &[b'k'; 200]), member(b"n", b'2', b"")].concat();
    let records = b"12 path=abc\n18 linkpath=a/b/c\n10 size=2\n22 GNU.sparse.major=1\n";
    let pax = [member(b"Pax/x", b'x', records), member(b"short", b'0', b"xy")].concat();
    let global = [member(b"Pax/g", b'g', b"12 path=abc\n"), member(b"s", b'0', b"xy")].concat();
    let mut sparse = header(b"sparse", 0, b'S');
    sparse[482] = 1;
    seal(&mut sparse);
    let cut = header(b"cut", 5000, b'0');
    vec![plain, links, long, long_link, pax, global, [sparse, vec![1; 512]].concat(), cut]
}

/// Archives as they are, and operations that put the forms of images together.
fn images() -> Vec<Vec<u8>> {
    // A layer, a config of it, a manifest of both, an index.json, and for Docker a manifest.json:
    // each number is what the builder asks for in its order.
    let layer = [0, 5, 3, b'a', b'b', b'c', 7, 7, 7, 7];
    let config = [2, 1, 0, 0, 7, 7, 7, 7, 7];
    let manifest = [3, 1, 0, 1, 1, 15, 7, 7, 7, 7];
    let index = [5, 0, 1, 0];
    let layout = [12];
    let docker = [6, 0, 1, 1, 1, 0, 7];
    let link = [8, 64, 3, 1];
    let oci = [&layer[..], &config, &manifest, &index, &layout].concat();
    let both = [&oci[..], &docker].concat();
    let old = [&layer[..], &config, &link, &docker].concat();
    let nested = [&layer[..], &config, &manifest, &[4, 1, 0, 7, 7, 7, 7], &index].concat();
    let dir = [&layer[..], &config, &[7, 1, 1, 0, 1, 1, 15]].concat();
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for operations in [oci, both, old, nested, dir] {
        seeds.push(with(2, &operations));
        seeds.push(with(0x82, &operations));
    }
    seeds.extend(archives().iter().map(|tar| with(1, tar)));
    let documents = [
        member(b"manifest.json", b'0', br#"[{"Config":"c.json","RepoTags":["a"],"Layers":["l"]}]"#),
        member(b"c.json", b'0', br#"{"rootfs":{"diff_ids":[]}}"#),
        member(b"l", b'0', b"layer"),
    ];
    seeds.push(with(0x81, &documents.concat()));
    seeds
}
