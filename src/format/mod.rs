//! The delta file as docs/format.md defines it: bytes, digests and numbers, no images, no files.
//!
//! Reading goes [`Delta::open`] (prefix, header, every rule that the tables alone can break) ->
//! [`Body`] (blocks whose digest matched) -> [`StreamReader`] (decoded bytes of one stream) ->
//! [`PartReader`] (instructions). Writing goes [`PartWriter`] -> [`encode_frame`] -> [`BodyHasher`]
//! -> [`encode_head`].

mod body;
mod check;
mod codec;
mod delta;
mod difference;
mod error;
mod frame;
mod header_model;
mod instruction;
mod node;
mod order;
mod part;
mod piece;
mod stream;
mod tables;
pub(crate) mod varint;

pub use body::{BLOCK_LEN, Body, BodyHasher};
pub use check::{BASE_BLOCK_LEN, Needs, check, used_len};
pub use delta::{Delta, MAGIC, PREFIX_LEN, VERSION, encode_head};
pub use difference::Differences;
pub use error::FormatError;
pub use frame::{Codec, Frame, encode_frame};
pub use header_model::{BLOCK as TAR_BLOCK, HeaderModel, data_len, padded_len};
pub(crate) use header_model::{checksum_holds, has_data, number, text};
pub use instruction::{Class, Instruction};
pub use node::{content_of, is_fed, is_whole};
pub use part::{PartReader, PartWriter, StreamBytes, put_kept_ranges};
pub use piece::{EncodeRun, Framing, HEADER_CLASS, KeptRange, Piece};
pub use stream::{CONTROL_STREAMS, FIRST_LITERAL_SLOT, STREAM_KINDS, StreamKind, StreamReader};
pub use tables::{
    Declared, EncoderKind, FrameRow, Group, Header, NONE, Node, Output, OutputKind, Part,
    ReEncodeParameters, Role, RoleKind, Run, Stream, Way, WayKind,
};
