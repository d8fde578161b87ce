//! The rim: images out of files, directories, pipes and the Docker engine.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Image, ImageError, Location, OpenError, Reference, Source, archive, daemon};
use crate::compression::{Compression, CompressionError, Inflater, ceiling};
use crate::fault::FileError;
use crate::limits;
use crate::source::{FileSource, ReadAt, Sequential};

const COPY_LEN: usize = 256 << 10;

/// Makes the temporary files that inputs without random access are copied to.
pub trait Spool {
    /// Makes a file that nobody else sees and that goes when it is closed. `expected_len` is the
    /// length in bytes that it will have, where that is known.
    fn create(&self, expected_len: Option<u64>) -> Result<File, FileError>;
}

/// How images are opened.
#[derive(Clone, Copy)]
pub struct OpenOptions<'a> {
    /// Where what must be copied goes.
    pub spool: &'a dyn Spool,
    /// Note what an image lacks instead of refusing it.
    pub allow_missing: bool,
    /// How an archive is read; [`OpenOptions::new`] reads it through the file.
    pub as_source: fn(File) -> io::Result<Source>,
}

impl<'a> OpenOptions<'a> {
    /// Refuses images that lack something and reads archives through their file.
    pub fn new(spool: &'a dyn Spool) -> Self {
        Self {
            spool,
            allow_missing: false,
            as_source: |file| FileSource::new(file).map(|source| Box::new(source) as Source),
        }
    }
}

impl std::fmt::Debug for OpenOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenOptions").field("allow_missing", &self.allow_missing).finish()
    }
}

/// Opens what a person named, narrowed to the image that the reference chooses.
///
/// # Errors
/// [`OpenError`] with the reference and why it is no image.
pub fn open(reference: &Reference, options: &OpenOptions<'_>) -> Result<Image, OpenError> {
    let image = match &reference.location {
        Location::Stdin => spooled(io::stdin().lock(), Path::new("-"), options)
            .and_then(|file| from_file(file, options)),
        Location::Path(path) => from_path(path, options),
        Location::Daemon(name) => daemon::save(name, OsStr::new("docker"), options.spool)
            .map_err(ImageError::from)
            .and_then(|file| from_file(file, options)),
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
    from_file(file, options).map_err(|source| OpenError { image: shown.to_owned(), source })
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
        return from_file(spooled(file, path, options)?, options);
    }
    let mut image = from_file(file, options)?;
    image.origins.push(Origin { path: path.to_owned(), identity: Identity::of(&metadata) });
    Ok(image)
}

fn from_file(file: File, options: &OpenOptions<'_>) -> Result<Image, ImageError> {
    let as_source = |file| (options.as_source)(file).map_err(ImageError::Read);
    let source = as_source(file)?;
    let wrapper = Compression::detect(&archive::first_bytes(&source)?);
    if wrapper == Compression::Plain {
        return Image::from_archive(source, options.allow_missing);
    }
    let most = ceiling(source.len(), limits::WRAPPER_RATIO);
    let inflater = Inflater::new(Sequential::new(&*source), wrapper, most);
    let inside = copy_to_spool(inflater.map_err(ImageError::Wrapper)?, options, |error| {
        ImageError::Wrapper(CompressionError::from_io(error))
    })?;
    let mut image = Image::from_archive(as_source(inside)?, options.allow_missing)?;
    image.wrapper = wrapper;
    Ok(image)
}

fn spooled(input: impl Read, path: &Path, options: &OpenOptions<'_>) -> Result<File, ImageError> {
    copy_to_spool(input, options, |error| FileError::at("read", path)(error).into())
}

fn copy_to_spool(
    mut input: impl Read,
    options: &OpenOptions<'_>,
    read_error: impl FnOnce(io::Error) -> ImageError,
) -> Result<File, ImageError> {
    let mut file = options.spool.create(None)?;
    let mut buf = vec![0; COPY_LEN];
    loop {
        match input.read(&mut buf) {
            Ok(0) => return Ok(file),
            Ok(len) => file
                .write_all(&buf[..len])
                .map_err(FileError::at("write", Path::new("a temporary file")))?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(read_error(error)),
        }
    }
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
                entries.push((name, Some(Box::new(origin.clone()) as Source)));
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
