//! Ships container images as small deltas and gives the target back byte for byte.
//!
//! ```text
//! create:  BASE, TARGET -> image -> index, delta -> format -> DELTA -> applied, compared -> appears
//! apply:   BASE, DELTA  -> format -> image -> delta -> every digest right           -> appears
//! ```
//!
//! [`create::create`], [`apply::apply`], [`apply::verify`] and [`inspect::inspect`] are what the
//! command calls. Below them lie parts that know neither files nor terminals; DESIGN.md says how they
//! hang together, and docs/format.md defines the delta.
//!
//! ```
//! use std::ffi::OsStr;
//! use chunkdelta::{apply, create, observer::NoObserver};
//!
//! let (base, target) = ("tests/fixtures/docker20-1.tar", "tests/fixtures/docker20-2.tar");
//! let dir = tempfile::tempdir()?;
//! let (delta, out) = (dir.path().join("hello.ckd"), dir.path().join("out.tar"));
//! create::create(
//!     OsStr::new(base), OsStr::new(target), &delta, &create::CreateOptions::default(), &NoObserver,
//! )?;
//! apply::apply(
//!     OsStr::new(base), delta.as_os_str(), &out, &apply::ApplyOptions::default(), &NoObserver,
//! )?;
//! assert!(std::fs::read(&out)? == std::fs::read(target)?);
//! assert!(std::fs::metadata(&delta)?.len() < 16 << 10);
//!
//! // One flipped bit, and the delta is refused.
//! let mut bytes = std::fs::read(&delta)?;
//! bytes[100] ^= 1;
//! std::fs::write(&delta, bytes)?;
//! let error = apply::verify(
//!     delta.as_os_str(), OsStr::new(base), &apply::ApplyOptions::default(), &NoObserver,
//! );
//! assert!(error.is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
pub mod matcher;
pub mod observer;
pub mod pairing;
pub mod publish;
mod queue;
pub mod scratch;
pub mod source;
pub mod spool;
pub mod stamp;
pub mod units;
pub mod walker;
