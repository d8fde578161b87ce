//! Every form of image that the real tools write is read, and what is read is what is there.

use std::collections::BTreeMap;
use std::io;
use std::io::Write as _;

use chunkdelta::compression::{Compression, CompressionError};
use chunkdelta::digest::{BlobDigest, DiffId, Hasher};
use chunkdelta::image::{
    BlobKind, FileKind, Image, ImageError, Location, OpenOptions, Reference, RoleKind, Selector,
    open, open_file,
};
use chunkdelta::source::Sequential;

mod support;

use support::{TestSpool, fixture};

/// Fixture, form, versions of the images in it, compression of its layers.
const FIXTURES: [(&str, &str, &[u8], Compression); 31] = {
    use Compression::{Gzip, Plain, Zstd};
    [
        ("docker20-1.tar", "docker-archive", &[1], Plain),
        ("docker20-2.tar", "docker-archive", &[2], Plain),
        ("docker20-3.tar", "docker-archive", &[3], Plain),
        ("docker20-multi.tar", "docker-archive", &[1, 2], Plain),
        ("docker26-1.tar", "docker-archive", &[1], Plain),
        ("docker26-2.tar", "docker-archive", &[2], Plain),
        ("docker26-multi.tar", "docker-archive", &[1, 2], Plain),
        ("docker26-containerd-1.tar", "docker-archive", &[1], Gzip),
        ("docker26-containerd-2.tar", "docker-archive", &[2], Gzip),
        ("skopeo-docker-1.tar", "docker-archive", &[1], Plain),
        ("skopeo-docker-2.tar", "docker-archive", &[2], Plain),
        ("skopeo-oci-gzip-1.tar", "oci-archive", &[1], Gzip),
        ("skopeo-oci-gzip-2.tar", "oci-archive", &[2], Gzip),
        ("skopeo-oci-zstd-1.tar", "oci-archive", &[1], Zstd),
        ("skopeo-oci-zstd-2.tar", "oci-archive", &[2], Zstd),
        ("skopeo-oci-zstd-3.tar", "oci-archive", &[3], Zstd),
        ("skopeo18-oci-gzip-1.tar", "oci-archive", &[1], Gzip),
        ("skopeo18-oci-gzip-2.tar", "oci-archive", &[2], Gzip),
        ("skopeo18-oci-zstdchunked-1.tar", "oci-archive", &[1], Zstd),
        ("skopeo18-oci-zstdchunked-2.tar", "oci-archive", &[2], Zstd),
        ("podman-oci-1.tar", "oci-archive", &[1], Gzip),
        ("podman-oci-2.tar", "oci-archive", &[2], Gzip),
        ("registry-oci-layout-1", "oci", &[1], Gzip),
        ("registry-oci-layout-2", "oci", &[2], Gzip),
        ("registry-oci-layout-3", "oci", &[3], Gzip),
        ("registry-dir-1", "dir", &[1], Gzip),
        ("registry-dir-2", "dir", &[2], Gzip),
        ("oci-index", "oci", &[1, 2], Gzip),
        ("oci-index.tar", "oci-archive", &[1, 2], Gzip),
        // Wrapped by the test.
        ("docker20-1.tar", "docker-archive", &[1], Plain),
        ("skopeo-oci-zstd-1.tar", "oci-archive", &[1], Zstd),
    ]
};

fn try_open(text: &str) -> Result<Image, chunkdelta::image::OpenError> {
    let reference = Reference::parse(text.as_ref(), std::path::Path::exists).expect("lawful");
    open(&reference, &OpenOptions::new(&TestSpool))
}

fn opened(name: &str) -> Image {
    let path = fixture(name);
    try_open(path.to_str().expect("ASCII")).unwrap_or_else(|error| panic!("{name}: {error:?}"))
}

fn hash(mut bytes: impl io::Read) -> chunkdelta::digest::Digest {
    let mut all = Vec::new();
    bytes.read_to_end(&mut all).map_err(CompressionError::from_io).expect("whole");
    let mut hasher = Hasher::new();
    hasher.update(&all);
    hasher.finish()
}

/// Diff IDs of each image, lowest layer first.
fn diff_ids(image: &Image) -> Vec<Vec<DiffId>> {
    let of = |role| {
        let layers = image.children(role).filter(|role| role.kind == RoleKind::Layer);
        layers.map(|role| role.diff_id.expect("every fixture has configs")).collect()
    };
    image.images.iter().map(|entry| of(entry.role)).collect()
}

fn check_blobs(name: &str, image: &Image, compression: Compression) {
    for pair in image.blobs.windows(2) {
        let [left, right] = pair else { unreachable!() };
        assert!(
            left.file < right.file
                || (left.file == right.file && left.range.end() <= right.range.start()),
            "{name}: blobs are sorted and disjoint"
        );
    }
    for blob in &image.blobs {
        let stored = hash(Sequential::new(image.stored(blob)));
        if let Some(claimed) = blob.claimed {
            assert_eq!(BlobDigest(stored), claimed, "{name}");
        }
        if let BlobKind::Layer { diff_id } = blob.kind {
            assert_eq!(blob.compression, compression, "{name}");
            let content = hash(image.content(blob).expect("memory"));
            assert_eq!(Some(DiffId(content)), diff_id, "{name}");
        } else {
            assert!(blob.claimed.is_some() || blob.name == b"manifest.json", "{name}: {blob:?}");
        }
    }
    for (index, role) in image.roles.iter().enumerate() {
        assert!(role.parent.is_none_or(|parent| parent < index), "{name}: parents come first");
        let blob = role.blob.map(|blob| &image.blobs[blob]);
        assert_eq!(role.digest, blob.and_then(|blob| blob.claimed), "{name}: {role:?}");
    }
}

#[test]
fn every_form_of_a_version_holds_the_same_layers_and_says_the_truth() {
    let mut versions: BTreeMap<u8, Vec<DiffId>> = BTreeMap::new();
    for (name, form, holds, compression) in &FIXTURES[..29] {
        let image = opened(name);
        assert_eq!(image.form.to_string(), *form, "{name}");
        assert_eq!(image.wrapper, Compression::Plain, "{name}");
        check_blobs(name, &image, *compression);
        let found = diff_ids(&image);
        assert_eq!(found.len(), <[u8]>::len(holds), "{name}: {:#?}", image.roles);
        assert!(image.images.iter().all(|image| image.is_complete), "{name}");
        for (version, layers) in holds.iter().zip(found) {
            assert_eq!(layers.len(), if *version == 3 { 6 } else { 5 }, "{name}");
            assert_eq!(layers[1], layers[3], "{name}: the same layer twice");
            assert_eq!(versions.entry(*version).or_insert(layers.clone()), &layers, "{name}");
        }
        let layers = image.layers().count();
        let expected: usize = holds.iter().map(|version| if *version == 3 { 5 } else { 4 }).sum();
        assert_eq!(layers, expected, "{name}: a layer that occurs twice is one blob");
        image.check_unchanged().expect("nobody writes");
    }
    assert_eq!(versions[&3][..5], versions[&1]);
    assert!(versions[&1].iter().all(|layer| !versions[&2].contains(layer)));
}

#[test]
fn a_wrapped_archive_is_the_archive_inside() {
    for (name, form, _, compression) in &FIXTURES[29..] {
        let bytes = std::fs::read(fixture(name)).expect("readable");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&bytes).expect("in memory");
        let wrapped = [
            (Compression::Gzip, gzip.finish().expect("in memory")),
            (Compression::Zstd, zstd::encode_all(bytes.as_slice(), 1).expect("in memory")),
        ];
        let plain = opened(name);
        for (wrapper, stored) in wrapped {
            let mut file = tempfile::tempfile().expect("writable");
            file.write_all(&stored).expect("writable");
            let options = OpenOptions::new(&TestSpool);
            let image = open_file(file, name, &options).expect("an image");
            assert_eq!((image.wrapper, image.form.to_string()), (wrapper, (*form).to_owned()));
            assert_eq!((&image.blobs, &image.roles), (&plain.blobs, &plain.roles));
            check_blobs(name, &image, *compression);
            let inside = &image.files[0].source;
            assert_eq!(inside.len(), bytes.len() as u64);
        }
    }
}

#[test]
fn a_cut_wrapper_is_damage() {
    let bytes = std::fs::read(fixture("docker20-1.tar")).expect("readable");
    let mut stored = zstd::encode_all(bytes.as_slice(), 1).expect("in memory");
    stored.truncate(stored.len() - 10);
    let mut file = tempfile::tempfile().expect("writable");
    file.write_all(&stored).expect("writable");
    let error = open_file(file, "x.tar.zst", &OpenOptions::new(&TestSpool)).expect_err("cut");
    assert_eq!(error.to_string(), "cannot use x.tar.zst as an image");
    assert!(matches!(error.source, ImageError::Wrapper(CompressionError::Cut { .. })));
}

#[test]
fn images_carry_their_names_and_platforms() {
    let names = |name: &str| -> Vec<Vec<String>> {
        let image = opened(name);
        let all = image.images.iter().map(|entry| image.names(entry));
        all.map(|names| names.into_iter().map(str::to_owned).collect()).collect()
    };
    assert_eq!(names("docker20-multi.tar"), [["fixture/hello:1"], ["fixture/hello:2"]]);
    assert_eq!(
        names("docker26-multi.tar"),
        [
            ["docker.io/fixture/hello:1", "1", "fixture/hello:1"],
            ["docker.io/fixture/hello:2", "2", "fixture/hello:2"]
        ]
    );
    assert_eq!(names("skopeo-docker-1.tar"), [["docker.io/fixture/hello:1"]]);
    assert_eq!(names("podman-oci-1.tar"), [["localhost/fixture/hello:1"]]);
    assert_eq!(names("oci-index.tar"), [["multi"], ["multi"]]);
    assert!(names("registry-dir-1")[0].is_empty());
    let index = opened("oci-index");
    let platforms = index.images.iter().map(|image| index.roles[image.role].platform.as_str());
    assert_eq!(platforms.collect::<Vec<_>>(), ["linux/amd64", "linux/arm64/v8"]);
    assert_eq!(index.roles[0].kind, RoleKind::Index);
}

#[test]
fn blobs_that_nothing_cites_are_blobs_all_the_same() {
    let image = opened("docker26-1.tar");
    let others = image.blobs.iter().filter(|blob| blob.kind == BlobKind::Other);
    assert_eq!(others.count(), 5, "the V1 configs");
    assert_eq!(image.notes.iter().filter(|note| note.starts_with("nothing cites")).count(), 5);
}

#[test]
fn the_notes_tell_which_link_leads_to_a_layer() {
    let image = opened("docker20-1.tar");
    let expected = "layer 3 of fixture/hello:1: manifest.json names \
        296c5271d72688334ed70a50e15c775ce5905f700b31b7b767bb8ffbe4af81b3/layer.tar, a link to \
        0cccb6cf16a84411ad112d5837206bd7fdd2759a05bb3d575997c245449e172c/layer.tar";
    assert!(image.notes.iter().any(|note| note == expected), "{:#?}", image.notes);
}

#[test]
fn a_directory_lists_all_its_files_and_directories_by_the_bytes_of_their_paths() {
    let image = opened("registry-oci-layout-1");
    let paths: Vec<&[u8]> = image.files.iter().map(|file| file.path.as_slice()).collect();
    assert!(paths.is_sorted());
    assert_eq!(paths.len(), 10);
    assert_eq!(paths[0], b"blobs");
    assert_eq!(image.files[0].kind, FileKind::Directory);
    assert!(paths.contains(&&b"oci-layout"[..]));
}

#[test]
fn a_selector_keeps_one_image_and_what_it_needs() {
    let whole = opened("docker26-multi.tar");
    for text in ["fixture/hello:2", "docker.io/fixture/hello:2", "2", "@1"] {
        let path = fixture("docker26-multi.tar");
        let image = try_open(&format!("docker-archive:{}:{text}", path.display()));
        let image = image.expect("there is one");
        assert_eq!(diff_ids(&image), [diff_ids(&whole)[1].clone()], "{text}");
        assert_eq!(image.blobs.len(), 6, "{text}: manifest, config, four layers");
        check_blobs(text, &image, Compression::Plain);
    }
    let mut index = opened("oci-index.tar");
    index.narrow(&Selector::Name("multi".to_owned())).expect("the index has that name");
    assert_eq!(index.images.len(), 2);
    index.narrow(&Selector::Index(1)).expect("two images");
    assert_eq!(diff_ids(&index), [diff_ids(&opened("docker20-2.tar"))[0].clone()]);
}

#[test]
fn an_unknown_image_is_refused_with_a_list_of_what_is_there() {
    use chunkdelta::fault::{Class, Explain as _};
    let path = fixture("docker20-multi.tar");
    let error = try_open(&format!("docker-archive:{}:none", path.display())).expect_err("none");
    assert_eq!(error.source.to_string(), "no image none in it");
    assert_eq!(error.class(), Class::Usage);
    assert_eq!(
        error.hint().expect("a list"),
        "there is: @0 = fixture/hello:1, @1 = fixture/hello:2"
    );
}

#[test]
fn a_missing_file_is_named() {
    let error = try_open("/none/image.tar").expect_err("not there");
    assert_eq!(error.to_string(), "cannot use /none/image.tar as an image");
    assert_eq!(error.source.to_string(), "cannot read /none/image.tar");
}

#[test]
fn a_changed_file_is_seen() {
    let dir = tempfile::tempdir().expect("writable");
    let path = dir.path().join("image.tar");
    std::fs::copy(fixture("docker20-1.tar"), &path).expect("writable");
    let location = Location::Path(path.clone());
    let reference = Reference { location, selector: None };
    let image = open(&reference, &OpenOptions::new(&TestSpool)).expect("an image");
    image.check_unchanged().expect("not yet");
    std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .expect("ours")
        .write_all(b"x")
        .expect("ok");
    assert!(matches!(image.check_unchanged(), Err(ImageError::Changed { .. })));
}

#[test]
fn links_and_special_files_in_a_directory_are_refused() {
    use chunkdelta::fault::{Class, Explain as _};
    let dir = tempfile::tempdir().expect("writable");
    std::os::unix::fs::symlink("x", dir.path().join("index.json")).expect("writable");
    let error = try_open(dir.path().to_str().expect("ASCII")).expect_err("a link");
    assert!(matches!(error.source, ImageError::SpecialFile { .. }));
    assert_eq!(error.class(), Class::Unsupported);
}

#[test]
fn spoiled_archives_never_panic_and_what_is_read_of_them_lies_inside() {
    for name in ["docker20-1.tar", "docker26-1.tar", "oci-index.tar", "skopeo-docker-1.tar"] {
        let whole = std::fs::read(fixture(name)).expect("readable");
        let plain = opened(name);
        // Everything but the layers: headers and documents are what steers.
        let is_layer =
            |at: u64| plain.layers().any(|blob| at >= blob.range.start() && at < blob.range.end());
        let steering: Vec<usize> =
            (0..whole.len()).filter(|at| !is_layer(*at as u64) && whole[*at] != 0).collect();
        let mut seed = 1_u64;
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
            usize::try_from(seed >> 40).expect("24 bits")
        };
        let mut read = 0;
        for _ in 0..300 {
            let mut bytes = whole.clone();
            for _ in 0..=random() % 3 {
                let at = steering[random() % steering.len()];
                bytes[at] ^= 1 << (random() % 8);
            }
            if random().is_multiple_of(8) {
                bytes.truncate(random() % bytes.len());
            }
            let len = bytes.len() as u64;
            if let Ok(image) = Image::from_archive(Box::new(bytes), true) {
                read += 1;
                assert!(image.blobs.iter().all(|blob| blob.range.end() <= len), "{name}");
            }
        }
        assert!(read > 0, "{name}: some damage is harmless");
    }
}
