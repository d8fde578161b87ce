//! What is said of blobs' digests: used at once, proved before anything appears.
//!
//! Whoever looks for equal bytes has to know which contents are one and the same, not that their digests
//! are right. So a claim counts as soon as it is read, while threads that have nothing else to do hash
//! the bytes; [`Digests::verify`] then says whether all of it is true. Nothing of the encoder compares
//! bytes with their digest: a false claim can make a wrong delta, which nobody sees, and nothing else.

use std::collections::{HashMap, HashSet};

use rayon::Scope;

use super::named::{Named, stored};
use crate::compression::Compression;
use crate::delta::LateDigest;
use crate::digest::Digest;
use crate::error::Error;
use crate::image::BlobKind;
use crate::queue::longest_first;

/// Bytes with their digest.
#[derive(Clone)]
struct Hashed<'s> {
    bytes: &'s [u8],
    digest: LateDigest,
}

impl<'s> Hashed<'s> {
    fn new(bytes: &'s [u8]) -> Self {
        Self { bytes, digest: LateDigest::default() }
    }

    fn digest(&self) -> Digest {
        self.digest.of(self.bytes)
    }
}

/// The stored bytes of a blob with what documents say that they hash to.
struct Claims<'s> {
    of: Named<'s>,
    blob: usize,
    /// As a blob, and as a plain layer's content.
    claimed: [(&'static str, Option<Digest>); 2],
    hashed: Hashed<'s>,
    /// Is `hashed` that of equal bytes of the base?
    is_shared: bool,
}

impl<'s> Claims<'s> {
    fn new(of: Named<'s>, number: usize) -> Self {
        let blob = &of.image.blobs[number];
        let diff_id = match (blob.kind, blob.compression) {
            (BlobKind::Layer { diff_id }, Compression::Plain) => diff_id,
            _ => None,
        };
        let as_blob = ("blob digest", blob.claimed.map(|claimed| claimed.0));
        let as_content = ("diff ID", diff_id.map(|diff_id| diff_id.0));
        let hashed = Hashed::new(stored(of.image, blob));
        Self { of, blob: number, claimed: [as_blob, as_content], hashed, is_shared: false }
    }

    /// What the bytes hash to, if documents say it.
    fn claim(&self) -> Option<Digest> {
        self.claimed.iter().find_map(|(_, claimed)| *claimed)
    }

    /// The digest to go on with.
    fn digest(&self) -> Digest {
        self.claim().unwrap_or_else(|| self.hashed.digest())
    }

    fn verify(&self) -> Result<(), Error> {
        let found = self.hashed.digest();
        let mut claimed = self.claimed.iter();
        claimed.try_for_each(|(what, claimed)| self.of.expect(self.blob, what, *claimed, found))
    }
}

/// Digests of the bytes of both images.
pub(super) struct Digests<'s> {
    base: Vec<Claims<'s>>,
    target: Vec<Claims<'s>>,
    /// Whole files of the target; that of a target of one file is not known yet.
    files: Vec<Hashed<'s>>,
}

impl<'s> Digests<'s> {
    /// Hashes what nobody says the digest of, and lets `scope` hash the rest.
    ///
    /// A target of one file has its blobs inside: it is equal to none of them, so nobody waits for its
    /// digest. `contents` are those of the base that lie in it plain, as claimed digest and number of
    /// blob; blobs of the target that are equal to one of them, byte for byte, are hashed there.
    pub(super) fn new(
        base: Named<'s>,
        target: Named<'s>,
        contents: impl Iterator<Item = (Digest, usize)>,
        scope: &Scope<'s>,
    ) -> Self {
        let files = target.image.files.iter().map(|file| match &target.image.wrapped {
            Some(wrapped) => Hashed::new(wrapped.0.in_memory().unwrap_or_default()),
            None => Hashed::new(file.source.in_memory().unwrap_or_default()),
        });
        let all = |of: Named<'s>| -> Vec<Claims<'s>> {
            (0..of.image.blobs.len()).map(|blob| Claims::new(of, blob)).collect()
        };
        let mut digests = Self { base: all(base), target: all(target), files: files.collect() };
        // Who is free takes what came first.
        if let [whole] = &digests.files[..] {
            hash_beside(scope, whole.clone());
        }
        digests.base.iter().for_each(|claims| hash_beside(scope, claims.hashed.clone()));
        digests.share(contents);
        digests.hash_unclaimed();
        let is_open = |claims: &&Claims<'s>| !claims.is_shared && claims.claim().is_some();
        let own = digests.target.iter().filter(is_open);
        own.for_each(|claims| hash_beside(scope, claims.hashed.clone()));
        digests
    }

    /// Blobs of the target that are equal to contents of the base share their digests.
    fn share(&mut self, contents: impl Iterator<Item = (Digest, usize)>) {
        let contents: HashMap<Digest, &Hashed<'s>> =
            contents.map(|(digest, blob)| (digest, &self.base[blob].hashed)).collect();
        let same = |claims: &Claims<'s>| {
            let same = *contents.get(&claims.claim()?)?;
            (same.bytes == claims.hashed.bytes).then(|| same.clone())
        };
        let all = longest_first(&self.target, threads(), |claims| claims.hashed.bytes.len(), same);
        for (claims, same) in self.target.iter_mut().zip(all) {
            if let Some(same) = same {
                claims.hashed = same;
                claims.is_shared = true;
            }
        }
    }

    /// Hashes the bytes that no document says the digest of.
    fn hash_unclaimed(&self) {
        let blobs = self.base.iter().chain(&self.target);
        let unclaimed = blobs.filter(|claims| claims.claim().is_none());
        let whole = |claims: &Claims<'s>| {
            let file = claims.of.image.blobs[claims.blob].file;
            let len = claims.hashed.bytes.len();
            (len > 0 && len == self.files[file].bytes.len()).then_some(file)
        };
        let whole: HashSet<usize> = self.target.iter().filter_map(whole).collect();
        let files = self.files.iter().enumerate();
        let files = files.filter(|(file, _)| self.files.len() > 1 && !whole.contains(file));
        let jobs: Vec<&Hashed<'s>> =
            unclaimed.map(|claims| &claims.hashed).chain(files.map(|(_, file)| file)).collect();
        longest_first(&jobs, threads(), |job| job.bytes.len(), |job| job.digest());
    }

    /// The digest of a blob of the base as it is stored.
    pub(super) fn of_base(&self, blob: usize) -> Digest {
        self.base[blob].digest()
    }

    /// The digest of a blob of the target as it is stored.
    pub(super) fn of_target(&self, blob: usize) -> Digest {
        self.target[blob].digest()
    }

    /// The digest of a file of the target.
    pub(super) fn of_file(&self, file: usize) -> LateDigest {
        self.files[file].digest.clone()
    }

    /// Compares digests with what was said of them, those of the base first; waits for each.
    ///
    /// # Errors
    /// At the first false claim.
    pub(super) fn verify(&self) -> Result<(), Error> {
        self.base.iter().chain(&self.target).try_for_each(Claims::verify)
    }
}

fn threads() -> usize {
    rayon::current_num_threads()
}

/// Bytes that are hashed between looks at other work: some milliseconds.
const SLICE: usize = 4 << 20;

/// Hashes bytes by and by, so that nobody who waits for something shorter is kept by it.
fn hash_beside<'s>(scope: &Scope<'s>, hashed: Hashed<'s>) {
    scope.spawn(move |scope| {
        let Hashed { bytes, digest } = &hashed;
        // Another thread that is at it is one that asked for all of it. Where nobody is left who could
        // ask, something went wrong.
        if digest.advance(bytes, SLICE) && digest.get().is_none() && digest.is_awaited() {
            hash_beside(scope, hashed);
        }
    });
}
