//! Speed of `create` and `apply` on whole images, as a table in MB/s of the target.
//!
//!     cargo bench --bench pipeline -- BASE TARGET      (two archives; else two small fixtures)
//!
//! Each figure is the best of three runs in this process, inputs in the page cache, the output in
//! `$CHUNKDELTA_BENCH_DIR` (a tmpfs, so that no disk is measured) or the temporary directory. Compare
//! figures of one run only. `cargo bench --bench chunking` has the parts: cut points, chunk IDs,
//! index, comparison.
#![allow(missing_docs, reason = "a program, not a library")]
#![expect(clippy::print_stdout, reason = "prints its table")]

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use chunkdelta::apply::{self, ApplyOptions};
use chunkdelta::create::{self, CreateOptions};
use chunkdelta::observer::NoObserver;
use chunkdelta::units::Size;

const RUNS: usize = 3;

fn main() {
    // cargo passes --bench.
    let names: Vec<OsString> =
        std::env::args_os().skip(1).filter(|argument| argument != "--bench").collect();
    let fixture = |name: &str| OsString::from(format!("tests/fixtures/{name}"));
    let (base, target) = match names.as_slice() {
        [base, target] => (base.clone(), target.clone()),
        _ => (fixture("docker20-1.tar"), fixture("docker20-2.tar")),
    };
    let dir = std::env::var_os("CHUNKDELTA_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::tempdir_in(dir).expect("a directory for outputs");
    let (delta, out) = (dir.path().join("x.ckd"), dir.path().join("out.tar"));
    let len = std::fs::metadata(&target).expect("a target").len();
    println!("| what | threads | MB/s | s | delta |\n|---|---|---|---|---|");
    for level in [1, 3, 9] {
        for (jobs, has_self_check) in [(1, false), (2, false), (2, true)] {
            let options = create_options(level, jobs, has_self_check);
            let time = best(|| {
                create::create(&base, &target, &delta, &options, &NoObserver).expect("a delta");
            });
            let check = if has_self_check { ", self-check" } else { "" };
            row(&format!("create -l {level}{check}"), jobs, len, time, file_len(&delta));
        }
    }
    for jobs in [1, 2] {
        let options = apply_options(jobs);
        let time = best(|| {
            apply::apply(&base, delta.as_os_str(), &out, &options, &NoObserver)
                .expect("the target");
        });
        row("apply", jobs, len, time, file_len(&delta));
    }
}

fn create_options(level: u8, jobs: usize, has_self_check: bool) -> CreateOptions {
    CreateOptions {
        level: level.into(),
        jobs: NonZeroUsize::new(jobs).expect("not zero"),
        memory: Size(600_000_000),
        tmpdir: None,
        has_self_check,
        stages: chunkdelta::delta::Stages::ALL,
        is_portable: false,
        is_content_only: false,
        allow_missing: false,
        may_replace: true,
    }
}

fn apply_options(jobs: usize) -> ApplyOptions {
    ApplyOptions {
        jobs: NonZeroUsize::new(jobs).expect("not zero"),
        memory: Size(200_000_000),
        tmpdir: None,
        may_replace: true,
    }
}

fn best(mut run: impl FnMut()) -> Duration {
    let timed = |()| {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    std::iter::repeat_n((), RUNS).map(timed).min().expect("some runs")
}

fn file_len(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn row(what: &str, threads: usize, len: u64, time: Duration, delta: u64) {
    let rate = u128::from(len) / time.as_micros().max(1);
    println!("| {what} | {threads} | {rate} | {:.3} | {delta} |", time.as_secs_f64());
}
