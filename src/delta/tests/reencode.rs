//! Compressed nodes: their content goes through the delta, their bytes come back.

use super::*;
use crate::compression::encoders;
use crate::format::{EncodeRun, EncoderKind, Framing, WayKind};

const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// A gzip member as Go writes it, and what makes it.
fn compressed(content: &[u8], level: u64) -> (Vec<u8>, EncodeRun) {
    let encoder = EncoderKind::GoFlate.number();
    let mut blob = GZIP_HEADER.to_vec();
    let mut running = encoders::start(&encoders::Setup {
        number: encoder,
        parameters: &[level],
        corrections: &[],
        content_len: content.len() as u64,
    })
    .expect("is known");
    running.write(content, &mut blob);
    running.finish(&mut blob);
    let mut check = flate2::Crc::new();
    check.update(content);
    blob.extend(check.sum().to_le_bytes());
    blob.extend(check.amount().to_le_bytes());
    let run = EncodeRun {
        encoder,
        framing: Framing::Gzip,
        parameters: vec![level],
        header: GZIP_HEADER.to_vec(),
        corrections: Vec::new(),
        lengths: vec![content.len() as u64],
    };
    (blob, run)
}

/// What a site makes.
fn applied(base: &[&[u8]], delta: &[u8]) -> Result<(Vec<Vec<u8>>, ApplyStats), ApplyError> {
    run(base, delta)
}

/// `blob`, made of the node `content` by `run`.
fn again<'a>(blob: &'a [u8], content: usize, run: &EncodeRun) -> TargetNode<'a> {
    let pieces = vec![RecreatedPiece::Encoded(run.clone())];
    TargetNode { recreation: Some(Recreation { content, pieces }), ..made(blob, Class::DENSE) }
}

/// An envelope around nodes, with text between them.
fn envelope<'a>(bytes: &'a mut Vec<u8>, inner: &[(usize, &[u8])]) -> TargetNode<'a> {
    let mut children = Vec::new();
    for (node, blob) in inner {
        bytes.extend(b"a header of the archive ");
        let offset = bytes.len() as u64;
        bytes.extend(*blob);
        children.push(Child { offset, end: bytes.len() as u64, node: *node });
    }
    bytes.extend(b"and its end");
    TargetNode { children, ..made(bytes, Class::ENVELOPE) }
}

/// Words of a small vocabulary, which compress, so that contents are worth their while.
fn prose(seed: u64, len: usize) -> Vec<u8> {
    let vocabulary = samples::random(77, 1 << 12);
    let words = samples::random(seed, len).into_iter().flat_map(|number| {
        let start = usize::from(number) * 8;
        vocabulary[start..start + 5 + start % 7].iter().map(|byte| b'a' + byte % 26).chain([b' '])
    });
    words.take(len).collect()
}

fn edited(bytes: &[u8], at: usize) -> Vec<u8> {
    [&bytes[..at], b"some new words", &bytes[at + 5..]].concat()
}

#[test]
fn a_changed_compressed_layer_costs_what_its_content_costs() {
    let base = prose(1, 200_000);
    let content = edited(&base, 90_000);
    let (blob, run) = compressed(&content, 6);
    let mut bytes = Vec::new();
    let outer = envelope(&mut bytes, &[(1, &blob), (1, &blob)]);
    let nodes = vec![made(&content, Class::TEXT), again(&blob, 0, &run), outer];
    let (delta, stats) = create(&[&base], one_file(nodes));
    assert!(stats.nodes[0].literal_bytes <= 14, "{:?}", stats.nodes[0]);
    assert!(delta.len() < 1000, "{}", delta.len());
    let (out, stats) = applied(&[&base], &delta).expect("own delta");
    assert_eq!(out, [bytes]);
    assert_eq!(stats.encoded_bytes, blob.len() as u64);
}

#[test]
fn what_a_content_repeats_of_another_one_is_kept_for_it() {
    let first = prose(2, 150_000);
    let second = edited(&first, 70_000);
    let third = [&second[..50_000], &first[20_000..40_000], &prose(3, 1000)].concat();
    let blobs: Vec<_> = [&first, &second, &third].map(|content| compressed(content, 1)).into();
    let mut bytes = Vec::new();
    let inner: Vec<_> =
        blobs.iter().enumerate().map(|(number, (blob, _))| (number + 3, &blob[..])).collect();
    let outer = envelope(&mut bytes, &inner);
    let mut nodes: Vec<_> = [&first, &second, &third].map(|bytes| made(bytes, Class::TEXT)).into();
    for (content, (blob, run)) in blobs.iter().enumerate() {
        nodes.push(again(blob, content, run));
    }
    nodes.push(outer);
    let (delta, stats) = create(&[], one_file(nodes));
    assert!(stats.nodes[1].target_bytes > 140_000, "{:?}", stats.nodes);
    assert!(stats.nodes[2].target_bytes > 60_000, "{:?}", stats.nodes);
    let kept = Delta::open(&delta).expect("own delta").header().declared.kept_peak;
    assert!((140_000..320_000).contains(&kept), "{kept}");
    assert_eq!(applied(&[], &delta).expect("own delta").0, [bytes]);
}

#[test]
fn a_wrapped_archive_of_compressed_layers_comes_back() {
    let base = prose(4, 100_000);
    let content = edited(&base, 40_000);
    let (blob, inner_run) = compressed(&content, 6);
    let plain = prose(5, 30_000);
    let mut archive = Vec::new();
    let outer = envelope(&mut archive, &[(1, &blob), (2, &plain), (1, &blob), (2, &plain)]);
    let archive_bytes = outer.bytes.to_vec();
    let (wrapper, outer_run) = compressed(&archive_bytes, 9);
    let nodes = vec![
        made(&content, Class::TEXT),
        again(&blob, 0, &inner_run),
        made(&plain, Class::TEXT),
        outer,
        again(&wrapper, 3, &outer_run),
    ];
    let (delta, _) = create(&[&base], one_file(nodes));
    assert!(delta.len() < 20_000, "{}", delta.len());
    assert_eq!(applied(&[&base], &delta).expect("own delta").0, [wrapper]);
}

#[test]
fn an_archive_compressed_in_two_ways_keeps_its_layers() {
    let base = prose(11, 60_000);
    let content = edited(&base, 20_000);
    let (blob, run) = compressed(&content, 6);
    let plain = prose(12, 9000);
    let mut archive = Vec::new();
    let outer = envelope(&mut archive, &[(1, &blob), (2, &plain), (1, &blob)]);
    let archive_bytes = outer.bytes.to_vec();
    let (fast, fast_run) = compressed(&archive_bytes, 1);
    let (small, small_run) = compressed(&archive_bytes, 9);
    for origin in [Origin::Made, Origin::GivenOrMade] {
        let target = Target {
            nodes: vec![
                made(&content, Class::TEXT),
                again(&blob, 0, &run),
                TargetNode { origin, ..made(&plain, Class::TEXT) },
                outer.clone(),
                again(&fast, 3, &fast_run),
                again(&small, 3, &small_run),
            ],
            outputs: vec![
                TargetOutput { path: b"fast".to_vec(), node: Some(4) },
                TargetOutput { path: b"small".to_vec(), node: Some(5) },
            ],
            roles: Vec::new(),
        };
        let (delta, _) = create(&[&base], target);
        let kept = Delta::open(&delta).expect("own delta").header().declared.kept_peak;
        assert_eq!(kept, archive_bytes.len() as u64, "every byte once, the second blob is copied");
        let expected = [fast.clone(), small.clone()];
        assert_eq!(applied(&[&base], &delta).expect("own delta").0, expected);
        assert_eq!(applied(&[&base, &plain], &delta).expect("own delta").0, expected);
    }
}

#[test]
fn one_content_compressed_in_two_ways_is_sent_once() {
    let content = prose(6, 120_000);
    let (fast, fast_run) = compressed(&content, 1);
    let (small, small_run) = compressed(&content, 9);
    let mut bytes = Vec::new();
    let outer = envelope(&mut bytes, &[(1, &fast), (2, &small), (0, &content)]);
    let nodes = vec![
        made(&content, Class::TEXT),
        again(&fast, 0, &fast_run),
        again(&small, 0, &small_run),
        outer,
    ];
    let (delta, _) = create(&[], one_file(nodes));
    assert!(delta.len() < 70_000, "{}", delta.len());
    assert_eq!(applied(&[], &delta).expect("own delta").0, [bytes]);
}

#[test]
fn a_content_that_is_a_file_as_well_is_read_back_from_it() {
    let content = prose(7, 50_000);
    let (blob, run) = compressed(&content, 6);
    let target = Target {
        nodes: vec![made(&content, Class::TEXT), again(&blob, 0, &run)],
        outputs: vec![
            TargetOutput { path: b"blob".to_vec(), node: Some(1) },
            TargetOutput { path: b"content".to_vec(), node: Some(0) },
        ],
        roles: Vec::new(),
    };
    let (delta, _) = create(&[], target);
    assert_eq!(Delta::open(&delta).expect("own delta").header().declared.kept_peak, 0);
    assert_eq!(applied(&[], &delta).expect("own delta").0, [blob, content]);
}

#[test]
fn a_portable_layer_is_copied_where_it_is_and_made_of_its_content_where_it_is_not() {
    let content = prose(8, 60_000);
    let (blob, run) = compressed(&content, 6);
    let mut bytes = Vec::new();
    let outer = envelope(&mut bytes, &[(1, &blob)]);
    let nodes = vec![
        TargetNode { origin: Origin::GivenContent, ..made(&content, Class::TEXT) },
        TargetNode { origin: Origin::GivenOrMade, ..again(&blob, 0, &run) },
        outer,
    ];
    let (delta, _) = create(&[&content], one_file(nodes));
    assert!(delta.len() < 1000, "{}", delta.len());
    let (with, copied) = applied(&[&content, &blob], &delta).expect("both are there");
    let (without, encoded) = applied(&[&content], &delta).expect("the content is there");
    assert_eq!([&with, &without], [&[bytes.clone()], &[bytes]]);
    assert_eq!((copied.encoded_bytes, encoded.encoded_bytes), (0, blob.len() as u64));
    let opened = Delta::open(&delta).expect("own delta");
    let ways = &opened.header().nodes[1].ways;
    let kinds: Vec<u32> = ways.iter().map(|way| way.kind).collect();
    assert_eq!(kinds, [WayKind::GivenBlob, WayKind::ReEncode].map(WayKind::number));
}

#[test]
fn a_layer_whose_content_costs_more_is_stored() {
    let content = samples::random(9, 40_000);
    let (blob, run) = compressed(&[&content[..], &content[..30_000]].concat(), 9);
    let content = [&content[..], &content[..30_000]].concat();
    // The noise repeats beyond the reach of chunks of the target but not of the window of deflate.
    let nodes = vec![made(&content, Class::OTHER), again(&blob, 0, &run)];
    let (delta, stats) = create(&[], one_file(nodes));
    assert!(delta.len() <= blob.len() + 1000, "{} for {}", delta.len(), blob.len());
    assert_eq!(applied(&[], &delta).expect("own delta").0, [blob]);
    drop(stats);
}

#[test]
fn a_content_that_means_more_work_than_its_bytes_allow_is_stored() {
    let content = vec![b'x'; 200_000];
    let (blob, run) = compressed(&content, 6);
    let nodes = || vec![made(&content, Class::OTHER), again(&blob, 0, &run)];
    let (delta, stats) = create(&[], one_file(nodes()));
    assert!(blob.len() < 200_000 / 64, "{}", blob.len());
    assert_eq!(stats.stored, [Digest::of(&blob)]);
    assert_eq!(applied(&[], &delta).expect("own delta").0, *std::slice::from_ref(&blob));
    let base: Vec<u8> = (0..400).flat_map(|n| format!("{n:0>500}").into_bytes()).collect();
    let changed = [&base[..], b"still"].concat();
    let (blob, run) = compressed(&changed, 6);
    let nodes = vec![made(&changed, Class::OTHER), again(&blob, 0, &run)];
    let (delta, stats) = create(&[&base], one_file(nodes));
    assert_eq!(stats.stored, [], "the base is for the work");
    assert_eq!(applied(&[&base], &delta).expect("own delta").0, [blob]);
}

#[test]
fn every_bit_of_a_delta_that_encodes_again_counts() {
    let base = prose(10, 3000);
    let content = edited(&base, 1000);
    let (blob, run) = compressed(&content, 1);
    let nodes = vec![made(&content, Class::TEXT), again(&blob, 0, &run)];
    let (delta, _) = create(&[&base], one_file(nodes));
    for bit in 0..delta.len() * 8 {
        let mut flipped = delta.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let error = applied(&[&base], &flipped).expect_err("every bit counts");
        assert!(matches!(error, ApplyError::Format(_)), "bit {bit}: {error:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_encoded_again_comes_back(
        seed in 0_u64..1000,
        cuts in prop::collection::vec(0_usize..40_000, 0..5),
        level in 0_u64..=10,
        raw in 0_usize..40,
    ) {
        let base = prose(seed, 30_000);
        let content = edited(&base, 7000);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(content.len())).collect();
        cuts.extend([0, content.len()]);
        cuts.sort_unstable();
        let tail = samples::random(seed, raw);
        let (mut blob, mut pieces) = (Vec::new(), Vec::new());
        let mut lengths = Vec::new();
        for pair in cuts.windows(2) {
            let (member, run) = compressed(&content[pair[0]..pair[1]], level);
            blob.extend(member);
            lengths.extend(run.lengths.clone());
            pieces = vec![RecreatedPiece::Encoded(EncodeRun { lengths: lengths.clone(), ..run })];
        }
        blob.extend(&tail);
        if !tail.is_empty() {
            pieces.push(RecreatedPiece::Raw(&tail));
        }
        let node = TargetNode {
            recreation: Some(Recreation { content: 0, pieces }),
            ..made(&blob, Class::DENSE)
        };
        let nodes = vec![made(&content, Class::TEXT), node];
        let (delta, _) = create(&[&base], one_file(nodes));
        let (out, _) = applied(&[&base], &delta).expect("own delta");
        prop_assert!(out.len() == 1 && out[0] == blob);
    }
}
