//! The crate's header model and the one written from docs/headers.md agree.

use chunkdelta::format::{HeaderModel, TAR_BLOCK};
use proptest::collection::vec;
use proptest::prelude::*;

use super::reference::cases::layers::header;
use super::reference::headers::{Block, Model, data_length};
use super::reference::tables::Cursor;

/// A number as writers spell it, and as they do not.
fn field(length: usize) -> impl Strategy<Value = Vec<u8>> {
    let octal = (any::<prop::sample::Index>(), 0_u64..1 << 33, 0_usize..3, 0_usize..3).prop_map(
        move |(width, number, before, behind)| {
            let width = width.index(length);
            let digits = match before {
                0 => format!("{number:o}"),
                1 => format!("{number:0width$o}"),
                _ => format!("{number:width$o}"),
            };
            let mut field = digits.into_bytes();
            field.extend([&b"\0"[..], b" \0", b""][behind]);
            field.resize(length, 0);
            field
        },
    );
    let number = prop_oneof![0_i64..9, any::<i64>()];
    let binary = (any::<bool>(), number).prop_map(move |(is_spoiled, number)| {
        let mut field = i128::from(number).to_le_bytes()[..length].to_vec();
        field.reverse();
        field[0] = if number < 0 { 0xFF } else { 0x80 };
        field[1] ^= u8::from(is_spoiled);
        field
    });
    let bytes = vec(prop_oneof![Just(0), Just(b' '), b'0'..=b'9', any::<u8>()], length);
    prop_oneof![6 => octal, 2 => binary, 1 => bytes, 1 => Just(vec![0; length])]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => "(usr|lib)/(a|b|ab){0,6}(\\.so)?".prop_map(String::into_bytes),
        1 => vec(prop_oneof![Just(0), Just(b'a'), any::<u8>()], 0..100),
    ]
}

/// Blocks that have something in common.
fn block() -> impl Strategy<Value = Block> {
    let fields = (field(12), field(12), field(8), text(), text(), text());
    let times = prop_oneof![Just("14500000000"), Just("14500000001"), Just("14500250600")];
    let plain = (times, 0_usize..3).prop_map(|(time, size)| header("usr/lib/a", size, time));
    let spoiled = (plain.clone(), fields, any::<u8>(), vec((0_usize..512, any::<u8>()), 0..3));
    let spoiled = spoiled.prop_map(|(mut block, fields, which, bytes)| {
        let (size, time, checksum, name, link, prefix) = fields;
        let all =
            [(124, size), (136, time), (148, checksum), (0, name), (157, link), (345, prefix)];
        for (bit, (at, bytes)) in all.into_iter().enumerate() {
            if which >> bit & 1 == 1 {
                block[at..at + bytes.len()].copy_from_slice(&bytes);
            }
        }
        for (at, byte) in bytes {
            block[at] = byte;
        }
        block
    });
    prop_oneof![3 => plain, 6 => spoiled, 1 => Just([0; TAR_BLOCK])]
}

/// What the crate makes of entries, and how many bytes are left.
fn by_crate(sources: &[Block], mut entries: &[u8]) -> Option<(Vec<Block>, usize)> {
    let mut model = HeaderModel::default();
    let mut blocks = Vec::new();
    for source in sources {
        let block = model.decode(source, || {
            let (byte, rest) =
                entries.split_first().ok_or(chunkdelta::format::FormatError::Rule {
                    rule: "a stream ends",
                    place: "byte",
                    row: 0,
                })?;
            entries = rest;
            Ok(*byte)
        });
        blocks.push(block.ok()?);
    }
    Some((blocks, entries.len()))
}

/// What the document makes of them.
fn by_document(sources: &[Block], entries: &[u8]) -> Option<(Vec<Block>, usize)> {
    let (mut model, mut cursor) = (Model::default(), Cursor(entries));
    let blocks = sources
        .iter()
        .map(|source| model.block(source, &mut cursor).ok())
        .collect::<Option<_>>()?;
    Some((blocks, cursor.0.len()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_header_has_the_entry_that_the_document_gives_it(
        pairs in vec((block(), block()), 1..8),
    ) {
        let mut model = HeaderModel::default();
        let mut entries = Vec::new();
        for (source, block) in &pairs {
            model.encode(source, block, &mut entries);
            prop_assert_eq!(chunkdelta::format::data_len(source), data_length(source));
        }
        let (sources, blocks): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let expected = Some((blocks, 0));
        prop_assert!(by_document(&sources, &entries) == expected, "document: {entries:?}");
        prop_assert!(by_crate(&sources, &entries) == expected, "crate: {entries:?}");
    }

    #[test]
    fn changed_entries_are_judged_alike(
        pairs in vec((block(), block()), 1..5),
        changes in vec((any::<prop::sample::Index>(), 0_u8..4, any::<u8>()), 1..4),
    ) {
        let mut model = HeaderModel::default();
        let mut entries = Vec::new();
        for (source, block) in &pairs {
            model.encode(source, block, &mut entries);
        }
        for (at, what, byte) in changes {
            let at = at.index(entries.len());
            match what {
                0 => entries[at] = byte,
                1 => entries[at] ^= 1 << (byte % 8),
                2 => entries.insert(at, byte),
                _ if entries.len() > 1 => drop(entries.remove(at)),
                _ => {}
            }
        }
        let sources: Vec<_> = pairs.into_iter().map(|pair| pair.0).collect();
        prop_assert!(by_crate(&sources, &entries) == by_document(&sources, &entries));
    }
}

#[test]
fn times_are_forgotten_alike() {
    for count in [4096, 4097] {
        let time = |time: u64| header("a", 0, &format!("{time:011o}"));
        let pairs = (0..2 * count).map(|row| (time(row % count), time(row % count + row % 7)));
        let (sources, blocks): (Vec<_>, Vec<_>) = pairs.unzip();
        let (mut model, mut entries) = (HeaderModel::default(), Vec::new());
        for (source, block) in sources.iter().zip(&blocks) {
            model.encode(source, block, &mut entries);
        }
        assert!(by_document(&sources, &entries) == Some((blocks, 0)), "{count}");
    }
}
