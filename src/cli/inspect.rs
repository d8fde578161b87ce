//! `chunkdelta inspect DELTA|IMAGE`

use std::ffi::OsString;

use chunkdelta::observer::Observer;

use super::args::{InspectArgs, Work};
use super::report::{Failure, NotWired};

/// What `inspect` was asked to do.
#[derive(Debug)]
#[expect(dead_code, reason = "read by the library call, which is to come")]
pub(super) struct InspectOptions {
    subject: OsString,
    work: Work,
    allows_missing: bool,
}

impl From<InspectArgs> for InspectOptions {
    fn from(args: InspectArgs) -> Self {
        Self {
            subject: args.subject,
            work: args.work.into(),
            allows_missing: args.images.allow_missing,
        }
    }
}

/// Shows what the delta or the image holds.
pub(super) fn run(_options: &InspectOptions, _observer: &dyn Observer) -> Result<(), Failure> {
    // The library's `inspect` is called here.
    Err(NotWired("inspect").into())
}
