//! Which encoders to try on a gzip member, the likely ones first.

use std::iter;

use super::trial::Candidate;
use crate::format::EncoderKind;

/// Offsets in a gzip header (RFC 1952).
const EXTRA_FLAGS: usize = 8;
const OPERATING_SYSTEM: usize = 9;
const UNKNOWN_SYSTEM: u8 = 255;

/// Eras of klauspost's flate, the one in most tools today first.
const KLAUSPOST: [EncoderKind; 4] = [
    EncoderKind::KlauspostFlate2,
    EncoderKind::KlauspostFlate4,
    EncoderKind::KlauspostFlate1,
    EncoderKind::KlauspostFlate3,
];

/// Candidates for a deflate stream behind `header`, as one block where the encoder has blocks.
///
/// Go's writers say that the system is unknown, and so does Python's; XFL is 4 for the fastest
/// level and 2 for the best one, and 0 otherwise, or always.
pub(super) fn for_header(header: &[u8]) -> Vec<Candidate> {
    let is_go = header.get(OPERATING_SYSTEM) == Some(&UNKNOWN_SYSTEM);
    let levels: Vec<u64> = match header.get(EXTRA_FLAGS) {
        Some(4) => vec![1, 6, 5, 9, 2, 3, 4, 7, 8],
        Some(2) => vec![9, 6, 5, 1, 8, 7, 4, 3, 2],
        _ => vec![6, 5, 9, 1, 4, 3, 2, 7, 8],
    };
    let at_level = |level: &u64| {
        let level = *level;
        let klauspost = KLAUSPOST.iter().map(move |era| Candidate::new(*era, &[level, 0]));
        iter::once(Candidate::new(EncoderKind::GoFlate, &[level])).chain(klauspost)
    };
    let go: Vec<Candidate> = levels.iter().flat_map(at_level).collect();
    let zlib: Vec<Candidate> = Vec::new();
    if is_go { [go, zlib].concat() } else { [zlib, go].concat() }
}

/// The candidate with its content in blocks of `len` bytes, where the encoder can have them.
pub(super) fn in_blocks(candidate: &Candidate, len: u64) -> Option<Candidate> {
    match candidate.parameters[..] {
        [level, 0] if KLAUSPOST.iter().any(|era| era.number() == candidate.encoder) => {
            Some(Candidate { parameters: vec![level, len], ..candidate.clone() })
        }
        _ => None,
    }
}
