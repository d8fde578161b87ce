//! What is said of blobs' digests: used at once, proved before anything appears.
//!
//! Whoever looks for equal bytes has to know which contents are one and the same, not that their digests
//! are right. So a claim counts as soon as it is read, while threads that have nothing else to do hash
//! the bytes; [`Digests::verify`] then says whether all of it is true. Neither the encoder nor the
//! self-check compares bytes with their digest: a false claim can make a wrong delta, which nobody sees,
//! and nothing else.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use rayon::{Scope, Yield};

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
    /// As long as this is held somebody asks for the digests of claims.
    asked: Arc<()>,
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
        let (base, target) = (all(base), all(target));
        let mut digests = Self { base, target, files: files.collect(), asked: Arc::default() };
        // Its digest is asked for in the middle of the encoder's work: it comes before all that is found.
        if let [whole] = &digests.files[..] {
            hash_beside(scope, whole.clone());
        }
        digests.share(contents);
        digests.hash_unclaimed();
        let all = digests.base.iter().chain(&digests.target);
        let open = all.filter(|claims| !claims.is_shared && claims.claim().is_some());
        let open = open.map(|claims| claims.hashed.clone()).collect();
        hash_when_idle(scope, Arc::new(Idle::new(open, &digests.asked)));
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

/// Blobs that are looked at to find the one of which most is left.
const AT_ONCE: usize = 16;

/// What is hashed where nothing else is to be done.
struct Idle<'s> {
    /// The longest first.
    all: Vec<Hashed<'s>>,
    /// All before this are done.
    first: AtomicUsize,
    /// Dead when nobody asks any more.
    asked: Weak<()>,
    /// Is there a job that has not begun? Then there is no need for another.
    has_job: AtomicBool,
}

impl<'s> Idle<'s> {
    fn new(mut all: Vec<Hashed<'s>>, asked: &Arc<()>) -> Self {
        all.sort_by_key(|hashed| Reverse(hashed.bytes.len()));
        let (first, has_job) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { all, first, asked: Arc::downgrade(asked), has_job }
    }

    /// The first of what nobody hashes now and nobody has hashed, with the number of bytes that are left.
    fn open(&self) -> impl Iterator<Item = (usize, &Hashed<'s>)> {
        let first = self.first.load(Ordering::Relaxed);
        let is_done = |hashed: &&Hashed<'_>| hashed.digest.get().is_some();
        let first = first + self.all[first..].iter().take_while(is_done).count();
        self.first.fetch_max(first, Ordering::Relaxed);
        let open = self.all[first..].iter();
        open.filter_map(|hashed| Some((hashed.digest.left(hashed.bytes)?, hashed))).take(AT_ONCE)
    }
}

/// Hashes the next slice of `idle` on a thread that finds no other job, and so on until all is done or
/// nobody asks any more.
///
/// There is one job for that at a time which has not begun: so who looks for another one finds what
/// others wait for, and each thread that finds nothing makes the next job for the next such thread.
fn hash_when_idle<'s>(scope: &Scope<'s>, idle: Arc<Idle<'s>>) {
    if idle.has_job.swap(true, Ordering::Relaxed) {
        return;
    }
    scope.spawn(move |scope| {
        idle.has_job.store(false, Ordering::Relaxed);
        if idle.asked.strong_count() == 0 {
            return;
        }
        if rayon::yield_now() != Some(Yield::Executed) {
            let open: Vec<_> = idle.open().collect();
            // Those that are at what is left go on themselves. In the end every thread will be free: then
            // there had better be as much left of one as of another.
            let most = open.iter().max_by_key(|(left, _)| *left);
            let Some((_, Hashed { bytes, digest })) = most else { return };
            if open.len() > 1 {
                hash_when_idle(scope, Arc::clone(&idle));
            }
            digest.advance(bytes, SLICE);
        }
        hash_when_idle(scope, idle);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(threads: usize) -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
    }

    #[test]
    fn threads_with_nothing_to_do_hash_all() {
        let bytes: Vec<Vec<u8>> =
            [0, 1, SLICE, 3 * SLICE + 7, 5].into_iter().map(|len| vec![7; len]).collect();
        for threads in [2, 3, 8] {
            let asked = Arc::new(());
            let all = bytes.iter().map(|bytes| Hashed::new(bytes)).collect();
            let idle = Arc::new(Idle::new(all, &asked));
            pool(threads).scope(|scope| {
                hash_when_idle(scope, Arc::clone(&idle));
                // This thread does not help.
                while idle.all.iter().any(|hashed| hashed.digest.get().is_none()) {
                    std::thread::yield_now();
                }
            });
            for hashed in &idle.all {
                assert_eq!(hashed.digest.get(), Some(Digest::of(hashed.bytes)));
            }
            assert!(idle.open().next().is_none());
        }
    }

    #[test]
    fn other_jobs_are_done_before_what_is_hashed_when_idle() {
        let bytes = vec![7; SLICE + 1];
        let asked = Arc::new(());
        let all = vec![Hashed::new(&bytes), Hashed::new(&bytes)];
        let idle = Arc::new(Idle::new(all, &asked));
        let found = AtomicUsize::new(0);
        pool(1).scope(|scope| {
            for _ in 0..5 {
                scope.spawn(|_| {
                    found.fetch_add(idle.open().count(), Ordering::Relaxed);
                });
            }
            // A thread takes first what it was given last.
            hash_when_idle(scope, Arc::clone(&idle));
        });
        assert_eq!(found.into_inner(), 5 * 2);
        assert!(idle.all.iter().all(|hashed| hashed.digest.get() == Some(Digest::of(&bytes))));
    }

    #[test]
    fn nothing_more_is_hashed_when_nobody_asks() {
        let bytes = vec![7; 4 * SLICE];
        let asked = Arc::new(());
        let idle = Arc::new(Idle::new(vec![Hashed::new(&bytes)], &asked));
        pool(1).scope(|scope| {
            hash_when_idle(scope, Arc::clone(&idle));
            // The one thread comes to it when this is over.
            drop(asked);
        });
        assert_eq!(idle.open().map(|(left, _)| left).next(), Some(bytes.len()));
    }
}
