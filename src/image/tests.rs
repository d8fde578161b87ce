use serde_json::{Value, json};

use super::*;
use crate::digest::Digest;
use crate::fault::{Class, Explain as _};
use crate::limits;

/// A member by name: bytes, or a link and where it leads.
enum Put {
    Bytes(Vec<u8>),
    Link(tar::EntryType, &'static str),
}

fn archive<N: AsRef<str>>(members: Vec<(N, Put)>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, put) in members {
        let mut header = tar::Header::new_ustar();
        let name = name.as_ref().as_bytes();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        let bytes = match put {
            Put::Bytes(bytes) => bytes,
            Put::Link(kind, target) => {
                header.set_entry_type(kind);
                header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
                Vec::new()
            }
        };
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        builder.append(&header, bytes.as_slice()).expect("in memory");
    }
    builder.into_inner().expect("in memory")
}

fn read(bytes: Vec<u8>) -> Result<Image, ImageError> {
    Image::from_archive(Box::new(bytes), false)
}

fn refused(bytes: Vec<u8>) -> (String, Class) {
    let error = read(bytes).expect_err("must be refused");
    (error.to_string(), error.class())
}

/// What an OCI layout or a Docker archive is built from.
#[derive(Default)]
struct Layout {
    members: Vec<(String, Put)>,
}

impl Layout {
    fn put(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.members.push((name.into(), Put::Bytes(bytes.into())));
    }

    /// Puts a blob and returns a descriptor of it.
    fn blob(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes).to_string();
        self.put(format!("blobs/sha256/{}", &digest[7..]), bytes);
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    }

    fn config(&mut self, layers: &[&[u8]]) -> Value {
        let config = config(layers);
        self.blob("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes())
    }

    /// Puts an image with these plain layers and returns a descriptor of its manifest.
    fn image(&mut self, layers: &[&[u8]]) -> Value {
        let config = self.config(layers);
        let layers: Vec<Value> = layers.iter().map(|layer| self.layer(layer)).collect();
        self.manifest(&json!({ "schemaVersion": 2, "config": config, "layers": layers }))
    }

    fn layer(&mut self, bytes: &[u8]) -> Value {
        self.blob("application/vnd.oci.image.layer.v1.tar", bytes)
    }

    fn manifest(&mut self, manifest: &Value) -> Value {
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        self.blob(media_type, manifest.to_string().as_bytes())
    }

    fn index(&mut self, manifests: &[Value]) -> Value {
        let index = json!({ "schemaVersion": 2, "manifests": manifests });
        self.blob("application/vnd.oci.image.index.v1+json", index.to_string().as_bytes())
    }

    /// Ends the layout with an index.json.
    fn finish(mut self, manifests: &[Value]) -> Vec<u8> {
        let index = json!({ "schemaVersion": 2, "manifests": manifests });
        self.put("index.json", index.to_string());
        archive(self.members)
    }

    /// Ends the archive with a manifest.json.
    fn finish_docker(mut self, manifest: &Value) -> Vec<u8> {
        self.put("manifest.json", manifest.to_string());
        archive(self.members)
    }
}

fn config(layers: &[&[u8]]) -> Value {
    let diff_ids: Vec<String> = layers.iter().map(|layer| Digest::of(layer).to_string()).collect();
    json!({ "os": "linux", "architecture": "amd64", "rootfs": { "diff_ids": diff_ids } })
}

/// A Docker archive of one image with one layer at `path`.
fn docker_image(path: &str, layers: Vec<(&str, Put)>) -> Vec<u8> {
    let mut layout = Layout::default();
    layout.put("c.json", config(&[b"layer"]).to_string());
    layout.members.extend(layers.into_iter().map(|(name, put)| (name.to_owned(), put)));
    layout.finish_docker(&json!([{ "Config": "c.json", "RepoTags": null, "Layers": [path] }]))
}

fn layer() -> Put {
    Put::Bytes(b"layer".to_vec())
}

fn kinds(image: &Image) -> Vec<RoleKind> {
    image.roles.iter().map(|role| role.kind).collect()
}

fn absent(media_type: &str) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::of(b"absent").to_string(), "size": 6 })
}

#[test]
fn what_is_no_image_is_told_apart() {
    let unrecognised = "not an image: nothing known begins like this";
    for (bytes, message, class) in [
        (&b""[..], "not an image: it is empty", Class::Damaged),
        (b"some text", unrecognised, Class::Damaged),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", unrecognised, Class::Damaged),
        (&DELTA_MAGIC, "this is a chunkdelta delta, not an image", Class::Usage),
        (b"\xfd7zXZ\0..", "xz files are not read", Class::Unsupported),
        (b"BZh9....", "bzip2 files are not read", Class::Unsupported),
        (b"\x04\x22\x4d\x18....", "lz4 files are not read", Class::Unsupported),
        (b"PK\x03\x04....", "zip files are not read", Class::Unsupported),
        (b"\x1f\x8b\x08.....", "the archive is compressed more than once", Class::Unsupported),
    ] {
        assert_eq!(refused(bytes.to_vec()), (message.to_owned(), class));
    }
    let hint = ImageError::Foreign { foreign: crate::compression::Foreign::Xz }.hint();
    assert_eq!(hint.expect("has one"), "unpack it first with `xz -d`");
}

#[test]
fn a_tar_that_is_no_image_is_not_supported_and_says_what_to_use() {
    let web_app = json!({ "name": "web app", "icons": [] }).to_string().into_bytes();
    for members in [
        vec![],
        vec![("etc/passwd", Put::Bytes(b"root".to_vec()))],
        vec![("manifest.json", Put::Bytes(web_app))],
    ] {
        let error = read(archive(members)).expect_err("no image");
        assert!(matches!(error, ImageError::NotAnImage));
        assert_eq!(error.class(), Class::Unsupported);
        assert_eq!(
            error.hint().expect("has one"),
            "`docker export` loses the layers; write the image with `docker save`"
        );
    }
}

#[test]
fn an_archive_cut_inside_a_member_names_it() {
    let mut bytes = docker_image("a/layer.tar", vec![("a/layer.tar", layer())]);
    bytes.truncate(1024 + 512 + 3);
    assert_eq!(
        refused(bytes),
        (
            "the archive is cut inside a/layer.tar (expected_len=1541, len=1539)".to_owned(),
            Class::Damaged
        )
    );
}

#[test]
fn missing_end_blocks_and_a_tail_are_accepted() {
    let whole = docker_image("l", vec![("l", layer())]);
    let mut bytes = whole.clone();
    bytes.truncate(whole.len() - 1024);
    let image = read(bytes.clone()).expect("an image");
    assert_eq!(image.notes.last().expect("a note"), "the archive has no end blocks");
    let at = bytes.len();
    bytes.extend([7; 700]);
    let image = read(bytes).expect("an image");
    let note = format!("from offset {at} on the archive holds no members");
    assert_eq!(*image.notes.last().expect("a note"), note);
}

#[test]
fn a_layer_that_is_not_there_is_named_or_allowed() {
    let bytes = docker_image("a/layer.tar", vec![]);
    let expected = "a/layer.tar is not in the image (it is layer 0 of image @0)";
    assert_eq!(refused(bytes.clone()), (expected.to_owned(), Class::Damaged));
    let image = Image::from_archive(Box::new(bytes), true).expect("allowed");
    assert!(!image.images[0].is_complete);
    assert_eq!(image.layers().count(), 0);
    let layer = image.children(0).last().expect("a role");
    assert_eq!((layer.blob, layer.diff_id), (None, Some(DiffId(Digest::of(b"layer")))));
}

#[test]
fn links_of_both_kinds_lead_to_one_blob() {
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link] {
        let target = if kind == tar::EntryType::Link { "x/layer.tar" } else { "../x/layer.tar" };
        let image = read(docker_image(
            "./y/layer.tar",
            vec![("x/layer.tar", layer()), ("y/layer.tar", Put::Link(kind, target))],
        ));
        let image = image.expect("an image");
        let layers: Vec<&Blob> = image.layers().collect();
        assert_eq!(layers.len(), 1);
        assert_eq!(layers[0].name, b"x/layer.tar");
    }
}

#[test]
fn a_link_that_leads_outside_and_a_path_that_climbs_are_damage() {
    let link = Put::Link(tar::EntryType::Symlink, "../../etc/shadow");
    let (message, class) = refused(docker_image("a/l", vec![("a/l", link)]));
    assert_eq!(
        message,
        "the link a/l does not lead to a file of the archive (target=../../etc/shadow): \
         it leads outside"
    );
    assert_eq!(class, Class::Damaged);
    for path in ["../l", "/l", "a/../l", "l\0", ""] {
        let (_, class) = refused(docker_image(path, vec![("l", layer())]));
        assert_eq!(class, Class::Damaged, "{path:?}");
    }
    read(docker_image("l", vec![("l", layer()), ("../x", layer()), ("/y", layer())]))
        .expect("names that nothing needs are bytes");
}

#[test]
fn the_last_member_of_a_name_counts() {
    let image = read(docker_image("l", vec![("l", Put::Bytes(b"old".to_vec())), ("./l", layer())]));
    let image = image.expect("an image");
    let blob = image.layers().next().expect("a layer");
    assert_eq!(blob.range.len(), 5);
}

#[test]
fn a_directory_in_a_layers_place_is_no_file() {
    let directory = Put::Link(tar::EntryType::Directory, "");
    let (message, class) = refused(docker_image("l", vec![("l", directory)]));
    assert_eq!(message, "l is not a regular file (it is layer 0 of image @0)");
    assert_eq!(class, Class::Damaged);
}

#[test]
fn a_sparse_layer_is_not_supported() {
    let sparse = Put::Link(tar::EntryType::GNUSparse, "");
    let (message, class) = refused(docker_image("l", vec![("l", sparse)]));
    assert_eq!(message, "l is stored sparsely, which is not read");
    assert_eq!(class, Class::Unsupported);
}

#[test]
fn configs_are_found_under_every_name_and_claim_their_digest() {
    let config = config(&[]).to_string();
    let digest = Digest::of(config.as_bytes());
    let hex = &digest.to_string()[7..];
    for (name, claimed) in [
        (format!("{hex}.json"), true),
        (format!("sha256:{hex}"), true),
        (format!("blobs/sha256/{hex}"), true),
        ("config.json".to_owned(), false),
    ] {
        let mut layout = Layout::default();
        layout.put(&name, config.clone());
        let manifest = json!([{ "Config": name, "Layers": null, "Unknown": [1] }]);
        let image = read(layout.finish_docker(&manifest)).expect("an image");
        assert_eq!(image.blobs[0].claimed, claimed.then_some(BlobDigest(digest)), "{name}");
        assert_eq!(image.roles[0].platform, "linux/amd64");
    }
}

#[test]
fn a_config_that_does_not_fit_its_layers_is_damage() {
    let mut layout = Layout::default();
    layout.put("c.json", config(&[b"a", b"b"]).to_string());
    layout.put("l", "a");
    let manifest = json!([{ "Config": "c.json", "Layers": ["l"] }]);
    let error = read(layout.finish_docker(&manifest)).expect_err("one layer is missing");
    assert_eq!(
        error.to_string(),
        "c.json does not fit its manifest (expected_layers=2, found_layers=1)"
    );
    assert_eq!(error.mismatch(), Some(("2 layers".to_owned(), "1 layers".to_owned())));
}

#[test]
fn one_path_with_two_diff_ids_is_damage() {
    let mut layout = Layout::default();
    layout.put("c.json", config(&[b"a", b"b"]).to_string());
    layout.put("l", "a");
    let manifest = json!([{ "Config": "c.json", "Layers": ["l", "l"] }]);
    let (message, class) = refused(layout.finish_docker(&manifest));
    let (first, second) = (Digest::of(b"a"), Digest::of(b"b"));
    let expected = format!("l is cited under two diff IDs (first={first}, second={second})");
    assert_eq!((message, class), (expected, Class::Damaged));
}

#[test]
fn a_layer_that_is_kept_elsewhere_may_be_absent() {
    let diff_id = Digest::of(b"a").to_string();
    let mut layout = Layout::default();
    layout.put("c.json", config(&[b"a"]).to_string());
    let sources = json!({ diff_id: { "digest": "x", "urls": ["https://example.org/l"] } });
    let manifest = json!([{ "Config": "c.json", "Layers": ["l"], "LayerSources": sources }]);
    let image = read(layout.finish_docker(&manifest)).expect("lawful");
    assert!(image.images[0].is_complete);

    let mut layout = Layout::default();
    let config = layout.config(&[b"a"]);
    let mut foreign = absent("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
    foreign["urls"] = json!(["https://example.org/l"]);
    let manifest = layout.manifest(&json!({ "config": config, "layers": [foreign] }));
    let image = read(layout.finish(&[manifest])).expect("lawful");
    assert!(image.images[0].is_complete);
    assert!(image.notes.iter().any(|note| note.ends_with("is kept elsewhere (urls)")));
}

#[test]
fn layers_are_what_their_first_bytes_say_whatever_their_name() {
    let stored = zstd::encode_all(&b"layer"[..], 1).expect("in memory");
    let image = read(docker_image("l.tar.gz", vec![("l.tar.gz", Put::Bytes(stored))]));
    let image = image.expect("an image");
    let blob = image.layers().next().expect("a layer");
    assert_eq!(blob.compression, Compression::Zstd);
    let mut content = String::new();
    io_read(image.content(blob).expect("memory"), &mut content);
    assert_eq!(content, "layer");

    let xz = Put::Bytes(b"\xfd7zXZ\0 and more".to_vec());
    let image = read(docker_image("l", vec![("l", xz)])).expect("a layer is bytes");
    let blob = image.layers().next().expect("a layer");
    assert_eq!(blob.kind, BlobKind::Layer { diff_id: None }, "its content cannot be seen");
    assert_eq!(blob.compression, Compression::Plain);
}

fn io_read(mut source: impl std::io::Read, content: &mut String) {
    source.read_to_string(content).expect("readable");
}

#[test]
fn manifest_json_decides_where_the_index_disagrees() {
    let mut layout = Layout::default();
    let config = layout.config(&[b"layer"]);
    let empty = layout.manifest(&json!({ "config": config, "layers": [] }));
    layout.layer(b"layer");
    let config_path = format!("blobs/sha256/{}", &config["digest"].as_str().expect("text")[7..]);
    let layer_path = format!("blobs/sha256/{}", &Digest::of(b"layer").to_string()[7..]);
    layout.put("index.json", json!({ "manifests": [empty] }).to_string());
    let manifest = json!([{ "Config": config_path, "RepoTags": ["n:1"], "Layers": [layer_path] }]);
    let image = read(layout.finish_docker(&manifest)).expect("an image");
    assert_eq!(
        kinds(&image),
        [RoleKind::Manifest, RoleKind::Manifest, RoleKind::Config, RoleKind::Layer]
    );
    assert_eq!(image.images, [ImageEntry { role: 1, is_complete: true }]);
    assert!(image.notes.iter().any(|note| note.ends_with("manifest.json decides")));
}

#[test]
fn one_complete_image_of_an_index_suffices() {
    let types = "application/vnd.oci.image.manifest.v1+json";
    let mut layout = Layout::default();
    let good = layout.image(&[b"a"]);
    let config = layout.config(&[b"b"]);
    let layers = [absent("application/vnd.oci.image.layer.v1.tar")];
    let partly = layout.manifest(&json!({ "config": config, "layers": layers }));
    let image = read(layout.finish(&[absent(types), partly.clone(), good])).expect("one is whole");
    let complete: Vec<bool> = image.images.iter().map(|image| image.is_complete).collect();
    assert_eq!(complete, [false, false, true]);
    assert_eq!(image.roles[0].blob, None);

    let mut layout = Layout::default();
    let config = layout.config(&[b"b"]);
    let partly = layout.manifest(&json!({ "config": config, "layers": layers }));
    let digest = Digest::of(b"absent");
    let bytes = layout.finish(&[partly]);
    let (message, class) = refused(bytes.clone());
    assert!(message.starts_with(&format!("{digest} is not in the image (blobs/sha256/")));
    assert_eq!(class, Class::Damaged);
    Image::from_archive(Box::new(bytes), true).expect("allowed");
    let (message, _) = refused(Layout::default().finish(&[]));
    assert_eq!(message, "index.json lists no image");
}

#[test]
fn attestations_are_no_images() {
    let mut layout = Layout::default();
    let image = layout.image(&[b"a"]);
    let config = layout.config(&[b"statement"]);
    let statement = layout.blob("application/vnd.in-toto+json", b"statement");
    let mut attestation = layout.manifest(&json!({ "config": config, "layers": [statement] }));
    attestation["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    attestation["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest" });
    let index = layout.index(&[image, attestation]);
    let image = read(layout.finish(&[index])).expect("an image");
    assert_eq!(
        kinds(&image),
        [
            RoleKind::Index,
            RoleKind::Manifest,
            RoleKind::Config,
            RoleKind::Layer,
            RoleKind::Attestation,
            RoleKind::Config,
            RoleKind::Other
        ]
    );
    assert_eq!(image.images.len(), 1);
    assert_eq!(image.layers().count(), 1);
}

#[test]
fn one_manifest_with_many_tags_is_one_image() {
    let mut layout = Layout::default();
    let manifest = layout.image(&[b"a"]);
    let tagged = |tag: &str| {
        let mut manifest = manifest.clone();
        manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
        manifest
    };
    let image = read(layout.finish(&[tagged("v1"), tagged("v1.2"), tagged("v1")])).expect("one");
    assert_eq!(image.images.len(), 1);
    assert_eq!(image.roles[0].names, ["v1", "v1.2"]);
}

#[test]
fn names_without_end_are_a_limit_and_notes_stay_short() {
    let mut layout = Layout::default();
    let mut manifest = layout.image(&[b"a"]);
    let name = "n".repeat(limits::TEXT_LEN + 1);
    manifest["annotations"] = json!({ "io.containerd.image.name": name });
    let (message, class) = refused(layout.finish(&[manifest]));
    assert_eq!(message, format!("too many bytes in {} (limit=4096)", &name[..64]));
    assert_eq!(class, Class::Limit);

    let path = format!("{}l", "./".repeat(2000));
    let image = read(docker_image(&path, vec![("l", layer())])).expect("an image");
    let note = image.notes.iter().find(|note| note.starts_with("layer 0")).expect("a note");
    assert_eq!(note.len(), limits::NOTE_LEN + "...".len());
}

#[test]
fn an_image_can_be_shared_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Image>();
    is_shared::<ImageError>();
}

#[test]
fn an_artifact_has_blobs_but_no_diff_ids() {
    let mut layout = Layout::default();
    let mut empty = absent("application/vnd.oci.empty.v1+json");
    empty["digest"] = json!(Digest::of(b"{}").to_string());
    empty["data"] = json!("e30=");
    let blob = layout.blob("text/plain", b"hello");
    let manifest =
        layout.manifest(&json!({ "artifactType": "x", "config": empty, "layers": [blob] }));
    let image = read(layout.finish(&[manifest])).expect("an artifact");
    assert!(image.images[0].is_complete, "the config is embedded");
    assert_eq!(image.layers().next().expect("one").kind, BlobKind::Layer { diff_id: None });
}

#[test]
fn a_sha512_blob_is_found_but_claims_nothing() {
    let mut layout = Layout::default();
    let config = layout.config(&[b"a"]);
    let hex = "ab".repeat(64);
    layout.put(format!("blobs/sha512/{}", &hex[..60]), "a");
    let layer = json!({ "digest": format!("sha512:{}", &hex[..60]) });
    let manifest = layout.manifest(&json!({ "config": config, "layers": [layer] }));
    let image = read(layout.finish(&[manifest])).expect("an image");
    let blob = image.layers().next().expect("one");
    assert_eq!(blob.claimed, None);
    assert_eq!(blob.kind, BlobKind::Layer { diff_id: Some(DiffId(Digest::of(b"a"))) });
}

#[test]
fn a_malformed_digest_is_damage() {
    for digest in ["", "sha256:../../x", "sha256:ab", "sha512:../x", "sha512:", ":", "md5"] {
        let (message, class) = refused(Layout::default().finish(&[json!({ "digest": digest })]));
        assert_eq!(message, format!("index.json has a malformed digest: {digest}"));
        assert_eq!(class, Class::Damaged);
    }
}

#[test]
fn a_docker_schema_1_manifest_is_named() {
    let manifest = json!({ "schemaVersion": 1, "fsLayers": [], "history": [] }).to_string();
    let bytes = archive(vec![("manifest.json", Put::Bytes(manifest.into_bytes()))]);
    let expected = "manifest.json is a Docker schema 1 manifest";
    assert_eq!(refused(bytes), (expected.to_owned(), Class::Unsupported));
}

#[test]
fn an_index_inside_itself_and_indexes_too_deep_end() {
    let mut layout = Layout::default();
    let mut index = layout.image(&[b"a"]);
    for _ in 0..limits::INDEX_DEPTH {
        index = layout.index(&[index]);
    }
    let deeper = layout.index(&[index.clone()]);
    let Layout { members } = layout;
    let again = |manifest: &Value| {
        let members = members.iter().map(|(name, put)| match put {
            Put::Bytes(bytes) => (name.clone(), Put::Bytes(bytes.clone())),
            Put::Link(kind, target) => (name.clone(), Put::Link(*kind, target)),
        });
        Layout { members: members.collect() }.finish(std::slice::from_ref(manifest))
    };
    read(again(&index)).expect("just deep enough");
    assert_eq!(refused(again(&deeper)).1, Class::Limit);

    let hex = &Digest::of(b"any").to_string()[7..];
    let mut layout = Layout::default();
    let own = json!({ "mediaType": "application/vnd.oci.image.index.v1+json",
        "digest": format!("sha256:{hex}") });
    layout.put(format!("blobs/sha256/{hex}"), json!({ "manifests": [own] }).to_string());
    assert_eq!(refused(layout.finish(&[own])).0, "index.json lists no image");
}

#[test]
fn a_document_past_its_limits_is_refused_at_once() {
    let long = vec![b' '; usize::try_from(limits::JSON_LEN).expect("small") + 1];
    let bytes = archive(vec![("index.json", Put::Bytes(long))]);
    let (message, class) = refused(bytes);
    assert_eq!(message, "index.json is too long (len=20971521, limit=20.0 MiB (20971520 bytes))");
    assert_eq!(class, Class::Limit);
    let deep = "[".repeat(10_000).into_bytes();
    let (message, class) = refused(archive(vec![("manifest.json", Put::Bytes(deep))]));
    assert_eq!(message, "manifest.json is nested too deep (limit=128)");
    assert_eq!(class, Class::Limit);
}

#[test]
fn a_document_that_is_no_json_is_damage() {
    for text in ["", "{", "null", "[null]", "[{\"Config\":1}]", "[] x", "\"text\""] {
        let bytes = archive(vec![("manifest.json", Put::Bytes(text.into()))]);
        let (message, class) = refused(bytes);
        assert_eq!(message, "manifest.json cannot be read as JSON", "{text}");
        assert_eq!(class, Class::Damaged, "{text}");
    }
    let none = archive(vec![("manifest.json", Put::Bytes(b"[]".to_vec()))]);
    assert_eq!(refused(none).0, "manifest.json lists no image");
    let only_layout = archive(vec![("oci-layout", Put::Bytes(b"{}".to_vec()))]);
    let expected = "index.json is not in the image (oci-layout says that there is one)";
    assert_eq!(refused(only_layout), (expected.to_owned(), Class::Damaged));
}

#[test]
fn a_directory_is_read_like_an_archive() {
    let mut layout = Layout::default();
    let manifest = layout.image(&[b"a"]);
    layout.put("index.json", json!({ "manifests": [manifest] }).to_string());
    let mut entries: Vec<(Vec<u8>, Option<Source>)> = Vec::new();
    for (name, put) in layout.members {
        let Put::Bytes(bytes) = put else { unreachable!() };
        entries.push((name.into_bytes(), Some(Box::new(bytes))));
    }
    entries.push((b"blobs".to_vec(), None));
    entries.push((b"empty".to_vec(), None));
    let image = Image::from_directory(entries, false).expect("an image");
    assert_eq!(image.form.to_string(), "oci");
    assert_eq!(image.files[0].path, b"blobs");
    assert_eq!(image.files.len(), 6);
    assert!(image.blobs.iter().all(|blob| blob.range.start() == 0));
    let error = Image::from_directory(Vec::new(), false).expect_err("empty");
    assert!(matches!(error, ImageError::NotAnImage));
}

#[test]
fn docker_save_that_fails_is_told_with_its_own_words() {
    use crate::fault::FileError;
    use std::ffi::OsStr;
    use std::fs::File;
    use std::io::{Read as _, Seek as _};

    struct Unnamed;
    impl Spool for Unnamed {
        fn create(&self, _: Option<u64>) -> Result<File, FileError> {
            tempfile::tempfile().map_err(FileError::at("create", std::path::Path::new("spool")))
        }
    }
    let save = |program: &str| daemon::save("app:1", OsStr::new(program), &Unnamed);
    let error = save("/none/docker").expect_err("not there");
    assert_eq!(error.to_string(), "cannot run /none/docker");
    assert_eq!(
        error.hint().expect("has one"),
        "run `docker save app:1 -o image.tar` where the engine is and name that file"
    );
    let error = save("false").expect_err("fails");
    assert_eq!(error.to_string(), "`docker save app:1` failed: exit status: 1");
    let error = save("ls").expect_err("fails");
    assert!(error.to_string().contains("app:1': No such file"), "{error}");
    let mut file = save("echo").expect("works");
    let mut output = String::new();
    file.rewind().expect("a file");
    file.read_to_string(&mut output).expect("readable");
    assert_eq!(output, "save -- app:1\n");
}
