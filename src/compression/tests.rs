use std::io::{self, Read, Write as _};

use super::*;
use crate::fault::{Class, Explain as _};
use crate::limits;

const TEXT: &[u8] = b"the bytes of a layer, again and again and again";

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).expect("in memory");
    encoder.finish().expect("in memory")
}

fn zstd(content: &[u8]) -> Vec<u8> {
    zstd::encode_all(content, 3).expect("in memory")
}

fn inflate(stored: &[u8], compression: Compression) -> Result<Vec<u8>, CompressionError> {
    let mut content = Vec::new();
    Inflater::open(stored, compression)?
        .read_to_end(&mut content)
        .map_err(CompressionError::from_io)?;
    Ok(content)
}

fn refused(stored: &[u8], compression: Compression) -> (String, Class) {
    let error = inflate(stored, compression).expect_err("must be refused");
    (error.to_string(), error.class())
}

#[test]
fn the_first_bytes_name_the_compression() {
    assert_eq!(Compression::detect(&gzip(TEXT)), Compression::Gzip);
    assert_eq!(Compression::detect(&zstd(TEXT)), Compression::Zstd);
    assert_eq!(Compression::detect(b"\x5a\x2a\x4d\x18...."), Compression::Zstd);
    for plain in [&b""[..], b"\x1f\x8b", b"\x1f\x8b\x07...", b"text"] {
        assert_eq!(Compression::detect(plain), Compression::Plain, "{plain:?}");
    }
    for (first, foreign) in [
        (&b"\xfd7zXZ\0"[..], Foreign::Xz),
        (b"BZh91A", Foreign::Bzip2),
        (b"\x04\x22\x4d\x18", Foreign::Lz4),
        (b"PK\x03\x04", Foreign::Zip),
    ] {
        assert_eq!(Foreign::detect(first), Some(foreign));
        assert_eq!(Compression::detect(first), Compression::Plain);
    }
    assert_eq!(Foreign::detect(TEXT), None);
}

#[test]
fn plain_bytes_are_their_own_content() {
    assert_eq!(inflate(TEXT, Compression::Plain).expect("nothing to fail"), TEXT);
}

#[test]
fn all_gzip_members_are_content_and_zeros_after_them_are_padding() {
    let mut stored = [gzip(b"one, "), gzip(b""), gzip(TEXT)].concat();
    let content = [b"one, ", TEXT].concat();
    assert_eq!(inflate(&stored, Compression::Gzip).expect("three members"), content);
    stored.resize(stored.len() + 300_000, 0);
    assert_eq!(inflate(&stored, Compression::Gzip).expect("padded"), content);
}

#[test]
fn gzip_headers_may_carry_extra_name_comment_and_checksum() {
    let mut encoder = flate2::GzBuilder::new()
        .extra(vec![7; 300])
        .filename("layer.tar")
        .comment("no comment")
        .write(Vec::new(), flate2::Compression::fast());
    encoder.write_all(TEXT).expect("in memory");
    let stored = encoder.finish().expect("in memory");
    assert_eq!(inflate(&stored, Compression::Gzip).expect("all fields"), TEXT);
    for len in 0..stored.len() {
        let (message, class) = refused(&stored[..len], Compression::Gzip);
        assert_eq!(message, format!("gzip stream is cut (stored_len={len})"));
        assert_eq!(class, Class::Damaged);
    }
}

#[test]
fn bytes_after_the_last_gzip_member_are_named_not_ignored() {
    let stored = gzip(TEXT);
    for (tail, offset) in [(&b"junk"[..], 0), (b"\0\0junk", 2), (b"\0\x1f\x8b\x08", 1)] {
        let (message, class) = refused(&[&stored, tail].concat(), Compression::Gzip);
        let at = stored.len() + offset;
        let expected = format!("bytes that are no gzip member follow the last one (offset={at})");
        assert_eq!((message, class), (expected, Class::Damaged));
    }
}

#[test]
fn a_wrong_gzip_checksum_or_length_is_damage() {
    let good = gzip(TEXT);
    for back in [1, 8] {
        let mut stored = good.clone();
        let at = stored.len() - back;
        stored[at] ^= 1;
        let (message, class) = refused(&stored, Compression::Gzip);
        assert_eq!(
            message,
            format!(
                "gzip stream is damaged (offset={}): \
                 checksum or length of a member does not match",
                good.len()
            )
        );
        assert_eq!(class, Class::Damaged);
    }
}

#[test]
fn zstd_frames_and_skippable_frames_are_read_in_a_row() {
    let skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc";
    let stored = [skippable, &zstd(b"one, ")[..], skippable, &zstd(TEXT), skippable].concat();
    let content = [b"one, ", TEXT].concat();
    assert_eq!(inflate(&stored, Compression::Zstd).expect("well formed"), content);
}

#[test]
fn cut_or_spoiled_zstd_is_damage() {
    let stored = zstd(TEXT);
    let (message, class) = refused(&stored[..stored.len() - 1], Compression::Zstd);
    let expected = format!("zstd stream is cut (stored_len={})", stored.len() - 1);
    assert_eq!((message, class), (expected, Class::Damaged));
    let (message, class) = refused(&[&stored[..], b"junkjunk"].concat(), Compression::Zstd);
    let at = stored.len();
    let expected = format!("zstd stream is damaged (offset={at}): Unknown frame descriptor");
    assert_eq!((message, class), (expected, Class::Damaged));
}

#[test]
fn a_zstd_window_above_the_limit_is_a_limit() {
    // Magic, a descriptor without content size, window 2^28, and an empty last raw block.
    let stored = [0x28, 0xb5, 0x2f, 0xfd, 0, (28 - 10) << 3, 1, 0, 0];
    let (message, class) = refused(&stored, Compression::Zstd);
    assert!(message.starts_with("zstd frame needs too large a window"), "{message}");
    assert!(message.ends_with("limit=128.0 MiB (134217728 bytes))"), "{message}");
    assert_eq!(class, Class::Limit);
    let allowed = [0x28, 0xb5, 0x2f, 0xfd, 0, (27 - 10) << 3, 1, 0, 0];
    assert_eq!(inflate(&allowed, Compression::Zstd).expect("allowed"), b"");
}

#[test]
fn content_past_the_ceiling_is_a_limit() {
    let stored = gzip(&[0; 5000]);
    let mut inflater =
        Inflater::new(stored.as_slice(), Compression::Gzip, 4999).expect("no memory is short");
    let error = io::copy(&mut inflater, &mut io::sink()).expect_err("one byte too many");
    let error = CompressionError::from_io(error);
    let expected = "gzip stream yields too much (limit=4.9 KiB (4999 bytes))";
    assert_eq!((error.to_string().as_str(), error.class()), (expected, Class::Limit));
    let bomb = vec![0; usize::try_from(limits::INFLATE_SLACK).expect("small") * 40];
    assert_eq!(inflate(&zstd(&bomb), Compression::Zstd).expect("zeros are lawful"), bomb);
}

#[test]
fn a_failed_read_is_not_damage() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("disk on fire"))
        }
    }
    for compression in [Compression::Plain, Compression::Gzip, Compression::Zstd] {
        let mut inflater = Inflater::new(Broken, compression, 1).expect("no memory is short");
        let error = CompressionError::from_io(inflater.read(&mut [0]).expect_err("broken"));
        assert!(matches!(error, CompressionError::Read(_)), "{error:?}");
        assert_eq!(error.class(), Class::Failed);
    }
}

#[test]
fn a_flipped_bit_never_gives_other_content() {
    let stored = gzip(TEXT);
    for bit in 0..stored.len() * 8 {
        let mut flipped = stored.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        // Time and system in the header and the last bits of the last deflate byte mean nothing.
        if let Ok(content) = inflate(&flipped, Compression::Gzip) {
            assert_eq!(content, TEXT, "bit {bit}");
        }
    }
}
