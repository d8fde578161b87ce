//! Which of libzstd's settings made a frame.

use super::trial::{Budget, Candidate, Idle};
use crate::compression::encoders::{self, Setup};
use crate::format::EncoderKind;

/// Content of a block, at most: by what is made of the first one levels are told apart.
const BLOCK_LEN: usize = 128 << 10;

/// Levels in the order in which they are tried, by the window that each has for a long content.
const LEVELS: [(u8, &[u64]); 5] = [
    (21, &[3, 6, 4, 5, 7, 8]),
    (23, &[19, 18, 17]),
    (19, &[1]),
    (22, &[9, 12, 15, 16, 10, 11, 13, 14]),
    (20, &[2]),
];

/// What a frame's header tells (RFC 8878 3.1.1.1).
struct Header {
    has_checksum: bool,
    has_len: bool,
    /// As a power of two; none where it is the content's length.
    window_log: Option<u8>,
    /// Bytes up to the first block.
    len: usize,
}

impl Header {
    fn read(frame: &[u8]) -> Option<Self> {
        let descriptor = *frame.get(4)?;
        let is_single = descriptor & 0x20 != 0;
        let len_bytes = match descriptor >> 6 {
            0 => usize::from(is_single),
            sort => 1 << sort,
        };
        // libzstd names powers of two only, and no dictionary unless it was given one.
        let window_log = match frame.get(5) {
            _ if descriptor & 0x1b != 0 => return None,
            _ if is_single => None,
            Some(window) if window.trailing_zeros() >= 3 => Some(10 + (window >> 3)),
            _ => return None,
        };
        Some(Self {
            has_checksum: descriptor & 4 != 0,
            has_len: len_bytes > 0,
            window_log,
            len: 5 + usize::from(!is_single) + len_bytes,
        })
    }
}

/// The candidate that makes the whole frame.
pub(super) fn candidate(content: &[u8], frame: &[u8]) -> Option<Candidate> {
    let header = Header::read(frame)?;
    let (mut budget, mut idle) = (Budget::of(content), Idle::default());
    let fits = |window_log: u8| header.window_log.is_none_or(|log| log == window_log);
    let levels =
        LEVELS.iter().filter(|(window_log, _)| content.len() < BLOCK_LEN || fits(*window_log));
    for level in levels.flat_map(|(_, levels)| levels.iter()) {
        if !begins(&header, *level, content, frame) {
            continue;
        }
        for run in runs(&header) {
            let flags = u64::from(header.has_checksum) | u64::from(header.has_len) << 1 | run;
            let candidate = Candidate::new(EncoderKind::Libzstd, &[*level, flags, 0]);
            if candidate.makes(content, frame, &mut budget, &mut idle) {
                return Some(candidate);
            }
        }
    }
    None
}

/// How libzstd was run, as flags: with workers, and told of the end with the last bytes. The tool
/// writes a checksum and has workers, who calls the library mostly neither.
fn runs(header: &Header) -> Vec<u64> {
    let runs = if header.has_checksum { [12, 8, 4, 0] } else { [0, 8, 4, 12] };
    runs.into_iter().filter(|run| header.has_len || run & 8 == 0).collect()
}

/// Does the level make the header and the first block? So it does without workers as with them. Short
/// contents are not worth the question.
fn begins(header: &Header, level: u64, content: &[u8], frame: &[u8]) -> bool {
    let (Some(first), true) = (content.get(..BLOCK_LEN), content.len() > 2 * BLOCK_LEN) else {
        return true;
    };
    let Some(&[a, b, c]) = frame.get(header.len..).and_then(<[u8]>::first_chunk) else {
        return false;
    };
    let block = u32::from_le_bytes([a, b, c, 0]);
    let block_len = if block >> 1 & 3 == 1 { 1 } else { (block >> 3) as usize };
    let flags = u64::from(header.has_checksum) | u64::from(header.has_len) << 1;
    let content_len = content.len() as u64;
    let setup = Setup {
        number: EncoderKind::Libzstd.number(),
        parameters: &[level, flags, 0],
        corrections: &[],
        content_len,
    };
    let Ok(mut encoder) = encoders::start(&setup) else { return false };
    let mut out = Vec::new();
    encoder.write(first, &mut out);
    let end = (header.len + 3 + block_len).min(out.len());
    !out.is_empty() && frame.get(..end) == Some(&out[..end])
}
