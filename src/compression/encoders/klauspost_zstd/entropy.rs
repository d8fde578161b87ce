//! What literals cost at least, as Go's mathematics tells it.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "counts are below 2^17, and the bits of them all below 2^20"
)]

/// The bits that a block needs at least when each byte is coded by itself, where every value's
/// share is rounded up.
pub(super) fn entropy_bits(block: &[u8]) -> u32 {
    let mut counts = [0_u32; 256];
    for byte in block {
        counts[usize::from(*byte)] += 1;
    }
    let share = 1.0 / block.len() as f64;
    let mut bits = 0.0;
    for count in counts.into_iter().filter(|count| *count > 0) {
        let count = f64::from(count);
        bits += (-log2(count * share) * count).ceil();
    }
    bits.ceil() as u32
}

/// The logarithm to base 2 of a positive normal number, to the last bit what Go computes on amd64;
/// a platform's own may round otherwise.
fn log2(number: f64) -> f64 {
    let (fraction, exponent) = split(number);
    // A power of two is exactly that: both are exact.
    if number.to_bits() << 12 == 0 {
        return f64::from(exponent - 1);
    }
    ln(fraction) * std::f64::consts::LOG2_E + f64::from(exponent)
}

/// A number as a fraction from 0.5 up to 1 and a power of two.
fn split(number: f64) -> (f64, i32) {
    let bits = number.to_bits();
    // The exponent has eleven bits.
    let exponent = (bits >> 52 & 0x7ff) as i32 - 0x3fe;
    (f64::from_bits(bits & !(0x7ff << 52) | 0x3fe << 52), exponent)
}

/// The natural logarithm of a number from 0.5 up to 1, by the method of FreeBSD's `e_log.c`.
///
/// The order of its steps decides about the last bit.
fn ln(fraction: f64) -> f64 {
    const LN_2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
    const LN_2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);
    const ODD: [f64; 4] = [
        f64::from_bits(0x3fe5_5555_5555_5593),
        f64::from_bits(0x3fd2_4924_9422_9359),
        f64::from_bits(0x3fc7_4664_96cb_03de),
        f64::from_bits(0x3fc2_f112_df3e_5244),
    ];
    const EVEN: [f64; 3] = [
        f64::from_bits(0x3fd9_9999_9997_fa04),
        f64::from_bits(0x3fcc_71c5_1d8e_78af),
        f64::from_bits(0x3fc3_9a09_d078_c69f),
    ];
    let is_low = fraction <= std::f64::consts::FRAC_1_SQRT_2;
    let (scaled, power) = if is_low { (fraction * 2.0, -1.0) } else { (fraction, 0.0) };
    let above = scaled - 1.0;
    let ratio = above / (2.0 + above);
    let square = ratio * ratio;
    let fourth = square * square;
    let odd = square * (ODD[0] + fourth * (ODD[1] + fourth * (ODD[2] + fourth * ODD[3])));
    let even = fourth * (EVEN[0] + fourth * (EVEN[1] + fourth * EVEN[2]));
    let half_square = 0.5 * above * above;
    let low = ratio * (half_square + (even + odd)) + power * LN_2_LOW;
    power * LN_2_HIGH - ((half_square - low) - above)
}
