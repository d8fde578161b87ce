use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

use super::*;
use crate::compression::encoders::drawn::{content, encode};
use crate::compression::encoders::{self, Setup};

const NO_LIMIT: usize = usize::MAX;

/// Another encoder of this crate.
fn other(number: u32, parameters: &[u64], content: &[u8]) -> Vec<u8> {
    let content_len = content.len() as u64;
    let setup = Setup { number, parameters, corrections: &[], content_len };
    encode(encoders::start(&setup).expect("is known"), content, &[])
}

/// zlib with a flush after each of the pieces.
fn flushed(content: &[u8], level: u32, flush: FlushCompress, pieces: usize) -> Vec<u8> {
    let mut compress = Compress::new(Compression::new(level), false);
    let mut out = Vec::with_capacity(2 * content.len() + 1000 * (pieces + 1));
    for piece in content.chunks(content.len() / pieces + 1) {
        compress.compress_vec(piece, &mut out, flush).expect("room");
    }
    compress.compress_vec(&[], &mut out, FlushCompress::Finish).expect("room");
    out
}

fn recreated(corrections: &[u8], content: &[u8], cuts: &[usize]) -> Vec<u8> {
    encode(start(&[], corrections).expect("settings"), content, cuts)
}

/// Deflate streams by many writers.
fn stream() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let flushes = [FlushCompress::Sync, FlushCompress::Full, FlushCompress::Partial];
    (content(5), 0..6_u8, 0..=9_u64, 0..3_usize).prop_map(move |(content, writer, level, kind)| {
        let one_to_nine = level.max(1);
        let deflate = match writer {
            0 => other(1, &[level], &content),
            1 => other(5, &[one_to_nine, 0], &content),
            2 => other(7, &[one_to_nine, 131_072, kind as u64], &content),
            3 => other(3, &[one_to_nine, 100_000], &content),
            4 => flushed(&content, u32::try_from(level).expect("a level"), flushes[kind], 7),
            _ => other(1, &[10], &content),
        };
        (content, deflate)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn streams_of_all_writers_are_made_again_however_the_content_is_cut(
        (content, deflate) in stream(),
        cuts in prop::collection::vec(0..70_000_usize, 0..9),
    ) {
        let corrections = corrections(&deflate, &content, NO_LIMIT).expect("a deflate stream");
        prop_assert!(recreated(&corrections, &content, &cuts) == deflate);
        prop_assert!(recreated(&corrections, &content, &[]) == deflate);
    }

    #[test]
    fn wrong_corrections_give_other_bytes_or_fewer_and_not_many_more(
        (content, deflate) in stream(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
    ) {
        let mut corrections = corrections(&deflate, &content, NO_LIMIT).expect("a stream");
        for (index, flip) in flips {
            let at = index.index(corrections.len());
            corrections[at] ^= flip;
        }
        if let Ok(encoder) = start(&[], &corrections) {
            let made = encode(encoder, &content, &[]);
            prop_assert!(made.len() <= 400_000 + 50 * content.len());
        }
    }

    #[test]
    fn bytes_that_are_no_corrections_are_walked_to_an_end(
        noise in prop::collection::vec(any::<u8>(), 0..3000),
        content in content(2),
    ) {
        if let Ok(encoder) = start(&[], &noise) {
            encode(encoder, &content, &[]);
        }
    }

    #[test]
    fn what_is_no_deflate_stream_of_the_content_has_no_corrections(
        (content, deflate) in stream(),
        place in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let at = place.index(deflate.len());
        prop_assert_eq!(corrections(&deflate[..at], &content, NO_LIMIT), None);
        prop_assert_eq!(corrections(&[&deflate[..], b"+"].concat(), &content, NO_LIMIT), None);
        let mut damaged = deflate.clone();
        damaged[at] ^= flip;
        if let Some(corrections) = corrections(&damaged, &content, NO_LIMIT) {
            prop_assert!(recreated(&corrections, &content, &[]) == damaged);
        }
    }
}

/// Text of words and numbers.
fn text(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut text = Vec::with_capacity(len + 20);
    while text.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend(format!("{} word{} ", state >> 22, (state >> 12) % 97).into_bytes());
    }
    text.truncate(len);
    text
}

#[test]
fn zlibs_own_streams_need_no_corrections() {
    let content = text(600_000);
    for level in 1..=9 {
        let deflate = other(7, &[level, 0, 0], &content);
        let corrections = corrections(&deflate, &content, NO_LIMIT).expect("a stream");
        assert!(corrections.len() < 24, "{level}: {}", corrections.len());
        assert!(recreated(&corrections, &content, &[]) == deflate);
    }
}

#[test]
fn corrections_have_a_ceiling() {
    let content = text(100_000);
    let deflate = other(5, &[1, 0], &content);
    let len = corrections(&deflate, &content, NO_LIMIT).expect("a stream").len();
    assert!(corrections(&deflate, &content, len).is_some());
    assert_eq!(corrections(&deflate, &content, len - 1), None);
    assert_eq!(corrections(&deflate, &content, 0), None);
}

#[test]
fn the_smallest_streams_are_made_again() {
    for content in [&b""[..], b"a", b"ab", b"aaaa", b"abcabcabc"] {
        for deflate in [other(7, &[6, 0, 0], content), other(1, &[6], content)] {
            let corrections = corrections(&deflate, content, NO_LIMIT).expect("a stream");
            assert_eq!(recreated(&corrections, content, &[1, 1]), deflate, "{content:?}");
        }
    }
}

#[test]
fn parameters_and_corrections_that_are_none_are_refused() {
    let refused = |parameters: &[u64], corrections: &[u8], expected| {
        let error = start(parameters, corrections).err().expect("must be refused");
        assert_eq!(error, EncoderError::Parameters { number: NUMBER, rule: expected });
    };
    refused(&[6], &[0x6f, 0xff], "it takes no parameters");
    refused(&[], &[], "corrections begin with settings");
    refused(&[], &[0xff; 9], "corrections begin with settings");
}
