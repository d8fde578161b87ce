//! How many bits a block would take with codes of its own: a guess in 32-bit floats.
//!
//! The guess decides whether codes are used again, so that every step has to round as Go's does:
//! each operation by itself, in this order. (Go may fuse a product and a sum on processors other
//! than amd64; layers made on arm64 were never seen to differ.)

use super::super::flate::codes::Counts;
use super::super::flate::symbols::{END_OF_BLOCK, FIRST_LENGTH};

/// Guesses the bits of a block of `tokens` tokens (the end among them, where it is written) whose
/// symbols occur `counts` times.
pub(super) fn estimated_bits(counts: &Counts, tokens: usize) -> u32 {
    let lengths = &counts.literals[FIRST_LENGTH..];
    let matches: u32 = lengths.iter().sum();
    let mut entropy = 0.0;
    if tokens > 0 {
        add_entropy(&mut entropy, &counts.literals[..END_OF_BLOCK], tokens);
        // What Go adds for the end of the block.
        entropy += 15.0;
        add_entropy(&mut entropy, lengths, tokens);
    }
    if matches > 0 {
        add_entropy(&mut entropy, &counts.distances, matches as usize);
    }
    whole(entropy) + counts.extra_bits()
}

/// Adds what symbols cost that occur `counts` times out of `total`.
#[expect(clippy::cast_precision_loss, reason = "a count is at most 65,536")]
fn add_entropy(entropy: &mut f32, counts: &[u32], total: usize) {
    let scale = 1.0 / total as f32;
    for &count in counts.iter().filter(|&&count| count > 0) {
        let count = count as f32;
        *entropy += (-rough_log2(count * scale)).clamp(1.0, 15.0) * count;
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole bits are wanted, of a sum that is not negative"
)]
fn whole(entropy: f32) -> u32 {
    entropy as u32
}

/// The binary logarithm, by a parabola between powers of two.
fn rough_log2(value: f32) -> f32 {
    let bits = value.to_bits();
    let exponent = (bits >> 23 & 0xff) as u8;
    let mantissa = f32::from_bits((bits & 0x007f_ffff) | 127 << 23);
    let whole = f32::from(i16::from(exponent) - 128);
    whole + ((-0.344_848_43 * mantissa + 2.024_665_8) * mantissa - 0.674_877_6)
}
