//! An image in a directory.

use super::shelf::{Member, Shelf};
use super::{FileKind, Image, ImageError, ImageFile, Source, assembly};
use crate::limits;
use crate::units::ByteRange;

impl Image {
    /// Reads the images of a directory, given as its files and directories by relative path; those
    /// without a source are directories. Their order does not matter.
    ///
    /// With `allow_missing` what the images lack is noted instead of refused.
    ///
    /// # Errors
    /// Whatever keeps the directory from being an image; see [`ImageError`].
    pub fn from_directory(
        mut entries: Vec<(Vec<u8>, Option<Source>)>,
        allow_missing: bool,
    ) -> Result<Self, ImageError> {
        if entries.len() > limits::MEMBERS {
            let name = b"the directory".to_vec();
            return Err(ImageError::TooMany { what: "files", name, limit: limits::MEMBERS });
        }
        entries.sort_by(|(left, _), (right, _)| left.cmp(right));
        let mut shelf = Shelf::default();
        for (file, (path, source)) in entries.into_iter().enumerate() {
            let (kind, source, member) = match source {
                Some(source) => {
                    let range = ByteRange::new(0, source.len()).ok_or(ImageError::NotAnImage)?;
                    (FileKind::File, source, Member::Bytes { file, range })
                }
                None => (FileKind::Directory, Box::new(Vec::new()) as Source, Member::NoFile),
            };
            shelf.insert(&path, member);
            shelf.files.push(ImageFile { path, kind, source });
        }
        assembly::assemble(shelf, false, allow_missing)
    }
}
