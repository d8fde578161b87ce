//! `chunkdelta create BASE TARGET -o DELTA`

use std::ffi::OsString;

use chunkdelta::observer::Observer;

use super::args::{CreateArgs, Effort, OutputArgs, StdinTwice, Work, one_stdin};
use super::report::{Failure, NotWired};

/// What `create` was asked to do.
#[derive(Debug)]
#[expect(dead_code, reason = "read by the library call, which is to come")]
pub(super) struct CreateOptions {
    base: OsString,
    target: OsString,
    output: OutputArgs,
    effort: Effort,
    work: Work,
    has_self_check: bool,
    is_portable: bool,
    allows_missing: bool,
}

impl TryFrom<CreateArgs> for CreateOptions {
    type Error = StdinTwice;

    fn try_from(args: CreateArgs) -> Result<Self, StdinTwice> {
        one_stdin(("BASE", &args.base), ("TARGET", &args.target))?;
        Ok(Self {
            effort: args.effort.effort(),
            base: args.base,
            target: args.target,
            output: args.output,
            work: args.work.into(),
            has_self_check: !args.no_self_check,
            is_portable: args.portable,
            allows_missing: args.images.allow_missing,
        })
    }
}

/// Makes the delta.
pub(super) fn run(_options: &CreateOptions, _observer: &dyn Observer) -> Result<(), Failure> {
    // The library's `create` is called here.
    Err(NotWired("create").into())
}
