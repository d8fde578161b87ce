//! Blobs of any encoder, whole and mutated, before the detector.
//!
//! The first byte says what is done to the blob, the next ones choose its encoder, then come its
//! content and the changes.

use std::io::Read as _;

use chunkdelta::compression::detector::{DetectedPiece, detect};
use chunkdelta::compression::encoders::{self, Setup};
use chunkdelta::compression::{Compression, Inflater, Member};
use chunkdelta::format::{EncodeRun, Framing};
use chunkdelta::source::Sequential;
use flate2::Crc;

use super::draw::Draw;
use super::encoders::{choice, content, is_deflate, member};

/// More content than this is not looked at.
const CEILING: u64 = 400 << 10;

/// Content of a blob at most, in bytes: more than what candidates are told apart by, and little, as
/// hundreds of them may see all of it.
const LONGEST: usize = 144 << 10;

pub(super) fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let what = draw.byte();
    let (number, parameters) = choice(&mut draw);
    let mut changes = Draw::new(draw.bytes(usize::from(what / 16) * 3));
    let mut content = content(&mut draw);
    content.truncate(LONGEST);
    let number = if is_deflate(number) { number } else { 1 };
    let Some((mut stored, _)) = member(&content, number, &parameters) else { return };
    if what & 1 == 1 {
        let again = member(&content[content.len() / 2..], 1, &[6]).expect("known").0;
        stored.extend(again);
        content.extend_from_within(content.len() / 2..);
    }
    if what & 2 == 2 {
        stored.extend([0; 30]);
    }
    if what & 4 == 4 {
        // The stored bytes change: what is left of the content is what the detector is given.
        while !changes.is_empty() {
            let at = changes.below(stored.len());
            stored[at] ^= changes.byte();
        }
    }
    let (inflated, members, is_whole) = inflate(&stored);
    let is_own = what & 8 == 0;
    let content = if is_own { inflated } else { content };
    let Some(pieces) = detect(&stored, Compression::Gzip, &content, members.as_deref()) else {
        return;
    };
    // The trailers are the inflater's to check, and so is whose content it is.
    assert!(
        !(is_own && is_whole) || made(&stored, &content, &pieces) == stored,
        "pieces make the stored bytes"
    );
}

/// The content as far as it goes, the members, and whether that is all.
fn inflate(stored: &[u8]) -> (Vec<u8>, Option<Vec<Member>>, bool) {
    let mut content = Vec::new();
    let Ok(mut inflater) = Inflater::new(Sequential::new(stored), Compression::Gzip, CEILING)
    else {
        return (content, None, false);
    };
    let mut buf = vec![0; 64 << 10];
    let is_whole = loop {
        match inflater.read(&mut buf) {
            Ok(0) => break true,
            Ok(given) => content.extend(&buf[..given]),
            Err(_) => break false,
        }
    };
    (content, inflater.members().map(<[_]>::to_vec), is_whole)
}

/// What the pieces make of the content, all of it.
fn made(stored: &[u8], content: &[u8], pieces: &[DetectedPiece]) -> Vec<u8> {
    let (mut rest, mut out) = (content, Vec::new());
    for piece in pieces {
        match piece {
            DetectedPiece::Raw(range) => out.extend(&stored[range.clone()]),
            DetectedPiece::Encoded(run) => rest = pieces_of(run, rest, &mut out),
        }
    }
    assert!(rest.is_empty(), "pieces take the whole content");
    out
}

fn pieces_of<'c>(run: &EncodeRun, mut content: &'c [u8], out: &mut Vec<u8>) -> &'c [u8] {
    for &content_len in &run.lengths {
        let len = usize::try_from(content_len).expect("inside the content");
        let (now, later) = content.split_at(len);
        out.extend(&run.header);
        let EncodeRun { encoder, parameters, corrections, .. } = run;
        let setup = Setup { number: *encoder, parameters, corrections, content_len };
        let mut encoder = encoders::start(&setup).expect("what was found is known");
        encoder.write(now, out);
        encoder.finish(out);
        if run.framing == Framing::Gzip {
            let mut check = Crc::new();
            check.update(now);
            out.extend(check.sum().to_le_bytes());
            out.extend(check.amount().to_le_bytes());
        }
        content = later;
    }
    content
}
