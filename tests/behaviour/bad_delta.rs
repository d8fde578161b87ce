//! Deltas that were cut, flipped, spliced, or made by a later version.

use chunkdelta::digest::Digest;

use crate::archive::gzip;
use crate::lab::{Lab, Told};

/// `apply` from a file and from a pipe, and `verify` with and without a base, all refuse `bytes`.
#[track_caller]
fn refused(lab: &Lab, code: i32, bytes: &[u8]) -> Told {
    lab.write("bad", bytes);
    let told = lab.refused(code, &["apply", "base.tar", "bad", "-o", "out"]);
    lab.refused(code, &["verify", "bad"]);
    lab.refused(code, &["verify", "bad", "base.tar"]);
    let piped = lab.refused_with(code, &["apply", "base.tar", "-", "-o", "out"], bytes.to_vec());
    piped.has(&["spooling standard input to "]);
    told
}

fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four")) as usize
}

/// Where the body begins.
fn body_start(delta: &[u8]) -> usize {
    48 + word(delta, 12)
}

/// Makes the header digest right again: over bytes 0 to 16 and from 48 to the header's end.
fn seal(delta: &mut [u8]) {
    let end = body_start(delta);
    let covered = [&delta[..16], &delta[48..end]].concat();
    delta[16..48].copy_from_slice(Digest::of(&covered).as_bytes());
}

#[test]
fn a_delta_cut_anywhere_is_damaged() {
    let lab = Lab::with_delta();
    let delta = lab.read("delta");
    let body = body_start(&delta);
    let places = [1, 7, 8, 16, 47, 48, 63, 64, body - 1, body, body + 1, delta.len() - 1];
    for len in places {
        let told = refused(&lab, 4, &delta[..len]);
        let message = if len < 8 { "not a delta" } else { "the delta is cut (reading " };
        told.has(&["cannot use bad as a delta: ", message, "\nhint: "]);
    }
}

#[test]
fn a_flipped_bit_anywhere_is_damage() {
    let lab = Lab::with_delta();
    let delta = lab.read("delta");
    let body = body_start(&delta);
    let len = delta.len();
    let places = [0, 7, 8, 9, 11, 12, 14, 15, 16, 47, 48, 56, 60, 64, 200, body - 1, body, len - 1];
    for (number, at) in places.into_iter().chain((body..len).step_by(len / 9)).enumerate() {
        let mut bad = delta.clone();
        bad[at] ^= 1 << (number % 8);
        lab.write("bad", &bad);
        let told = lab.refused(4, &["apply", "base.tar", "bad", "-o", "out"]);
        told.has(&["cannot use bad as a delta: "]);
        lab.refused(4, &["verify", "bad"]);
    }
}

#[test]
fn a_damaged_block_names_both_digests() {
    let lab = Lab::with_delta();
    let mut delta = lab.read("delta");
    let body = body_start(&delta);
    let right = Digest::of(&delta[body..]);
    *delta.last_mut().expect("long") ^= 1;
    let wrong = Digest::of(&delta[body..]);
    let told = refused(&lab, 4, &delta);
    told.has(&[&format!("is damaged (expected {right}, found {wrong})"), "\nhint: transfer the"]);
}

#[test]
fn trailing_bytes_are_damage() {
    let lab = Lab::with_delta();
    let delta = lab.read("delta");
    for tail in [&b"\0"[..], b"more"] {
        let told = refused(&lab, 4, &[&delta, tail].concat());
        told.has(&[&format!(
            "the delta goes on after its end (expected {} bytes, found {})",
            delta.len(),
            delta.len() + tail.len()
        )]);
    }
    refused(&lab, 4, &delta.repeat(2)).has(&["the delta goes on after its end"]);
}

#[test]
fn two_deltas_spliced_are_damage() {
    let lab = Lab::with_delta();
    lab.run(&["create", "target.tar", "base.tar", "-o", "other"]).ok();
    let (one, other) = (lab.read("delta"), lab.read("other"));
    let head = &one[..body_start(&one)];
    refused(&lab, 4, &[head, &other[body_start(&other)..]].concat());
    let mut swapped = other.clone();
    swapped[16..48].copy_from_slice(&one[16..48]);
    refused(&lab, 4, &swapped).has(&["the header of the delta is damaged (expected sha256:"]);
    let half = one.len().min(other.len()) / 2;
    refused(&lab, 4, &[&one[..half], &other[half..]].concat());
}

#[test]
fn a_newer_version_is_unsupported_and_both_versions_are_named() {
    let lab = Lab::with_delta();
    let mut delta = lab.read("delta");
    delta[8..12].copy_from_slice(&2_u32.to_le_bytes());
    // A flipped bit in the version is damage: only a whole header is believed.
    refused(&lab, 4, &delta).has(&["the header of the delta is damaged"]);
    seal(&mut delta);
    let told = refused(&lab, 5, &delta);
    told.has(&["the delta has format version 2, this program reads version 1"]);
    told.has(&["hint: a newer chunkdelta reads it: update this one"]);
    lab.refused(5, &["inspect", "bad"]).has(&["format version 2"]);
}

#[test]
fn an_unknown_codec_is_unsupported() {
    let lab = Lab::with_delta();
    let mut delta = lab.read("delta");
    delta[60..64].copy_from_slice(&77_u32.to_le_bytes());
    seal(&mut delta);
    let told = refused(&lab, 5, &delta);
    told.has(&[" 77, which this program does not know", "update this one"]);
}

#[test]
fn the_version_is_judged_before_anything_behind_it() {
    let lab = Lab::with_delta();
    let mut delta = lab.read("delta");
    let whole = delta.clone();
    // Newer, and its body cut: the version decides.
    delta[8..12].copy_from_slice(&9_u32.to_le_bytes());
    seal(&mut delta);
    delta.truncate(whole.len() - 5);
    refused(&lab, 5, &delta).has(&["format version 9"]);
    // An absurd header length is damage, whatever else is said.
    let mut delta = whole.clone();
    delta[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    refused(&lab, 4, &delta).has(&["header length of the delta is above its ceiling"]);
    // A decoded length above its ceiling comes after the version.
    let mut delta = whole;
    delta[56..60].copy_from_slice(&u32::MAX.to_le_bytes());
    seal(&mut delta);
    refused(&lab, 4, &delta).has(&["decoded header length of the delta is above its ceiling"]);
}

#[test]
fn the_delta_is_judged_before_memory_and_memory_before_the_base() {
    let lab = Lab::with_delta();
    lab.write("wrong", b"no image");
    let mut damaged = lab.read("delta");
    *damaged.last_mut().expect("long") ^= 1;
    lab.write("bad", &damaged);
    let run = |delta, base, memory| ["apply", base, delta, "-o", "out", "--memory", memory];
    lab.refused(4, &run("bad", "wrong", "1MB")).has(&["cannot use bad as a delta"]);
    lab.refused(7, &run("delta", "wrong", "1MB")).has(&["limit 976.6 KiB (1000000 bytes)"]);
    lab.refused(4, &run("delta", "wrong", "1GB")).has(&["cannot use wrong as an image"]);
    lab.refused(3, &run("delta", "target.tar", "1GB")).has(&["does not have what the delta needs"]);
}

#[test]
fn a_compressed_delta_is_not_taken_for_one() {
    let lab = Lab::with_delta();
    lab.write("bad", &gzip(&lab.read("delta")));
    lab.refused(2, &["apply", "base.tar", "bad", "-o", "out"])
        .has(&["bad is an image, not a delta"]);
}
