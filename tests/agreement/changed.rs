//! Copies with differences, copies of members and headers, put together by hand.

use chunkdelta::format::{NONE, Run, WayKind};

use super::RECIPE;
use super::compressed::{RE_ENCODE, deflated, delta, judged, part, refused, varint};
use super::reference::cases::layers::header;
use super::reference::reseal::{HandNode, StreamPart};
use super::reference::{Base, Outputs, Refusal, sha256};

const GIVEN: &[WayKind] = &[WayKind::GivenContent];

/// What both appliers make of a file whose only part takes these streams, of a content with a byte
/// more, so that it is never the file.
fn made(content: &[u8], file: &[u8], streams: &[(u32, &[u8])]) -> Result<Outputs, Refusal> {
    let content = &[content, b"+"].concat();
    let nodes: &[HandNode<'_>] = &[(content, NONE, 0, 0, GIVEN), (file, NONE, 0, 0, RECIPE)];
    let mut plain = delta(nodes, &[("", 1)], &[], 0, &[&[part(1, file.len(), streams)]]);
    plain.header.nodes[0].ways[0].used = vec![Run { first: 0, count: 1 }];
    judged(
        &plain,
        &Base { contents: [(sha256(content), content.clone())].into(), ..Base::default() },
    )
}

fn one(file: &[u8]) -> Outputs {
    vec![(Vec::new(), Some(file.to_vec()))]
}

/// A copy of the whole content, by an instruction.
fn copied(
    number: u8,
    content: &[u8],
    file: &[u8],
    changes: [&[u8]; 3],
) -> Result<Outputs, Refusal> {
    let [differences, headers, gaps] = changes;
    let lengths = varint(file.len());
    let streams: [(u32, &[u8]); 7] = [
        (0, &[number]),
        (1, &lengths),
        (2, &[0]),
        (3, &[0]),
        (5, differences),
        (7, headers),
        (8, gaps),
    ];
    made(content, file, &streams)
}

#[test]
fn differences_are_added_where_gaps_say() {
    let content = b"abcdefgh";
    for (file, differences, gaps) in [
        (b"abXdefgh", &b"\xF5"[..], &[2, 5][..]),
        (b"bbcdefgh", &[1], &[0, 7]),
        (b"abcdefgi", &[1], &[7]),
        (b"aaaaaaaa", b"\xFF\xFE\xFD\xFC\xFB\xFA\xF9", &[1, 0, 0, 0, 0, 0, 0]),
        (b"bcdefghi", &[1; 8], &[0; 8]),
    ] {
        assert_eq!(copied(6, content, file, [differences, &[], gaps]), Ok(one(file)), "{gaps:?}");
    }
    for (differences, gaps, why) in [
        (&[1][..], &[9][..], "gap reaches outside"),
        (&[1, 1], &[3, 5], "gap reaches outside"),
        (&[0], &[2, 5], "difference of 0"),
        (&[], &[8], "a copy without differences"),
        (&[1], &[7, 0], "part takes less than declared"),
        (&[1, 1], &[7], "part takes less than declared"),
        (&[1], &[2], "cut off"),
        (&[], &[2, 5], "stream is missing"),
    ] {
        let answer = copied(6, content, content, [differences, &[], gaps]);
        assert_eq!(answer, refused(why), "{differences:?} {gaps:?}");
    }
}

#[test]
fn copies_of_one_kind_that_touch_are_merged_but_for_those_of_members() {
    let content = b"abcdefgh";
    let two = |instructions: [u8; 2], differences: &[u8], gaps: &[u8], file: &[u8]| {
        let streams: [(u32, &[u8]); 6] = [
            (0, &instructions),
            (1, &[4, 4]),
            (2, &[0, 0]),
            (3, &[0, 0]),
            (5, differences),
            (8, gaps),
        ];
        made(content, file, &streams)
    };
    let why = "two copies not merged";
    assert_eq!(two([1, 1], &[], &[], content), refused(why));
    assert_eq!(two([6, 6], &[1, 1], &[0, 3, 0, 3], b"bbcdffgh"), refused(why));
    assert_eq!(two([6, 1], &[1], &[0, 3], b"bbcdefgh"), Ok(one(b"bbcdefgh")));
    // Shorter than a header, so nothing but bytes.
    assert_eq!(two([7, 7], &[], &[4, 4], content), Ok(one(content)));
    assert_eq!(two([1, 7], &[], &[4], content), Ok(one(content)));
    assert_eq!(two([7, 6], &[1], &[4, 0, 3], b"abcdffgh"), Ok(one(b"abcdffgh")));
}

/// Times in octal; the second is a day later.
const OLD: &str = "14500000000";
const NEW: &str = "14500250600";

/// The zigzag of a day in seconds.
const DAY: [u8; 3] = [0x80, 0xC6, 0x0A];

/// A member with 600 bytes of data, padded, and a block of zeros behind it.
fn member(time: &str) -> Vec<u8> {
    let mut member = [&header("a", 600, time)[..], &[b'x'; 600]].concat();
    member.resize(512 + 1024 + 512, 0);
    member
}

#[test]
fn headers_of_members_are_made_over_and_differences_laid_over_them() {
    let (old, new) = (member(OLD), member(NEW));
    let entry = [&[7][..], &DAY].concat();
    // The zeros behind the member lie where the next header would: only what is left of them.
    let (old_cut, new_cut) = (&old[..1700], &new[..1700]);
    let gap = varint(1700);
    assert_eq!(copied(7, old_cut, new_cut, [&[], &entry, &gap]), Ok(one(new_cut)));
    let mut changed = new_cut.to_vec();
    changed[0] = b'b';
    changed[1699] = 1;
    let gaps = [&[0][..], &varint(1698)].concat();
    let answer = copied(7, old_cut, &changed, [&[1, 1], &entry, &gaps]);
    assert_eq!(answer, Ok(one(&changed)), "a header has differences too");
    assert_eq!(copied(7, old_cut, new_cut, [&[], &[], &gap]), refused("stream is missing"));
    assert_eq!(copied(7, old_cut, new_cut, [&[], &entry[..2], &gap]), refused("cut off"));
    let more = [&entry[..], &[0]].concat();
    let answer = copied(7, old_cut, new_cut, [&[], &more, &gap]);
    assert_eq!(answer, refused("part takes less than declared"));
    let second = [&[0x80, 1, 0x90, 1, 1, b'1'][..]].concat();
    let answer = copied(7, old_cut, new_cut, [&[], &second, &gap]);
    assert_eq!(answer, refused("second spelling of a header"));
}

#[test]
fn what_is_no_header_has_none_behind_it() {
    let old = member(OLD);
    let (mut broken, rest) = (old.clone(), varint(2048));
    broken[148] = b'1';
    // The broken checksum is patched; the block of zeros behind the data is not made over.
    let entry = [&[0x80, 1][..], &varint(148), &[1, b'1']].concat();
    assert_eq!(copied(7, &broken, &broken, [&[], &entry, &rest]), Ok(one(&broken)));
    // Here it is, and that takes an entry.
    assert_eq!(copied(7, &old, &old, [&[], &[0], &rest]), refused("cut off"));
}

#[test]
fn a_header_is_made_of_the_last_one_before_its_differences() {
    let old = header("a", 0, OLD);
    let new = header("a", 0, NEW);
    let mut differing = new;
    differing[0] = b'b';
    let second = header("a", 0, "14500521400");
    let file = [&differing[..], &new, &second].concat();
    let entries = [&[7][..], &DAY, &[0, 1]].concat();
    let gaps = [&[0][..], &varint(511)].concat();
    let lengths = varint(512);
    let streams: [(u32, &[u8]); 7] = [
        (0, &[7, 8, 8]),
        (1, &lengths),
        (2, &[0]),
        (3, &[0]),
        (5, &[1]),
        (7, &entries),
        (8, &gaps),
    ];
    assert_eq!(made(&old, &file, &streams), Ok(one(&file)));
    assert_eq!(
        copied(8, &old, &old, [&[], &[0], &[]]),
        refused("part takes less than declared"),
        "a length"
    );
}

/// A content that is fed, and that copies its own members.
fn fed(kept: &[u8], peak: u64) -> Result<Outputs, Refusal> {
    let (old, new) = (&member(OLD)[..1536], &member(NEW)[..1536]);
    let content = [old, new].concat();
    let once = deflated(&content);
    let nodes: &[HandNode<'_>] = &[(&content, 1, 0, 0, RECIPE), (&once, NONE, 0, NONE, RE_ENCODE)];
    let (length, pieces) = (varint(1536), [&[0, 0, 1][..], &varint(3072)].concat());
    let encode: [(u32, &[u8]); 3] = [(0, &[5]), (1, &pieces), (3, &[1, 0, 1, 0])];
    let lengths = [&length[..], &length].concat();
    let entry = [&[7][..], &DAY].concat();
    let copy: [(u32, &[u8]); 8] = [
        (0, &[21, 7]),
        (1, &lengths),
        (2, &[0]),
        (3, &[0]),
        (4, kept),
        (7, &entry),
        (8, &length),
        (21, old),
    ];
    let parts: [StreamPart; 2] = [part(1, once.len(), &encode), part(0, 3072, &copy)];
    judged(&delta(nodes, &[("", 1)], &[(1, 0)], peak, &[&parts]), &Base::default())
}

#[test]
fn members_are_copied_from_what_is_kept_of_the_node_itself() {
    let content = [&member(OLD)[..1536], &member(NEW)[..1536]].concat();
    let all = [&[0][..], &varint(1536), &[0]].concat();
    assert_eq!(fed(&all, 1536), Ok(one(&deflated(&content))));
    let less = [&[0][..], &varint(1535), &[0]].concat();
    assert_eq!(fed(&less, 1536), refused("use of bytes that are not kept"));
}
