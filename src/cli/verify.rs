//! `chunkdelta verify DELTA [BASE]`

use std::ffi::OsString;

use chunkdelta::observer::Observer;

use super::args::{StdinTwice, VerifyArgs, Work, one_stdin};
use super::report::{Failure, NotWired};

/// What `verify` was asked to do.
#[derive(Debug)]
#[expect(dead_code, reason = "read by the library call, which is to come")]
pub(super) struct VerifyOptions {
    delta: OsString,
    base: Option<OsString>,
    work: Work,
    allows_missing: bool,
}

impl TryFrom<VerifyArgs> for VerifyOptions {
    type Error = StdinTwice;

    fn try_from(args: VerifyArgs) -> Result<Self, StdinTwice> {
        if let Some(base) = &args.base {
            one_stdin(("DELTA", &args.delta), ("BASE", base))?;
        }
        Ok(Self {
            delta: args.delta,
            base: args.base,
            work: args.work.into(),
            allows_missing: args.images.allow_missing,
        })
    }
}

/// Checks the delta, and with a base that it gives the target back.
pub(super) fn run(_options: &VerifyOptions, _observer: &dyn Observer) -> Result<(), Failure> {
    // The library's `verify` is called here.
    Err(NotWired("verify").into())
}
