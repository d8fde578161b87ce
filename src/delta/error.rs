//! What can go wrong while a delta is run.

use std::io;

use crate::digest::Digest;
use crate::fault::{Class, Explain};
use crate::format::FormatError;

/// Why a delta could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The delta itself is wrong.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// What was made is not what the delta promises: the base or the delta is not what it claims.
    #[error("what was made has another digest (expected {expected}, found {found})")]
    DigestMismatch {
        /// The digest by the delta.
        expected: Digest,
        /// The digest of the bytes made.
        found: Digest,
    },
    /// The base stopped giving bytes that it should have.
    #[error("cannot read the base's {content}")]
    Base {
        /// Digest of the content or blob.
        content: Digest,
        /// What the medium or the decompressor said.
        source: io::Error,
    },
    /// The output cannot be written or read back.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    /// The streams of a group cannot be kept outside memory.
    #[error("cannot write a temporary file")]
    Scratch(#[source] io::Error),
    /// The output differs from the bytes that it is compared with.
    #[error("the delta does not give back the target (first difference at offset {offset})")]
    Different {
        /// Offset in the output.
        offset: u64,
    },
}

impl Explain for ApplyError {
    fn class(&self) -> Class {
        match self {
            Self::Format(error) => error.class(),
            Self::DigestMismatch { .. } => Class::Damaged,
            Self::Base { .. } => Class::BaseMismatch,
            Self::Output(error) | Self::Scratch(error) => match error.kind() {
                io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::FileTooLarge => Class::Limit,
                _ => Class::Failed,
            },
            Self::Different { .. } => Class::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Format(error) => error.hint(),
            Self::DigestMismatch { .. } => {
                Some("transfer the delta again; if that does not help, make it anew".to_owned())
            }
            Self::Base { .. } => Some("check the base with `chunkdelta inspect`".to_owned()),
            Self::Output(_) if self.class() == Class::Limit => {
                Some("make room there, or name another place with -o".to_owned())
            }
            Self::Scratch(_) => Some(
                "make room there, name another place with --tmpdir, or allow more --memory"
                    .to_owned(),
            ),
            Self::Output(_) => None,
            Self::Different { .. } => {
                Some("this is a fault of chunkdelta, and nothing was written: report it".to_owned())
            }
        }
    }

    fn mismatch(&self) -> Option<(String, String)> {
        match self {
            Self::Format(error) => error.mismatch(),
            Self::DigestMismatch { expected, found } => {
                Some((expected.to_string(), found.to_string()))
            }
            _ => None,
        }
    }
}
