//! What the options change, and what they refuse.

use serde_json::Value;

use crate::archive::{gzip, noise};
use crate::lab::Lab;

const CREATE: [&str; 5] = ["create", "base.tar", "target.tar", "-o", "delta"];

#[test]
fn a_level_is_spelled_in_every_way() {
    let lab = Lab::with_images();
    let delta = |level: &[&str]| {
        let told = lab.run(&[&CREATE, level, &["-f", "--json"]].concat()).ok();
        let value: Value = serde_json::from_str(told.stdout()).expect("JSON");
        (value["level"].as_u64().expect("a number"), lab.read("delta"))
    };
    let nineteen = delta(&["-l", "19"]);
    assert_eq!(nineteen.0, 19);
    for spelling in [&["-19"][..], &["--level=19"], &["--level", "19"], &["-l19"]] {
        assert!(delta(spelling) == nineteen, "{spelling:?}");
    }
    assert!(delta(&["--fast"]) == delta(&["-1"]));
    assert!(delta(&[]) == delta(&["-9"]), "the default level is 9");
    assert_eq!(delta(&["--best"]).0, 22);
    assert!(delta(&["-1"]).1 != nineteen.1, "a level changes the delta");
    assert!(nineteen.1.len() < delta(&["-1"]).1.len());
}

#[test]
fn level_fast_and_best_exclude_each_other() {
    let lab = Lab::with_images();
    for pair in [["-19", "--fast"], ["--fast", "--best"], ["-5", "--best"]] {
        lab.refused(2, &[&CREATE, &pair[..]].concat()).has(&[" cannot be used with "]);
    }
    for level in ["0", "23", "x"] {
        lab.refused(2, &[&CREATE, &["-l", level][..]].concat()).has(&["for '--level <N>'"]);
    }
}

#[test]
fn too_little_memory_is_a_limit_and_the_least_is_named_and_enough() {
    let lab = Lab::with_images();
    for level in ["-1", "-19", "--best"] {
        let told = lab.refused(7, &[&CREATE, &[level, "--memory", "1MB"][..]].concat());
        told.has(&["needs more memory than allowed (wanted ", "limit 976.6 KiB (1000000 bytes))"]);
        told.has(&["hint: allow more with --memory"]);
        let least = told.stderr.split(" (").nth(2).and_then(|text| text.split(' ').next());
        let least: u64 = least.expect("bytes").parse().expect("a number");
        assert!(least <= 600_000_000, "{least}");
        let enough =
            |bytes: u64| ["-f", level, "-q", "--memory", &bytes.to_string()].map(str::to_owned);
        let run = |bytes| {
            let more = enough(bytes);
            let more: Vec<&str> = more.iter().map(String::as_str).collect();
            lab.run(&[&CREATE, &more[..]].concat()).code
        };
        assert_eq!((run(least - 1), run(least)), (7, 0), "{level}");
    }
    let help = lab.run(&["create", "--help"]).ok();
    assert!(help.stdout().contains("Least memory by level:\n  1 "), "{}", help.stdout());
}

#[test]
fn apply_needs_little_memory_and_says_how_much() {
    let lab = Lab::with_delta();
    let told = lab.refused(7, &["apply", "base.tar", "delta", "-o", "out", "--memory", "1MB"]);
    told.has(&[
        "applying this delta needs more memory than allowed (wanted ",
        "\nhint: allow more",
    ]);
    lab.run(&["apply", "base.tar", "delta", "-o", "out", "--memory", "48MiB"]).ok();
    lab.assert_same("out", "target.tar");
}

#[test]
fn streams_decoded_one_after_the_other_give_the_same_output() {
    // Noise compresses to nothing smaller, so that windows are as large as what they hold.
    let lab = Lab::with_built(3 << 20, Some(gzip));
    lab.write(
        "target.tar",
        &crate::archive::Members::docker(
            "app:2",
            &[
                crate::archive::layer("first", &noise(1, 3 << 20)),
                crate::archive::layer("more", &noise(8, 2 << 20)),
                crate::archive::layer(
                    "text",
                    "some words, and again some words\n".repeat(90_000).as_bytes(),
                ),
            ],
        )
        .pack(),
    );
    lab.create(&["-19"]);
    let told = lab.run(&["inspect", "delta", "--json"]).ok();
    let value: Value = serde_json::from_str(told.stdout()).expect("JSON");
    let needs = |name: &str| value["needs"][name].as_u64().expect("a number");
    let (largest, sum) = (needs("largest_window_bytes"), needs("window_sum_bytes"));
    assert!(largest < sum && largest <= 16 << 20, "{largest} {sum}");
    let fixed = 24 << 20;
    for (memory, code) in [(fixed + largest - 1, 7), (fixed + largest, 0), (fixed + sum, 0)] {
        let memory = memory.to_string();
        let run = ["apply", "base.tar", "delta", "-o", "out", "-f", "--memory", &memory];
        assert_eq!(lab.run(&run).code, code, "{memory}");
        if code == 0 {
            lab.assert_same("out", "target.tar");
            let run = ["verify", "delta", "base.tar", "--memory", &memory];
            lab.run(&run).ok();
        }
    }
}

#[test]
fn the_memory_of_encoders_is_told_and_asked_for() {
    let lab = Lab::with_pair("skopeo-oci-zstd-1.tar", "skopeo-oci-gzip-2.tar");
    lab.create(&[]);
    let told = lab.run(&["inspect", "delta", "--json"]).ok();
    let value: Value = serde_json::from_str(told.stdout()).expect("JSON");
    let needs = |name: &str| value["needs"][name].as_u64().expect("a number");
    let encoders = needs("encoder_bytes");
    // pgzip in blocks of 1 MiB, and the few bytes that its pieces carry.
    assert!((6 << 20..7 << 20).contains(&encoders), "{encoders}");
    let least = (24 << 20) + needs("largest_window_bytes") + encoders;
    for (memory, code) in [(least - 1, 7), (least, 0)] {
        let memory = memory.to_string();
        let run = ["apply", "base.tar", "delta", "-o", "out", "-f", "--memory", &memory];
        assert_eq!(lab.run(&run).code, code, "{memory}");
    }
    lab.assert_same("out", "target.tar");
}

#[test]
fn a_temporary_directory_can_be_named_and_must_be_there() {
    let lab = Lab::with_delta();
    let told = lab.refused_with(
        1,
        &["apply", "-", "delta", "-o", "out", "--tmpdir", "none"],
        lab.read("base.tar"),
    );
    told.has(&["none: No such file", "hint: check the path"]);
    let mut command = lab.command(&["apply", "-", "delta", "-o", "out"]);
    let told = lab.finish(command.env("TMPDIR", "").write_stdin(lab.read("base.tar"))).ok();
    told.has(&["spooling standard input to /var/tmp, "]);
}

#[test]
fn a_delta_that_was_not_checked_says_so() {
    let lab = Lab::with_images();
    let told = lab.create(&[]);
    assert!(told.stdout().contains(", checked"), "{}", told.stdout());
    let told = lab.create(&["-f", "--no-self-check"]);
    told.has(&["chunkdelta: warning: the delta is not checked: --no-self-check"]);
    assert!(told.stdout().contains(", not checked"), "{}", told.stdout());
}

#[test]
fn quiet_is_quiet_and_verbose_excludes_it() {
    let lab = Lab::with_delta();
    for run in [
        &["create", "base.tar", "target.tar", "-o", "one", "-q"][..],
        &["apply", "base.tar", "delta", "-o", "two", "-q"],
        &["verify", "delta", "-q"],
        &["verify", "delta", "base.tar", "-q"],
    ] {
        let told = lab.run(run).ok();
        assert_eq!((told.stdout(), told.stderr.as_str()), ("", ""), "{run:?}");
    }
    let told = lab.run_with(&["apply", "-", "delta", "-o", "three", "-q"], lab.read("base.tar"));
    assert_eq!(told.ok().stderr, "");
    lab.refused(2, &["verify", "delta", "-q", "-v"]).has(&["cannot be used with"]);
    // An error is not quiet.
    lab.refused(1, &["verify", "none", "-q"]).has(&["cannot read none"]);
}

#[test]
fn colours_follow_the_option_and_no_color() {
    let lab = Lab::new();
    let error = |more: &[&str], no_color: &str| {
        let mut command = lab.command(&[&["verify", "none"], more].concat());
        lab.finish(command.env("NO_COLOR", no_color)).stderr
    };
    assert!(error(&["--color", "always"], "1").contains("\x1b[1;31merror:\x1b[0m"));
    assert!(!error(&["--color=never"], "").contains('\x1b'));
    // No terminal: no colours by themselves.
    assert!(!error(&[], "").contains('\x1b'));
}

#[test]
fn standard_input_is_for_one_argument() {
    let lab = Lab::with_delta();
    for run in [
        &["create", "-", "-", "-o", "x"][..],
        &["apply", "-", "-", "-o", "x"],
        &["verify", "-", "-"],
    ] {
        lab.refused(2, run).has(&["cannot both be standard input", "hint: name a file for one"]);
    }
}

#[test]
fn content_only_warns_of_every_digest_that_changes_and_gives_the_plain_form_back() {
    let lab = Lab::with_pair("docker20-1.tar", "skopeo-oci-gzip-2.tar");
    let told = lab.create(&["--content-only"]);
    told.has(&[" manifest sha256:", " becomes sha256:", "4 layers of target.tar become plain ("]);
    lab.run(&["apply", "base.tar", "delta", "-o", "out"]).ok();
    let told = lab.run(&["inspect", "out"]).ok();
    assert!(!told.stdout().contains("gzip"), "{}", told.stdout());
    let again = lab.run(&["create", "base.tar", "out", "-o", "again", "--content-only"]).ok();
    again.has(&["out has no compressed layers to replace: it is taken as it is"]);
    lab.assert_same("again", "delta");
}
