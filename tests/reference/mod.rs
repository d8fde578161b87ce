//! A second reader of deltas, written from docs/format.md and docs/headers.md alone: slow, obvious, all in memory.
//!
//! It shares no code with the crate. Where the two disagree, the document decides who is wrong.

pub(crate) mod cases;
mod encode;
pub(crate) mod frame;
pub(crate) mod headers;
mod keep;
pub(crate) mod reseal;
mod rules;
mod run;
mod table;
pub(crate) mod tables;

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

/// The 32 raw bytes of a SHA-256.
pub(crate) type Hash = [u8; 32];

/// What a delta makes: paths, and the bytes of a file or `None` for an empty directory.
pub(crate) type Outputs = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// What the base holds, by digest.
#[derive(Debug, Default, Clone)]
pub(crate) struct Base {
    /// Contents of layers and image configs.
    pub(crate) contents: BTreeMap<Hash, Vec<u8>>,
    /// Stored blobs.
    pub(crate) blobs: BTreeMap<Hash, Vec<u8>>,
}

/// Why a delta is refused (section 12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A MUST or a ceiling is violated, or a digest does not match.
    Damaged(String),
    /// A version, codec or number from outside section 10.
    Unsupported(String),
    /// No way to this node is at hand.
    BaseLacks(Hash),
}

/// Refuses as damage.
fn damaged<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Damaged(why.into()))
}

/// Refuses as damage unless `holds`.
fn must(holds: bool, why: &str) -> Result<(), Refusal> {
    if holds { Ok(()) } else { damaged(why) }
}

/// Hashes `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// A number from the delta as an index or length in memory.
fn index(number: u64) -> Result<usize, Refusal> {
    usize::try_from(number).or_else(|_| damaged("number too large for this machine"))
}

/// Applies `delta`, in the order of section 9.
pub(crate) fn apply(delta: &[u8], base: &Base) -> Result<Outputs, Refusal> {
    let prefix = tables::Prefix::read(delta)?;
    let header = prefix.header(delta)?;
    rules::check(&header, prefix.body_length)?;
    let (_, body) = delta.split_at(prefix.body_start()?);
    must(body.len() as u64 == prefix.body_length, "file length")?;
    let ways = choose(&header, base)?;
    for (block, digest) in body.chunks(256 << 10).zip(&header.blocks) {
        must(sha256(block) == *digest, "block digest")?;
    }
    run::run(&header, body, base, &ways)
}

/// For every node the place of the first way whose sources are at hand.
fn choose(header: &tables::Header, base: &Base) -> Result<Vec<usize>, Refusal> {
    let at_hand = |node: &tables::Node| {
        let digest = header.digests[node.digest];
        let place = node.ways.iter().position(|way| match way.kind {
            0 => base.contents.contains_key(&digest),
            1 => base.blobs.contains_key(&digest),
            _ => true,
        });
        place.ok_or(Refusal::BaseLacks(digest))
    };
    header.nodes.iter().map(at_hand).collect()
}
