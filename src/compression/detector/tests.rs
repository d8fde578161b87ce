//! Blobs as tools write them, and blobs as nobody does.

use std::io::{Read as _, Write as _};

use super::*;
use crate::compression::{Inflater, encoders};
use crate::format::{EncoderKind, Framing};

const GO_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

const UNIX_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

/// Lines with numbers in them: compresses, and differs from level to level.
fn text(lines: usize) -> Vec<u8> {
    (0..lines)
        .flat_map(|line| format!("line {line} of {} in all\n", line * line % 977).into_bytes())
        .collect()
}

fn setup<'a>(number: u32, parameters: &'a [u64], content: &[u8]) -> encoders::Setup<'a> {
    let content_len = content.len() as u64;
    encoders::Setup { number, parameters, corrections: &[], content_len }
}

fn member(header: &[u8], encoder: EncoderKind, parameters: &[u64], content: &[u8]) -> Vec<u8> {
    let mut blob = header.to_vec();
    let mut encoder =
        encoders::start(&setup(encoder.number(), parameters, content)).expect("is known");
    encoder.write(content, &mut blob);
    encoder.finish(&mut blob);
    blob.extend(trailer(content));
    blob
}

fn trailer(content: &[u8]) -> [u8; 8] {
    let mut check = flate2::Crc::new();
    check.update(content);
    let numbers = u64::from(check.amount()) << 32 | u64::from(check.sum());
    numbers.to_le_bytes()
}

/// Inflates a blob and looks for what made it.
fn found(blob: &[u8]) -> Option<Vec<DetectedPiece>> {
    let compression = Compression::detect(blob);
    let mut inflater = Inflater::open(blob, compression).expect("opens");
    let mut content = Vec::new();
    inflater.read_to_end(&mut content).expect("is lawful");
    let pieces = detect(blob, compression, &content, inflater.members())?;
    assert!(made(&pieces, blob, &content) == blob, "what is found makes the blob");
    Some(pieces)
}

/// What pieces make of a content.
fn made(pieces: &[DetectedPiece], blob: &[u8], content: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    for piece in pieces {
        match piece {
            DetectedPiece::Raw(range) => out.extend(&blob[range.clone()]),
            DetectedPiece::Encoded(run) => {
                for length in &run.lengths {
                    let end = at + usize::try_from(*length).expect("small");
                    out.extend(made_piece(run, &content[at..end]));
                    at = end;
                }
            }
        }
    }
    assert_eq!(at, content.len(), "pieces take all of the content");
    out
}

/// What a run makes of one piece.
fn made_piece(run: &EncodeRun, content: &[u8]) -> Vec<u8> {
    let setup = encoders::Setup {
        corrections: &run.corrections,
        ..setup(run.encoder, &run.parameters, content)
    };
    let mut out = run.header.clone();
    let mut encoder = encoders::start(&setup).expect("is known");
    encoder.write(content, &mut out);
    encoder.finish(&mut out);
    if run.framing == Framing::Gzip {
        out.extend(trailer(content));
    }
    out
}

fn run(pieces: &[DetectedPiece]) -> &EncodeRun {
    match pieces {
        [DetectedPiece::Encoded(run)] => run,
        other => panic!("one run: {other:?}"),
    }
}

#[test]
fn every_level_of_go_is_found() {
    let content = text(30_000);
    for level in 1..=9 {
        let blob = member(&GO_HEADER, EncoderKind::GoFlate, &[level], &content);
        let pieces = found(&blob).expect("Go wrote it");
        assert_eq!(run(&pieces).encoder, EncoderKind::GoFlate.number());
        // Text as regular as this one is the same at 8 and 9.
        assert_eq!(run(&pieces).parameters[0].min(8), level.min(8), "{level}");
    }
}

#[test]
fn every_level_of_zlib_is_found_behind_any_header() {
    let content = text(30_000);
    for (header, level) in
        [GO_HEADER, UNIX_HEADER].iter().flat_map(|h| (1..=9).map(move |l| (h, l)))
    {
        let blob = member(header, EncoderKind::Zlib, &[level, 0, 0], &content);
        let pieces = found(&blob).expect("zlib wrote it");
        assert_eq!(run(&pieces).encoder, EncoderKind::Zlib.number());
        assert_eq!(run(&pieces).parameters[0].min(8), level.min(8), "{level}");
        assert!(run(&pieces).corrections.is_empty());
    }
}

#[test]
fn pigz_is_found_with_its_blocks() {
    let content = text(30_000);
    for parameters in [[6, 131_072, 0], [9, 131_072, 1], [1, 131_072, 2], [6, 65_536, 0]] {
        let blob = member(&UNIX_HEADER, EncoderKind::Zlib, &parameters, &content);
        assert_eq!(run(&found(&blob).expect("pigz wrote it")).parameters, parameters);
    }
}

#[test]
fn pgzip_is_found_with_blocks_of_any_length() {
    let content = text(30_000);
    for parameters in [[1, 32_768], [5, 65_536], [6, 100_000], [9, 65_536], [5, 250_000]] {
        let blob = member(&GO_HEADER, EncoderKind::KlauspostFlate2, &parameters, &content);
        assert_eq!(run(&found(&blob).expect("pgzip wrote it")).parameters, parameters);
    }
}

#[test]
fn blocks_of_pgzip_over_klauspost_1_20_are_told_from_earlier_ones() {
    let content: Vec<u8> = {
        let mut state = 1_u64;
        let mut draw = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        (0..200_000).map(|_| draw()).collect()
    };
    let [early, late] = [&[9, 65_536][..], &[9, 65_536, 1]]
        .map(|parameters| member(&GO_HEADER, EncoderKind::KlauspostFlate4, parameters, &content));
    assert!(early != late, "noise shows the difference");
    assert_eq!(run(&found(&late).expect("pgzip wrote it")).parameters, [9, 65_536, 1]);
}

#[test]
fn what_nobody_replays_is_made_with_corrections() {
    let content = text(10_000);
    // No level has this window.
    let mut other = flate2::Compress::new_with_window_bits(flate2::Compression::best(), false, 12);
    let mut deflate = Vec::with_capacity(content.len());
    other.compress_vec(&content, &mut deflate, flate2::FlushCompress::Finish).expect("room");
    let one = [&UNIX_HEADER[..], &deflate, &trailer(&content)].concat();
    let pieces = found(&one).expect("it is a deflate stream");
    assert_eq!(run(&pieces).encoder, EncoderKind::Predicted.number());
    assert!(run(&pieces).corrections.len() < 200, "{}", run(&pieces).corrections.len());
    let two = [&one[..], &one].concat();
    assert_eq!(found(&two).expect("two of them").len(), 2, "each has its own corrections");
}

#[test]
fn frames_of_libzstd_are_found_by_level_and_settings() {
    let content = text(30_000);
    for (level, flags) in [(1, 15), (3, 15), (3, 5), (3, 0), (9, 2), (12, 9), (19, 7), (19, 11)] {
        let flags = if flags & 2 == 0 { flags & !8 } else { flags };
        let run = EncodeRun {
            encoder: EncoderKind::Libzstd.number(),
            framing: Framing::Bare,
            parameters: vec![level, flags, 0],
            header: Vec::new(),
            corrections: Vec::new(),
            lengths: vec![content.len() as u64],
        };
        let blob = made_piece(&run, &content);
        let pieces = found(&blob).expect("libzstd wrote it");
        let [DetectedPiece::Encoded(found)] = &pieces[..] else { panic!("one run") };
        assert_eq!(found.parameters[0], level, "{level} {flags}");
        let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &blob].concat();
        assert_eq!(detect(&skipped, Compression::Zstd, &content, None).map(|p| p.len()), Some(2));
    }
}

#[test]
fn many_members_of_one_writer_are_one_run() {
    let content = text(2000);
    let blob: Vec<u8> = content
        .chunks(1000)
        .flat_map(|chunk| member(&GO_HEADER, EncoderKind::GoFlate, &[9], chunk))
        .collect();
    let pieces = found(&blob).expect("Go wrote it");
    assert_eq!(run(&pieces).lengths.len(), content.len().div_ceil(1000));
}

#[test]
fn a_header_with_a_name_is_kept_as_it_is() {
    let header = [&[0x1f, 0x8b, 8, 8, 1, 2, 3, 4, 0, 3][..], b"layer.tar\0"].concat();
    let blob = member(&header, EncoderKind::GoFlate, &[6], &text(500));
    assert_eq!(run(&found(&blob).expect("Go wrote it")).header, header);
}

#[test]
fn padding_behind_the_last_member_is_carried() {
    let mut blob = member(&GO_HEADER, EncoderKind::GoFlate, &[6], &text(500));
    let end = blob.len();
    blob.extend([0; 300]);
    let pieces = found(&blob).expect("Go wrote it");
    assert_eq!(pieces[1..], [DetectedPiece::Raw(end..end + 300)]);
}

#[test]
fn a_member_that_nobody_wrote_is_carried_and_its_content_passed_over() {
    let content = text(3000);
    // Bits where a stored block skips some: lawful, and no writer does it.
    let odd: Vec<u8> = {
        let chunks: Vec<&[u8]> = content[..70].chunks(7).collect();
        let blocks = chunks.iter().enumerate().flat_map(|(number, chunk)| {
            let is_last = u8::from(number + 1 == chunks.len());
            let len = u16::try_from(chunk.len()).expect("seven");
            [&[is_last | 0xf8][..], &len.to_le_bytes(), &(!len).to_le_bytes(), chunk].concat()
        });
        GO_HEADER.into_iter().chain(blocks).chain(trailer(&content[..70])).collect()
    };
    let go = member(&GO_HEADER, EncoderKind::GoFlate, &[6], &content);
    let blob = [&odd[..], &go, &odd].concat();
    let pieces = found(&blob).expect("most of it is Go's");
    let encoders: Vec<Option<u32>> = pieces
        .iter()
        .map(|piece| match piece {
            DetectedPiece::Raw(_) => None,
            DetectedPiece::Encoded(run) => Some(run.encoder),
        })
        .collect();
    assert_eq!(encoders, [None, Some(0), Some(1), None, Some(0)]);
    assert_eq!(found(&odd), None, "alone it is cheaper as it is");
}

#[test]
fn content_that_no_encoder_was_given_is_nobodys() {
    let content = text(5000);
    let mut blob = member(&GO_HEADER, EncoderKind::GoFlate, &[6], &content);
    assert!(found(&blob).is_some());
    let other = text(4999);
    assert_eq!(detect(&blob, Compression::Gzip, &other, None), None);
    let members = [Member {
        start: 0,
        deflate_start: 10,
        deflate_end: blob.len() as u64 - 8,
        content_len: other.len() as u64,
    }];
    assert_eq!(detect(&blob, Compression::Gzip, &other, Some(&members)), None);
    blob.write_all(b"x").expect("memory");
    assert_eq!(detect(&blob[..5], Compression::Gzip, &content, Some(&members)), None);
}
