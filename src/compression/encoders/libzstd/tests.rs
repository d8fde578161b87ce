use proptest::prelude::*;

use super::*;
use crate::compression::encoders::drawn::{content, encode};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_encoded_is_decoded_to_the_content_however_it_is_cut(
        content in content(24),
        level in 1..=6_u64,
        flags in 0..16_u64,
        window_log in prop_oneof![Just(0), 10..=23_u64],
        cuts in prop::collection::vec(0..200_000_usize, 0..9),
    ) {
        let pledged = flags & Flags::PLEDGED != 0;
        let flags = if pledged { flags } else { flags & !Flags::END_WITH_LAST };
        let parameters = [level, flags, window_log];
        let encoder = || start(&parameters, content.len() as u64).expect("parameters");
        let stored = encode(encoder(), &content, &cuts);
        prop_assert!(zstd::decode_all(&stored[..]).expect("a whole frame") == content);
        prop_assert!(encode(encoder(), &content, &[]) == stored, "cuts show");
    }
}

#[test]
fn a_content_of_another_length_than_it_was_told_has_no_frame() {
    let content = [7; 10_000];
    for flags in [2, 6, 10, 14] {
        for told_len in [0, 1, 9_999, 10_001, 1 << 20, u64::MAX - 2] {
            let encoder = start(&[3, flags, 0], told_len).expect("parameters");
            let stored = encode(encoder, &content, &[4000, 4000]);
            let decoded = zstd::decode_all(&stored[..]);
            assert!(decoded.is_err() || decoded.ok() < Some(content.into()), "{flags} {told_len}");
        }
    }
}

#[test]
fn parameters_that_are_not_libzstds_are_refused() {
    for (parameters, content_len, rule) in [
        (&[][..], 0, "level, flags, window"),
        (&[3, 0], 0, "level, flags, window"),
        (&[3, 0, 0, 0], 0, "level, flags, window"),
        (&[0, 0, 0], 0, "levels are 1 to 19"),
        (&[20, 0, 0], 0, "levels are 1 to 19"),
        (&[u64::MAX, 0, 0], 0, "levels are 1 to 19"),
        (&[3, 16, 0], 0, "flags are four bits"),
        (&[3, 0, 9], 0, "windows are 2^10 to 2^23"),
        (&[3, 0, 24], 0, "windows are 2^10 to 2^23"),
        (&[3, 0, 1 << 32], 0, "windows are 2^10 to 2^23"),
        (&[3, 8, 0], 0, "the last bytes are known where the length is told"),
        (&[3, 2, 0], u64::MAX, "contents are shorter than that"),
        (&[3, 2, 0], u64::MAX - 1, "contents are shorter than that"),
    ] {
        let error = start(parameters, content_len).err().expect("must be refused");
        assert_eq!(error, EncoderError::Parameters { number: NUMBER, rule }, "{parameters:?}");
    }
}

#[test]
fn memory_goes_by_level_workers_and_what_is_told_of_the_content() {
    let memory = |parameters: &[u64], content_len| {
        memory(&Setup { number: NUMBER, parameters, corrections: &[], content_len })
    };
    assert_eq!(memory(&[3, 0, 0], 1 << 30), 4 << 20);
    assert_eq!(memory(&[3, 5, 0], 1 << 30), 37 << 20);
    assert_eq!(memory(&[19, 15, 0], 1 << 30), 219 << 20);
    assert_eq!(memory(&[19, 15, 0], 1000), (17 << 10) + (8 << 20));
    assert_eq!(memory(&[19, 5, 0], 1000), 219 << 20, "a pipe tells nothing");
    assert_eq!(memory(&[1, 0, 23], 1 << 30), 10 << 20);
    assert_eq!(memory(&[20, 0, 0], 1 << 30), 0);
    assert_eq!(memory(&[1, 3, 0], u64::MAX), 2 << 20);
}

#[test]
fn the_pinned_libzstd_is_linked() {
    assert_eq!(zstd_safe::version_number(), VERSION);
}
