//! One file as output.

use std::fs::{self, File};
use std::io::{self, Seek as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::temporary::{Gate, Temporary, gate};
use super::{PublishError, Target};
use crate::fault::FileError;

/// A file in the making. Dropped, it leaves nothing; published, it is there.
#[derive(Debug)]
pub struct Staged {
    file: File,
    way: Way,
}

/// How the file gets to its place.
#[derive(Debug)]
enum Way {
    /// It has no name and is linked.
    Unnamed { target: Target, may_replace: bool },
    /// It has a temporary name and is renamed.
    Named { target: Target, may_replace: bool, temporary: Temporary },
    /// It is copied into something open, or to be opened.
    Through { out: Option<File>, named: PathBuf },
}

impl Staged {
    /// Starts a file beside its place.
    pub(super) fn at(target: Target, may_replace: bool) -> Result<Self, PublishError> {
        match open_unnamed(&target.directory) {
            Ok(Some(file)) => Ok(Self { file, way: Way::Unnamed { target, may_replace } }),
            Ok(None) => Self::named(target, may_replace),
            Err(error) => Err(FileError::at("create a file in", &target.directory)(error).into()),
        }
    }

    /// Starts a file that has a temporary name, for file systems without unnamed files.
    fn named(target: Target, may_replace: bool) -> Result<Self, PublishError> {
        let create = |path: &Path| {
            File::options().read(true).write(true).create_new(true).mode(0o666).open(path)
        };
        let (temporary, file) = Temporary::make(&target.directory, &target.name, create)
            .map_err(FileError::at("create a file in", &target.directory))?;
        Ok(Self { file, way: Way::Named { target, may_replace, temporary } })
    }

    /// Takes a spool that will be copied into `out`, or into what `named` is then.
    pub(super) fn through(spool: File, out: Option<File>, named: PathBuf) -> Self {
        Self { file: spool, way: Way::Through { out, named } }
    }

    /// OUT as the user named it, for messages.
    pub fn named_as(&self) -> &Path {
        match &self.way {
            Way::Unnamed { target, .. } | Way::Named { target, .. } => &target.named,
            Way::Through { named, .. } => named,
        }
    }

    /// The file, open for reading and writing.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Makes the output appear, with all that was written to [`Staged::file`].
    ///
    /// # Errors
    /// [`PublishError::Appeared`] where somebody else was faster, [`PublishError::ReaderClosed`]
    /// where nobody reads any more; otherwise what the system reports. Nothing has appeared then,
    /// except that a directory that cannot be synced is an error after the name is there, and that
    /// a reader of a stream has what was written so far.
    pub fn publish(self) -> Result<(), PublishError> {
        let Self { file, way } = self;
        match way {
            Way::Through { out, named } => copy_through(file, out, &named),
            Way::Unnamed { target, may_replace } => {
                file.sync_all().map_err(FileError::at("write", &target.named))?;
                let mut gate = gate();
                link_into_place(&file, &target, may_replace)?;
                settle(&mut gate, &target, &file)
            }
            Way::Named { target, may_replace, temporary } => {
                file.sync_all().map_err(FileError::at("write", &target.named))?;
                let mut gate = gate();
                if may_replace {
                    replace(temporary, &target)?;
                } else {
                    rename_into_place(temporary, &target)?;
                }
                settle(&mut gate, &target, &file)
            }
        }
    }
}

fn settle(gate: &mut Gate, target: &Target, file: &File) -> Result<(), PublishError> {
    gate.published = true;
    Ok(target.sync_directory(file)?)
}

/// Opens a file without a name in `directory`; `None` where that cannot be done or not be linked.
fn open_unnamed(directory: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = match rustix::fs::open(directory, flags, Mode::from_raw_mode(0o666)) {
        Ok(descriptor) => File::from(descriptor),
        // What file systems and kernels without unnamed files say.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    Ok(descriptor_path(&file).exists().then_some(file))
}

/// The name under which an open file without a name can be linked without privilege.
fn descriptor_path(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn link(file: &File, path: &Path) -> io::Result<()> {
    let flags = AtFlags::SYMLINK_FOLLOW;
    Ok(rustix::fs::linkat(CWD, descriptor_path(file), CWD, path, flags)?)
}

fn link_into_place(file: &File, target: &Target, may_replace: bool) -> Result<(), PublishError> {
    match link(file, &target.path()) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if !may_replace {
                return Err(PublishError::Appeared { path: target.named.clone() });
            }
            let link = |path: &Path| link(file, path);
            let (temporary, ()) = Temporary::make(&target.directory, &target.name, link)
                .map_err(FileError::at("create a file in", &target.directory))?;
            replace(temporary, target)
        }
        other => Ok(other.map_err(FileError::at("create", &target.named))?),
    }
}

/// Puts the temporary where a regular file is, or nothing.
fn replace(temporary: Temporary, target: &Target) -> Result<(), PublishError> {
    let path = target.path();
    if path.symlink_metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(PublishError::Appeared { path: target.named.clone() });
    }
    fs::rename(temporary.path(), path).map_err(FileError::at("replace", &target.named))?;
    temporary.renamed();
    Ok(())
}

/// Puts the temporary where nothing is, by a rename that never replaces, or where the file system
/// knows none, by a link.
fn rename_into_place(temporary: Temporary, target: &Target) -> Result<(), PublishError> {
    let (from, to) = (temporary.path(), target.path());
    let moved = match rustix::fs::renameat_with(CWD, from, CWD, &to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => {
            fs::hard_link(from, &to).and_then(|()| fs::remove_file(from))
        }
        other => other.map_err(io::Error::from),
    };
    match moved {
        Ok(()) => {
            temporary.renamed();
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(PublishError::Appeared { path: target.named.clone() })
        }
        Err(error) => Err(FileError::at("create", &target.named)(error).into()),
    }
}

fn copy_through(mut spool: File, out: Option<File>, named: &Path) -> Result<(), PublishError> {
    let copied = (|| {
        spool.rewind()?;
        let mut out = match out {
            Some(out) => out,
            None => File::options().write(true).open(named)?,
        };
        io::copy(&mut spool, &mut out)
    })();
    match copied {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(PublishError::ReaderClosed),
        Err(error) => Err(FileError::at("write", named)(error).into()),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::io::Write as _;

    use super::*;

    fn named(dir: &Path, may_replace: bool) -> Staged {
        let target = Target {
            directory: dir.to_owned(),
            name: OsString::from("out"),
            existing: None,
            named: dir.join("out"),
        };
        let staged = Staged::named(target, may_replace).expect("writable");
        staged.file().write_all(b"new").expect("writable");
        staged
    }

    fn listing(dir: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("there").file_name();
        let names = fs::read_dir(dir).expect("there").map(name);
        let mut names: Vec<_> = names.map(|name| name.into_string().expect("ASCII")).collect();
        names.sort();
        names
    }

    #[test]
    fn without_unnamed_files_a_temporary_name_becomes_the_output() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let staged = named(dir.path(), false);
        let names = listing(dir.path());
        assert_eq!(names.len(), 1);
        let random = names[0].strip_prefix(".out.").and_then(|rest| rest.strip_suffix(".tmp"));
        assert_eq!(random.expect("around the random part").len(), 8);
        staged.publish().expect("free name");
        assert_eq!(listing(dir.path()), ["out"]);
        assert_eq!(fs::read(dir.path().join("out")).expect("there"), b"new");
    }

    #[test]
    fn without_unnamed_files_a_lost_race_replaces_nothing_and_leaves_nothing() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let staged = named(dir.path(), false);
        fs::write(dir.path().join("out"), b"theirs").expect("written");
        let error = staged.publish().expect_err("taken");
        assert!(matches!(error, PublishError::Appeared { .. }), "{error}");
        assert_eq!(listing(dir.path()), ["out"]);
        assert_eq!(fs::read(dir.path().join("out")).expect("there"), b"theirs");
    }

    #[test]
    fn without_unnamed_files_force_replaces() {
        let dir = tempfile::tempdir().expect("temporary directory");
        fs::write(dir.path().join("out"), b"old").expect("written");
        named(dir.path(), true).publish().expect("replaced");
        assert_eq!(listing(dir.path()), ["out"]);
        assert_eq!(fs::read(dir.path().join("out")).expect("there"), b"new");
    }

    #[test]
    fn without_unnamed_files_what_is_dropped_is_gone() {
        let dir = tempfile::tempdir().expect("temporary directory");
        drop(named(dir.path(), false));
        assert_eq!(listing(dir.path()), [""; 0]);
    }
}
