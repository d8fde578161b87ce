//! The crate's applier and the reference applier, written from the document alone, agree.

#[path = "agreement/changed.rs"]
mod changed;
#[path = "agreement/compressed.rs"]
mod compressed;
#[path = "agreement/frames.rs"]
mod frames;
#[path = "agreement/headers.rs"]
mod headers;
mod reference;

use std::collections::BTreeSet;

use chunkdelta::format::{Delta, NONE, Node, Stream, Way, WayKind, encode_head};
use chunkdelta::source::ReadAt as _;
use proptest::prelude::*;
use reference::cases::{Case, apply_by_crate, cases};
use reference::frame;
use reference::reseal::{HandNode, Plain, seal};
use reference::{Base, Refusal, sha256};

fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).expect("a case of this name")
}

/// Takes apart what the encoder made, and stores all streams.
fn taken_apart(delta: &[u8]) -> Plain {
    let opened = Delta::open(&delta).expect("own delta");
    let mut header = opened.header().clone();
    let mut at = opened.head_len();
    let mut body = Vec::new();
    for stream in header.groups.iter_mut().flat_map(|group| &mut group.streams) {
        for frame in &mut stream.frames {
            let mut bytes = vec![0; frame.encoded as usize];
            delta.read_exact_at(&mut bytes, at).expect("own delta");
            at += bytes.len() as u64;
            let (decoded, window_log) = (frame.decoded as usize, Some(frame.window_log));
            bytes = frame::decode(stream.codec, &bytes, decoded, window_log).expect("own delta");
            (frame.encoded, frame.window_log) = (frame.decoded, 0);
            body.extend(bytes);
        }
        stream.codec = 0;
    }
    Plain { header, body }
}

#[test]
fn both_appliers_give_back_what_the_encoder_was_given() {
    for case in cases() {
        let (delta, base) = (case.delta(), case.base());
        assert_eq!(reference::apply(&delta, &base), Ok(case.expected()), "{}", case.name);
        assert_eq!(apply_by_crate(&delta, &base), Ok(case.expected()), "{}", case.name);
    }
}

#[test]
fn stored_streams_and_a_stored_header_make_the_same() {
    for case in cases() {
        let (delta, base) = (taken_apart(&case.delta()).seal(), case.base());
        assert_eq!(reference::apply(&delta, &base), Ok(case.expected()), "{}", case.name);
        assert_eq!(apply_by_crate(&delta, &base), Ok(case.expected()), "{}", case.name);
    }
}

/// What a delta has: kinds of ways, of streams, and whether anything is kept.
fn contents(delta: &[u8]) -> (BTreeSet<u32>, BTreeSet<u32>, bool) {
    let header = taken_apart(delta).header;
    let ways = header.nodes.iter().flat_map(|node| &node.ways).map(|way| way.kind);
    let streams = header.groups.iter().flat_map(|group| &group.streams).map(|stream| stream.kind);
    (ways.collect(), streams.collect(), header.declared.kept_peak > 0)
}

#[test]
fn the_compressed_cases_hold_what_they_are_for() {
    let ways = |name: &str| contents(&case(name).delta()).0;
    assert_eq!(ways("compressed"), [0, 2, 3].into());
    assert_eq!(ways("portable"), [0, 1, 2, 3].into());
    let keeps = |name: &str| {
        let (_, streams, is_kept) = contents(&case(name).delta());
        assert_eq!(streams.contains(&4), is_kept, "{name}");
        is_kept
    };
    let all = ["compressed", "kept", "wrapped", "two-ways", "portable", "members", "carried"];
    assert_eq!(all.map(keeps), [false, true, true, true, false, true, false]);
    assert!(taken_apart(&case("kept").delta()).header.groups.len() > 2);
    let carried = taken_apart(&case("carried").delta()).header;
    let parameters = carried.nodes.last().map(|node| &node.ways[0].parameters[4..]);
    assert_eq!(parameters, Some(&[0, 0, 0, 0, 1, 0, 0, 0][..]), "encoders 0 and 1");
}

/// The numbers of a delta's instructions, in order.
fn instructions(delta: &[u8]) -> Vec<u8> {
    let Plain { header, mut body } = taken_apart(delta);
    let mut instructions = Vec::new();
    for stream in header.groups.iter().flat_map(|group| &group.streams) {
        let rest = body.split_off(usize::try_from(stream.decoded_len()).expect("small"));
        let bytes = std::mem::replace(&mut body, rest);
        instructions.extend(bytes.into_iter().filter(|_| stream.kind == 0));
    }
    instructions
}

#[test]
fn the_layers_hold_what_they_are_for() {
    let count = |name: &str, number| {
        let instructions = instructions(&case(name).delta());
        instructions.into_iter().filter(|other| *other == number).count()
    };
    assert_eq!(count("differences", 6), 1);
    assert!(count("times", 7) > 0 && count("small", 7) > 0);
    assert_eq!(count("new-files", 8), 5);
    let codecs = |name: &str| {
        let delta = case(name).delta();
        let opened = Delta::open(&&delta[..]).expect("own delta");
        let streams = opened.header().groups.iter().flat_map(|group| &group.streams);
        streams.map(|stream| (stream.codec, stream.kind >= 16)).collect::<BTreeSet<_>>()
    };
    assert_eq!(codecs("small"), [(2, false), (2, true)].into());
    assert_eq!(codecs("times"), [(1, false), (1, true)].into());
}

/// Both appliers' answer to the same base without one of its members.
#[test]
fn both_appliers_name_the_same_missing_node_or_do_without_it() {
    let mut portable = 0;
    for case in cases() {
        let (delta, base) = (case.delta(), case.base());
        for digest in base.contents.keys().chain(base.blobs.keys()) {
            let mut poorer = case.base();
            poorer.contents.remove(digest);
            poorer.blobs.remove(digest);
            let refused = Err(Refusal::BaseLacks(*digest));
            let answer = reference::apply(&delta, &poorer);
            assert!(answer == refused || answer == Ok(case.expected()), "{}", case.name);
            assert_eq!(apply_by_crate(&delta, &poorer), answer, "{}", case.name);
            portable += usize::from(answer.is_ok());
        }
    }
    assert_eq!(portable, 3, "the portable blobs of image, kept, and portable, and nothing else");
}

#[test]
fn every_bit_and_every_prefix_counts_for_both() {
    let case = case("one-byte");
    let (delta, base) = (case.delta(), case.base());
    for bit in 0..delta.len() * 8 {
        let mut flipped = delta.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(disagreement(&flipped, &base).is_none(), "bit {bit}");
        assert!(reference::apply(&flipped, &base).is_err(), "bit {bit}");
    }
    for length in 0..delta.len() {
        let prefix = &delta[..length];
        assert!(disagreement(prefix, &base).is_none(), "prefix {length}");
        assert!(reference::apply(prefix, &base).is_err(), "prefix {length}");
    }
    let longer = [&delta[..], b"x"].concat();
    assert!(disagreement(&longer, &base).is_none(), "one byte more");
    assert!(reference::apply(&longer, &base).is_err(), "one byte more");
}

/// What the two appliers say, unless they make the same or both refuse.
fn disagreement(delta: &[u8], base: &Base) -> Option<String> {
    let (by_document, by_crate) = (reference::apply(delta, base), apply_by_crate(delta, base));
    if by_document == by_crate || (by_document.is_err() && by_crate.is_err()) {
        return None;
    }
    let short = |answer| format!("{answer:?}").chars().take(300).collect::<String>();
    Some(format!("document: {}\ncrate: {}", short(by_document), short(by_crate)))
}

/// A change to a delta that is sealed again afterwards.
#[derive(Debug, Clone)]
enum Change {
    /// Adds to a byte of the tables.
    Table(prop::sample::Index, u8),
    /// Sets the four bytes of a table from a byte on.
    Word(prop::sample::Index, u32),
    /// Adds to a byte of a stream, one of its first hundred.
    Body(prop::sample::Index, prop::sample::Index, u8),
    /// Swaps two neighbours (0), removes one (1), or doubles one (2): of nodes, outputs, roles,
    /// groups, parts, streams.
    Row(u8, u8, prop::sample::Index),
    /// Gives a node a way more, a re-encode of this content.
    Way(WayKind, prop::sample::Index, u32),
    /// Sets one of the words of a re-encode's parameters, or takes it away (`None`).
    Parameter(prop::sample::Index, prop::sample::Index, Option<u32>),
    /// Adds to the kept peak.
    Kept(u64),
    /// Sets the parent and the parent offset of a content or of another node.
    Parent(bool, prop::sample::Index, u32, u64),
    /// Takes from a byte of a stream of this kind and adds to its neighbour, so that sums stay.
    Shift(u32, prop::sample::Index, prop::sample::Index, u8),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<prop::sample::Index>;
    let small = || prop_oneof![Just(1), Just(255), any::<u8>()];
    let word = prop_oneof![0_u32..4, Just(u32::MAX)];
    let kind = prop_oneof![
        Just(WayKind::GivenContent),
        Just(WayKind::GivenBlob),
        Just(WayKind::Recipe),
        Just(WayKind::ReEncode)
    ];
    let row = || prop_oneof![0_u32..6, Just(NONE)];
    let stream = prop_oneof![Just(1_u32), Just(3), Just(4), Just(4), Just(7), Just(8), Just(16)];
    let peak = prop_oneof![Just(u64::MAX), Just(1), (0_u64..3).prop_map(|less| less << 8)];
    prop_oneof![
        (index(), small()).prop_map(|(at, add)| Change::Table(at, add)),
        (index(), word).prop_map(|(at, word)| Change::Word(at, word)),
        (index(), index(), small()).prop_map(|(stream, at, add)| Change::Body(stream, at, add)),
        (0_u8..6, 0_u8..3, index()).prop_map(|(table, op, row)| Change::Row(table, op, row)),
        (kind, index(), row()).prop_map(|(kind, row, content)| Change::Way(kind, row, content)),
        (index(), index(), prop::option::of(row()))
            .prop_map(|(way, at, word)| Change::Parameter(way, at, word)),
        peak.prop_map(Change::Kept),
        (any::<bool>(), index(), row(), 0_u64..3)
            .prop_map(|(fed, at, parent, offset)| Change::Parent(fed, at, parent, offset)),
        (stream, index(), index(), small())
            .prop_map(|(kind, row, at, add)| Change::Shift(kind, row, at, add)),
    ]
}

fn change_rows<T: Clone>(rows: &mut Vec<T>, op: u8, row: prop::sample::Index) {
    if rows.is_empty() {
        return;
    }
    let row = row.index(rows.len());
    match op {
        0 if row > 0 => rows.swap(row - 1, row),
        1 => drop(rows.remove(row)),
        _ => rows.insert(row, rows[row].clone()),
    }
}

/// The content of a node that is encoded again.
fn content_of(node: &Node) -> Option<u32> {
    let way = node.ways.iter().find(|way| way.kind == 3)?;
    way.parameters.first_chunk().map(|word| u32::from_le_bytes(*word))
}

/// The delta with the changes to rows made first, then those to bytes, and sealed.
fn changed(mut plain: Plain, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let header = &mut plain.header;
        match change {
            Change::Row(0, op, row) => change_rows(&mut header.nodes, *op, *row),
            Change::Row(1, op, row) => change_rows(&mut header.outputs, *op, *row),
            Change::Row(2, op, row) => change_rows(&mut header.roles, *op, *row),
            Change::Row(3, op, row) => change_rows(&mut header.groups, *op, *row),
            Change::Row(table, op, row) if !header.groups.is_empty() => {
                let count = header.groups.len();
                let group = &mut header.groups[row.index(count)];
                match table {
                    4 => change_rows(&mut group.parts, *op, *row),
                    _ => change_rows(&mut group.streams, *op, *row),
                }
            }
            Change::Way(kind, row, content) if !header.nodes.is_empty() => {
                let count = header.nodes.len();
                let ways = &mut header.nodes[row.index(count)].ways;
                let parameters = match kind {
                    WayKind::ReEncode => [content.to_le_bytes(), 1_u32.to_le_bytes()].concat(),
                    _ => Vec::new(),
                };
                ways.push(Way { kind: kind.number(), used: vec![], parameters });
                ways.sort_by_key(|way| way.kind);
            }
            Change::Parameter(way, at, word) => {
                let ways = header.nodes.iter_mut().flat_map(|node| &mut node.ways);
                let mut ways: Vec<_> = ways.filter(|way| way.kind == 3).collect();
                if ways.is_empty() {
                    continue;
                }
                let way = way.index(ways.len());
                let parameters = &mut ways[way].parameters;
                let at = at.index(parameters.len() / 4 + 1) * 4;
                let end = (at + 4).min(parameters.len());
                let word = word.map(u32::to_le_bytes);
                parameters.splice(at..end, word.into_iter().flatten());
            }
            Change::Kept(add) => {
                let peak = &mut header.declared.kept_peak;
                *peak = peak.wrapping_add(*add);
            }
            Change::Parent(is_fed, at, parent, offset) if !header.nodes.is_empty() => {
                let contents: Vec<_> = header.nodes.iter().filter_map(content_of).collect();
                let row = match contents.len() {
                    count if *is_fed && count > 0 => contents[at.index(count)] as usize,
                    _ => at.index(header.nodes.len()),
                };
                let Some(node) = header.nodes.get_mut(row) else { continue };
                (node.parent, node.parent_offset) = (*parent, *offset);
            }
            Change::Shift(kind, row, at, add) => {
                let mut start = 0;
                let mut found = Vec::new();
                for stream in header.groups.iter().flat_map(|group| &group.streams) {
                    let length = usize::try_from(stream.decoded_len()).expect("small");
                    if stream.kind == *kind && length > 1 && start + length <= plain.body.len() {
                        found.push((start, length.min(100)));
                    }
                    start += length;
                }
                if !found.is_empty() {
                    let (start, length) = found[row.index(found.len())];
                    let at = start + at.index(length - 1);
                    plain.body[at] = plain.body[at].wrapping_add(*add);
                    plain.body[at + 1] = plain.body[at + 1].wrapping_sub(*add);
                }
            }
            Change::Body(stream, at, add) if !plain.body.is_empty() => {
                let streams = header.groups.iter().flat_map(|group| &group.streams);
                let lengths: Vec<u64> = streams.map(Stream::decoded_len).collect();
                let Some(row) = lengths.len().checked_sub(1).map(|last| stream.index(last + 1))
                else {
                    continue;
                };
                let start = usize::try_from(lengths[..row].iter().sum::<u64>()).expect("small");
                let length = usize::try_from(lengths[row].clamp(1, 100)).expect("small");
                let at = (start + at.index(length)) % plain.body.len();
                plain.body[at] = plain.body[at].wrapping_add(*add);
            }
            _ => {}
        }
    }
    plain.header.blocks = Plain::blocks(&plain.body);
    let mut tables = plain.tables();
    for change in changes {
        match change {
            Change::Table(at, add) => {
                let at = at.index(tables.len());
                tables[at] = tables[at].wrapping_add(*add);
            }
            Change::Word(at, word) => {
                let at = at.index(tables.len() - 3);
                tables[at..at + 4].copy_from_slice(&word.to_le_bytes());
            }
            _ => {}
        }
    }
    seal(&tables, &plain.body)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_delta_with_right_digests_is_judged_alike(
        case in 0..cases().len(),
        changes in prop::collection::vec(change(), 1..4),
    ) {
        let case = &cases()[case];
        let delta = changed(taken_apart(&case.delta()), &changes);
        let found = disagreement(&delta, &case.base());
        prop_assert!(found.is_none(), "{}: {}", case.name, found.unwrap_or_default());
    }
}

const RECIPE: &[WayKind] = &[WayKind::Recipe];
const PORTABLE: &[WayKind] = &[WayKind::GivenBlob, WayKind::Recipe];

/// A base with one stored blob.
fn with_blob(bytes: &[u8]) -> Base {
    Base { blobs: [(sha256(bytes), bytes.to_vec())].into(), ..Base::default() }
}

#[test]
fn an_output_that_is_never_placed_where_it_says_is_refused() {
    let case = case("directory");
    let mut plain = taken_apart(&case.delta());
    let node_of = |plain: &Plain, path: &[u8]| {
        let mut outputs = plain.header.outputs.iter();
        outputs.find(|output| output.path == path).expect("an output of this path").node
    };
    let (held, inside) = (node_of(&plain, b"d"), node_of(&plain, b"b/inside"));
    plain.header.nodes[held as usize].parent = inside;
    let delta = plain.seal();
    assert_eq!(
        reference::apply(&delta, &case.base()),
        Err(Refusal::Damaged("an output with a parent".into())),
        "the document's judgement"
    );
    assert_eq!(disagreement(&delta, &case.base()), None);
}

#[test]
fn a_child_that_parts_make_below_an_alternative_is_refused() {
    let nodes: &[HandNode<'_>] = &[
        (b"abcd", 1, 1, 3, RECIPE),
        (b"xabcdy", 2, 2, 4, PORTABLE),
        (b"12xabcdy34", NONE, 0, NONE, RECIPE),
    ];
    let plain = Plain::by_hand(
        nodes,
        &[("", 2)],
        &[
            &[(2, 0, 2, [&[21], &[2], &[], &[], b"12"])],
            &[(1, 1, 1, [&[21], &[1], &[], &[], b"x"])],
            &[(0, 0, 4, [&[21], &[4], &[], &[], b"abcd"])],
            &[(1, 1, 5, [&[3, 21], &[1], &[], &[0], b"y"])],
            &[(2, 0, 8, [&[3, 21], &[2], &[], &[1], b"34"])],
        ],
    );
    let delta = plain.seal();
    assert_eq!(disagreement(&delta, &Base::default()), None);
    assert_eq!(disagreement(&delta, &with_blob(b"xabcdy")), None);
}

#[test]
fn what_an_alternative_that_is_not_run_places_first_may_be_placed_again() {
    let nodes: &[HandNode<'_>] = &[
        (b"abcd", 1, 1, 1, &[WayKind::GivenBlob]),
        (b"xabcdy", 2, 0, 1, PORTABLE),
        (b"xabcdyabcd", NONE, 0, NONE, RECIPE),
    ];
    let plain = Plain::by_hand(
        nodes,
        &[("", 2)],
        &[
            &[(1, 1, 6, [&[21, 3, 21], &[1, 1], &[], &[0], b"xy"])],
            &[(2, 0, 10, [&[3, 3], &[], &[], &[1, 0], b""])],
        ],
    );
    let delta = plain.seal();
    let made = Ok(vec![(Vec::new(), Some(b"xabcdyabcd".to_vec()))]);
    let (mut both, one) = (with_blob(b"xabcdy"), with_blob(b"abcd"));
    both.blobs.extend(with_blob(b"abcd").blobs);
    for base in [one, both] {
        assert_eq!(reference::apply(&delta, &base), made);
        assert_eq!(apply_by_crate(&delta, &base), made);
    }
}

#[test]
fn a_window_that_is_larger_than_declared_is_refused() {
    for case in cases() {
        let delta = case.delta();
        let opened = Delta::open(&&delta[..]).expect("own delta");
        let mut header = opened.header().clone();
        let streams = header.groups.iter_mut().flat_map(|group| &mut group.streams);
        for frame in streams.flat_map(|stream| &mut stream.frames) {
            frame.window_log = frame.window_log.min(10);
        }
        let body = &delta[usize::try_from(opened.head_len()).expect("small")..];
        let head = encode_head(&header, body.len() as u64).expect("memory");
        let narrow = [&head, body].concat();
        assert_eq!(disagreement(&narrow, &case.base()), None, "{}", case.name);
    }
}

#[test]
fn a_portable_blob_is_copied_from() {
    let nodes: &[HandNode<'_>] =
        &[(b"abcdefgh", 1, 0, 1, PORTABLE), (b"abcdefghcdef", NONE, 0, NONE, RECIPE)];
    let plain = Plain::by_hand(
        nodes,
        &[("", 1)],
        &[
            &[(0, 1, 8, [&[21], &[8], &[], &[], b"abcdefgh"])],
            &[(1, 0, 12, [&[3, 1], &[4], &[4], &[0, 0], b""])],
        ],
    );
    let delta = plain.seal();
    for base in [Base::default(), with_blob(b"abcdefgh")] {
        let made = Ok(vec![(Vec::new(), Some(b"abcdefghcdef".to_vec()))]);
        assert_eq!(reference::apply(&delta, &base), made);
        assert_eq!(apply_by_crate(&delta, &base), made);
    }
}

#[test]
fn a_parent_cannot_copy_from_a_child_before_it_is_made() {
    let nodes: &[HandNode<'_>] =
        &[(b"abcdefgh", 1, 4, 0, RECIPE), (b"cdefabcdefgh", NONE, 0, NONE, RECIPE)];
    let plain = Plain::by_hand(
        nodes,
        &[("", 1)],
        &[&[
            (1, 0, 4, [&[1], &[4], &[4], &[0], b""]),
            (0, 0, 8, [&[21], &[8], &[], &[], b"abcdefgh"]),
            (1, 0, 8, [&[3], &[], &[], &[0], b""]),
        ]],
    );
    let (delta, base) = (plain.seal(), Base::default());
    let why = "copy of bytes not made before".into();
    assert_eq!(reference::apply(&delta, &base), Err(Refusal::Damaged(why)));
    assert!(apply_by_crate(&delta, &base).is_err());
}
