//! Which encoders to try on a gzip member, the likely ones first.

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

/// What a block of pigz knows of the content before it: a dictionary, nothing, all.
const PIGZ_HISTORIES: [u64; 3] = [0, 1, 2];

/// Length of the blocks where a content is too short to tell.
const PGZIP_BLOCK_LEN: u64 = 1 << 20;
const PIGZ_BLOCK_LEN: u64 = 128 << 10;

/// Candidates for a deflate stream behind `header`, as one block where the encoder has blocks.
///
/// Go's writers say that the system is unknown, and so does Python's, others name it; XFL is 4 for
/// the fastest level and 2 for the best one, and 0 otherwise, or always.
pub(super) fn for_header(header: &[u8]) -> Vec<Candidate> {
    let is_go = header.get(OPERATING_SYSTEM) == Some(&UNKNOWN_SYSTEM);
    let levels: [u64; 9] = match header.get(EXTRA_FLAGS) {
        Some(4) => [1, 6, 5, 9, 2, 3, 4, 7, 8],
        Some(2) => [9, 6, 5, 1, 8, 7, 4, 3, 2],
        _ => [6, 5, 9, 1, 4, 3, 2, 7, 8],
    };
    let zlib = |level| Candidate::new(EncoderKind::Zlib, &[level, 0, 0]);
    let go = |level| {
        let klauspost = KLAUSPOST.map(|era| Candidate::new(era, &[level, 0]));
        [Candidate::new(EncoderKind::GoFlate, &[level])].into_iter().chain(klauspost)
    };
    if is_go {
        levels.into_iter().flat_map(|level| go(level).chain([zlib(level)])).collect()
    } else {
        levels.into_iter().map(zlib).chain(levels.into_iter().flat_map(go)).collect()
    }
}

/// What else the candidate's compressor may have done, the likely ways first: content in blocks of the
/// usual length or one of `lens`, a flush before the end.
///
/// pgzip flushes all its blocks, so where the stream is not `is_flushed` at its end it is not tried;
/// pigz does not flush its last one.
pub(super) fn ways(candidate: &Candidate, lens: &[u64], is_flushed: bool) -> Vec<Candidate> {
    let way = |parameters| Candidate { parameters, ..candidate.clone() };
    let lens = |usual: u64| {
        let others = lens.iter().copied().filter(move |len| *len != usual);
        [usual].into_iter().chain(others)
    };
    match (EncoderKind::from_number(candidate.encoder), &candidate.parameters[..], is_flushed) {
        (Ok(EncoderKind::GoFlate), &[level], true) => vec![way(vec![level, 1])],
        (Ok(era), &[level, 0], true) if KLAUSPOST.contains(&era) => {
            let is_two = level > 6 && era == EncoderKind::KlauspostFlate4;
            let all = |len| {
                let later = is_two.then(|| way(vec![level, len, 1]));
                [way(vec![level, len])].into_iter().chain(later)
            };
            lens(PGZIP_BLOCK_LEN).flat_map(all).collect()
        }
        (Ok(EncoderKind::Zlib), &[level, 0, 0], false) => {
            let all = |len| PIGZ_HISTORIES.map(|history| way(vec![level, len, history]));
            lens(PIGZ_BLOCK_LEN).flat_map(all).collect()
        }
        _ => Vec::new(),
    }
}
