//! The small cases: nothing changed, or one small file.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tar::{Builder, Header};

use crate::failure::{At as _, Failure};
use crate::image::{ImageWriter, SavedImage};
use crate::members::{Change, copy_members};
use crate::statistics::real;

/// Length of a file that counts as small, in bytes.
const SMALL: std::ops::RangeInclusive<u64> = 2 << 10..=8 << 10;

/// A line that was added to a file.
const ADDED: &[u8] = b"\nA line that the previous version of this file did not have.\n";

/// What a config or a file is compressed with where a delta's length is judged.
const LEVEL: i32 = 19;

/// An image, and two that could follow it.
#[derive(Debug)]
pub(crate) struct Images {
    pub(crate) base: PathBuf,
    /// Equal to `base`, in a file of its own.
    pub(crate) same: PathBuf,
    /// As `base`, but for one file: a line in its middle, and a day in its header.
    pub(crate) changed: PathBuf,
    /// What a delta to `same` should stay below, in bytes: 2 KB, the config, and 150 for each layer.
    pub(crate) same_bound: f64,
    /// What a delta to `changed` should stay below: a tenth more, and the file.
    pub(crate) changed_bound: f64,
}

/// Makes them of `image`, in `dir`.
///
/// # Errors
///
/// When something cannot be read or written, or no layer has a small file.
pub(crate) fn make(image: &SavedImage, dir: &Path) -> Result<Images, Failure> {
    let path = |name: &str| dir.join(name);
    let (base, same, changed) = (path("base.tar"), path("same.tar"), path("changed.tar"));
    let rewritten = layer_with_small_file(image, &base)?;
    rewrite(image, &base, rewritten, &mut OneFile::default())?;
    rewrite(image, &same, rewritten, &mut OneFile::default())?;
    let mut one_file = OneFile { is_wanted: true, ..OneFile::default() };
    rewrite(image, &changed, rewritten, &mut one_file)?;
    let compressed = |bytes: &[u8]| zstd::bulk::compress(bytes, LEVEL).map(|bytes| bytes.len());
    let config = compressed(image.config_text()).at(&base)?;
    let file = compressed(&one_file.changed).at(&changed)?;
    let real = |len: usize| real(u64::try_from(len).unwrap_or(u64::MAX));
    let same_bound = 2000.0 + real(config) + 150.0 * real(image.layer_count());
    let changed_bound = same_bound * 1.1 + real(file);
    Ok(Images { base, same, changed, same_bound, changed_bound })
}

/// The topmost layer that has a small file.
fn layer_with_small_file(image: &SavedImage, path: &Path) -> Result<usize, Failure> {
    for index in (0..image.layer_count()).rev() {
        let mut one_file = OneFile { is_wanted: true, ..OneFile::default() };
        copy_members(image.layer(index)?, &mut Builder::new(io::sink()), &mut one_file).at(path)?;
        if !one_file.changed.is_empty() {
            return Ok(index);
        }
    }
    Err(Failure::NotSaved { path: path.to_owned(), missing: "a small file".to_owned() })
}

/// Writes `image` with the layer `rewritten` member by member: so the changed one differs from the
/// others in that file alone.
fn rewrite(
    image: &SavedImage,
    path: &Path,
    rewritten: usize,
    one_file: &mut OneFile,
) -> Result<(), Failure> {
    let mut writer = ImageWriter::create(path).at(path)?;
    for index in 0..image.layer_count() {
        let mut content = image.layer(index)?;
        let written = writer.layer(|out| {
            if index != rewritten {
                return io::copy(&mut content, out).map(drop);
            }
            let mut out = Builder::new(out);
            copy_members(content, &mut out, one_file)?;
            out.finish()
        });
        written.at(path)?;
    }
    writer.finish(image.config(), "small:1").at(path)
}

/// Changes the first small file.
#[derive(Debug, Default)]
struct OneFile {
    is_wanted: bool,
    /// The file, as it is changed.
    changed: Vec<u8>,
}

impl Change for OneFile {
    fn path(&self, path: &[u8]) -> Vec<u8> {
        path.to_owned()
    }

    fn data<'a>(
        &mut self,
        header: &mut Header,
        mut data: Box<dyn Read + 'a>,
    ) -> io::Result<Box<dyn Read + 'a>> {
        if !self.is_wanted || !self.changed.is_empty() || !SMALL.contains(&header.size()?) {
            return Ok(data);
        }
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes)?;
        let middle = bytes.len() / 2;
        bytes.splice(middle..middle, ADDED.iter().copied());
        header.set_size(u64::try_from(bytes.len()).map_err(io::Error::other)?);
        header.set_mtime(header.mtime()? + 24 * 60 * 60);
        self.changed.clone_from(&bytes);
        Ok(Box::new(io::Cursor::new(bytes)))
    }
}
