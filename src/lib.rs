//! Ships container images as small deltas and gives the target back byte for byte.
#![doc(html_no_source)]

pub mod compression;
pub mod digest;
pub mod fault;
pub mod image;
pub mod limits;
pub mod source;
pub mod units;
pub mod walker;
