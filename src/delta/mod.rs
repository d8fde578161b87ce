//! What a delta is made of and how it becomes bytes again, without files and without images.
//!
//! The encoder takes contents of the base and a [`Target`] as slices and writes a body and a
//! header; the applier takes a delta and whatever the base gives, and writes to a [`Sink`].

mod applier;
mod blocks;
mod coding;
mod costs;
mod encoder;
mod error;
mod execution;
mod feed;
mod find;
mod groups;
mod instructions;
mod keep;
mod keeping;
mod lanes;
mod near;
mod needs;
mod numbering;
mod outlet;
mod policy;
mod recreations;
mod reencode;
mod script;
mod stage;
mod streams;
mod target;
#[cfg(test)]
mod tests;

use std::io;

pub use crate::source::Scratch;
pub use applier::{ApplyOptions, ApplyStats, Sources, apply, missing_nodes};
pub use encoder::{EncodeOptions, EncodeStats, Encoded, NodeStats, encode};
pub use error::ApplyError;
pub use needs::re_encode_memory;
pub use policy::{Level, Workers};
pub use recreations::{NodeEncoder, encoders_of};
pub use stage::{Stage, Stages};
pub use target::{
    BaseContent, Child, LateDigest, Member, Origin, RecreatedPiece, Recreation, Stretch, Target,
    TargetNode, TargetOutput, TargetRole,
};

/// Where outputs go. Every byte is written once, an output's bytes in order, and may be read back.
pub trait Sink {
    /// Takes the next bytes of an output, which begin at `offset`.
    fn write(&mut self, output: usize, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Fills `buf` with bytes of an output that were written before.
    fn read(&self, output: usize, offset: u64, buf: &mut [u8]) -> io::Result<()>;
}
