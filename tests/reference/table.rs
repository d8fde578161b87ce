//! Section 10.8, encoder 10: tables. What is guessed is taken from the crate, as what any other
//! encoder makes is.

use chunkdelta::compression::encoders::table::{Parameters, Watcher};
use chunkdelta::compression::encoders::{self, EncoderError, Setup};
use chunkdelta::digest::Digest;
use flate2::Crc;

use super::encode::Seen;
use super::tables::Cursor;
use super::{Refusal, damaged, must, sha256};

pub(super) const NUMBER: u32 = 10;

/// A text of a table.
struct Text {
    len: u64,
    encoder: u32,
    parameters: Vec<u64>,
}

/// Reads the kind and the texts.
fn read(numbers: &[u64]) -> Result<(u64, Vec<Text>), Refusal> {
    let mut numbers = numbers.iter().copied();
    let mut next = || numbers.next().ok_or(Refusal::Damaged("a table's parameters".into()));
    let (kind, option) = (next()?, next()?);
    must((1..=4).contains(&kind), "kind of table")?;
    must(kind != 2 || option <= 1, "option of a table")?;
    let mut texts = Vec::new();
    for _ in 0..if kind == 1 { 2 } else { 1 } {
        let (len, encoder, count) = (next()?, next()?, next()?);
        must(len <= 64 << 20, "length of a text")?;
        let Ok(encoder) = u32::try_from(encoder) else { return damaged("encoder of a text") };
        let parameters = (0..count).map(|_| next()).collect::<Result<_, _>>()?;
        texts.push(Text { len, encoder, parameters });
    }
    Ok((kind, texts))
}

/// Numbers of the encoders that compress texts.
pub(super) fn encoders(numbers: &[u64]) -> Result<Vec<u32>, Refusal> {
    Ok(read(numbers)?.1.iter().map(|text| text.encoder).collect())
}

/// The most that an encoder of a text takes.
pub(super) fn memory(numbers: &[u64]) -> u64 {
    let Ok((kind, texts)) = read(numbers) else { return 0 };
    let memory = |text: &Text| {
        let around = if kind == 3 { 1536 + (512 - text.len % 512) % 512 } else { 0 };
        let content_len = text.len + around;
        let setup = Setup {
            number: text.encoder,
            parameters: &text.parameters,
            corrections: &[],
            content_len,
        };
        encoders::memory(&setup)
    };
    texts.iter().map(memory).max().unwrap_or(0)
}

/// Makes the table behind pieces; its own begins where `at` bytes were made.
pub(super) fn make(
    numbers: &[u64],
    corrections: &[u8],
    seen: &Seen,
    at: u64,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let (kind, texts) = read(numbers)?;
    let Ok(parameters) = Parameters::from_numbers(numbers) else {
        return damaged("a table's parameters");
    };
    let lens: Vec<u64> = texts.iter().map(|text| text.len).collect();
    let mut watcher = Watcher::of(parameters.kind, &parameters.style, &lens);
    for (taken, begun, ended) in &seen.pieces {
        watcher.begin_piece(*begun);
        watcher.write(taken);
        watcher.end_piece(*ended);
    }
    watcher.finish();
    let mut scripts = Cursor(corrections);
    let mut packed: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        if number + 1 == texts.len() {
            let tar_split = packed.first().map(|(_, packed)| Digest::from_bytes(sha256(packed)));
            watcher.finish_list(tar_split);
        }
        let mut guess = Vec::new();
        watcher.drain(number, &mut |bytes| guess.extend_from_slice(bytes));
        let mut script: &[u8] = &[];
        if !corrections.is_empty() {
            let length = scripts.varint()?;
            script = scripts.take(length)?;
        }
        let made = corrected(&guess, script)?;
        must(made.len() as u64 == text.len, "length of a text")?;
        let around = if kind == 3 { in_tar(&made) } else { made.clone() };
        let compressed = compress(text, &around)?;
        must(compressed.len() as u64 <= text.len / 4 + (64 << 10), "compressed text")?;
        packed.push((made, compressed));
    }
    must(scripts.0.is_empty(), "scripts")?;
    // Scripts that are all empty are lengths of 0.
    let is_idle = corrections.iter().all(|byte| *byte == 0);
    must(corrections.is_empty() || !is_idle, "corrections that change nothing")?;
    put(kind, &packed, at, out)
}

/// The guess with the edits of a script.
fn corrected(guess: &[u8], script: &[u8]) -> Result<Vec<u8>, Refusal> {
    let (mut guess, mut script, mut text) = (Cursor(guess), Cursor(script), Vec::new());
    let mut is_first = true;
    while !script.0.is_empty() {
        let (keep, skip, insert) = (script.varint()?, script.varint()?, script.varint()?);
        must(is_first || keep > 0, "corrections that touch")?;
        must(skip > 0 || insert > 0, "a correction that changes nothing")?;
        is_first = false;
        text.extend(guess.take(keep)?);
        text.extend(script.take(insert)?);
        guess.take(skip)?;
    }
    text.extend(guess.0);
    Ok(text)
}

fn compress(text: &Text, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let (parameters, content_len) = (&text.parameters, bytes.len() as u64);
    let setup = Setup { number: text.encoder, parameters, corrections: &[], content_len };
    let mut encoder = match encoders::start(&setup) {
        Ok(encoder) => encoder,
        Err(EncoderError::Unknown { number } | EncoderError::Replaced { number }) => {
            return Err(Refusal::Unsupported(format!("encoder {number}")));
        }
        Err(EncoderError::Parameters { .. }) => return damaged("an encoder's parameters"),
    };
    let mut out = Vec::new();
    encoder.write(bytes, &mut out);
    encoder.finish(&mut out);
    Ok(out)
}

/// The tar that holds an index.
fn in_tar(index: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    let mut put =
        |at: usize, text: &str| header[at..][..text.len()].copy_from_slice(text.as_bytes());
    put(0, "stargz.index.json");
    for field in [100, 108, 116, 329, 337] {
        put(field, "0000000");
    }
    put(124, &format!("{:011o}", index.len()));
    put(136, "00000000000");
    put(148, "        0");
    put(257, "ustar\x0000");
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut tar = [&header[..], index].concat();
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    tar
}

fn put(kind: u64, texts: &[(Vec<u8>, Vec<u8>)], at: u64, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let frame = |bytes: &[u8]| -> Vec<u8> {
        let len = u32::try_from(bytes.len()).expect("texts are short");
        [&[0x50, 0x2A, 0x4D, 0x18][..], &len.to_le_bytes(), bytes].concat()
    };
    let footer = |numbers: &[u64], magic: &[u8]| {
        let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        frame(&[&numbers, magic].concat())
    };
    let len = |bytes: &[u8]| bytes.len() as u64;
    match (kind, texts) {
        (1, [(split, packed_split), (list, packed)]) => {
            out.extend(frame(packed));
            out.extend(frame(packed_split));
            let split_at = at + 16 + len(packed);
            let numbers =
                [at + 8, len(packed), len(list), 1, split_at, len(packed_split), len(split)];
            out.extend(footer(&numbers, b"GNUlInUx"));
        }
        (3, [(index, packed)]) => {
            out.extend(packed);
            let mut check = Crc::new();
            check.update(&in_tar(index));
            out.extend(check.sum().to_le_bytes());
            out.extend(check.amount().to_le_bytes());
            out.extend([0x1F, 0x8B, 8, 4, 0, 0, 0, 0, 0, 255, 26, 0, b'S', b'G', 22, 0]);
            out.extend(format!("{at:016x}STARGZ").bytes());
            out.extend([1, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0]);
        }
        (2 | 4, [(list, packed)]) => {
            out.extend(frame(packed));
            out.extend(footer(&[at + 8, len(packed), len(list), 1], b"GnUlInUx"));
        }
        _ => return damaged("texts of a table"),
    }
    Ok(())
}
