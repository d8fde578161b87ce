//! Encoder 9: any deflate stream, by guessing what a writer of the zlib family would have written,
//! and by corrections where it was written otherwise.
//!
//! The guess goes by zlib's own rules, which gzip(1) shares: which match of the content before is
//! taken, when a block ends, which codes it gets. What is not guessed is told by its place among
//! what zlib might have found, so that other writers cost a few bits here and there. All of it is
//! coded arithmetically, with chances that are learned on the way.
//!
//! Corrections are bytes from outside like all others: whatever they are, the work is bounded by
//! the content, and so is the memory, by a constant.

mod analysis;
mod bits_read;
mod blocks;
mod chains;
mod coder;
mod guessed;
mod guesses;
mod header;
mod numbers;
mod recreation;
mod settings;
mod told;
mod trees;
mod walk;

pub use analysis::corrections;

use super::{Encoder, EncoderError};
use recreation::Recreation;

/// The number in a delta.
pub(super) const NUMBER: u32 = 9;

/// Starts the encoder.
pub(super) fn start(
    parameters: &[u64],
    corrections: &[u8],
) -> Result<Box<dyn Encoder>, EncoderError> {
    let fail = |rule| EncoderError::Parameters { number: NUMBER, rule };
    if !parameters.is_empty() {
        return Err(fail("it takes no parameters"));
    }
    let recreation = Recreation::new(corrections).ok_or(fail("corrections begin with settings"))?;
    Ok(Box::new(recreation))
}

#[cfg(test)]
mod tests;
