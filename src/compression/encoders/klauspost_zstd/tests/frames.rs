//! Frames are read; those that real tools wrote are made again.

use std::io::{Cursor, Read};
use std::path::Path;

use super::*;

#[test]
fn a_skippable_frame_is_left_to_the_caller() {
    let mut blob = vec![0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 8];
    blob.extend(encode(&parameters(&[1, 4, 0, 0]), b"abc"));
    let frames = read(&blob);
    assert_eq!(frames[0], (Frame::Skippable { magic: 0x53, len: 2 }, vec![7, 8]));
    let Frame::Content(layout) = &frames[1].0 else { panic!("a content") };
    assert_eq!((layout.to_numbers(), &frames[1].1[..]), (vec![4, 10, 3, 1], &b"abc"[..]));
}

#[test]
fn cut_and_damaged_frames_are_told() {
    let frame = encode(&parameters(&[2, 4, 0, 0]), &sample(5000));
    let read_error = |bytes: &[u8]| {
        let mut reader = FrameReader::new().expect("a decoder");
        reader.read(&mut Cursor::new(bytes), &mut |_| {}).expect_err("an error").to_string()
    };
    for len in [1, 4, 5, 8, 20, frame.len() - 1] {
        assert_eq!(read_error(&frame[..len]), format!("zstd stream is cut (stored_len={len})"));
    }
    let mut damaged = frame.clone();
    *damaged.last_mut().expect("bytes") ^= 1;
    let message = read_error(&damaged);
    let expected = format!("zstd stream is damaged (offset={}): ", frame.len());
    assert!(message.starts_with(&expected), "{message}");
    assert_eq!(
        read_error(b"some text"),
        "zstd stream is damaged (offset=4): neither a frame nor a skippable one"
    );
}

#[test]
fn frames_of_other_compressors_are_foreign() {
    let mut reader = FrameReader::new().expect("a decoder");
    let mut read = |blob: &[u8]| reader.read(&mut &blob[..], &mut |_| {}).expect("a frame");
    // A dictionary's number, and a window of 9/8 of a power of two.
    for (start, rule) in [
        ([0x28, 0xb5, 0x2f, 0xfd, 0x05, 0x68, 7], "the frame header has flags that are never set"),
        ([0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x69, 7], "the window is no power of two"),
        ([0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x88, 7], "windows are powers of two from 10 to 25"),
    ] {
        assert_eq!(read(&start), Some(Frame::Foreign { rule }));
    }
}

/// The blobs of a committed fixture, larger than a name.
fn blobs(fixture: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let archive = std::fs::File::open(dir.join(fixture)).expect("a fixture");
    let archive = zstd::Decoder::new(archive).expect("a decoder");
    let mut archive = tar::Archive::new(archive);
    let mut blobs = Vec::new();
    for member in archive.entries().expect("members") {
        let mut blob = Vec::new();
        member.expect("a member").read_to_end(&mut blob).expect("bytes");
        if blob.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            blobs.push(blob);
        }
    }
    assert!(blobs.len() > 3, "layers");
    blobs
}

/// Makes a blob again, frame by frame; returns how many frames with content it had.
fn make_again(blob: &[u8], level: Level, era: Era) -> usize {
    let (mut again, mut frames) = (Vec::new(), 0);
    let mut encoder: Option<KlauspostZstd> = None;
    for (frame, content) in read(blob) {
        match frame {
            Frame::Foreign { rule } => panic!("{rule}"),
            Frame::Skippable { magic, len } => {
                again.extend([magic, 0x2a, 0x4d, 0x18]);
                again.extend(len.to_le_bytes());
                again.extend(content);
            }
            Frame::Content(layout) => {
                let numbers = Parameters::of(level, era, &layout).to_numbers();
                assert_eq!(numbers.len(), 4, "a stream");
                let parameters = parameters(&numbers);
                match &mut encoder {
                    Some(encoder) => encoder.restart(parameters),
                    None => encoder = Some(KlauspostZstd::new(parameters)),
                }
                let encoder = encoder.as_mut().expect("an encoder");
                encoder.write(&content, &mut again);
                encoder.finish(&mut again);
                frames += 1;
            }
        }
    }
    assert!(again == blob, "not what the tool wrote");
    frames
}

/// skopeo 1.9 has 1.15.12 at level default, and flushes after eight bytes.
#[test]
fn layers_that_skopeo_wrote_are_made_again() {
    for fixture in ["skopeo-oci-zstd-1.tar.zst", "skopeo-oci-zstd-2.tar.zst"] {
        for blob in blobs(fixture) {
            assert_eq!(make_again(&blob, Level::Default, Era::V1_15_11), 1);
        }
    }
}

/// skopeo 1.18 has 1.18.0 and takes level best for zstd:chunked; so do the documents that hide in
/// skippable frames.
#[test]
fn chunked_layers_that_skopeo_wrote_are_made_again() {
    let mut frames = 0;
    for blob in blobs("skopeo18-oci-zstdchunked-1.tar.zst") {
        frames += make_again(&blob, Level::Best, Era::V1_17_8);
        for (frame, document) in read(&blob) {
            if matches!(frame, Frame::Skippable { .. }) && document.len() > 64 {
                assert_eq!(make_again(&document, Level::Best, Era::V1_17_8), 1);
            }
        }
    }
    assert_eq!(frames, 102);
}
