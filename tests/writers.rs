//! Layers as the real writers compressed them (tests/fixtures/writers), made again to the last byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use chunkdelta::create::{CreateReport, Outcome};
use chunkdelta::units::Size;

mod built;

use built::{Built, round_trip, round_trip_within};

/// Blobs that one rule covers, and what has to become of them.
struct Writers {
    /// A name in tests/fixtures/writers; `N` stands for each of the levels.
    blobs: &'static str,
    levels: &'static [&'static str],
    /// What makes them again, with `N` for the level.
    encoder: &'static str,
    /// Bytes of corrections at most.
    corrections: u64,
}

const ALL: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "8", "9"];
const NONE: u64 = 0;

#[rustfmt::skip]
const WRITERS: &[Writers] = &[
    // Go's own gzip: docker, BuildKit, containerd, crane, ko.
    made("go-1.19-N.gz", ALL, "Go 1.8-1.26 compress/flate, level N", NONE),
    made("go-1.21-N.gz", ALL, "Go 1.8-1.26 compress/flate, level N", NONE),
    made("go-1.26-N.gz", ALL, "Go 1.8-1.26 compress/flate, level N", NONE),
    made("go-1.27-N.gz", &["1", "2", "3", "4", "5", "6"], "klauspost/compress flate (since 1.18.2, Go 1.27), level N", NONE),
    made("go-1.27-N.gz", &["7", "8", "9"], "klauspost/compress flate (since 1.15.15), level N", NONE),
    // klauspost/compress as Debian 12, 13 and its testing have it. Where releases agree the detector
    // names the era that is most in use.
    made("klauspost-1.15-gzip-N.gz", &["1", "2", "3", "4", "5", "6"], "klauspost/compress flate (since 1.15.15), level N", NONE),
    made("klauspost-1.15-gzip-N.gz", &["7", "8", "9"], "klauspost/compress flate (since 1.15.11), level N", NONE),
    made("klauspost-1.18-gzip-N.gz", &["1", "2", "3", "5", "6", "7", "8", "9"], "klauspost/compress flate (since 1.15.15), level N", NONE),
    made("klauspost-1.18-gzip-N.gz", &["4"], "klauspost/compress flate (since 1.18.0), level N", NONE),
    made("klauspost-1.20-gzip-N.gz", &["1", "2", "3", "4", "5", "6"], "klauspost/compress flate (since 1.18.2, Go 1.27), level N", NONE),
    made("klauspost-1.20-gzip-N.gz", &["7", "8", "9"], "klauspost/compress flate (since 1.15.15), level N", NONE),
    made("klauspost-1.15-pgzip-N.gz", &["1", "2", "3", "4", "5", "6"], "klauspost/compress flate in pgzip (since 1.15.15), level N, blocks of 65536", NONE),
    made("klauspost-1.15-pgzip-N.gz", &["7", "8", "9"], "klauspost/compress flate in pgzip (since 1.15.11), level N, blocks of 65536", NONE),
    made("klauspost-1.18-pgzip-N.gz", &["1", "2", "3", "5", "6", "7", "8", "9"], "klauspost/compress flate in pgzip (since 1.15.15), level N, blocks of 65536", NONE),
    made("klauspost-1.18-pgzip-N.gz", &["4"], "klauspost/compress flate in pgzip (since 1.18.0), level N, blocks of 65536", NONE),
    made("klauspost-1.20-pgzip-N.gz", &["1", "2", "3", "4", "5", "6"], "klauspost/compress flate in pgzip (since 1.18.2, Go 1.27), level N, blocks of 65536", NONE),
    made("klauspost-1.20-pgzip-N.gz", &["7", "8"], "klauspost/compress flate in pgzip (since 1.15.15), level N, blocks of 65536", NONE),
    made("klauspost-1.20-pgzip-N.gz", &["9"], "klauspost/compress flate in pgzip (since 1.18.2, Go 1.27), level N, blocks of 65536", NONE),
    made("klauspost-1.15-zstd-N.zst", &["fastest", "default"], "klauspost/compress zstd (since 1.17.8), N", NONE),
    made("klauspost-1.15-zstd-N.zst", &["better"], "klauspost/compress zstd (since 1.17.0), N", NONE),
    made("klauspost-1.15-zstd-N.zst", &["best"], "klauspost/compress zstd (since 1.15.11), N", NONE),
    made("klauspost-1.18-zstd-N.zst", &["fastest", "default", "better", "best"], "klauspost/compress zstd (since 1.17.8), N", NONE),
    made("klauspost-1.20-zstd-N.zst", &["fastest", "default", "better", "best"], "klauspost/compress zstd (since 1.17.8), N", NONE),
    // Tools that take images.
    made("debian12-docker.gz", &[""], "Go 1.8-1.26 compress/flate, level 6", NONE),
    made("debian12-skopeo-gzip.gz", &[""], "klauspost/compress flate in pgzip (since 1.15.15), level 5, blocks of 1048576", NONE),
    made("debian12-podman-gzip.gz", &[""], "klauspost/compress flate in pgzip (since 1.15.15), level 5, blocks of 1048576", NONE),
    made("debian12-umoci.gz", &[""], "klauspost/compress flate in pgzip (since 1.15.15), level 5, blocks of 262144", NONE),
    made("debian12-skopeo-zstd.zst", &[""], "klauspost/compress zstd (since 1.17.8), default", NONE),
    made("debian12-podman-zstd.zst", &[""], "klauspost/compress zstd (since 1.17.8), default", NONE),
    made("debian13-skopeo-gzip.gz", &[""], "klauspost/compress flate in pgzip (since 1.15.15), level 5, blocks of 1048576", NONE),
    made("debian13-podman-gzip.gz", &[""], "klauspost/compress flate in pgzip (since 1.15.15), level 5, blocks of 1048576", NONE),
    made("debian13-skopeo-zstd.zst", &[""], "klauspost/compress zstd (since 1.17.8), default", NONE),
    made("debian13-podman-zstd.zst", &[""], "klauspost/compress zstd (since 1.17.8), default", NONE),
    // What their tables of contents are not guessed by is the lengths of frames.
    made("debian13-skopeo-chunked.zst", &[""], CHUNKED, 100),
    made("debian13-podman-chunked.zst", &[""], CHUNKED, 100),
    // zlib and what has it inside.
    made("debian12-python-N.gz", &["1", "6", "9"], "zlib, level N", NONE),
    made("debian13-python-N.gz", &["1", "6", "9"], "zlib, level N", NONE),
    made("debian12-pigz-N.gz", &["1", "6", "9"], "zlib in pigz, level N, blocks of 131072", NONE),
    made("debian13-pigz-N.gz", &["1", "6", "9"], "zlib in pigz, level N, blocks of 131072", NONE),
    made("debian12-pigz-i.gz", &[""], "zlib in pigz, level 6, blocks of 131072, independent", NONE),
    made("debian13-pigz-i.gz", &[""], "zlib in pigz, level 6, blocks of 131072, independent", NONE),
    // Nobody's encoder: corrections.
    made("debian12-gzip-N.gz", &["1", "6", "9"], "any deflate, with corrections", 200),
    made("debian13-gzip-N.gz", &["1", "6", "9"], "any deflate, with corrections", 200),
    made("debian12-libdeflate-N.gz", &["1", "6", "12"], "any deflate, with corrections", 3000),
    made("debian13-libdeflate-N.gz", &["1", "6", "12"], "any deflate, with corrections", 3000),
    // libzstd 1.5.7, and 1.5.4 of Debian 12, which differs but at level 1.
    made("debian13-zstd-N.zst", &["1", "3", "19"], "libzstd 1.5.7, level N, with workers", NONE),
    made("debian13-zstd-pipe.zst", &[""], "libzstd 1.5.7, level 3, with workers", NONE),
    made("debian12-zstd-N.zst", &["1"], "libzstd 1.5.7, level N, with workers", NONE),
    made("debian12-zstd-N.zst", &["3", "19", "pipe"], STORED, NONE),
];

/// Memory for apply: zstd -19 with workers wants more than it has unless told otherwise.
const MEMORY: Size = Size(400_000_000);

const CHUNKED: &str =
    "klauspost/compress zstd (since 1.17.8), best + table of contents of zstd:chunked";

/// In place of an encoder: the blob is carried as it is.
const STORED: &str = "stored";

const fn made(
    blobs: &'static str,
    levels: &'static [&'static str],
    encoder: &'static str,
    corrections: u64,
) -> Writers {
    Writers { blobs, levels, encoder, corrections }
}

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/writers")
}

fn content(name: &str) -> Vec<u8> {
    let file = File::open(dir().join(name)).expect("kept");
    zstd::decode_all(file).expect("zstd")
}

/// A name, what makes the blob again, bytes of corrections at most.
type Blob = (String, String, u64);

fn blobs() -> impl Iterator<Item = Blob> {
    WRITERS.iter().flat_map(|writers| {
        writers.levels.iter().map(|level| {
            let name = writers.blobs.replace('N', level);
            (name, writers.encoder.replace(" N", &format!(" {level}")), writers.corrections)
        })
    })
}

/// The content's image with the layer stored as `stored`.
fn archive(stored: &[u8], content: &[u8]) -> Vec<u8> {
    let mut built = Built::of(&[content]);
    built.layers[0].1 = stored.to_vec();
    built.archive()
}

fn corrections(report: &CreateReport) -> u64 {
    let streams = report.streams.iter().filter(|(name, ..)| *name == "corrections");
    streams.map(|(_, decoded, _)| decoded).sum()
}

/// What became of a blob at a site that has its content: what made it again, with how many bytes of
/// corrections.
fn outcome(name: &str, stored: &[u8], content: &[u8]) -> (String, u64) {
    let base = Built::of(&[content]).archive();
    let report = round_trip_within(MEMORY, name, &base, &archive(stored, content));
    let layer = &report.layers[0];
    let made_by = match layer.outcome {
        Outcome::Stored => STORED.to_owned(),
        _ => layer.encoders.join(" + "),
    };
    (made_by, corrections(&report))
}

#[test]
fn every_kept_blob_is_made_again_by_the_encoder_that_was_its_writers() {
    let contents = ["layer.tar.zst", "long.tar.zst"].map(content);
    let mut by_bytes: BTreeMap<Vec<u8>, Vec<Blob>> = BTreeMap::new();
    for blob in blobs() {
        let stored = fs::read(dir().join(&blob.0)).expect("kept");
        by_bytes.entry(stored).or_default().push(blob);
    }
    let mut wrong = Vec::new();
    for (stored, blobs) in by_bytes {
        let content = &contents[usize::from(is_of_an_image(&blobs[0].0))];
        let (found, corrections) = outcome(&blobs[0].0, &stored, content);
        for (name, expected, at_most) in blobs {
            if found != expected || corrections > at_most {
                wrong.push(format!("{name}: {found}, {corrections} corrections"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Was it written by a tool that takes images? Those got the longer content, with several blocks.
fn is_of_an_image(name: &str) -> bool {
    ["docker", "skopeo", "podman", "umoci"].iter().any(|tool| name.contains(tool))
}

#[test]
fn every_kept_blob_has_its_row_and_its_command() {
    let readme = fs::read_to_string(dir().join("README.md")).expect("there");
    let unnamed =
        WRITERS.iter().filter(|writers| !readme.contains(&format!("`{}`", writers.blobs)));
    assert_eq!(unnamed.map(|writers| writers.blobs).collect::<Vec<_>>(), [""; 0], "in README.md");

    let names: BTreeSet<String> = blobs().map(|(name, ..)| name).collect();
    let entries = fs::read_dir(dir()).expect("there").map(|entry| entry.expect("readable"));
    let kept: BTreeSet<String> = entries
        .map(|entry| entry.file_name().into_string().expect("ASCII"))
        .filter(|name| !["README.md", "layer.tar.zst", "long.tar.zst"].contains(&name.as_str()))
        .collect();
    assert_eq!(names, kept);
}

#[test]
fn an_archive_in_gzip_or_zstd_by_a_tool_is_made_again_around_its_layers() {
    let content = content("layer.tar.zst");
    let changed: Vec<u8> = content.iter().map(|byte| byte ^ u8::from(*byte == b'q')).collect();
    let (base, plain) = (Built::of(&[&changed]).archive(), archive(&content, &content));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    gzip.write_all(&plain).expect("memory");
    let gzip = gzip.finish().expect("memory");
    let zstd = zstd::encode_all(plain.as_slice(), 3).expect("memory");

    let plain = round_trip("plain", &base, &plain).delta_len;
    for (name, wrapped) in [("gzip", gzip), ("zstd", zstd)] {
        let made = round_trip(name, &base, &wrapped).delta_len;
        assert!(made <= plain + 400, "{name}: {made} over {plain}");
    }
}
