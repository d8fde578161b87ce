//! Go's compress/flate, as it is in Go 1.8 to 1.26: raw deflate.
//!
//! Level 0 stores, levels 1 to 9 compress, and [`HUFFMAN_ONLY`] looks for no matches. What comes
//! out ends with an empty stored block, as Go's does after `Close`.
//!
//! Go's output depends on how its caller split the content in one place: at levels 2 to 9, when a
//! call ends exactly one byte before a window is full (32,768 n + 65,535 bytes in, n from 0 on) and
//! the next literal or match begins exactly 261 bytes before that. Go then moves the window one
//! byte too early, and a match of the furthest distances is out of its reach there. Here no call
//! ends so: the output is Go's for one call with everything, as for any usual sizes of calls.
//! `Flush` has a counterpart at the end alone, before `Close`: that is how eStargz is written. Releases before Go 1.14 have a defect at level 1 beyond 2 GiB
//! (golang.org/issue/34121), which is not followed.

#![expect(
    clippy::cast_possible_truncation,
    reason = "positions lie in a window that is renewed before they fill 32 bits"
)]

mod blocks;
mod chains;
mod fast;
mod searched;
mod unsearched;

use super::{Encoder, EncoderError};

/// The number of these encoders.
pub const NUMBER: u32 = 1;

/// The level that codes every byte as a literal; Go calls it -2.
pub const HUFFMAN_ONLY: u64 = 10;

/// Starts an encoder of a level: 0 to 9, or [`HUFFMAN_ONLY`]; and 1 behind it where the stream was
/// flushed before it was closed.
///
/// # Errors
/// When there is no such level.
pub fn start(parameters: &[u64]) -> Result<Box<dyn Encoder>, EncoderError> {
    let (level, is_flushed) = match *parameters {
        [level] => (level, false),
        [level, 1] => (level, true),
        _ => return Err(refused()),
    };
    let encoder: Box<dyn Encoder> = match level {
        0 => Box::new(unsearched::Unsearched::stored(is_flushed)),
        1 => Box::new(fast::Fast::new(is_flushed)),
        2..=9 => Box::new(searched::Searched::new(level, is_flushed)),
        HUFFMAN_ONLY => Box::new(unsearched::Unsearched::huffman_only(is_flushed)),
        _ => return Err(refused()),
    };
    Ok(encoder)
}

fn refused() -> EncoderError {
    let rule = "one level, 0 to 10, and 1 for a flush";
    EncoderError::Parameters { number: NUMBER, rule }
}
