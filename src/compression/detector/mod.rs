//! Finds the compressor that made stored bytes of their content, and proves it to the last byte.
//!
//! Candidates are ordered by what the header tells. Each gets the start of the content first; who
//! gives the first stored bytes gets all of it, and stops at the first difference. So the answer
//! is a proof, and it depends on the bytes alone: no clock, no number of threads.

mod candidates;
mod gzip;
mod libzstd;
mod pieces;
mod search;
mod table;
mod trial;
mod zstd;

use std::ops::Range;

use super::{Compression, Member};
use crate::format::EncodeRun;
use crate::limits;

/// A run of stored bytes and how it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DetectedPiece {
    /// These bytes as they are: no encoder makes them.
    Raw(Range<usize>),
    /// Made of content by an encoder.
    Encoded(EncodeRun),
}

/// Finds pieces that make `stored` of `content`, together all of both; `None` where no encoder is
/// known for a part that matters.
///
/// `members` are those of a gzip blob, as [`super::Inflater::members`] gives them.
pub fn detect(
    stored: &[u8],
    compression: Compression,
    content: &[u8],
    members: Option<&[Member]>,
) -> Option<Vec<DetectedPiece>> {
    let pieces = match compression {
        Compression::Plain => return None,
        Compression::Gzip => gzip::detect(stored, content, members?)?,
        Compression::Zstd => table::in_frames(stored, content, zstd::detect(stored, content)?),
    };
    is_worth_it(stored, &pieces).then_some(pieces)
}

/// For an eStargz that `pieces` make of its content: how long the content is without the index at
/// its end, and pieces that make all of `stored` of that. `None` for any other blob.
///
/// The index is part of the content that a layer has by its diff ID, but it follows from the rest
/// and from the other members' lengths.
pub fn without_index(
    stored: &[u8],
    content: &[u8],
    members: &[Member],
    pieces: &[DetectedPiece],
) -> Option<(usize, Vec<DetectedPiece>)> {
    table::in_members(stored, content, members, pieces)
}

/// Would the pieces be cheaper than the stored bytes themselves?
fn is_worth_it(stored: &[u8], pieces: &[DetectedPiece]) -> bool {
    let carried = pieces.iter().map(|piece| match piece {
        DetectedPiece::Raw(range) => range.len(),
        DetectedPiece::Encoded(run) => run.header.len() + run.corrections.len(),
    });
    let carried = carried.sum::<usize>();
    carried <= stored.len() / 2 && carried as u64 <= limits::CARRIED_LEN
}

#[cfg(test)]
mod tests;
