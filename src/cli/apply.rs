//! `chunkdelta apply BASE DELTA -o OUT`

use std::ffi::OsString;

use chunkdelta::observer::Observer;

use super::args::{ApplyArgs, OutputArgs, StdinTwice, Work, one_stdin};
use super::report::{Failure, NotWired};

/// What `apply` was asked to do.
#[derive(Debug)]
#[expect(dead_code, reason = "read by the library call, which is to come")]
pub(super) struct ApplyOptions {
    base: OsString,
    delta: OsString,
    output: OutputArgs,
    work: Work,
    allows_missing: bool,
}

impl TryFrom<ApplyArgs> for ApplyOptions {
    type Error = StdinTwice;

    fn try_from(args: ApplyArgs) -> Result<Self, StdinTwice> {
        one_stdin(("BASE", &args.base), ("DELTA", &args.delta))?;
        Ok(Self {
            base: args.base,
            delta: args.delta,
            output: args.output,
            work: args.work.into(),
            allows_missing: args.images.allow_missing,
        })
    }
}

/// Gives the target back.
pub(super) fn run(_options: &ApplyOptions, _observer: &dyn Observer) -> Result<(), Failure> {
    // The library's `apply` is called here.
    Err(NotWired("apply").into())
}
