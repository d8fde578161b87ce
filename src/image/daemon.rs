//! An image straight out of the Docker engine, through the user's own `docker save`.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::retry_on_intr;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::fault::{Class, Explain, Shown};
use crate::spool::{SpoolError, Spooler};

/// How much of what `docker save` complains is kept, in bytes.
const COMPLAINT_LEN: u64 = 4096;

/// Why `docker save` gave no archive.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The program could not be started.
    #[error("cannot run {program}")]
    Start {
        /// The program.
        program: String,
        /// The image that was asked for.
        image: String,
        /// What the system said.
        source: io::Error,
    },
    /// The program said no.
    #[error("`docker save {}` failed: {}", Shown(image.as_str()), Shown(complaint.as_str()))]
    Refused {
        /// The image that was asked for.
        image: String,
        /// What it wrote to standard error, cut after 4096 bytes.
        complaint: String,
    },
    /// There is no file for its output.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// Its output could not be handed over.
    #[error("cannot run `docker save`")]
    Pipe(#[source] io::Error),
}

impl Explain for DaemonError {
    fn class(&self) -> Class {
        match self {
            Self::Spool(error) => error.class(),
            _ => Class::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Start { image, .. } => Some(format!(
                "run `docker save {} -o image.tar` where the engine is and name that file",
                Shown(image.as_str())
            )),
            Self::Refused { .. } => {
                Some("check that the engine runs and that `docker image ls` shows it".to_owned())
            }
            Self::Spool(error) => error.hint(),
            Self::Pipe(_) => None,
        }
    }
}

/// The program while it runs. Whoever holds the lock knows that nobody starts or reaps one, so that
/// the number is its own.
static RUNNING: Mutex<Option<Pid>> = Mutex::new(None);

fn running() -> MutexGuard<'static, Option<Pid>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the program from being started; see [`stop`].
#[derive(Debug)]
#[must_use = "dropped, it lets the next one start"]
pub struct Stopped(
    #[expect(dead_code, reason = "held, not read")] MutexGuard<'static, Option<Pid>>,
);

/// Asks the program to end if it runs, and keeps another one from starting: for a process that is
/// about to exit.
pub fn stop() -> Stopped {
    let running = running();
    if let Some(pid) = *running {
        // It has ended by itself where this fails.
        kill_process(pid, Signal::TERM).ok();
    }
    Stopped(running)
}

fn start(command: &mut Command) -> io::Result<Child> {
    let mut running = running();
    let child = command.spawn()?;
    *running = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    Ok(child)
}

/// Waits for the program without holding the lock, and reaps it with the lock held.
fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        retry_on_intr(|| waitid(WaitId::Pid(pid), options))?;
    }
    let mut running = running();
    *running = None;
    child.wait()
}

/// Runs `PROGRAM save -- IMAGE` and returns its output.
///
/// # Errors
/// [`DaemonError`], with what the program wrote to standard error.
pub fn save(image: &str, program: &OsStr, spooler: &Spooler) -> Result<File, DaemonError> {
    let file = spooler.create(None)?;
    let output = file.try_clone().map_err(DaemonError::Pipe)?;
    let mut command = Command::new(program);
    command.args(["save", "--", image]);
    command.stdin(Stdio::null()).stdout(output).stderr(Stdio::piped());
    let mut child = start(&mut command).map_err(|source| DaemonError::Start {
        program: Shown(&*program.to_string_lossy()).to_string(),
        image: image.to_owned(),
        source,
    })?;
    let mut complaint = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        // What cannot be read of a complaint changes nothing; the exit status decides.
        let _kept = stderr.by_ref().take(COMPLAINT_LEN).read_to_end(&mut complaint);
        let _rest = io::copy(&mut stderr, &mut io::sink());
    }
    let status = wait(&mut child).map_err(DaemonError::Pipe)?;
    if !status.success() {
        let mut complaint = String::from_utf8_lossy(&complaint).trim().to_owned();
        if complaint.is_empty() {
            complaint = status.to_string();
        }
        return Err(DaemonError::Refused { image: image.to_owned(), complaint });
    }
    Ok(file)
}
