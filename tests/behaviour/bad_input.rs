//! What is no image at all, or cannot be read: the first rows of the table of bad input.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::archive::{Members, Tar, gzip, layer};
use crate::lab::{Lab, Told, is_root};

/// What `create` says of `input` as BASE and as TARGET, and `apply` as BASE: the same.
#[track_caller]
fn refused_everywhere(code: i32, input: &[u8], words: &[&str]) {
    let lab = Lab::with_delta();
    lab.write("bad", input);
    let runs: [&[&str]; 5] = [
        &["create", "bad", "target.tar", "-o", "out"],
        &["create", "base.tar", "bad", "-o", "out"],
        &["apply", "bad", "delta", "-o", "out"],
        &["verify", "delta", "bad"],
        &["inspect", "bad"],
    ];
    for run in runs {
        let told = lab.refused(code, run);
        told.has(&["cannot use bad as an image: "]);
        told.has(words);
        assert!(told.stderr.contains("\nhint: "), "{run:?}: {}", told.stderr);
    }
}

#[test]
fn nothing_and_what_nobody_knows_is_damaged_input() {
    let hint = "hint: an image is what `docker save`, `podman save` or `skopeo copy` write";
    refused_everywhere(4, b"", &["not an image: it is empty", hint]);
    let unknown = ["not an image: nothing known begins like this", hint];
    refused_everywhere(4, b"hello, I am no image\n", &unknown);
    refused_everywhere(4, &[&[0xff, 0xd8, 0xff, 0xe0][..], &[7; 3000]].concat(), &unknown);
    refused_everywhere(4, &gzip(b"hello, I am no image\n"), &unknown);
}

#[test]
fn what_can_be_named_is_unsupported_and_the_command_that_helps_is_told() {
    let start = |magic: &[u8]| [magic, &[0; 600]].concat();
    for (name, magic, command) in [
        ("xz", &[0xfd, b'7', b'z', b'X', b'Z', 0][..], "xz -d"),
        ("bzip2", b"BZh9", "bzip2 -d"),
        ("lz4", &[4, 0x22, 0x4d, 0x18], "lz4 -d"),
        ("zip", b"PK\x03\x04", "unzip"),
    ] {
        let (message, hint) = (
            format!("{name} files are not read"),
            format!("hint: unpack it first with `{command}`"),
        );
        refused_everywhere(5, &start(magic), &[&message, &hint]);
    }
}

#[test]
fn a_tar_that_is_no_image_is_told_from_one() {
    let export = Tar::new().directory("bin/").file("bin/sh", b"shell").finish();
    refused_everywhere(
        5,
        &export,
        &[
            "no image: neither manifest.json nor index.json nor oci-layout is in it",
            "hint: `docker export` loses the layers; write the image with `docker save`",
        ],
    );
}

#[test]
fn a_schema_1_manifest_is_named() {
    let lab = Lab::with_delta();
    fs::create_dir(lab.path("bad")).expect("writable");
    lab.write("bad/manifest.json", br#"{"schemaVersion":1,"fsLayers":[],"history":[]}"#);
    for run in [
        ["create", "dir:bad", "target.tar", "-o", "out"],
        ["create", "base.tar", "bad", "-o", "out"],
        ["apply", "bad", "delta", "-o", "out"],
    ] {
        let told = lab.refused(5, &run);
        told.has(&["manifest.json is a Docker schema 1 manifest", "skopeo copy --format oci"]);
    }
}

#[test]
fn prefixes_for_later_are_unsupported_and_skopeo_helps() {
    let lab = Lab::with_delta();
    for (prefix, reference) in
        [("docker://", "docker://alpine:3"), ("containers-storage:", "containers-storage:app")]
    {
        for run in [
            ["create", reference, "target.tar", "-o", "out"],
            ["create", "base.tar", reference, "-o", "out"],
            ["apply", reference, "delta", "-o", "out"],
        ] {
            let told = lab.refused(5, &run);
            told.has(&[
                &format!("{prefix} is not read here (reference={reference})"),
                &format!(
                    "hint: fetch it first with `skopeo copy {reference} docker-archive:image.tar`"
                ),
            ]);
        }
    }
}

#[test]
fn base_and_delta_swapped_are_recognised_both_ways() {
    let lab = Lab::with_delta();
    let image = "base.tar is an image, not a delta";
    let delta = "cannot use delta as an image: this is a chunkdelta delta, not an image";
    let order = "hint: the order is `apply BASE DELTA -o OUT`";
    lab.refused(2, &["apply", "delta", "base.tar", "-o", "out"]).has(&[image, order]);
    lab.refused(2, &["apply", "delta", "delta", "-o", "out"]).has(&[delta, order]);
    lab.refused(2, &["verify", "base.tar"]).has(&[image, order, "`verify DELTA [BASE]`"]);
    lab.refused(2, &["verify", "base.tar", "delta"]).has(&[image, order]);
    lab.refused(2, &["create", "delta", "target.tar", "-o", "out"]).has(&[delta, order]);
    lab.refused(2, &["create", "base.tar", "delta", "-o", "out"]).has(&[delta, order]);

    lab.write("wrapped", &gzip(&lab.read("base.tar")));
    fs::create_dir(lab.path("directory")).expect("writable");
    for image in ["wrapped", "directory"] {
        let told = lab.refused(2, &["apply", "base.tar", image, "-o", "out"]);
        told.has(&[&format!("{image} is an image, not a delta"), order]);
    }
}

#[test]
fn what_is_neither_image_nor_delta_is_damaged_where_a_delta_belongs() {
    let lab = Lab::with_images();
    for (input, found) in
        [(&b""[..], "[]"), (b"hello", "[68, 65, 6c, 6c, 6f]"), (&[0; 2000], "[00, 00, 00, 00,")]
    {
        lab.write("bad", input);
        for run in [&["apply", "base.tar", "bad", "-o", "out"][..], &["verify", "bad"]] {
            let told = lab.refused(4, run);
            told.has(&["cannot use bad as a delta: not a delta (it begins with ", found]);
            told.has(&["hint: give the file that `chunkdelta create` wrote"]);
        }
    }
}

#[test]
fn an_archive_cut_inside_a_member_names_it() {
    let lab = Lab::with_delta();
    let whole = lab.read("base.tar");
    // Offset 600 lies inside the first member's bytes or the second header; a layer is at a third.
    lab.write("bad", &whole[..whole.len() / 3]);
    for run in [
        ["create", "bad", "target.tar", "-o", "out"],
        ["create", "base.tar", "bad", "-o", "out"],
        ["apply", "bad", "delta", "-o", "out"],
    ] {
        let told = lab.refused(4, &run);
        told.has(&["cannot use bad as an image: the archive is cut inside blobs/sha256/"]);
        told.has(&[&format!("len={})", whole.len() / 3), "hint: save or copy the image again"]);
    }
}

#[test]
fn missing_end_blocks_are_exact_bytes_too() {
    let lab = Lab::new();
    let members = Members::docker("app:1", &[layer("a", &[b'a'; 5000])]);
    let whole = members.pack();
    lab.write("base.tar", &whole);
    lab.write("target.tar", &whole[..whole.len() - 1024]);
    lab.create(&[]);
    lab.run(&["apply", "base.tar", "delta", "-o", "out"]).ok();
    lab.assert_same("out", "target.tar");
}

#[test]
fn a_path_that_is_not_there_is_a_failure_with_its_name() {
    let lab = Lab::with_delta();
    for run in [
        &["create", "none.tar", "target.tar", "-o", "out"][..],
        &["create", "base.tar", "none.tar", "-o", "out"],
        &["apply", "none.tar", "delta", "-o", "out"],
        &["apply", "base.tar", "none.tar", "-o", "out"],
        &["inspect", "none.tar"],
        &["verify", "none.tar"],
    ] {
        lab.refused(1, run).has(&["cannot read none.tar: No such file", "hint: check the path"]);
    }
}

#[test]
fn what_this_user_may_not_read_is_a_failure_with_its_name() {
    if !is_root("what_this_user_may_not_read_is_a_failure_with_its_name") {
        return;
    }
    let lab = Lab::with_delta();
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(lab.root(), open.clone()).expect("own");
    fs::set_permissions(lab.spools(), open).expect("own");
    let as_nobody = |name: &str, arguments: &[&str]| -> Told {
        fs::set_permissions(lab.path(name), fs::Permissions::from_mode(0o600)).expect("own");
        let told = lab.refusal(1, &mut lab.command_as_nobody(arguments));
        fs::set_permissions(lab.path(name), fs::Permissions::from_mode(0o644)).expect("own");
        told
    };
    let refused = |name: &str, arguments: &[&str]| {
        let message = format!("cannot read {name}: Permission denied");
        as_nobody(name, arguments).has(&[&message, "hint: check who may do that there"]);
    };
    refused("base.tar", &["create", "base.tar", "target.tar", "-o", "out"]);
    refused("target.tar", &["create", "base.tar", "target.tar", "-o", "out"]);
    refused("base.tar", &["apply", "base.tar", "delta", "-o", "out"]);
    refused("delta", &["apply", "base.tar", "delta", "-o", "out"]);
}
