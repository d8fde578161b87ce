//! Directories: layouts unpacked, and what skopeo calls `dir:`.

use super::*;

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
fn a_dir_directory_may_hold_an_index() {
    let hex = |bytes: &[u8]| Digest::of(bytes).to_string()[7..].to_owned();
    let descriptor = |bytes: &[u8]| json!({ "digest": Digest::of(bytes).to_string() });
    let config = config(&[b"a"]).to_string().into_bytes();
    let manifest = json!({ "config": descriptor(&config), "layers": [descriptor(b"a")] });
    let manifest = manifest.to_string().into_bytes();
    let index = json!({ "manifests": [descriptor(&manifest)] }).to_string().into_bytes();
    let files = [
        (hex(&config), config),
        (hex(b"a"), b"a".to_vec()),
        (format!("{}.manifest.json", hex(&manifest)), manifest),
        ("manifest.json".to_owned(), index),
        ("version".to_owned(), b"Directory Transport Version: 1.1\n".to_vec()),
    ];
    let entries = files.map(|(name, bytes)| (name.into_bytes(), Some(Box::new(bytes) as Source)));
    let image = Image::from_directory(entries.into(), false).expect("an image");
    assert_eq!(image.form.to_string(), "dir");
    assert_eq!(
        kinds(&image),
        [RoleKind::Index, RoleKind::Manifest, RoleKind::Config, RoleKind::Layer]
    );
    let layer = image.layers_of(&image.images[0]).next().expect("one");
    assert_eq!(layer.diff_id, Some(DiffId(Digest::of(b"a"))));
}
