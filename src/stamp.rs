//! Noticing that an input was changed while it was read.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::fault::{Class, Explain, Shown};

/// What a file looked like when it was opened, to be compared when it was read.
#[derive(Debug, Clone)]
pub struct Stamp {
    path: PathBuf,
    seen: Look,
}

/// The properties that tell one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
}

impl From<&Metadata> for Look {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// An input is no longer what it was when it was opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("input changed while it was read: {} ({change})", Shown(path))]
pub struct InputChanged {
    /// The input, as the user named it.
    pub path: PathBuf,
    /// What is different about it.
    pub change: Change,
}

/// What is different about an input that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Change {
    /// It has another length.
    #[error("its length went from {expected} to {found}")]
    Length {
        /// Length in bytes when it was opened.
        expected: u64,
        /// Length in bytes now.
        found: u64,
    },
    /// It has the same length and was written since.
    #[error("it was written")]
    Written,
    /// Another file has its name now.
    #[error("another file has its name")]
    Replaced,
    /// No file has its name any more, or none that can be looked at.
    #[error("its name is gone")]
    Gone,
}

impl Explain for InputChanged {
    fn class(&self) -> Class {
        Class::Failed
    }

    fn hint(&self) -> Option<String> {
        Some("wait until whatever writes it is done, then run the command again".to_owned())
    }
}

impl Stamp {
    /// Looks at `file`, which was opened as `path`.
    pub fn take(file: &File, path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), seen: Look::from(&file.metadata()?) })
    }

    /// Length in bytes when it was opened.
    pub fn len(&self) -> u64 {
        self.seen.len
    }

    /// Was it empty when it was opened?
    pub fn is_empty(&self) -> bool {
        self.seen.len == 0
    }

    /// The path it was opened as.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Compares what the path leads to now with what was opened.
    ///
    /// # Errors
    /// [`InputChanged`] where device, inode, length or modification time differ.
    pub fn unchanged(&self) -> Result<(), InputChanged> {
        let changed = |change| Err(InputChanged { path: self.path.clone(), change });
        let Ok(metadata) = self.path.metadata() else { return changed(Change::Gone) };
        let now = Look::from(&metadata);
        if now == self.seen {
            Ok(())
        } else if (now.device, now.inode) != (self.seen.device, self.seen.inode) {
            changed(Change::Replaced)
        } else if now.len == self.seen.len {
            changed(Change::Written)
        } else {
            changed(Change::Length { expected: self.seen.len, found: now.len })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, SystemTime};

    use super::*;

    fn stamped(bytes: &[u8]) -> (tempfile::TempDir, PathBuf, Stamp) {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("base.tar");
        fs::write(&path, bytes).expect("written");
        let stamp = Stamp::take(&File::open(&path).expect("there"), &path).expect("looked at");
        (dir, path, stamp)
    }

    #[test]
    fn an_untouched_file_is_unchanged() {
        let (_dir, _path, stamp) = stamped(b"abc");
        assert_eq!(stamp.len(), 3);
        assert_eq!(stamp.unchanged(), Ok(()));
    }

    #[test]
    fn every_kind_of_change_is_named() {
        let (_dir, path, stamp) = stamped(b"abc");
        fs::write(&path, b"ab").expect("written");
        let error = stamp.unchanged().expect_err("shorter");
        assert_eq!(
            error.to_string(),
            format!(
                "input changed while it was read: {} (its length went from 3 to 2)",
                path.display()
            )
        );
        assert_eq!(error.class(), Class::Failed);

        let (_dir, path, stamp) = stamped(b"abc");
        let file = File::options().write(true).open(&path).expect("there");
        file.set_modified(SystemTime::now() - Duration::from_secs(60)).expect("own file");
        assert_eq!(stamp.unchanged().expect_err("written").change, Change::Written);

        let (dir, path, stamp) = stamped(b"abc");
        fs::write(dir.path().join("other"), b"abc").expect("written");
        fs::rename(dir.path().join("other"), &path).expect("renamed");
        assert_eq!(stamp.unchanged().expect_err("replaced").change, Change::Replaced);

        let (_dir, path, stamp) = stamped(b"abc");
        fs::remove_file(&path).expect("removed");
        assert_eq!(stamp.unchanged().expect_err("gone").change, Change::Gone);
    }
}
