//! Files without a name for what does not fit in memory or can be read only once.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::fault::{Class, Explain, FileError, Shown};
use crate::observer::{Detail, Observer, Stage};
use crate::units::Size;

/// Bytes moved at once from a stream into a spool: large enough that system calls do not count.
const COPY_LEN: usize = 256 << 10;

/// The directory where spools are made.
#[derive(Debug, Clone)]
pub struct Spooler {
    dir: PathBuf,
    /// Was it said that the directory is memory? Once is enough for a run.
    is_warned: Arc<AtomicBool>,
}

/// Why a spool cannot be made or filled.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file system has less room than is needed.
    #[error("not enough space in {} (wanted {wanted}, available {available})", Shown(path))]
    NoSpace {
        /// A directory on that file system.
        path: PathBuf,
        /// What is needed.
        wanted: Size,
        /// What there is for this user.
        available: Size,
    },
    /// The stream that should be spooled cannot be read.
    #[error("cannot read {name}")]
    Read {
        /// What the stream is called: `standard input`.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The directory or the spool in it cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Explain for SpoolError {
    fn class(&self) -> Class {
        match self {
            Self::NoSpace { .. } => Class::Limit,
            Self::Read { .. } => Class::Failed,
            Self::File(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoSpace { .. } => {
                Some("make room there, or name another place with --tmpdir or -o".to_owned())
            }
            Self::Read { .. } => None,
            Self::File(error) => error.hint(),
        }
    }
}

/// What is said before a stream is copied into a spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolNote<'a> {
    /// Where the spool is.
    pub dir: &'a Path,
    /// How long the stream will be, where that is known.
    pub expected: Option<Size>,
    /// Free space there, where the file system says.
    pub available: Option<Size>,
}

impl SpoolNote<'_> {
    /// Says that `name` will be copied: `spooling standard input (1.0 MiB) to /var/tmp, 8.0 GiB free`.
    pub fn tell(&self, name: &str, observer: &dyn Observer) {
        let size = self.expected.map(|len| format!(" ({})", len.short())).unwrap_or_default();
        let free = self.available.map(|free| format!(", {} free", free.short()));
        let (dir, free) = (Shown(self.dir), free.unwrap_or_default());
        observer.note(Detail::Usual, format_args!("spooling {name}{size} to {dir}{free}"));
    }
}

impl Spooler {
    /// Takes `dir`, or where there is none `$TMPDIR`, or where that is not set `/var/tmp`, which is
    /// a disk on most systems where `/tmp` is memory.
    pub fn new(dir: Option<PathBuf>) -> Self {
        let from_environment = || std::env::var_os("TMPDIR").filter(|dir| !dir.is_empty());
        let dir = dir.or_else(|| from_environment().map(PathBuf::from));
        let dir = dir.unwrap_or_else(|| PathBuf::from("/var/tmp"));
        Self { dir, is_warned: Arc::default() }
    }

    /// The directory where spools are made.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Does what is spooled here count as memory?
    pub fn is_in_memory(&self) -> Result<bool, FileError> {
        const TMPFS_MAGIC: i64 = 0x0102_1994;
        const RAMFS_MAGIC: i64 = 0x8584_58f6;
        let stat = rustix::fs::statfs(&self.dir)
            .map_err(|errno| FileError::at("look at", &self.dir)(errno.into()))?;
        Ok([TMPFS_MAGIC, RAMFS_MAGIC].contains(&stat.f_type))
    }

    /// Warns, once in a run, where what is spooled here counts as memory.
    pub fn warn_of_memory(&self, observer: &dyn Observer) -> Result<(), FileError> {
        if self.is_in_memory()? && !self.is_warned.swap(true, Ordering::Relaxed) {
            let dir = Shown(self.dir.as_path());
            observer.warn(format_args!("{dir} is memory: what is spooled there counts as such"));
        }
        Ok(())
    }

    /// Says what will be copied, and how much room there is, before [`Spooler::spool_reader`] does
    /// it.
    ///
    /// # Errors
    /// As [`Spooler::spool_reader`].
    pub fn spool_told(
        &self,
        name: &str,
        reader: impl Read,
        expected_len: Option<u64>,
        observer: &dyn Observer,
    ) -> Result<File, SpoolError> {
        observer.stage(Stage::Spool, expected_len);
        self.warn_of_memory(observer)?;
        self.spool_reader(name, reader, expected_len, |note| note.tell(name, observer))
    }

    /// Copies standard input; its length is known where it is a file.
    ///
    /// # Errors
    /// As [`Spooler::spool_reader`].
    pub fn spool_stdin(&self, observer: &dyn Observer) -> Result<File, SpoolError> {
        let stdin = io::stdin().lock();
        let metadata = stdin.as_fd().try_clone_to_owned().map(File::from);
        let metadata = metadata.and_then(|file| file.metadata());
        let len = metadata.ok().filter(Metadata::is_file).map(|metadata| metadata.len());
        self.spool_told("standard input", stdin, len, observer)
    }

    /// Says the same for what somebody else copies into a spool.
    ///
    /// # Errors
    /// [`FileError`] where the directory cannot be looked at.
    pub fn announce(&self, name: &str, observer: &dyn Observer) -> Result<(), FileError> {
        observer.stage(Stage::Spool, None);
        self.warn_of_memory(observer)?;
        self.note(None)?.tell(name, observer);
        Ok(())
    }

    fn note(&self, expected_len: Option<u64>) -> Result<SpoolNote<'_>, FileError> {
        Ok(SpoolNote {
            dir: &self.dir,
            expected: expected_len.map(Size),
            available: free_space(&self.dir)?.map(Size),
        })
    }

    /// Makes an empty file without a name, open for reading and writing, after a check that
    /// `expected_len` bytes fit. The kernel takes it back when it is closed, whatever happens.
    ///
    /// # Errors
    /// [`SpoolError::NoSpace`] where they do not fit.
    pub fn create(&self, expected_len: Option<u64>) -> Result<File, SpoolError> {
        require_space(&self.dir, expected_len.unwrap_or(0))?;
        Ok(tempfile::tempfile_in(&self.dir)
            .map_err(FileError::at("create a temporary file in", &self.dir))?)
    }

    /// Copies all of `reader` into a new spool and returns it, rewound. `note` is called once,
    /// before the first byte is read.
    ///
    /// # Errors
    /// [`SpoolError::Read`], naming `name`, where the reader fails; else as [`Spooler::create`].
    pub fn spool_reader(
        &self,
        name: &str,
        mut reader: impl Read,
        expected_len: Option<u64>,
        note: impl FnOnce(&SpoolNote<'_>),
    ) -> Result<File, SpoolError> {
        let mut spool = self.create(expected_len)?;
        note(&self.note(expected_len)?);
        let mut buf = vec![0; COPY_LEN];
        loop {
            let len = match reader.read(&mut buf) {
                Ok(0) => break,
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(SpoolError::Read { name: name.to_owned(), source }),
            };
            spool
                .write_all(&buf[..len])
                .map_err(FileError::at("write a temporary file in", &self.dir))?;
        }
        spool.rewind().map_err(FileError::at("rewind a temporary file in", &self.dir))?;
        Ok(spool)
    }
}

/// Free space in bytes for this user on the file system that `path` is on; `None` where the file
/// system does not say, as some network ones do not.
///
/// # Errors
/// [`FileError`] where `path` cannot be reached.
pub fn free_space(path: &Path) -> Result<Option<u64>, FileError> {
    let stat =
        rustix::fs::statvfs(path).map_err(|errno| FileError::at("look at", path)(errno.into()))?;
    Ok((stat.f_blocks > 0).then(|| stat.f_bavail.saturating_mul(stat.f_frsize)))
}

/// Refuses where fewer than `wanted` bytes are free in the directory `path`.
///
/// # Errors
/// [`SpoolError::NoSpace`] with both numbers.
pub fn require_space(path: &Path, wanted: u64) -> Result<(), SpoolError> {
    match free_space(path)? {
        Some(available) if available < wanted => Err(SpoolError::NoSpace {
            path: path.to_owned(),
            wanted: Size(wanted),
            available: Size(available),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn spooler() -> (tempfile::TempDir, Spooler) {
        let dir = tempfile::tempdir().expect("temporary directory");
        let spooler = Spooler::new(Some(dir.path().to_owned()));
        (dir, spooler)
    }

    #[test]
    fn a_spool_has_no_name() {
        let (dir, spooler) = spooler();
        let spool = spooler.create(Some(10)).expect("room");
        assert_eq!(spool.metadata().expect("open").nlink(), 0);
        assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 0);
    }

    #[test]
    fn what_cannot_fit_is_refused_before_a_byte_is_written() {
        let (dir, spooler) = spooler();
        let error = spooler.create(Some(u64::MAX)).expect_err("no disk is that large");
        assert_eq!(error.class(), Class::Limit);
        let text = error.to_string();
        let start = format!(
            "not enough space in {} (wanted 16777216.0 TiB (18446744073709551615 bytes), ",
            dir.path().display()
        );
        assert!(text.starts_with(&start), "{text}");
    }

    #[test]
    fn a_stream_is_spooled_whole_after_one_note() {
        let (dir, spooler) = spooler();
        let bytes: Vec<u8> = (0..=255).cycle().take(COPY_LEN * 2 + 1).collect();
        let mut notes = Vec::new();
        let mut spool = spooler
            .spool_reader("standard input", bytes.as_slice(), None, |note| {
                notes.push((note.dir.to_owned(), note.expected, note.available.is_some()));
            })
            .expect("room");
        assert_eq!(notes, [(dir.path().to_owned(), None, true)]);
        let mut back = Vec::new();
        spool.read_to_end(&mut back).expect("readable");
        assert!(back == bytes);
    }

    #[test]
    fn a_stream_that_fails_is_named() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _buf: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("wire cut"))
            }
        }
        let (_dir, spooler) = spooler();
        let error = spooler.spool_reader("standard input", Failing, None, |_| ()).expect_err("cut");
        assert_eq!(error.to_string(), "cannot read standard input");
        assert_eq!(error.class(), Class::Failed);
    }

    #[test]
    fn a_missing_directory_is_named() {
        let spooler = Spooler::new(Some("/no/such".into()));
        let error = spooler.create(None).expect_err("missing");
        assert_eq!(error.to_string(), "cannot look at /no/such");
        assert_eq!(error.class(), Class::Failed);
    }

    #[test]
    fn memory_is_told_from_disk() {
        let is_in_memory =
            |dir: &str| Spooler::new(Some(dir.into())).is_in_memory().expect("every Linux has it");
        assert!(!is_in_memory("/proc"));
        let mounts = fs::read_to_string("/proc/mounts").expect("Linux");
        let tmpfs = mounts.lines().find_map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
            [_, dir, "tmpfs", ..] => Some(dir),
            _ => None,
        });
        if let Some(dir) = tmpfs {
            assert!(is_in_memory(dir), "{dir}");
        }
    }
}
