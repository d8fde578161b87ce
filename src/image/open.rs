//! The rim: images out of files, directories, pipes and the Docker engine.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Image, ImageError, Location, OpenError, Reference, Source, Wrapped, archive, daemon};
use crate::compression::{Compression, CompressionError, Inflater, ceiling};
use crate::fault::{FileError, Shown};
use crate::limits;
use crate::map::MappedFile;
use crate::observer::{NoObserver, Observer};
use crate::source::{FileSource, ReadAt, Sequential};
use crate::spool::{SpoolError, Spooler};

/// How images are opened.
#[derive(Clone, Copy)]
pub struct OpenOptions<'a> {
    /// Where what must be copied goes.
    pub spooler: &'a Spooler,
    /// Note what an image lacks instead of refusing it.
    pub allow_missing: bool,
    /// Map files into memory, so that [`ReadAt::in_memory`] gives their bytes; otherwise they are
    /// read in pieces, and nobody who cuts one short can do harm.
    pub is_mapped: bool,
    /// Hears before something long is copied.
    pub observer: &'a dyn Observer,
}

impl<'a> OpenOptions<'a> {
    /// Refuses images that lack something, reads files in pieces, tells nobody.
    pub fn new(spooler: &'a Spooler) -> Self {
        Self { spooler, allow_missing: false, is_mapped: false, observer: &NoObserver }
    }

    fn source(&self, file: File, path: &Path) -> Result<Source, ImageError> {
        Ok(if self.is_mapped {
            Box::new(MappedFile::map(&file, path)?)
        } else {
            Box::new(FileSource::new(file).map_err(FileError::at("read", path))?)
        })
    }

    fn spool(&self, name: &str, input: impl Read, len: Option<u64>) -> Result<File, SpoolError> {
        self.spooler.spool_told(name, input, len, self.observer)
    }
}

impl std::fmt::Debug for OpenOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenOptions")
            .field("spooler", &self.spooler)
            .field("allow_missing", &self.allow_missing)
            .field("is_mapped", &self.is_mapped)
            .finish_non_exhaustive()
    }
}

/// Opens what a person named, narrowed to the image that the reference chooses.
///
/// # Errors
/// [`OpenError`] with the reference and why it is no image.
pub fn open(reference: &Reference, options: &OpenOptions<'_>) -> Result<Image, OpenError> {
    let image = match &reference.location {
        Location::Stdin => options
            .spooler
            .spool_stdin(options.observer)
            .map_err(ImageError::from)
            .and_then(|file| from_file(file, Path::new("-"), options)),
        Location::Path(path) => from_path(path, options),
        Location::Daemon(name) => options
            .spooler
            .announce(&format!("docker-daemon:{}", Shown(name.as_str())), options.observer)
            .map_err(ImageError::from)
            .and_then(|()| Ok(daemon::save(name, OsStr::new("docker"), options.spooler)?))
            .and_then(|file| from_file(file, Path::new(name), options)),
    };
    image
        .and_then(|mut image| match &reference.selector {
            Some(selector) => image.narrow(selector).map(|()| image),
            None => Ok(image),
        })
        .map_err(|source| OpenError { image: reference.location.to_string(), source })
}

/// Opens an archive that is already a regular file; `shown` names it in errors.
///
/// # Errors
/// [`OpenError`] with that name and why it is no image.
pub fn open_file(file: File, shown: &str, options: &OpenOptions<'_>) -> Result<Image, OpenError> {
    from_file(file, Path::new(shown), options)
        .map_err(|source| OpenError { image: shown.to_owned(), source })
}

fn from_path(path: &Path, options: &OpenOptions<'_>) -> Result<Image, ImageError> {
    let metadata = fs::metadata(path).map_err(FileError::at("read", path))?;
    if metadata.is_dir() {
        return from_directory(path, options);
    }
    let file = File::open(path).map_err(FileError::at("read", path))?;
    let metadata = file.metadata().map_err(FileError::at("read", path))?;
    if !metadata.is_file() {
        // A pipe or a device: bytes that come once.
        let name = Shown(path).to_string();
        return from_file(options.spool(&name, file, None)?, path, options);
    }
    let mut image = from_file(file, path, options)?;
    image.origins.push(Origin { path: path.to_owned(), identity: Identity::of(&metadata) });
    Ok(image)
}

fn from_file(file: File, path: &Path, options: &OpenOptions<'_>) -> Result<Image, ImageError> {
    let source = options.source(file, path)?;
    let wrapper = Compression::detect(&archive::first_bytes(&source)?);
    if wrapper == Compression::Plain {
        return Image::from_archive(source, options.allow_missing);
    }
    let most = ceiling(source.len(), limits::WRAPPER_RATIO);
    let inflater =
        Inflater::new(Sequential::new(&*source), wrapper, most).map_err(ImageError::Wrapper)?;
    let name = format!("what {} holds", Shown(path));
    let inside = options.spool(&name, inflater, None).map_err(|error| match error {
        SpoolError::Read { source, .. } => ImageError::Wrapper(CompressionError::from_io(source)),
        error => error.into(),
    })?;
    let mut image = Image::from_archive(options.source(inside, path)?, options.allow_missing)?;
    image.wrapper = wrapper;
    image.wrapped = Some(Wrapped(source));
    Ok(image)
}

fn from_directory(root: &Path, options: &OpenOptions<'_>) -> Result<Image, ImageError> {
    let mut entries = Vec::new();
    let mut origins = Vec::new();
    let mut pending = vec![(PathBuf::new(), 0)];
    while let Some((relative, depth)) = pending.pop() {
        let path = root.join(&relative);
        for entry in fs::read_dir(&path).map_err(FileError::at("read", &path))? {
            let entry = entry.map_err(FileError::at("read", &path))?;
            let (path, relative) = (entry.path(), relative.join(entry.file_name()));
            let metadata = entry.metadata().map_err(FileError::at("read", &path))?;
            let name = relative.as_os_str().as_bytes().to_vec();
            if entries.len() == limits::MEMBERS || depth == limits::DIRECTORY_DEPTH {
                let what =
                    if depth == limits::DIRECTORY_DEPTH { "nested directories" } else { "files" };
                let limit = if depth == limits::DIRECTORY_DEPTH { depth } else { limits::MEMBERS };
                return Err(ImageError::TooMany { what, name, limit });
            }
            if metadata.is_dir() {
                entries.push((name, None));
                pending.push((relative, depth + 1));
            } else if metadata.is_file() {
                let origin = Origin { path, identity: Identity::of(&metadata) };
                let source: Source = if options.is_mapped {
                    Box::new(MappedFile::open(&origin.path)?)
                } else {
                    Box::new(origin.clone())
                };
                entries.push((name, Some(source)));
                origins.push(origin);
            } else {
                return Err(ImageError::SpecialFile { path });
            }
        }
    }
    let mut image = Image::from_directory(entries, options.allow_missing)?;
    origins.sort_by(|left, right| left.path.cmp(&right.path));
    image.origins = origins;
    Ok(image)
}

/// A file as it was when it was found. As a source it opens the file for each read, since a
/// directory may hold more blobs than a process may hold open files.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    path: PathBuf,
    identity: Identity,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl Origin {
    /// Is another file there now?
    pub(super) fn check_unchanged(&self) -> Result<(), ImageError> {
        let metadata = fs::metadata(&self.path).map_err(FileError::at("read", &self.path))?;
        if Identity::of(&metadata) == self.identity {
            Ok(())
        } else {
            Err(ImageError::Changed { path: self.path.clone() })
        }
    }
}

impl ReadAt for Origin {
    fn len(&self) -> u64 {
        self.identity.len
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        use std::os::unix::fs::FileExt as _;
        let file = File::open(&self.path)?;
        if Identity::of(&file.metadata()?) != self.identity {
            let changed = ImageError::Changed { path: self.path.clone() };
            return Err(io::Error::other(changed));
        }
        file.read_exact_at(buf, offset)
    }
}
