//! A layer with a table of contents.

use chunkdelta::compression::encoders::table::{Parameters, Table, Watcher};
use chunkdelta::compression::encoders::{self, Setup};
use chunkdelta::delta::Origin;
use chunkdelta::digest::Digest;
use chunkdelta::format::{Class, EncodeRun, Framing};

use super::{Case, Piece, edited, words};

/// Two zstd frames of a tar and its table, as zstd:chunked has it; a name in the table is wrong.
pub(super) fn table() -> Case {
    let mut case = Case { name: "table", ..Case::default() };
    let mut header = [0; 512];
    header[..3].copy_from_slice(b"a/b");
    header[124..135].copy_from_slice(b"00000050000");
    header[156] = b'0';
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
    header[148..155].copy_from_slice(format!("{sum:07o}").as_bytes());
    header[155] = b' ';
    let old = [&header[..], &words(21, 20_480), &[0; 1024]].concat();
    let content = [&header[..], &edited(&words(21, 20_480), 9000)[..20_480], &[0; 1024]].concat();
    case.contents = vec![old];
    let layer = case.row(&content, Origin::Made, Class::TEXT);
    let frames = EncodeRun {
        encoder: 6,
        framing: Framing::Bare,
        parameters: vec![2, 8, 0, 0],
        header: Vec::new(),
        corrections: Vec::new(),
        lengths: vec![512, 20_480, 1024],
    };
    let mut pieces = Vec::new();
    let (mut blob, mut at) = (Vec::new(), 0);
    for &content_len in &frames.lengths {
        let start = blob.len() as u64;
        let end = at + usize::try_from(content_len).expect("short");
        let setup =
            Setup { number: 6, parameters: &frames.parameters, corrections: &[], content_len };
        let mut encoder = encoders::start(&setup).expect("an encoder");
        encoder.write(&content[at..end], &mut blob);
        encoder.finish(&mut blob);
        pieces.push((start, &content[at..end], blob.len() as u64));
        at = end;
    }
    // Lengths of tar-split and the manifest, which are guessed first.
    let lens = [1 << 12; 2];
    let numbers = |lens: [u64; 2]| {
        let text = |len| [len, 6, 4, 4, 8, 0, 1];
        [&[1, 2][..], &text(lens[0]), &text(lens[1])].concat()
    };
    let parameters = Parameters::from_numbers(&numbers(lens)).expect("lawful");
    let mut watcher = Watcher::of(parameters.kind, &parameters.style, &lens);
    for (start, piece, end) in &pieces {
        watcher.begin_piece(*start);
        watcher.write(piece);
        watcher.end_piece(*end);
    }
    watcher.finish();
    watcher.finish_list(Some(Digest::of(b"")));
    let lens = [0, 1].map(|text| {
        let mut len = 0;
        watcher.drain(text, &mut |bytes| len += bytes.len() as u64);
        len
    });
    // The name begins 46 bytes behind the beginning of the manifest.
    let corrections = vec![0, 4, 46, 1, 1, b'A'];
    let parameters = numbers(lens);
    let mut table = Table::start(&parameters, &corrections).expect("lawful");
    for (start, piece, end) in &pieces {
        table.begin_piece(*start);
        table.write(piece);
        table.end_piece(*end);
    }
    table.finish(blob.len() as u64, &mut None, &mut blob).expect("lengths are right");
    let table =
        EncodeRun { encoder: 10, parameters, corrections, lengths: vec![0], ..frames.clone() };
    let blob = case.recreated(layer, &blob, vec![Piece::Encoded(frames), Piece::Encoded(table)]);
    case.outputs = vec![("", Some(blob))];
    case
}
