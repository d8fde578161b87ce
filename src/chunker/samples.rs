//! Bytes for tests: seeded, so that a failure can be repeated and a figure pinned.

use proptest::prelude::*;

/// Returns `len` bytes that look random; xorshift64*, the seed is not 0.
pub(crate) fn random(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend(state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Random, zero, constant, periodic and texty pieces, one after the other, with odd lengths.
pub(crate) fn mixed() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(piece(), 0..6).prop_map(|pieces| pieces.concat())
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![0_usize..100, 100_usize..12_000, 12_000_usize..70_000];
    prop_oneof![
        (1..u64::MAX, len.clone()).prop_map(|(seed, len)| random(seed, len)),
        len.clone().prop_map(|len| vec![0; len]),
        (any::<u8>(), len.clone()).prop_map(|(byte, len)| vec![byte; len]),
        (1..u64::MAX, 2_usize..3000, len.clone())
            .prop_map(|(seed, period, len)| periodic(seed, period, len)),
        len.prop_map(lines),
    ]
}

fn periodic(seed: u64, period: usize, len: usize) -> Vec<u8> {
    random(seed, period).into_iter().cycle().take(len).collect()
}

fn lines(len: usize) -> Vec<u8> {
    (0_u32..).flat_map(|n| format!("line {n} of a text\n").into_bytes()).take(len).collect()
}

/// Inputs of the pinned cut lists, by name.
pub(crate) fn pinned() -> [(&'static str, Vec<u8>); 5] {
    [
        ("random", random(1, 300_001)),
        ("zeros", vec![0; 100_003]),
        ("periodic", periodic(2, 997, 150_007)),
        ("lines", lines(200_009)),
        ("mixed", [random(3, 50_021), vec![0; 70_001], lines(60_013), vec![255; 9]].concat()),
    ]
}
