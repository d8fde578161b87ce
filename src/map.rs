//! Inputs of `create` as memory, and what happens when somebody cuts one short meanwhile.
//!
//! This is the only module with unsafe code. `apply` never maps: its inputs are read with `pread`,
//! so that whoever may write the base cannot stop it with a signal. `create` maps because matching
//! reads the base in no order at all, and it runs where the images are made.
//!
//! A mapped page past the end of a file that was cut raises SIGBUS. [`install_sigbus_handler`]
//! turns that into a message and exit code 1. Output without a name goes with the process; a named
//! temporary (`.NAME.<random>.tmp`) stays, as it does after SIGKILL.
#![expect(unsafe_code, reason = "mapping a file and handling a signal have no safe interface")]

use std::ffi::c_int;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use memmap2::{Advice, Mmap};
use signal_hook::consts::SIGBUS;

use crate::fault::FileError;
use crate::source::ReadAt;
use crate::stamp::{InputChanged, Stamp};

/// A regular file as a slice of its bytes, read-only, with the length it had when it was opened.
pub struct MappedFile {
    stamp: Stamp,
    map: Mmap,
}

/// How the bytes of a mapping are about to be read; a hint to the kernel and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// From front to back: pages are read far ahead.
    Sequential,
    /// In no order, the state after mapping: pages are read a little around each fault.
    Scattered,
}

impl MappedFile {
    /// Opens and maps the file at `path`.
    ///
    /// # Errors
    /// [`FileError`] where it cannot be opened or is not a regular file.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let file = File::open(path).map_err(FileError::at("open", path))?;
        Self::map(&file, path)
    }

    /// Maps a file that was opened as `path`; the mapping outlives `file`.
    ///
    /// # Errors
    /// [`FileError`] where it is not a regular file or memory cannot be mapped.
    pub fn map(file: &File, path: &Path) -> Result<Self, FileError> {
        let mapped = || {
            if !file.metadata()?.is_file() {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
            }
            let stamp = Stamp::take(file, path)?;
            let len = usize::try_from(stamp.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
            // SAFETY: the mapping is private and read-only, and nobody gets more than a shared
            // slice of it. Another process may still write the file: then bytes read twice differ,
            // which at worst makes a wrong delta, and `unchanged` refuses to publish it. Cut short,
            // the file raises SIGBUS, which `install_sigbus_handler` answers.
            let map = unsafe { memmap2::MmapOptions::new().len(len).map(file)? };
            Ok(Self { stamp, map })
        };
        mapped().map_err(FileError::at("map", path))
    }

    /// Says how the bytes are about to be read; see [`Access`].
    pub fn advise(&self, access: Access) {
        let advice = match access {
            Access::Sequential => Advice::Sequential,
            Access::Scattered => Advice::Normal,
        };
        // A kernel that refuses a hint loses nothing but speed.
        self.map.advise(advice).ok();
    }

    /// Checks at the end that the file is still what was mapped.
    ///
    /// # Errors
    /// [`InputChanged`] where device, inode, length or modification time differ.
    pub fn unchanged(&self) -> Result<(), InputChanged> {
        self.stamp.unchanged()
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

impl ReadAt for MappedFile {
    fn len(&self) -> u64 {
        self.stamp.len()
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        ReadAt::read_exact_at(&**self, buf, offset)
    }

    fn in_memory(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl fmt::Debug for MappedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappedFile").field("stamp", &self.stamp).finish_non_exhaustive()
    }
}

unsafe extern "C" {
    /// Sets what a signal does, as C has it.
    fn signal(number: c_int, handler: usize) -> usize;
}

/// The number with which [`signal`] takes a handler away.
const SIG_DFL: usize = 0;

/// Makes the process say what happened and exit with code 1 when a mapped input is cut short.
/// Calls after the first do nothing. Belongs into a program, not into a library that others use.
///
/// The standard library's own handler, which looks for stack overflows, goes first: it would be
/// called before this one and put the default action back, so that a second thread that meets the
/// cut at the same time would end the process by the signal.
///
/// # Errors
/// Whatever `sigaction` reports.
pub fn install_sigbus_handler() -> io::Result<()> {
    static ONCE: Once = Once::new();
    let mut outcome = Ok(());
    ONCE.call_once(|| {
        // SAFETY: `signal` is the C library's, and no other thread handles SIGBUS yet.
        unsafe { signal(SIGBUS, SIG_DFL) };
        // SAFETY: the handler calls `write` and `_exit`, both async-signal-safe, and nothing else;
        // it takes no lock, allocates nothing and does not return.
        let registered = unsafe {
            signal_hook::low_level::register(SIGBUS, || {
                // Other threads meet the same end; one of them says so.
                static IS_SAID: AtomicBool = AtomicBool::new(false);
                while IS_SAID.swap(true, Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
                let message = b"chunkdelta: error: an input was cut while it was read\n\
                    hint: try again when nothing writes to it\n";
                // SAFETY: descriptor 2 is borrowed for one call, and a closed one is an error.
                let stderr = BorrowedFd::borrow_raw(2);
                rustix::io::write(stderr, message).ok();
                signal_hook::low_level::exit(1);
            })
        };
        outcome = registered.map(drop);
    });
    outcome
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_mapped_file_is_its_bytes() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("base.tar");
        fs::write(&path, b"0123456789").expect("written");
        let mapped = MappedFile::open(&path).expect("regular");
        mapped.advise(Access::Sequential);
        assert_eq!(&mapped[..], b"0123456789");
        let mut two = [0; 2];
        mapped.read_exact_at(&mut two, 8).expect("inside");
        assert_eq!(&two, b"89");
        assert!(mapped.read_exact_at(&mut two, 9).is_err());
        assert_eq!(mapped.unchanged(), Ok(()));
        fs::write(&path, b"0123456789a").expect("written");
        assert!(mapped.unchanged().is_err());
    }

    #[test]
    fn an_empty_file_maps_to_no_bytes() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("empty");
        fs::write(&path, b"").expect("written");
        let mapped = MappedFile::open(&path).expect("regular");
        mapped.advise(Access::Sequential);
        assert_eq!(&mapped[..], b"");
        assert_eq!(mapped.unchanged(), Ok(()));
    }

    #[test]
    fn what_is_no_regular_file_is_refused() {
        let error = MappedFile::open(Path::new("/dev/null")).expect_err("device");
        assert_eq!(error.to_string(), "cannot map /dev/null");
        assert_eq!(error.source.to_string(), "not a regular file");
        let error = MappedFile::open(Path::new("/no/such")).expect_err("missing");
        assert_eq!(error.to_string(), "cannot open /no/such");
    }

    /// Reads a mapped file that was cut short, on a thread that is not the first.
    fn read_a_file_cut_short() -> u64 {
        install_sigbus_handler().expect("installed");
        install_sigbus_handler().expect("a second time is nothing");
        let file = tempfile::NamedTempFile::new().expect("temporary");
        file.as_file().set_len(1 << 20).expect("own file");
        let mapped = MappedFile::open(file.path()).expect("regular");
        file.as_file().set_len(0).expect("own file");
        fs::remove_file(file.path()).expect("own file");
        mapped.iter().map(|byte| u64::from(*byte)).sum()
    }

    /// The test starts itself as a process of its own, since a cut input ends the process.
    #[test]
    fn a_cut_input_ends_with_a_message_and_not_with_a_signal() {
        if std::env::var_os("CHUNKDELTA_TEST_CUT_INPUT").is_some() {
            let sum = read_a_file_cut_short();
            panic!("read {sum} from nothing");
        }
        let output = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "map::tests::a_cut_input_ends_with_a_message_and_not_with_a_signal"])
            .arg("--nocapture")
            .env("CHUNKDELTA_TEST_CUT_INPUT", "1")
            .output()
            .expect("this test runs");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let message = "chunkdelta: error: an input was cut while it was read\n\
                       hint: try again when nothing writes to it\n";
        assert_eq!(String::from_utf8_lossy(&output.stderr), message);
    }
}
