//! Ctrl-C and SIGTERM: nothing stays, no child runs on, and the exit code says it.
//!
//! A reader that closes a pipe is no signal here: Rust ignores SIGPIPE, and the write reports it.

use std::io::{self, IsTerminal as _, Write as _};
use std::thread;

use chunkdelta::fault::{Class, Explain};
use chunkdelta::image::daemon;
use chunkdelta::{map, publish};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The system does not let this process handle signals.
#[derive(Debug, thiserror::Error)]
#[error("cannot handle signals")]
pub(super) struct SignalError(#[from] io::Error);

impl Explain for SignalError {
    fn class(&self) -> Class {
        Class::Failed
    }
}

/// Starts the thread that waits for signals.
pub(super) fn watch() -> Result<(), SignalError> {
    map::install_sigbus_handler()?;
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let wait = move || {
        for (before, signal) in signals.forever().enumerate() {
            let abandoned = publish::abandon_all();
            // An output that has appeared is complete and the run all but over: to say now that it
            // was interrupted would be wrong. Who signals again wants out all the same.
            if abandoned.was_published() && before == 0 {
                continue;
            }
            let _stopped = daemon::stop();
            if io::stderr().is_terminal() {
                // Leaves the progress line; with nobody to read it nothing is lost.
                io::stderr().write_all(b"\n").ok();
            }
            signal_hook::low_level::exit(128 + signal);
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(wait)?;
    Ok(())
}
