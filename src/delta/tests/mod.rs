//! Round trips in memory: what the encoder writes, the applier gives back.

mod find;
mod hostile;
mod reencode;

use proptest::prelude::*;

use super::*;
use crate::chunker::{ChunkerParams, samples};
use crate::digest::Digest;
use crate::format::{Class, Delta, FormatError, encode_head};
use crate::source::ReadAt;

/// Outputs in memory.
#[derive(Debug, Default)]
struct Memory(Vec<Vec<u8>>);

impl Sink for Memory {
    fn write(&mut self, output: usize, offset: u64, bytes: &[u8]) -> io::Result<()> {
        assert_eq!(self.0[output].len() as u64, offset, "bytes come in order");
        self.0[output].extend(bytes);
        Ok(())
    }

    fn read(&self, output: usize, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.0[output].read_exact_at(buf, offset)
    }
}

/// A small image in memory: contents of the base, and nodes of the target.
fn made(bytes: &[u8], class: Class) -> TargetNode<'_> {
    let stretches = vec![Stretch { end: bytes.len() as u64, class }];
    TargetNode {
        known: Digest::of(bytes).into(),
        bytes,
        origin: Origin::Made,
        stretches,
        members: vec![],
        children: vec![],
        recreation: None,
    }
}

fn one_file(nodes: Vec<TargetNode<'_>>) -> Target<'_> {
    let output = TargetOutput { path: Vec::new(), node: Some(nodes.len() - 1) };
    Target { nodes, outputs: vec![output], roles: Vec::new() }
}

fn content(bytes: &[u8]) -> BaseContent<'_> {
    BaseContent { digest: Digest::of(bytes), bytes, members: Vec::new() }
}

fn options() -> EncodeOptions {
    let params = ChunkerParams::DEFAULT;
    let workers = Workers { coders: 1, matchers: 1 };
    EncodeOptions { level: 3.into(), params, workers, stages: Stages::ALL }
}

fn create(base: &[&[u8]], target: Target<'_>) -> (Vec<u8>, EncodeStats) {
    let base: Vec<_> = base.iter().map(|bytes| content(bytes)).collect();
    create_with(&base, target, options())
}

fn create_with(
    base: &[BaseContent<'_>],
    target: Target<'_>,
    options: EncodeOptions,
) -> (Vec<u8>, EncodeStats) {
    let mut body = Vec::new();
    let encoded = encode(&mut base.to_vec(), target, options, &mut body).expect("memory");
    let mut delta = encode_head(&encoded.header, encoded.body_len).expect("memory");
    delta.extend(body);
    (delta, encoded.stats)
}

fn run(base: &[&[u8]], bytes: &[u8]) -> Result<(Vec<Vec<u8>>, ApplyStats), ApplyError> {
    let delta = Delta::open(&bytes)?;
    let sources: Vec<Option<Box<dyn ReadAt>>> = delta
        .header()
        .nodes
        .iter()
        .map(|node| {
            let digest = delta.digest(node.digest);
            let content = base.iter().find(|content| Digest::of(content) == digest);
            content.map(|content| Box::new(*content) as Box<dyn ReadAt>)
        })
        .collect();
    let mut sink = Memory(vec![Vec::new(); delta.header().outputs.len()]);
    let stats = apply(&delta, &bytes, &sources, &mut sink, ApplyOptions::default())?;
    Ok((sink.0, stats))
}

#[test]
fn a_changed_file_is_copied_but_for_the_change() {
    let base = samples::random(1, 300_000);
    let mut target = base.clone();
    target.splice(100_000..100_010, *b"some other bytes here");
    target.extend(samples::random(2, 1000));
    let (delta, stats) = create(&[&base], one_file(vec![made(&target, Class::OTHER)]));
    let (made, applied) = run(&[&base], &delta).expect("own delta");
    assert_eq!(made, [target]);
    assert_eq!(stats.nodes[0].literal_bytes, 1021);
    assert_eq!(applied.base_bytes, 299_990);
    assert!(delta.len() < 1500, "{}", delta.len());
}

#[test]
fn what_the_target_repeats_is_carried_once() {
    let piece = samples::random(3, 100_000);
    let target = [&piece[..], b"between", &piece[..]].concat();
    let (delta, stats) = create(&[], one_file(vec![made(&target, Class::OTHER)]));
    assert_eq!(run(&[], &delta).expect("own delta").0, [target]);
    assert_eq!(stats.nodes[0].target_bytes, 100_000);
    assert!(delta.len() < 101_000, "{}", delta.len());
}

#[test]
fn blobs_lie_in_their_envelope_in_every_way_a_node_can_come() {
    let given = samples::random(4, 5000);
    let fresh = samples::random(5, 7000);
    let held = samples::random(6, 3000);
    let mut envelope = b"head".to_vec();
    let mut children = Vec::new();
    for (node, bytes) in [(0, &given), (1, &fresh), (2, &held), (1, &fresh)] {
        envelope.extend(vec![0; 100]);
        let offset = envelope.len() as u64;
        envelope.extend(bytes);
        children.push(Child { offset, end: envelope.len() as u64, node });
        envelope.extend(Digest::of(bytes).to_hex());
    }
    envelope.extend(vec![0; 10_000]);
    let nodes = |held_origin| {
        vec![
            TargetNode { origin: Origin::GivenContent, ..made(&given, Class::OTHER) },
            made(&fresh, Class::OTHER),
            TargetNode { origin: held_origin, ..made(&held, Class::DENSE) },
            TargetNode { children: children.clone(), ..made(&envelope, Class::ENVELOPE) },
        ]
    };
    let (delta, _) = create(&[&given], one_file(nodes(Origin::GivenBlob)));
    assert_eq!(run(&[&given, &held], &delta).expect("all there").0, [envelope.clone()]);
    let (portable, _) = create(&[&given], one_file(nodes(Origin::GivenOrMade)));
    let (with, with_stats) = run(&[&given, &held], &portable).expect("all there");
    let (without, stats) = run(&[&given], &portable).expect("portable");
    assert_eq!([&with, &without], [&[envelope.clone()], &[envelope]]);
    assert_eq!(stats.literal_bytes - with_stats.literal_bytes, 3000);
}

#[test]
fn a_node_that_the_base_lacks_is_named_before_anything_runs() {
    let base = samples::random(7, 10_000);
    let (delta, _) = create(&[&base], one_file(vec![made(&base, Class::OTHER)]));
    let opened = Delta::open(&delta).expect("own delta");
    assert_eq!(missing_nodes(&opened, &[None]), [0]);
}

#[test]
fn a_base_that_lies_about_its_content_is_found_by_the_digest() {
    let base = samples::random(8, 10_000);
    let target = [&base[..], b"tail"].concat();
    let (delta, _) = create(&[&base], one_file(vec![made(&target, Class::OTHER)]));
    let opened = Delta::open(&delta).expect("own delta");
    let mut other = base.clone();
    other[5000] ^= 1;
    let sources: Vec<Option<Box<dyn ReadAt>>> = vec![Some(Box::new(other)), None];
    let mut sink = Memory(vec![Vec::new()]);
    let error = apply(&opened, &delta, &sources, &mut sink, ApplyOptions::default());
    let expected = Digest::of(&target);
    assert!(
        matches!(error, Err(ApplyError::DigestMismatch { expected: e, .. }) if e == expected),
        "{error:?}"
    );
}

#[test]
fn every_bit_of_a_delta_counts() {
    let base = samples::random(9, 5000);
    let target = [&base[..2000], b"new", &base[1500..]].concat();
    let (delta, _) = create(&[&base], one_file(vec![made(&target, Class::TEXT)]));
    for bit in 0..delta.len() * 8 {
        let mut flipped = delta.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let error = run(&[&base], &flipped).expect_err("every bit counts");
        assert!(matches!(error, ApplyError::Format(_)), "bit {bit}: {error:?}");
    }
    for len in 0..delta.len() {
        let error = run(&[&base], &delta[..len]).expect_err("every byte counts");
        assert!(matches!(error, ApplyError::Format(_)), "prefix {len}: {error:?}");
    }
    let error = run(&[&base], &[&delta[..], b"x"].concat()).expect_err("no byte more");
    assert!(matches!(error, ApplyError::Format(FormatError::TrailingBytes { .. })), "{error:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_made_comes_back(
        seed in 0_u64..1000,
        edits in prop::collection::vec((0_usize..200_000, 0_usize..9000, 0_u8..4), 0..12),
    ) {
        let base = samples::random(seed, 150_000);
        let mut target = base.clone();
        for (at, len, kind) in edits {
            let at = at.min(target.len());
            let end = (at + len).min(target.len());
            match kind {
                0 => drop(target.drain(at..end)),
                1 => drop(target.splice(at..at, samples::random(seed + 7, len))),
                2 => target[at..end].fill(0),
                _ => {
                    let piece = target[at..end].to_vec();
                    target.extend(piece);
                }
            }
        }
        let (delta, _) = create(&[&base], one_file(vec![made(&target, Class::OTHER)]));
        prop_assert_eq!(run(&[&base], &delta).expect("own delta").0, [target]);
    }
}

#[test]
fn a_block_is_read_once_however_many_frames_lie_in_it() {
    struct Counted<'a>(&'a [u8], std::sync::atomic::AtomicUsize);
    impl ReadAt for Counted<'_> {
        fn len(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
            self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            self.0.read_exact_at(buf, offset)
        }
    }

    let target = samples::random(11, 1000);
    let (delta, _) = create(&[], one_file(vec![made(&target, Class::OTHER)]));
    let opened = Delta::open(&delta).expect("own delta");
    let mut header = opened.header().clone();
    // The literals again, stored, in a frame for each byte.
    let mut body = Vec::new();
    for stream in &mut header.groups[0].streams {
        let reader = opened.body(&delta);
        let starts = &opened.needs().stream_starts[0];
        let number =
            opened.header().groups[0].streams.iter().position(|other| other.kind == stream.kind);
        let start = starts[number.expect("it is one of them")];
        let mut bytes = vec![0; usize::try_from(stream.decoded_len()).expect("small")];
        let mut reader = crate::format::StreamReader::new(reader, stream, start).expect("known");
        reader.fill(&mut bytes).expect("whole");
        stream.codec = crate::format::Codec::Stored.number();
        let row = crate::format::FrameRow { encoded: 1, decoded: 1, window_log: 0 };
        stream.frames = vec![row; bytes.len()];
        body.extend(bytes);
    }
    header.blocks = vec![*Digest::of(&body).as_bytes()];
    let mut split = encode_head(&header, body.len() as u64).expect("memory");
    split.extend(&body);
    let opened = Delta::open(&split).expect("lawful");
    let counted = Counted(&split, std::sync::atomic::AtomicUsize::new(0));
    let mut sink = Memory(vec![Vec::new()]);
    apply(&opened, &counted, &[None], &mut sink, ApplyOptions::default()).expect("lawful");
    assert_eq!(sink.0, [target]);
    assert_eq!(counted.1.into_inner(), 1);
}

#[test]
fn an_envelope_that_the_base_has_as_a_content_costs_its_digest_alone() {
    let inner = samples::random(12, 3000);
    let envelope = [b"head", &inner[..], b"tail"].concat();
    let children = vec![Child { offset: 4, end: 3004, node: 0 }];
    let nodes = vec![
        made(&inner, Class::OTHER),
        TargetNode { children, ..made(&envelope, Class::ENVELOPE) },
    ];
    let (delta, _) = create(&[&envelope], one_file(nodes));
    assert_eq!(run(&[&envelope], &delta).expect("own delta").0, [envelope]);
}

#[test]
fn a_digest_that_nobody_knows_yet_changes_no_byte() {
    let inner = samples::random(13, 3000);
    let envelope = [b"head", &inner[..], b"tail"].concat();
    let target = |known: LateDigest| {
        let children = vec![Child { offset: 4, end: 3004, node: 0 }];
        let envelope = made(&envelope, Class::ENVELOPE);
        one_file(vec![made(&inner, Class::OTHER), TargetNode { known, children, ..envelope }])
    };
    for base in [&[][..], &[&inner[..]], &[&envelope[..]]] {
        let known = create(base, target(Digest::of(&envelope).into())).0;
        assert_eq!(create(base, target(LateDigest::default())).0, known);
    }
}

#[test]
fn a_digest_that_is_said_of_unlike_bytes_is_refused() {
    let (one, other) = (samples::random(14, 3000), samples::random(15, 2000));
    let claimed = Digest::of(&one);
    let liar = || TargetNode { known: claimed.into(), ..made(&other, Class::OTHER) };
    let refused = |base: &[u8], target: Target<'_>| {
        let mut base = [BaseContent { digest: claimed, ..content(base) }];
        let error =
            encode(&mut base, target, options(), &mut Vec::new()).expect_err("a false claim");
        assert!(error.to_string().contains("is said of"), "{error}");
    };
    refused(&one, one_file(vec![liar()]));
    refused(&other, one_file(vec![made(&one, Class::OTHER)]));
    let children = vec![Child { offset: 0, end: 2000, node: 0 }];
    let envelope = TargetNode { children, ..made(&one, Class::ENVELOPE) };
    refused(&one, one_file(vec![liar(), envelope]));
    let (short, child) = (&one[..2000], Child { offset: 0, end: 2000, node: 0 });
    let twin = TargetNode { known: claimed.into(), ..made(short, Class::OTHER) };
    let children = vec![child, Child { offset: 2000, end: 4000, node: 1 }];
    let both = [&other[..], short].concat();
    let envelope = TargetNode { children, ..made(&both, Class::ENVELOPE) };
    let target = one_file(vec![liar(), twin, envelope]);
    let error = encode(&mut [], target, options(), &mut Vec::new()).expect_err("a false claim");
    assert!(error.to_string().contains("is said of unlike bytes"), "{error}");
}
