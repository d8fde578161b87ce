//! An image in an archive.

use super::shelf::{Member, Shelf};
use super::{DELTA_MAGIC, FileKind, Image, ImageError, ImageFile, Source, assembly};
use crate::compression::{Compression, Foreign};
use crate::limits;
use crate::walker::{EntryKind, Stop, Walker};

impl Image {
    /// Reads the images of an archive that is not compressed as a whole.
    ///
    /// With `allow_missing` what the images lack is noted instead of refused.
    ///
    /// # Errors
    /// Whatever keeps the archive from being an image; see [`ImageError`].
    pub fn from_archive(source: Source, allow_missing: bool) -> Result<Self, ImageError> {
        refuse_what_is_no_tar(&source)?;
        let mut shelf = Shelf::default();
        let walked = walk(&source, &mut shelf)?;
        shelf.files.push(ImageFile { path: Vec::new(), kind: FileKind::File, source });
        let mut image = assembly::assemble(shelf, true, allow_missing)?;
        image.notes.extend(walked);
        Ok(image)
    }
}

/// The first bytes of `source`, as many as any kind is known by.
pub(super) fn first_bytes(source: &Source) -> Result<Vec<u8>, ImageError> {
    let len = usize::try_from(source.len().min(DELTA_MAGIC.len() as u64)).unwrap_or(0);
    let mut first = vec![0; len];
    source.read_exact_at(&mut first, 0).map_err(ImageError::Read)?;
    Ok(first)
}

fn refuse_what_is_no_tar(source: &Source) -> Result<(), ImageError> {
    let first = first_bytes(source)?;
    if first == DELTA_MAGIC {
        return Err(ImageError::Delta);
    }
    if let Some(foreign) = Foreign::detect(&first) {
        return Err(ImageError::Foreign { foreign });
    }
    if Compression::detect(&first) != Compression::Plain {
        return Err(ImageError::WrappedTwice);
    }
    Ok(())
}

/// Puts the members on the shelf; returns a word about a tail that is no archive.
fn walk(source: &Source, shelf: &mut Shelf) -> Result<Option<String>, ImageError> {
    let mut walker = Walker::new(&**source);
    let mut count = 0;
    for entry in walker.by_ref() {
        if count == limits::MEMBERS {
            let name = b"the archive".to_vec();
            return Err(ImageError::TooMany { what: "members", name, limit: limits::MEMBERS });
        }
        count += 1;
        let member = match entry.kind {
            EntryKind::Regular => Member::Bytes { file: 0, range: entry.data },
            EntryKind::SymLink => Member::SymLink { target: entry.link },
            EntryKind::HardLink => Member::HardLink { target: entry.link },
            EntryKind::Sparse => Member::Sparse,
            EntryKind::Directory | EntryKind::Other(_) => Member::NoFile,
        };
        shelf.insert(&entry.name, member);
    }
    let end = walker.finish();
    let len = source.len();
    match end.stop {
        Stop::Unreadable(error) => Err(ImageError::Read(error)),
        Stop::Cut { name, expected_end } => {
            Err(ImageError::Cut { member: name, expected_end, len })
        }
        Stop::NoHeader | Stop::EndOfInput if count == 0 => {
            Err(ImageError::Unrecognised { is_empty: len == 0 })
        }
        Stop::NoHeader => {
            Ok(Some(format!("from offset {} on the archive holds no members", end.at)))
        }
        Stop::EndOfInput => Ok(Some("the archive has no end blocks".to_owned())),
        Stop::EndBlocks => Ok(None),
    }
}
