//! What the figures were taken on, and with which versions.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::programs::Shelf;
use crate::statistics::{decimal, real};

/// Processor, cores, memory and kernel, in one line.
pub(crate) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let processor = field(&read("/proc/cpuinfo"), "model name").unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    let kib = memory.split(' ').next().and_then(|digits| digits.parse::<u64>().ok());
    let memory = decimal(kib.map(|kib| real(kib) / real(1 << 20)), 1);
    format!("{processor}, {cores} cores, {memory} GiB of memory, Linux {}", kernel.trim())
}

/// Bytes of memory that a program can get now.
pub(crate) fn available_memory() -> u64 {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = field(&meminfo, "MemAvailable")
        .and_then(|value| value.split(' ').next().and_then(|digits| digits.parse::<u64>().ok()));
    kib.unwrap_or(0) << 10
}

fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Version of each program, in one line each; of what is not there, that it is not.
pub(crate) fn versions(shelf: &Shelf) -> Vec<String> {
    let asked = [
        ("chunkdelta", "--version"),
        ("hdiffz", "-v"),
        ("zstd", "--version"),
        ("xdelta3", "-V"),
        ("bsdiff", ""),
        ("bita", "--version"),
        ("openssl", "version"),
        ("cp", "--version"),
    ];
    asked.into_iter().map(|(name, option)| version(shelf, name, option)).collect()
}

fn version(shelf: &Shelf, name: &str, option: &str) -> String {
    let Some(path) = shelf.find(name) else { return format!("{name}: not installed") };
    let said = if option.is_empty() {
        // It knows no such option; its package does.
        said("dpkg-query".as_ref(), &["--show", "--showformat=${Package} ${Version}", name])
    } else {
        said(&path, &[option])
    };
    said.unwrap_or_else(|| format!("{name} of unknown version"))
}

/// The first line that a command says, without stars around it and copyrights behind it.
fn said(program: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().find(|line| !line.trim().is_empty())?;
    let end = line.find(", ").or_else(|| line.find(" (Library:")).unwrap_or(line.len());
    Some(line[..end].trim_matches(['*', ' ']).to_owned())
}
