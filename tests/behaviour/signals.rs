//! Interruptions at any moment, and inputs that change meanwhile.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};

use crate::archive::{Members, gzip, layer, noise, versions};
use crate::lab::{Lab, Told};

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process");
    kill_process(pid, signal).expect("it runs");
}

/// Signals a run at several points of the time that it takes: it is interrupted and nothing stays, or
/// it was done before and its output is whole. Goes on until this many were interrupted: how long the
/// next one takes, and when it is signalled, is up to a machine that has other work.
fn interrupt(lab: &Lab, run: &[&str], least: usize, is_whole: impl Fn() -> bool) {
    let before = lab.listing();
    let take_away = || {
        assert!(is_whole());
        let out = lab.path("out");
        if out.is_dir() { fs::remove_dir_all(out) } else { fs::remove_file(out) }
            .expect("it was published");
    };
    let start = Instant::now();
    lab.run(run).ok();
    let mut whole = start.elapsed();
    take_away();
    let mut interrupted = 0;
    for number in 0.. {
        let after = whole * (number % 8 + 1) / 9;
        let (sent, code) = if number % 2 == 0 { (Signal::INT, 130) } else { (Signal::TERM, 143) };
        let child = lab.spawn(run);
        thread::sleep(after);
        signal(&child, sent);
        let told = lab.wait(child);
        if told.code == code {
            interrupted += 1;
            assert_eq!((told.stdout(), told.stderr.as_str()), ("", ""));
            assert_eq!(lab.listing(), before, "after {after:?}");
        } else {
            assert_eq!(told.code, 0, "after {after:?}: {}", told.stderr);
            take_away();
        }
        if number % 8 == 7 {
            if interrupted >= least {
                return;
            }
            // The first one took longer than these do.
            whole /= 2;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{interrupted} of {number} interrupted");
    }
}

#[test]
fn create_leaves_nothing_when_it_is_interrupted() {
    let lab = Lab::new();
    let text: Vec<u8> = noise(1, 200_000).iter().map(|byte| b'a' + byte % 16).collect();
    lab.write("base.tar", &Members::docker("a", &[layer("a", &noise(1, 2 << 20))]).pack());
    lab.write("target.tar", &Members::docker("a", &[layer("b", &text)]).pack());
    let run = ["create", "base.tar", "target.tar", "-o", "out", "--best"];
    interrupt(&lab, &run, 3, || lab.run(&["verify", "out", "base.tar"]).code == 0);
}

#[test]
fn apply_leaves_nothing_when_it_is_interrupted() {
    let lab = Lab::with_built(8 << 20, Some(gzip));
    let [_, new] = versions(8 << 20);
    lab.write("target.tar", &Members::docker("a", &new).pack());
    lab.create(&["-1", "--no-self-check"]);
    let run = ["apply", "base.tar", "delta", "-o", "out", "-j", "1"];
    let target = lab.read("target.tar");
    interrupt(&lab, &run, 3, || lab.read("out") == target);
}

#[test]
fn apply_to_a_directory_leaves_nothing_when_it_is_interrupted() {
    let lab = Lab::new();
    let [old, new] = versions(6 << 20);
    lab.write("base.tar", &Members::docker("a", &old).pack());
    Members::oci("a", &new, <[u8]>::to_vec).unpack(&lab.path("target"));
    lab.run(&["create", "base.tar", "target", "-o", "delta", "-1", "--no-self-check"]).ok();
    let run = ["apply", "base.tar", "delta", "-o", "out"];
    let is_whole = || {
        crate::lab::assert_same_tree(&lab.path("out"), &lab.path("target"));
        true
    };
    interrupt(&lab, &run, 3, is_whole);
}

#[test]
fn who_waits_for_standard_input_can_be_interrupted() {
    let lab = Lab::with_delta();
    for (sent, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut command = lab.std_command(&["apply", "base.tar", "-", "-o", "out"]);
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        // Kept open until it has ended: an end of input would be another error.
        let input = child.stdin.take();
        thread::sleep(Duration::from_millis(60));
        signal(&child, sent);
        let told = lab.wait(child);
        assert_eq!(told.code, code);
        drop(input);
        assert!(!lab.path("out").exists());
    }
}

#[test]
fn docker_save_does_not_outlive_who_started_it() {
    let lab = Lab::with_images();
    fs::create_dir(lab.path("bin")).expect("writable");
    lab.write("bin/docker", b"#!/bin/sh\necho $$ >pid.new\nmv pid.new pid\nexec sleep 100\n");
    fs::set_permissions(lab.path("bin/docker"), fs::Permissions::from_mode(0o755)).expect("own");
    let mut command = lab.std_command(&["create", "base.tar", "docker-daemon:app", "-o", "out"]);
    let path = std::env::var("PATH").expect("there is a mkfifo in it");
    command.env("PATH", format!("{}:{path}", lab.path("bin").display()));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let pid = until(|| fs::read_to_string(lab.path("pid")).ok());
    signal(&child, Signal::TERM);
    assert_eq!(lab.wait(child).code, 143);
    // What nobody reaps any more may stay as a zombie, where the machine has no init.
    let status = format!("/proc/{}/stat", pid.trim());
    until(|| fs::read_to_string(&status).map_or(true, |stat| stat.contains(") Z ")).then_some(()));
}

/// Asks until there is an answer.
#[track_caller]
fn until<T>(ask: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        match ask() {
            Some(answer) => return answer,
            None => assert!(start.elapsed() < Duration::from_secs(20), "it never came to pass"),
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_kill_leaves_nothing_of_a_file_or_all_of_it() {
    let lab = Lab::with_built(2 << 20, None);
    lab.create(&["-1", "--no-self-check"]);
    let before = lab.listing();
    for millis in [20, 60, 150] {
        for run in [
            ["create", "base.tar", "target.tar", "-o", "out", "--best"],
            ["apply", "base.tar", "delta", "-o", "out", "-j1"],
        ] {
            let mut child = lab.spawn(&run);
            thread::sleep(Duration::from_millis(millis));
            child.kill().ok();
            let is_done = child.wait().expect("ends").success();
            // It may have come between the last step and the end.
            let is_published = lab.path("out").exists();
            assert!(is_published || !is_done);
            if is_published {
                match run[0] {
                    "apply" => lab.assert_same("out", "target.tar"),
                    _ => drop(lab.run(&["verify", "out", "base.tar"]).ok()),
                }
                fs::remove_file(lab.path("out")).expect("published");
            }
            assert_eq!(lab.listing(), before);
            lab.assert_no_spool();
        }
    }
}

#[test]
fn a_name_that_appears_meanwhile_is_not_replaced() {
    let (lab, told) = feed_while("out", |lab| lab.write("out", b"theirs"));
    assert_eq!(told.code, 1, "{}", told.stderr);
    told.has(&["output appeared while it was being made: out", "hint: name another output"]);
    assert_eq!(lab.read("out"), b"theirs");
    assert_eq!(lab.listing(), ["base.tar", "fifo", "out", "target.tar"]);
}

/// Runs `create` with BASE as a file and TARGET as a FIFO; `change` happens once BASE was opened,
/// before the bytes of TARGET come.
fn create_while(change: impl FnOnce(&Lab)) -> (Lab, Told) {
    let (lab, told) = feed_while("out", change);
    assert!(!lab.path("out").exists());
    (lab, told)
}

fn feed_while(out: &str, change: impl FnOnce(&Lab)) -> (Lab, Told) {
    let lab = Lab::with_built(100_000, None);
    assert!(Command::new("mkfifo").arg(lab.path("fifo")).status().expect("coreutils").success());
    let target = lab.read("target.tar");
    let child = lab.spawn(&["create", "base.tar", "fifo", "-o", out]);
    // Opening waits for the other end: then BASE is open.
    let mut fifo = File::options().write(true).open(lab.path("fifo")).expect("there");
    change(&lab);
    // Who died meanwhile reads no more.
    fifo.write_all(&target).ok();
    drop(fifo);
    let told = lab.wait(child);
    assert_eq!(told.stdout(), "");
    (lab, told)
}

#[test]
fn a_base_that_changes_while_create_reads_it_is_a_failure() {
    let (_lab, told) = create_while(|lab| {
        let mut file = File::options().append(true).open(lab.path("base.tar")).expect("there");
        file.write_all(b"more").expect("writable");
    });
    assert_eq!(told.code, 1, "{}", told.stderr);
    told.has(&["base.tar changed while it was read", "hint: try again when nothing writes to it"]);

    let (_lab, told) = create_while(|lab| {
        let mut bytes = lab.read("base.tar");
        bytes[20_000] ^= 1;
        lab.write("other", &bytes);
        fs::rename(lab.path("other"), lab.path("base.tar")).expect("own");
    });
    assert_eq!(told.code, 1, "{}", told.stderr);
    told.has(&["base.tar changed while it was read"]);
}

#[test]
fn bytes_that_change_in_a_base_are_a_change_and_not_damage() {
    let (_lab, told) = create_while(|lab| {
        let mut bytes = lab.read("base.tar");
        bytes[20_000] ^= 1;
        let mut file = File::options().write(true).open(lab.path("base.tar")).expect("there");
        file.write_all(&bytes).expect("writable");
        file.set_modified(SystemTime::now() + Duration::from_secs(5)).expect("own");
    });
    assert_eq!(told.code, 1, "{}", told.stderr);
    told.has(&["base.tar changed while it was read"]);
}

#[test]
fn a_base_cut_short_while_create_reads_it_is_a_failure() {
    let (_lab, told) = create_while(|lab| {
        let file = File::options().write(true).open(lab.path("base.tar")).expect("there");
        file.set_len(5000).expect("own");
    });
    assert_eq!(told.code, 1, "{}", told.stderr);
    told.has(&["chunkdelta: error: an input was cut while it was read\nhint: try again when"]);
}

#[test]
fn a_delta_that_changes_while_apply_reads_it_is_a_failure() {
    let lab = Lab::with_built(100_000, None);
    lab.create(&[]);
    assert!(Command::new("mkfifo").arg(lab.path("fifo")).status().expect("coreutils").success());
    let base = lab.read("base.tar");
    // The delta is read first, then the base.
    let child = lab.spawn(&["apply", "fifo", "delta", "-o", "out"]);
    let mut fifo = File::options().write(true).open(lab.path("fifo")).expect("there");
    let mut delta = lab.read("delta");
    delta.push(0);
    lab.write("delta", &delta);
    fifo.write_all(&base).expect("it reads");
    drop(fifo);
    let told = lab.wait(child);
    assert_eq!(told.code, 1, "{}", told.stderr);
    told.has(&[
        "input changed while it was read: delta (its length went from ",
        "hint: wait until",
    ]);
    assert!(!lab.path("out").exists());
}

#[test]
fn a_base_that_changes_while_apply_reads_it_is_a_failure() {
    let lab = Lab::with_built(2 << 20, Some(gzip));
    lab.create(&["-1", "--no-self-check"]);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let file = File::options().write(true).open(lab.path("base.tar")).expect("there");
            let mut time = SystemTime::now();
            while !done.load(Ordering::Relaxed) {
                time += Duration::from_secs(1);
                file.set_modified(time).expect("own");
                thread::sleep(Duration::from_micros(100));
            }
        });
        let told = lab.run(&["apply", "base.tar", "delta", "-o", "out"]);
        done.store(true, Ordering::Relaxed);
        assert_eq!(told.code, 1, "{}", told.stderr);
        told.has(&["base.tar changed while it was read"]);
    });
    assert!(!lab.path("out").exists());
}
