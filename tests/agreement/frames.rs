//! Frames by LZMA, put together by hand.

use std::io::Write as _;

use chunkdelta::format::{FrameRow, NONE};
use lzma_rust2::{LzmaOptions, LzmaWriter};

use super::RECIPE;
use super::compressed::judged;
use super::reference::cases::{apply_by_crate, words};
use super::reference::reseal::Plain;
use super::reference::{self, Base, Refusal, sha256};

/// One stream, with these bits of literal context and of position, and an end marker or none.
fn lzma(bytes: &[u8], (lc, pb): (u32, u32), has_marker: bool) -> Vec<u8> {
    let mut options = LzmaOptions::with_preset(6);
    (options.lc, options.lp, options.pb, options.dict_size) = (lc, 0, pb, 1 << 16);
    let writer = LzmaWriter::new_no_header(Vec::new(), &options, has_marker);
    let mut writer = writer.expect("memory");
    writer.write_all(bytes).expect("memory");
    writer.finish().expect("memory")
}

/// Do both make a file of literals that this frame holds?
fn is_made(file: &[u8], encoded: &[u8], row: FrameRow) -> bool {
    let mut plain = Plain::by_hand(&[(file, NONE, 0, NONE, RECIPE)], &[("", 0)], &[]);
    let length = [file.len().to_le_bytes()[0] | 0x80, (file.len() >> 7).to_le_bytes()[0]];
    let streams = [(0, vec![21]), (1, length.to_vec()), (21, file.to_vec())];
    plain.add_parts(&[(0, 0, file.len() as u64, streams.into())]);
    let stream = plain.header.groups[0].streams.last_mut().expect("literals");
    (stream.codec, stream.frames) = (2, vec![row]);
    plain.body.truncate(3);
    plain.body.extend(encoded);
    let answer = judged(&plain, &Base::default());
    assert!(answer.is_err() || answer == Ok(vec![(Vec::new(), Some(file.to_vec()))]));
    answer.is_ok()
}

fn row(encoded: &[u8], decoded: usize) -> FrameRow {
    let length = |length: usize| u32::try_from(length).expect("small");
    FrameRow { encoded: length(encoded.len()), decoded: length(decoded), window_log: 16 }
}

#[test]
fn a_frame_by_lzma_is_one_stream_of_its_length() {
    let file = words(40, 9000);
    let (plain, marked) = (lzma(&file, (3, 0), false), lzma(&file, (3, 0), true));
    assert!(is_made(&file, &plain, row(&plain, file.len())));
    assert!(is_made(&file, &marked, row(&marked, file.len())), "an end marker");
    for (lc, pb) in [(3, 2), (4, 0)] {
        let other = lzma(&file, (lc, pb), false);
        assert!(!is_made(&file, &other, row(&other, file.len())), "{lc} {pb}");
    }
    for stream in [plain, marked] {
        let cut = &stream[..stream.len() - 1];
        assert!(!is_made(&file, cut, row(cut, file.len())), "cut");
        let longer = [&stream[..], &[0]].concat();
        assert!(!is_made(&file, &longer, row(&longer, file.len())), "bytes behind it");
        for decoded in [file.len() - 1, file.len() + 1] {
            assert!(!is_made(&file, &stream, row(&stream, decoded)), "{decoded}");
        }
        let mut first = stream.clone();
        first[0] = 1;
        assert!(!is_made(&file, &first, row(&first, file.len())), "the first byte is 0");
    }
}

#[test]
fn a_frame_by_lzma_reaches_no_further_back_than_its_dictionary() {
    let (piece, between) = (words(41, 200), words(42, 4500));
    let file = [&piece[..], &between, &piece].concat();
    let stream = lzma(&file, (3, 0), false);
    let is_made =
        |window_log| is_made(&file, &stream, FrameRow { window_log, ..row(&stream, file.len()) });
    assert!(is_made(13) && is_made(24));
    assert!(!is_made(12), "4,700 bytes back");
    assert!(!is_made(9) && !is_made(25), "ceilings");
}

#[test]
fn a_header_by_lzma_is_damage() {
    let mut delta = super::case("one-byte").delta();
    delta[60] = 2;
    let len = u32::from_le_bytes(delta[12..16].try_into().expect("four"));
    let end = 48 + usize::try_from(len).expect("small");
    let digest = sha256(&[&delta[..16], &delta[48..end]].concat());
    delta[16..48].copy_from_slice(&digest);
    let base = Base::default();
    for answer in [reference::apply(&delta, &base), apply_by_crate(&delta, &base)] {
        assert!(matches!(answer, Err(Refusal::Damaged(_))), "{answer:?}");
    }
}
