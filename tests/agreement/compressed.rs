//! Small deltas with compressed nodes, put together by hand: what the encoder would never write.

use std::collections::BTreeMap;

use chunkdelta::compression::encoders::table::Table;
use chunkdelta::compression::encoders::{self, Setup};
use chunkdelta::format::{NONE, Run, Way, WayKind};

use super::reference::cases::apply_by_crate;
use super::reference::reseal::{HandNode, Plain, StreamPart};
use super::reference::{self, Base, Outputs, Refusal, sha256};
use super::{PORTABLE, RECIPE};

pub(super) const RE_ENCODE: &[WayKind] = &[WayKind::ReEncode];

/// What encoder 1 makes at level 0.
pub(super) fn deflated(content: &[u8]) -> Vec<u8> {
    let content_len = content.len() as u64;
    let setup = Setup { number: 1, parameters: &[0], corrections: &[], content_len };
    let mut out = Vec::new();
    let mut encoder = encoders::start(&setup).expect("an encoder");
    encoder.write(content, &mut out);
    encoder.finish(&mut out);
    out
}

/// A part that takes these streams.
pub(super) fn part(node: u32, made: usize, streams: &[(u32, &[u8])]) -> StreamPart {
    let streams = streams.iter().map(|(kind, bytes)| (*kind, bytes.to_vec()));
    (node, 0, made as u64, streams.collect::<BTreeMap<_, _>>())
}

/// A part that makes literals, and says what of them is kept.
fn literals(node: u32, bytes: &[u8], kept: &[u8]) -> StreamPart {
    part(node, bytes.len(), &[(0, &[21]), (1, &[length(bytes)]), (4, kept), (21, bytes)])
}

/// A part that deflates a content.
fn deflate(node: u32, content: &[u8], kept: &[u8]) -> StreamPart {
    let lengths = [0, 0, 1, length(content)];
    let streams: [(u32, &[u8]); 4] = [(0, &[5]), (1, &lengths), (3, &[1, 0, 1, 0]), (4, kept)];
    part(node, deflated(content).len(), &streams)
}

fn length(bytes: &[u8]) -> u8 {
    u8::try_from(bytes.len()).expect("short")
}

/// Parameters of a re-encode.
pub(super) fn parameters(content: u32, encoders: &[u32]) -> Vec<u8> {
    [content].iter().chain(encoders).flat_map(|word| word.to_le_bytes()).collect()
}

/// A delta of nodes and outputs; each re-encode is of the content given for it, by encoder 1.
pub(super) fn delta(
    nodes: &[HandNode<'_>],
    outputs: &[(&str, u32)],
    contents: &[(usize, u32)],
    peak: u64,
    groups: &[&[StreamPart]],
) -> Plain {
    let mut plain = Plain::by_hand(nodes, outputs, &[]);
    for &(node, content) in contents {
        let way = plain.header.nodes[node].ways.last_mut().expect("a way");
        way.parameters = parameters(content, &[1]);
    }
    plain.header.declared.kept_peak = peak;
    // Re-encodes stand one inside the other here, three at most, by encoder 1.
    plain.header.declared.encoder_memory = 6 << 20;
    for parts in groups {
        plain.add_parts(parts);
    }
    plain
}

/// What both make of a delta, which must be the same.
pub(super) fn judged(plain: &Plain, base: &Base) -> Result<Outputs, Refusal> {
    let delta = plain.seal();
    let by_document = reference::apply(&delta, base);
    let by_crate = apply_by_crate(&delta, base);
    match (&by_document, &by_crate) {
        (Err(_), Err(_)) => {}
        _ => assert_eq!(by_crate, by_document, "crate and document"),
    }
    by_document
}

const CONTENT: &[u8] = b"a content";

/// A content fed to one re-encode, and encoded once more for another file after `kept` of it.
fn encoded_twice(kept: &[u8], peak: u64, is_split: bool) -> Plain {
    let once = deflated(CONTENT);
    let twice = [b"x", &once[..]].concat();
    let last = u32::from(is_split);
    let nodes: &[HandNode<'_>] = &[
        (CONTENT, 1, 0, last, RECIPE),
        (&once, NONE, 0, NONE, RE_ENCODE),
        (&twice, NONE, 0, NONE, RE_ENCODE),
    ];
    let lengths = [1, 0, 0, 1, length(CONTENT)];
    let second: [(u32, &[u8]); 4] = [(0, &[21, 5]), (1, &lengths), (3, &[1, 0, 1, 0]), (21, b"x")];
    let second = part(2, twice.len(), &second);
    let first = vec![deflate(1, CONTENT, &[]), literals(0, CONTENT, kept)];
    let outputs = &[("a", 1), ("b", 2)];
    let groups = if is_split {
        vec![first, vec![second]]
    } else {
        vec![first.into_iter().chain([second]).collect()]
    };
    let groups: Vec<&[StreamPart]> = groups.iter().map(Vec::as_slice).collect();
    delta(nodes, outputs, &[(1, 0), (2, 0)], peak, &groups)
}

/// A content with a child that parts make: both, and what a second re-encode of the content gets,
/// with these kept ranges: of the content's first part, the child, the content's second part.
fn with_child(kept: [&[u8]; 3], peak: u64) -> Plain {
    let (child, content) = (b"child", b"ab child yz");
    let once = deflated(content);
    let twice = [&once[..], b"x"].concat();
    let nodes: &[HandNode<'_>] = &[
        (child, 1, 3, 0, RECIPE),
        (content, 2, 0, 0, RECIPE),
        (&once, NONE, 0, NONE, RE_ENCODE),
        (&twice, NONE, 0, NONE, RE_ENCODE),
    ];
    let lengths = [0, 0, 1, length(content), 1];
    let second: [(u32, &[u8]); 4] = [(0, &[5, 21]), (1, &lengths), (3, &[1, 0, 1, 0]), (21, b"x")];
    let rest: [(u32, &[u8]); 5] = [(0, &[3, 21]), (1, &[3]), (3, &[0]), (4, kept[2]), (21, b" yz")];
    let parts = [
        deflate(2, content, &[]),
        literals(1, b"ab ", kept[0]),
        literals(0, child, kept[1]),
        part(1, 8, &rest),
        part(3, twice.len(), &second),
    ];
    delta(nodes, &[("a", 2), ("b", 3)], &[(2, 1), (3, 1)], peak, &[&parts])
}

pub(super) fn refused(why: &str) -> Result<Outputs, Refusal> {
    Err(Refusal::Damaged(why.to_owned()))
}

#[test]
fn a_content_that_is_encoded_again_has_to_be_kept_until_then() {
    let expected = {
        let once = deflated(CONTENT);
        let twice = [b"x", &once[..]].concat();
        Ok(vec![(b"a".to_vec(), Some(once)), (b"b".to_vec(), Some(twice))])
    };
    let judge = |kept: &[u8], peak, is_split| {
        judged(&encoded_twice(kept, peak, is_split), &Base::default())
    };
    for (kept, peak, is_split) in
        [(&[0, 9, 0][..], 9, false), (&[0, 9, 0], u64::MAX, false), (&[0, 9, 1], 9, true)]
    {
        assert_eq!(judge(kept, peak, is_split), expected, "{kept:?} {peak}");
    }
    for (kept, peak, is_split, why) in [
        (&[0, 9, 0][..], 8, false, "more is kept than declared"),
        (&[], 0, false, "use of bytes that are not kept"),
        (&[0, 8, 0], 9, false, "use of bytes that are not kept"),
        (&[0, 9, 0], 9, true, "use of bytes that are not kept"),
        (&[0, 8, 1, 0, 1, 0], 9, true, "use of bytes that are not kept"),
        (&[0, 8, 0, 0, 1, 0], 9, false, "two kept ranges not merged"),
        (&[0, 9, 1], 9, false, "no such group"),
        (&[0, 8, 1, 1, 0, 0], 9, true, "empty kept range"),
        (&[0, 10, 0], 10, false, "kept range reaches outside its part"),
    ] {
        assert_eq!(judge(kept, peak, is_split), refused(why), "{kept:?} {peak}");
    }
}

#[test]
fn encoders_take_no_more_memory_than_is_declared() {
    let memory = 2 << 20;
    for (mut plain, least) in [(encoded_twice(&[0, 9, 0], 9, false), memory), (chain(), 2 * memory)]
    {
        plain.header.declared.encoder_memory = least;
        assert!(judged(&plain, &Base::default()).is_ok(), "{least}");
        plain.header.declared.encoder_memory = least - 1;
        assert_eq!(judged(&plain, &Base::default()), refused("memory of encoders"));
    }
}

#[test]
fn an_encoding_counts_for_the_last_group() {
    for last in [0, NONE] {
        let mut plain = encoded_twice(&[0, 9, 1], 9, true);
        plain.header.nodes[0].last_group = last;
        let why = "use after the last group";
        assert_eq!(judged(&plain, &Base::default()), refused(why));
    }
}

#[test]
fn a_child_is_kept_by_its_own_parts_and_never_by_its_parent() {
    let judge = |kept, peak| judged(&with_child(kept, peak), &Base::default());
    assert!(judge([&[0, 3, 0], &[0, 5, 0], &[5, 3, 0]], 11).is_ok());
    let own = "kept bytes of a child";
    assert_eq!(judge([&[0, 3, 0], &[], &[0, 8, 0]], 11), refused(own));
    assert_eq!(judge([&[0, 3, 0], &[0, 5, 0], &[0, 8, 0]], 16), refused(own));
    assert_eq!(judge([&[0, 3, 0], &[0, 5, 0], &[0, 2, 0, 3, 3, 0]], 16), refused(own));
    let kept = "use of bytes that are not kept";
    assert_eq!(judge([&[0, 3, 0], &[], &[5, 3, 0]], 11), refused(kept));
    assert_eq!(judge([&[0, 3, 0], &[0, 5, 0], &[]], 11), refused(kept));
}

#[test]
fn a_re_encode_names_its_encoders() {
    let judge = |encoders: &[u32]| {
        let mut plain = encoded_twice(&[0, 9, 0], 9, false);
        plain.header.nodes[1].ways[0].parameters = parameters(0, encoders);
        judged(&plain, &Base::default())
    };
    assert!(judge(&[0, 1]).is_ok(), "one that is not needed");
    assert_eq!(judge(&[0]), refused("encoder that the way does not name"));
    assert_eq!(judge(&[1, 1]), refused("encoders do not ascend"));
    assert_eq!(judge(&[]), refused("no encoders"));
    assert_eq!(judge(&[1, 11]), Err(Refusal::Unsupported("encoder 11".to_owned())));
}

#[test]
fn a_content_may_be_encoded_empty_or_given() {
    let base = Base::default();
    let one = |bytes: Vec<u8>| Ok(vec![(Vec::new(), Some(bytes))]);
    assert_eq!(judged(&chain(), &base), one(deflated(&deflated(CONTENT))));
    assert_eq!(judged(&empty(&[]), &base), one(deflated(b"")));
    assert_eq!(judged(&empty(&[1]), &base), one(deflated(b"")), "behind nothing");
    assert_eq!(judged(&empty(&[1, 1]), &base), refused("two encodes not merged"));
    let blob = super::with_blob(CONTENT);
    assert_eq!(judged(&given(&[WayKind::GivenBlob]), &blob), one(deflated(CONTENT)));
    let held = Base { contents: [(sha256(CONTENT), CONTENT.to_vec())].into(), ..base };
    let mut plain = given(&[WayKind::GivenContent]);
    assert_eq!(judged(&plain, &held), refused("blocks of a content"));
    plain.header.nodes[0].ways[0].used = vec![Run { first: 0, count: 1 }];
    assert_eq!(judged(&plain, &held), one(deflated(CONTENT)));
    plain.header.nodes[0].parent = 1;
    assert_eq!(judged(&plain, &held), refused("fed content that no part makes"));
}

#[test]
fn a_content_is_used_whole_also_where_the_base_has_what_is_made_of_it() {
    let once = deflated(CONTENT);
    let mut plain = given(&[WayKind::GivenContent]);
    let way = Way { kind: WayKind::GivenBlob.number(), used: Vec::new(), parameters: Vec::new() };
    plain.header.nodes[1].ways.insert(0, way);
    plain.header.groups[0].parts[0].way = 1;
    let contents = [(sha256(CONTENT), CONTENT.to_vec())].into();
    let held = Base { contents, ..super::with_blob(&once) };
    assert_eq!(judged(&plain, &held), refused("blocks of a content"));
    plain.header.nodes[0].ways[0].used = vec![Run { first: 0, count: 1 }];
    assert_eq!(judged(&plain, &held), Ok(vec![(Vec::new(), Some(once))]));
}

#[test]
fn a_portable_content_is_encoded_at_once_where_it_is_given() {
    for base in [Base::default(), super::with_blob(CONTENT)] {
        let made = Ok(vec![(Vec::new(), Some(deflated(CONTENT)))]);
        assert_eq!(judged(&fed_portable(RECIPE), &base), made);
        assert_eq!(judged(&fed_portable(PORTABLE), &base), made);
    }
}

#[test]
fn a_portable_child_of_a_fed_node_is_kept_where_parts_make_it() {
    let (bare, blob) = (Base::default(), super::with_blob(CONTENT));
    let kept = "use of bytes that are not kept";
    for from_parent in [0, 8] {
        // A copy of the content reaches the child's bytes, where nobody keeps what is given.
        for ways in [RECIPE, PORTABLE] {
            assert!(judged(&hidden_child(ways, from_parent | 1), &bare).is_ok());
            assert_eq!(judged(&hidden_child(ways, from_parent), &bare), refused(kept));
        }
        let given = judged(&hidden_child(PORTABLE, from_parent), &blob);
        assert_eq!(given.is_ok(), from_parent == 0);
    }
}

/// A node compressed twice.
fn chain() -> Plain {
    let once = deflated(CONTENT);
    let twice = deflated(&once);
    let nodes: &[HandNode<'_>] = &[
        (CONTENT, 1, 0, 0, RECIPE),
        (&once, 2, 0, 0, RE_ENCODE),
        (&twice, NONE, 0, NONE, RE_ENCODE),
    ];
    let parts = [deflate(2, &once, &[]), deflate(1, CONTENT, &[]), literals(0, CONTENT, &[])];
    delta(nodes, &[("", 2)], &[(1, 0), (2, 1)], 0, &[&parts])
}

/// A content that is fed, with these ways.
fn fed_portable(ways: &[WayKind]) -> Plain {
    let once = deflated(CONTENT);
    let nodes: &[HandNode<'_>] = &[(CONTENT, 1, 0, 0, ways), (&once, NONE, 0, NONE, RE_ENCODE)];
    let mut content = literals(0, CONTENT, &[]);
    content.1 = u32::try_from(ways.len()).expect("few") - 1;
    delta(nodes, &[("", 1)], &[(1, 0)], 0, &[&[deflate(1, CONTENT, &[])], &[content]])
}

/// A child of a fed content, with these ways, and a copy of the content's bytes in it.
fn hidden_child(ways: &[WayKind], kept: u8) -> Plain {
    let content = [b"<", CONTENT, b">a con"].concat();
    let once = deflated(&content);
    let nodes: &[HandNode<'_>] =
        &[(CONTENT, 1, 1, 2, ways), (&content, 2, 0, 2, RECIPE), (&once, NONE, 0, NONE, RE_ENCODE)];
    let mut child = literals(0, CONTENT, if kept & 1 == 1 { &[0, 9, 1] } else { &[] });
    child.1 = u32::try_from(ways.len()).expect("few") - 1;
    let ranges: &[u8] = if kept & 2 == 2 { &[0, 9, 0] } else { &[] };
    let from = u8::from(kept & 8 == 8);
    let rest: [(u32, &[u8]); 6] = [
        (0, &[3, 21, 1]),
        (1, &[1, 5]),
        (2, &[if from == 1 { 2 } else { 0 }]),
        (3, &[0, from]),
        (4, ranges),
        (21, b">"),
    ];
    let groups: [&[StreamPart]; 3] = [
        &[deflate(2, &content, &[]), literals(1, b"<", &[])],
        &[child],
        &[part(1, content.len() - 1, &rest)],
    ];
    delta(nodes, &[("", 2)], &[(2, 1)], 18, &groups)
}

/// A content that the base gives.
fn given(ways: &[WayKind]) -> Plain {
    let once = deflated(CONTENT);
    let nodes: &[HandNode<'_>] = &[(CONTENT, NONE, 0, 0, ways), (&once, NONE, 0, NONE, RE_ENCODE)];
    delta(nodes, &[("", 1)], &[(1, 0)], 0, &[&[deflate(1, CONTENT, &[])]])
}

/// A re-encode of nothing, behind encodes that take nothing as well.
fn empty(more: &[u8]) -> Plain {
    let once = deflated(b"");
    let nodes: &[HandNode<'_>] = &[(b"", NONE, 0, 0, RECIPE), (&once, NONE, 0, NONE, RE_ENCODE)];
    let (mut code, mut lengths, mut numbers) = (vec![5], vec![0, 0, 1, 0], vec![1, 0, 1, 0]);
    for _ in more {
        code.insert(0, 5);
        lengths.extend([0, 0, 1, 0]);
        numbers.splice(0..0, [0, 0, 0]);
    }
    let streams: [(u32, &[u8]); 3] = [(0, &code), (1, &lengths), (3, &numbers)];
    let mut plain = delta(nodes, &[("", 1)], &[(1, 0)], 0, &[&[part(1, once.len(), &streams)]]);
    plain.header.nodes[1].ways[0].parameters = parameters(0, &[0, 1]);
    plain
}

/// A tar of one file and what encoder 1 makes of it.
fn tar() -> (Vec<u8>, Vec<u8>) {
    let mut tar = vec![0; 2560];
    tar[..4].copy_from_slice(b"name");
    tar[124..136].copy_from_slice(b"00000000005\0");
    tar[156] = b'0';
    tar[148..156].fill(b' ');
    let sum: u32 = tar[..512].iter().map(|byte| u32::from(*byte)).sum();
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar[512..517].copy_from_slice(b"bytes");
    let stored = deflated(&tar);
    (tar, stored)
}

pub(super) fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 128 {
        bytes.push(u8::try_from(number % 128).expect("seven bits") | 128);
        number /= 128;
    }
    bytes.push(u8::try_from(number).expect("seven bits"));
    bytes
}

/// The encode of a table: parameters, corrections, framing, length of the piece.
type TableEncode<'t> = (&'t [u64], &'t [u8], u8, u8);

/// A tar that is deflated, and tables behind it, with `behind` encodes of nothing behind those.
fn tables(encodes: &[TableEncode<'_>], behind: usize) -> Plain {
    let (content, mut node) = tar();
    let table = encodes
        .first()
        .and_then(|(numbers, corrections, ..)| Table::start(numbers, corrections).ok());
    let mut made = Vec::new();
    if let Some(mut table) = table {
        table.begin_piece(0);
        table.write(&content);
        table.end_piece(node.len() as u64);
        let result = table.finish(node.len() as u64, &mut None, &mut made);
        if result.is_err() {
            made.clear();
        }
    }
    node.extend(made);
    let mut code = vec![5; 1 + encodes.len()];
    let mut lengths = [&[0, 0, 1][..], &varint(content.len())].concat();
    let (mut numbers, mut all_corrections) = (vec![1, 0, 1, 0], Vec::new());
    for (parameters, corrections, framing, length) in encodes {
        lengths.extend([0, u8::try_from(corrections.len()).expect("short"), 1, *length]);
        numbers.extend([10, *framing]);
        numbers.extend(varint(parameters.len()));
        for number in *parameters {
            numbers.extend(varint(usize::try_from(*number).expect("small")));
        }
        all_corrections.extend_from_slice(corrections);
    }
    code.resize(code.len() + behind, 5);
    for _ in 0..behind {
        lengths.extend([0, 0, 1, 0]);
        numbers.extend([0, 0, 0]);
    }
    let streams: [(u32, &[u8]); 4] =
        [(0, &code), (1, &lengths), (3, &numbers), (6, &all_corrections)];
    let parts = [
        part(1, node.len(), &streams),
        part(0, content.len(), &[(0, &[21]), (1, &varint(content.len())), (21, &content)]),
    ];
    let nodes: &[HandNode<'_>] = &[(&content, 1, 0, 0, RECIPE), (&node, NONE, 0, NONE, RE_ENCODE)];
    let mut plain = delta(nodes, &[("", 1)], &[(1, 0)], 0, &[&parts]);
    plain.header.nodes[1].ways[0].parameters = parameters(0, &[0, 1, 10]);
    plain.header.declared.encoder_memory = 64 << 20;
    plain
}

#[test]
fn a_table_is_made_of_what_lies_before_it() {
    let judge =
        |encodes: &[TableEncode<'_>], behind| judged(&tables(encodes, behind), &Base::default());
    let one = |kind: u64, option: u64, len: u64| [kind, option, len, 1, 1, 0];
    let is_made =
        |numbers: &[u64], corrections: &[u8]| judge(&[(numbers, corrections, 0, 0)], 0).is_ok();
    // The length that is right is found by trying.
    for (kind, option) in [(2, 0), (3, 4096), (4, 4096)] {
        let mut lens = (150..500).filter(|len| is_made(&one(kind, option, *len), &[]));
        let len = lens.next().unwrap_or_else(|| panic!("kind {kind} is made"));
        assert_eq!(lens.next(), None, "one length is right");
        let lawful = one(kind, option, len);
        let corrections = [&[15, 9, 3, 9][..], b"123456789", &[1, 0, 0]].concat();
        for (corrections, is_lawful, why) in [
            (&[13, 9, 3, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0][..], false, "bytes behind the scripts"),
            (&[12, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9], true, "nine bytes for nine others"),
            (&[0], false, "nothing is corrected"),
            (&[4, 9, 3, 9, 1], false, "a script that is cut"),
            (&[5, 255, 255, 3, 1, 0], false, "an edit behind the guess"),
            (&[6, 1, 1, 0, 0, 1, 0], false, "edits that touch"),
            (&[3, 1, 0, 0], false, "an edit that changes nothing"),
            (&corrections, false, "an edit that changes nothing, behind another one"),
        ] {
            assert_eq!(is_made(&lawful, corrections), is_lawful, "{kind}: {why}");
        }
        let table: TableEncode<'_> = (&lawful, &[], 0, 0);
        let edit: TableEncode<'_> = (&lawful, &[3, 1, 1, 0], 0, 0);
        let refused = |encodes: &[TableEncode<'_>], behind, why: &str| {
            assert!(matches!(judge(encodes, behind), Err(Refusal::Damaged(_))), "{kind}: {why}");
        };
        refused(&[(&lawful, &[], 0, 1)], 0, "a table that takes content");
        refused(&[(&lawful, &[], 1, 0)], 0, "a table with a framing");
        refused(&[table, edit], 0, "two tables");
        refused(&[table], 1, "an encode behind a table");
        refused(&[(&[&lawful[..], &[0]].concat(), &[], 0, 0)], 0, "a number too many");
        refused(&[(&lawful[..5], &[], 0, 0)], 0, "a number too few");
        refused(&[(&[kind, option, 1 << 28, 1, 1, 0], &[], 0, 0)], 0, "too long a text");
        refused(&[(&[kind, option, len, 10, 0], &[], 0, 0)], 0, "a table in a table");
        refused(&[(&[kind, option, len, 7, 3, 6, 0, 0], &[], 0, 0)], 0, "an encoder of no name");
        refused(&[(&[kind, option, len, 1, 1, 77], &[], 0, 0)], 0, "a level that is none");
    }
}
