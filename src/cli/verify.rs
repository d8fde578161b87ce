//! `chunkdelta verify DELTA [BASE]`

use std::ffi::OsString;
use std::time::Instant;

use chunkdelta::apply::{self, ApplyOptions, open_delta};
use chunkdelta::observer::Observer;
use chunkdelta::spool::Spooler;
use chunkdelta::units::Size;
use serde_json::json;

use super::apply::{settings, tell};
use super::args::{StdinTwice, VerifyArgs, one_stdin};
use super::argv::Manner;
use super::report::{self, Failure, SCHEMA_VERSION};

/// What `verify` was asked to do.
#[derive(Debug)]
pub(super) struct Options {
    delta: OsString,
    base: Option<OsString>,
    settings: ApplyOptions,
}

impl TryFrom<VerifyArgs> for Options {
    type Error = StdinTwice;

    fn try_from(args: VerifyArgs) -> Result<Self, StdinTwice> {
        if let Some(base) = &args.base {
            one_stdin(("DELTA", &args.delta), ("BASE", base))?;
        }
        let settings = settings(args.work, false);
        Ok(Self { delta: args.delta, base: args.base, settings })
    }
}

/// Checks the delta, and with a base that it gives the target back.
pub(super) fn run(
    options: &Options,
    observer: &dyn Observer,
    manner: Manner,
) -> Result<(), Failure> {
    let start = Instant::now();
    if let Some(base) = &options.base {
        let report = apply::verify(&options.delta, base, &options.settings, observer)?;
        return tell(&report, "proved", start.elapsed().as_secs_f64(), manner);
    }
    let spooler = Spooler::new(options.settings.tmpdir.clone());
    let (_file, delta) = open_delta(&options.delta, &spooler, observer)?;
    if manner.is_json {
        let value = json!({
            "schema_version": SCHEMA_VERSION,
            "id": delta.id().to_string(),
            "bytes": delta.file_len(),
        });
        report::print_json(&value, manner)?;
    } else {
        let text = format!("whole    {} {}", delta.id(), Size(delta.file_len()));
        report::tell(&text, manner)?;
    }
    Ok(())
}
