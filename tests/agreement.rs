//! The crate's applier and the reference applier, written from the document alone, agree.

mod reference;

use chunkdelta::format::{Way, WayKind};
use proptest::prelude::*;
use reference::cases::{Case, apply_by_crate, cases};
use reference::reseal::{Plain, seal};
use reference::{Base, Refusal};

fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).expect("a case of this name")
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
        let (delta, base) = (Plain::of(&case.delta()).seal(), case.base());
        assert_eq!(reference::apply(&delta, &base), Ok(case.expected()), "{}", case.name);
        assert_eq!(apply_by_crate(&delta, &base), Ok(case.expected()), "{}", case.name);
    }
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
    assert_eq!(portable, 1, "the image's portable blob, and nothing else");
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

/// Rules that the crate's applier does not enforce yet: deltas that break nothing else it accepts.
const NOT_ENFORCED: [&str; 0] = [];

/// What the two appliers say, unless they make the same or refuse alike.
fn disagreement(delta: &[u8], base: &Base) -> Option<String> {
    let (by_document, by_crate) = (reference::apply(delta, base), apply_by_crate(delta, base));
    let agree = match (&by_document, &by_crate) {
        (Err(Refusal::Damaged(rule)), _) if NOT_ENFORCED.contains(&rule.as_str()) => true,
        (Err(_), Err(_)) => true,
        (by_document, by_crate) => by_document == by_crate,
    };
    let short = |answer| {
        let mut text = format!("{answer:?}");
        text.truncate(300);
        text
    };
    (!agree).then(|| format!("document: {}\ncrate: {}", short(by_document), short(by_crate)))
}

/// A change to a delta that is sealed again afterwards.
#[derive(Debug, Clone)]
enum Change {
    /// Adds to a byte of the tables.
    Table(prop::sample::Index, u8),
    /// Sets the four bytes of a table from a byte on.
    Word(prop::sample::Index, u32),
    /// Adds to a byte of a stream.
    Body(prop::sample::Index, u8),
    /// Swaps two neighbours (0), removes one (1), or doubles one (2): of nodes, outputs, roles,
    /// groups, parts, streams.
    Row(u8, u8, prop::sample::Index),
    /// Gives a node a way more.
    Way(WayKind, prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<prop::sample::Index>;
    let small = || prop_oneof![Just(1), Just(255), any::<u8>()];
    let word = prop_oneof![0_u32..4, Just(u32::MAX)];
    let kind =
        prop_oneof![Just(WayKind::GivenContent), Just(WayKind::GivenBlob), Just(WayKind::Recipe)];
    prop_oneof![
        (index(), small()).prop_map(|(at, add)| Change::Table(at, add)),
        (index(), word).prop_map(|(at, word)| Change::Word(at, word)),
        (index(), small()).prop_map(|(at, add)| Change::Body(at, add)),
        (0_u8..6, 0_u8..3, index()).prop_map(|(table, op, row)| Change::Row(table, op, row)),
        (kind, index()).prop_map(|(kind, row)| Change::Way(kind, row)),
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
            Change::Way(kind, row) if !header.nodes.is_empty() => {
                let count = header.nodes.len();
                let ways = &mut header.nodes[row.index(count)].ways;
                ways.push(Way { kind: kind.number(), used: vec![], parameters: vec![] });
                ways.sort_by_key(|way| way.kind);
            }
            Change::Body(at, add) if !plain.body.is_empty() => {
                let at = at.index(plain.body.len());
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
        case in 0_usize..7,
        changes in prop::collection::vec(change(), 1..4),
    ) {
        let case = &cases()[case];
        let delta = changed(Plain::of(&case.delta()), &changes);
        let found = disagreement(&delta, &case.base());
        prop_assert!(found.is_none(), "{}: {}", case.name, found.unwrap_or_default());
    }
}
