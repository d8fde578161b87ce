//! What the target would take without a base: its own zstd size, by samples where it is long.

use std::io::{self, Write};

use rayon::prelude::*;
use zstd::stream::write::Encoder;

use crate::image::Image;

/// What zstd makes of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZstdLen {
    /// Bytes.
    pub len: u64,
    /// Was only a part of the target compressed, and the rest reckoned by that?
    pub is_estimate: bool,
}

impl ZstdLen {
    /// The level: what the program zstd takes unasked.
    pub const LEVEL: u8 = 3;
}

/// Samples of a long target, evenly spaced. On four pairs of images the sum is within a tenth of
/// the truth; more samples cost more and were hardly better.
const SAMPLES: u32 = 16;
/// Bytes of a sample.
const SAMPLE_LEN: u64 = 256 << 10;
/// Bytes before a sample that the compressor has seen, since the bytes before would be in its window.
const CONTEXT_LEN: u64 = 256 << 10;

/// Compresses the target, or samples of it, on all threads; the same whatever their number.
///
/// # Errors
/// Only when zstd has no memory.
pub(super) fn zstd_len(target: &Image) -> io::Result<ZstdLen> {
    let bytes = Bytes::of(target);
    let whole = bytes.len();
    let samples = u64::from(SAMPLES);
    if whole <= samples * (CONTEXT_LEN + SAMPLE_LEN) {
        return Ok(ZstdLen {
            len: compressed_len(&[], &bytes.range(0, whole))?,
            is_estimate: false,
        });
    }
    let lens: io::Result<Vec<u64>> = (0..SAMPLES)
        .into_par_iter()
        .with_max_len(1)
        .map(|number| {
            // In the middle of its share of the whole, which is longer than both.
            let start = whole / samples * u64::from(number) + (whole / samples - SAMPLE_LEN) / 2;
            let context = bytes.range(start.saturating_sub(CONTEXT_LEN), start);
            compressed_len(&context, &bytes.range(start, start + SAMPLE_LEN))
        })
        .collect();
    let sum = u128::from(lens?.iter().sum::<u64>());
    let len = sum * u128::from(whole) / u128::from(samples * SAMPLE_LEN);
    Ok(ZstdLen { len: u64::try_from(len).unwrap_or(u64::MAX), is_estimate: true })
}

/// Bytes that `sample` takes where `context` came before it.
fn compressed_len(context: &[u8], sample: &[u8]) -> io::Result<u64> {
    let mut encoder = Encoder::new(Count(0), ZstdLen::LEVEL.into())?;
    encoder.write_all(context)?;
    encoder.flush()?;
    let before = encoder.get_ref().0;
    encoder.write_all(sample)?;
    Ok(encoder.finish()?.0 - before)
}

/// Counts what is written.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All files of a target, one after the other.
struct Bytes<'a>(Vec<&'a [u8]>);

impl<'a> Bytes<'a> {
    fn of(target: &'a Image) -> Self {
        let files: Vec<&[u8]> = match &target.wrapped {
            Some(wrapped) => wrapped.0.in_memory().into_iter().collect(),
            None => target.files.iter().filter_map(|file| file.source.in_memory()).collect(),
        };
        Self(files)
    }

    fn len(&self) -> u64 {
        self.0.iter().map(|file| file.len() as u64).sum()
    }

    /// Copies the bytes from `start` on, before `end`.
    fn range(&self, start: u64, end: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut at = 0;
        for file in &self.0 {
            let inside = |offset: u64| {
                let offset = usize::try_from(offset.saturating_sub(at)).unwrap_or(usize::MAX);
                offset.min(file.len())
            };
            bytes.extend_from_slice(&file[inside(start)..inside(end)]);
            at += file.len() as u64;
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_all_files_in_order() {
        let bytes = Bytes(vec![b"abc", b"", b"defg", b"h"]);
        assert_eq!(bytes.len(), 8);
        for start in 0..=8_u8 {
            for end in start..=8 {
                let (from, to) = (usize::from(start), usize::from(end));
                assert_eq!(bytes.range(start.into(), end.into()), b"abcdefgh"[from..to]);
            }
        }
    }

    #[test]
    fn what_came_before_makes_a_sample_cheaper() {
        let numbers = (0..50_000_u32).map(|number| number.wrapping_mul(0x9e37_79b1));
        let text: Vec<u8> = numbers.flat_map(u32::to_le_bytes).collect();
        let alone = compressed_len(&[], &text).expect("memory");
        assert!(compressed_len(&text, &text).expect("memory") < alone / 10);
    }
}
