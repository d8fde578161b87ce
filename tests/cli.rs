//! The command's words: help, version, usage errors, and where each of them goes.

use assert_cmd::Command;

/// Exit code, standard output, standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("chunkdelta")
        .expect("built")
        .args(arguments)
        .env_remove("NO_COLOR")
        .output()
        .expect("runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

/// The text of a usage error, after a look at everything around it.
fn usage_error(arguments: &[&str]) -> String {
    let (code, stdout, stderr) = run(arguments);
    assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
    let message = stderr.strip_prefix("chunkdelta: error: ").expect("one form for all errors");
    let (message, hint) = message.split_once('\n').expect("two lines");
    assert!(hint.starts_with("hint: ") && hint.lines().count() == 1, "{arguments:?}: {stderr}");
    message.to_owned()
}

const CREATE: [&str; 5] = ["create", "base.tar", "target.tar", "-o", "delta"];

fn create_with(more: &[&str]) -> String {
    usage_error(&[&CREATE, more].concat())
}

#[test]
fn every_command_has_help_with_an_example() {
    let (code, stdout, stderr) = run(&["--help"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("chunkdelta create app-1.tar app-2.tar -o app.ckd"), "{stdout}");
    for command in ["create", "apply", "inspect", "verify"] {
        let (code, stdout, stderr) = run(&[command, "--help"]);
        assert_eq!((code, stderr.as_str()), (0, ""));
        let example = format!("Example:\n  chunkdelta {command} ");
        assert!(stdout.contains(&example), "{stdout}");
    }
}

#[test]
fn no_command_at_all_shows_the_help_as_a_usage_error() {
    let (code, stdout, stderr) = run(&[]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("Usage: chunkdelta [OPTIONS] <COMMAND>"), "{stderr}");
}

#[test]
fn the_version_names_everything_that_decides_the_bytes_of_a_delta() {
    let (code, stdout, _) = run(&["--version"]);
    assert_eq!(code, 0);
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines[..2], [concat!("chunkdelta ", env!("CARGO_PKG_VERSION")), "delta format 1"]);
    assert_eq!(
        lines[2..],
        [format!("zstd {}, fastcdc 5.0.0, blake3 1.8", zstd::zstd_safe::version_string())]
    );
}

#[test]
fn the_pinned_library_versions_are_those_of_the_manifest() {
    let manifest = include_str!("../Cargo.toml");
    assert!(manifest.contains("fastcdc = \"=5.0.0\""));
    assert!(manifest.contains("blake3 = \"1.8."));
}

#[test]
fn an_output_is_required() {
    let missing = "the following required arguments were not provided: --output <OUT>";
    assert_eq!(usage_error(&["create", "base.tar", "target.tar"]), missing);
    assert_eq!(usage_error(&["apply", "base.tar", "delta"]), missing);
}

#[test]
fn level_fast_and_best_exclude_each_other() {
    let conflict = |one, other| format!("the argument '{one}' cannot be used with '{other}'");
    assert_eq!(create_with(&["-l", "3", "--fast"]), conflict("--level <N>", "--fast"));
    assert_eq!(create_with(&["-19", "--best"]), conflict("--level <N>", "--best"));
    assert_eq!(create_with(&["--fast", "--best"]), conflict("--fast", "--best"));
}

#[test]
fn a_level_is_from_1_to_22_however_it_is_spelled() {
    let message =
        |level| format!("invalid value '{level}' for '--level <N>': {level} is not in 1..=22");
    assert_eq!(create_with(&["-l", "0"]), message(0));
    assert_eq!(create_with(&["--level=23"]), message(23));
    assert_eq!(create_with(&["-23"]), message(23));
    assert_eq!(usage_error(&["verify", "delta", "-19"]), "unexpected argument '-1' found");
}

#[test]
fn what_a_base_lacks_needs_no_leave_where_a_delta_says_what_it_needs() {
    let message = "unexpected argument '--allow-missing' found";
    assert_eq!(usage_error(&["apply", "a", "b", "-o", "c", "--allow-missing"]), message);
    assert_eq!(usage_error(&["verify", "a", "b", "--allow-missing"]), message);
}

#[test]
fn a_size_that_makes_no_sense_is_refused() {
    assert_eq!(
        create_with(&["--memory", "lots"]),
        "invalid value 'lots' for '--memory <SIZE>': \
         expected a number with or without a unit: 600MB, 48MiB, 1g"
    );
}

#[test]
fn standard_input_is_for_one_argument() {
    let message = |first, second| format!("{first} and {second} cannot both be standard input");
    assert_eq!(usage_error(&["create", "-", "-", "-o", "x"]), message("BASE", "TARGET"));
    assert_eq!(usage_error(&["apply", "-", "-", "-o", "x"]), message("BASE", "DELTA"));
    assert_eq!(usage_error(&["verify", "-", "-"]), message("DELTA", "BASE"));
}

#[test]
fn with_json_a_usage_error_is_one_object_where_results_go() {
    let object = "{\"schema_version\":1,\"error\":{\"code\":2,\"kind\":\"usage\",\
                  \"message\":\"unexpected argument '--frob' found\",";
    let (code, stdout, stderr) = run(&["apply", "a", "b", "-o", "c", "--json", "--frob"]);
    assert_eq!((code, stderr.as_str()), (2, ""));
    assert!(stdout.starts_with(object), "{stdout}");
    assert_eq!(stdout.lines().count(), 1);
    serde_json::from_str::<serde_json::Value>(&stdout).expect("JSON");

    let (code, stdout, stderr) = run(&["apply", "a", "b", "--json", "--frob", "-o", "-"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.starts_with(object), "{stderr}");
}

#[test]
fn colours_come_when_asked_for_and_not_by_themselves() {
    let (_, _, stderr) = run(&["frob"]);
    assert!(!stderr.contains('\x1b'), "{stderr}");
    let (_, _, stderr) = run(&["frob", "--color", "always"]);
    assert!(stderr.starts_with("chunkdelta: \x1b[1;31merror:\x1b[0m "), "{stderr}");
    let (_, stdout, _) = run(&["--help", "--color", "never"]);
    assert!(!stdout.contains('\x1b'), "{stdout}");
}

#[test]
fn help_into_a_closed_pipe_is_quiet() {
    let output = std::process::Command::new("sh")
        .args(["-c", "{ sleep 0.2; \"$0\" --help; echo code $? >&2; } | true"])
        .arg(env!("CARGO_BIN_EXE_chunkdelta"))
        .output()
        .expect("a shell");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "code 1\n");
}
