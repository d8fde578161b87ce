//! The one place that knows bincode: header tables to bytes and back.
//!
//! bincode is unmaintained and allocates by the counts it reads, so it sees only the header, whose
//! digest matched, under a limit that follows the header's length. What it writes is defined in
//! docs/format.md section 4 without naming it; anything else that writes the same can replace it.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian, NoLimit};

use super::{FormatError, Header};

type Fixed<L> = Configuration<LittleEndian, Fixint, L>;

fn fixed() -> Fixed<NoLimit> {
    bincode::config::standard().with_little_endian().with_fixed_int_encoding()
}

/// Encodes the tables.
pub(super) fn encode(header: &Header) -> Vec<u8> {
    bincode::encode_to_vec(header, fixed()).expect("BUG: tables of integers always encode")
}

/// Decodes the tables; `bytes` must hold them in their one spelling and nothing else.
pub(super) fn decode(bytes: &[u8]) -> Result<Header, FormatError> {
    // A struct in memory is at most four times its encoded form (an empty list: 24 bytes for 8), so
    // each rung refuses to allocate more than that for the longest header on it.
    let decoded = match bytes.len() {
        0..=0xfff => decode_within::<{ 1 << 14 }>(bytes),
        0x1000..=0xffff => decode_within::<{ 1 << 18 }>(bytes),
        0x1_0000..=0xf_ffff => decode_within::<{ 1 << 22 }>(bytes),
        0x10_0000..=0x7f_ffff => decode_within::<{ 1 << 25 }>(bytes),
        _ => decode_within::<{ 1 << 28 }>(bytes),
    };
    let bad = |rule, row: usize| FormatError::Rule { rule, place: "header byte", row: row as u64 };
    let (header, used) = decoded.map_err(|_| bad("the tables fill the header", bytes.len()))?;
    if used != bytes.len() {
        return Err(bad("nothing follows the tables", used));
    }
    if encode(&header) != bytes {
        return Err(bad("tables have one spelling", 0));
    }
    Ok(header)
}

fn decode_within<const LIMIT: usize>(
    bytes: &[u8],
) -> Result<(Header, usize), bincode::error::DecodeError> {
    let config: Fixed<Limit<LIMIT>> = fixed().with_limit::<LIMIT>();
    bincode::decode_from_slice(bytes, config)
}
