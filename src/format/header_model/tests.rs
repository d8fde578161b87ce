mod written;

use proptest::prelude::*;

use super::*;
use written::WRITTEN;

type Block = [u8; BLOCK];

/// What stands in a block, or over another one: offsets and bytes.
type Spelled<'a> = &'a [(usize, &'a [u8])];

fn over(mut block: Block, spelled: Spelled<'_>) -> Block {
    for (start, bytes) in spelled {
        block[*start..start + bytes.len()].copy_from_slice(bytes);
    }
    block
}

fn block(spelled: Spelled<'_>) -> Block {
    over([0; BLOCK], spelled)
}

/// A header as Go writes it in ustar.
fn go(name: &str, size: u64, time: u64) -> Block {
    let mut block = over(
        field::EMPTY_FILE,
        &[
            (0, name.as_bytes()),
            (124, format!("{size:011o}").as_bytes()),
            (136, format!("{time:011o}").as_bytes()),
        ],
    );
    field::seal(&mut block);
    block
}

fn encoded(model: &mut HeaderModel, source: &Block, target: &Block) -> Vec<u8> {
    let mut entry = Vec::new();
    model.encode(source, target, &mut entry);
    entry
}

/// Decodes one entry and tells how many bytes it took.
fn decoded(
    model: &mut HeaderModel,
    source: &Block,
    entry: &[u8],
) -> Result<(Block, usize), FormatError> {
    let mut taken = 0;
    let block = model.decode(source, || {
        let byte = entry.get(taken).copied();
        taken += 1;
        byte.ok_or(FormatError::Truncated { reading: "headers", expected: 1, available: 0 })
    })?;
    Ok((block, taken))
}

fn unhex(digits: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex");
    (0..digits.len()).step_by(2).map(pair).collect()
}

/// Encodes and decodes pairs of blocks with one model each; returns the lengths of the entries.
fn round_trip(pairs: &[(Block, Block)]) -> Vec<usize> {
    let (mut writer, mut reader) = (HeaderModel::default(), HeaderModel::default());
    let mut lens = Vec::new();
    for (source, target) in pairs {
        let entry = encoded(&mut writer, source, target);
        let (block, taken) = decoded(&mut reader, source, &entry).expect("its own entry");
        assert_eq!((&block, taken), (target, entry.len()));
        assert_eq!((writer.last(), reader.last()), (target, target));
        lens.push(entry.len());
    }
    lens
}

#[test]
fn what_programs_wrote_differs_in_fields_alone() {
    for (writer, source, changes, entry) in WRITTEN {
        let source = block(source);
        let target = over(source, changes);
        assert!(checksum_holds(&source) && checksum_holds(&target), "{writer}");
        assert_eq!(
            encoded(&mut HeaderModel::default(), &source, &target),
            unhex(entry),
            "{writer}"
        );
        let (made, _) = decoded(&mut HeaderModel::default(), &source, &unhex(entry)).expect(writer);
        assert_eq!(made, target, "{writer}");
    }
}

#[test]
fn the_examples_of_the_document_are_what_is_written() {
    let mut model = HeaderModel::default();
    let first = go("a", 5, 1_700_000_000);
    let second = go("b", 5, 1_700_000_000);
    let later = go("a", 5, 1_705_184_000);
    for (source, target, entry) in [
        (&[0; BLOCK], &first, "1f80c49fd50c0a00610000"),
        (&first, &second, "1000620000"),
        (&first, &later, "0780e8f804"),
        (&first, &later, "00"),
    ] {
        assert_eq!(encoded(&mut model, source, target), unhex(entry));
    }
}

#[test]
fn a_time_that_moves_as_before_costs_one_byte_a_header() {
    // Files of one time, then files that each have their own; half of them unchanged ones.
    let pairs: Vec<_> = (0..1000)
        .map(|number: u64| {
            let time = 1_600_000_000 + number.saturating_sub(500);
            let name = format!("usr/share/{number}");
            let moved = if number % 4 < 2 && number > 500 { 0 } else { 86_400 };
            (go(&name, number, time), go(&name, number, time + moved))
        })
        .collect();
    let lens = round_trip(&pairs);
    assert_eq!(lens[0], 1 + 3);
    assert!(lens[1..].iter().all(|len| *len == 1));
}

#[test]
fn an_old_time_moves_as_it_did_whatever_came_between() {
    let step = |old: u64, moved| (go("a", 1, old), go("a", 1, old + moved));
    let mut pairs: Vec<_> = (1..=100).map(|number| step(number << 10, number << 4)).collect();
    pairs.extend((1..=100).rev().map(|number| step(number << 10, number << 4)));
    assert!(round_trip(&pairs)[100..].iter().all(|len| *len == 1));
}

#[test]
fn times_are_forgotten_all_at_once_when_there_are_too_many() {
    let step = |old: u64| (go("a", 1, old), go("a", 1, old + 7));
    let mut pairs = vec![step(1)];
    pairs.extend((0..4095).map(|number| step(2 + number)));
    pairs.push(step(1));
    let mut model = HeaderModel::default();
    let codes: Vec<_> = pairs.iter().map(|(old, new)| encoded(&mut model, old, new)[0]).collect();
    assert_eq!((codes[0], codes[1], codes[4096]), (7, 1, 0));
    assert_eq!(encoded(&mut model, &step(5000).0, &step(5000).1), [1]);
    assert_eq!(encoded(&mut model, &step(1).0, &step(1).1), [1]);
    round_trip(&pairs);
}

#[test]
fn a_new_file_costs_its_name_and_size() {
    let dir = "usr/lib/python3/dist-packages/";
    let pairs = [
        ([0; BLOCK], go(&format!("{dir}six.py"), 34_549, 1_620_000_000)),
        (
            go(&format!("{dir}six.py"), 34_549, 1_620_000_000),
            go(&format!("{dir}typing.py"), 35_000, 1_620_000_000),
        ),
    ];
    // First byte, time, size, and of the edit all but the bytes.
    assert_eq!(round_trip(&pairs), [1 + 5 + 3 + 3 + dir.len() + 6, 1 + 2 + 3 + 6]);
}

#[test]
fn a_checksum_of_signed_bytes_is_carried() {
    let signed = |time| {
        let mut block = go("caf\u{e9}", 1, time);
        let sum: i64 = block.iter().map(|byte| i64::from(byte.cast_signed())).sum();
        let field: i64 = block[CHECKSUM].iter().map(|byte| i64::from(*byte)).sum();
        block[CHECKSUM].copy_from_slice(format!("{:06o}\0 ", sum - field + 256).as_bytes());
        block
    };
    let pairs = [(signed(1 << 30), signed((1 << 30) + 1))];
    assert_eq!(data_len(&pairs[0].1), Some(1));
    assert!(round_trip(&pairs)[0] <= 1 + 1 + 1 + 2 + 6);
}

#[test]
fn numbers_are_spelled_as_the_field_spells_its_own() {
    for (field, value, expected) in [
        (&b"00000000017\0"[..], 0o20, &b"00000000020\0"[..]),
        (b"00000000017 ", 0o777_7777_7777, b"77777777777 "),
        (b"00000000017 ", 0o1_0000_0000_0000, b"00000000017 "),
        (b"000000000017", 0o7777_7777_7777, b"777777777777"),
        (b"         17 ", 0o2000, b"       2000 "),
        (b"          0 ", 0o17, b"         17 "),
        (b"  0017\0 ", 0o2000, b"  2000\0 "),
        (b"  0017\0 ", 0o20000, b"  0017\0 "),
        (b"17\0\0\0\0\0\0", 0o7, b"07\0\0\0\0\0\0"),
        (b"\0\0\0\0\0\0\0\0", 0o7, b"0000007\0"),
        (b"        ", 0o1234_5671, b"        "),
        (b"0000017\0", -1, b"0000017\0"),
        (b"0000018\0", 1, b"0000018\0"),
        (b"\x80\0\0\0\0\0\0\x11", 0x1234, b"\x80\0\0\0\0\0\x12\x34"),
        (b"\x80\0\0\0\0\0\0\0\0\0\0\x11", -2, &[0xff; 11]),
    ] {
        let mut spelled = field.to_vec();
        field::set_number(&mut spelled, value);
        let expected = [expected, &[0xfe][..field.len() - expected.len()]].concat();
        assert_eq!(spelled, expected, "{field:?}");
        assert!(number(&spelled) == Some(value) || spelled == field);
    }
    for field in [&b"1x\0"[..], b"+7 ", b"-7 ", b"\xc0\0\0", b"\x80\x80\0\0\0\0\0\0\0"] {
        assert_eq!(number(field), None, "{field:?}");
    }
}

#[test]
fn data_follows_files_and_extensions_and_nothing_else() {
    let of_type = |flag| {
        let mut block = over(go("a", 700, 1), &[(156, &[flag])]);
        field::seal(&mut block);
        block
    };
    for flag in *b"\x000127xgLKSZ" {
        let len = if matches!(flag, b'1' | b'2') { 0 } else { 700 };
        assert_eq!(data_len(&of_type(flag)), Some(len));
    }
    for flag in b'3'..=b'6' {
        assert_eq!(data_len(&of_type(flag)), Some(0));
    }
    let negative = over(of_type(b'0'), &[(124, &[0xff; 12]), (148, b"017437\0 ")]);
    assert!(!checksum_holds(&over(negative, &[(0, b"b")])));
    assert_eq!(data_len(&negative), None);
    assert_eq!(data_len(&over(of_type(b'0'), &[(0, b"b")])), None);
    assert_eq!(data_len(&[0; BLOCK]), None);
}

#[test]
fn second_spellings_and_what_fits_no_block_are_damage() {
    let source = go("usr/bin/tool", 3, 1_700_000_000);
    let mut model = HeaderModel::default();
    encoded(&mut model, &source, &go("usr/bin/tool", 3, 1_700_000_007));
    encoded(&mut model, &go("a", 1, 1), &go("a", 1, 2));
    // Now 7 is predicted, and 1 is the other recent distance.
    assert_eq!(encoded(&mut model.clone(), &source, &go("usr/bin/tool", 3, 1_700_000_001)), [1]);
    for (entry, rule) in [
        ("02", "fits its source"),
        ("05", "fits its source"),
        ("0702", "is the one"),
        ("070e", "is the one"),
        ("0800", "only what changes"),
        ("8000", "only what changes"),
        ("100c00000000", "is the one"),
        ("100c0000", "is the one"),
        ("100d0000", "fits its source"),
        ("1000000f", "fits its source"),
        ("10007573000e", "fits its source"),
        ("10007573000c", "is the one"),
        ("10ff7f0000", "at most 512"),
        ("800100017500", "is the one"),
        ("8001000175", "is the one"),
        ("800100027874", "is the one"),
        ("80020001780001790000", "is the one"),
        ("80010000", "is the one"),
        ("8001ff03027878", "lie in the block"),
        ("8081040001", "at most 512"),
        ("800187000102", "shortest form"),
        ("0780808080808080808080", "64 bits"),
        ("80018c01013031", "is the one"),
    ] {
        let error = decoded(&mut model.clone(), &source, &unhex(entry)).expect_err(entry);
        let FormatError::Rule { rule: found, .. } = &error else { panic!("{entry}: {error}") };
        assert!(found.contains(rule), "{entry}: {found}");
    }
    let long = [&b"\x10\x00"[..], &[b'x'; 101], &[0, 0]].concat();
    assert!(decoded(&mut model.clone(), &source, &long).is_err());
    let endless = [&b"\x10\x00"[..], &[b'x'; 2000]].concat();
    let error = decoded(&mut model, &source, &endless).expect_err("no end").to_string();
    assert!(error.contains("fits its field"), "{error}");
}

fn a_header() -> impl Strategy<Value = Block> {
    let texts = (prop::collection::vec("[a-c/]{0,4}", 0..40), "[a-c]{0,9}", "[a-c]{0,9}");
    let numbers = (0_u64..1 << 36, 0_u64..1 << 34, 0_u32..0o7777, 0_u64..1 << 24, 0_u8..4);
    let flag = prop::sample::select(&b"\x000125LxSg"[..]);
    (texts, numbers, flag).prop_map(|((name, link, owner), (size, time, mode, id, form), flag)| {
        let mut header = match form {
            0 => tar::Header::new_old(),
            1 => tar::Header::new_gnu(),
            _ => tar::Header::new_ustar(),
        };
        let name: String = name.concat();
        // What does not fit stays out, as the rest of a long name does.
        drop(header.set_path(name.trim_start_matches('/')));
        drop(header.set_link_name(&link));
        drop(header.set_username(&owner));
        header.set_size(size);
        header.set_mtime(time);
        header.set_mode(mode);
        header.set_uid(id);
        header.set_gid(0);
        header.set_entry_type(tar::EntryType::new(flag));
        header.set_cksum();
        *header.as_bytes()
    })
}

/// Few distinct blocks, so that times come again, and noise over some of them.
fn pairs() -> impl Strategy<Value = Vec<(Block, Block)>> {
    let noise = (0..BLOCK, prop::collection::vec(any::<u8>(), 0..30));
    let headers = prop::collection::vec((a_header(), prop::option::weighted(0.2, noise)), 1..6);
    (headers, prop::collection::vec((0_usize..6, 0_usize..6, 0_u64..4), 1..40)).prop_map(
        |(headers, picks)| {
            let mut blocks = vec![[0; BLOCK]];
            for (mut block, noise) in headers {
                if let Some((start, bytes)) = noise {
                    block[start..].iter_mut().zip(bytes).for_each(|(old, new)| *old = new);
                }
                blocks.push(block);
            }
            let pick = |number: usize| blocks[number % blocks.len()];
            let moved = |source: Block, by: u64| {
                let mut target = source;
                let time = number(&source[TIME]).unwrap_or(0);
                field::set_number(&mut target[TIME], time.wrapping_add_unsigned(by * 3600));
                field::seal(&mut target);
                (source, target)
            };
            let pair = |(source, target, by)| match by {
                0 => (pick(source), pick(target)),
                _ => moved(pick(source), by - 1),
            };
            picks.into_iter().map(pair).collect()
        },
    )
}

fn noise() -> impl Strategy<Value = Block> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), BLOCK),
        prop::collection::vec(prop::sample::select(&b"\0\0 07a\x80\xff"[..]), BLOCK),
    ]
    .prop_map(|bytes| bytes.try_into().expect("a block"))
}

proptest! {
    #[test]
    fn any_headers_come_back(pairs in pairs()) {
        round_trip(&pairs);
    }

    #[test]
    fn any_blocks_come_back_and_cost_little_more_than_themselves(
        pairs in prop::collection::vec((noise(), noise()), 1..4),
    ) {
        prop_assert!(round_trip(&pairs).iter().all(|len| *len <= 900));
    }

    #[test]
    fn a_cut_entry_is_told((source, target) in (a_header(), a_header()), noise in noise()) {
        for target in [target, noise] {
            let entry = encoded(&mut HeaderModel::default(), &source, &target);
            for len in 0..entry.len() {
                let error = decoded(&mut HeaderModel::default(), &source, &entry[..len]);
                let is_cut = matches!(error, Err(FormatError::Truncated { .. }));
                prop_assert!(is_cut, "{} of {}", len, entry.len());
            }
        }
    }

    #[test]
    fn hostile_entries_are_damage_or_the_one_of_their_block(
        source in prop_oneof![a_header(), noise()],
        entries in prop::collection::vec(
            prop::collection::vec(prop_oneof![0_u8..4, 0_u8..128, any::<u8>()], 1..40),
            1..20,
        ),
    ) {
        let mut model = HeaderModel::default();
        for bytes in entries {
            let mut writer = model.clone();
            if let Ok((block, taken)) = decoded(&mut model, &source, &bytes) {
                prop_assert_eq!(&encoded(&mut writer, &source, &block)[..], &bytes[..taken]);
            }
        }
    }
}
