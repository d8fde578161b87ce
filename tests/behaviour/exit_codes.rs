//! The table of exit codes in one place, and what surrounds an error.

use crate::lab::Lab;

#[test]
fn every_exit_code_is_given() {
    let lab = Lab::with_delta();
    lab.write("bad", b"nothing that anybody knows");
    let runs = [
        (0, &["apply", "base.tar", "delta", "-o", "/dev/null"][..]),
        (0, &["verify", "delta"]),
        (0, &["verify", "delta", "base.tar"]),
        (0, &["inspect", "delta"]),
        (0, &["inspect", "base.tar"]),
        (1, &["inspect", "none"]),
        (1, &["create", "base.tar", "target.tar", "-o", "delta"]),
        (2, &["apply", "base.tar", "delta"]),
        (2, &["apply", "delta", "base.tar", "-o", "out"]),
        (3, &["apply", "target.tar", "delta", "-o", "out"]),
        (3, &["verify", "delta", "target.tar"]),
        (4, &["inspect", "bad"]),
        (4, &["verify", "bad"]),
        (5, &["create", "docker://app", "target.tar", "-o", "out"]),
        (7, &["create", "base.tar", "target.tar", "-o", "out", "--memory", "1"]),
    ];
    let before = lab.state();
    for (code, run) in runs {
        let told = lab.run(run);
        assert_eq!(told.code, code, "{run:?}: {}", told.stderr);
        assert_eq!(told.stderr.contains("chunkdelta: error: "), code != 0, "{}", told.stderr);
        assert_eq!(told.stderr.contains("\nhint: "), code != 0, "{}", told.stderr);
    }
    assert_eq!(lab.state(), before);
}

#[test]
fn messages_are_lower_case_and_without_full_stop() {
    let lab = Lab::with_delta();
    for run in [
        &["apply", "none", "delta", "-o", "out"][..],
        &["apply", "delta", "base.tar", "-o", "out"],
        &["apply", "target.tar", "delta", "-o", "out"],
        &["create", "docker://app", "target.tar", "-o", "out"],
    ] {
        let told = lab.run(run);
        let message = told.stderr.lines().next().expect("a line");
        let message = message.strip_prefix("chunkdelta: error: ").expect("one form");
        assert!(!message.ends_with('.') && !message.starts_with(char::is_uppercase), "{message}");
        assert!(!message.starts_with("error"), "{message}");
    }
}

#[test]
fn names_from_outside_cannot_steer_a_terminal() {
    let lab = Lab::new();
    let told = lab.refused(1, &["inspect", "a\x1b[31mb"]);
    told.has(&["cannot read a\\u{1b}[31mb"]);
}

#[test]
fn verify_writes_nothing() {
    let lab = Lab::with_delta();
    let before = lab.state();
    let told = lab.run(&["verify", "delta", "base.tar"]).ok();
    assert!(told.stdout().starts_with("proved 1.0 MiB"), "{}", told.stdout());
    let told = lab.run(&["verify", "delta"]).ok();
    assert!(told.stdout().starts_with("whole    sha256:"), "{}", told.stdout());
    assert_eq!(lab.state(), before);
}

#[test]
fn inspect_reads_the_header_alone() {
    let lab = Lab::with_delta();
    let mut delta = lab.read("delta");
    *delta.last_mut().expect("long") ^= 1;
    lab.write("flipped", &delta);
    let of = |name: &str| lab.run(&["inspect", name]).ok().stdout;
    assert_eq!(of("flipped"), of("delta"));
    lab.refused(4, &["verify", "flipped"]);
}

#[test]
fn inspect_shows_directories_and_what_they_lack() {
    let lab = Lab::new();
    crate::lab::copy_tree(&crate::support::fixture("registry-oci-layout-1"), &lab.path("layout"));
    for name in ["layout", "oci:layout"] {
        let told = lab.run(&["inspect", name]).ok();
        assert!(told.stdout().starts_with("image    oci, 1 images\n"), "{}", told.stdout());
        assert!(told.stdout().contains(" gzip sha256:"), "{}", told.stdout());
        assert!(told.stdout().contains(" diff ID sha256:"), "{}", told.stdout());
    }
}
