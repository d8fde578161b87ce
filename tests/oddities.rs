//! What image tools do besides the usual comes back byte for byte.

use std::io::Write as _;

use serde_json::Value;

mod built;

use built::{Built, header, noise, round_trip, tar_of, text};

/// A layer of two files; the seed decides their bytes.
fn layer(seed: u64) -> Vec<u8> {
    tar_of(&[(b"usr/lib/data", &noise(seed, 30_000)), (b"etc/text", &text(seed, 20_000))])
}

/// `layer(1)` and a few bytes inserted in its first file.
fn changed_layer() -> Vec<u8> {
    let mut data = noise(1, 30_000);
    data.splice(10_000..10_000, *b"inserted");
    tar_of(&[(b"usr/lib/data", &data), (b"etc/text", &text(1, 20_000))])
}

fn base() -> Vec<u8> {
    Built::of(&[&layer(1)]).archive()
}

/// Outcomes of the layers.
fn outcomes(target: &[u8], name: &str) -> Vec<&'static str> {
    let report = round_trip(name, &base(), target);
    report.layers.iter().map(|layer| layer.outcome.name()).collect()
}

/// Checks an image whose last layer is `layer`, as target and as base.
fn as_layer(name: &str, layer: &[u8], least_shared: u64) {
    let image = Built::of(&[&self::layer(1), layer]).archive();
    assert_eq!(outcomes(&image, name), ["reused", "rebuilt"]);
    let mut other = layer.to_vec();
    other.splice(layer.len() / 2..layer.len() / 2, *b"!");
    let report = round_trip(name, &image, &Built::of(&[&other]).archive());
    let chunkdelta::create::Outcome::Rebuilt(stats) = report.layers[0].outcome else {
        panic!("{name}: {report:?}")
    };
    assert!(stats.base_bytes >= least_shared, "{name}: {stats:?}");
}

#[test]
fn an_image_without_names() {
    let mut image = Built::of(&[&changed_layer()]);
    image.repo_tags = Value::Null;
    assert_eq!(outcomes(&image.archive(), "null"), ["rebuilt"]);
    round_trip("null base", &image.archive(), &base());
}

#[test]
fn members_that_nothing_cites() {
    let mut image = Built::of(&[&layer(1)]);
    image.others = vec![
        ("blobs/sha256/nobody".to_owned(), noise(7, 5000)),
        ("repositories".to_owned(), b"{}".to_vec()),
        ("empty".to_owned(), Vec::new()),
    ];
    assert_eq!(outcomes(&image.archive(), "uncited"), ["reused"]);
    round_trip("uncited base", &image.archive(), &base());
}

#[test]
fn a_gnu_sparse_member() {
    let stored = noise(3, 8192);
    let mut layer = Vec::new();
    let mut sparse = tar::Header::new_gnu();
    sparse.as_mut_bytes()[..6].copy_from_slice(b"sparse");
    sparse.set_entry_type(tar::EntryType::GNUSparse);
    sparse.set_mode(0o644);
    sparse.set_size(8192);
    {
        let gnu = sparse.as_gnu_mut().expect("GNU");
        gnu.sparse[0].offset.copy_from_slice(b"00000000000\0");
        gnu.sparse[0].numbytes.copy_from_slice(b"00000010000\0");
        gnu.sparse[1].offset.copy_from_slice(b"00013770000\0");
        gnu.sparse[1].numbytes.copy_from_slice(b"00000010000\0");
        gnu.realsize.copy_from_slice(b"00014000000\0");
    }
    sparse.set_cksum();
    layer.extend(sparse.as_bytes());
    layer.extend(&stored);
    layer.extend(self::layer(4));
    as_layer("GNU sparse", &layer, 30_000);
}

#[test]
fn a_gnu_sparse_member_with_an_extended_map() {
    let mut layer = Vec::new();
    let mut sparse = tar::Header::new_gnu();
    sparse.as_mut_bytes()[..6].copy_from_slice(b"sparse");
    sparse.set_entry_type(tar::EntryType::GNUSparse);
    sparse.set_size(512 * 6);
    {
        let gnu = sparse.as_gnu_mut().expect("GNU");
        for (number, entry) in gnu.sparse.iter_mut().enumerate() {
            entry.offset.copy_from_slice(format!("{:011o}\0", number << 16).as_bytes());
            entry.numbytes.copy_from_slice(b"00000001000\0");
        }
        gnu.isextended[0] = 1;
    }
    sparse.set_cksum();
    layer.extend(sparse.as_bytes());
    let mut map = [0; 512];
    for number in 0..2 {
        let at = number * 24;
        map[at..at + 12].copy_from_slice(format!("{:011o}\0", (number + 4) << 16).as_bytes());
        map[at + 12..at + 24].copy_from_slice(b"00000001000\0");
    }
    layer.extend(map);
    layer.extend(noise(5, 512 * 6));
    layer.extend(self::layer(6));
    as_layer("extended GNU sparse", &layer, 40_000);
}

#[test]
fn pax_sparse_members() {
    let record = |key: &str, value: &str| {
        let rest = format!(" {key}={value}\n");
        let mut len = rest.len() + 1;
        while len.to_string().len() + rest.len() != len {
            len = len.to_string().len() + rest.len();
        }
        format!("{len}{rest}")
    };
    for version in ["0.1", "1.0"] {
        let mut pax =
            record("GNU.sparse.name", "sparse") + &record("GNU.sparse.realsize", "3145728");
        let mut stored = Vec::new();
        if version == "1.0" {
            pax += &(record("GNU.sparse.major", "1") + &record("GNU.sparse.minor", "0"));
            stored.extend(b"2\n0\n4096\n3141632\n4096\n");
            stored.resize(512, 0);
        } else {
            pax += &record("GNU.sparse.numblocks", "2");
            pax += &record("GNU.sparse.map", "0,4096,3141632,4096");
        }
        stored.extend(noise(8, 8192));
        let mut layer = header(b"PaxHeaders/sparse", pax.len(), b'x').to_vec();
        layer.extend(pax.as_bytes());
        layer.resize(layer.len().next_multiple_of(512), 0);
        layer.extend(header(b"GNUSparseFile.0/sparse", stored.len(), b'0'));
        layer.extend(stored);
        layer.extend(self::layer(9));
        as_layer(&format!("PAX sparse {version}"), &layer, 40_000);
    }
}

#[test]
fn names_that_are_not_utf_8() {
    let layer = tar_of(&[(b"\xff\xfe/\x80", &noise(10, 20_000)), (b"caf\xe9", &text(10, 20_000))]);
    as_layer("no UTF-8 in a layer", &layer, 30_000);
    // In the envelope they are members that nothing cites.
    let mut image = base();
    let odd = tar_of(&[(b"\xff\xfe.json", b"{}")]);
    image.splice(0..0, odd[..1024].iter().copied());
    assert_eq!(outcomes(&image, "no UTF-8 in the envelope"), ["reused"]);
    round_trip("no UTF-8 in the base's envelope", &image, &base());
}

#[test]
fn a_layer_without_padding_and_end_as_umoci_inserts_it() {
    let mut layer = header(b"inserted", 30_001, b'0').to_vec();
    layer.extend(noise(11, 30_001));
    as_layer("no padding", &layer, 25_000);
}

#[test]
fn a_layer_that_is_no_tar() {
    as_layer("noise", &noise(12, 40_000), 30_000);
    as_layer("text", &text(12, 40_000), 30_000);
    as_layer("zeros", &vec![0; 100_000], 0);
    as_layer("a header that is cut", &header(b"cut", 5, b'0')[..300], 0);
    let mut lies = header(b"longer than the layer", 0o777_7777, b'0').to_vec();
    lies.extend(noise(13, 40_000));
    as_layer("a member that is cut", &lies, 30_000);
}

#[test]
fn an_archive_without_end_blocks() {
    let image = Built::of(&[&changed_layer()]).archive();
    for blocks in [1, 2] {
        let cut = &image[..image.len() - 512 * blocks];
        assert_eq!(outcomes(cut, "no end"), ["rebuilt"]);
        round_trip("no end of the base", cut, &base());
    }
}

#[test]
fn an_archive_padded_to_records_of_gnu_tar() {
    let mut image = Built::of(&[&changed_layer()]).archive();
    image.resize(image.len().next_multiple_of(10_240), 0);
    assert_eq!(outcomes(&image, "records"), ["rebuilt"]);
    round_trip("records of the base", &image, &base());
}

#[test]
fn an_archive_with_bytes_after_its_end() {
    for garbage in [noise(14, 1), noise(14, 700), b"manifest.json".repeat(100), vec![0; 100_001]] {
        let mut image = Built::of(&[&changed_layer()]).archive();
        image.extend(garbage);
        assert_eq!(outcomes(&image, "garbage"), ["rebuilt"]);
        round_trip("garbage after the base", &image, &base());
    }
}

#[test]
fn an_image_without_layers() {
    let image = Built::of(&[]).archive();
    assert!(outcomes(&image, "no layers").is_empty());
    assert!(round_trip("no layers twice", &image, &image).layers.is_empty());
    assert_eq!(round_trip("no layers in the base", &image, &base()).layers.len(), 1);
}

#[test]
fn the_same_layer_twice() {
    // As one member that is named twice, and as two members with the same bytes.
    let new = changed_layer();
    let mut once = Built::of(&[&new, &layer(1), &new]);
    once.layers[2].0 = once.layers[0].0.clone();
    let report = round_trip("one member", &base(), &once.archive());
    let names: Vec<_> = report.layers.iter().map(|layer| layer.outcome.name()).collect();
    assert_eq!(names, ["rebuilt", "reused"]);
    let twice = Built::of(&[&new, &layer(1), &new]);
    let more = round_trip("two members", &base(), &twice.archive());
    assert_eq!(more.layers.len(), 3);
    assert!(more.delta_len < report.delta_len + 200, "the second one costs nothing");
    round_trip("two members in the base", &twice.archive(), &base());
}

#[test]
fn empty_layers() {
    // Docker's empty layer is a tar of nothing; an empty member is odder still.
    let nothing = tar_of(&[]);
    for layers in [[&nothing[..], &[]], [&[], &nothing], [&[], &[]], [&nothing, &nothing]] {
        let image = Built::of(&layers).archive();
        assert_eq!(round_trip("empty", &base(), &image).layers.len(), 2);
        round_trip("empty on empty", &image, &image);
        round_trip("empty base", &image, &base());
    }
}

#[test]
fn compressed_layers_in_a_docker_archive_as_crane_writes_it() {
    let crane = |contents: &[Vec<u8>]| {
        let mut image = Built::of(&contents.iter().map(Vec::as_slice).collect::<Vec<_>>());
        for (name, stored, content) in &mut image.layers {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(content).expect("in memory");
            *stored = gzip.finish().expect("in memory");
            let digest = chunkdelta::digest::Digest::of(stored).to_string();
            *name = format!("{}.tar.gz", digest.trim_start_matches("sha256:"));
        }
        image.archive()
    };
    let old = crane(&[layer(1), layer(2)]);
    let new = crane(&[layer(1), changed_layer()]);
    let report = round_trip("crane", &old, &new);
    let names: Vec<_> = report.layers.iter().map(|layer| layer.outcome.name()).collect();
    assert_eq!(names, ["held", "rebuilt"]);
    assert_eq!(outcomes(&new, "crane on a plain base"), ["rebuilt", "rebuilt"]);
}

#[test]
fn compressed_layers_whose_names_tell_no_digest() {
    let mut image = Built::of(&[&layer(1)]);
    image.layers[0].1 = zstd::encode_all(&*layer(1), 3).expect("in memory");
    let archive = image.archive();
    let report = round_trip("unnamed", &archive, &archive);
    assert_eq!(report.layers[0].outcome.name(), "held");
}
