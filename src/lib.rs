//! Ships container images as small deltas and gives the target back byte for byte.
#![doc(html_no_source)]

pub mod apply;
pub mod chunker;
pub mod compression;
pub mod create;
pub mod delta;
pub mod digest;
pub mod error;
pub mod fault;
pub mod format;
pub mod image;
pub mod index;
pub mod inspect;
pub mod limits;
pub mod map;
pub mod observer;
pub mod publish;
pub mod source;
pub mod spool;
pub mod stamp;
pub mod units;
pub mod walker;
