//! The pieces of a re-encode part to and from its streams (docs/format.md section 8.2).

use super::Class;
use super::tables::numbered;

/// Number of the instruction that encodes.
pub(super) const ENCODE: u8 = 5;

/// Class of the literals that hold the headers of encoded pieces.
pub const HEADER_CLASS: Class = Class::ENVELOPE;

numbered! {
    /// What follows the encoded bytes of a piece (docs/format.md 10.9).
    Framing, "framing":
    /// Nothing.
    Bare = 0,
    /// The trailer of a gzip member (RFC 1952): CRC-32 and length of the content.
    Gzip = 1,
}

/// Pieces of the content that one encoder makes with one set of parameters, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeRun {
    /// Number of the encoder.
    pub encoder: u32,
    /// What follows each piece.
    pub framing: Framing,
    /// The encoder's parameters.
    pub parameters: Vec<u64>,
    /// Bytes that stand before each piece.
    pub header: Vec<u8>,
    /// What the encoder needs beside the content; of a single piece.
    pub corrections: Vec<u8>,
    /// Bytes of content that each piece takes; one at least.
    pub lengths: Vec<u64>,
}

impl EncodeRun {
    /// Could `next` be written as more lengths of this one?
    pub(super) fn takes(&self, next: &Self) -> bool {
        self.encoder == next.encoder
            && self.framing == next.framing
            && self.parameters == next.parameters
            && self.header == next.header
            && self.corrections.is_empty()
            && next.corrections.is_empty()
    }
}

/// One entry of a re-encode part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes that the delta carries.
    Literal {
        /// The class whose stream holds them.
        class: Class,
        /// Number of bytes.
        length: u64,
    },
    /// Content put through an encoder.
    Encode(EncodeRun),
}

/// Bytes of a part that later copies need, where the output does not hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptRange {
    /// First byte, counted from the first one that the part makes.
    pub start: u64,
    /// Number of bytes.
    pub length: u64,
    /// How many groups after the part's own one the last use is.
    pub groups: u32,
}

/// The rule that neighbours of kept ranges break, if they break one.
pub(super) fn broken_order(previous: Option<&KeptRange>, next: &KeptRange) -> Option<&'static str> {
    let touches = previous.is_some_and(|previous| {
        previous.start + previous.length == next.start && previous.groups == next.groups
    });
    touches.then_some("kept ranges are merged")
}
