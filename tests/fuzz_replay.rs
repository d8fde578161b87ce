//! Runs every input that fuzzing kept, so that what it found once is found by `cargo test`.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

mod fuzz_bodies;

fn fuzz_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// Files of a directory, sorted by name; none where there is no directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    files
}

fn names(dir: &Path) -> BTreeSet<String> {
    let name = |path: &PathBuf| path.file_stem().expect("named").to_string_lossy().into_owned();
    files(dir).iter().map(name).collect()
}

fn replay(target: &str) {
    let kept = files(&fuzz_dir().join("corpus").join(target));
    assert!(!kept.is_empty(), "{target} has inputs");
    for path in kept.into_iter().chain(files(&fuzz_dir().join("regressions").join(target))) {
        let input = fs::read(&path).expect("readable");
        let result = catch_unwind(|| fuzz_bodies::run(target, &input));
        assert!(result.is_ok(), "{target} fails on {}", path.display());
    }
}

#[test]
fn every_target_is_listed_everywhere() {
    let listed: BTreeSet<String> =
        fuzz_bodies::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let manifest = fs::read_to_string(fuzz_dir().join("Cargo.toml")).expect("readable");
    let binaries = manifest.split("[[bin]]").skip(1).map(|binary| {
        let name = binary.split('"').nth(1);
        name.expect("a binary has its name first").to_owned()
    });
    assert_eq!(binaries.collect::<BTreeSet<_>>(), listed, "fuzz/Cargo.toml");
    for dir in ["fuzz_targets", "corpus"] {
        assert_eq!(names(&fuzz_dir().join(dir)), listed, "fuzz/{dir}");
    }
    // A target without finds has no directory there.
    assert!(names(&fuzz_dir().join("regressions")).is_subset(&listed), "fuzz/regressions");
}

/// Writes the inputs that the corpora began with; they are the same whenever the writers are.
#[test]
#[ignore = "run by hand, to begin the corpora anew"]
fn tool_that_writes_seeds() {
    for (target, _) in fuzz_bodies::TARGETS {
        let dir = fuzz_dir().join("corpus").join(target);
        fs::create_dir_all(&dir).expect("writable");
        for (number, seed) in fuzz_bodies::seeds(target).into_iter().enumerate() {
            fs::write(dir.join(format!("seed-{number:02}")), seed).expect("writable");
        }
    }
}

#[test]
fn covers_replay() {
    replay("covers");
}

#[test]
fn deltas_replay() {
    replay("delta");
}

#[test]
fn resealed_deltas_replay() {
    replay("delta_resealed");
}

#[test]
fn detected_blobs_replay() {
    replay("detector");
}

#[test]
fn encoders_replay() {
    replay("encoders");
}

#[test]
fn headers_replay() {
    replay("headers");
}

#[test]
fn images_replay() {
    replay("image");
}

#[test]
fn compressed_blobs_replay() {
    replay("inflate");
}

#[test]
fn paired_names_replay() {
    replay("pairing");
}

#[test]
fn round_trips_replay() {
    replay("roundtrip");
}

#[test]
fn archives_replay() {
    replay("walker");
}
