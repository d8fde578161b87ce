//! What the base at the site has of what a delta needs.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::compression::{Compression, CompressionError};
use crate::delta::{ApplyError, Sources, missing_nodes};
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Missing};
use crate::fault::FileError;
use crate::format::{BASE_BLOCK_LEN, Delta, FormatError, NONE, Node, Run, WayKind, used_len};
use crate::image::{Blob, BlobKind, Image};
use crate::observer::Observer;
use crate::source::{ReadAt, Sequential};
use crate::spool::{Spooler, require_space};

/// A base as its documents describe it, beside the nodes of a delta.
pub(super) struct Base<'a> {
    delta: &'a Delta,
    image: &'a Image,
    names: Names<'a>,
    /// Blobs by the digest of what they are content of.
    contents: HashMap<Digest, &'a Blob>,
    /// Blobs by the digest of their stored bytes.
    blobs: HashMap<Digest, &'a Blob>,
    /// Held by who decodes zstd.
    zstd_turn: Mutex<()>,
}

/// What the user named.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) base: &'a str,
    pub(super) delta: &'a str,
}

/// The blob that gives a node.
#[derive(Clone, Copy)]
pub(super) struct Giver<'a> {
    pub(super) node: &'a Node,
    pub(super) digest: Digest,
    pub(super) blob: &'a Blob,
    pub(super) way: WayKind,
    used: &'a [Run],
}

impl<'a> Base<'a> {
    pub(super) fn new(delta: &'a Delta, image: &'a Image, names: Names<'a>) -> Self {
        let mut contents = HashMap::new();
        let mut blobs = HashMap::new();
        let held_lens = held_lens(delta);
        for blob in &image.blobs {
            match (blob.kind, blob.compression) {
                (BlobKind::Layer { diff_id: Some(diff_id) }, _) => {
                    contents.entry(diff_id.0).or_insert(blob);
                }
                (BlobKind::Config, Compression::Plain) => {
                    let digest = blob.claimed.map(|claimed| claimed.0);
                    let digest = digest.or_else(|| digest_of(image, blob));
                    digest.map(|digest| contents.entry(digest).or_insert(blob));
                }
                _ => {}
            }
            if blob.compression != Compression::Plain {
                let digest = match blob.claimed {
                    Some(claimed) => Some(claimed.0),
                    // A docker archive does not tell what compressed layers hash to.
                    None if held_lens.contains(&blob.range.len()) => digest_of(image, blob),
                    None => None,
                };
                digest.map(|digest| blobs.entry(digest).or_insert(blob));
            }
        }
        Self { delta, image, names, contents, blobs, zstd_turn: Mutex::new(()) }
    }

    /// The blob that gives a node by its first way for which there is one.
    fn giver(&self, node: &'a Node) -> Option<Giver<'a>> {
        let digest = self.delta.digest(node.digest);
        node.ways.iter().find_map(|way| {
            let kind = WayKind::from_number(way.kind).ok()?;
            let blob = match kind {
                WayKind::GivenContent => self.contents.get(&digest)?,
                WayKind::GivenBlob => self.blobs.get(&digest)?,
                WayKind::Recipe | WayKind::ReEncode => return None,
            };
            Some(Giver { node, digest, blob, way: kind, used: &way.used })
        })
    }

    /// Those nodes that the base gives.
    pub(super) fn givers(&self) -> impl Iterator<Item = Giver<'a>> {
        self.delta.header().nodes.iter().filter_map(|node| self.giver(node))
    }

    /// Has the base everything that no recipe makes?
    pub(super) fn check_complete(&self) -> Result<(), Error> {
        let nodes = &self.delta.header().nodes;
        let in_other_compression = self.nodes_with_content();
        let given: Vec<Option<Box<dyn ReadAt>>> = nodes
            .iter()
            .map(|node| self.giver(node).map(|_| Box::new(Vec::new()) as Box<dyn ReadAt>))
            .collect();
        let missing: Vec<Missing> = missing_nodes(self.delta, &given)
            .into_iter()
            .map(|row| {
                let node = &nodes[row as usize];
                let is_blob = node.ways[0].kind == WayKind::GivenBlob.number();
                let has_content = is_blob && in_other_compression.contains(&row);
                Missing { digest: self.delta.digest(node.digest), is_blob, has_content }
            })
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let layers = self.image.layers().filter_map(|blob| match blob.kind {
            BlobKind::Layer { diff_id: Some(diff_id) } => Some(diff_id.0),
            _ => None,
        });
        let found = layers.collect();
        Err(Error::BaseLacks { image: self.names.base.to_owned(), missing, found })
    }

    /// The nodes whose content the base has, whatever it stores them as.
    fn nodes_with_content(&self) -> HashSet<u32> {
        let roles = self.delta.header().roles.iter().filter(|role| role.diff_id != NONE);
        roles
            .filter(|role| self.contents.contains_key(&self.delta.digest(role.diff_id)))
            .map(|role| role.node)
            .collect()
    }

    /// A source for each node that the base gives; what is compressed is inflated first, as far as
    /// the delta uses it.
    pub(super) fn sources(
        &self,
        spooler: &Spooler,
        observer: &dyn Observer,
    ) -> Result<Box<Sources<'a>>, Error> {
        let space: u64 =
            self.givers().filter(Giver::is_inflated).map(|giver| giver.used_len()).sum();
        if space > 0 {
            spooler.warn_of_memory(observer)?;
            require_space(spooler.dir(), space)?;
        }
        let nodes = &self.delta.header().nodes;
        let source = |node: &'a Node| match self.giver(node) {
            None => Ok(None),
            Some(giver) if giver.is_inflated() => self.inflate(&giver, spooler).map(Some),
            Some(giver) => self.stored(&giver).map(Some),
        };
        // What a thread inflates is independent of the others; only sources go back.
        let sources: Result<Vec<_>, Error> = nodes
            .par_iter()
            .with_max_len(1)
            .map(|node| source(node).map(|source| source.map(SendSource)))
            .collect();
        Ok(sources?
            .into_iter()
            .map(|source| source.map(|source| source.0 as Box<dyn ReadAt>))
            .collect())
    }

    fn stored(&self, giver: &Giver<'a>) -> Result<Box<dyn ReadAt + Send + 'a>, Error> {
        let stored = self.image.stored(giver.blob);
        if stored.len() == giver.node.length {
            return Ok(Box::new(stored));
        }
        Err(self.damaged(giver.blob, giver.digest, giver.way))
    }

    /// The content of a compressed layer in a temporary file that holds the used blocks alone.
    fn inflate(
        &self,
        giver: &Giver<'a>,
        spooler: &Spooler,
    ) -> Result<Box<dyn ReadAt + Send + 'a>, Error> {
        // A zstd decoder may take 128 MiB for its window: one at a time.
        let _turn = (giver.blob.compression == Compression::Zstd)
            .then(|| self.zstd_turn.lock().unwrap_or_else(PoisonError::into_inner));
        let file = spooler.create(None)?;
        let write = |bytes: &[u8], offset| {
            file.write_all_at(bytes, offset)
                .map_err(FileError::at("write a temporary file in", spooler.dir()))
        };
        let end = giver.used.last().map_or(0, |run| {
            ((u64::from(run.first) + u64::from(run.count)) * BASE_BLOCK_LEN).min(giver.node.length)
        });
        let bad = |source| self.unreadable(giver.blob, source);
        let mut content = self.image.content(giver.blob).map_err(bad)?;
        let mut block = vec![0; usize::try_from(BASE_BLOCK_LEN).expect("1 MiB")];
        let mut at = 0;
        while at < end {
            let len = usize::try_from((giver.node.length - at).min(BASE_BLOCK_LEN)).expect("1 MiB");
            match content.read_exact(&mut block[..len]) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(self.damaged(giver.blob, giver.digest, giver.way));
                }
                Err(error) => return Err(bad(CompressionError::from_io(error))),
            }
            if giver.uses(at / BASE_BLOCK_LEN) {
                write(&block[..len], at)?;
            }
            at += len as u64;
        }
        let source = Spooled { file, len: giver.node.length };
        Ok(Box::new(source))
    }

    /// The error for a blob that does not give what a node declares; hashes it to tell whose fault
    /// that is.
    fn damaged(&self, blob: &Blob, expected: Digest, way: WayKind) -> Error {
        match self.found(blob, way) {
            Ok(found) if found == expected => Error::Delta {
                delta: self.names.delta.to_owned(),
                source: FormatError::Rule {
                    rule: "a node is as long as what has its digest",
                    place: "digest of a node in the table",
                    row: 0,
                },
            },
            Ok(found) => Error::BaseDamaged {
                image: self.names.base.to_owned(),
                blob: blob.name.clone(),
                expected,
                found,
            },
            Err(source) => self.unreadable(blob, source),
        }
    }

    fn unreadable(&self, blob: &Blob, source: CompressionError) -> Error {
        let image = self.names.base.to_owned();
        Error::BaseUnreadable { image, blob: blob.name.clone(), source }
    }

    /// The digest of what a blob really gives by a way.
    fn found(&self, blob: &Blob, way: WayKind) -> Result<Digest, CompressionError> {
        let digest = match way {
            WayKind::GivenBlob => hash(Sequential::new(self.image.stored(blob))),
            _ => hash(self.image.content(blob)?),
        };
        digest.map_err(CompressionError::from_io)
    }

    /// Something did not come out right. Hashes what was used of the base and names what is wrong
    /// there; where nothing is, the fault is the delta's, and `error` stands.
    pub(super) fn blame(&self, error: ApplyError) -> Error {
        if !matches!(error, ApplyError::DigestMismatch { .. } | ApplyError::Base { .. }) {
            return Error::run(self.names.delta, error);
        }
        let wrong = self.givers().find_map(|giver| match self.found(giver.blob, giver.way) {
            Ok(found) if found == giver.digest => None,
            _ => Some(self.damaged(giver.blob, giver.digest, giver.way)),
        });
        wrong.unwrap_or_else(|| match error {
            ApplyError::Base { content, source } => self.unread(content, source),
            error => Error::run(self.names.delta, error),
        })
    }

    /// The error for a read that failed once.
    fn unread(&self, content: Digest, source: io::Error) -> Error {
        match self.givers().find(|giver| giver.digest == content) {
            Some(giver) => self.unreadable(giver.blob, CompressionError::from_io(source)),
            None => Error::run(self.names.delta, ApplyError::Base { content, source }),
        }
    }
}

impl Giver<'_> {
    /// Is its content taken out of compressed bytes?
    pub(super) fn is_inflated(&self) -> bool {
        self.way == WayKind::GivenContent && self.blob.compression != Compression::Plain
    }

    fn used_len(&self) -> u64 {
        used_len(self.used, self.node.length)
    }

    fn uses(&self, block: u64) -> bool {
        let before = self.used.partition_point(|run| u64::from(run.first) <= block);
        let run = before.checked_sub(1).map(|row| self.used[row]);
        run.is_some_and(|run| block < u64::from(run.first) + u64::from(run.count))
    }
}

/// Lengths of the blobs that the base may have to give as they are stored.
fn held_lens(delta: &Delta) -> HashSet<u64> {
    let is_held =
        |node: &&Node| node.ways.iter().any(|way| way.kind == WayKind::GivenBlob.number());
    delta.header().nodes.iter().filter(is_held).map(|node| node.length).collect()
}

/// The digest of the stored bytes of a blob; `None` where they cannot be read, which is as good as
/// that they are not there.
fn digest_of(image: &Image, blob: &Blob) -> Option<Digest> {
    hash(Sequential::new(image.stored(blob))).ok()
}

fn hash(mut bytes: impl io::Read) -> io::Result<Digest> {
    let mut hasher = Hasher::new();
    let mut buf = vec![0; 256 << 10];
    loop {
        match bytes.read(&mut buf)? {
            0 => return Ok(hasher.finish()),
            len => hasher.update(&buf[..len]),
        }
    }
}

/// A source on its way between threads.
struct SendSource<'a>(Box<dyn ReadAt + Send + 'a>);

/// An inflated content with holes where nothing is used.
struct Spooled {
    file: File,
    len: u64,
}

impl ReadAt for Spooled {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }
}
