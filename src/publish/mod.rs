//! How an output appears: complete, or not at all.
//!
//! ```text
//! Output::prepare ---> stage_file ------> Staged --publish--> fsync, linkat, fsync of the directory
//!   refuses before \                        | with -f over a name: linkat .NAME.<random>.tmp, rename
//!   any work        \                       | pipe, device, standard output: copied through
//!                    -> stage_directory -> StagedDirectory --publish--> fsync of all, rename
//!                                             with -f over a directory: exchanged, the old one removed
//! ```
//!
//! A file has no name until it is complete, so that SIGKILL leaves nothing behind; directories, and
//! files on file systems without `O_TMPFILE`, are made as `.NAME.<random>.tmp` beside their place,
//! and that name is all that a kill can leave. Signals that can be handled leave nothing
//! ([`abandon_all`]).

mod directory;
mod file;
mod temporary;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileType, Metadata};
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

pub use self::directory::StagedDirectory;
pub use self::file::Staged;
pub use self::temporary::{Abandoned, abandon_all};
use crate::fault::{Class, Explain, FileError, Shown};
use crate::spool::{SpoolError, Spooler, require_space};

/// Symbolic links followed from OUT to the name that will be made; what Linux itself allows.
const LINK_HOPS: usize = 40;

/// Why an output cannot be made or cannot appear.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The output exists and may not be replaced.
    #[error("output exists: {}", Shown(path))]
    Exists {
        /// OUT as the user named it.
        path: PathBuf,
    },
    /// Somebody else made a file of that name meanwhile.
    #[error("output appeared while it was being made: {}", Shown(path))]
    Appeared {
        /// OUT as the user named it.
        path: PathBuf,
    },
    /// The output exists and is of a kind that is not replaced by what should be there.
    #[error("{} is not replaced by {by}", Shown(path))]
    NotReplaceable {
        /// OUT as the user named it.
        path: PathBuf,
        /// `a file` or `a directory`.
        by: &'static str,
    },
    /// The output is one of the inputs.
    #[error("the output is {role} itself: {}", Shown(path))]
    IsInput {
        /// OUT as the user named it.
        path: PathBuf,
        /// Which input, as the usage line calls it.
        role: &'static str,
    },
    /// An input lies in the directory that would be replaced.
    #[error("{role} lies in the directory that would be replaced: {}", Shown(path))]
    HoldsInput {
        /// OUT as the user named it.
        path: PathBuf,
        /// Which input, as the usage line calls it.
        role: &'static str,
    },
    /// The output is a path that ends in no name: empty, `/`, `..`.
    #[error("output has no file name: {:?}", path)]
    NoName {
        /// OUT as the user named it.
        path: PathBuf,
    },
    /// Binary output would go to a terminal.
    #[error("the output is a terminal")]
    Terminal,
    /// The result is a directory and the output a pipe, a device or standard output.
    #[error("a directory cannot be written to {}", Shown(path))]
    DirectoryToStream {
        /// OUT as the user named it.
        path: PathBuf,
    },
    /// A name in a directory target leads out of it, or nowhere.
    #[error("not a path below a directory: {:?}", Shown(path.as_slice()).to_string())]
    BadMember {
        /// The path as it was given.
        path: Vec<u8>,
    },
    /// Whoever reads the output has closed it. Not worth a message: `| head` is no failure.
    #[error("the reader of the output closed it")]
    ReaderClosed,
    /// There is no space for it.
    #[error(transparent)]
    Space(#[from] SpoolError),
    /// The system refused something.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Explain for PublishError {
    fn class(&self) -> Class {
        match self {
            Self::Exists { .. }
            | Self::Appeared { .. }
            | Self::NotReplaceable { .. }
            | Self::ReaderClosed => Class::Failed,
            Self::IsInput { .. }
            | Self::HoldsInput { .. }
            | Self::NoName { .. }
            | Self::Terminal
            | Self::DirectoryToStream { .. } => Class::Usage,
            Self::BadMember { .. } => Class::Damaged,
            Self::Space(error) => error.class(),
            Self::File(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Exists { .. } | Self::Appeared { .. } => {
                "name another output, or replace it with -f"
            }
            Self::NotReplaceable { .. } | Self::IsInput { .. } | Self::HoldsInput { .. } => {
                "name another output"
            }
            Self::NoName { .. } => "name a file, or - for standard output",
            Self::Terminal => "name a file with -o, or send standard output to a file or a pipe",
            Self::DirectoryToStream { .. } => "name a directory to make with -o",
            Self::BadMember { .. } | Self::ReaderClosed => return None,
            Self::Space(error) => return error.hint(),
            Self::File(error) => return error.hint(),
        };
        Some(hint.to_owned())
    }

    fn is_silent(&self) -> bool {
        matches!(self, Self::ReaderClosed)
    }
}

/// An input that the output may not destroy.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    role: &'static str,
    path: &'a Path,
    may_be_output: bool,
}

impl<'a> Input<'a> {
    /// The path of an input that is standard input, which may be any file.
    pub fn stdin() -> &'static Path {
        Path::new("/dev/stdin")
    }

    /// An input that the output may never be; `role` as the usage line calls it: `TARGET`.
    pub const fn kept(role: &'static str, path: &'a Path) -> Self {
        Self { role, path, may_be_output: false }
    }

    /// An input that the output may replace, as apply's OUT may be its BASE.
    pub const fn replaceable(role: &'static str, path: &'a Path) -> Self {
        Self { role, path, may_be_output: true }
    }
}

/// Where an output will appear, checked before any work.
#[derive(Debug)]
pub struct Output {
    named: PathBuf,
    may_replace: bool,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// A name in a directory, all links followed.
    Name(Target),
    /// Something that is written through, open already.
    Open(File),
    /// A FIFO, which is opened only when there is something to write: that waits for its reader.
    Fifo,
}

/// A name in a directory that exists.
#[derive(Debug)]
struct Target {
    directory: PathBuf,
    name: OsString,
    /// What was there at first.
    existing: Option<FileType>,
    /// OUT as the user named it, for messages.
    named: PathBuf,
}

impl Target {
    fn path(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    /// Makes sure that the name survives a power cut.
    fn sync_directory(&self, file: &File) -> Result<(), FileError> {
        let synced = match File::open(&self.directory) {
            Ok(directory) => directory.sync_all(),
            // A directory that one may write but not list: the whole file system, then.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                rustix::fs::syncfs(file).map_err(io::Error::from)
            }
            Err(error) => Err(error),
        };
        match synced {
            // Some file systems of the FUSE kind have nothing to sync in a directory.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            other => other.map_err(FileError::at("sync", &self.directory)),
        }
    }
}

impl Output {
    /// Looks at `path` (`-` is standard output) and refuses what can never become an output, so
    /// that no work is wasted: one of `inputs`; an existing name, unless `may_replace`; a terminal;
    /// a directory that is missing.
    ///
    /// # Errors
    /// In that order: [`PublishError::IsInput`], [`PublishError::HoldsInput`],
    /// [`PublishError::Exists`], and the rest.
    pub fn prepare(
        path: &Path,
        may_replace: bool,
        inputs: &[Input<'_>],
    ) -> Result<Self, PublishError> {
        let named = path.to_owned();
        if path == Path::new("-") {
            let file = standard_output().map_err(FileError::at("write", path))?;
            let metadata = file.metadata().map_err(FileError::at("look at", path))?;
            refuse_inputs(path, &metadata, inputs)?;
            return Ok(Self { named, may_replace, place: Place::Open(refuse_terminal(file)?) });
        }
        let existing = match path.metadata() {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(FileError::at("look at", path)(error).into()),
        };
        if let Some(metadata) = &existing {
            refuse_inputs(path, metadata, inputs)?;
            let kind = metadata.file_type();
            if kind.is_fifo() {
                return Ok(Self { named, may_replace, place: Place::Fifo });
            }
            if !kind.is_file() && !kind.is_dir() {
                let opened = File::options().write(true).open(path);
                let file = refuse_terminal(opened.map_err(FileError::at("write", path))?)?;
                return Ok(Self { named, may_replace, place: Place::Open(file) });
            }
            if !may_replace {
                return Err(PublishError::Exists { path: named });
            }
        }
        let place = Place::Name(target(path, existing.map(|metadata| metadata.file_type()))?);
        Ok(Self { named, may_replace, place })
    }

    /// Is it standard output? Then results go to standard error.
    pub fn is_standard_output(&self) -> bool {
        self.named == Path::new("-")
    }

    /// Starts a file of `expected_len` bytes, where that is known. What is not a regular file is
    /// made in the directory of `spooler` first.
    ///
    /// # Errors
    /// [`SpoolError::NoSpace`] where it will not fit; [`PublishError::NotReplaceable`] where OUT is
    /// a directory; [`FileError`] where the directory cannot be written.
    pub fn stage_file(
        self,
        spooler: &Spooler,
        expected_len: Option<u64>,
    ) -> Result<Staged, PublishError> {
        match self.place {
            Place::Name(target) => {
                if target.existing.as_ref().is_some_and(FileType::is_dir) {
                    return Err(PublishError::NotReplaceable { path: self.named, by: "a file" });
                }
                require_space(&target.directory, expected_len.unwrap_or(0))?;
                Staged::at(target, self.may_replace)
            }
            Place::Open(file) => {
                Ok(Staged::through(spooler.create(expected_len)?, Some(file), self.named))
            }
            Place::Fifo => Ok(Staged::through(spooler.create(expected_len)?, None, self.named)),
        }
    }

    /// Starts a directory whose files have `expected_len` bytes together, where that is known.
    ///
    /// # Errors
    /// [`PublishError::DirectoryToStream`] and [`PublishError::NotReplaceable`] where OUT is
    /// something else than a directory; otherwise as [`Output::stage_file`].
    pub fn stage_directory(
        self,
        expected_len: Option<u64>,
    ) -> Result<StagedDirectory, PublishError> {
        let Place::Name(target) = self.place else {
            return Err(PublishError::DirectoryToStream { path: self.named });
        };
        if target.existing.as_ref().is_some_and(|existing| !existing.is_dir()) {
            return Err(PublishError::NotReplaceable { path: self.named, by: "a directory" });
        }
        require_space(&target.directory, expected_len.unwrap_or(0))?;
        StagedDirectory::at(target, self.may_replace)
    }
}

/// Standard output as a file of its own, past the buffer of [`io::stdout`].
fn standard_output() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

fn refuse_terminal(file: File) -> Result<File, PublishError> {
    if file.is_terminal() { Err(PublishError::Terminal) } else { Ok(file) }
}

fn refuse_inputs(
    out: &Path,
    existing: &Metadata,
    inputs: &[Input<'_>],
) -> Result<(), PublishError> {
    for input in inputs {
        // An input that cannot be looked at is reported by whoever opens it.
        let Ok(metadata) = input.path.metadata() else { continue };
        let is_same = (metadata.dev(), metadata.ino()) == (existing.dev(), existing.ino());
        let (path, role) = (out.to_owned(), input.role);
        if is_same && !input.may_be_output {
            return Err(PublishError::IsInput { path, role });
        }
        if !is_same && existing.is_dir() && lies_in(input.path, out) {
            return Err(PublishError::HoldsInput { path, role });
        }
    }
    Ok(())
}

fn lies_in(path: &Path, directory: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    real(path).zip(real(directory)).is_some_and(|(path, directory)| path.starts_with(directory))
}

/// Follows OUT, where it is a symbolic link, to the name that will be made.
fn target(out: &Path, existing: Option<FileType>) -> Result<Target, PublishError> {
    let mut path = out.to_owned();
    for _ in 0..LINK_HOPS {
        let Ok(link) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(link);
    }
    // `Path` drops a dot at the end, but `out/.` names no file that could be made.
    let ends_in_dot = path == Path::new(".") || path.as_os_str().as_bytes().ends_with(b"/.");
    let Some(name) = path.file_name().filter(|_| !ends_in_dot) else {
        return Err(PublishError::NoName { path: out.to_owned() });
    };
    let directory = match path.parent() {
        Some(directory) if directory != OsStr::new("") => directory.to_owned(),
        _ => PathBuf::from("."),
    };
    let metadata = directory.metadata();
    let is_directory = metadata.map_err(FileError::at("find the directory", &directory))?.is_dir();
    if !is_directory {
        let error = io::Error::from(io::ErrorKind::NotADirectory);
        return Err(FileError::at("find the directory", &directory)(error).into());
    }
    Ok(Target { name: name.to_owned(), directory, existing, named: out.to_owned() })
}
