//! The section of literals of a compressed block, and its headers.

/// What became of literals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Literals {
    /// A code is not worth it.
    Raw,
    /// All are the same byte.
    Run,
    /// They were coded.
    Coded {
        /// By the table of an earlier block.
        is_repeated: bool,
    },
}

/// From this length on, literals are coded as four streams.
pub(super) const FOUR_STREAMS_MIN: usize = 1024;

/// Appends the header of literals that are not coded.
pub(super) fn plain_header(len: usize, is_run: bool, out: &mut Vec<u8>) {
    let (size, kind) = (len as u64, u64::from(is_run));
    let header = match plain_header_len(len) {
        1 => kind | size << 3,
        2 => kind | 1 << 2 | size << 4,
        _ => kind | 3 << 2 | size << 4,
    };
    out.extend_from_slice(&header.to_le_bytes()[..plain_header_len(len)]);
}

/// The compressor takes a byte more than it needs for 16 to 31 literals.
pub(super) fn plain_header_len(len: usize) -> usize {
    match len {
        ..16 => 1,
        16..2048 => 2,
        _ => 3,
    }
}

/// Appends the header of `len` literals that were coded in `coded_len` bytes.
pub(super) fn coded_header(coded_len: usize, len: usize, is_repeated: bool, out: &mut Vec<u8>) {
    let kind = if is_repeated { 3 } else { 2 };
    let (coded, size) = (coded_len as u64, len as u64);
    let header_len = coded_header_len(coded_len, len);
    let header = match header_len {
        3 => u64::from(len >= FOUR_STREAMS_MIN) << 2 | size << 4 | coded << 14,
        4 => 2 << 2 | size << 4 | coded << 18,
        _ => 3 << 2 | size << 4 | coded << 22,
    };
    out.extend_from_slice(&(kind | header).to_le_bytes()[..header_len]);
}

pub(super) fn coded_header_len(coded_len: usize, len: usize) -> usize {
    match coded_len.max(len) {
        ..1024 => 3,
        1024..16_384 => 4,
        _ => 5,
    }
}
