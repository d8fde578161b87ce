//! Frames: independently coded runs of bytes (docs/format.md section 7.2).

use std::io::{self, Read, Write as _};

use lzma_rust2::{LzmaOptions, LzmaReader, LzmaWriter, MfType};
use zstd::zstd_safe::CParameter;

use super::tables::numbered;
use super::{FormatError, FrameRow};

numbered! {
    /// How a frame's bytes are coded (docs/format.md 10.5).
    Codec, "codec":
    /// As they are.
    Stored = 0,
    /// One Zstandard frame, RFC 8878.
    Zstd = 1,
    /// One raw LZMA stream: slower than Zstandard on both sides, smaller where little repeats.
    Lzma = 2,
}

/// LZMA's bits of literal context, literal position and position (docs/format.md section 7.2).
/// What is coded by it has no alignment.
const LZMA_PROPERTIES: (u32, u32, u32) = (3, 0, 0);

/// An encoded frame with its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Lengths and window.
    pub row: FrameRow,
    /// The bytes for the body.
    pub bytes: Vec<u8>,
}

/// Encodes the bytes of `pieces` as one frame, at a level of 1 to 22 where the codec has levels, with a
/// window of at most 2^`window_log` bytes; single-threaded, so that equal input gives equal output.
pub fn encode_frame(
    pieces: &[&[u8]],
    codec: Codec,
    level: i32,
    window_log: u32,
) -> io::Result<Frame> {
    let len: usize = pieces.iter().map(|piece| piece.len()).sum();
    let decoded = u32::try_from(len).map_err(io::Error::other)?;
    // The decoder never needs more window than there are bytes.
    let window_log = window_log.min(len.next_power_of_two().trailing_zeros().max(10));
    let (bytes, window_log) = match codec {
        Codec::Stored => (pieces.concat(), 0),
        Codec::Zstd => {
            let mut compressor = zstd::bulk::Compressor::new(level)?;
            compressor.set_parameter(CParameter::WindowLog(window_log))?;
            compressor.set_parameter(CParameter::ChecksumFlag(false))?;
            (compressor.compress(&pieces.concat())?, window_log)
        }
        Codec::Lzma => (encode_lzma(pieces, level, window_log)?, window_log),
    };
    let encoded = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    Ok(Frame { row: FrameRow { encoded, decoded, window_log }, bytes })
}

fn encode_lzma(pieces: &[&[u8]], level: i32, window_log: u32) -> io::Result<Vec<u8>> {
    let mut options = LzmaOptions::with_preset(9);
    options.dict_size = 1 << window_log;
    (options.lc, options.lp, options.pb) = LZMA_PROPERTIES;
    (options.mf, options.nice_len, options.depth_limit) = match level {
        ..19 => (MfType::Hc4, 24, 8),
        19 => (MfType::Bt4, 32, 32),
        _ => (MfType::Bt4, 273, 512),
    };
    let mut writer = LzmaWriter::new_no_header(Vec::new(), &options, false)?;
    for piece in pieces {
        writer.write_all(piece)?;
    }
    writer.finish()
}

/// Reads what [`encode_frame`] made by LZMA; at the declared length it checks that the stream ends.
pub(super) fn open_lzma<R: Read>(reader: R, row: FrameRow) -> io::Result<LzmaReader<R>> {
    let (lc, lp, pb) = LZMA_PROPERTIES;
    let dictionary = 1_u32.checked_shl(row.window_log).unwrap_or(u32::MAX);
    let mut lzma = LzmaReader::new(reader, row.decoded.into(), lc, lp, pb, dictionary, None)?;
    lzma.set_relaxed_end_condition(false);
    Ok(lzma)
}

/// Decodes one whole frame into exactly `decoded` bytes.
pub(super) fn decode_frame(
    bytes: &[u8],
    codec: Codec,
    decoded: usize,
) -> Result<Vec<u8>, FormatError> {
    let bad = |reason: String| FormatError::Frame { reason, at: 0 };
    let content = match codec {
        Codec::Stored => bytes.to_vec(),
        Codec::Zstd => {
            let mut content = Vec::new();
            content.try_reserve_exact(decoded).map_err(|error| bad(error.to_string()))?;
            let frame = zstd::zstd_safe::find_frame_compressed_size(bytes);
            if frame != Ok(bytes.len()) {
                return Err(bad("it is not exactly one frame".to_owned()));
            }
            zstd::bulk::Decompressor::new()
                .and_then(|mut zstd| zstd.decompress_to_buffer(bytes, &mut content))
                .map_err(|error| bad(error.to_string()))?;
            content
        }
        Codec::Lzma => return Err(bad("a header is not coded by LZMA".to_owned())),
    };
    if content.len() == decoded {
        Ok(content)
    } else {
        Err(bad(format!("{decoded} bytes declared, {} found", content.len())))
    }
}

/// Length of the longest header of a Zstandard frame, magic included, in bytes.
pub(super) const FRAME_HEADER_MAX: usize = 18;

/// Checks the header of a Zstandard frame (RFC 8878, 3.1.1.1) against its row: libzstd looks at the
/// window only where it cannot decode a frame in one go, so that the answer would depend on buffers.
pub(super) fn check_frame_header(start: &[u8], row: FrameRow) -> Result<(), &'static str> {
    const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    let rest = start.strip_prefix(&MAGIC).ok_or("it is no zstd frame")?;
    let (descriptor, rest) = rest.split_first().ok_or("it is cut")?;
    if descriptor & 3 != 0 {
        return Err("it wants a dictionary");
    }
    let is_single_segment = descriptor & 0x20 != 0;
    let content_len = |bytes: &[u8]| {
        let size = match (descriptor >> 6, is_single_segment) {
            (0, false) => return None,
            (0, true) => 1,
            (flag, _) => 1 << flag,
        };
        let mut le = [0; 8];
        le[..size].copy_from_slice(bytes.get(..size)?);
        // Two bytes count from 256.
        Some(u64::from_le_bytes(le) + if size == 2 { 256 } else { 0 })
    };
    let window = if is_single_segment {
        content_len(rest).ok_or("it is cut")?
    } else {
        let byte = u64::from(*rest.first().ok_or("it is cut")?);
        let base = 1_u64 << (10 + (byte >> 3));
        base + base / 8 * (byte & 7)
    };
    if window > 1 << row.window_log { Err("its window is larger than declared") } else { Ok(()) }
}
