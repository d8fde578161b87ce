//! Streams that lie, with every digest right.

use super::find::{Layer, relinked};
use super::*;
use crate::format::{Codec, FrameRow, StreamKind, StreamReader};

/// The delta with stored streams, of one kind the bytes that `edit` makes of them, as many.
fn edited(delta: &[u8], kind: StreamKind, edit: impl Fn(&mut [u8])) -> Vec<u8> {
    let opened = Delta::open(&delta).expect("own delta");
    let mut header = opened.header().clone();
    let mut body = Vec::new();
    for (number, group) in header.groups.iter_mut().enumerate() {
        for (stream, start) in group.streams.iter_mut().zip(&opened.needs().stream_starts[number]) {
            let mut bytes = vec![0; usize::try_from(stream.decoded_len()).expect("small")];
            let mut reader = StreamReader::new(opened.body(&delta), stream, *start).expect("known");
            reader.fill(&mut bytes).expect("whole");
            if stream.kind == kind.number() {
                edit(&mut bytes);
            }
            let len = u32::try_from(bytes.len()).expect("small");
            stream.codec = Codec::Stored.number();
            stream.frames = vec![FrameRow { encoded: len, decoded: len, window_log: 0 }];
            body.extend(bytes);
        }
    }
    header.blocks = body.chunks(256 << 10).map(|block| *Digest::of(block).as_bytes()).collect();
    let mut sealed = encode_head(&header, body.len() as u64).expect("memory");
    sealed.extend(body);
    sealed
}

/// A layer with a relinked program and other times, and the delta to it.
fn lab() -> (Vec<u8>, Vec<u8>) {
    let old = samples::random(21, 20_000);
    let base = Layer::new(&[("a", &old, 1), ("b", b"text", 1)]);
    let target = Layer::new(&[("a", &relinked(&old, 50), 7), ("b", b"text", 7)]);
    let (delta, _) = create_with(&[base.content()], target.target(), options());
    (base.bytes, delta)
}

fn refusal(base: &[u8], delta: &[u8]) -> String {
    run(&[base], delta).expect_err("must be refused").to_string()
}

#[test]
fn what_is_not_edited_comes_back() {
    let (base, delta) = lab();
    let again = edited(&delta, StreamKind::Gaps, |_| {});
    assert!(run(&[&base], &again).expect("lawful").0 == run(&[&base], &delta).expect("own").0);
}

#[test]
fn gaps_that_nobody_takes_are_refused() {
    let (base, delta) = lab();
    let longer = edited(&delta, StreamKind::Gaps, |gaps| gaps.fill(0x7f));
    assert!(refusal(&base, &longer).contains("a part takes all that it declares"));
}

#[test]
fn a_difference_behind_its_copy_is_refused() {
    let (base, delta) = lab();
    let longer = edited(&delta, StreamKind::Gaps, |gaps| {
        let len = gaps.len();
        // One varint of four bytes, which no copy here is as long as.
        gaps[..len - len % 4].chunks_exact_mut(4).for_each(|four| {
            four.copy_from_slice(&[0xff, 0xff, 0xff, 0x7f]);
        });
    });
    assert!(refusal(&base, &longer).contains("differences lie inside their instruction"));
}

#[test]
fn a_difference_that_is_none_is_refused() {
    let (base, delta) = lab();
    let none = edited(&delta, StreamKind::Differences, |bytes| bytes[3] = 0);
    assert!(refusal(&base, &none).contains("a difference is not 0"));
    let other = edited(&delta, StreamKind::Differences, |bytes| bytes[3] ^= 0x40);
    let error = run(&[&base], &other).expect_err("must be refused");
    assert!(matches!(error, ApplyError::DigestMismatch { .. }), "{error:?}");
}

#[test]
fn headers_that_lie_are_refused() {
    let (base, delta) = lab();
    for value in 0..=u8::MAX {
        let lying = edited(&delta, StreamKind::Headers, |bytes| bytes[0] = value);
        if let Ok((made, _)) = run(&[&base], &lying) {
            assert!(made == run(&[&base], &delta).expect("own").0, "{value}");
        }
    }
}

#[test]
fn a_gap_that_takes_more_than_there_is_ends() {
    let (base, delta) = lab();
    // Each byte goes on with the varint, so that none ends before the stream does.
    let endless = edited(&delta, StreamKind::Gaps, |gaps| gaps.fill(0xff));
    assert!(refusal(&base, &endless).contains("a varint fits 64 bits"));
}
