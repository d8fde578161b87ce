use std::io::Read as _;

use proptest::prelude::*;

use super::*;
use crate::compression::encoders::drawn::{content, encode};

fn decode(stored: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    flate2::read::DeflateDecoder::new(stored).read_to_end(&mut content).expect("a whole stream");
    content
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_encoded_inflates_to_the_content_however_it_is_cut(
        content in content(6),
        level in 1..=9_u64,
        frames in prop::option::of((32_768..100_000_u64, 0..3_u64)),
        cuts in prop::collection::vec(0..70_000_usize, 0..9),
    ) {
        let (block_len, history) = frames.unwrap_or_default();
        let parameters = [level, block_len, history];
        let encoder = || start(&parameters).expect("parameters");
        let stored = encode(encoder(), &content, &cuts);
        prop_assert!(decode(&stored) == content);
        prop_assert!(encode(encoder(), &content, &[]) == stored, "cuts show");
    }
}

#[test]
fn parameters_that_are_not_zlibs_are_refused() {
    for (parameters, rule) in [
        (&[][..], "level, length of blocks, history"),
        (&[6], "level, length of blocks, history"),
        (&[6, 0, 0, 0], "level, length of blocks, history"),
        (&[0, 0, 0], "levels are 1 to 9"),
        (&[10, 0, 0], "levels are 1 to 9"),
        (&[u64::MAX, 0, 0], "levels are 1 to 9"),
        (&[6, 0, 1], "a stream without blocks has no history"),
        (&[6, 32_767, 0], "blocks are 32 KiB to 1 TiB long"),
        (&[6, u64::MAX, 0], "blocks are 32 KiB to 1 TiB long"),
        (&[6, 131_072, 3], "histories are 0 to 2"),
    ] {
        let error = start(parameters).err().expect("must be refused");
        assert_eq!(error, EncoderError::Parameters { number: NUMBER, rule }, "{parameters:?}");
    }
}

#[test]
fn the_stock_zlib_is_linked() {
    assert!(stock::is_linked());
}
