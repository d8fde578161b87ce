//! The delta as a file whose every block was checked before anything is decoded.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use crate::compression::Compression;
use crate::error::Error;
use crate::fault::{FileError, Shown};
use crate::format::{Delta, FormatError};
use crate::observer::{Detail, Observer, Stage};
use crate::source::{FileSource, ReadAt};
use crate::spool::Spooler;
use crate::walker::{Stop, Walker};

/// Opens a delta by name (`-` is standard input, which is copied first) and checks all of it.
///
/// # Errors
/// [`Error::Delta`] in the order of docs/format.md section 9, [`Error::ImageAsDelta`] where an
/// image stands in its place.
pub fn open_delta(
    name: &OsStr,
    spooler: &Spooler,
    observer: &dyn Observer,
) -> Result<(Box<dyn ReadAt>, Delta), Error> {
    let shown = name.to_string_lossy().into_owned();
    let file = open(name, &shown, spooler, observer)?;
    let source = FileSource::new(file).map_err(FileError::at("read", Path::new(name)))?;
    observer.stage(Stage::ReadDelta, Some(source.len()));
    let bad = |error| Error::Delta { delta: shown.clone(), source: error };
    let delta = Delta::open(&source).map_err(|error| match error {
        FormatError::NotADelta { .. } if is_image(&source) => {
            Error::ImageAsDelta { delta: shown.clone() }
        }
        error => bad(error),
    })?;
    let body = delta.body(&source);
    let mut block = Vec::new();
    for number in 0..body.block_count() {
        body.read_block(number, &mut block).map_err(bad)?;
        observer.advance(block.len() as u64);
    }
    Ok((Box::new(source), delta))
}

fn open(
    name: &OsStr,
    shown: &str,
    spooler: &Spooler,
    observer: &dyn Observer,
) -> Result<File, Error> {
    let spool = |input: &mut dyn io::Read, what: &str| {
        observer.stage(Stage::Spool, None);
        spooler.spool_reader(what, input, None, |note| {
            let dir = Shown(note.dir);
            observer.note(Detail::Usual, format_args!("spooling {what} to {dir}"));
        })
    };
    if name == "-" {
        return Ok(spool(&mut io::stdin().lock(), "standard input")?);
    }
    let path = Path::new(name);
    let mut file = File::open(path).map_err(FileError::at("read", path))?;
    let metadata = file.metadata().map_err(FileError::at("read", path))?;
    if metadata.is_dir() {
        return Err(Error::ImageAsDelta { delta: shown.to_owned() });
    }
    if metadata.is_file() { Ok(file) } else { Ok(spool(&mut file, shown)?) }
}

/// Does it begin like an archive or like a compressed one?
fn is_image(source: &dyn ReadAt) -> bool {
    let mut start = [0; 512];
    let len = usize::try_from(source.len()).unwrap_or(usize::MAX).min(start.len());
    if source.read_exact_at(&mut start[..len], 0).is_err() {
        return false;
    }
    Compression::detect(&start[..len]) != Compression::Plain
        || !matches!(Walker::new(&start[..len]).finish().stop, Stop::NoHeader)
}
