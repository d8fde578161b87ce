//! The contents of the base.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::claims::Digests;
use super::inflate::Inflated;
use super::named::{Named, stored};
use super::stretches;
use crate::compression::Compression;
use crate::delta::BaseContent;
use crate::digest::{DiffId, Digest};
use crate::image::BlobKind;

/// A content of the base before its digest is known.
struct Pending<'a> {
    blob: usize,
    bytes: &'a [u8],
    /// What the base's documents say it hashes to.
    claimed: Digest,
    /// Are the bytes those of the blob?
    is_plain: bool,
}

/// What the base holds.
pub(super) struct Held<'a> {
    base: Named<'a>,
    pending: Vec<Pending<'a>>,
}

impl<'a> Held<'a> {
    /// Collects the contents that every form of the base holds: layers with a diff ID. A config is
    /// none, since tools that copy an image from Docker's form to OCI's write it anew.
    pub(super) fn new(base: Named<'a>, inflated: &'a [Option<Inflated>]) -> Self {
        let mut pending: Vec<Pending<'a>> = Vec::new();
        let mut claims = HashSet::new();
        for (number, (blob, inflated)) in base.image.blobs.iter().zip(inflated).enumerate() {
            let BlobKind::Layer { diff_id: Some(DiffId(claimed)) } = blob.kind else { continue };
            if !claims.insert(claimed) {
                continue;
            }
            let (bytes, is_plain) = match inflated {
                Some(inflated) => (&*inflated.bytes, false),
                None => (stored(base.image, blob), true),
            };
            pending.push(Pending { blob: number, bytes, claimed, is_plain });
        }
        Self { base, pending }
    }

    /// Bytes of all contents together.
    pub(super) fn pool_len(&self) -> u64 {
        self.pending.iter().map(|content| content.bytes.len() as u64).sum()
    }

    /// The contents with their members; digests of plain ones are claims until [`Digests::verify`].
    pub(super) fn contents(&self) -> Vec<BaseContent<'a>> {
        let content = |content: &Pending<'a>| BaseContent {
            digest: content.claimed,
            bytes: content.bytes,
            members: stretches::layer(content.bytes).1,
        };
        self.pending.par_iter().map(content).collect()
    }

    /// Is this the digest of one of the contents?
    pub(super) fn has_content(&self, digest: Digest) -> bool {
        self.pending.iter().any(|content| content.claimed == digest)
    }

    /// Claimed digest and number of blob of those contents that the base stores plain.
    pub(super) fn plain(&self) -> impl Iterator<Item = (Digest, usize)> {
        let plain = self.pending.iter().filter(|content| content.is_plain);
        plain.map(|content| (content.claimed, content.blob))
    }

    /// Compressed blobs of the base by digest.
    pub(super) fn blobs(&self, digests: &Digests<'_>) -> HashMap<Digest, &'a [u8]> {
        let blobs = self.base.image.blobs.iter().enumerate();
        blobs
            .filter(|(_, blob)| blob.compression != Compression::Plain)
            .map(|(number, blob)| (digests.of_base(number), stored(self.base.image, blob)))
            .collect()
    }
}
