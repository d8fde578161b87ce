//! Runs one command and tells what it took.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::failure::{At as _, Failure};

/// Between two looks at a process' memory. A look takes some 20 microseconds.
const LOOK: Duration = Duration::from_millis(2);

/// Linux tells processor time in hundredths of a second, on every machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// What one run of a command took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Seconds from before its start until it had ended.
    pub(crate) wall: f64,
    /// Seconds of processor time, user and system, all threads; to a hundredth.
    pub(crate) cpu: f64,
    /// Its memory at its peak.
    pub(crate) memory: Memory,
}

/// Peaks, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// Of anonymous and shared memory (`RssAnon` + `RssShmem`), which the kernel cannot take back.
    pub(crate) anonymous: u64,
    /// Of all resident memory, mapped files too: what the kernel itself keeps as `VmHWM`, which is
    /// what wait4 tells as `ru_maxrss`, as of the last look.
    pub(crate) resident: u64,
}

impl Memory {
    pub(crate) fn or_more(self, other: Self) -> Self {
        Self {
            anonymous: self.anonymous.max(other.anonymous),
            resident: self.resident.max(other.resident),
        }
    }

    /// As /proc/PID/status has it; zero for what it does not have.
    pub(crate) fn parse(status: &str) -> Self {
        let kib = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let digits = value.and_then(|value| value.split_whitespace().next());
            digits.and_then(|digits| digits.parse::<u64>().ok()).unwrap_or(0)
        };
        Self { anonymous: (kib("RssAnon") + kib("RssShmem")) << 10, resident: kib("VmHWM") << 10 }
    }
}

/// Where the program `name` is: in one of `dirs`, the first that has it.
pub(crate) fn find(name: &str, dirs: &[PathBuf]) -> Option<PathBuf> {
    dirs.iter().map(|dir| dir.join(name)).find(|path| path.is_file())
}

/// Runs `words` and waits; what it says goes to the file `log`.
///
/// # Errors
///
/// When it cannot be started, and when it does not end well: with the last line that it said.
pub(crate) fn run(words: &[OsString], log: &Path) -> Result<Usage, Failure> {
    let (program, arguments) = words.split_first().expect("BUG: a command has a program");
    let said = File::create(log).at(log)?;
    let said_too = said.try_clone().at(log)?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(said).stderr(said_too);
    let start = Instant::now();
    let mut child = command.spawn().at(Path::new(program))?;
    let (memory, wall) = watch_until_end(&child, start);
    let cpu = processor_seconds(&child);
    let status = child.wait().at(Path::new(program))?;
    if !status.success() {
        return Err(Failure::Command { words: shown(words), status, said: last_line(log) });
    }
    Ok(Usage { wall, cpu, memory })
}

/// Looks at the process's memory until it has ended. It is left a zombie, so that nobody else gets
/// its number while its files in /proc are read.
fn watch_until_end(child: &Child, start: Instant) -> (Memory, f64) {
    let is_over = AtomicBool::new(false);
    let path = format!("/proc/{}/status", child.id());
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut peak = Memory::default();
            while !is_over.load(Ordering::Acquire) {
                let status = fs::read_to_string(&path).unwrap_or_default();
                peak = peak.or_more(Memory::parse(&status));
                thread::sleep(LOOK);
            }
            peak
        });
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        // EINTR alone can be said of a child that is there.
        while waitid(WaitId::Pid(Pid::from_child(child)), options).is_err() {}
        let wall = start.elapsed().as_secs_f64();
        is_over.store(true, Ordering::Release);
        (watcher.join().expect("BUG: looking does not panic"), wall)
    })
}

/// User and system time of a process that has ended, fields 14 and 15 of its stat.
fn processor_seconds(child: &Child) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    // The second field, the name, is in brackets and may have blanks.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SECOND
}

/// A command as a person would type it.
fn shown(words: &[OsString]) -> String {
    words.join(OsStr::new(" ")).to_string_lossy().into_owned()
}

fn last_line(log: &Path) -> String {
    let said = fs::read(log).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("nothing").trim().to_owned()
}
