//! `inspect`: what a delta or an image holds, from its tables and documents alone.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::fault::FileError;
use crate::format::{Delta, MAGIC};
use crate::image::{self, Image, OpenOptions, Reference};
use crate::observer::Observer;
use crate::source::{FileSource, ReadAt};
use crate::spool::Spooler;

/// What was inspected.
#[derive(Debug)]
pub enum Subject {
    /// A delta; its header was authenticated, its body was not read.
    Delta(Box<Delta>),
    /// An image; its digests are claims.
    Image(Box<Image>),
}

/// Options of [`inspect`].
#[derive(Debug, Clone)]
pub struct InspectOptions {
    /// Where temporary files go; `None` for the usual place.
    pub tmpdir: Option<PathBuf>,
    /// Show an image that lacks a layer.
    pub allow_missing: bool,
}

/// Opens what `subject` names.
///
/// # Errors
/// [`Error::Delta`] for a delta that is damaged, [`Error::Image`] for what is neither.
pub fn inspect(
    subject: &OsStr,
    options: &InspectOptions,
    observer: &dyn Observer,
) -> Result<Subject, Error> {
    let shown = subject.to_string_lossy().into_owned();
    if let Some(file) = delta_file(Path::new(subject))? {
        let bad = |source| Error::Delta { delta: shown, source };
        return Delta::open(&file).map(Box::new).map(Subject::Delta).map_err(bad);
    }
    let reference = Reference::parse(subject, Path::exists).map_err(Error::image(&shown))?;
    let spooler = Spooler::new(options.tmpdir.clone());
    let allow_missing = options.allow_missing;
    let options = OpenOptions { allow_missing, observer, ..OpenOptions::new(&spooler) };
    Ok(Subject::Image(Box::new(image::open(&reference, &options)?)))
}

/// The file at `path` if it is one that begins like a delta.
fn delta_file(path: &Path) -> Result<Option<FileSource>, Error> {
    if !path.is_file() {
        return Ok(None);
    }
    let file = File::open(path).map_err(FileError::at("read", path))?;
    let source = FileSource::new(file).map_err(FileError::at("read", path))?;
    let mut magic = [0; MAGIC.len()];
    let is_delta = source.read_exact_at(&mut magic, 0).is_ok() && magic == MAGIC;
    Ok(is_delta.then_some(source))
}
