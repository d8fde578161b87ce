//! Why an input is not, or not usefully, an image.

use std::io;
use std::path::PathBuf;

use super::daemon::DaemonError;
use super::rewrite::RewriteError;
use crate::compression::{CompressionError, Foreign};
use crate::digest::{BlobDigest, DiffId};
use crate::fault::{Class, Explain, FileError, Shown};
use crate::spool::SpoolError;
use crate::units::Size;

/// Why an input is not, or not usefully, an image. Names are members' names as the image spells
/// them.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Empty, or bytes of no kind that is known.
    #[error("not an image: {}", if *.is_empty { "it is empty" } else { "nothing known begins like this" })]
    Unrecognised {
        /// Is there no byte at all?
        is_empty: bool,
    },
    /// A delta stands where an image belongs.
    #[error("this is a chunkdelta delta, not an image")]
    Delta,
    /// A known kind of file that is not read.
    #[error("{foreign} files are not read")]
    Foreign {
        /// What it is.
        foreign: Foreign,
    },
    /// A compressed archive inside a compressed archive.
    #[error("the archive is compressed more than once")]
    WrappedTwice,
    /// A tar or a directory without any of the files that make an image.
    #[error("no image: neither manifest.json nor index.json nor oci-layout is in it")]
    NotAnImage,
    /// Docker's manifest schema 1.
    #[error("{} is a Docker schema 1 manifest", Shown(name.as_slice()))]
    Schema1 {
        /// The manifest.
        name: Vec<u8>,
    },
    /// A skopeo transport that is not read.
    #[error("{transport} is not read here (reference={})", Shown(reference.as_str()))]
    Transport {
        /// The prefix, with its colon.
        transport: &'static str,
        /// The whole reference.
        reference: String,
    },
    /// A reference that cannot be meant.
    #[error("cannot read the reference {}: {reason}", Shown(reference.as_str()))]
    Reference {
        /// The whole reference.
        reference: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The archive ends inside a member.
    #[error(
        "the archive is cut inside {} (expected_len={expected_end}, len={len})",
        Shown(member.as_slice())
    )]
    Cut {
        /// The member.
        member: Vec<u8>,
        /// Least length that the archive would have had, in bytes.
        expected_end: u64,
        /// Its length.
        len: u64,
    },
    /// Something that must be there is not.
    #[error("{} is not in the image ({needed_by})", Shown(name.as_slice()))]
    Missing {
        /// The path or digest that was looked for.
        name: Vec<u8>,
        /// Who needs it, as a phrase.
        needed_by: String,
    },
    /// Manifests are there but list no image.
    #[error("{} lists no image", Shown(name.as_slice()))]
    NoImage {
        /// The index or manifest.json.
        name: Vec<u8>,
    },
    /// A needed member is reached through a link that leads nowhere lawful.
    #[error(
        "the link {} does not lead to a file of the archive (target={}): {reason}",
        Shown(name.as_slice()),
        Shown(target.as_slice())
    )]
    Link {
        /// Name of the link.
        name: Vec<u8>,
        /// Where it points, as stored.
        target: Vec<u8>,
        /// What is wrong.
        reason: &'static str,
    },
    /// A needed path is absolute, climbs with `..`, is empty or has a NUL.
    #[error("{} is no path inside an image ({needed_by})", Shown(name.as_slice()))]
    BadName {
        /// The path.
        name: Vec<u8>,
        /// Who needs it, as a phrase.
        needed_by: String,
    },
    /// A needed member is a directory, a device or the like.
    #[error("{} is not a regular file ({needed_by})", Shown(name.as_slice()))]
    NotAFile {
        /// The member.
        name: Vec<u8>,
        /// Who needs it, as a phrase.
        needed_by: String,
    },
    /// A needed member is stored with holes.
    #[error("{} is stored sparsely, which is not read", Shown(name.as_slice()))]
    Sparse {
        /// The member.
        name: Vec<u8>,
    },
    /// Something in a directory that is neither a regular file nor a directory.
    #[error("{} is neither a regular file nor a directory", Shown(path))]
    SpecialFile {
        /// Its path.
        path: PathBuf,
    },
    /// It cannot be rewritten with plain layers.
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
    /// A document is no JSON, or not of its kind.
    #[error("{} cannot be read as JSON", Shown(name.as_slice()))]
    Json {
        /// The document.
        name: Vec<u8>,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// A document is too long to be parsed.
    #[error("{} is too long (len={len}, limit={})", Shown(name.as_slice()), Size(*limit))]
    JsonTooLong {
        /// The document.
        name: Vec<u8>,
        /// Its length in bytes.
        len: u64,
        /// Greatest length in bytes.
        limit: u64,
    },
    /// A document nests too deep.
    #[error("{} is nested too deep (limit={limit})", Shown(name.as_slice()))]
    JsonTooDeep {
        /// The document.
        name: Vec<u8>,
        /// Greatest depth.
        limit: usize,
    },
    /// More of something than any image has.
    #[error("too many {what} in {} (limit={limit})", Shown(name.as_slice()))]
    TooMany {
        /// What there is too much of, in the plural.
        what: &'static str,
        /// Where.
        name: Vec<u8>,
        /// How many there may be.
        limit: usize,
    },
    /// A digest that is malformed, or a diff ID that is not sha256.
    #[error("{} has a malformed digest: {}", Shown(name.as_slice()), Shown(digest.as_str()))]
    BadDigest {
        /// The document.
        name: Vec<u8>,
        /// The digest as found, cut after 200 characters.
        digest: String,
    },
    /// A config and its manifest disagree about the number of layers.
    #[error(
        "{} does not fit its manifest (expected_layers={expected}, found_layers={found})",
        Shown(config.as_slice())
    )]
    LayerCount {
        /// The config.
        config: Vec<u8>,
        /// Diff IDs in the config.
        expected: usize,
        /// Layers in the manifest.
        found: usize,
    },
    /// One blob is cited under two digests.
    #[error("{} is cited under two digests (first={first}, second={second})", Shown(name.as_slice()))]
    TwoDigests {
        /// The member.
        name: Vec<u8>,
        /// The digest cited first.
        first: BlobDigest,
        /// The other one.
        second: BlobDigest,
    },
    /// One layer is cited under two diff IDs.
    #[error("{} is cited under two diff IDs (first={first}, second={second})", Shown(name.as_slice()))]
    TwoDiffIds {
        /// The member.
        name: Vec<u8>,
        /// The diff ID cited first.
        first: DiffId,
        /// The other one.
        second: DiffId,
    },
    /// The reference asks for an image that is not there.
    #[error("no image {} in it", Shown(wanted.as_str()))]
    UnknownImage {
        /// What was asked for.
        wanted: String,
        /// What there is.
        available: Vec<String>,
    },
    /// A whole archive that is compressed cannot be decompressed.
    #[error("the archive cannot be decompressed")]
    Wrapper(#[source] CompressionError),
    /// The input could not be read.
    #[error("cannot read the image")]
    Read(#[source] io::Error),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// What must be copied first cannot be.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The file is another one than when it was opened.
    #[error("{} changed while it was read", Shown(path))]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// `docker save` failed.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
}

impl Explain for ImageError {
    fn class(&self) -> Class {
        match self {
            Self::Delta | Self::Reference { .. } | Self::UnknownImage { .. } => Class::Usage,
            Self::Foreign { .. }
            | Self::WrappedTwice
            | Self::NotAnImage
            | Self::Schema1 { .. }
            | Self::Transport { .. }
            | Self::Sparse { .. }
            | Self::SpecialFile { .. } => Class::Unsupported,
            Self::JsonTooLong { .. } | Self::JsonTooDeep { .. } | Self::TooMany { .. } => {
                Class::Limit
            }
            Self::Read(_) | Self::Changed { .. } => Class::Failed,
            Self::Wrapper(error) => error.class(),
            Self::File(error) => error.class(),
            Self::Spool(error) => error.class(),
            Self::Daemon(error) => error.class(),
            Self::Rewrite(error) => error.class(),
            _ => Class::Damaged,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unrecognised { .. } => {
                "an image is what `docker save`, `podman save` or `skopeo copy` write: an archive \
                 (plain, gzip or zstd), an OCI layout or a `dir:` directory"
            }
            Self::Delta => "the order is `apply BASE DELTA -o OUT`; `create` takes two images",
            Self::Foreign { foreign } => {
                return Some(format!("unpack it first with `{}`", foreign.unpack_command()));
            }
            Self::WrappedTwice => "decompress it once and try again",
            Self::NotAnImage => {
                "`docker export` loses the layers; write the image with `docker save`"
            }
            Self::Schema1 { .. } => {
                "convert it with `skopeo copy --format oci` or pull it with a current engine"
            }
            Self::Transport { reference, .. } => {
                return Some(format!(
                    "fetch it first with `skopeo copy {} docker-archive:image.tar`",
                    Shown(reference.as_str())
                ));
            }
            Self::Reference { .. } => {
                "name a file, a directory, docker-archive:FILE[:REF], oci-archive:FILE[:REF], \
                 oci:DIR[:REF], dir:DIR or docker-daemon:NAME[:TAG]"
            }
            Self::Missing { .. } => {
                "save the image again with all its layers, or go on without them with \
                 --allow-missing"
            }
            Self::Sparse { .. } => "pack the archive again without `--sparse`",
            Self::SpecialFile { .. } => "copy the image with `skopeo copy`, which writes none",
            Self::JsonTooLong { .. } | Self::JsonTooDeep { .. } | Self::TooMany { .. } => {
                "no engine writes such an image; check where it comes from"
            }
            Self::UnknownImage { available, .. } => {
                let list: Vec<String> =
                    available.iter().map(|name| Shown(name.as_str()).to_string()).collect();
                return Some(format!("there is: {}", list.join(", ")));
            }
            Self::Read(_) => return None,
            Self::Changed { .. } => "try again when nothing writes to it",
            Self::Wrapper(error) => return error.hint(),
            Self::File(error) => return error.hint(),
            Self::Spool(error) => return error.hint(),
            Self::Daemon(error) => return error.hint(),
            Self::Rewrite(error) => return error.hint(),
            _ => "save or copy the image again",
        };
        Some(hint.to_owned())
    }

    fn mismatch(&self) -> Option<(String, String)> {
        match self {
            Self::TwoDigests { first, second, .. } => Some((first.to_string(), second.to_string())),
            Self::TwoDiffIds { first, second, .. } => Some((first.to_string(), second.to_string())),
            Self::LayerCount { expected, found, .. } => {
                Some((format!("{expected} layers"), format!("{found} layers")))
            }
            _ => None,
        }
    }
}

/// Which input was no image, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {} as an image", Shown(image.as_str()))]
pub struct OpenError {
    /// The input as the user named it.
    pub image: String,
    /// Why.
    pub source: ImageError,
}

impl Explain for OpenError {
    fn class(&self) -> Class {
        self.source.class()
    }

    fn hint(&self) -> Option<String> {
        self.source.hint()
    }

    fn mismatch(&self) -> Option<(String, String)> {
        self.source.mismatch()
    }
}
