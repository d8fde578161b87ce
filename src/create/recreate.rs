//! The compressed blobs of the target: which the base has as they are, and what makes the others of
//! their content.

use std::collections::HashMap;

use rayon::prelude::*;

use super::inflate::{Inflated, LayerInflater, is_compressed_layer};
use super::named::{Named, stored};
use crate::compression::detector::{DetectedPiece, detect, without_index};
use crate::compression::{Compression, Inflater, Member};
use crate::delta::RecreatedPiece;
use crate::digest::Digest;
use crate::error::Error;
use crate::image::{Blob, Image};
use crate::observer::Observer;

/// Content for each stored byte above which a blob is stored: what makes more of little is more
/// work for a site than a delta may ask for.
const MAX_RATIO: u64 = 24;

/// Contents of the target's compressed layers, by number of blob.
pub(super) struct TargetContents<'b> {
    own: Vec<Option<Inflated>>,
    /// Layers that the base stores byte for byte, with their contents there.
    of_base: Vec<Option<&'b Inflated>>,
}

impl<'b> TargetContents<'b> {
    /// Inflates what the base does not store as it is.
    pub(super) fn new(
        of: Named<'_>,
        base: &Image,
        base_inflated: &'b [Option<Inflated>],
        inflater: &LayerInflater<'_>,
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        let target = of.image;
        let mut by_len: HashMap<u64, Vec<(&Blob, &Inflated)>> = HashMap::new();
        for (blob, inflated) in base.blobs.iter().zip(base_inflated) {
            if let Some(inflated) = inflated {
                by_len.entry(blob.range.len()).or_default().push((blob, inflated));
            }
        }
        let same = |blob: &Blob| {
            let candidates = by_len.get(&blob.range.len()).filter(|_| is_compressed_layer(blob))?;
            let bytes = stored(target, blob);
            let same = candidates.iter().find(|(other, _)| stored(base, other) == bytes);
            same.map(|(_, inflated)| *inflated)
        };
        let of_base: Vec<_> = target.blobs.par_iter().map(same).collect();
        let is_new: HashMap<_, _> = target
            .blobs
            .iter()
            .zip(&of_base)
            .map(|(blob, same)| (place(blob), same.is_none()))
            .collect();
        let wanted = |blob: &Blob| is_new.get(&place(blob)).copied().unwrap_or(true);
        let own = inflater.keep(of, &wanted, observer)?;
        Ok(Self { own, of_base })
    }

    /// The content of a blob, where it is a compressed layer.
    pub(super) fn get(&self, blob: usize) -> Option<&Inflated> {
        self.own[blob].as_ref().or(self.of_base[blob])
    }

    /// Is the blob one that the base does not store as it is?
    pub(super) fn is_own(&self, blob: usize) -> bool {
        self.own[blob].is_some()
    }

    /// The contents, by number of blob.
    pub(super) fn all(&self) -> impl Iterator<Item = Option<&Inflated>> {
        (0..self.own.len()).map(|blob| self.get(blob))
    }

    /// Finds what makes each layer of its content; of those that the base stores as they are only
    /// where `is_portable`.
    pub(super) fn recreations(&self, target: &Image, is_portable: bool) -> Vec<Option<Recreated>> {
        let recreation = |(number, blob): (usize, &Blob)| {
            let content = match &self.own[number] {
                Some(own) => own,
                None => self.of_base[number].filter(|_| is_portable)?,
            };
            let members = content.members.as_deref();
            let stored = stored(target, blob);
            let pieces = recreation(stored, blob.compression, &content.bytes, members)?;
            let is_own = self.is_own(number);
            let part = members.filter(|_| is_own).and_then(|members| {
                let (len, pieces) = without_index(stored, &content.bytes, members, &pieces)?;
                Some(Part { len, digest: Digest::of(&content.bytes[..len]), pieces })
            });
            Some(Recreated { pieces, part })
        };
        target.blobs.par_iter().with_max_len(1).enumerate().map(recreation).collect()
    }
}

/// A blob's place, which no other one has.
fn place(blob: &Blob) -> (usize, u64) {
    (blob.file, blob.range.start())
}

/// What makes stored bytes of their content.
pub(super) type Pieces = Vec<DetectedPiece>;

/// What makes a blob again.
pub(super) struct Recreated {
    /// Of its whole content.
    pub(super) pieces: Pieces,
    /// Of its content without the index that ends it, where the rest tells what that is.
    pub(super) part: Option<Part>,
}

/// The first part of a content.
pub(super) struct Part {
    pub(super) len: usize,
    pub(super) digest: Digest,
    /// What makes the blob of it.
    pub(super) pieces: Pieces,
}

/// Finds what makes `stored` of `content`, unless that asks too much of a site.
pub(super) fn recreation(
    stored: &[u8],
    compression: Compression,
    content: &[u8],
    members: Option<&[Member]>,
) -> Option<Pieces> {
    if content.is_empty() || content.len() as u64 / MAX_RATIO > stored.len() as u64 {
        return None;
    }
    detect(stored, compression, content, members)
}

/// What is inside a target that is compressed as a whole.
pub(super) struct Wrapper<'a> {
    pub(super) stored: &'a [u8],
    /// Of the archive.
    pub(super) digest: Digest,
    pub(super) pieces: Pieces,
}

impl<'a> Wrapper<'a> {
    /// The wrapper of a target that has one, if it can be made again.
    pub(super) fn of(target: &'a Image) -> Option<Self> {
        let stored = target.wrapped.as_ref()?.0.in_memory()?;
        let archive = target.files.first()?.source.in_memory()?;
        let mut inflater = Inflater::open(stored, target.wrapper).ok()?;
        // It was inflated when the target was opened; this time it only tells where members lie.
        let members = match target.wrapper {
            Compression::Gzip => {
                std::io::copy(&mut inflater, &mut std::io::sink()).ok()?;
                inflater.members()
            }
            _ => None,
        };
        let pieces = recreation(stored, target.wrapper, archive, members)?;
        Some(Self { stored, digest: Digest::of(archive), pieces })
    }
}

/// The pieces as the encoder takes them.
pub(super) fn pieces<'a>(pieces: &[DetectedPiece], stored: &'a [u8]) -> Vec<RecreatedPiece<'a>> {
    let piece = |piece: &DetectedPiece| match piece {
        DetectedPiece::Raw(range) => RecreatedPiece::Raw(&stored[range.clone()]),
        DetectedPiece::Encoded(run) => RecreatedPiece::Encoded(run.clone()),
    };
    pieces.iter().map(piece).collect()
}
