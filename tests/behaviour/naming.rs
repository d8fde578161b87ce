//! How images are named: prefixes, numbers, colons in file names, standard input, the engine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::archive::{gzip, zstd};
use crate::lab::{Lab, Told, assert_same_tree, copy_tree};
use crate::support::fixture;

/// What `apply` makes of `delta` with this base is `target.tar`.
#[track_caller]
fn applies(lab: &Lab, base: &str) -> Told {
    let told = lab.run(&["apply", base, "delta", "-o", "out", "-f"]).ok();
    lab.assert_same("out", "target.tar");
    told
}

#[test]
fn the_form_is_recognised_by_content_and_not_by_name() {
    let lab = Lab::with_delta();
    for (name, base) in [("image.zip", "base.tar"), ("delta.tar", "base.tar")] {
        fs::copy(lab.path(base), lab.path(name)).expect("writable");
        applies(&lab, name);
    }
    // A prefix does not decide either.
    applies(&lab, "oci-archive:base.tar");
}

#[test]
fn every_prefix_is_understood() {
    let lab = Lab::with_delta();
    for base in [
        "docker-archive:base.tar",
        "docker-archive:base.tar:docker.io/fixture/hello:1",
        "docker-archive:base.tar:fixture/hello:1",
        "docker-archive:base.tar:@0",
        "base.tar@0",
        "base.tar:@0",
    ] {
        applies(&lab, base);
    }

    let lab = Lab::with_pair("skopeo-oci-gzip-1.tar", "skopeo-oci-gzip-2.tar");
    copy_tree(&fixture("registry-oci-layout-1"), &lab.path("layout"));
    copy_tree(&fixture("registry-dir-1"), &lab.path("directory"));
    for base in ["oci-archive:base.tar", "oci-archive:base.tar:1", "oci:layout", "dir:directory"] {
        let create = ["create", base, "target.tar", "-o", "delta", "-f"];
        lab.run(&create).ok();
        applies(&lab, base);
    }
    for target in ["oci:layout", "dir:directory"] {
        lab.run(&["create", "base.tar", target, "-o", "delta", "-f"]).ok();
        lab.run(&["apply", "base.tar", "delta", "-o", "tree"]).ok();
        let (_, path) = target.split_once(':').expect("prefixed");
        assert_same_tree(&lab.path("tree"), &lab.path(path));
        fs::remove_dir_all(lab.path("tree")).expect("there");
    }
}

#[test]
fn a_reference_narrows_the_base_and_an_unknown_one_lists_what_there_is() {
    let lab = Lab::with_pair("docker26-multi.tar", "docker26-2.tar");
    let len = |base: &str| {
        lab.run(&["create", base, "target.tar", "-o", "delta", "-f"]).ok();
        lab.read("delta").len()
    };
    // The base has the target's own image as well: all its layers unless narrowed.
    let (all, first, second) = (len("base.tar"), len("base.tar@0"), len("base.tar@1"));
    assert!(all < first && second < first, "{all} {first} {second}");
    assert_eq!(len("docker-archive:base.tar:fixture/hello:1"), first);
    assert_eq!(len("docker-archive:base.tar:fixture/hello:2"), second);
    for unknown in ["base.tar@7", "docker-archive:base.tar:none:1"] {
        let told = lab.refused(2, &["create", unknown, "target.tar", "-o", "out"]);
        told.has(&["no image ", "hint: there is: @0 = docker.io/fixture/hello:1"]);
        lab.refused(2, &["apply", unknown, "delta", "-o", "out"]).has(&["no image "]);
    }
}

#[test]
fn a_reference_in_the_target_is_unsupported() {
    let lab = Lab::with_images();
    for target in ["target.tar@0", "docker-archive:target.tar:fixture/hello:2"] {
        let told = lab.refused(5, &["create", "base.tar", target, "-o", "out"]);
        told.has(&["TARGET is the whole of target.tar, not one image in it", "hint: copy the one"]);
    }
}

#[test]
fn an_existing_file_with_a_colon_wins() {
    let lab = Lab::with_delta();
    for name in ["docker-archive:base.tar", "docker:x", "base.tar@0", "docker-daemon:app"] {
        fs::copy(lab.path("base.tar"), lab.path(name)).expect("writable");
        applies(&lab, name);
    }
    fs::copy(lab.path("delta"), lab.path("oci:delta")).expect("writable");
    lab.run(&["apply", "base.tar", "oci:delta", "-o", "out2"]).ok();
    lab.assert_same("out2", "target.tar");
}

#[test]
fn an_empty_name_is_a_usage_error() {
    let lab = Lab::with_images();
    for base in ["", "oci:", "dir:", "docker-daemon:"] {
        let told = lab.refused(2, &["create", base, "target.tar", "-o", "out"]);
        told.has(&["cannot read the reference ", "hint: name a file, a directory"]);
    }
}

#[test]
fn a_compressed_archive_is_read_through_and_comes_back_as_it_was() {
    let lab = Lab::with_delta();
    lab.write("base.tar.gz", &gzip(&lab.read("base.tar")));
    lab.write("base.tar.zst", &zstd(&lab.read("base.tar")));
    for base in ["base.tar.gz", "base.tar.zst"] {
        applies(&lab, base).has(&["spooling what ", " holds to "]);
        let create = ["create", base, "target.tar", "-o", "other", "-f"];
        lab.run(&create).ok();
        lab.assert_same("other", "delta");
    }
    lab.write("wrapped", &gzip(&lab.read("target.tar")));
    lab.run(&["create", "base.tar", "wrapped", "-o", "stored"]).ok();
    lab.run(&["apply", "base.tar", "stored", "-o", "back"]).ok();
    lab.assert_same("back", "wrapped");

    lab.write("twice", &gzip(&lab.read("base.tar.gz")));
    let told = lab.refused(5, &["create", "twice", "target.tar", "-o", "x"]);
    told.has(&["compressed more than once", "hint: decompress it once and try again"]);
    lab.write("cut", &lab.read("base.tar.gz")[..5000]);
    lab.refused(4, &["apply", "cut", "delta", "-o", "x"])
        .has(&["the archive cannot be decompressed"]);
}

/// A `docker` in a directory of its own that does as `script` says.
fn fake_docker(lab: &Lab, script: &str) -> PathBuf {
    let bin = lab.path("bin");
    fs::create_dir_all(&bin).expect("writable");
    fs::write(bin.join("docker"), format!("#!/bin/sh\n{script}\n")).expect("writable");
    fs::set_permissions(bin.join("docker"), fs::Permissions::from_mode(0o755)).expect("own");
    bin
}

fn with_docker(lab: &Lab, script: &str, arguments: &[&str]) -> assert_cmd::Command {
    let bin = fake_docker(lab, script);
    let mut command = lab.command(arguments);
    command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    command
}

#[test]
fn the_engine_is_asked_through_docker_save() {
    let lab = Lab::with_delta();
    let script = r#"test "$*" = "save -- app:1" && cat base.tar"#;
    let run = ["apply", "docker-daemon:app:1", "delta", "-o", "out"];
    let told = lab.finish(&mut with_docker(&lab, script, &run)).ok();
    told.has(&["spooling docker-daemon:app:1 to ", " free\n"]);
    lab.assert_same("out", "target.tar");
    let run = ["create", "docker-daemon:app:1", "target.tar", "-o", "other"];
    lab.finish(&mut with_docker(&lab, script, &run)).ok();
    lab.assert_same("other", "delta");
    let script = r#"test "$*" = "save -- app:2" && cat target.tar"#;
    let run = ["create", "base.tar", "docker-daemon:app:2", "-o", "third"];
    lab.finish(&mut with_docker(&lab, script, &run)).ok();
    lab.assert_same("third", "delta");
}

#[test]
fn what_the_engine_complains_is_passed_on() {
    let lab = Lab::with_delta();
    let run = ["apply", "docker-daemon:app:1", "delta", "-o", "out"];
    // The directory with the fake must be there before the look at what changes.
    fake_docker(&lab, "echo 'No such image: app:1' >&2; exit 1");
    let script = "echo 'No such image: app:1' >&2; exit 1";
    let mut command = with_docker(&lab, script, &run);
    let told = lab.refusal(1, &mut command);
    told.has(&["`docker save app:1` failed: No such image: app:1", "hint: check that the engine"]);

    let mut command = lab.command(&run);
    command.env("PATH", lab.spools());
    let told = lab.refusal(1, &mut command);
    told.has(&[
        "cannot run docker",
        "hint: run `docker save app:1 -o image.tar` where the engine is",
    ]);

    let mut command = with_docker(&lab, "head -c 300000 base.tar", &run);
    lab.refusal(4, &mut command).has(&["the archive is cut inside "]);
}
