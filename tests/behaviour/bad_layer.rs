//! Compressed layers that are cut, damaged, or promise what does not follow: named, with no output,
//! whichever image they lie in. The documents tell their digests as they are, so that it is the
//! compressed stream itself which is judged.

use std::time::{Duration, Instant};

use crate::archive::{Compress, Members, gzip, layer, noise, versions, zstd};
use crate::lab::Lab;

/// Text enough for several symbols and a long match.
fn content() -> Vec<u8> {
    layer("file", &noise(5, 6000).repeat(2))
}

/// An image whose one layer is stored as `stored`, whatever that is.
fn image(content: &[u8], stored: &[u8]) -> Vec<u8> {
    Members::oci("app:1", &[content.to_vec()], |_| stored.to_vec()).pack()
}

/// An image whose one layer is [`content`] and stored as `stored`, as `bad`; one with nearly that
/// content, plain, as `target.tar`; and the delta to it.
fn lab(stored: &[u8]) -> Lab {
    let content = content();
    let lab = Lab::new();
    lab.write("plain.tar", &Members::docker("app:1", std::slice::from_ref(&content)).pack());
    let mut near = content.clone();
    near[3000] ^= 1;
    lab.write("target.tar", &Members::docker("app:1", &[near]).pack());
    lab.run(&["create", "plain.tar", "target.tar", "-o", "delta"]).ok();
    lab.write("bad", &image(&content, stored));
    lab
}

/// `create` refuses it as BASE and as TARGET, however it is made.
#[track_caller]
fn refused_by_create(stored: &[u8], words: &[&str]) -> Lab {
    let lab = lab(stored);
    for run in [
        &["create", "bad", "target.tar", "-o", "out"][..],
        &["create", "target.tar", "bad", "-o", "out"],
        &["create", "target.tar", "bad", "-o", "out", "--portable"],
        &["create", "target.tar", "bad", "-o", "out", "--content-only"],
    ] {
        let told = lab.refused(4, run);
        told.has(words);
        told.has(&["blobs/sha256/", "\nhint: "]);
    }
    lab
}

/// And so does `apply`, as the base of a delta that needs its content; it blames the base.
#[track_caller]
fn refused(stored: &[u8], words: &[&str]) {
    let lab = refused_by_create(stored, words);
    let told = lab.refused(3, &["apply", "bad", "delta", "-o", "out"]);
    told.has(&["bad", "\nhint: "]);
}

const BOTH: [(&str, Compress); 2] = [("gzip", gzip), ("zstd", zstd)];

#[test]
fn a_layer_that_is_cut_is_named() {
    for (name, compress) in BOTH {
        let stored = compress(&content());
        for len in [stored.len() - 1, stored.len() / 2, 19] {
            refused(&stored[..len], &[&format!("{name} stream is cut (stored_len={len})")]);
        }
    }
}

#[test]
fn a_layer_with_a_damaged_stream_is_named() {
    for (name, compress) in BOTH {
        let mut stored = compress(&content());
        // The type of the first block becomes the one that there is not.
        let at = if name == "gzip" { 10 } else { 9 };
        stored[at] |= 6;
        refused(&stored, &[&format!("{name} stream is damaged (offset=")]);
    }
}

#[test]
fn a_layer_with_a_wrong_checksum_or_length_in_its_trailer_is_named() {
    for back in 1..=8 {
        let mut stored = gzip(&content());
        let at = stored.len() - back;
        stored[at] ^= 0x40;
        refused(&stored, &["checksum or length of a member does not match"]);
    }
}

#[test]
fn a_layer_whose_header_promises_what_does_not_follow_is_named() {
    // An extra field of 65,535 bytes, a name and a comment that do not end.
    for flags in [4, 8, 16] {
        let header = [&[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255][..], &[0xff; 3000]].concat();
        refused(&header, &["gzip stream is cut (stored_len=3010)"]);
    }
    // A frame that declares more and less content than its blocks have.
    let stored = zstd(&content());
    assert_eq!(stored[4] >> 5, 0b011, "a content size of two bytes, one segment");
    for change in [-1, 1] {
        let mut stored = stored.clone();
        let declared = u16::from_le_bytes([stored[5], stored[6]]).wrapping_add_signed(change);
        stored[5..7].copy_from_slice(&declared.to_le_bytes());
        refused(&stored, &["zstd stream is damaged (offset="]);
    }
}

#[test]
fn bytes_behind_a_layer_are_named_and_no_matter_to_who_applies() {
    for (stored, tail, words) in [
        (gzip(&content()), &b"junk"[..], "bytes that are no gzip member follow the last one"),
        (zstd(&content()), b"junkjunk", "zstd stream is damaged (offset="),
    ] {
        let lab = refused_by_create(&[&stored, tail].concat(), &[words]);
        // The content is all there, and what is made of it has the right digest.
        lab.run(&["apply", "bad", "delta", "-o", "out"]).ok();
        lab.assert_same("out", "target.tar");
    }
}

#[test]
fn a_layer_that_inflates_a_thousandfold_takes_no_more_than_it_declares() {
    let zeros = vec![0; 48 << 20];
    for (name, compress) in BOTH {
        let lab = Lab::new();
        let [before, _] = versions(4000);
        lab.write("base.tar", &Members::docker("app:1", &before).pack());
        let stored = compress(&zeros);
        assert!(stored.len() < zeros.len() / 200, "{name}");
        lab.write("target.tar", &image(&zeros, &stored));
        let start = Instant::now();
        lab.create(&[]);
        lab.run(&["apply", "base.tar", "delta", "-o", "out"]).ok();
        lab.assert_same("out", "target.tar");
        // As a base it gives what was asked of it: nothing but the digest of what it holds.
        lab.run(&["create", "target.tar", "base.tar", "-o", "back"]).ok();
        lab.run(&["apply", "target.tar", "back", "-o", "again"]).ok();
        lab.assert_same("again", "base.tar");
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    }
}
