//! What can be wrong with a delta.

use std::io;

use crate::digest::Digest;
use crate::fault::{Class, Explain};

/// Why a delta is refused; docs/format.md section 12 says what is damage and what unsupported.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The first bytes are not the magic.
    #[error("not a delta (it begins with {found:02x?}, a delta with {expected:02x?})")]
    NotADelta {
        /// The magic.
        expected: [u8; 8],
        /// The first bytes, eight at most.
        found: Vec<u8>,
    },
    /// The file ends too early.
    #[error("the delta is cut (reading {reading}: {expected} bytes expected, {available} there)")]
    Truncated {
        /// What was being read.
        reading: &'static str,
        /// How many bytes it takes.
        expected: u64,
        /// How many there are.
        available: u64,
    },
    /// Bytes follow the body.
    #[error("the delta goes on after its end (expected {expected} bytes, found {found})")]
    TrailingBytes {
        /// Length by the prefix.
        expected: u64,
        /// Length of the file.
        found: u64,
    },
    /// A digest over a part of the delta does not match.
    #[error("{what} of the delta is damaged (expected {expected}, found {found})")]
    DigestMismatch {
        /// Which part, with its number or offset.
        what: String,
        /// The digest that the delta gives.
        expected: Digest,
        /// The digest of what is there.
        found: Digest,
    },
    /// The delta was made by a later version of the format.
    #[error("the delta has format version {found}, this program reads version {supported}")]
    UnsupportedVersion {
        /// The delta's version.
        found: u32,
        /// The one version known here.
        supported: u32,
    },
    /// A number that this version of the program does not know.
    #[error("the delta uses {what} {number}, which this program does not know")]
    Unsupported {
        /// What the number stands for.
        what: &'static str,
        /// The number.
        number: u64,
    },
    /// A count or size above its ceiling.
    #[error("{what} of the delta is above its ceiling (found {found}, ceiling {ceiling})")]
    Ceiling {
        /// What is too many or too large.
        what: &'static str,
        /// The value found.
        found: u64,
        /// The greatest lawful value.
        ceiling: u64,
    },
    /// A rule of the format does not hold.
    #[error("the delta breaks a rule: {rule} ({place} {row})")]
    Rule {
        /// The rule, as docs/format.md has it.
        rule: &'static str,
        /// In which table or stream.
        place: &'static str,
        /// At which row, or offset.
        row: u64,
    },
    /// A frame does not decode to what its row declares.
    #[error("a frame of the delta does not decode: {reason} (body offset {at})")]
    Frame {
        /// What went wrong.
        reason: String,
        /// Offset of the frame in the body.
        at: u64,
    },
    /// The delta cannot be read from where it lies.
    #[error("cannot read the delta")]
    Read(#[source] io::Error),
}

impl Explain for FormatError {
    fn class(&self) -> Class {
        match self {
            Self::UnsupportedVersion { .. } | Self::Unsupported { .. } => Class::Unsupported,
            Self::Read(_) => Class::Failed,
            _ => Class::Damaged,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self.class() {
            Class::Unsupported => "a newer chunkdelta reads it: update this one".to_owned(),
            Class::Failed => return None,
            _ => match self {
                Self::NotADelta { .. } => "give the file that `chunkdelta create` wrote".to_owned(),
                _ => {
                    "transfer the delta again, and compare its sha256 with the sender's".to_owned()
                }
            },
        })
    }

    fn mismatch(&self) -> Option<(String, String)> {
        match self {
            Self::DigestMismatch { expected, found, .. } => {
                Some((expected.to_string(), found.to_string()))
            }
            Self::UnsupportedVersion { found, supported } => {
                Some((supported.to_string(), found.to_string()))
            }
            _ => None,
        }
    }
}

/// A format error travels through [`io::Read`] as the inner error of an [`io::Error`].
impl From<FormatError> for io::Error {
    fn from(error: FormatError) -> Self {
        match error {
            FormatError::Read(error) => error,
            error => Self::new(io::ErrorKind::InvalidData, error),
        }
    }
}

/// Gets a format error back that travelled through [`io::Read`]; `other` names the rest.
pub(super) fn recover(
    error: io::Error,
    other: impl FnOnce(io::Error) -> FormatError,
) -> FormatError {
    match error.downcast::<FormatError>() {
        Ok(error) => error,
        Err(error) => other(error),
    }
}
