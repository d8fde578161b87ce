//! Equal images and an equal level give equal deltas, however many threads, whatever memory.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use chunkdelta::create::CreateOptions;
use chunkdelta::digest::Digest;
use chunkdelta::units::Size;

mod built;
mod support;

use built::{Built, create_options, make, noise, tar_of, text};
use support::fixture;

/// Makes the delta in every way that must not matter and returns its digest.
fn same_delta(base: &Path, target: &Path, level: u8) -> Digest {
    let dir = tempfile::tempdir().expect("writable");
    let ways = [
        (1, 600_000_000, false, false),
        (2, 600_000_000, true, true),
        (3, 4_000_000_000, false, false),
        (7, 320_000_000, true, false),
    ];
    let deltas = ways.map(|(jobs, memory, has_own_tmpdir, has_self_check)| {
        let delta = dir.path().join(format!("delta-{jobs}"));
        let options = CreateOptions {
            jobs: NonZeroUsize::new(jobs).expect("not zero"),
            memory: Size(memory),
            tmpdir: has_own_tmpdir.then(|| dir.path().to_owned()),
            has_self_check,
            ..create_options(level)
        };
        let report = make(base, target, &delta, &options);
        (jobs, report, Digest::of(&fs::read(delta).expect("published")))
    });
    for (jobs, report, digest) in &deltas[1..] {
        assert_eq!(report, &deltas[0].1, "{jobs} threads");
        assert_eq!(digest, &deltas[0].2, "{jobs} threads");
    }
    deltas[0].2
}

#[test]
fn fixtures_give_one_delta_with_any_number_of_threads() {
    for (base, target) in [
        ("docker20-1.tar", "docker20-2.tar"),
        ("docker26-multi.tar", "docker20-3.tar"),
        ("skopeo-oci-zstd-1.tar", "skopeo-oci-zstd-2.tar"),
        ("registry-dir-1", "oci-index"),
    ] {
        same_delta(&fixture(base), &fixture(target), 3);
    }
    same_delta(&fixture("podman-oci-1.tar"), &fixture("docker26-2.tar"), 9);
}

#[test]
fn a_second_run_on_a_copy_gives_the_same_delta() {
    let dir = tempfile::tempdir().expect("writable");
    let (base, target) = (fixture("docker26-1.tar"), fixture("docker26-2.tar"));
    let copies = [("base", &base), ("target", &target)].map(|(name, path)| {
        let copy = dir.path().join(name);
        fs::copy(path, &copy).expect("writable");
        copy
    });
    assert_eq!(same_delta(&base, &target, 3), same_delta(&copies[0], &copies[1], 3));
}

#[test]
fn one_large_layer_gives_one_delta_with_any_number_of_threads() {
    let dir = tempfile::tempdir().expect("writable");
    // No tar, so that nothing but the bytes decides where chunks end; segments of all threads meet
    // in runs without any cut point.
    let mut old = noise(1, 14 << 20);
    old.extend(vec![0; 5 << 20]);
    old.extend(text(2, 12 << 20));
    old.extend(b"periodic ".repeat(1 << 19));
    old.extend(noise(3, 5 << 20));
    let mut new = noise(4, 2 << 20);
    new.extend(&old);
    for at in (1 << 20..new.len()).step_by((3 << 20) + 7) {
        new.splice(at..at + 11, *b"other");
    }
    new.extend(text(5, 3 << 20));
    let small = tar_of(&[(b"small", b"layer")]);
    let images = [("base", &old), ("target", &new)].map(|(name, layer)| {
        let path = dir.path().join(name);
        fs::write(&path, Built::of(&[layer, &small]).archive()).expect("writable");
        path
    });
    same_delta(&images[0], &images[1], 3);
}
