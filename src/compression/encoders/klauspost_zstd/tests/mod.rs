//! Frames: what goes in comes out, however it comes in.

mod frames;

use proptest::prelude::*;

use super::*;

fn encode(parameters: &Parameters, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = KlauspostZstd::new(parameters.clone());
    encoder.write(content, &mut out);
    encoder.finish(&mut out);
    out
}

fn decode(frame: &[u8]) -> Vec<u8> {
    zstd::decode_all(frame).expect("a frame")
}

fn parameters(numbers: &[u64]) -> Parameters {
    Parameters::from_numbers(numbers).expect("parameters")
}

/// Every level with every era.
fn kinds() -> Vec<(Level, Era)> {
    Level::ALL.into_iter().flat_map(|level| Era::ALL.map(|era| (level, era))).collect()
}

/// Those of [`kinds`] that did not corrupt content now and then. Releases before 1.17.2 and from
/// 1.17.3 to 1.17.5 did, at level best.
fn sound_kinds() -> Vec<(Level, Era)> {
    let mut kinds = kinds();
    kinds.retain(|(level, era)| *level < Level::Best || *era >= Era::V1_17_6);
    kinds
}

/// Every level in the newest era.
fn newest() -> [(Level, Era); 4] {
    Level::ALL.map(|level| (level, Era::V1_17_8))
}

/// A stream that is written and closed.
fn stream(level: Level, era: Era) -> Parameters {
    Parameters { level, era, feed: Feed::Stream { first_len: 0, is_flushed: false } }
}

/// Content with matches: pieces that come again, changed in places, and noise.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        prop::collection::vec(b'a'..b'g', 0..300),
        (any::<u8>(), 0..5000_usize).prop_map(|(byte, len)| vec![byte; len]),
    ];
    let picks = prop::collection::vec((any::<prop::sample::Index>(), any::<u16>()), 0..200);
    (prop::collection::vec(piece, 1..8), picks).prop_map(|(pieces, picks)| {
        let mut content = Vec::new();
        for (pick, change) in picks {
            let start = content.len();
            let piece: &Vec<u8> = pick.get(&pieces);
            content.extend_from_slice(piece);
            if let Some(byte) = content.get_mut(start + usize::from(change)) {
                *byte ^= 0x55;
            }
        }
        content
    })
}

/// Block lengths that add up to a length; what `ends` leaves over is the last block.
fn layout(ends: &[u32], len: usize) -> Layout {
    let mut layout = Layout::of_header(0x04, 20).expect("a header");
    let mut left = u32::try_from(len).expect("short");
    for end in ends {
        let block_len = left.min(*end);
        if block_len > 0 {
            layout.push(block_len, 1).expect("a block");
        }
        left -= block_len;
    }
    while left > 0 {
        let block_len = left.min(BLOCK_LEN);
        layout.push(block_len, 1).expect("a block");
        left -= block_len;
    }
    layout.push(0, 1).expect("the last block");
    layout
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_decoder_gives_the_content_back(
        content in contents(),
        (level, era) in prop::sample::select(sound_kinds()),
    ) {
        // No content gives no frame.
        prop_assume!(!content.is_empty());
        let frame = encode(&stream(level, era), &content);
        prop_assert!(decode(&frame) == content);
    }

    #[test]
    fn blocks_may_end_anywhere(
        content in contents(),
        mut ends in prop::collection::vec(1..600_u32, 0..40),
        (level, era) in prop::sample::select(sound_kinds()),
    ) {
        if level > Level::Default {
            // The compressor breaks some frames with blocks of 32 to 47 bytes.
            for end in &mut ends {
                *end += 47;
            }
        }
        let layout = layout(&ends, content.len());
        let feed = Feed::Frame(layout.clone());
        let frame = encode(&Parameters { level, era, feed }, &content);
        prop_assert!(decode(&frame) == content);
        prop_assert_eq!(read(&frame), vec![(Frame::Content(layout), content)]);
    }

    #[test]
    fn the_split_over_calls_does_not_matter(
        content in contents(),
        splits in prop::collection::vec(0..700_usize, 1..20),
        (level, era) in prop::sample::select(kinds()),
    ) {
        let parameters = stream(level, era);
        let (mut encoder, mut out) = (KlauspostZstd::new(parameters.clone()), Vec::new());
        let mut rest = &content[..];
        for split in splits.iter().chain([&usize::MAX]) {
            let (now, later) = rest.split_at(rest.len().min(*split));
            encoder.write(now, &mut out);
            rest = later;
        }
        encoder.finish(&mut out);
        prop_assert!(out == encode(&parameters, &content));
    }

    #[test]
    fn a_content_of_another_length_is_no_panic(
        content in contents(),
        ends in prop::collection::vec(1..600_u32, 0..40),
        len in 0..300_000_usize,
        (level, era) in prop::sample::select(kinds()),
    ) {
        let layout = layout(&ends, len);
        encode(&Parameters { level, era, feed: Feed::Frame(layout) }, &content);
    }

    /// What a stream does to its frame is read off the frame.
    #[test]
    fn a_stream_is_told_by_its_frame(
        content in contents().prop_filter("a frame", |content| !content.is_empty()),
        first_len in 0..3000_u32,
        is_flushed: bool,
        (level, era) in prop::sample::select(sound_kinds()),
    ) {
        let feed = Feed::Stream { first_len, is_flushed };
        let frame = encode(&Parameters { level, era, feed }, &content);
        prop_assert!(decode(&frame) == content);
        let frames = read(&frame);
        let (Frame::Content(layout), _) = &frames[0] else { panic!("a content") };
        let told = Parameters::of(level, era, layout);
        let is_stream = matches!(told.feed, Feed::Stream { .. });
        prop_assert!(is_stream && encode(&told, &content) == frame, "{told:?}");
        let told = Parameters::of(level, era.at(level), layout);
        prop_assert!(Parameters::candidates(layout).contains(&told), "{told:?}");
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut blob = vec![0x28, 0xb5, 0x2f, 0xfd];
        blob.extend(bytes);
        let mut reader = FrameReader::new().expect("a decoder");
        let _unknown = reader.read(&mut &blob[..], &mut |_| {});
    }
}

/// Three frames of one encoder: what the former left must not show.
#[test]
fn an_encoder_that_is_used_again_makes_what_a_new_one_makes() {
    let contents = [1, 40, 700, 3000, 140_000, 0, 70_000].map(sample);
    for (level, era) in newest() {
        let mut encoder: Option<KlauspostZstd> = None;
        for content in &contents {
            let parameters = stream(level, era);
            let mut out = Vec::new();
            match &mut encoder {
                Some(encoder) => encoder.restart(parameters.clone()),
                None => encoder = Some(KlauspostZstd::new(parameters.clone())),
            }
            let encoder = encoder.as_mut().expect("an encoder");
            encoder.write(content, &mut out);
            encoder.finish(&mut out);
            assert!(out == encode(&parameters, content), "{level:?} {era:?} {}", content.len());
        }
    }
}

#[test]
fn an_encoder_takes_another_level_and_era() {
    let content = sample(30_000);
    let mut encoder = KlauspostZstd::new(parameters(&[3, 4, 0, 0]));
    for numbers in [[3, 1, 0, 0], [1, 1, 9, 0], [2, 4, 0, 1]] {
        encoder.restart(parameters(&numbers));
        let mut out = Vec::new();
        encoder.write(&content, &mut out);
        encoder.finish(&mut out);
        assert!(out == encode(&parameters(&numbers), &content), "{numbers:?}");
        assert_eq!(encoder.parameters().to_numbers(), numbers);
    }
}

/// Positions are made small again long before they do not fit 32 bits, and nobody sees it.
#[test]
fn positions_start_over_unseen() {
    let content = sample(3 << 19);
    for (level, era) in newest() {
        // A small window, so that the history moves as well.
        let layout = Layout::new(0x04, 18, &[131_072, 12, 0, 1]).expect("a layout");
        let parameters = Parameters { level, era, feed: Feed::Frame(layout) };
        let (mut encoder, mut out) = (KlauspostZstd::new(parameters.clone()), Vec::new());
        encoder.history.move_base((1 << 31) - (1 << 20) - 7);
        encoder.write(&content, &mut out);
        encoder.finish(&mut out);
        assert!(out == encode(&parameters, &content), "{level:?}");
    }
}

/// Text of a kind, with matches near and far.
fn sample(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut content = Vec::with_capacity(len + 40);
    while content.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (kind, number) = (state >> 28, (state >> 8) as usize & 0xffff);
        match kind {
            0..6 => content.extend_from_slice(format!("{number:x} ").as_bytes()),
            6..9 => content.extend_from_slice(&state.to_le_bytes()),
            9 => content.resize(content.len() + number % 50, b'-'),
            _ => {
                let start = content.len().saturating_sub(1 + number);
                let end = content.len().min(start + 4 + number % 90);
                content.extend_from_within(start..end);
            }
        }
    }
    content.truncate(len);
    content
}

/// Frames of a blob with their contents; skippable ones with theirs.
fn read(mut blob: &[u8]) -> Vec<(Frame, Vec<u8>)> {
    let mut reader = FrameReader::new().expect("a decoder");
    let mut frames = Vec::new();
    loop {
        let mut content = Vec::new();
        let frame = reader.read(&mut blob, &mut |piece| content.extend_from_slice(piece));
        let Some(frame) = frame.expect("a frame") else { return frames };
        if let Frame::Skippable { len, .. } = frame {
            let (skipped, rest) = blob.split_at(len as usize);
            (content, blob) = (skipped.to_vec(), rest);
        }
        frames.push((frame, content));
    }
}

#[test]
fn wrong_parameters_are_refused() {
    for (numbers, rule) in [
        (&[][..], "level, era and a feed are needed"),
        (&[1, 4], "level, era and a feed are needed"),
        (&[1, 4, 0], "level, era and a feed are needed"),
        (&[0, 4, 0, 0], "levels are 1 to 4"),
        (&[5, 4, 0, 0], "levels are 1 to 4"),
        (&[1, 9, 0, 0], "eras are 0 to 8"),
        (&[1, 4, 65_536, 0], "an early end is before the block's end"),
        (&[2, 4, 131_072, 0], "an early end is before the block's end"),
        (&[1, 4, 0, 2], "a flush is 0 or 1"),
        (&[1, 4, 4, 22, 1], "blocks are pairs of length and count"),
        (&[1, 4, 1, 22, 1, 1], "the frame header has flags that are never set"),
        (&[1, 4, 260, 22, 1, 1], "the frame header has flags that are never set"),
        (&[1, 4, 4, 9, 1, 1], "windows are powers of two from 10 to 25"),
        (&[1, 4, 4, 26, 1, 1], "windows are powers of two from 10 to 25"),
        (&[1, 4, 4, 0, 1, 1], "a frame that is no single segment has a window"),
        (&[1, 4, 4, 22, 131_073, 1], "blocks have up to 131072 bytes"),
        (&[1, 4, 4, 22, 1 << 32, 1], "blocks have up to 131072 bytes"),
        (&[1, 4, 4, 22, 1, 0], "runs of blocks are not in their shortest form"),
        (&[1, 4, 4, 22, 1, 1, 1, 1], "runs of blocks are not in their shortest form"),
        (&[1, 4, 4, 22, 0, 1, 1, 1], "only the last block may be empty"),
        (&[1, 4, 4, 22, 0, 2], "only the last block may be empty"),
        (&[1, 4, 4, 22, 131_072, u64::MAX], "the content is too long"),
        (&[1, 4, 4, 22, 131_072, 1 << 27, 1, 1], "the content is too long"),
        (&[1, 4, 0x24, 0, 256, 1], "the frame header cannot state the content's length"),
        (&[1, 4, 0x44, 22, 255, 1], "the frame header cannot state the content's length"),
        (&[1, 4, 0xa4, 0, 65_536, 513], "a single segment needs a window when it is this long"),
    ] {
        assert_eq!(Parameters::from_numbers(numbers), Err(rule), "{numbers:?}");
    }
}

#[test]
fn parameters_and_numbers_tell_the_same() {
    for numbers in [
        &[2, 4, 0, 0][..],
        &[1, 0, 8, 1],
        &[3, 2, 4, 16, 65_536, 9, 1, 1, 0, 1],
        &[4, 4, 0x20, 0, 0, 1],
    ] {
        assert_eq!(parameters(numbers).to_numbers(), numbers);
    }
}

#[test]
fn an_empty_stream_gives_no_frame() {
    for (level, era) in kinds() {
        assert_eq!(encode(&stream(level, era), b""), b"");
    }
    let frame = encode(&parameters(&[2, 4, 4, 23, 0, 1]), b"");
    assert_eq!(frame, *b"\x28\xb5\x2f\xfd\x04\x68\x01\x00\x00\x99\xe9\xd8\x51");
}

#[test]
fn the_likely_parameters_come_first() {
    let layout = |descriptor, window_log, runs: &[u64]| {
        Layout::new(descriptor, window_log, runs).expect("a layout")
    };
    let first = |layout: &Layout| Parameters::candidates(layout)[0].to_numbers();
    assert_eq!(first(&layout(4, 22, &[65_536, 7, 9, 1])), [1, 8, 0, 0]);
    assert_eq!(first(&layout(4, 23, &[8, 1, 131_072, 7, 9, 1])), [2, 8, 8, 0]);
    assert_eq!(first(&layout(4, 23, &[20, 1, 0, 1])), [2, 8, 0, 1]);
    assert_eq!(first(&layout(4, 20, &[20, 1, 0, 1])), [1, 8, 4, 20, 20, 1, 0, 1]);
    let all = Parameters::candidates(&layout(0x64, 0, &[2000, 1]));
    assert_eq!(all.len(), 4 + 4 + 6 + 9);
}
