//! An output appears complete or not at all, and replaces only what it was told to.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::thread;

use chunkdelta::fault::{Class, Explain as _};
use chunkdelta::publish::{Input, Output, PublishError, Staged, StagedDirectory};
use chunkdelta::spool::Spooler;
use tempfile::TempDir;

fn dir() -> TempDir {
    tempfile::tempdir().expect("temporary directory")
}

/// Names below `dir`, directories with a slash, in order.
fn listing(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).expect("there") {
        let entry = entry.expect("there");
        let name = entry.file_name().into_string().expect("ASCII");
        if entry.file_type().expect("there").is_dir() {
            names.extend(listing(&entry.path()).into_iter().map(|below| format!("{name}/{below}")));
            names.push(format!("{name}/"));
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}

fn spooler(dir: &TempDir) -> Spooler {
    Spooler::new(Some(dir.path().to_owned()))
}

fn stage(out: &Path, may_replace: bool, bytes: &[u8]) -> Staged {
    let output = Output::prepare(out, may_replace, &[]).expect("possible");
    let staged = output.stage_file(&spooler(&dir()), Some(bytes.len() as u64)).expect("room");
    staged.file().write_all(bytes).expect("writable");
    staged
}

fn stage_directory(out: &Path, may_replace: bool) -> StagedDirectory {
    let output = Output::prepare(out, may_replace, &[]).expect("possible");
    let staged = output.stage_directory(None).expect("writable");
    staged.create_file(b"blobs/sha256/ab").expect("new").write_all(b"blob").expect("writable");
    staged.create_directory(b"empty").expect("new");
    staged
}

fn refusal(out: &Path, may_replace: bool, inputs: &[Input<'_>]) -> (Class, String) {
    let error = Output::prepare(out, may_replace, inputs).expect_err("refused");
    (error.class(), error.to_string())
}

#[test]
fn a_new_file_has_no_name_until_it_is_published() {
    let dir = dir();
    let out = dir.path().join("out.tar");
    let staged = stage(&out, false, b"target");
    assert_eq!(listing(dir.path()), [""; 0]);
    let mut back = String::new();
    staged.file().rewind().expect("a file");
    staged.file().read_to_string(&mut back).expect("readable too");
    assert_eq!(back, "target");
    staged.publish().expect("free name");
    assert_eq!(listing(dir.path()), ["out.tar"]);
    assert_eq!(fs::read(&out).expect("there"), b"target");
}

#[test]
fn what_is_not_published_leaves_nothing() {
    let dir = dir();
    drop(stage(&dir.path().join("out.tar"), false, b"target"));
    drop(stage_directory(&dir.path().join("out"), false));
    assert_eq!(listing(dir.path()), [""; 0]);
}

#[test]
fn an_existing_file_is_refused_before_any_work() {
    let dir = dir();
    let out = dir.path().join("out.tar");
    fs::write(&out, b"theirs").expect("written");
    let message = format!("output exists: {}", out.display());
    assert_eq!(refusal(&out, false, &[]), (Class::Failed, message));
    let hint = Output::prepare(&out, false, &[]).expect_err("refused").hint();
    assert_eq!(hint.as_deref(), Some("name another output, or replace it with -f"));
}

#[test]
fn a_lost_race_replaces_nothing() {
    let dir = dir();
    let (file, directory) = (dir.path().join("file"), dir.path().join("directory"));
    let (staged_file, staged_directory) =
        (stage(&file, false, b"ours"), stage_directory(&directory, false));
    fs::write(&file, b"theirs").expect("written");
    fs::create_dir(&directory).expect("created");
    let error = staged_file.publish().expect_err("taken");
    let message = format!("output appeared while it was being made: {}", file.display());
    assert_eq!((error.class(), error.to_string()), (Class::Failed, message));
    let error = staged_directory.publish().expect_err("taken");
    assert!(matches!(error, PublishError::Appeared { .. }), "{error}");
    assert_eq!(listing(dir.path()), ["directory/", "file"]);
    assert_eq!(fs::read(&file).expect("there"), b"theirs");
}

#[test]
fn force_replaces_a_file_by_another_inode() {
    let dir = dir();
    let out = dir.path().join("out.tar");
    fs::write(&out, b"old").expect("written");
    let mut old = File::open(&out).expect("there");
    let staged = stage(&out, true, b"new");
    assert_eq!(fs::read(&out).expect("there"), b"old");
    staged.publish().expect("replaced");
    assert_eq!(fs::read(&out).expect("there"), b"new");
    assert_eq!(listing(dir.path()), ["out.tar"]);
    let mut still = String::new();
    old.read_to_string(&mut still).expect("an open base is still whole");
    assert_eq!(still, "old");
}

#[test]
fn force_replaces_only_what_is_of_the_same_kind() {
    let dir = dir();
    let (file, directory) = (dir.path().join("file"), dir.path().join("directory"));
    fs::write(&file, b"old").expect("written");
    fs::create_dir(&directory).expect("created");
    let prepared = |out: &Path| Output::prepare(out, true, &[]).expect("looked at");
    let error = prepared(&directory).stage_file(&spooler(&dir), None).expect_err("kinds differ");
    assert_eq!(error.to_string(), format!("{} is not replaced by a file", directory.display()));
    let error = prepared(&file).stage_directory(None).expect_err("kinds differ");
    assert_eq!(error.to_string(), format!("{} is not replaced by a directory", file.display()));
    assert_eq!(error.class(), Class::Failed);
    assert_eq!(listing(dir.path()), ["directory/", "file"]);
}

#[test]
fn force_does_not_replace_a_pipe_that_appeared_meanwhile() {
    let dir = dir();
    let out = dir.path().join("out.tar");
    let staged = stage(&out, true, b"new");
    make_fifo(&out);
    let error = staged.publish().expect_err("not a regular file");
    assert!(matches!(error, PublishError::Appeared { .. }), "{error}");
    assert_eq!(listing(dir.path()), ["out.tar"]);
    assert_eq!(fs::metadata(&out).expect("there").len(), 0);
}

#[test]
fn an_output_that_is_an_input_is_a_usage_error_with_and_without_force() {
    let dir = dir();
    let (target, link, hard) =
        (dir.path().join("target"), dir.path().join("link"), dir.path().join("hard"));
    fs::write(&target, b"target").expect("written");
    symlink(&target, &link).expect("linked");
    fs::hard_link(&target, &hard).expect("linked");
    let inputs = [Input::kept("TARGET", &target)];
    for out in [&target, &link, &hard] {
        for may_replace in [false, true] {
            let message = format!("the output is TARGET itself: {}", out.display());
            assert_eq!(refusal(out, may_replace, &inputs), (Class::Usage, message));
        }
    }
}

#[test]
fn with_force_the_output_may_be_the_base() {
    let dir = dir();
    let base = dir.path().join("base");
    fs::write(&base, b"base").expect("written");
    let inputs = [Input::replaceable("BASE", &base)];
    assert!(Output::prepare(&base, true, &inputs).is_ok());
    let message = format!("output exists: {}", base.display());
    assert_eq!(refusal(&base, false, &inputs), (Class::Failed, message));
}

#[test]
fn a_directory_that_holds_an_input_is_not_replaced() {
    let dir = dir();
    let base = dir.path().join("out/base");
    fs::create_dir(dir.path().join("out")).expect("created");
    fs::write(&base, b"base").expect("written");
    let out = dir.path().join("out");
    let message = format!("BASE lies in the directory that would be replaced: {}", out.display());
    let inputs = [Input::replaceable("BASE", &base)];
    assert_eq!(refusal(&out, true, &inputs), (Class::Usage, message));
}

#[test]
fn a_symbolic_link_as_output_is_followed() {
    let dir = dir();
    fs::create_dir(dir.path().join("real")).expect("created");
    fs::write(dir.path().join("real/old"), b"old").expect("written");
    symlink("real/old", dir.path().join("to-old")).expect("linked");
    symlink("real/new", dir.path().join("to-new")).expect("linked");
    stage(&dir.path().join("to-old"), true, b"1").publish().expect("replaced");
    stage(&dir.path().join("to-new"), false, b"2").publish().expect("free name");
    assert_eq!(listing(dir.path()), ["real/", "real/new", "real/old", "to-new", "to-old"]);
    assert_eq!(fs::read(dir.path().join("real/old")).expect("there"), b"1");
    assert_eq!(fs::read(dir.path().join("to-new")).expect("there"), b"2");
    assert!(dir.path().join("to-old").is_symlink());
}

#[test]
fn a_missing_directory_is_named() {
    let dir = dir();
    let message = format!("cannot find the directory {}", dir.path().join("no").display());
    assert_eq!(refusal(&dir.path().join("no/out"), false, &[]), (Class::Failed, message));
}

#[test]
fn an_output_without_a_name_is_a_usage_error() {
    for out in ["", "/", ".", "..", "/tmp/.", "/tmp/.."] {
        let (class, message) = refusal(Path::new(out), true, &[]);
        assert_eq!((class, message), (Class::Usage, format!("output has no file name: {out:?}")));
    }
}

#[test]
fn the_mode_follows_the_umask() {
    let dir = dir();
    fs::write(dir.path().join("usual"), b"").expect("written");
    fs::create_dir(dir.path().join("usual.d")).expect("created");
    stage(&dir.path().join("out"), false, b"").publish().expect("free name");
    stage_directory(&dir.path().join("out.d"), false).publish().expect("free name");
    let mode = |name: &str| fs::metadata(dir.path().join(name)).expect("there").mode();
    assert_eq!(mode("out"), mode("usual"));
    assert_eq!(mode("out.d"), mode("usual.d"));
    assert_eq!(mode("out.d/blobs/sha256/ab"), mode("usual"));
}

#[test]
fn what_will_not_fit_is_refused_before_any_work() {
    let dir = dir();
    let output = Output::prepare(&dir.path().join("out"), false, &[]).expect("possible");
    let error = output.stage_file(&spooler(&dir), Some(u64::MAX)).expect_err("too large");
    assert_eq!(error.class(), Class::Limit);
    assert!(error.to_string().starts_with("not enough space in "), "{error}");
    let output = Output::prepare(&dir.path().join("out"), false, &[]).expect("possible");
    let error = output.stage_directory(Some(u64::MAX)).expect_err("too large");
    assert_eq!(error.class(), Class::Limit);
    assert_eq!(listing(dir.path()), [""; 0]);
}

#[test]
fn a_pipe_gets_bytes_only_when_all_are_there_and_stays_a_pipe() {
    let dir = dir();
    let pipe = dir.path().join("pipe");
    make_fifo(&pipe);
    let reader = thread::spawn({
        let pipe = pipe.clone();
        move || fs::read(pipe).expect("a pipe")
    });
    let staged = stage(&pipe, false, b"whole");
    assert_eq!(listing(dir.path()), ["pipe"]);
    staged.publish().expect("there is a reader");
    assert_eq!(reader.join().expect("reads"), b"whole");
    assert_eq!(listing(dir.path()), ["pipe"]);
}

#[test]
fn a_reader_that_closes_early_is_an_error_of_its_own() {
    let dir = dir();
    let pipe = dir.path().join("pipe");
    make_fifo(&pipe);
    let reader = thread::spawn({
        let pipe = pipe.clone();
        move || File::open(pipe).and_then(|mut pipe| pipe.read_exact(&mut [0; 1]))
    });
    let error = stage(&pipe, false, &vec![7; 1 << 20]).publish().expect_err("closed");
    assert!(matches!(error, PublishError::ReaderClosed), "{error}");
    assert!(error.class() == Class::Failed && error.is_silent());
    reader.join().expect("reads").expect("one byte came");
}

#[test]
fn a_device_is_written_through_and_a_full_one_is_a_limit() {
    stage(Path::new("/dev/null"), false, b"anything").publish().expect("takes all");
    let error = stage(Path::new("/dev/full"), true, b"x").publish().expect_err("takes nothing");
    assert_eq!((error.class(), error.to_string()), (Class::Limit, "cannot write /dev/full".into()));
}

#[test]
fn a_terminal_is_a_usage_error() {
    // The master side of a new pseudo-terminal is a terminal itself.
    let message = "the output is a terminal".to_owned();
    assert_eq!(refusal(Path::new("/dev/ptmx"), true, &[]), (Class::Usage, message));
}

#[test]
fn a_directory_does_not_go_into_a_stream() {
    let output = Output::prepare(Path::new("/dev/null"), false, &[]).expect("possible");
    let error = output.stage_directory(None).expect_err("a stream");
    let message = "a directory cannot be written to /dev/null".to_owned();
    assert_eq!((error.class(), error.to_string()), (Class::Usage, message));
}

#[test]
fn a_directory_appears_whole() {
    let dir = dir();
    let staged = stage_directory(&dir.path().join("out/"), false);
    assert!(listing(dir.path()).iter().all(|name| name.starts_with(".out.")));
    staged.publish().expect("free name");
    let all = ["out/", "out/blobs/", "out/blobs/sha256/", "out/blobs/sha256/ab", "out/empty/"];
    assert_eq!(listing(dir.path()), all);
    assert_eq!(fs::read(dir.path().join("out/blobs/sha256/ab")).expect("there"), b"blob");
}

#[test]
fn force_exchanges_a_directory_and_removes_the_old_one() {
    let dir = dir();
    let out = dir.path().join("out");
    fs::create_dir_all(out.join("old/deep")).expect("created");
    fs::write(out.join("old/deep/file"), b"old").expect("written");
    let staged = stage_directory(&out, true);
    assert_eq!(fs::read(out.join("old/deep/file")).expect("still there"), b"old");
    staged.publish().expect("exchanged");
    let all = ["out/", "out/blobs/", "out/blobs/sha256/", "out/blobs/sha256/ab", "out/empty/"];
    assert_eq!(listing(dir.path()), all);
}

#[test]
fn no_member_of_a_directory_leads_out_of_it() {
    let dir = dir();
    let staged = stage_directory(&dir.path().join("out"), false);
    for path in ["", "/", "/etc/x", "..", "../x", "a/../../x", ".", "a/./b", "a//b", "a/", "a\0b"] {
        let error = staged.create_file(path.as_bytes()).expect_err("refused");
        assert!(matches!(error, PublishError::BadMember { .. }), "{path:?}: {error}");
        assert_eq!(error.class(), Class::Damaged);
        assert!(staged.create_directory(path.as_bytes()).is_err(), "{path:?}");
    }
    let error = staged.create_file(b"../x").expect_err("refused");
    assert_eq!(error.to_string(), "not a path below a directory: \"../x\"");
}

#[test]
fn a_member_is_created_once_and_never_below_a_file() {
    let dir = dir();
    let out = dir.path().join("out");
    let staged = stage_directory(&out, false);
    let member = |path: &str| out.join(path).display().to_string();
    let error = staged.create_file(b"blobs/sha256/ab").expect_err("exists");
    assert_eq!(error.to_string(), format!("cannot create {}", member("blobs/sha256/ab")));
    assert!(staged.create_file(b"blobs/sha256/ab/c").is_err());
    assert!(staged.create_file(b"empty").is_err());
    staged.create_directory(b"empty").expect("it is there already");
    staged.create_file(b"name with \xff in it").expect("names are bytes");
}

fn make_fifo(path: &PathBuf) {
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).expect("made");
}
