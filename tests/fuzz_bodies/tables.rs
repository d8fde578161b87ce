//! Tables of contents of tars that the input draws, guessed over any pieces and with any corrections.

use chunkdelta::compression::encoders::table::{Parameters, Table, Watcher};
use chunkdelta::digest::Digest;

use super::draw::{Draw, noise};

/// Encoder of texts: stored blocks, so that lengths tell.
const STORED: [u64; 3] = [1, 1, 0];

pub(super) fn run(draw: &mut Draw<'_>) {
    let kind = 1 + u64::from(draw.byte() % 4);
    let option = match kind {
        1 | 2 => u64::from(draw.byte() % 5),
        _ => 4095 + u64::from(draw.half()),
    };
    let is_right = draw.byte() < 200;
    let corrections = match draw.byte() {
        0..128 => Vec::new(),
        count => draw.bytes(usize::from(count % 32)).to_vec(),
    };
    let split = 1 + draw.below(3000);
    let cuts: Vec<usize> = (0..draw.byte() % 6).map(|_| draw.below(1 << 15)).collect();
    let content = tar(draw);
    let pieces = pieces(&content, &cuts);
    let texts = if kind == 1 { 2 } else { 1 };
    let numbers = |lens: &[u64]| {
        let texts = lens.iter().flat_map(|len| [*len].into_iter().chain(STORED));
        [kind, option].into_iter().chain(texts).collect::<Vec<u64>>()
    };
    let mut lens = vec![u64::from(draw.half()); texts];
    let Ok(parameters) = Parameters::from_numbers(&numbers(&lens)) else { return };
    if is_right {
        // Long enough for any guess.
        lens = guess(&parameters, &vec![8 << 20; texts], &pieces, usize::MAX);
        let one = guess(&parameters, &vec![8 << 20; texts], &pieces, split);
        assert_eq!(one, lens, "splits do not change a guess");
    }
    let numbers = numbers(&lens);
    let made = made(&numbers, &corrections, &pieces, usize::MAX);
    assert!(!is_right || !corrections.is_empty() || made.is_some(), "it is as long as guessed");
    assert!(made == self::made(&numbers, &corrections, &pieces, split), "splits do not matter");
    let most = lens.iter().sum::<u64>() * 5 / 4 + (8 << 10);
    assert!(made.is_none_or(|made| made.len() as u64 <= most), "no more than is declared");
}

type Piece<'c> = (u64, &'c [u8], u64);

/// The content in pieces that end at `cuts`, each a hundred bytes longer when stored.
fn pieces<'c>(content: &'c [u8], cuts: &[usize]) -> Vec<Piece<'c>> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| (*cut).min(content.len())).collect();
    ends.push(content.len());
    ends.sort_unstable();
    let (mut at, mut stored) = (0, 0);
    let mut pieces = Vec::new();
    for end in ends {
        let piece = &content[at..end];
        let stored_end = stored + piece.len() as u64 + 100;
        pieces.push((stored, piece, stored_end));
        (at, stored) = (end, stored_end);
    }
    pieces
}

/// Lengths of what is guessed.
fn guess(parameters: &Parameters, lens: &[u64], pieces: &[Piece<'_>], split: usize) -> Vec<u64> {
    let mut watcher = Watcher::of(parameters.kind, &parameters.style, lens);
    for (start, bytes, end) in pieces {
        watcher.begin_piece(*start);
        bytes.chunks(split).for_each(|bytes| watcher.write(bytes));
        watcher.end_piece(*end);
    }
    watcher.finish();
    watcher.finish_list(Some(Digest::of(b"")));
    let len = |text| {
        let mut len = 0;
        watcher.drain(text, &mut |bytes| len += bytes.len() as u64);
        len
    };
    (0..lens.len()).map(len).collect()
}

fn made(
    numbers: &[u64],
    corrections: &[u8],
    pieces: &[Piece<'_>],
    split: usize,
) -> Option<Vec<u8>> {
    let mut table = Table::start(numbers, corrections).ok()?;
    for (start, bytes, end) in pieces {
        table.begin_piece(*start);
        bytes.chunks(split).for_each(|bytes| table.write(bytes));
        table.end_piece(*end);
    }
    let mut out = Vec::new();
    table.finish(pieces.last()?.2, &mut None, &mut out).ok()?;
    Some(out)
}

/// Members that the input chooses, some of them broken.
fn tar(draw: &mut Draw<'_>) -> Vec<u8> {
    const FLAGS: &[u8] = b"0055122346xxgLKS7\0";
    let mut tar = Vec::new();
    while !draw.is_empty() && tar.len() < 64 << 10 {
        let what = draw.byte();
        let flag = FLAGS[usize::from(what) % FLAGS.len()];
        let text = match flag {
            b'x' | b'g' => records(draw),
            b'1'..=b'6' => Vec::new(),
            _ if what > 200 => vec![0; draw.below(5000)],
            _ if what > 100 => noise(what.into(), draw.below(5000)),
            _ => draw.bytes(usize::from(what)).to_vec(),
        };
        let (name_len, magic) = (draw.below(120), draw.byte());
        let name = draw.bytes(name_len).to_vec();
        let fields = draw.bytes(36).to_vec();
        tar.extend(header(flag, &name, magic, &fields, text.len()));
        tar.extend(&text);
        tar.resize(tar.len().next_multiple_of(512), 0);
        if draw.byte() == 255 {
            let at = draw.below(tar.len());
            tar[at] ^= draw.byte();
        }
    }
    tar.resize(tar.len() + draw.below(3) * 512, 0);
    tar
}

fn header(flag: u8, name: &[u8], magic: u8, fields: &[u8], len: usize) -> [u8; 512] {
    let mut block = [0; 512];
    let name = &name[..name.len().min(100)];
    block[..name.len()].copy_from_slice(name);
    // Octal digits of the input's: owners, mode, times, devices.
    let places = (100..107).chain(108..115).chain(116..123).chain(136..147).chain(329..333);
    for (at, byte) in places.zip(fields) {
        block[at] = if *byte == 255 { 255 } else { b'0' + byte % 8 };
    }
    block[124..135].copy_from_slice(format!("{len:011o}").as_bytes());
    block[156] = flag;
    let magic: &[u8] = match magic % 4 {
        0 => b"",
        1 => b"ustar  \0",
        _ => b"ustar\x0000",
    };
    block[257..257 + magic.len()].copy_from_slice(magic);
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

fn records(draw: &mut Draw<'_>) -> Vec<u8> {
    const KEYS: [&str; 8] =
        ["path", "linkpath", "mtime", "atime", "uid", "size", "SCHILY.xattr.a", "uname"];
    let mut records = Vec::new();
    for _ in 0..draw.byte() % 4 {
        let key = KEYS[usize::from(draw.byte()) % KEYS.len()];
        let value = match key {
            "uid" | "size" => draw.half().to_string().into_bytes(),
            "mtime" | "atime" => {
                format!("{}.{}", i64::from(draw.half()) - 30_000, draw.half()).into_bytes()
            }
            _ => {
                let len = draw.below(150);
                draw.bytes(len).to_vec()
            }
        };
        let body = [b" ", key.as_bytes(), b"=", &value, b"\n"].concat();
        let digits = (1..6).find(|digits| (body.len() + digits).to_string().len() == *digits);
        records.extend((body.len() + digits.unwrap_or(1)).to_string().bytes());
        records.extend(body);
    }
    records
}
