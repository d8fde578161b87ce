//! Why stored bytes do not become content.

use std::io;

use super::Compression;
use crate::fault::{Class, Explain};
use crate::units::Size;

/// Why stored bytes do not become content.
///
/// Inside [`io::Read`] it travels in an [`io::Error`]; [`CompressionError::from_io`] takes it out.
#[derive(Debug, thiserror::Error)]
pub enum CompressionError {
    /// The stream breaks its format's rules or fails its own checksum.
    #[error("{compression} stream is damaged (offset={at}): {reason}")]
    Damaged {
        /// What the stream was read as.
        compression: Compression,
        /// Stored bytes that were consumed before the decoder gave up.
        at: u64,
        /// What the decoder says.
        reason: String,
    },
    /// The stored bytes end inside the stream.
    #[error("{compression} stream is cut (stored_len={len})")]
    Cut {
        /// What the stream was read as.
        compression: Compression,
        /// Stored bytes that there were.
        len: u64,
    },
    /// Something other than zeros follows the last gzip member.
    #[error("bytes that are no gzip member follow the last one (offset={at})")]
    TrailingBytes {
        /// Stored offset of the first of them.
        at: u64,
    },
    /// A zstd frame wants more memory than an image may ask for.
    #[error("zstd frame needs too large a window (offset={at}, limit={})", Size(*limit))]
    Window {
        /// Stored bytes that were consumed before the decoder gave up.
        at: u64,
        /// Largest window in bytes.
        limit: u64,
    },
    /// The content is longer than its stored form can lawfully make it.
    #[error("{compression} stream yields too much (limit={})", Size(*limit))]
    TooLong {
        /// What the stream was read as.
        compression: Compression,
        /// Most bytes that are given out.
        limit: u64,
    },
    /// The stored bytes could not be read.
    #[error("cannot read the stored bytes")]
    Read(#[source] io::Error),
}

impl CompressionError {
    /// Takes the error out of what a [`super::Inflater`] returned; anything else was a failed read.
    pub fn from_io(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(Self::Read)
    }

    /// Is it one of these in disguise?
    pub(super) fn is_inside(error: &io::Error) -> bool {
        error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Self>)
    }
}

impl From<CompressionError> for io::Error {
    fn from(error: CompressionError) -> Self {
        Self::other(error)
    }
}

impl Explain for CompressionError {
    fn class(&self) -> Class {
        match self {
            Self::Damaged { .. } | Self::Cut { .. } | Self::TrailingBytes { .. } => Class::Damaged,
            Self::Window { .. } | Self::TooLong { .. } => Class::Limit,
            Self::Read(_) => Class::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged { .. } | Self::Cut { .. } | Self::TrailingBytes { .. } => {
                Some("save or copy the image again".to_owned())
            }
            Self::Window { .. } => {
                Some("compress it again with `zstd --long=27` or less".to_owned())
            }
            Self::TooLong { .. } => {
                Some("decompress it first if it is what it should be".to_owned())
            }
            Self::Read(_) => None,
        }
    }
}
