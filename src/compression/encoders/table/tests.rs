//! Tables of small tars, and of bytes that are none.

use proptest::prelude::*;

use super::*;
use crate::format::EncoderKind;

/// A member's header block and padded bytes.
fn member(name: &str, flag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 512];
    let mut put =
        |at: usize, text: &str| block[at..][..text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644");
    put(108, "0001750");
    put(116, "0000000");
    put(124, &format!("{:011o}", bytes.len()));
    put(136, "14512345670");
    put(148, "        ");
    put(257, "ustar\x0000");
    put(265, "someone");
    block[156] = flag;
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block.extend(bytes);
    block.resize(block.len().next_multiple_of(512), 0);
    block
}

fn tar() -> Vec<u8> {
    let records = b"20 SCHILY.xattr.a=b\n";
    let members = [
        member("d/", b'5', b""),
        member("d/<a>", b'0', b"some bytes"),
        member("x", b'x', records),
        member("e", b'0', b"more"),
        member("f", b'0', b""),
    ];
    [&members.concat()[..], &[0; 1024]].concat()
}

/// Where zstd:chunked cuts [`tar`]: before and behind the bytes of files.
const CUTS: [usize; 4] = [1024, 1034, 3072, 3076];

fn stored(len: u64) -> TextParameters {
    TextParameters { len, encoder: EncoderKind::GoFlate.number(), parameters: vec![0] }
}

/// What is guessed of a content in pieces that are 100 bytes longer when stored.
fn guessed(kind: Kind, style: &Style, content: &[u8], cuts: &[usize], split: usize) -> Vec<String> {
    let texts = if kind == Kind::Chunked { 2 } else { 1 };
    let mut watcher = Watcher::of(kind, style, &vec![1 << 20; texts]);
    let mut at = 0;
    for (number, end) in cuts.iter().chain([&content.len()]).enumerate() {
        let added = 100 * number as u64;
        watcher.begin_piece(at as u64 + added);
        content[at..*end].chunks(split).for_each(|bytes| watcher.write(bytes));
        watcher.end_piece(*end as u64 + added + 100);
        at = *end;
    }
    watcher.finish();
    watcher.finish_list(Some(Digest::of(b"tar-split")));
    let text = |number| {
        let mut text = Vec::new();
        watcher.drain(number, &mut |bytes| text.extend_from_slice(bytes));
        String::from_utf8(text).expect("JSON is UTF-8")
    };
    (0..texts).map(text).collect()
}

fn chunked(has_empty_times: bool) -> Style {
    let style = ChunkedStyle { has_empty_times, has_tar_split_digest: true, ..Default::default() };
    Style::Chunked(style)
}

/// The style of who writes no tar-split.
fn without_tar_split() -> Style {
    Style::Chunked(ChunkedStyle::default())
}

#[test]
fn a_manifest_lists_what_the_tar_has() {
    let time = "\"modtime\":\"2023-10-13T22:59:04Z\"";
    let digest = |bytes: &[u8]| Digest::of(bytes);
    let expected = [
        format!(
            "{{\"version\":1,\"entries\":[{{\"type\":\"dir\",\"name\":\"d/\",\"mode\":420,\"uid\":1000,{time}}}"
        ),
        format!(
            "{{\"type\":\"reg\",\"name\":\"d/\\u003ca\\u003e\",\"mode\":420,\"size\":10,\"uid\":1000,{time},\
             \"digest\":\"{}\",\"offset\":1124,\"endOffset\":1234}}",
            digest(b"some bytes")
        ),
        format!(
            "{{\"type\":\"reg\",\"name\":\"e\",\"mode\":420,\"size\":4,\"uid\":1000,{time},\
             \"xattrs\":{{\"a\":\"Yg==\"}},\"digest\":\"{}\",\"offset\":3372,\"endOffset\":3476}}",
            digest(b"more")
        ),
        format!(
            "{{\"type\":\"reg\",\"name\":\"f\",\"mode\":420,\"uid\":1000,{time}}}],\"tarSplitDigest\":\"{}\"}}",
            digest(b"tar-split")
        ),
    ];
    let texts = guessed(Kind::Chunked, &chunked(false), &tar(), &CUTS, 1000);
    assert_eq!(texts[1], expected.join(","));
    let old = guessed(Kind::ChunkedAlone, &chunked(true), &tar(), &CUTS, 1000).concat();
    let no_times =
        "\"accesstime\":\"0001-01-01T00:00:00Z\",\"changetime\":\"0001-01-01T00:00:00Z\"";
    assert_eq!(old.matches(no_times).count(), 4, "{old}");
}

#[test]
fn tar_split_has_all_but_the_files() {
    let texts = guessed(Kind::Chunked, &chunked(false), &tar(), &CUTS, 1000);
    let lines: Vec<&str> = texts[0].lines().collect();
    assert_eq!(lines.len(), 9, "{lines:#?}");
    assert!(lines[0].starts_with("{\"type\":2,\"payload\":\"ZC8AAA"), "{}", lines[0]);
    assert_eq!(lines[1], "{\"type\":1,\"name\":\"d/\",\"payload\":null,\"position\":1}");
    assert!(
        lines[3]
            .starts_with("{\"type\":1,\"name\":\"d/\\u003ca\\u003e\",\"size\":10,\"payload\":\"")
    );
    assert!(lines[8].ends_with("AAAA==\",\"position\":8}"), "{}", lines[8]);
}

#[test]
fn an_index_tells_chunks_and_owners_once() {
    let bytes = [7; 10_000];
    let content = [member("a", b'0', &bytes), member("b", b'2', b"")].concat();
    let style = Style::Stargz { chunk_len: 8192 };
    let text = guessed(Kind::Stargz, &style, &content, &[512, 512 + 8192], 1000).concat();
    let digest = |bytes: &[u8]| Digest::of(bytes);
    let expected = format!(
        "{{
\t\"version\": 1,
\t\"entries\": [
\t\t{{
\t\t\t\"name\": \"a\",
\t\t\t\"type\": \"reg\",
\t\t\t\"size\": 10000,
\t\t\t\"modtime\": \"2023-10-13T22:59:04Z\",
\t\t\t\"mode\": 420,
\t\t\t\"uid\": 1000,
\t\t\t\"userName\": \"someone\",
\t\t\t\"offset\": 612,
\t\t\t\"digest\": \"{}\",
\t\t\t\"chunkSize\": 8192,
\t\t\t\"chunkDigest\": \"{}\"
\t\t}},
\t\t{{
\t\t\t\"name\": \"a\",
\t\t\t\"type\": \"chunk\",
\t\t\t\"offset\": 8904,
\t\t\t\"chunkOffset\": 8192,
\t\t\t\"chunkDigest\": \"{}\"
\t\t}},
\t\t{{
\t\t\t\"name\": \"b\",
\t\t\t\"type\": \"symlink\",
\t\t\t\"modtime\": \"2023-10-13T22:59:04Z\",
\t\t\t\"mode\": 420,
\t\t\t\"uid\": 1000
\t\t}}
\t]
}}",
        digest(&bytes),
        digest(&bytes[..8192]),
        digest(&bytes[8192..])
    );
    assert_eq!(text, expected);
    assert_eq!(Style::of_index(text.as_bytes()), style);
}

#[test]
fn an_index_tells_owners_again_where_another_writer_begins() {
    let content = [member("a", b'0', b"x"), member("b", b'0', b"y")].concat();
    let style = Style::Stargz { chunk_len: 4096 };
    for (cuts, told) in [(vec![512, 1536], 1), (vec![512, 1024, 1536], 2)] {
        let text = guessed(Kind::StargzZstd, &style, &content, &cuts, 1000).concat();
        assert_eq!(text.matches("userName").count(), told, "{text}");
    }
}

/// What a table makes behind one piece.
fn made(parameters: &Parameters, corrections: &[u8], content: &[u8]) -> Result<Vec<u8>, String> {
    let table = Table::start(&parameters.to_numbers(), corrections);
    let mut table = table.map_err(|error| error.to_string())?;
    table.begin_piece(0);
    table.write(content);
    table.end_piece(500);
    let mut out = Vec::new();
    table.finish(500, &mut None, &mut out)?;
    Ok(out)
}

#[test]
fn a_text_that_is_not_as_long_as_declared_is_refused() {
    let style = without_tar_split();
    let text = guessed(Kind::ChunkedAlone, &style, &tar(), &[], 9).concat().len() as u64;
    let alone = |len| Parameters {
        kind: Kind::ChunkedAlone,
        style: style.clone(),
        texts: vec![stored(len)],
    };
    let wrong = Err("a text is as long as it says".to_owned());
    // One piece has other offsets than none, so that lengths are found, not known.
    let len = (text - 100..text + 100).find(|len| made(&alone(*len), &[], &tar()) != wrong);
    let len = len.expect("one length is right");
    let out = made(&alone(len), &[], &tar()).expect("as long as declared");
    assert_eq!(out[..4], [0x50, 0x2a, 0x4d, 0x18]);
    assert!(out.ends_with(b"GnUlInUx"));
    assert_eq!(made(&alone(len - 1), &[], &tar()), wrong);
    assert_eq!(made(&alone(0), &[], &tar()), wrong);
    // Eleven bytes that are put in make it longer.
    let corrections = [&[14, 2, 0, 11][..], b"hello world"].concat();
    assert!(made(&alone(len + 11), &corrections, &tar()).is_ok());
    assert_eq!(made(&alone(len), &corrections, &tar()), wrong);
    let far = [4, 0xff, 0xff, 0x7f, 1, 0];
    let far = [&[5][..], &far[1..4], &[1, 0]].concat();
    assert_eq!(
        made(&alone(len), &far, &tar()),
        Err("corrections keep and skip what is guessed".to_owned())
    );
}

#[test]
fn numbers_and_parameters_are_the_same() {
    let all = [
        Parameters { kind: Kind::Chunked, style: chunked(true), texts: vec![stored(5), stored(7)] },
        Parameters { kind: Kind::ChunkedAlone, style: without_tar_split(), texts: vec![stored(5)] },
        Parameters {
            kind: Kind::Stargz,
            style: Style::Stargz { chunk_len: 1 << 22 },
            texts: vec![stored(9)],
        },
    ];
    for parameters in all {
        let numbers = parameters.to_numbers();
        assert_eq!(Parameters::from_numbers(&numbers), Ok(parameters));
        for len in 0..numbers.len() {
            assert!(Parameters::from_numbers(&numbers[..len]).is_err(), "{len} of {numbers:?}");
        }
    }
    for (numbers, rule) in [
        (&[0, 0][..], "kinds of tables are 1 to 4"),
        (&[1, 4, 0, 1, 0, 0, 1, 0], "a table has options and a zone that there are"),
        // Without tar-split there is no digest of it.
        (&[2, 2, 0, 1, 0], "a table has options and a zone that there are"),
        (&[2, 0, 0, 1, 0, 0], "a table has options and a zone that there are"),
        (&[3, 4095, 0, 1, 0], "chunks have 4 KiB at least"),
        (&[3, 4096, 0, 1, 0, 0], "an index has no zone"),
        (&[3, 4096, 1 << 30, 1, 0], "a text has its ceiling"),
        (&[3, 4096, 0, 10, 0], "a text has an encoder that compresses it"),
        (&[3, 4096, 0, 1, u64::MAX], "an encoder has its parameters"),
    ] {
        assert_eq!(Parameters::from_numbers(numbers), Err(rule), "{numbers:?}");
    }
}

/// Tars with bytes changed, and bytes that are no tar.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    let changed = prop::collection::vec((0_usize..5000, any::<u8>()), 0..4);
    let tars = (0_usize..3, changed).prop_map(|(times, changes)| {
        let mut content = [tar()[..3584].repeat(times), tar()].concat();
        for (at, byte) in changes {
            if let Some(place) = content.get_mut(at) {
                *place = byte;
            }
        }
        content
    });
    prop_oneof![3 => tars, 1 => prop::collection::vec(any::<u8>(), 0..2000)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn splits_do_not_change_a_guess(
        content in contents(),
        mut cuts in prop::collection::vec(0_usize..8000, 0..6),
        split in 1_usize..900,
        kind in 0_usize..4,
    ) {
        for cut in &mut cuts {
            *cut = (*cut).min(content.len());
        }
        cuts.sort_unstable();
        let kind = [Kind::Chunked, Kind::ChunkedAlone, Kind::Stargz, Kind::StargzZstd][kind];
        let style = match kind {
            Kind::Chunked | Kind::ChunkedAlone => chunked(true),
            _ => Style::Stargz { chunk_len: 4096 },
        };
        let whole = guessed(kind, &style, &content, &cuts, usize::MAX);
        prop_assert_eq!(guessed(kind, &style, &content, &cuts, split), whole);
    }

    #[test]
    fn any_parameters_and_corrections_end(
        content in contents(),
        numbers in prop::collection::vec(prop_oneof![0_u64..12, any::<u64>()], 0..12),
        lens in (0_u64..3000, 0_u64..3000),
        kind in 1_u64..5,
        corrections in prop::collection::vec(any::<u8>(), 0..30),
    ) {
        let given = [kind, 4096 * (kind / 3), lens.0, 1, 1, 0, lens.1, 1, 1, 0];
        let lawful = if kind == 1 { &given[..] } else { &given[..6] };
        for numbers in [&numbers[..], lawful] {
            let Ok(mut table) = Table::start(numbers, &corrections) else { continue };
            table.begin_piece(0);
            table.write(&content);
            table.end_piece(content.len() as u64);
            let mut out = Vec::new();
            if table.finish(content.len() as u64, &mut None, &mut out).is_ok() && numbers == lawful {
                // Stored texts, their headers and what is around them.
                prop_assert!(out.len() as u64 <= lens.0 + lens.1 + 4096, "{}", out.len());
            }
        }
    }
}
