//! What holds of every era and level; the golden vectors compare with the originals.

use std::io::Read;

use flate2::read::DeflateDecoder;
use proptest::prelude::*;

use super::super::EncoderError;
use super::start;

fn encode(number: u32, parameters: &[u64], pieces: &[&[u8]]) -> Vec<u8> {
    let mut encoder = start(number, parameters).expect("known parameters");
    let mut out = Vec::new();
    for piece in pieces {
        encoder.write(piece, &mut out);
    }
    encoder.finish(&mut out);
    out
}

fn inflate(stored: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let mut decoder = DeflateDecoder::new(stored);
    decoder.read_to_end(&mut content).expect("deflate");
    assert_eq!(decoder.total_in(), stored.len() as u64, "all of it is the stream");
    content
}

/// Numbers with every set of parameters that is of worth, blocks of pgzip among them.
fn parameters() -> impl Strategy<Value = (u32, Vec<u64>)> {
    let block_len = prop_oneof![Just(0), Just(16_385), 16_385..100_000_u64, Just(1 << 20)];
    (2..=6_u32, 0..=10_u64, block_len).prop_map(|(number, level, block_len)| match number {
        6 => (5, vec![level, block_len, 1]),
        _ => (number, vec![level, block_len]),
    })
}

/// Runs of one byte, noise, few letters, repeats from before: up to 400 KB.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let part = (0..5_u8, prop_oneof![0..300_usize, 0..70_000_usize], any::<u32>());
    prop::collection::vec(part, 0..8).prop_map(|parts| {
        let mut content: Vec<u8> = Vec::new();
        for (kind, len, seed) in parts {
            let mut state = seed | 1;
            let mut random = || {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state
            };
            let start = if content.is_empty() { 0 } else { seed as usize % content.len() };
            match kind {
                0 => content.resize(content.len() + len, seed.to_le_bytes()[1]),
                1 => content.extend((0..len).map(|_| random().to_le_bytes()[2])),
                2 => content.extend((0..len).map(|_| b'a' + random().to_le_bytes()[2] % 4)),
                3 => content.extend_from_within(start..content.len().min(start + len)),
                _ => {
                    let far = content.len().saturating_sub(32_768);
                    content.extend_from_within(far..content.len().min(far + len));
                }
            }
        }
        content
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn content_comes_back_however_it_was_split(
        (number, parameters) in parameters(),
        content in content(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let stored = encode(number, &parameters, &[&content]);
        prop_assert!(inflate(&stored) == content);

        let mut cuts: Vec<usize> =
            cuts.into_iter().map(|cut| cut.index(content.len() + 1)).collect();
        cuts.extend([0, content.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &content[cut[0]..cut[1]]).collect();
        prop_assert!(encode(number, &parameters, &pieces) == stored);
    }
}

#[test]
fn pgzip_gives_the_same_with_any_number_of_threads() {
    let content: Vec<u8> = (0..600_000_u32).flat_map(|n| (n % 1000 * n).to_le_bytes()).collect();
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| encode(3, &[5, 100_000], &[&content]))
    };
    let stored = with_threads(1);
    assert!(inflate(&stored) == content);
    assert!(with_threads(2) == stored);
    assert!(with_threads(5) == stored);
}

#[test]
fn pgzip_ends_whole_blocks_with_an_empty_one() {
    let stored = encode(3, &[5, 16_385], &[&vec![0; 16_385]]);
    assert!(stored.ends_with(&[0, 0, 0, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 3, 0]));
    assert_eq!(encode(3, &[5, 16_385], &[]), [0, 0, 0, 0xff, 0xff, 3, 0]);
}

#[test]
fn nothing_is_an_empty_block() {
    for level in 0..=10 {
        assert_eq!(encode(3, &[level, 0], &[]), [3, 0], "level {level}");
    }
}

#[test]
fn other_parameters_are_refused() {
    let refused = |number, parameters: &[u64]| {
        start(number, parameters).map(|_| ()).expect_err("refused").to_string()
    };
    let rule = |number, rule| format!("encoder {number} does not take these parameters ({rule})");
    assert_eq!(refused(2, &[]), rule(2, "a level and a block length"));
    assert_eq!(refused(4, &[5, 0, 1]), rule(4, "a level and a block length"));
    assert_eq!(refused(5, &[5, 0, 2]), rule(5, "a level and a block length"));
    assert_eq!(refused(3, &[11, 0]), rule(3, "a level is 0 to 10"));
    assert_eq!(refused(3, &[u64::MAX, 0]), rule(3, "a level is 0 to 10"));
    assert_eq!(refused(3, &[5, 1]), rule(3, "a block is longer than 16384 bytes"));
    assert_eq!(refused(3, &[5, 16_384]), rule(3, "a block is longer than 16384 bytes"));
    assert_eq!(refused(3, &[5, 16_777_217]), rule(3, "a block has at most 16777216 bytes"));
    assert_eq!(refused(3, &[5, u64::MAX]), rule(3, "a block has at most 16777216 bytes"));
    assert!(matches!(start(0, &[5, 0]), Err(EncoderError::Unknown { number: 0 })));
}
