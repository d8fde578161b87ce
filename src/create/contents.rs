//! The bytes of both images: hashed once, checked against what the images' documents say.

use std::collections::{HashMap, HashSet};

use rayon::Scope;
use rayon::prelude::*;

use super::inflate::Inflated;
use super::stretches;
use crate::compression::Compression;
use crate::delta::{BaseContent, LateDigest};
use crate::digest::{DiffId, Digest};
use crate::error::Error;
use crate::image::{Blob, BlobKind, Image};
use crate::queue::longest_first;

/// The stored bytes of a blob of a mapped image.
pub(super) fn stored<'a>(image: &'a Image, blob: &Blob) -> &'a [u8] {
    let file = image.files[blob.file].source.in_memory();
    file.and_then(|file| blob.range.of(file)).expect("BUG: create maps its images")
}

/// A content of the base before its digest is known.
struct Pending<'a> {
    blob: usize,
    bytes: &'a [u8],
    /// What the base's documents say it hashes to.
    claimed: Digest,
    /// Known already where it was inflated.
    found: Option<Digest>,
}

/// What the base holds.
pub(super) struct Held<'a> {
    image: &'a Image,
    name: &'a str,
    pending: Vec<Pending<'a>>,
}

/// Digests by the bytes they are of, by what is hashed.
pub(super) struct Digests {
    /// Stored bytes of each blob of the base.
    base: Vec<Digest>,
    /// Stored bytes of each blob of the target.
    pub(super) target: Vec<Digest>,
    /// Whole files of the target; that of an archive is not known yet.
    pub(super) files: Vec<LateDigest>,
}

impl<'a> Held<'a> {
    /// Collects the contents that every form of the base holds: layers with a diff ID. A config is
    /// none, since tools that copy an image from Docker's form to OCI's write it anew.
    pub(super) fn new(image: &'a Image, name: &'a str, inflated: &'a [Option<Inflated>]) -> Self {
        let mut pending: Vec<Pending<'a>> = Vec::new();
        let mut claims = HashSet::new();
        for (number, (blob, inflated)) in image.blobs.iter().zip(inflated).enumerate() {
            let BlobKind::Layer { diff_id: Some(DiffId(claimed)) } = blob.kind else { continue };
            if !claims.insert(claimed) {
                continue;
            }
            let (bytes, found) = match inflated {
                Some(inflated) => (&*inflated.bytes, Some(inflated.digest)),
                None => (stored(image, blob), None),
            };
            pending.push(Pending { blob: number, bytes, claimed, found });
        }
        Self { image, name, pending }
    }

    /// Bytes of all contents together.
    pub(super) fn pool_len(&self) -> u64 {
        self.pending.iter().map(|content| content.bytes.len() as u64).sum()
    }

    /// The contents with their members; their digests are claims until [`Held::verify`].
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

    /// Checks every claim about the base.
    pub(super) fn verify(&self, digests: &Digests) -> Result<(), Error> {
        for (blob, found) in self.image.blobs.iter().zip(&digests.base) {
            expect(self.name, blob, "blob digest", blob.claimed.map(|claimed| claimed.0), *found)?;
        }
        for content in &self.pending {
            let found = content.found.unwrap_or(digests.base[content.blob]);
            let blob = &self.image.blobs[content.blob];
            expect(self.name, blob, "diff ID", Some(content.claimed), found)?;
        }
        Ok(())
    }

    /// Compressed blobs of the base by digest.
    pub(super) fn blobs(&self, digests: &Digests) -> HashMap<Digest, &'a [u8]> {
        let blobs = self.image.blobs.iter().zip(&digests.base);
        blobs
            .filter(|(blob, _)| blob.compression != Compression::Plain)
            .map(|(blob, digest)| (*digest, stored(self.image, blob)))
            .collect()
    }
}

/// Hashes all stored blobs of both images and all files of the target, the longest first. Bytes of
/// the target that are equal to a content of the base are compared instead. An archive with blobs in it
/// is equal to none of them, so nobody waits for its digest.
pub(super) fn digests<'s>(held: &Held<'_>, target: &'s Image, scope: &Scope<'s>) -> Digests {
    let base_bytes = held.image.blobs.iter().map(|blob| stored(held.image, blob));
    let target_bytes = target.blobs.iter().map(|blob| stored(target, blob));
    let archive = archive(target);
    let late = LateDigest::default();
    if let Some(archive) = archive {
        let late = late.clone();
        scope.spawn(move |scope| hash_beside(scope, late, archive));
    }
    let files = target.files.iter().filter(|_| archive.is_none());
    let file_bytes = files.map(|file| {
        let wrapped = target.wrapped.as_ref().map(|wrapped| &wrapped.0);
        wrapped.unwrap_or(&file.source).in_memory().unwrap_or_default()
    });
    let jobs: Vec<(usize, &[u8])> =
        base_bytes.chain(target_bytes).chain(file_bytes).enumerate().collect();
    let known: HashMap<Digest, usize> = held
        .pending
        .iter()
        .filter(|content| content.found.is_none())
        .map(|content| (content.claimed, content.blob))
        .collect();
    let first_target = held.image.blobs.len();
    let alias = |number: usize, bytes: &[u8]| {
        let blob = target.blobs.get(number.checked_sub(first_target)?)?;
        let claimed = match blob.kind {
            BlobKind::Layer { diff_id: Some(diff_id) } => diff_id.0,
            _ => blob.claimed?.0,
        };
        let same = *known.get(&claimed)?;
        (stored(held.image, &held.image.blobs[same]) == bytes).then_some(same)
    };
    let digest = |(number, bytes): &(usize, &[u8])| {
        alias(*number, bytes).map_or_else(|| Ok(Digest::of(bytes)), Err)
    };
    let threads = rayon::current_num_threads();
    let all: Vec<Result<Digest, usize>> =
        longest_first(&jobs, threads, |(_, bytes)| bytes.len(), digest);
    let resolved: Vec<Digest> = all
        .iter()
        .map(|digest| {
            digest.or_else(|same| all[same]).expect("BUG: contents of the base are hashed")
        })
        .collect();
    let (base, rest) = resolved.split_at(first_target);
    let (blobs, files) = rest.split_at(target.blobs.len());
    let mut files: Vec<LateDigest> = files.iter().copied().map(LateDigest::from).collect();
    files.extend(archive.map(|_| late));
    Digests { base: base.to_vec(), target: blobs.to_vec(), files }
}

/// Bytes that are hashed between looks at other work: some milliseconds.
const SLICE: usize = 4 << 20;

/// Hashes `bytes` by and by, so that nobody who waits for something shorter is kept by it.
fn hash_beside<'s>(scope: &Scope<'s>, digest: LateDigest, bytes: &'s [u8]) {
    if digest.advance(bytes, SLICE).is_none() {
        scope.spawn(move |scope| hash_beside(scope, digest, bytes));
    }
}

/// The bytes of a target that is one archive.
fn archive(target: &Image) -> Option<&[u8]> {
    match &target.files[..] {
        [file] if target.wrapped.is_none() => file.source.in_memory(),
        _ => None,
    }
}

/// Checks every claim about the target; `inflated` holds the digests of compressed layers' contents.
pub(super) fn verify_target(
    image: &Image,
    name: &str,
    digests: &Digests,
    inflated: &[Option<Digest>],
) -> Result<(), Error> {
    for ((blob, found), inflated) in image.blobs.iter().zip(&digests.target).zip(inflated) {
        expect(name, blob, "blob digest", blob.claimed.map(|claimed| claimed.0), *found)?;
        if let BlobKind::Layer { diff_id } = blob.kind {
            let found = inflated.unwrap_or(*found);
            expect(name, blob, "diff ID", diff_id.map(|diff_id| diff_id.0), found)?;
        }
    }
    Ok(())
}

pub(super) fn expect(
    image: &str,
    blob: &Blob,
    what: &'static str,
    expected: Option<Digest>,
    found: Digest,
) -> Result<(), Error> {
    match expected.filter(|expected| *expected != found) {
        None => Ok(()),
        Some(expected) => Err(Error::WrongDigest {
            image: image.to_owned(),
            blob: blob.name.clone(),
            what,
            expected,
            found,
        }),
    }
}
