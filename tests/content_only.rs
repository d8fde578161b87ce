//! `create --content-only`: the target with plain layers, rewritten where it must be and nowhere
//! else, and given back exactly like that.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use chunkdelta::apply::apply;
use chunkdelta::compression::Compression;
use chunkdelta::create::{CreateOptions, create};
use chunkdelta::digest::Digest;
use chunkdelta::error::Error;
use chunkdelta::fault::{Class, Explain as _};
use chunkdelta::image::{BlobKind, Image, OpenOptions, Reference, open};
use chunkdelta::observer::{NoObserver, Recorder, Recording};
use chunkdelta::source::Sequential;
use serde_json::{Value, json};
use tempfile::TempDir;

mod built;
mod support;

use built::{apply_options, create_options, header, noise, tar_of, text};
use support::{fixture, spooler};

/// Every fixture with compressed layers.
const COMPRESSED: [&str; 19] = [
    "docker26-containerd-1.tar",
    "docker26-containerd-2.tar",
    "skopeo-oci-gzip-1.tar",
    "skopeo-oci-gzip-2.tar",
    "skopeo-oci-zstd-1.tar",
    "skopeo-oci-zstd-2.tar",
    "skopeo-oci-zstd-3.tar",
    "skopeo18-oci-gzip-1.tar",
    "skopeo18-oci-gzip-2.tar",
    "skopeo18-oci-zstdchunked-1.tar",
    "skopeo18-oci-zstdchunked-2.tar",
    "podman-oci-1.tar",
    "podman-oci-2.tar",
    "registry-oci-layout-1",
    "registry-oci-layout-2",
    "registry-dir-1",
    "registry-dir-2",
    "oci-index",
    "oci-index.tar",
];

/// Names and bytes of members in their order, or of files in the order of their paths.
type Members = Vec<(String, Vec<u8>)>;

fn content_only() -> CreateOptions {
    CreateOptions { is_content_only: true, ..create_options(3) }
}

/// What a run gave.
struct Made {
    dir: TempDir,
    heard: Recording,
}

impl Made {
    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    fn delta(&self) -> Vec<u8> {
        fs::read(self.dir.path().join("delta")).expect("published")
    }

    fn members(&self) -> Members {
        members(&self.out())
    }

    fn member(&self, name: &str) -> Vec<u8> {
        let members = self.members();
        let found = members.into_iter().find(|member| member.0 == name);
        found.unwrap_or_else(|| panic!("no {name}")).1
    }

    #[track_caller]
    fn warned(&self, text: &str) {
        assert!(
            self.heard.warnings.iter().any(|warning| warning == text),
            "{:#?}",
            self.heard.warnings
        );
    }
}

/// A base of plain layers.
fn base() -> PathBuf {
    fixture("docker20-1.tar")
}

fn try_create(target: &Path, delta: &Path, options: &CreateOptions) -> Result<Recording, Error> {
    let recorder = Recorder::default();
    create(base().as_os_str(), target.as_os_str(), delta, options, &recorder)?;
    Ok(recorder.finish())
}

/// Makes a content-only delta and applies it.
fn made(target: &Path) -> Made {
    let dir = tempfile::tempdir().expect("writable");
    let spools = dir.path().join("spools");
    fs::create_dir(&spools).expect("writable");
    let (delta, out) = (dir.path().join("delta"), dir.path().join("out"));
    let options = CreateOptions { tmpdir: Some(spools.clone()), ..content_only() };
    let heard = try_create(target, &delta, &options)
        .unwrap_or_else(|error| panic!("{}: {error:?}", target.display()));
    assert_eq!(fs::read_dir(&spools).expect("there").count(), 0, "a temporary stayed");
    apply(base().as_os_str(), delta.as_os_str(), &out, &apply_options(), &NoObserver)
        .unwrap_or_else(|error| panic!("{}: {error:?}", target.display()));
    Made { dir, heard }
}

/// The same of an archive in memory.
fn made_of(archive: &[u8]) -> Made {
    let mut file = tempfile::NamedTempFile::new().expect("writable");
    file.write_all(archive).expect("writable");
    made(file.path())
}

fn refused(archive: &[u8]) -> Error {
    let dir = tempfile::tempdir().expect("writable");
    let (target, delta) = (dir.path().join("target"), dir.path().join("delta"));
    fs::write(&target, archive).expect("writable");
    let error = try_create(&target, &delta, &content_only()).expect_err("refused");
    assert!(!delta.exists());
    error
}

/// An error with its sources.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

fn members(path: &Path) -> Members {
    if path.is_dir() {
        return files(path, path);
    }
    members_of(&fs::read(path).expect("readable"))
}

fn members_of(archive: &[u8]) -> Members {
    let mut archive = tar::Archive::new(archive);
    let member = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.expect("a tar");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("whole");
        (String::from_utf8(entry.path_bytes().into_owned()).expect("ASCII"), bytes)
    };
    archive.entries().expect("a tar").map(member).collect()
}

fn files(root: &Path, directory: &Path) -> Members {
    let mut all = Members::new();
    for entry in fs::read_dir(directory).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            all.extend(files(root, &path));
        } else {
            let name = path.strip_prefix(root).expect("below").to_str().expect("ASCII").to_owned();
            all.push((name, fs::read(&path).expect("readable")));
        }
    }
    all.sort();
    all
}

fn opened(path: &Path) -> Image {
    let reference = Reference::parse(path.as_os_str(), Path::exists).expect("lawful");
    open(&reference, &OpenOptions::new(spooler())).expect("an image")
}

fn plain(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    match Compression::detect(bytes) {
        Compression::Plain => return None,
        Compression::Gzip => {
            flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut content).expect("gzip");
        }
        Compression::Zstd => content = zstd::decode_all(bytes).expect("zstd"),
    }
    Some(content)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn hex(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string().replace("sha256:", "")
}

/// Every digest that an image claims is right, and its layers are plain.
fn assert_sound(path: &Path) {
    let image = opened(path);
    assert!(image.images.iter().all(|image| image.is_complete));
    for blob in &image.blobs {
        let mut bytes = Vec::new();
        Sequential::new(image.stored(blob)).read_to_end(&mut bytes).expect("readable");
        let found = Digest::of(&bytes);
        if let Some(claimed) = blob.claimed {
            assert_eq!(claimed.0, found, "{}", String::from_utf8_lossy(&blob.name));
        }
        if let BlobKind::Layer { diff_id } = blob.kind {
            assert_eq!(blob.compression, Compression::Plain);
            assert_eq!(diff_id.map(|diff_id| diff_id.0), Some(found));
        }
    }
}

/// What the rewriter should make of the members, by replacing texts in texts.
fn expected(old: &Members) -> Members {
    let mut new = old.clone();
    let mut words: BTreeMap<String, String> = BTreeMap::new();
    for (_, bytes) in &mut new {
        if let Some(content) = plain(bytes) {
            words.insert(hex(bytes), hex(&content));
            for colon in [":", ": "] {
                let size = |bytes: &[u8]| format!("\"size\"{colon}{}", bytes.len());
                words.insert(size(bytes) + ",", size(&content) + ",");
                words.insert(size(bytes) + "}", size(&content) + "}");
            }
            *bytes = content;
        }
    }
    // Manifests, then indexes of them, then indexes of those.
    for _ in 0..3 {
        let mut changed = BTreeMap::new();
        for (_, bytes) in &mut new {
            let Ok(text) = String::from_utf8(bytes.clone()) else { continue };
            if !text.contains("\"schemaVersion\"") && !text.contains("\"RepoTags\"") {
                continue;
            }
            let mut text = without_annotations(&text);
            for (from, to) in &words {
                text = text.replace(from.as_str(), to);
            }
            for suffix in ["+gzip\"", "+zstd\"", ".gzip\""] {
                text = text.replace(suffix, "\"");
            }
            if text.as_bytes() != bytes {
                changed.insert(hex(bytes), hex(text.as_bytes()));
                let size = |len: usize, end: &str| format!("\"size\":{len}{end}");
                for end in [",", "}"] {
                    changed.insert(size(bytes.len(), end), size(text.len(), end));
                }
                *bytes = text.into_bytes();
            }
        }
        for (name, _) in &mut new {
            for (from, to) in words.iter().filter(|(from, _)| from.len() == 64) {
                *name = name.replace(from.as_str(), to);
            }
        }
        words = changed;
    }
    for (name, _) in &mut new {
        for (from, to) in words.iter().filter(|(from, _)| from.len() == 64) {
            *name = name.replace(from.as_str(), to);
        }
    }
    new
}

/// Takes out the annotations of zstd:chunked layers, which have no others.
fn without_annotations(text: &str) -> String {
    let begin = ",\"annotations\":{\"io.github.containers.zstd-chunked.";
    let mut text = text.to_owned();
    while let Some(start) = text.find(begin) {
        let end = start + text[start..].find('}').expect("it ends") + 1;
        text.replace_range(start..end, "");
    }
    text
}

#[test]
fn layers_become_plain_and_only_what_cites_them_changes() {
    for name in COMPRESSED {
        let made = made(&fixture(name));
        assert_sound(&made.out());
        let (old, new) = (members(&fixture(name)), made.members());
        let mut expected = expected(&old);
        if fixture(name).is_dir() {
            expected.sort();
        }
        let names =
            |members: &Members| members.iter().map(|member| member.0.clone()).collect::<Vec<_>>();
        assert_eq!(names(&new), names(&expected), "{name}");
        for (new, expected) in new.iter().zip(&expected) {
            assert!(
                new == expected,
                "{name}: {}\n{}\n{}",
                new.0,
                String::from_utf8_lossy(&new.1),
                String::from_utf8_lossy(&expected.1)
            );
        }
    }
}

#[test]
fn rewritten_twice_it_is_the_same_and_the_delta_is_that_of_the_plain_form() {
    for name in [
        "skopeo-oci-gzip-2.tar",
        "skopeo18-oci-zstdchunked-2.tar",
        "registry-dir-2",
        "oci-index.tar",
        "docker26-containerd-2.tar",
    ] {
        let (one, other) = (made(&fixture(name)), made(&fixture(name)));
        assert_eq!(one.members(), other.members(), "{name}");
        assert!(one.delta() == other.delta(), "{name}");
        let again = one.dir.path().join("again");
        let heard = try_create(&one.out(), &again, &create_options(3)).expect("made");
        assert!(
            fs::read(&again).expect("published") == one.delta(),
            "{name}: same target, same delta"
        );
        assert_eq!(heard.warnings, Vec::<String>::new());
        assert_eq!(one.out().is_dir(), fixture(name).is_dir());
    }
}

#[test]
fn what_stands_around_the_members_stays() {
    for name in ["skopeo-oci-gzip-1.tar", "oci-index.tar", "docker26-containerd-1.tar"] {
        let old = fs::read(fixture(name)).expect("readable");
        let new = fs::read(made(&fixture(name)).out()).expect("published");
        let tail = |bytes: &[u8]| bytes.iter().rev().take_while(|byte| **byte == 0).count() / 512;
        let end = |bytes: &[u8]| {
            let mut archive = tar::Archive::new(bytes);
            let ends = archive.entries().expect("a tar").map(|entry| {
                let entry = entry.expect("a tar");
                (entry.raw_file_position() + entry.size()).next_multiple_of(512)
            });
            ends.last().expect("a member")
        };
        assert_eq!(new.len() as u64 - end(&new), old.len() as u64 - end(&old), "{name}");
        assert!(tail(&new) >= 2);
        let fields = |bytes: &[u8]| {
            let mut archive = tar::Archive::new(bytes);
            let field = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
                let entry = entry.expect("a tar");
                let header = entry.header();
                (header.mode().ok(), header.mtime().ok(), header.uid().ok(), header.entry_type())
            };
            archive.entries().expect("a tar").map(field).collect::<Vec<_>>()
        };
        assert_eq!(fields(&new), fields(&old), "{name}");
    }
}

#[test]
fn every_image_is_told_with_both_digests() {
    let made = made(&fixture("oci-index.tar"));
    let manifests = |members: Members| {
        let manifests = members.into_iter().filter(|(_, bytes)| {
            bytes.starts_with(b"{\"schemaVersion\"")
                && bytes.windows(8).any(|word| word == b"\"layers\"")
        });
        manifests.map(|(_, bytes)| Digest::of(&bytes)).collect::<Vec<_>>()
    };
    let old = manifests(members(&fixture("oci-index.tar")));
    let new = manifests(made.members());
    assert_eq!((old.len(), new.len()), (2, 2));
    let told = |words: &str, old: &Digest, new: &Digest| {
        format!("multi ({words}): manifest {old} becomes {new}")
    };
    let warnings = &made.heard.warnings;
    for (old, new) in old.iter().zip(&new) {
        let lines = [told("linux/amd64", old, new), told("linux/arm64/v8", old, new)];
        assert!(lines.iter().any(|line| warnings.contains(line)), "{warnings:#?}");
    }
    assert!(warnings.iter().any(|line| line.starts_with("multi: index sha256:840df682d881")));
    assert_eq!(warnings.len(), 3, "{warnings:#?}");
}

#[test]
fn a_target_without_compressed_layers_is_taken_as_it_is() {
    let target = fixture("docker26-2.tar");
    let made = made(&target);
    assert!(fs::read(made.out()).expect("published") == fs::read(&target).expect("readable"));
    let said =
        format!("{} has no compressed layers to replace: it is taken as it is", target.display());
    assert!(made.heard.notes.iter().any(|(_, note)| *note == said), "{:#?}", made.heard.notes);
    assert_eq!(made.heard.warnings, Vec::<String>::new());
}

#[test]
fn a_wrapper_is_taken_off_and_that_is_said() {
    for name in ["docker20-2.tar", "skopeo-oci-gzip-2.tar"] {
        let inside = fs::read(fixture(name)).expect("readable");
        let wrapped = made_of(&gzip(&inside));
        assert!(
            wrapped.heard.warnings[0]
                .ends_with(" loses the gzip wrapper around it: --content-only")
        );
        let bare = made_of(&inside);
        assert!(
            fs::read(wrapped.out()).expect("published") == fs::read(bare.out()).expect("published"),
            "{name}"
        );
        assert!(wrapped.delta() == bare.delta());
    }
}

/// An OCI archive in the making.
#[derive(Default)]
struct Layout(Vec<(String, Vec<u8>)>);

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

impl Layout {
    fn blob(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        let name = format!("blobs/sha256/{}", hex(bytes));
        if self.0.iter().all(|member| member.0 != name) {
            self.0.push((name, bytes.to_vec()));
        }
        json!({ "mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len() })
    }

    fn document(&mut self, media_type: &str, document: &Value) -> Value {
        self.blob(media_type, document.to_string().as_bytes())
    }

    fn config(&mut self, contents: &[&[u8]]) -> Value {
        let diff_ids: Vec<String> =
            contents.iter().map(|content| Digest::of(content).to_string()).collect();
        let config = json!({ "architecture": "amd64", "os": "linux",
            "rootfs": { "type": "layers", "diff_ids": diff_ids } });
        self.document("application/vnd.oci.image.config.v1+json", &config)
    }

    /// An image of layers that are stored as `store` has it.
    fn image(&mut self, contents: &[&[u8]], suffix: &str, store: fn(&[u8]) -> Vec<u8>) -> Value {
        let config = self.config(contents);
        let layer = |content: &&[u8]| self.blob(&format!("{LAYER}{suffix}"), &store(content));
        let layers: Vec<Value> = contents.iter().map(layer).collect();
        self.document(MANIFEST, &json!({ "schemaVersion": 2, "config": config, "layers": layers }))
    }

    /// A manifest without layers of its own.
    fn artifact(&mut self, more: &Value) -> Value {
        let config = self.blob("application/vnd.oci.empty.v1+json", b"{}");
        let statement = self.blob("text/plain", more.to_string().as_bytes());
        let mut manifest = json!({ "schemaVersion": 2, "config": config, "layers": [statement] });
        for (key, value) in more.as_object().expect("an object") {
            manifest[key] = value.clone();
        }
        self.document(MANIFEST, &manifest)
    }

    fn finish(&self, manifests: &[Value]) -> Vec<u8> {
        let index = json!({ "schemaVersion": 2, "manifests": manifests }).to_string();
        let mut members = vec![("oci-layout", &b"{\"imageLayoutVersion\":\"1.0.0\"}"[..])];
        members.extend(self.0.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
        members.push(("index.json", index.as_bytes()));
        let members: Vec<_> =
            members.iter().map(|(name, bytes)| (name.as_bytes(), *bytes)).collect();
        tar_of(&members)
    }
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory")
}

fn named(mut descriptor: Value, name: &str) -> Value {
    descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
    descriptor
}

fn digest(descriptor: &Value) -> String {
    descriptor["digest"].as_str().expect("a text").to_owned()
}

fn index(made: &Made) -> Value {
    serde_json::from_slice(&made.member("index.json")).expect("JSON")
}

#[test]
fn what_is_signed_or_attested_anew_under_another_digest_is_dropped_and_listed() {
    let mut layout = Layout::default();
    let image = layout.image(&[&text(1, 9000)], "+gzip", gzip);
    let plain = layout.image(&[&text(2, 9000)], "", <[u8]>::to_vec);
    let tag = |image: &Value| format!("{}.sig", digest(image).replace(':', "-"));
    let signature = named(layout.artifact(&json!({ "x": 1 })), &tag(&image));
    let other_signature = named(layout.artifact(&json!({ "x": 2 })), &tag(&plain));
    let attestation = |layout: &mut Layout, image: &Value| {
        let mut descriptor = layout.artifact(&json!({ "x": digest(image) }));
        descriptor["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
        descriptor["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": digest(image) });
        descriptor
    };
    let about_image = attestation(&mut layout, &image);
    let about_plain = attestation(&mut layout, &plain);
    let notation = layout.artifact(&json!({ "subject": { "digest": digest(&image) },
        "artifactType": "application/vnd.cncf.notary.signature" }));
    let bill = layout.artifact(&json!({ "subject": { "digest": digest(&image) },
        "artifactType": "application/spdx+json" }));
    let before = layout.0.len();
    let all = [
        &image,
        &plain,
        &signature,
        &other_signature,
        &about_image,
        &about_plain,
        &notation,
        &bill,
    ];
    let made = made_of(&layout.finish(&all.map(Clone::clone)));

    made.warned(&format!("the signature {} is dropped: {}", tag(&image), digest(&signature)));
    made.warned(&format!("the attestation {0} is dropped: {0}", digest(&about_image)));
    made.warned(&format!("the signature {0} is dropped: {0}", digest(&notation)));
    let bill_name = format!("blobs/sha256/{}", digest(&bill).replace("sha256:", ""));
    made.warned(&format!("{bill_name} loses its subject, which is no more: {}", digest(&image)));
    let left = index(&made);
    let left: Vec<String> =
        left["manifests"].as_array().expect("a list").iter().map(digest).collect();
    assert_eq!(left.len(), 5);
    let stay = [&plain, &other_signature, &about_plain];
    assert!(stay.iter().all(|stays| left.contains(&digest(stays))), "{left:?}");
    // Gone: three manifests, each with its statement; the empty config has others.
    assert_eq!(made.members().len(), before + 2 - 6);
    let bill: Value = serde_json::from_slice(
        &made.member(&format!("blobs/sha256/{}", left[4].replace("sha256:", ""))),
    )
    .expect("JSON");
    assert!(bill.get("subject").is_none() && bill["artifactType"] == "application/spdx+json");
    let reread = opened(&made.out());
    assert_eq!(reread.images.len(), 4);
}

#[test]
fn an_attestation_that_names_nothing_goes_with_its_neighbours() {
    let mut layout = Layout::default();
    let image = layout.image(&[&text(1, 9000)], "+zstd", zstd);
    let mut attestation = layout.artifact(&json!({ "x": 1 }));
    attestation["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    let inner = json!({ "schemaVersion": 2, "manifests": [attestation, image] });
    let inner = layout.document("application/vnd.oci.image.index.v1+json", &inner);
    let made = made_of(&layout.finish(&[named(inner, "v1")]));
    made.warned(&format!("the attestation {0} is dropped: {0}", digest(&attestation)));
    assert_sound(&made.out());
    let name = digest(&index(&made)["manifests"][0]).replace("sha256:", "blobs/sha256/");
    let inner: Value = serde_json::from_slice(&made.member(&name)).expect("JSON");
    assert_eq!(inner["manifests"].as_array().expect("a list").len(), 1);
}

#[test]
fn two_compressions_of_one_layer_become_one_blob() {
    let content = text(3, 9000);
    let mut layout = Layout::default();
    let one = layout.image(&[&content], "+gzip", gzip);
    let other = layout.image(&[&content], "+zstd", zstd);
    let before = layout.0.len();
    let made = made_of(&layout.finish(&[named(one, "gzip"), named(other, "zstd")]));
    assert_sound(&made.out());
    assert_eq!(made.members().len(), before + 2 - 2, "a layer and a manifest less");
    let index = index(&made);
    assert_eq!(index["manifests"][0]["digest"], index["manifests"][1]["digest"]);
    assert_eq!(index["manifests"][1]["annotations"]["org.opencontainers.image.ref.name"], "zstd");
}

#[test]
fn a_blob_that_nothing_cites_and_one_without_a_plain_form_stay() {
    let mut layout = Layout::default();
    let image = layout.image(&[&text(1, 9000)], "+gzip", gzip);
    let stray = gzip(b"nothing cites it");
    layout.blob("", &stray);
    let config = layout.blob("application/vnd.cncf.helm.config.v1+json", b"{}");
    let chart = gzip(b"a chart");
    let layer = layout.blob("application/vnd.cncf.helm.chart.content.v1.tar+gzip", &chart);
    let helm = json!({ "schemaVersion": 2, "config": config, "layers": [layer] });
    let helm = layout.document(MANIFEST, &helm);
    let made = made_of(&layout.finish(&[image, helm.clone()]));
    let name = |bytes: &[u8]| format!("blobs/sha256/{}", hex(bytes));
    assert_eq!(made.member(&name(&stray)), stray);
    assert_eq!(made.member(&name(&chart)), chart);
    made.warned(&format!("{} stays compressed: its media type has no plain form", name(&chart)));
    assert_eq!(digest(&index(&made)["manifests"][1]), digest(&helm));
}

#[test]
fn layers_of_a_docker_archive_keep_their_names() {
    let (one, two) = (text(5, 9000), noise(6, 3000));
    let image = built::Built {
        repo_tags: json!(["built/image:latest"]),
        layers: vec![
            (format!("{}.tar.gz", hex(&gzip(&one))), gzip(&one), one.clone()),
            ("l/layer.tar".to_owned(), zstd(&two), two.clone()),
        ],
        others: Vec::new(),
    };
    let archive = image.archive();
    let made = made_of(&archive);
    assert_sound(&made.out());
    let mut expected = members_of(&archive);
    expected[1].1 = one;
    expected[2].1 = two;
    assert_eq!(made.members(), expected);
    assert_eq!(made.heard.warnings, Vec::<String>::new(), "it has no manifest digest");
}

#[test]
fn a_signature_beside_a_dir_goes_with_the_manifest() {
    let dir = tempfile::tempdir().expect("writable");
    for (name, bytes) in members(&fixture("registry-dir-1")) {
        fs::write(dir.path().join(name), bytes).expect("writable");
    }
    fs::write(dir.path().join("signature-1"), "signed").expect("writable");
    let made = made(dir.path());
    made.warned("the signature signature-1 is dropped");
    assert!(made.members().iter().all(|member| member.0 != "signature-1"));
    assert_sound(&made.out());
}

#[test]
fn a_name_in_pax_records_follows_and_a_length_there_is_refused() {
    let mut layout = Layout::default();
    let content = text(1, 9000);
    let image = layout.image(&[&content], "+gzip", gzip);
    let plain = layout.finish(&[image]);
    let stored = gzip(&content);
    let name = format!("blobs/sha256/{}", hex(&stored));
    let with_record = |key: &str, value: &str| {
        let body = format!(" {key}={value}\n");
        let len = (1..200).find(|len: &usize| len.to_string().len() + body.len() == *len);
        let record = format!("{}{body}", len.expect("a fixed point")).into_bytes();
        let mut extension = header(b"PaxHeaders/x", record.len(), b'x').to_vec();
        extension.extend(&record);
        extension.resize(extension.len().next_multiple_of(512), 0);
        let at = plain.windows(name.len()).position(|word| word == name.as_bytes()).expect("there");
        let mut archive = plain.clone();
        archive.splice(at..at, extension);
        archive
    };
    let made = made_of(&with_record("path", &name));
    assert_sound(&made.out());
    assert_eq!(made.member(&format!("blobs/sha256/{}", hex(&content))), content);
    let error = refused(&with_record("size", &stored.len().to_string()));
    assert_eq!(error.class(), Class::Unsupported);
    let said = format!("the header of {name} in the archive cannot be changed");
    assert!(chain(&error).ends_with(&said), "{}", chain(&error));
}

#[test]
fn a_link_to_a_name_that_changes_is_refused() {
    let mut layout = Layout::default();
    let content = text(1, 9000);
    let image = layout.image(&[&content], "+gzip", gzip);
    let mut archive = layout.finish(&[image]);
    let target = format!("blobs/sha256/{}", hex(&gzip(&content)));
    let mut link = tar::Header::new_ustar();
    link.set_path("latest").expect("short");
    link.set_link_name(&target).expect("short");
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    link.set_cksum();
    archive.splice(0..0, link.as_bytes().iter().copied());
    let error = refused(&archive);
    assert_eq!(error.class(), Class::Unsupported);
    let said = format!("the link latest goes by a digest that changes (target={target})");
    assert!(chain(&error).ends_with(&said), "{}", chain(&error));
}

#[test]
fn damage_is_found_before_it_gets_a_digest_of_its_own() {
    let mut layout = Layout::default();
    let content = text(1, 9000);
    let image = layout.image(&[&content], "+gzip", gzip);
    let whole = layout.clone_with(|name, bytes| {
        if name.ends_with(&digest(&image)[7..]) {
            bytes.push(b' ');
        }
    });
    let error = refused(&whole.finish(std::slice::from_ref(&image)));
    assert_eq!(error.class(), Class::Damaged);
    assert!(error.to_string().contains("does not match its blob digest"), "{error}");
    let stored = gzip(&content);
    let whole = layout.clone_with(|name, bytes| {
        if name.ends_with(&hex(&stored)) {
            // The operating system in gzip's header: the content is the same.
            bytes[9] ^= 1;
        }
    });
    let error = refused(&whole.finish(&[image]));
    assert!(error.to_string().contains("does not match its blob digest"), "{error}");
}

impl Layout {
    fn clone_with(&self, change: impl Fn(&str, &mut Vec<u8>)) -> Self {
        let mut members = self.0.clone();
        for (name, bytes) in &mut members {
            change(name, bytes);
        }
        Self(members)
    }
}

#[test]
fn skopeo_reads_and_copies_what_apply_wrote() {
    let is_there = Command::new("skopeo").arg("--version").output().is_ok();
    if !is_there {
        let is_required = std::env::var_os("CHUNKDELTA_REQUIRE_ENGINE").is_some();
        assert!(!is_required, "skopeo is required and not there");
        return;
    }
    for name in COMPRESSED {
        let made = made(&fixture(name));
        let prefix = match opened(&made.out()).form.to_string().as_str() {
            "docker-archive" | "oci-archive" => "oci-archive:",
            "oci" => "oci:",
            _ => "dir:",
        };
        let source = format!("{prefix}{}", made.out().display());
        let copy = made.dir.path().join("copy");
        let run = |arguments: &[&str]| {
            let mut command = Command::new("skopeo");
            command.args(["--override-os", "linux", "--override-arch", "amd64"]);
            let output = command.args(["--insecure-policy", "--tmpdir"]).arg(made.dir.path());
            let output = output.args(arguments).output().expect("runs");
            assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        let shown: Value = serde_json::from_slice(&run(&["inspect", &source])).expect("JSON");
        let layers = shown["Layers"].as_array().expect("a list");
        let contents: Vec<String> =
            members(&made.out()).iter().map(|member| hex(&member.1)).collect();
        let is_content =
            |layer: &Value| contents.contains(&layer.as_str().expect("a text")[7..].to_owned());
        assert!(layers.len() >= 5 && layers.iter().all(is_content), "{name}");
        run(&["copy", "--quiet", &source, &format!("dir:{}", copy.display())]);
        assert_sound(&copy);
    }
}
