//! What the encoder is given: contents of the base, and a target as nodes and outputs.

use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, TryLockError};

use crate::digest::{DiffId, Digest, Hasher};
use crate::format::{Class, EncodeRun, RoleKind};

/// A run of a node's bytes of one kind, ending before `end`; it begins where the previous one ends.
///
/// Its edges are cut points of the chunker, so that equal files give equal chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// One past the last byte, counted from the node's start.
    pub end: u64,
    /// The class that its literals go to.
    pub class: Class,
}

/// A member of a tar archive in a node or content.
///
/// They say where it is worth to look and where headers lie; whatever they say, the bytes come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name, any bytes.
    pub name: Vec<u8>,
    /// All its header blocks, long names and PAX records included.
    pub header: Range<usize>,
    /// Its data, which follow the header at once, without padding.
    pub data: Range<usize>,
}

/// A content of the base: decompressed, the same in every form of the image.
#[derive(Debug, Clone)]
pub struct BaseContent<'a> {
    /// SHA-256 of the bytes, a layer's diff ID; may be a claim ([`Target`]).
    pub digest: Digest,
    /// The bytes.
    pub bytes: &'a [u8],
    /// Where it is a tar archive, its members in order.
    pub members: Vec<Member>,
}

/// How a node of the target reaches the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The base holds it as a content: its digest is all that is sent.
    GivenContent,
    /// The base holds it as a stored blob: its digest is all that is sent.
    GivenBlob,
    /// The base holds it as a stored blob; for sites whose base does not, the delta makes it.
    GivenOrMade,
    /// It is rebuilt from the base, from the target, and from literals.
    Made,
    /// Its bytes are sent as they are.
    Stored,
}

/// A blob or file of the target.
#[derive(Debug, Clone)]
pub struct TargetNode<'a> {
    /// SHA-256 of the bytes, or nothing yet: [`TargetNode::digest`] tells. May be a claim ([`Target`]).
    pub known: LateDigest,
    /// The bytes, children included.
    pub bytes: &'a [u8],
    /// How it reaches the site.
    pub origin: Origin,
    /// Tiles the bytes; those inside children do not matter.
    pub stretches: Vec<Stretch>,
    /// Where it is a tar archive, its members in order.
    pub members: Vec<Member>,
    /// Nodes whose bytes lie inside, ascending, not overlapping, not empty.
    pub children: Vec<Child>,
    /// How its bytes are made of a content; then it has neither children nor literals of its own.
    pub recreation: Option<Recreation<'a>>,
}

/// A compressed node as what makes it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recreation<'a> {
    /// Index of the content in [`Target::nodes`]. For a node that the base may hold, one that the
    /// base holds.
    pub content: usize,
    /// In order; their lengths of content add up to the content.
    pub pieces: Vec<RecreatedPiece<'a>>,
}

/// A run of a compressed node's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecreatedPiece<'a> {
    /// Carried as it is.
    Raw(&'a [u8]),
    /// Made by an encoder.
    Encoded(EncodeRun),
}

impl RecreatedPiece<'_> {
    /// Bytes of the node that are carried as they are.
    pub(super) fn raw_len(&self) -> usize {
        match self {
            Self::Raw(bytes) => bytes.len(),
            Self::Encoded(_) => 0,
        }
    }

    /// Bytes that a delta carries for the piece, besides lengths and parameters.
    pub(super) fn carried_len(&self) -> usize {
        match self {
            Self::Raw(bytes) => bytes.len(),
            Self::Encoded(run) => run.header.len() + run.corrections.len(),
        }
    }
}

/// A SHA-256 that need not be computed before somebody asks for it, and can be computed bit by bit
/// until then; clones share it.
#[derive(Debug, Clone, Default)]
pub struct LateDigest(Arc<Late>);

#[derive(Debug, Default)]
struct Late {
    /// Set by who holds `partial`.
    digest: OnceLock<Digest>,
    partial: Mutex<Partial>,
}

/// The hash of the first bytes.
#[derive(Debug, Default)]
struct Partial {
    hasher: Hasher,
    hashed: usize,
}

impl From<Digest> for LateDigest {
    fn from(digest: Digest) -> Self {
        Self(Arc::new(Late { digest: digest.into(), ..Late::default() }))
    }
}

impl LateDigest {
    /// The digest, if it has been computed.
    pub fn get(&self) -> Option<Digest> {
        self.0.digest.get().copied()
    }

    /// The digest of `bytes`; what of it nobody computed before is computed now. Other jobs of the
    /// current rayon pool are done while another thread is at it: hold nothing that these may wait for.
    pub fn of(&self, bytes: &[u8]) -> Digest {
        loop {
            match self.get() {
                Some(digest) => return digest,
                None if self.advance(bytes, usize::MAX) => {}
                None => {
                    if rayon::yield_now() != Some(rayon::Yield::Executed) {
                        std::thread::yield_now();
                    }
                }
            }
        }
    }

    /// May anybody else ask for it?
    pub fn is_awaited(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// How many of `bytes`, which are the same at each call, are left to hash; `None` while another thread
    /// is at it, and when it is done.
    pub fn left(&self, bytes: &[u8]) -> Option<usize> {
        let partial = match self.0.partial.try_lock() {
            Ok(partial) => partial,
            Err(TryLockError::Poisoned(partial)) => partial.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        self.get().is_none().then(|| bytes.len().saturating_sub(partial.hashed))
    }

    /// Hashes the next `len` of `bytes`, which are the same at each call, unless another thread is at it.
    /// Was that done?
    pub fn advance(&self, bytes: &[u8], len: usize) -> bool {
        let Late { digest, partial } = &*self.0;
        let mut partial = match partial.try_lock() {
            Ok(partial) => partial,
            Err(TryLockError::Poisoned(partial)) => partial.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        if digest.get().is_none() {
            let left = bytes.get(partial.hashed..).unwrap_or_default();
            let now = &left[..left.len().min(len)];
            partial.hasher.update(now);
            partial.hashed += now.len();
            if now.len() == left.len() {
                digest.get_or_init(|| std::mem::take(&mut partial.hasher).finish());
            }
        }
        true
    }
}

impl TargetNode<'_> {
    /// SHA-256 of the bytes, or what is claimed to be; computed now if nobody said it before.
    pub fn digest(&self) -> Digest {
        self.known.of(self.bytes)
    }

    /// Do parts of the delta make it? An empty node needs none.
    pub(super) fn is_made(&self) -> bool {
        !self.bytes.is_empty()
            && matches!(self.origin, Origin::Made | Origin::Stored | Origin::GivenOrMade)
    }

    /// Gives up encoding it again: its bytes are carried.
    pub(super) fn store(&mut self) {
        self.origin = Origin::Stored;
        self.recreation = None;
    }

    /// Nodes that it is made of: its children, or its content.
    pub(super) fn inner(&self) -> impl Iterator<Item = usize> {
        let content = self.recreation.as_ref().map(|recreation| recreation.content);
        self.children.iter().map(|child| child.node).chain(content)
    }
}

/// A node that lies inside another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child {
    /// Offset of its first byte in the parent.
    pub offset: u64,
    /// One past its last byte.
    pub end: u64,
    /// Its index in [`Target::nodes`].
    pub node: usize,
}

/// A file or empty directory of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetOutput {
    /// Relative path, empty for a target that is one file.
    pub path: Vec<u8>,
    /// Index of the node with its bytes; `None` for a directory.
    pub node: Option<usize>,
}

/// What an image document says about a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRole {
    /// Index of the role that names this one; smaller than its own.
    pub parent: Option<usize>,
    /// What it is.
    pub kind: RoleKind,
    /// Index of the node, where the target has it.
    pub node: Option<usize>,
    /// Digest of a layer's content, where a config gives it.
    pub diff_id: Option<DiffId>,
    /// Media type as the documents give it.
    pub media_type: String,
    /// Platform as `os/architecture/variant`.
    pub platform: String,
    /// Names of the image.
    pub names: Vec<String>,
}

/// Everything that a delta makes. No two nodes have equal bytes.
///
/// Digests, and those of the base's contents, may be claims that nobody has proved yet: whoever lets the
/// delta out proves them before. Bytes that are unlike are two nodes whatever is claimed of them.
#[derive(Debug, Clone, Default)]
pub struct Target<'a> {
    /// Blobs and files.
    pub nodes: Vec<TargetNode<'a>>,
    /// What appears at the site, ascending by path.
    pub outputs: Vec<TargetOutput>,
    /// Parents first.
    pub roles: Vec<TargetRole>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_digest_is_that_of_all_bytes_whoever_hashed_which() {
        let bytes: Vec<u8> = (0..=255).collect();
        for len in [0, 1, 100, 255, 256, 1000] {
            let late = LateDigest::default();
            assert!(late.advance(&bytes, len));
            assert_eq!(late.get(), (len >= bytes.len()).then(|| Digest::of(&bytes)), "{len}");
            assert_eq!(late.clone().of(&bytes), Digest::of(&bytes));
            assert_eq!(late.get(), Some(Digest::of(&bytes)));
        }
        assert_eq!(LateDigest::default().of(b""), Digest::of(b""));
    }

    #[test]
    fn who_asks_for_a_digest_waits_for_the_one_who_hashes() {
        let bytes = vec![7; 1 << 20];
        let late = LateDigest::default();
        std::thread::scope(|scope| {
            let hashes = || while late.get().is_none() && late.advance(&bytes, 1000) {};
            scope.spawn(hashes);
            let asks = || assert_eq!(late.of(&bytes), Digest::of(&bytes));
            scope.spawn(asks);
            scope.spawn(asks);
        });
    }
}
