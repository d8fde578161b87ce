//! `inspect`: what a delta or an image holds, from its tables and documents alone.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::delta::{NodeEncoder, encoders_of};
use crate::error::Error;
use crate::fault::{FileError, Shown};
use crate::format::{Delta, MAGIC};
use crate::image::{self, Image, OpenOptions, Reference};
use crate::observer::{Detail, Observer};
use crate::source::{FileSource, ReadAt};
use crate::spool::Spooler;

/// What was inspected.
#[derive(Debug)]
pub enum Subject {
    /// A delta; its header was authenticated, its body was read for the encoders alone.
    Delta {
        /// The header.
        delta: Box<Delta>,
        /// What compresses its nodes again; nothing where the body is damaged.
        encoders: Vec<NodeEncoder>,
    },
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
    let spooler = Spooler::new(options.tmpdir.clone());
    let shown = subject.to_string_lossy().into_owned();
    let path = Path::new(subject);
    let file = Opened::of(subject, &spooler, observer)?;
    if let Opened::Spool(file) | Opened::File(file) = &file
        && let Some(source) = delta_source(file, path)?
    {
        let bad = |source| Error::Delta { delta: shown, source };
        let delta = Delta::open(&source).map(Box::new).map_err(bad)?;
        let encoders = encoders_of(&delta, &source).unwrap_or_else(|error| {
            observer.warn(format_args!("what lies behind the header is damaged: {error}"));
            Vec::new()
        });
        return Ok(Subject::Delta { delta, encoders });
    }
    let allow_missing = options.allow_missing;
    let options = OpenOptions { allow_missing, observer, ..OpenOptions::new(&spooler) };
    let image = if let Opened::Spool(spool) = file {
        image::open_file(spool, if subject == "-" { "standard input" } else { &shown }, &options)?
    } else {
        let reference = Reference::parse(subject, Path::exists);
        image::open(&reference.map_err(Error::image(&shown))?, &options)?
    };
    for note in &image.notes {
        observer.note(Detail::Layers, format_args!("{shown}: {note}"));
    }
    Ok(Subject::Image(Box::new(image)))
}

/// What can be looked at before it is known to be a delta or an image.
enum Opened {
    /// A copy of what can be read only once.
    Spool(File),
    /// A regular file.
    File(File),
    /// A directory, or a name that is no path.
    Nothing,
}

impl Opened {
    fn of(subject: &OsStr, spooler: &Spooler, observer: &dyn Observer) -> Result<Self, Error> {
        if subject == "-" {
            return Ok(Self::Spool(spooler.spool_stdin(observer)?));
        }
        let path = Path::new(subject);
        let Ok(metadata) = path.metadata() else { return Ok(Self::Nothing) };
        if metadata.is_dir() {
            return Ok(Self::Nothing);
        }
        let file = File::open(path).map_err(FileError::at("read", path))?;
        if metadata.is_file() {
            return Ok(Self::File(file));
        }
        let name = Shown(path).to_string();
        Ok(Self::Spool(spooler.spool_told(&name, file, None, observer)?))
    }
}

/// The file as a source if it begins like a delta.
fn delta_source(file: &File, path: &Path) -> Result<Option<FileSource>, Error> {
    let file = file.try_clone().map_err(FileError::at("read", path))?;
    let source = FileSource::new(file).map_err(FileError::at("read", path))?;
    let mut magic = [0; MAGIC.len()];
    let is_delta = source.read_exact_at(&mut magic, 0).is_ok() && magic == MAGIC;
    Ok(is_delta.then_some(source))
}
