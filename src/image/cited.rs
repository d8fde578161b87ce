//! Digests as descriptors cite them, and the names under which their blobs lie.

use super::{ImageError, Layout};
use crate::digest::BlobDigest;

/// A descriptor's digest.
pub(super) enum Cited {
    Sha256(BlobDigest),
    /// Another algorithm: found by its name, never verified by it.
    Other {
        algorithm: String,
        encoded: String,
    },
}

impl Cited {
    /// Reads the digest of a descriptor in the document `name`.
    pub(super) fn parse(name: &[u8], digest: &str) -> Result<Self, ImageError> {
        let bad = || ImageError::BadDigest {
            name: name.to_vec(),
            digest: digest.chars().take(200).collect(),
        };
        if digest.starts_with("sha256:") {
            return digest.parse().map(Self::Sha256).map_err(|_| bad());
        }
        let (algorithm, encoded) = digest.split_once(':').ok_or_else(bad)?;
        let lawful = |text: &str| {
            let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
            letters && (1..=128).contains(&text.len())
        };
        if !lawful(algorithm) || !lawful(encoded) {
            return Err(bad());
        }
        Ok(Self::Other { algorithm: algorithm.to_owned(), encoded: encoded.to_owned() })
    }

    /// The digest, where it can be verified.
    pub(super) fn sha256(&self) -> Option<BlobDigest> {
        match self {
            Self::Sha256(digest) => Some(*digest),
            Self::Other { .. } => None,
        }
    }

    /// Names that the blob may have, the likelier first.
    pub(super) fn paths(&self, layout: Layout) -> Vec<String> {
        let (algorithm, encoded) = match self {
            Self::Sha256(digest) => {
                let text = digest.to_string();
                ("sha256".to_owned(), text.trim_start_matches("sha256:").to_owned())
            }
            Self::Other { algorithm, encoded } => (algorithm.clone(), encoded.clone()),
        };
        match (layout, self) {
            (Layout::Dir, Self::Sha256(_)) => {
                vec![encoded.clone(), format!("{encoded}.manifest.json")]
            }
            (Layout::Dir, Self::Other { .. }) => vec![format!("{algorithm}-{encoded}")],
            _ => vec![format!("blobs/{algorithm}/{encoded}")],
        }
    }
}
