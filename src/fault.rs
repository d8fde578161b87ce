//! The kinds of failure that a caller can act on, and the fault that every rim module shares.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What a script can do about a failure; one exit code each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The input cannot be read or changed meanwhile, the output exists or cannot be written: 1.
    Failed,
    /// The command line asks for something that makes no sense: 2.
    Usage,
    /// The base is another one, or lacks something: 3.
    BaseMismatch,
    /// An input is damaged: 4.
    Damaged,
    /// The input is of a kind that can be named but not read: 5.
    Unsupported,
    /// A limit of this machine or of the user was reached: 7.
    Limit,
}

impl Class {
    /// The process exit code; see "Exit codes" in README.md.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::BaseMismatch => 3,
            Self::Damaged => 4,
            Self::Unsupported => 5,
            Self::Limit => 7,
        }
    }

    /// The word for it in JSON output.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::BaseMismatch => "base-mismatch",
            Self::Damaged => "damaged",
            Self::Unsupported => "unsupported",
            Self::Limit => "limit",
        }
    }
}

/// An error that knows its class and what to do next.
pub trait Explain: std::error::Error {
    /// What a script can do about it.
    fn class(&self) -> Class;

    /// One next step for a person, as a sentence without a full stop.
    fn hint(&self) -> Option<String> {
        None
    }

    /// What should have been there and what was, where the error is a mismatch.
    fn mismatch(&self) -> Option<(String, String)> {
        None
    }

    /// Is it an end that nobody wants to read about? So it is when the reader of a pipe, such as
    /// `head`, has closed it; the exit code says enough.
    fn is_silent(&self) -> bool {
        false
    }
}

/// A file operation that the operating system refused.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", Shown(path))]
pub struct FileError {
    /// What was attempted, as an infinitive: `read`, `create`.
    pub action: &'static str,
    /// On which path, as the user named it.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl FileError {
    /// Returns a function that adds the action and the path to an [`io::Error`].
    pub fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { action, path: path.to_owned(), source }
    }
}

impl Explain for FileError {
    fn class(&self) -> Class {
        match self.source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge
            | io::ErrorKind::OutOfMemory => Class::Limit,
            _ => Class::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self.source.kind() {
            _ if self.class() == Class::Limit => {
                "make room there, or name another place with --tmpdir or -o"
            }
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "check the path",
            io::ErrorKind::PermissionDenied => "check who may do that there",
            io::ErrorKind::ReadOnlyFilesystem => "name another place with --tmpdir or -o",
            _ => return None,
        };
        Some(hint.to_owned())
    }

    fn is_silent(&self) -> bool {
        self.source.kind() == io::ErrorKind::BrokenPipe
    }
}

/// A path or name from outside, shown so that it cannot steer a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a, T: ?Sized>(pub &'a T);

impl fmt::Display for Shown<'_, PathBuf> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(self.0.as_path()).fmt(f)
    }
}

impl fmt::Display for Shown<'_, Path> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use std::os::unix::ffi::OsStrExt as _;
        Shown(self.0.as_os_str().as_bytes()).fmt(f)
    }
}

impl fmt::Display for Shown<'_, [u8]> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.0.utf8_chunks() {
            for c in piece.valid().chars() {
                if c.is_control() {
                    write!(f, "{}", c.escape_default())?;
                } else {
                    write!(f, "{c}")?;
                }
            }
            piece.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Shown<'_, str> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(self.0.as_bytes()).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_a_limit_and_anything_else_a_failure() {
        let fault = |kind: io::ErrorKind| {
            FileError { action: "write", path: "out.tar".into(), source: kind.into() }.class()
        };
        assert_eq!(fault(io::ErrorKind::StorageFull), Class::Limit);
        assert_eq!(fault(io::ErrorKind::PermissionDenied), Class::Failed);
    }

    #[test]
    fn names_from_outside_cannot_steer_a_terminal() {
        assert_eq!(Shown("a\x1b[31mb\n").to_string(), "a\\u{1b}[31mb\\n");
        assert_eq!(Shown(&b"caf\xe9"[..]).to_string(), "caf\\xe9");
    }
}
