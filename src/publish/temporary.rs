//! Names that exist only while an output is made, and the promise that none outlives the process.
//!
//! Most outputs have no name until they are complete, and the kernel takes them back. What needs a
//! name for a moment is recorded here, so that [`abandon_all`] can remove it when a signal comes.
//! Two locks, always taken in this order, make that exact:
//!
//! 1. the gate is held while an output gets its final name: a signal waits for that, or comes first;
//! 2. the names are held while one is made or given up: none can be missed between disk and record.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The longest file name of Linux file systems, in bytes.
const NAME_MAX: usize = 255;

/// Random letters in a temporary name.
const RANDOM_LEN: usize = 8;

static GATE: Mutex<Gate> = Mutex::new(Gate { published: false });
static NAMES: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Whether this process has given an output its final name.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) published: bool,
}

/// Lets one output at a time get its final name, and no signal in between.
pub(super) fn gate() -> MutexGuard<'static, Gate> {
    // A thread that panicked while it held a lock left names that should go all the more.
    GATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn names() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    NAMES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `make` while nothing can be abandoned, so that what it makes below a temporary is removed
/// with it or not made.
pub(super) fn undisturbed<T>(make: impl FnOnce() -> T) -> T {
    let _names = names();
    make()
}

/// Every named temporary is gone, and none is made and nothing published while this exists.
///
/// Hold it until the process exits.
#[derive(Debug)]
#[must_use = "what was abandoned may come back when this is dropped"]
pub struct Abandoned {
    _names: MutexGuard<'static, BTreeSet<PathBuf>>,
    gate: MutexGuard<'static, Gate>,
}

impl Abandoned {
    /// Had an output got its final name before? Then the work is done, and to report an
    /// interruption would be wrong.
    pub fn was_published(&self) -> bool {
        self.gate.published
    }
}

/// Waits until no output is just getting its name, then removes every named temporary of this
/// process. For a thread that handles signals; not for a signal handler.
pub fn abandon_all() -> Abandoned {
    let gate = gate();
    let mut names = names();
    for path in &*names {
        // Nobody is left who could be told.
        remove(path).ok();
    }
    names.clear();
    Abandoned { _names: names, gate }
}

/// A file or directory that is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Temporary {
    path: PathBuf,
    is_armed: bool,
}

impl Temporary {
    /// Makes `.NAME.<random>.tmp` in `directory` by means of `make`, which must fail with
    /// [`io::ErrorKind::AlreadyExists`] where the name is taken.
    pub(super) fn make<T>(
        directory: &Path,
        name: &OsStr,
        make: impl FnMut(&Path) -> io::Result<T>,
    ) -> io::Result<(Self, T)> {
        let mut names = names();
        let (value, path) = tempfile::Builder::new()
            .prefix(&prefix(name))
            .suffix(".tmp")
            .rand_bytes(RANDOM_LEN)
            .disable_cleanup(true)
            .make_in(directory, make)?
            .into_parts();
        let path = path.keep().map_err(|error| error.error)?;
        names.insert(path.clone());
        Ok((Self { path, is_armed: true }, value))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Says that the name is gone because it was renamed: nothing is left to remove.
    pub(super) fn renamed(mut self) {
        names().remove(&self.path);
        self.is_armed = false;
    }

    /// Removes it now, and says when that fails.
    pub(super) fn remove(mut self) -> io::Result<()> {
        self.is_armed = false;
        let mut names = names();
        remove(&self.path)?;
        names.remove(&self.path);
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.is_armed {
            let mut names = names();
            names.remove(&self.path);
            // Whoever drops it has an error of more interest to report.
            remove(&self.path).ok();
        }
    }
}

/// `.NAME.`, with the name cut so that the temporary name is not too long for a file system.
fn prefix(name: &OsStr) -> OsString {
    let room = NAME_MAX - RANDOM_LEN - "..".len() - ".tmp".len();
    let mut prefix = OsString::from(".");
    prefix.push(OsStr::from_bytes(name.as_bytes().get(..room).unwrap_or(name.as_bytes())));
    prefix.push(".");
    prefix
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_name_fits_where_the_name_itself_does() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let name = "n".repeat(NAME_MAX);
        let create = |path: &Path| fs::File::create_new(path);
        let (temporary, _file) =
            Temporary::make(dir.path(), OsStr::new(&name), create).expect("short enough");
        let made = temporary.path().file_name().expect("named").as_bytes();
        assert_eq!(made.len(), NAME_MAX);
        assert!(made.starts_with(b".nnn") && made.ends_with(b".tmp"));
    }

    #[test]
    fn a_temporary_goes_when_it_is_dropped() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let (temporary, ()) =
            Temporary::make(dir.path(), OsStr::new("out"), |path| fs::create_dir(path))
                .expect("made");
        fs::write(temporary.path().join("member"), b"x").expect("written");
        drop(temporary);
        assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 0);
    }
}
