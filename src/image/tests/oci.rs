//! Image layouts: index.json, and what it leads to.

use super::*;

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
