//! An image that lies in memory, and what the user called it.

use crate::digest::Digest;
use crate::error::Error;
use crate::image::{Blob, Image};

/// An image with what the user called it.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) image: &'a Image,
    pub(super) name: &'a str,
}

impl Named<'_> {
    /// Is the digest of a blob, by number, or of its content what was said of it?
    pub(super) fn expect(
        self,
        blob: usize,
        what: &'static str,
        claimed: Option<Digest>,
        found: Digest,
    ) -> Result<(), Error> {
        match claimed.filter(|claimed| *claimed != found) {
            None => Ok(()),
            Some(expected) => Err(Error::WrongDigest {
                image: self.name.to_owned(),
                blob: self.image.blobs[blob].name.clone(),
                what,
                expected,
                found,
            }),
        }
    }
}

/// The stored bytes of a blob of a mapped image.
pub(super) fn stored<'a>(image: &'a Image, blob: &Blob) -> &'a [u8] {
    let file = image.files[blob.file].source.in_memory();
    file.and_then(|file| blob.range.of(file)).expect("BUG: create maps its images")
}
