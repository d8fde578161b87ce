//! `chunkdelta apply BASE DELTA -o OUT`

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Instant;

use chunkdelta::apply::{self, ApplyOptions, ApplyReport};
use chunkdelta::observer::Observer;
use chunkdelta::units::Size;
use serde_json::{Value, json};

use super::args::{ApplyArgs, StdinTwice, Work, WorkArgs, one_stdin};
use super::argv::Manner;
use super::report::{self, Failure, SCHEMA_VERSION};

/// What `apply` was asked to do.
#[derive(Debug)]
pub(super) struct Options {
    base: OsString,
    delta: OsString,
    output: PathBuf,
    settings: ApplyOptions,
}

/// Options of the library for what `apply` and `verify` share.
pub(super) fn settings(work: WorkArgs, may_replace: bool) -> ApplyOptions {
    let Work { jobs, memory, tmpdir } = work.into();
    ApplyOptions {
        jobs,
        memory: memory.unwrap_or(ApplyOptions::default().memory),
        tmpdir,
        may_replace,
    }
}

impl TryFrom<ApplyArgs> for Options {
    type Error = StdinTwice;

    fn try_from(args: ApplyArgs) -> Result<Self, StdinTwice> {
        one_stdin(("BASE", &args.base), ("DELTA", &args.delta))?;
        Ok(Self {
            base: args.base,
            delta: args.delta,
            output: args.output.output,
            settings: settings(args.work, args.output.force),
        })
    }
}

/// Gives the target back.
pub(super) fn run(
    options: &Options,
    observer: &dyn Observer,
    manner: Manner,
) -> Result<(), Failure> {
    let start = Instant::now();
    let Options { base, delta, output, settings } = options;
    let report = apply::apply(base, delta, output, settings, observer)?;
    tell(&report, "rebuilt", start.elapsed().as_secs_f64(), manner)
}

/// Reports a run of a delta.
pub(super) fn tell(
    report: &ApplyReport,
    done: &str,
    seconds: f64,
    manner: Manner,
) -> Result<(), Failure> {
    if manner.is_json {
        report::print_json(&json(report, seconds), manner)?;
    } else {
        let stats = &report.stats;
        let text = format!(
            "{done} {}, every digest as it should be\n  from the base {}, from the delta {}  {seconds:.1} s",
            Size(report.output_len),
            Size(stats.base_bytes + stats.placed_bytes).short(),
            Size(stats.literal_bytes).short(),
        );
        report::tell(&text, manner)?;
    }
    Ok(())
}

fn json(report: &ApplyReport, seconds: f64) -> Value {
    let stats = &report.stats;
    json!({
        "schema_version": SCHEMA_VERSION,
        "output": { "bytes": report.output_len, "entries": report.outputs },
        "delta": { "bytes": report.delta_len },
        "copied_bytes": stats.base_bytes,
        "own_copied_bytes": stats.target_bytes,
        "placed_bytes": stats.placed_bytes,
        "zero_bytes": stats.zero_bytes,
        "literal_bytes": stats.literal_bytes,
        "seconds": seconds,
    })
}
