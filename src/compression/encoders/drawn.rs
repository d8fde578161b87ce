//! Contents for the tests of encoders.

use proptest::prelude::*;

use super::Encoder;

/// Runs of one byte, of noise and of few different bytes, and repeats of what was before.
pub(super) fn content(most_runs: usize) -> impl Strategy<Value = Vec<u8>> {
    let run = (0..6_u8, any::<u64>(), 0..60_000_usize);
    prop::collection::vec(run, 0..=most_runs).prop_map(|runs| {
        let mut content = Vec::new();
        for (kind, seed, len) in runs {
            add_run(&mut content, kind, seed, len);
        }
        content
    })
}

fn add_run(content: &mut Vec<u8>, kind: u8, seed: u64, len: usize) {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 24
    };
    let mut byte = |mask: u64| u8::try_from(next() & mask).expect("a byte");
    match kind {
        0 => content.resize(content.len() + len, byte(0xff)),
        1 => content.extend((0..len).map(|_| byte(0xff))),
        2 => content.extend((0..len).map(|_| byte(3))),
        3 => content.extend((0..len).map(|_| byte(0x0f) | 0x60)),
        _ => {
            let end = content.len() + len;
            while content.len() < end {
                let back = 1 + usize::from(byte(0xff)) * usize::from(byte(0xff));
                let start = content.len().saturating_sub(back);
                let stop = content.len().min(start + 3 + usize::from(byte(0x3f)));
                content.extend_from_within(start..stop);
                content.push(byte(0xff));
            }
        }
    }
}

/// What an encoder makes of a content that comes in pieces of these lengths, then all the rest.
pub(super) fn encode(mut encoder: Box<dyn Encoder>, content: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = content;
    for len in cuts {
        let (now, later) = rest.split_at((*len).min(rest.len()));
        encoder.write(now, &mut out);
        rest = later;
    }
    encoder.write(rest, &mut out);
    encoder.finish(&mut out);
    out
}
