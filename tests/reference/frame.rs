//! Section 7.2: frames.

use std::io::Read as _;

use lzma_rust2::LzmaReader;

use super::{Refusal, damaged, must};

/// Decodes one frame. `window_log` is the declared one; the header's frame declares none.
pub(crate) fn decode(
    codec: u32,
    encoded: &[u8],
    decoded: usize,
    window_log: Option<u32>,
) -> Result<Vec<u8>, Refusal> {
    must(!encoded.is_empty() && decoded != 0, "empty frame")?;
    if codec == 0 {
        must(encoded.len() == decoded, "stored frame")?;
        return Ok(encoded.to_vec());
    }
    if codec == 2 {
        return lzma(encoded, decoded, window_log.unwrap_or_default());
    }
    let (length, window) = measure(encoded).ok_or(Refusal::Damaged("zstd frame".into()))?;
    must(length == encoded.len(), "more or less than one zstd frame")?;
    must(window_log.is_none_or(|log| window <= 1 << log), "zstd window")?;
    match zstd::bulk::decompress(encoded, decoded) {
        Ok(bytes) if bytes.len() == decoded => Ok(bytes),
        Ok(_) => damaged("zstd frame is shorter than declared"),
        Err(error) => damaged(format!("zstd frame: {error}")),
    }
}

/// Decodes one raw LZMA stream: lc 3, lp 0, pb 0, its end checked.
fn lzma(encoded: &[u8], decoded: usize, window_log: u32) -> Result<Vec<u8>, Refusal> {
    let bad = |error: std::io::Error| Refusal::Damaged(format!("LZMA frame: {error}"));
    let window = 1 << window_log;
    let mut lzma = LzmaReader::new(encoded, decoded as u64, 3, 0, 0, window, None).map_err(bad)?;
    lzma.set_relaxed_end_condition(false);
    let mut bytes = Vec::new();
    lzma.read_to_end(&mut bytes).map_err(bad)?;
    let (unread, unused) = lzma.into_parts();
    must(unread.is_empty() && unused.is_empty(), "more than one LZMA stream")?;
    must(bytes.len() == decoded, "LZMA frame is shorter than declared")?;
    Ok(bytes)
}

/// The length and the window of the Zstandard frame at the beginning of `bytes` (RFC 8878, 3.1.1).
/// `None` if it is cut off, skippable, or wants a dictionary.
fn measure(bytes: &[u8]) -> Option<(usize, u64)> {
    let mut rest = bytes.strip_prefix(&[0x28, 0xB5, 0x2F, 0xFD])?;
    let mut number = |size: usize| {
        let (taken, after) = rest.split_at_checked(size)?;
        rest = after;
        Some(taken.iter().rev().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte)))
    };
    let descriptor = number(1)?;
    let single_segment = descriptor & 0x20 != 0;
    let has_checksum = descriptor & 0x04 != 0;
    let mut window = 0;
    if !single_segment {
        let byte = number(1)?;
        let power = 1 << (10 + (byte >> 3));
        window = power + power / 8 * (byte & 7);
    }
    let dictionary = number([0, 1, 2, 4][usize::try_from(descriptor & 3).ok()?])?;
    let content = match (descriptor >> 6, single_segment) {
        (0, false) => 0,
        (0, true) => number(1)?,
        (1, _) => number(2)? + 256,
        (2, _) => number(4)?,
        _ => number(8)?,
    };
    if single_segment {
        window = content;
    }
    loop {
        let block = number(3)?;
        let (kind, size) = (block >> 1 & 3, usize::try_from(block >> 3).ok()?);
        for _ in 0..if kind == 1 { 1 } else { size } {
            number(1)?;
        }
        if block & 1 == 1 {
            break;
        }
    }
    if has_checksum {
        number(4)?;
    }
    (dictionary == 0).then_some((bytes.len() - rest.len(), window))
}
