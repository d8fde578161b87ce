//! Outputs that are not regular files, and inputs that come once.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::lab::Lab;

fn mkfifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("coreutils").success());
}

#[test]
fn standard_output_gets_the_bytes_and_standard_error_the_result() {
    let lab = Lab::with_delta();
    let told = lab.run(&["apply", "base.tar", "delta", "-o", "-"]).ok();
    assert!(told.stdout == lab.read("target.tar"));
    told.has(&["rebuilt 1.0 MiB"]);
    let told = lab.run(&["create", "base.tar", "target.tar", "-o", "-"]).ok();
    assert!(told.stdout == lab.read("delta"));
    told.has(&["delta   ", ", checked"]);
    for spelling in [&["-fo", "-"][..], &["-fo-"], &["-qo", "-"], &["--output=-", "--json"]] {
        let told = lab.run(&[&["apply", "base.tar", "delta"], spelling].concat()).ok();
        assert!(told.stdout == lab.read("target.tar"), "{spelling:?}");
    }
}

#[test]
fn a_delta_can_be_piped_from_create_to_apply() {
    let lab = Lab::with_images();
    let script = r#""$0" create base.tar target.tar -o - -q | "$0" apply base.tar - -o out -q"#;
    let status = Command::new("sh")
        .args(["-c", script])
        .arg(env!("CARGO_BIN_EXE_chunkdelta"))
        .current_dir(lab.root())
        .status();
    assert!(status.expect("a shell").success());
    lab.assert_same("out", "target.tar");
}

#[test]
fn no_byte_that_is_not_proved_reaches_a_reader() {
    let lab = Lab::with_built(40_000, None);
    lab.create(&[]);
    let mut damaged = lab.read("base.tar");
    // Inside the first layer, which the target has whole at its very end as well.
    damaged[20_000] ^= 1;
    lab.write("damaged", &damaged);
    lab.refused(3, &["apply", "damaged", "delta", "-o", "-"]);
}

#[test]
fn a_fifo_is_written_through_and_stays() {
    let lab = Lab::with_delta();
    mkfifo(&lab.path("fifo"));
    let path = lab.path("fifo");
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        File::open(path).expect("there").read_to_end(&mut bytes).expect("readable");
        bytes
    });
    lab.run(&["apply", "base.tar", "delta", "-o", "fifo"]).ok();
    assert!(reader.join().expect("no panic") == lab.read("target.tar"));
    assert!(lab.path("fifo").metadata().expect("there").file_type().is_fifo());
}

#[test]
fn a_device_is_written_through_even_without_force() {
    let lab = Lab::with_delta();
    lab.run(&["apply", "base.tar", "delta", "-o", "/dev/null"]).ok();
    assert!(Path::new("/dev/null").metadata().expect("there").file_type().is_char_device());
    for run in [
        ["apply", "base.tar", "delta", "-o", "/dev/full"],
        ["create", "base.tar", "target.tar", "-o", "/dev/full"],
    ] {
        let told = lab.refused(7, &run);
        told.has(&["cannot write /dev/full: No space left on device", "hint: make room there"]);
    }
}

#[test]
fn a_terminal_is_a_usage_error() {
    let lab = Lab::with_delta();
    for run in ["apply base.tar delta", "create base.tar target.tar"] {
        let line = format!("{} {run} -o -; echo code $?", env!("CARGO_BIN_EXE_chunkdelta"));
        let output = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .current_dir(lab.root())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output();
        let Ok(output) = output else {
            eprintln!("left out: there is no `script`");
            return;
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("chunkdelta: error: the output is a terminal\r\n"), "{text}");
        assert!(text.contains("hint: name a file with -o") && text.contains("code 2"), "{text}");
        assert!(!text.contains('\x1b'), "{text}");
    }
}

#[test]
fn a_reader_that_closes_early_is_a_failure_without_a_message() {
    let lab = Lab::with_built(200_000, None);
    lab.create(&[]);
    for run in ["apply base.tar delta", "create target.tar base.tar"] {
        for more in ["-q", "-q --json"] {
            let script = format!(r#"{{ "$0" {run} {more} -o -; echo code $? >&2; }} | head -c 10"#);
            let output = Command::new("sh")
                .args(["-c", &script])
                .arg(env!("CARGO_BIN_EXE_chunkdelta"))
                .current_dir(lab.root())
                .output()
                .expect("a shell");
            let stderr = String::from_utf8(output.stderr).expect("UTF-8");
            // A delta may fit into the pipe whole; then nobody noticed.
            let is_small = run.starts_with("create") && lab.read("delta").len() < 70_000;
            if !is_small {
                assert_eq!(stderr, "code 1\n", "{run}");
            }
            assert_eq!(output.stdout.len(), 10);
        }
    }
    lab.assert_no_spool();
}

#[test]
fn every_input_may_come_through_standard_input() {
    let lab = Lab::with_delta();
    let (base, target, delta) = (lab.read("base.tar"), lab.read("target.tar"), lab.read("delta"));
    let spooling = format!("spooling standard input to {}, ", lab.spools().display());
    let run = |arguments: &[&str], input: &[u8]| {
        let told = lab.run_with(arguments, input.to_vec()).ok();
        told.has(&[&spooling, " free\n"]);
        told
    };
    run(&["create", "-", "target.tar", "-o", "one"], &base);
    run(&["create", "base.tar", "-", "-o", "two"], &target);
    lab.assert_same("one", "delta");
    lab.assert_same("two", "delta");
    run(&["apply", "-", "delta", "-o", "out"], &base);
    run(&["apply", "base.tar", "-", "-o", "out2"], &delta);
    lab.assert_same("out", "target.tar");
    lab.assert_same("out2", "target.tar");
    run(&["verify", "-"], &delta);
    run(&["verify", "-", "base.tar"], &delta);
    run(&["verify", "delta", "-"], &base);
    let of = |subject: &str, input: &[u8]| run(&["inspect", subject], input).stdout;
    assert_eq!(of("-", &delta), lab.run(&["inspect", "delta"]).stdout);
    assert_eq!(of("-", &base), lab.run(&["inspect", "base.tar"]).stdout);
}

#[test]
fn the_size_of_a_spool_is_said_where_it_is_known() {
    let lab = Lab::with_delta();
    let mut command = lab.std_command(&["apply", "-", "delta", "-o", "out"]);
    command.stdin(File::open(lab.path("base.tar")).expect("there"));
    let output = command.output().expect("runs");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(stderr.contains("spooling standard input (1.0 MiB) to "), "{stderr}");
}

#[test]
fn a_fifo_as_input_is_spooled() {
    let lab = Lab::with_delta();
    for (name, run) in [
        ("base.tar", ["apply", "fifo", "delta", "-o", "out"]),
        ("delta", ["apply", "base.tar", "fifo", "-o", "out"]),
    ] {
        mkfifo(&lab.path("fifo"));
        let (path, bytes) = (lab.path("fifo"), lab.read(name));
        let writer = thread::spawn(move || {
            File::options().write(true).open(path).expect("there").write_all(&bytes)
        });
        lab.run(&run).ok().has(&["spooling fifo to "]);
        writer.join().expect("no panic").expect("read to its end");
        lab.assert_same("out", "target.tar");
        fs::remove_file(lab.path("fifo")).expect("there");
        fs::remove_file(lab.path("out")).expect("there");
    }
}
