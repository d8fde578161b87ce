use std::io::Cursor;

use proptest::prelude::*;

use super::*;

/// A ustar header block with the given fields and a right checksum.
fn block(name: &[u8], size: u64, flag: u8) -> Block {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name);
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[156] = flag;
    block[257..265].copy_from_slice(b"ustar\x0000");
    seal(block)
}

fn seal(mut block: Block) -> Block {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn record(key: &str, value: &str) -> Vec<u8> {
    let body = format!(" {key}={value}\n");
    let len = (1..100).find(|len: &usize| len.to_string().len() + body.len() == *len);
    format!("{}{body}", len.expect("a fixed point exists")).into_bytes()
}

fn extended(records: &[(&str, &str)]) -> Vec<u8> {
    let body: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
    [&block(b"PaxHeaders/x", body.len() as u64, b'x')[..], &padded(&body)].concat()
}

fn walk(bytes: &[u8]) -> (Vec<Entry>, End) {
    let mut walker = Walker::new(bytes);
    let entries: Vec<Entry> = walker.by_ref().collect();
    (entries, walker.finish())
}

fn only(bytes: &[u8]) -> Entry {
    let (mut entries, end) = walk(bytes);
    assert_eq!(entries.len(), 1, "{end:?}");
    entries.remove(0)
}

fn range(start: u64, len: u64) -> ByteRange {
    ByteRange::new(start, len).expect("small")
}

#[test]
fn headers_and_bytes_of_members_lie_where_they_are() {
    let bytes =
        [&block(b"a", 3, b'0')[..], &padded(b"abc"), &block(b"d/", 0, b'5'), &[0; 1024]].concat();
    let (entries, end) = walk(&bytes);
    assert_eq!(entries[0].header, range(0, 512));
    assert_eq!(entries[0].data, range(512, 3));
    assert_eq!(entries[1].header, range(1024, 512));
    assert_eq!(entries[1].kind, EntryKind::Directory);
    assert_eq!(end.at, 1536);
    assert!(matches!(end.stop, Stop::EndBlocks));
}

#[test]
fn a_last_member_without_padding_and_without_end_blocks_is_whole() {
    let bytes = [&block(b"a", 3, b'0')[..], b"abc"].concat();
    let (entries, end) = walk(&bytes);
    assert_eq!(entries[0].data, range(512, 3));
    assert_eq!(end.at, 515);
    assert!(matches!(end.stop, Stop::EndOfInput));
}

#[test]
fn a_cut_member_is_named() {
    let bytes = [&block(b"a", 0, b'0')[..], &block(b"layer.tar", 600, b'0'), b"abc"].concat();
    let (entries, end) = walk(&bytes);
    assert_eq!(entries.len(), 1);
    assert_eq!(end.at, 512);
    assert!(
        matches!(end.stop, Stop::Cut { name, expected_end: 1624 } if name == b"layer.tar"),
        "the cut member is named"
    );
    let announced = extended(&[("path", "far")]);
    let (_, end) = walk(&announced);
    assert!(matches!(end.stop, Stop::Cut { name, .. } if name == b"far"));
}

#[test]
fn bytes_that_are_no_header_end_the_walk_where_they_begin() {
    let mut wrong = block(b"b", 0, b'0');
    wrong[0] ^= 1;
    for tail in [&wrong[..], b"tail", &[0xff; 700]] {
        let bytes = [&block(b"a", 0, b'0')[..], tail].concat();
        let (entries, end) = walk(&bytes);
        assert_eq!((entries.len(), end.at), (1, 512));
        assert!(matches!(end.stop, Stop::NoHeader));
    }
    assert!(matches!(walk(b"").1.stop, Stop::EndOfInput));
}

#[test]
fn a_prefix_joins_the_name_in_ustar_and_only_there() {
    let mut ustar = block(b"name", 0, b'0');
    ustar[345..348].copy_from_slice(b"dir");
    assert_eq!(only(&seal(ustar)).name, b"dir/name");
    ustar[257..265].copy_from_slice(b"ustar  \0");
    assert_eq!(only(&seal(ustar)).name, b"name");
    ustar[257..265].fill(0);
    assert_eq!(only(&seal(ustar)).name, b"name");
}

#[test]
fn gnu_long_names_and_links_belong_to_the_member() {
    let name = [b'n'; 300];
    let bytes = [
        &block(b"././@LongLink", 301, b'L')[..],
        &padded(&name),
        &block(b"././@LongLink", 5, b'K'),
        &padded(b"../to\0"),
        &block(b"nnn", 0, b'2'),
    ]
    .concat();
    let entry = only(&bytes);
    assert_eq!(entry.name, name);
    assert_eq!(entry.link, b"../to");
    assert_eq!(entry.kind, EntryKind::SymLink);
    assert_eq!(entry.header, range(0, bytes.len() as u64));
}

#[test]
fn pax_records_override_name_link_and_size() {
    let bytes = [
        &extended(&[("path", "p"), ("linkpath", "l"), ("size", "7"), ("mtime", "1.5")])[..],
        &block(b"x", 0, b'0'),
        b"seven b",
    ]
    .concat();
    let entry = only(&bytes);
    assert_eq!((entry.name.as_slice(), entry.data.len()), (&b"p"[..], 7));
    assert!(entry.link.is_empty(), "a regular file leads nowhere");
}

#[test]
fn a_global_header_belongs_to_the_next_member_and_moves_nothing() {
    let body = record("size", "1000000");
    let bytes = [
        &block(b"pax_global_header", body.len() as u64, b'g')[..],
        &padded(&body),
        &block(b"a", 2, b'0'),
        b"ab",
    ]
    .concat();
    let entry = only(&bytes);
    assert_eq!((entry.header, entry.data), (range(0, 1536), range(1536, 2)));
}

#[test]
fn a_size_in_base_256_is_read_and_a_negative_one_is_no_header() {
    let mut big = block(b"a", 0, b'0');
    big[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
    let bytes = [&seal(big)[..], &[1; 258]].concat();
    assert_eq!(only(&bytes).data.len(), 258);
    for size in [[0xff; 12], [0x80, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255]] {
        big[124..136].copy_from_slice(&size);
        let (entries, end) = walk(&seal(big));
        assert!(entries.is_empty() && matches!(end.stop, Stop::NoHeader));
    }
    big[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0x7f, 255, 255, 255, 255, 255, 255, 255]);
    let (_, end) = walk(&seal(big));
    let end_of_largest = 512 + (1 << 63) - 1;
    assert!(
        matches!(end.stop, Stop::Cut { expected_end, .. } if expected_end == end_of_largest),
        "{end:?}"
    );
}

#[test]
fn a_gnu_sparse_map_belongs_to_the_header() {
    let mut sparse = block(b"holes", 4, b'S');
    sparse[257..265].copy_from_slice(b"ustar  \0");
    sparse[482] = 1;
    let mut more = [7; 512];
    let mut last = [7; 512];
    more[504] = 1;
    last[504] = 0;
    let bytes = [&seal(sparse)[..], &more, &last, b"data"].concat();
    let entry = only(&bytes);
    assert_eq!((entry.header, entry.data), (range(0, 1536), range(1536, 4)));
    assert_eq!(entry.kind, EntryKind::Sparse);
}

#[test]
fn a_pax_sparse_member_is_sparse_and_has_its_real_name() {
    let records = [("GNU.sparse.major", "1"), ("GNU.sparse.name", "real")];
    let bytes = [&extended(&records)[..], &block(b"GNUSparseFile.0/x", 1, b'0'), b"x"].concat();
    let entry = only(&bytes);
    assert_eq!((entry.name.as_slice(), entry.kind), (&b"real"[..], EntryKind::Sparse));
}

#[test]
fn a_signed_checksum_is_accepted() {
    let mut old = block(b"caf\xe9", 0, b'0');
    old[148..156].fill(b' ');
    let sum: i64 =
        old.iter().map(|byte| i64::from(*byte) - if *byte > 127 { 256 } else { 0 }).sum();
    old[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert_eq!(only(&old).name, b"caf\xe9");
}

#[test]
fn links_and_directories_have_no_bytes_whatever_their_size_says() {
    for flag in b'1'..=b'6' {
        let bytes = [block(b"a", 512, flag), block(b"b", 0, b'0')].concat();
        assert_eq!(walk(&bytes).0.len(), 2, "flag {}", flag as char);
    }
}

#[test]
fn a_name_or_record_longer_than_its_limit_ends_the_walk() {
    for (flag, limit) in [(b'L', limits::NAME_LEN), (b'x', limits::PAX_LEN)] {
        let mut bytes = block(b"long", limit + 1, flag).to_vec();
        bytes.resize(4 << 20, b'n');
        assert!(matches!(walk(&bytes).1.stop, Stop::NoHeader));
    }
}

proptest! {
    #[test]
    fn the_tar_crate_and_the_walker_agree(
        files in prop::collection::vec(("[a-z/]{1,180}", prop::collection::vec(any::<u8>(), 0..1500)), 0..6)
    ) {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, data) in &files {
            let mut header = tar::Header::new_gnu();
            header.set_size(data.len() as u64);
            let name = format!("f{name}");
            builder.append_data(&mut header, &name, data.as_slice()).expect("in memory");
        }
        let bytes = builder.into_inner().expect("in memory");
        let (entries, end) = walk(&bytes);
        prop_assert!(matches!(end.stop, Stop::EndBlocks));
        let mut archive = tar::Archive::new(Cursor::new(&bytes));
        let theirs: Vec<(Vec<u8>, u64, u64)> = archive
            .entries()
            .expect("in memory")
            .map(|entry| entry.expect("just written"))
            .map(|entry| (entry.path_bytes().into_owned(), entry.raw_file_position(), entry.size()))
            .collect();
        let ours: Vec<(Vec<u8>, u64, u64)> = entries
            .into_iter()
            .map(|entry| (entry.name, entry.data.start(), entry.data.len()))
            .collect();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn hostile_blocks_end_and_ranges_stay_inside(
        pieces in prop::collection::vec((prop::sample::select(b"0125LKxgSX7\0".to_vec()), 0_u64..2000, any::<u8>()), 0..12),
        cut in 0_usize..600,
    ) {
        let mut bytes: Vec<u8> = pieces
            .iter()
            .flat_map(|(flag, size, fill)| {
                let mut header = block(b"n", *size, *flag);
                header[482] = *fill;
                if fill & 1 == 1 { header[257..265].copy_from_slice(b"ustar  \0"); }
                [&seal(header)[..], &vec![*fill; usize::try_from(*size).expect("small") / 2 / 512 * 512]].concat()
            })
            .collect();
        bytes.truncate(bytes.len().saturating_sub(cut));
        let (entries, end) = walk(&bytes);
        let mut position = 0;
        for entry in &entries {
            prop_assert_eq!(entry.header.end(), entry.data.start());
            prop_assert!(entry.header.start() >= position && entry.data.end() <= bytes.len() as u64);
            position = entry.data.end();
        }
        prop_assert!(end.at >= position && end.at <= bytes.len() as u64);
    }
}
