//! What `create` did, for people and scripts.

use std::fmt;

use super::alone::ZstdLen;
use super::shares::{Ledger, Shares};
use super::target::Plan;
use crate::compression::encoders;
use crate::delta::{Encoded, NodeStats, Origin, RecreatedPiece, Recreation};
use crate::digest::Digest;
use crate::fault::Shown;
use crate::format::BLOCK_LEN;
use crate::image::{BlobKind, Image};
use crate::units::Size;

/// What became of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateReport {
    /// Form and names of the base, its length.
    pub base: ImageReport,
    /// Form and names of the target, its length.
    pub target: ImageReport,
    /// Length of the delta in bytes.
    pub delta_len: u64,
    /// Layers of the target in storage order.
    pub layers: Vec<LayerReport>,
    /// Streams as (name, decoded bytes, encoded bytes).
    pub streams: Vec<(&'static str, u64, u64)>,
    /// Bytes of prefix and header.
    pub head_len: u64,
    /// Bytes of the target, each compressed layer that is rebuilt counted as its content.
    pub content_len: u64,
    /// What became of those bytes. The delta is `shares.coded`, `shares.exceptions`, the control
    /// streams, and the head.
    pub shares: Shares,
    /// What zstd makes of the target; `None` where it has no memory for that.
    pub zstd: Option<ZstdLen>,
}

/// An input in a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReport {
    /// Its form.
    pub form: String,
    /// Names of the images in it.
    pub names: Vec<String>,
    /// Bytes of all its files.
    pub len: u64,
}

/// What became of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerReport {
    /// Name of the member or file that holds it.
    pub name: String,
    /// Digest of its stored bytes.
    pub digest: Digest,
    /// Length as stored, in bytes.
    pub len: u64,
    /// Length of its content, where that is rebuilt; otherwise as stored.
    pub content_len: u64,
    /// How it reaches the site.
    pub outcome: Outcome,
    /// What became of the bytes of its content, where that is rebuilt; otherwise of its own.
    pub shares: Shares,
    /// What compresses it again, with parameters, where it is compressed and rebuilt.
    pub encoders: Vec<String>,
}

/// How a layer reaches the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The base has its content.
    Reused,
    /// The base has it as it is stored.
    Held,
    /// Rebuilt by a recipe; of a compressed layer, its content.
    Rebuilt(NodeStats),
    /// Carried as it is stored.
    Stored,
}

impl Outcome {
    /// The word for it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Reused => "reused",
            Self::Held => "held",
            Self::Rebuilt(_) => "rebuilt",
            Self::Stored => "stored",
        }
    }
}

impl fmt::Display for LayerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, digest, len, outcome, encoders, .. } = self;
        let name = Shown(name.as_str());
        write!(f, "layer {name} ({digest}, {}): {}", Size(*len).short(), outcome.name())?;
        if let Outcome::Rebuilt(stats) = outcome {
            write!(
                f,
                ", {} copies of {} from the base, {} from the target itself, {} zeros, {} literals",
                stats.copies,
                Size(stats.base_bytes).short(),
                Size(stats.target_bytes).short(),
                Size(stats.zero_bytes).short(),
                Size(stats.literal_bytes).short()
            )?;
        }
        encoders.iter().try_for_each(|encoder| write!(f, ", compressed again by {encoder}"))
    }
}

pub(super) fn report(
    base: &Image,
    target: &Image,
    plan: &Plan<'_>,
    encoded: &Encoded,
    delta_len: u64,
) -> CreateReport {
    debug_assert!(encoded.header.blocks.len() as u64 == encoded.body_len.div_ceil(BLOCK_LEN));
    let ledger = Ledger::new(plan, encoded);
    let (content_len, shares) = ledger.whole();
    CreateReport {
        base: image_report(base),
        target: image_report(target),
        delta_len,
        layers: layers(target, plan, encoded, &ledger),
        streams: encoded.stats.streams.clone(),
        head_len: delta_len - encoded.body_len,
        content_len,
        shares,
        zstd: None,
    }
}

fn image_report(image: &Image) -> ImageReport {
    let names = image.roles.iter().flat_map(|role| role.names.iter().cloned());
    let len = match &image.wrapped {
        Some(wrapped) => wrapped.0.len(),
        None => image.files.iter().map(|file| file.source.len()).sum(),
    };
    ImageReport { form: image.form.to_string(), names: names.collect(), len }
}

fn layers(
    target: &Image,
    plan: &Plan<'_>,
    encoded: &Encoded,
    ledger: &Ledger<'_, '_>,
) -> Vec<LayerReport> {
    let blobs = target.blobs.iter().zip(&plan.nodes);
    let layers = blobs.filter(|(blob, _)| matches!(blob.kind, BlobKind::Layer { .. }));
    layers
        .filter_map(|(blob, node)| {
            let node = (*node)?;
            let row = &plan.target.nodes[node];
            let content = ledger.content(node);
            let outcome = match row.origin {
                _ if ledger.is_given(node) => Outcome::Reused,
                Origin::GivenContent => Outcome::Reused,
                Origin::GivenBlob | Origin::GivenOrMade => Outcome::Held,
                Origin::Stored => Outcome::Stored,
                _ if ledger.is_stored(node) => Outcome::Stored,
                Origin::Made => {
                    Outcome::Rebuilt(content_stats(plan, encoded, ledger, content.unwrap_or(node)))
                }
            };
            let again = content.and(row.recreation.as_ref());
            let encoders = again.map(encoder_names).unwrap_or_default();
            let name = String::from_utf8_lossy(&blob.name).into_owned();
            let (digest, len) = (row.digest(), blob.range.len());
            let content_len =
                content.map_or(len, |content| plan.target.nodes[content].bytes.len() as u64);
            let shares = ledger.of_layer(node);
            Some(LayerReport { name, digest, len, content_len, outcome, shares, encoders })
        })
        .collect()
}

/// What became of a layer, or of the content of a compressed one.
fn content_stats(
    plan: &Plan<'_>,
    encoded: &Encoded,
    ledger: &Ledger<'_, '_>,
    content: usize,
) -> NodeStats {
    if ledger.is_given(content) {
        let base_bytes = plan.target.nodes[content].bytes.len() as u64;
        return NodeStats { base_bytes, ..NodeStats::default() };
    }
    encoded.stats.nodes[content]
}

/// Names of the encoders that make a node, each once, in the order of their first pieces.
fn encoder_names(recreation: &Recreation<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for piece in &recreation.pieces {
        let RecreatedPiece::Encoded(run) = piece else { continue };
        let name = encoders::name(run.encoder, &run.parameters);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
