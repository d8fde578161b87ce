//! Arbitrary bytes as a delta, whose header digest is put right so that mutations get past it.

use chunkdelta::delta::missing_nodes;
use chunkdelta::digest::Digest;
use chunkdelta::format::{Delta, encode_head};

/// Where the header length and the header digest stand.
const LENGTH: usize = 12;
const DIGEST: usize = 16;
const FROZEN: usize = 48;

pub(super) fn run(input: &[u8]) {
    open(input);
    if let Some(resealed) = resealed(input) {
        open(&resealed);
    }
}

fn resealed(input: &[u8]) -> Option<Vec<u8>> {
    let length = u32::from_le_bytes(input.get(LENGTH..DIGEST)?.try_into().ok()?);
    let rest = input.get(FROZEN..FROZEN.checked_add(usize::try_from(length).ok()?)?)?;
    let digest = Digest::of(&[&input[..DIGEST], rest].concat());
    let mut resealed = input.to_vec();
    resealed[DIGEST..FROZEN].copy_from_slice(digest.as_bytes());
    Some(resealed)
}

fn open(bytes: &[u8]) {
    let Ok(delta) = Delta::open(&bytes) else { return };
    assert_eq!(delta.file_len(), bytes.len() as u64);
    let needs = delta.needs();
    assert_eq!(needs.stream_starts.len(), delta.header().groups.len());
    assert!(needs.largest_group <= needs.stream_len);
    let nodes = &delta.header().nodes;
    let sources: Vec<_> = nodes.iter().map(|_| None).collect();
    assert!(missing_nodes(&delta, &sources).len() <= nodes.len());
    let body = delta.body(&bytes);
    let mut block = Vec::new();
    // One past the last: it must be refused like a damaged one.
    for number in 0..=body.block_count() {
        let read = body.read_block(number, &mut block);
        assert!(read.is_err() || number < body.block_count());
    }
    let body_len = delta.file_len() - delta.head_len();
    let mut again = encode_head(delta.header(), body_len).expect("memory");
    let body_start = usize::try_from(delta.head_len()).expect("it is in memory");
    again.extend(&bytes[body_start..]);
    let again = Delta::open(&again).expect("what was read is written so that it reads");
    assert_eq!(again.header(), delta.header());
    assert_eq!(again.needs(), needs);
}
