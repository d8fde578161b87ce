//! Disks that are full, fill up, or are read-only.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::archive::{Members, gzip, layer, noise, streamed, versions};
use crate::lab::{Lab, is_root, left_out};

/// A file system of its own, in memory, as large as said; gone when it is dropped.
struct Tmpfs(PathBuf);

impl Tmpfs {
    /// `None` where this user may not mount, for `test` to leave itself out.
    fn mount(at: PathBuf, options: &str, test: &str) -> Option<Self> {
        if !is_root(test) {
            return None;
        }
        fs::create_dir(&at).expect("writable");
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&at);
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(at));
        }
        left_out(test, "may not mount");
        None
    }

    fn names(&self) -> usize {
        fs::read_dir(&self.0).expect("there").count()
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        assert!(Command::new("umount").arg(&self.0).status().expect("umount").success());
    }
}

#[test]
fn a_full_disk_is_a_limit_with_its_path_and_nothing_stays_on_it() {
    let lab = Lab::with_built(100_000, Some(gzip));
    lab.create(&[]);
    // Frames that do not say how long their content is.
    let [old, _] = versions(100_000);
    lab.write("streamed.tar", &Members::oci("app:1", &old, streamed).pack());
    let test = "a_full_disk_is_a_limit_with_its_path_and_nothing_stays_on_it";
    let Some(disk) = Tmpfs::mount(lab.path("disk"), "size=64k", test) else { return };
    let (checked, written) = (
        "not enough space in disk (wanted ",
        "cannot write a temporary file in disk: No space left",
    );
    for (run, message) in [
        (&["apply", "base.tar", "delta", "-o", "disk/out"][..], checked),
        (&["apply", "base.tar", "delta", "-o", "-", "--tmpdir", "disk"], checked),
        (&["create", "base.tar", "target.tar", "-o", "out", "--tmpdir", "disk"], checked),
        (&["create", "streamed.tar", "target.tar", "-o", "out", "--tmpdir", "disk"], written),
    ] {
        let told = lab.run(run);
        assert_eq!((told.code, told.stdout()), (7, ""), "{}", told.stderr);
        told.has(&[message, "hint: make room there, or name another place with --tmpdir or -o"]);
        assert_eq!(disk.names(), 0);
        assert!(!lab.path("out").exists());
    }
    let told = lab.run_with(&["create", "-", "target.tar", "-o", "out", "--tmpdir", "disk"], {
        lab.read("base.tar")
    });
    assert_eq!(told.code, 7);
    told.has(&["warning: disk is memory: what is spooled there counts as such"]);
    told.has(&["cannot write a temporary file in disk: No space left"]);
}

#[test]
fn a_disk_that_fills_up_meanwhile_is_a_limit_with_its_path() {
    let lab = Lab::new();
    let shared = layer("shared", &noise(1, 300_000));
    lab.write("base.tar", &Members::oci("app", std::slice::from_ref(&shared), gzip).pack());
    lab.write("target.tar", &Members::docker("app", &[shared, layer("new", b"new")]).pack());
    lab.create(&[]);
    // Room for the output or for the inflated base, not for both: each check alone passes.
    let test = "a_disk_that_fills_up_meanwhile_is_a_limit_with_its_path";
    let Some(disk) = Tmpfs::mount(lab.path("disk"), "size=500k", test) else { return };
    let told = lab.run(&["apply", "base.tar", "delta", "-o", "disk/out", "--tmpdir", "disk"]);
    assert_eq!(told.code, 7, "{}", told.stderr);
    told.has(&["cannot write disk/out: No space left", "hint: make room there"]);
    told.has(&["warning: disk is memory"]);
    assert_eq!(disk.names(), 0);
}

#[test]
fn a_read_only_file_system_is_a_failure_with_its_path() {
    let lab = Lab::with_delta();
    let test = "a_read_only_file_system_is_a_failure_with_its_path";
    let Some(disk) = Tmpfs::mount(lab.path("disk"), "ro,size=64m", test) else { return };
    let told = lab.refused(1, &["apply", "base.tar", "delta", "-o", "disk/out"]);
    told.has(&["disk: Read-only file system", "hint: name another place with --tmpdir or -o"]);
    drop(disk);
}
