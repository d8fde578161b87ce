//! klauspost/compress's deflate, and the gzip with parallel blocks (pgzip) that is made of it:
//! what podman, buildah, skopeo and umoci compress layers with. Go's own compress/flate is the same
//! from Go 1.27 on.
//!
//! Output changed with releases; what is equal is one [`Era`]. Within one the bytes do not depend on
//! how content is split over writes: the original takes blocks of 65,535 bytes (levels 1 to 6) or
//! looks at its window when that is full (7 to 9), and pgzip hands over whole blocks.

mod blocks;
mod estimate;
mod fast;
mod lazy;
mod pgzip;
mod phrases;
mod stream;
#[cfg(test)]
mod tests;
mod tokens;

use super::{Encoder, EncoderError};
use crate::limits;
use pgzip::{Pgzip, TAIL_LEN};
use stream::Stream;

/// Number of the first encoder here; each is an era.
pub(super) const FIRST_NUMBER: u32 = 2;

/// Number of the last one.
pub(super) const LAST_NUMBER: u32 = 5;

/// Starts one of the encoders 2 to 5.
///
/// The parameters are a level, 1 to 9, or 0 for stored blocks, or 10 for literals alone; and the
/// length of pgzip's blocks in bytes, or 0 for one stream. Encoder 5 takes a 1 as third one for the
/// blocks of 1.20.0 and later, which differ at levels 7 to 9.
///
/// # Errors
/// When the number or the parameters are others.
pub(super) fn start(number: u32, parameters: &[u64]) -> Result<Box<dyn Encoder>, EncoderError> {
    let refuse = |rule| EncoderError::Parameters { number, rule };
    let (level, block_len, era) = match (number, parameters) {
        (2, [level, block_len]) => (level, block_len, Era::V1_15_11),
        (3, [level, block_len]) => (level, block_len, Era::V1_15_15),
        (4, [level, block_len]) => (level, block_len, Era::V1_18_0),
        (5, [level, block_len]) => (level, block_len, Era::V1_18_2),
        (5, [level, block_len, 1]) => (level, block_len, Era::V1_20_0),
        (2..=5, _) => return Err(refuse("a level and a block length")),
        _ => return Err(EncoderError::Unknown { number }),
    };
    let level = Level::new(*level).ok_or_else(|| refuse("a level is 0 to 10"))?;
    let block_len = usize::try_from(*block_len).unwrap_or(usize::MAX);
    if block_len == 0 {
        Ok(Box::new(Stream::new(era, level)))
    } else if block_len <= TAIL_LEN {
        Err(refuse("a block is longer than 16384 bytes"))
    } else if block_len > limits::PGZIP_BLOCK_LEN {
        Err(refuse("a block has at most 16777216 bytes"))
    } else {
        Ok(Box::new(Pgzip::new(era, level, block_len)))
    }
}

/// Memory that one of the encoders 2 to 5 takes, in bytes: its own, and four blocks.
pub(super) fn memory(parameters: &[u64]) -> u64 {
    let block_len = parameters.get(1).copied().unwrap_or(0);
    (2_u64 << 20).saturating_add(block_len.saturating_mul(4))
}

/// How hard to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Stored,
    HuffmanOnly,
    /// 1 to 6.
    Fast(u8),
    /// 7 to 9.
    Lazy(u8),
}

impl Level {
    fn new(number: u64) -> Option<Self> {
        let level = u8::try_from(number).ok()?;
        match level {
            0 => Some(Self::Stored),
            1..=6 => Some(Self::Fast(level)),
            7..=9 => Some(Self::Lazy(level)),
            10 => Some(Self::HuffmanOnly),
            _ => None,
        }
    }
}

/// Releases with the same output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Era {
    /// 1.15.11 to 1.15.14.
    V1_15_11,
    /// 1.15.15 to 1.17.11.
    V1_15_15,
    /// 1.18.0.
    V1_18_0,
    /// 1.18.2 to 1.19.1; 1.18.1 was withdrawn.
    V1_18_2,
    /// From 1.20.0 on.
    V1_20_0,
}

impl Era {
    /// Levels 7 to 9 weigh matches as they have done since, and improve them by what follows.
    fn improves_matches(self) -> bool {
        self >= Self::V1_15_15
    }

    /// Level 4 takes a distance for a position.
    fn mistakes_distances(self) -> bool {
        self >= Self::V1_18_0
    }

    /// A header ends with the last word that there is, also where its block stays open.
    fn trims_headers(self) -> bool {
        self >= Self::V1_18_2
    }

    /// Level 9 counts no more bytes than a count has room for.
    fn caps_counts(self) -> bool {
        self >= Self::V1_18_2
    }

    /// Levels 7 to 9 take a dictionary for content when they decide whether to store a block.
    fn counts_dictionary(self) -> bool {
        self < Self::V1_20_0
    }
}
