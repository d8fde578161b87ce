//! Everything that a command can fail with.

use crate::compression::CompressionError;
use crate::delta::ApplyError;
use crate::digest::Digest;
use crate::fault::{Class, Explain, FileError, Shown};
use crate::format::FormatError;
use crate::image::{ImageError, OpenError};
use crate::publish::PublishError;
use crate::spool::SpoolError;
use crate::stamp::InputChanged;
use crate::units::Size;

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An input is no image.
    #[error(transparent)]
    Image(#[from] OpenError),
    /// The delta is damaged or not supported.
    #[error("cannot use {} as a delta", Shown(delta.as_str()))]
    Delta {
        /// The file as the user named it.
        delta: String,
        /// What is wrong with it.
        source: FormatError,
    },
    /// An image stands where a delta belongs.
    #[error("{} is an image, not a delta", Shown(delta.as_str()))]
    ImageAsDelta {
        /// The file as the user named it.
        delta: String,
    },
    /// Running the delta failed.
    #[error("cannot apply {}", Shown(delta.as_str()))]
    Apply {
        /// The delta as the user named it.
        delta: String,
        /// What went wrong.
        source: ApplyError,
    },
    /// The delta that was just made does not give the target back.
    #[error("the delta does not pass its own check")]
    SelfCheck(#[source] ApplyError),
    /// The delta would be one that no reader accepts.
    #[error("the target is too large for one delta")]
    TooLarge(#[source] FormatError),
    /// The output cannot appear.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// What must be kept meanwhile cannot be.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// An input is another file by now.
    #[error(transparent)]
    Changed(#[from] InputChanged),
    /// A blob is not what its name or its manifest says.
    #[error(
        "{} of {} does not match its {what} (expected {expected}, found {found})",
        Shown(blob.as_slice()), Shown(image.as_str())
    )]
    WrongDigest {
        /// The image as the user named it.
        image: String,
        /// The blob's name in it.
        blob: Vec<u8>,
        /// `blob digest` or `diff ID`.
        what: &'static str,
        /// The digest by the image's documents.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// A blob cannot be decompressed.
    #[error("{} of {} cannot be decompressed", Shown(blob.as_slice()), Shown(image.as_str()))]
    Inflate {
        /// The image as the user named it.
        image: String,
        /// The blob's name in it.
        blob: Vec<u8>,
        /// What is wrong with it.
        source: CompressionError,
    },
    /// The base lacks what the delta needs.
    #[error(
        "{} does not have what the delta needs: {}",
        Shown(image.as_str()), listed(missing.iter())
    )]
    BaseLacks {
        /// The base as the user named it.
        image: String,
        /// What is missing.
        missing: Vec<Missing>,
        /// What the base has instead.
        found: Vec<Digest>,
    },
    /// A layer of the base is not what the base's config says.
    #[error(
        "{} of {} is damaged: it does not match its digest (expected {expected}, found {found})",
        Shown(blob.as_slice()), Shown(image.as_str())
    )]
    BaseDamaged {
        /// The base as the user named it.
        image: String,
        /// The blob's name in it.
        blob: Vec<u8>,
        /// The digest by the base's config.
        expected: Digest,
        /// The digest of what is there.
        found: Digest,
    },
    /// A layer of the base cannot be read to the end.
    #[error("{} of {} cannot be used", Shown(blob.as_slice()), Shown(image.as_str()))]
    BaseUnreadable {
        /// The base as the user named it.
        image: String,
        /// The blob's name in it.
        blob: Vec<u8>,
        /// What is wrong with it.
        source: CompressionError,
    },
    /// The target was named with the image in it.
    #[error("TARGET is the whole of {}, not one image in it", Shown(target.as_str()))]
    TargetSelector {
        /// The target as the user named it.
        target: String,
    },
    /// The memory allowed is less than what is needed.
    #[error("{what} needs more memory than allowed (wanted {wanted}, limit {limit})")]
    Memory {
        /// What needs it.
        what: String,
        /// The least that does.
        wanted: Size,
        /// What is allowed.
        limit: Size,
    },
    /// Threads could not be started.
    #[error("cannot start threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// Digests that are named in one message; more are counted.
const LISTED: usize = 10;

/// The first items of a list, and how many more there are.
fn listed<T: std::fmt::Display>(mut items: impl ExactSizeIterator<Item = T>) -> String {
    let mut list: Vec<String> = items.by_ref().take(LISTED).map(|item| item.to_string()).collect();
    if items.len() > 0 {
        list.push(format!("and {} more", items.len()));
    }
    list.join(", ")
}

/// Something that a delta needs of the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// Its digest: of a content, or of a stored blob.
    pub digest: Digest,
    /// Is it a blob that was held as it is stored? Otherwise a layer's content or a config.
    pub is_blob: bool,
    /// Has the base the blob's content, in other compression?
    pub has_content: bool,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = if self.is_blob { "blob" } else { "content" };
        let note = if self.has_content { " (there in other compression)" } else { "" };
        write!(f, "{what} {}{note}", self.digest)
    }
}

impl Explain for Error {
    fn class(&self) -> Class {
        match self {
            Self::Image(error) => error.class(),
            Self::Delta { source, .. } => source.class(),
            Self::Apply { source, .. } => source.class(),
            Self::Publish(error) => error.class(),
            Self::Spool(error) => error.class(),
            Self::File(error) => error.class(),
            Self::Changed(error) => error.class(),
            Self::ImageAsDelta { .. } => Class::Usage,
            Self::WrongDigest { .. } => Class::Damaged,
            Self::Inflate { source, .. } => source.class(),
            Self::BaseLacks { .. } | Self::BaseDamaged { .. } => Class::BaseMismatch,
            Self::BaseUnreadable { source, .. } => match source.class() {
                Class::Damaged => Class::BaseMismatch,
                class => class,
            },
            Self::TargetSelector { .. } => Class::Unsupported,
            Self::Memory { .. } | Self::TooLarge(_) => Class::Limit,
            Self::SelfCheck(_) | Self::Threads(_) => Class::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Image(error) => return error.hint(),
            Self::Delta { source, .. } => return source.hint(),
            Self::Apply { source, .. } => return source.hint(),
            Self::SelfCheck(_) => {
                "this is a fault of chunkdelta, and nothing was written: please report it"
            }
            Self::Publish(error) => return error.hint(),
            Self::Spool(error) => return error.hint(),
            Self::File(error) => return error.hint(),
            Self::Changed(error) => return error.hint(),
            Self::ImageAsDelta { .. } => {
                "the order is `apply BASE DELTA -o OUT` and `verify DELTA [BASE]`"
            }
            Self::WrongDigest { .. } | Self::Inflate { .. } => "save or copy the image again",
            Self::BaseLacks { missing, .. }
                if missing.iter().all(|missing| missing.has_content) =>
            {
                "this base stores these layers in other compression: make the delta anew with \
                 --portable, or use the base in the form that it was made against"
            }
            Self::BaseLacks { .. } => {
                "find the image that the delta was made against: `chunkdelta inspect` shows what \
                 a delta needs and what an image has"
            }
            Self::BaseDamaged { .. } | Self::BaseUnreadable { .. } => {
                "restore the base from a good copy"
            }
            Self::TargetSelector { .. } => {
                "copy the one image into a file of its own first: `skopeo copy` or `docker save`"
            }
            Self::Memory { .. } => "allow more with --memory; create takes less at a lower level",
            Self::TooLarge(_) => "send its images or layers one by one",
            Self::Threads(_) => return None,
        };
        Some(hint.to_owned())
    }

    fn mismatch(&self) -> Option<(String, String)> {
        match self {
            Self::Image(error) => error.mismatch(),
            Self::Delta { source, .. } => source.mismatch(),
            Self::Apply { source, .. } => source.mismatch(),
            Self::WrongDigest { expected, found, .. }
            | Self::BaseDamaged { expected, found, .. } => {
                Some((expected.to_string(), found.to_string()))
            }
            Self::BaseLacks { missing, found, .. } => {
                let missing = missing.iter().map(|missing| missing.digest);
                Some((listed(missing), listed(found.iter())))
            }
            _ => None,
        }
    }

    fn is_silent(&self) -> bool {
        match self {
            Self::Publish(error) => error.is_silent(),
            Self::File(error) => error.is_silent(),
            _ => false,
        }
    }
}

impl Error {
    /// Adds the name of the image to an error about it.
    pub(crate) fn image(name: &str) -> impl FnOnce(ImageError) -> Self {
        let image = name.to_owned();
        move |source| Self::Image(OpenError { image, source })
    }

    /// Adds the name of the delta to an error of its run; one that is wrong itself is told as one
    /// that was never right.
    pub(crate) fn run(delta: &str, error: ApplyError) -> Self {
        let delta = delta.to_owned();
        match error {
            ApplyError::Format(source) => Self::Delta { delta, source },
            source => Self::Apply { delta, source },
        }
    }
}
