//! Outputs that are files and directories: complete or not at all, and never over what was not
//! meant.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use crate::archive::{Members, gzip, versions};
use crate::lab::{Lab, assert_same_tree, copy_tree, is_root};
use crate::support::fixture;

const APPLY: [&str; 5] = ["apply", "base.tar", "delta", "-o", "out"];
const CREATE: [&str; 5] = ["create", "base.tar", "target.tar", "-o", "out"];

fn forced<'a>(run: &[&'a str]) -> Vec<&'a str> {
    [run, &["-f"]].concat()
}

#[test]
fn a_new_name_appears_with_the_mode_of_the_umask_and_nothing_beside_it() {
    let lab = Lab::with_delta();
    lab.run(&APPLY).ok();
    lab.assert_same("out", "target.tar");
    assert_eq!(lab.listing(), ["base.tar", "delta", "out", "target.tar"]);
    let mode = |name: &str| lab.path(name).metadata().expect("there").permissions().mode();
    lab.write("usual", b"");
    assert_eq!(mode("out"), mode("usual"));
    assert_eq!(mode("delta"), mode("usual"));
}

#[test]
fn an_existing_name_is_refused_and_replaced_with_force() {
    let lab = Lab::with_delta();
    lab.write("out", b"old");
    for run in [APPLY, CREATE] {
        let told = lab.refused(1, &run);
        told.has(&["output exists: out", "hint: name another output, or replace it with -f"]);
        lab.run(&forced(&run)).ok();
        assert!(lab.read("out").len() > 3);
        assert_eq!(lab.listing(), ["base.tar", "delta", "out", "target.tar"]);
    }
}

#[test]
fn a_failed_run_leaves_the_file_that_it_would_have_replaced() {
    let lab = Lab::with_delta();
    lab.write("out", b"old");
    lab.refused(3, &["apply", "target.tar", "delta", "-o", "out", "-f"]);
    assert_eq!(lab.read("out"), b"old");
}

#[test]
fn apply_may_replace_its_base() {
    let lab = Lab::with_delta();
    fs::copy(lab.path("base.tar"), lab.path("mine")).expect("writable");
    lab.refused(1, &["apply", "mine", "delta", "-o", "mine"]).has(&["output exists: mine"]);
    lab.run(&["apply", "mine", "delta", "-o", "mine", "-f"]).ok();
    lab.assert_same("mine", "target.tar");
}

#[test]
fn an_output_that_is_another_input_is_a_usage_error_whatever_its_name() {
    let lab = Lab::with_delta();
    symlink("delta", lab.path("soft-delta")).expect("writable");
    for input in ["base.tar", "target.tar", "delta"] {
        fs::hard_link(lab.path(input), lab.path(&format!("hard-{input}"))).expect("writable");
    }
    for (role, run) in [
        ("BASE", ["create", "base.tar", "target.tar", "-o", "base.tar"]),
        ("TARGET", ["create", "base.tar", "target.tar", "-o", "target.tar"]),
        ("BASE", ["create", "base.tar", "target.tar", "-o", "hard-base.tar"]),
        ("TARGET", ["create", "base.tar", "docker-archive:target.tar", "-o", "./target.tar"]),
        ("TARGET", ["create", "base.tar", "target.tar", "-o", "hard-target.tar"]),
        ("DELTA", ["apply", "base.tar", "delta", "-o", "delta"]),
        ("DELTA", ["apply", "base.tar", "delta", "-o", "hard-delta"]),
        ("DELTA", ["apply", "base.tar", "delta", "-o", "soft-delta"]),
    ] {
        // TARGET with a prefix but no REF is the same file; see `naming` for REF.
        for run in [run.to_vec(), forced(&run)] {
            let told = lab.refused(2, &run);
            told.has(&[&format!("the output is {role} itself: "), "hint: name another output"]);
        }
    }
}

#[test]
fn an_output_that_is_the_file_behind_standard_input_is_a_usage_error() {
    let lab = Lab::with_delta();
    for (role, file, run) in [
        ("BASE", "base.tar", ["create", "-", "target.tar", "-o", "base.tar", "-f"]),
        ("TARGET", "target.tar", ["create", "base.tar", "-", "-o", "target.tar", "-f"]),
        ("DELTA", "delta", ["apply", "base.tar", "-", "-o", "delta", "-f"]),
    ] {
        let mut command = lab.std_command(&run);
        command.stdin(fs::File::open(lab.path(file)).expect("there"));
        let before = lab.state();
        let output = command.output().expect("runs");
        assert_eq!(output.status.code(), Some(2));
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(stderr.contains(&format!("the output is {role} itself: {file}")), "{stderr}");
        assert_eq!(lab.state(), before);
    }
}

#[test]
fn a_symbolic_link_as_output_is_followed() {
    let lab = Lab::with_delta();
    fs::create_dir(lab.path("there")).expect("writable");
    symlink("there/new", lab.path("out")).expect("writable");
    lab.run(&APPLY).ok();
    lab.assert_same("there/new", "target.tar");
    assert!(lab.path("out").symlink_metadata().expect("there").is_symlink());
    lab.refused(1, &APPLY).has(&["output exists: out"]);
    lab.write("there/new", b"old");
    lab.run(&forced(&APPLY)).ok();
    lab.assert_same("there/new", "target.tar");
    assert!(lab.path("out").symlink_metadata().expect("there").is_symlink());
    assert_eq!(fs::read_dir(lab.path("there")).expect("there").count(), 1);
}

#[test]
fn a_missing_directory_is_a_failure_with_its_path() {
    let lab = Lab::with_delta();
    for run in [
        ["apply", "base.tar", "delta", "-o", "none/out"],
        ["create", "base.tar", "target.tar", "-o", "none/out"],
    ] {
        let told = lab.refused(1, &run);
        told.has(&["cannot find the directory none: No such file", "hint: check the path"]);
    }
    let told = lab.refused(1, &["apply", "base.tar", "delta", "-o", "base.tar/out"]);
    told.has(&["base.tar/out: Not a directory"]);
}

#[test]
fn an_output_without_a_name_is_a_usage_error() {
    let lab = Lab::with_delta();
    for out in ["", "."] {
        let run = ["apply", "base.tar", "delta", "-o", out, "-f"];
        let code = lab.run(&run).code;
        assert!(code == 1 || code == 2, "{out:?}: {code}");
    }
}

#[test]
fn a_read_only_directory_is_a_failure_with_its_path() {
    if !is_root("a_read_only_directory_is_a_failure_with_its_path") {
        return;
    }
    let lab = Lab::with_delta();
    fs::set_permissions(lab.spools(), fs::Permissions::from_mode(0o777)).expect("own");
    fs::create_dir(lab.path("mine")).expect("writable");
    for run in [
        ["apply", "base.tar", "delta", "-o", "mine/out"],
        ["create", "base.tar", "target.tar", "-o", "mine/out"],
    ] {
        fs::set_permissions(lab.root(), fs::Permissions::from_mode(0o755)).expect("own");
        let told = lab.refusal(1, &mut lab.command_as_nobody(&run));
        told.has(&["cannot create a file in mine: Permission denied", "hint: check who may"]);
    }
}

/// A lab with two versions of an OCI layout as directories, and the delta between them.
fn directories() -> Lab {
    let lab = Lab::new();
    for (name, layers) in ["base", "target"].iter().zip(versions(4000)) {
        Members::oci("app:1", &layers, gzip).unpack(&lab.path(name));
    }
    fs::create_dir_all(lab.path("target/empty/inner")).expect("writable");
    lab.write("target/hollow", b"");
    lab.run(&["create", "base", "target", "-o", "delta"]).ok();
    lab
}

#[test]
fn a_directory_target_comes_back_with_exact_names_and_bytes() {
    let lab = directories();
    lab.run(&["apply", "base", "delta", "-o", "out"]).ok();
    assert_same_tree(&lab.path("out"), &lab.path("target"));
    assert_eq!(lab.listing(), ["base", "delta", "out", "target"]);
    lab.run(&["verify", "delta", "base"]).ok();
    assert_eq!(lab.listing(), ["base", "delta", "out", "target"]);
}

#[test]
fn a_directory_is_refused_where_one_is_and_exchanged_with_force() {
    let lab = directories();
    fs::create_dir(lab.path("out")).expect("writable");
    lab.write("out/old", b"old");
    let run = ["apply", "base", "delta", "-o", "out"];
    lab.refused(1, &run).has(&["output exists: out"]);
    let before = lab.path("out").metadata().expect("there").ino();
    lab.run(&forced(&run)).ok();
    assert_same_tree(&lab.path("out"), &lab.path("target"));
    assert_ne!(lab.path("out").metadata().expect("there").ino(), before);
    assert_eq!(lab.listing(), ["base", "delta", "out", "target"]);

    // Over its own base, too.
    copy_tree(&lab.path("base"), &lab.path("mine"));
    lab.run(&["apply", "mine", "delta", "-o", "mine", "-f"]).ok();
    assert_same_tree(&lab.path("mine"), &lab.path("target"));
}

#[test]
fn a_directory_to_standard_output_is_a_usage_error() {
    let lab = directories();
    let told = lab.refused(2, &["apply", "base", "delta", "-o", "-"]);
    told.has(&["a directory cannot be written to -", "hint: name a directory to make with -o"]);
}

#[test]
fn files_and_directories_do_not_replace_each_other() {
    let lab = directories();
    lab.write("file", b"old");
    let told = lab.refused(1, &["apply", "base", "delta", "-o", "file", "-f"]);
    told.has(&["file is not replaced by a directory"]);
    let told = lab.refused(1, &["create", "base", "target", "-o", "target/empty", "-f"]);
    told.has(&["target/empty is not replaced by a file"]);
}

#[test]
fn links_and_special_files_in_a_directory_target_are_unsupported() {
    for special in ["link", "fifo"] {
        let lab = directories();
        if special == "link" {
            symlink("index.json", lab.path("target/odd")).expect("writable");
        } else {
            let status = std::process::Command::new("mkfifo").arg(lab.path("target/odd")).status();
            assert!(status.expect("coreutils").success());
        }
        let told = lab.refused(5, &["create", "base", "target", "-o", "out"]);
        told.has(&["target/odd is neither a regular file nor a directory", "hint: "]);
    }
}

#[test]
fn a_registry_directory_travels() {
    let lab = Lab::new();
    for (name, number) in [("base", 1), ("target", 2)] {
        copy_tree(&fixture(&format!("registry-dir-{number}")), &lab.path(name));
    }
    lab.run(&["create", "dir:base", "dir:target", "-o", "delta"]).ok();
    lab.run(&["apply", "dir:base", "delta", "-o", "out"]).ok();
    assert_same_tree(&lab.path("out"), &lab.path("target"));
}
