//! Archives as such: what is none, what is cut, which members a path leads to.

use super::*;

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
fn an_image_can_be_shared_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Image>();
    is_shared::<ImageError>();
}
