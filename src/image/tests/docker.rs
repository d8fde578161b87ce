//! What `docker save` writes: manifest.json, a list of images.

use super::*;

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
fn a_docker_schema_1_manifest_is_named() {
    let manifest = json!({ "schemaVersion": 1, "fsLayers": [], "history": [] }).to_string();
    let bytes = archive(vec![("manifest.json", Put::Bytes(manifest.into_bytes()))]);
    let expected = "manifest.json is a Docker schema 1 manifest";
    assert_eq!(refused(bytes), (expected.to_owned(), Class::Unsupported));
}

#[test]
fn docker_save_that_fails_is_told_with_its_own_words() {
    use crate::spool::Spooler;
    use std::ffi::OsStr;
    use std::io::{Read as _, Seek as _};

    let spooler = Spooler::new(Some(std::env::temp_dir()));
    let save = |program: &str| daemon::save("app:1", OsStr::new(program), &spooler);
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
