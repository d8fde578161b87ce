//! Any encoder with any parameters over any content.
//!
//! The first bytes choose the encoder, its parameters, and how the content is cut; [`content`] makes
//! a content of the rest.

use std::io::Read as _;

use chunkdelta::compression::encoders::{self, Setup, predicted};
use chunkdelta::format::{EncodeRun, Framing};
use flate2::{Crc, read::DeflateDecoder};

use super::draw::{Draw, noise};

/// Longest content, in bytes.
const LONGEST: usize = 300 << 10;
/// The encoder that is libzstd.
const LIBZSTD: u32 = 8;
/// The encoder that takes corrections.
const PREDICTED: u32 = 9;
/// The encoder that makes tables of contents, which are no content's own.
const TABLE: u32 = 10;
const GZIP_HEADER: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];

pub(super) fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let (number, parameters) = choice(&mut draw);
    if number == TABLE {
        return super::tables::run(&mut draw);
    }
    let cut = 1 + draw.below(1 << 16);
    let corrections = match (number, draw.byte()) {
        (PREDICTED, len) => draw.bytes(len.into()),
        (_, 1) => draw.bytes(8),
        _ => &[],
    };
    let content = content(&mut draw);
    let Some(stored) = encode(number, &parameters, corrections, &content, cut) else { return };
    // Drawn corrections end blocks where they like.
    let most = if number == PREDICTED { 50 * content.len() + 400_000 } else { content.len() / 4 };
    assert!(
        stored.len() <= content.len() + most + (64 << 10),
        "{number} {parameters:?} makes {} of {}",
        stored.len(),
        content.len()
    );
    let at_once = encode(number, &parameters, corrections, &content, content.len().max(1));
    assert!(at_once == Some(stored.clone()), "{number} {parameters:?}: cuts do not matter");
    if number == LIBZSTD {
        let back = zstd::decode_all(&stored[..]).expect("a frame");
        assert!(back == content, "{number} {parameters:?}: the content comes back");
    }
    // What drawn corrections make need not be a stream.
    if is_deflate(number) && number != PREDICTED {
        let mut back = Vec::new();
        let mut inflater = DeflateDecoder::new(&stored[..]);
        inflater.read_to_end(&mut back).expect("a deflate stream");
        assert!(back == content, "{number} {parameters:?}: the content comes back");
        assert_eq!(inflater.total_in(), stored.len() as u64, "{number} {parameters:?}: one stream");
        predicted_makes(&stored, &content, cut);
    }
}

/// Any deflate stream is made again, unless it is one that no writer makes.
fn predicted_makes(stored: &[u8], content: &[u8], cut: usize) {
    let corrections = predicted::corrections(stored, content, usize::MAX).expect("a stream");
    assert_eq!(predicted::corrections(stored, content, corrections.len() - 1), None, "a ceiling");
    let made = encode(PREDICTED, &[], &corrections, content, cut).expect("settings");
    assert!(made == stored, "corrections make the stream");
}

/// Is what the encoder makes raw deflate?
pub(super) fn is_deflate(number: u32) -> bool {
    matches!(number, 1..=5 | 7 | 9)
}

/// An encoder and parameters, most of them known.
pub(super) fn choice(draw: &mut Draw<'_>) -> (u32, Vec<u64>) {
    let number = u32::from(draw.byte() % 11);
    let count = usize::from(draw.byte() % 8);
    let parameter = |place| match (draw.byte(), place) {
        // A level, a length of a block, small numbers: the lawful ones are met often.
        (byte @ 0..=199, 0) => u64::from(byte % 11),
        (byte @ 0..=99, _) => u64::from(byte % 16),
        (100..=149, _) => draw.half().into(),
        (150..=199, _) => 1 << (draw.byte() % 24),
        (byte, _) => draw.number(byte.into()),
    };
    (number, (0..count).map(parameter).collect())
}

/// Pieces, each of them bytes of the input, a repetition, noise, or something from before.
pub(super) fn content(draw: &mut Draw<'_>) -> Vec<u8> {
    let mut content = Vec::new();
    while !draw.is_empty() && content.len() < LONGEST {
        let (what, len) = (draw.byte(), draw.below(1 << 16));
        match what % 6 {
            0 => content.extend(noise(what.into(), len)),
            1 => content.resize(content.len() + len, what),
            2 | 3 => content.extend(draw.bytes(usize::from(what))),
            4 => {
                let line = draw.bytes(usize::from(what / 6) + 1);
                content.extend(line.iter().cycle().take(len * usize::from(!line.is_empty())));
            }
            _ => {
                let start = draw.below(content.len());
                content.extend_from_within(start..(start + len).min(content.len()));
            }
        }
    }
    content.truncate(LONGEST);
    content
}

/// What the encoder makes, if there is one of that number with these parameters.
pub(super) fn encode(
    number: u32,
    parameters: &[u64],
    corrections: &[u8],
    content: &[u8],
    cut: usize,
) -> Option<Vec<u8>> {
    let content_len = content.len() as u64;
    let setup = Setup { number, parameters, corrections, content_len };
    let mut encoder = encoders::start(&setup).ok()?;
    let mut out = Vec::new();
    content.chunks(cut).for_each(|piece| encoder.write(piece, &mut out));
    encoder.finish(&mut out);
    Some(out)
}

/// A gzip member by an encoder, and what makes it.
pub(super) fn member(
    content: &[u8],
    encoder: u32,
    parameters: &[u64],
) -> Option<(Vec<u8>, EncodeRun)> {
    let deflated = encode(encoder, parameters, &[], content, 1 << 20)?;
    let mut check = Crc::new();
    check.update(content);
    let (sum, len) = (check.sum().to_le_bytes(), check.amount().to_le_bytes());
    let member = [&GZIP_HEADER[..], &deflated, &sum, &len].concat();
    let run = EncodeRun {
        encoder,
        framing: Framing::Gzip,
        parameters: parameters.to_vec(),
        header: GZIP_HEADER.to_vec(),
        corrections: Vec::new(),
        lengths: vec![content.len() as u64],
    };
    Some((member, run))
}
