//! A directory as output.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use super::temporary::{Temporary, gate, undisturbed};
use super::{PublishError, Target};
use crate::fault::FileError;

/// A directory in the making, beside its place. Dropped, it leaves nothing; published, it is there.
#[derive(Debug)]
pub struct StagedDirectory {
    root: Temporary,
    target: Target,
    may_replace: bool,
}

impl StagedDirectory {
    pub(super) fn at(target: Target, may_replace: bool) -> Result<Self, PublishError> {
        let make = |path: &Path| fs::create_dir(path);
        let (root, ()) = Temporary::make(&target.directory, &target.name, make)
            .map_err(FileError::at("create a directory in", &target.directory))?;
        Ok(Self { root, target, may_replace })
    }

    /// OUT as the user named it, for messages.
    pub fn named_as(&self) -> &Path {
        &self.target.named
    }

    /// Creates an empty file, and the directories above it, and opens it for reading and writing.
    /// `path` is relative, its components separated by `/`.
    ///
    /// # Errors
    /// [`PublishError::BadMember`] for a path with an empty component, `.`, `..` or NUL;
    /// [`FileError`] where it exists or cannot be made.
    pub fn create_file(&self, path: &[u8]) -> Result<File, PublishError> {
        let inside = self.inside(path)?;
        let created = undisturbed(|| {
            if let Some(parent) = inside.parent() {
                // The root itself is never made again: it may have been abandoned.
                self.create_missing(parent)?;
            }
            File::options().read(true).write(true).create_new(true).open(&inside)
        });
        Ok(created.map_err(FileError::at("create", &self.shown(path)))?)
    }

    /// Opens a file that was created before, for reading and writing.
    ///
    /// # Errors
    /// What the system reports.
    pub fn open_file(&self, path: &[u8]) -> io::Result<File> {
        let inside = self.inside(path).map_err(io::Error::other)?;
        File::options().read(true).write(true).open(inside)
    }

    /// Creates a directory, and those above it; one that exists is left as it is.
    ///
    /// # Errors
    /// As [`StagedDirectory::create_file`].
    pub fn create_directory(&self, path: &[u8]) -> Result<(), PublishError> {
        let inside = self.inside(path)?;
        let created = undisturbed(|| self.create_missing(&inside));
        Ok(created.map_err(FileError::at("create", &self.shown(path)))?)
    }

    /// Makes the directory appear with all that was written into it.
    ///
    /// # Errors
    /// [`PublishError::Appeared`] where somebody else was faster; otherwise what the system
    /// reports. Nothing has appeared then, except where syncing the parent or removing the replaced
    /// directory is what failed.
    pub fn publish(self) -> Result<(), PublishError> {
        let Self { root, target, may_replace } = self;
        sync_tree(root.path()).map_err(FileError::at("write", &target.named))?;
        let handle = File::open(root.path()).map_err(FileError::at("write", &target.named))?;
        let mut gate = gate();
        let is_exchanged = move_into_place(root.path(), &target, may_replace)?;
        gate.published = true;
        if !is_exchanged {
            root.renamed();
            return Ok(target.sync_directory(&handle)?);
        }
        target.sync_directory(&handle)?;
        // The temporary name is the old directory's now, and the new one is safe.
        drop(gate);
        let old = root.path().to_owned();
        Ok(root.remove().map_err(FileError::at("remove the replaced directory", &old))?)
    }

    fn inside(&self, path: &[u8]) -> Result<PathBuf, PublishError> {
        let is_name = |name: &[u8]| !matches!(name, b"" | b"." | b"..") && !name.contains(&0);
        if path.split(|byte| *byte == b'/').all(is_name) {
            Ok(self.root.path().join(OsStr::from_bytes(path)))
        } else {
            Err(PublishError::BadMember { path: path.to_owned() })
        }
    }

    /// The path as it will be, for messages.
    fn shown(&self, path: &[u8]) -> PathBuf {
        self.target.named.join(OsStr::from_bytes(path))
    }

    fn create_missing(&self, directory: &Path) -> io::Result<()> {
        let root = self.root.path();
        let mut missing: Vec<&Path> = directory
            .ancestors()
            .take_while(|ancestor| *ancestor != root && !ancestor.is_dir())
            .collect();
        missing.reverse();
        missing.into_iter().try_for_each(fs::create_dir)
    }
}

/// Gives the directory at `from` its name; true where it changed places with another one.
fn move_into_place(from: &Path, target: &Target, may_replace: bool) -> Result<bool, PublishError> {
    let to = target.path();
    let appeared = || PublishError::Appeared { path: target.named.clone() };
    match rustix::fs::renameat_with(CWD, from, CWD, &to, RenameFlags::NOREPLACE) {
        Ok(()) => return Ok(false),
        // A file system that cannot promise not to replace: look, then rename. What slips in
        // between can only be an empty directory, since nothing else is replaced by one.
        Err(Errno::INVAL | Errno::NOSYS) if to.symlink_metadata().is_err() => {
            fs::rename(from, &to).map_err(FileError::at("create", &target.named))?;
            return Ok(false);
        }
        Err(Errno::EXIST | Errno::INVAL | Errno::NOSYS) if may_replace => {}
        Err(Errno::EXIST | Errno::INVAL | Errno::NOSYS) => return Err(appeared()),
        Err(errno) => return Err(FileError::at("create", &target.named)(errno.into()).into()),
    }
    if !to.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(appeared());
    }
    rustix::fs::renameat_with(CWD, from, CWD, &to, RenameFlags::EXCHANGE)
        .map_err(|errno| FileError::at("exchange", &target.named)(errno.into()))?;
    Ok(true)
}

/// Writes every file and directory below `root` to disk; one open file at a time.
fn sync_tree(root: &Path) -> io::Result<()> {
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                directories.push(entry.path());
            } else {
                File::open(entry.path())?.sync_all()?;
            }
        }
        match File::open(&directory)?.sync_all() {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
            other => other?,
        }
    }
    Ok(())
}
