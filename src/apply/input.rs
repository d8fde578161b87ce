//! The delta as a file whose every block was checked before anything is decoded.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use crate::compression::Compression;
use crate::error::Error;
use crate::fault::{FileError, Shown};
use crate::format::{Delta, FormatError};
use crate::observer::{Observer, Stage};
use crate::source::{FileSource, ReadAt};
use crate::spool::Spooler;
use crate::stamp::{InputChanged, Stamp};
use crate::walker::{End, Stop, Walker};

/// The file that a delta is read from.
#[derive(Debug)]
pub struct DeltaFile {
    source: FileSource,
    /// What it looked like at first; `None` for a spool, which nobody else can reach.
    stamp: Option<Stamp>,
}

impl DeltaFile {
    /// Opens what `name` names; `-`, pipes and the like are copied first.
    ///
    /// # Errors
    /// [`Error::ImageAsDelta`] for a directory, [`Error::File`], [`Error::Spool`].
    pub(crate) fn open(
        name: &OsStr,
        spooler: &Spooler,
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        let path = Path::new(name);
        let source_of = |file| FileSource::new(file).map_err(FileError::at("read", path));
        if name == "-" {
            let source = source_of(spooler.spool_stdin(observer)?)?;
            return Ok(Self { source, stamp: None });
        }
        let file = File::open(path).map_err(FileError::at("read", path))?;
        let metadata = file.metadata().map_err(FileError::at("read", path))?;
        if metadata.is_dir() {
            return Err(Error::ImageAsDelta { delta: name.to_string_lossy().into_owned() });
        }
        if !metadata.is_file() {
            let shown = Shown(path).to_string();
            let source = source_of(spooler.spool_told(&shown, file, None, observer)?)?;
            return Ok(Self { source, stamp: None });
        }
        let stamp = Stamp::take(&file, path).map_err(FileError::at("read", path))?;
        Ok(Self { source: source_of(file)?, stamp: Some(stamp) })
    }

    /// Is it still what it was when it was opened?
    ///
    /// # Errors
    /// [`InputChanged`] where device, inode, length or time differ.
    pub fn check_unchanged(&self) -> Result<(), InputChanged> {
        self.stamp.as_ref().map_or(Ok(()), Stamp::unchanged)
    }
}

impl ReadAt for DeltaFile {
    fn len(&self) -> u64 {
        self.source.len()
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.source.read_exact_at(buf, offset)
    }
}

/// Opens a delta by name (`-` is standard input, which is copied first) and checks all of it.
///
/// # Errors
/// [`Error::Delta`] in the order of docs/format.md section 9, [`Error::ImageAsDelta`] where an
/// image stands in its place.
pub fn open_delta(
    name: &OsStr,
    spooler: &Spooler,
    observer: &dyn Observer,
) -> Result<(DeltaFile, Delta), Error> {
    let shown = name.to_string_lossy().into_owned();
    let file = DeltaFile::open(name, spooler, observer)?;
    observer.stage(Stage::ReadDelta, Some(file.len()));
    match check(&file, observer) {
        Ok(delta) => Ok((file, delta)),
        Err(FormatError::NotADelta { .. }) if is_image(&file) => {
            Err(Error::ImageAsDelta { delta: shown })
        }
        Err(source) => {
            file.check_unchanged()?;
            Err(Error::Delta { delta: shown, source })
        }
    }
}

/// Reads all of it, so that nothing damaged is ever decoded.
fn check(file: &DeltaFile, observer: &dyn Observer) -> Result<Delta, FormatError> {
    let delta = Delta::open(file)?;
    let body = delta.body(file);
    let mut block = Vec::new();
    for number in 0..body.block_count() {
        body.read_block(number, &mut block)?;
        observer.advance(block.len() as u64);
    }
    Ok(delta)
}

/// Does it begin with a member of an archive, or like a compressed one?
fn is_image(source: &dyn ReadAt) -> bool {
    let mut start = [0; 512];
    let len = usize::try_from(source.len()).unwrap_or(usize::MAX).min(start.len());
    if source.read_exact_at(&mut start[..len], 0).is_err() {
        return false;
    }
    let is_archive = || match Walker::new(&start[..len]).finish() {
        // The rest of the member was not read.
        End { stop: Stop::Cut { .. }, .. } => true,
        End { at, .. } => at > 0,
    };
    Compression::detect(&start[..len]) != Compression::Plain || is_archive()
}
