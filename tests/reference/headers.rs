//! docs/headers.md: header blocks of tar archives, made of other blocks.

use std::collections::BTreeMap;
use std::ops::Range;

use super::tables::Cursor;
use super::{Refusal, damaged, must};

/// A block of a tar archive.
pub(crate) type Block = [u8; 512];

const TIME: Range<usize> = 136..148;
const SIZE: Range<usize> = 124..136;
const CHECKSUM: Range<usize> = 148..156;
/// Name, link name, prefix.
const TEXTS: [Range<usize>; 3] = [0..100, 157..257, 345..500];

/// Section 1: the source that 512 zeros stand for.
fn source_of(block: &Block) -> Block {
    let mut source = *block;
    if block.iter().all(|&byte| byte == 0) {
        let fields: [(usize, &[u8]); 4] = [
            (100, b"0000644\x000000000\x000000000\x0000000000000\x0000000000000\0"),
            (148, b"000000\0 0"),
            (257, b"ustar\x0000"),
            (329, b"0000000\x000000000"),
        ];
        for (at, bytes) in fields {
            source[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }
    source
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | 0)
}

/// Section 1: the number of a field, if it has one.
fn number(field: &[u8]) -> Option<i64> {
    if matches!(field[0], 0x80 | 0xFF) {
        let sign = if field[0] == 0xFF { -1 } else { 0 };
        let number = field[1..].iter().fold(sign, |sum, &byte| sum << 8 | i128::from(byte));
        return i64::try_from(number).ok();
    }
    let digits = field.iter().skip_while(|&&byte| is_blank(byte));
    digits.take_while(|&&byte| !is_blank(byte)).try_fold(0, |sum, &byte| {
        let is_octal = (b'0'..b'8').contains(&byte);
        is_octal.then(|| sum * 8 + i64::from(byte - b'0'))
    })
}

/// Section 1: sets the number of a field.
fn set(field: &mut [u8], to: i64) {
    if number(field).is_none_or(|now| now == to) {
        return;
    }
    if matches!(field[0], 0x80 | 0xFF) {
        let mut rest = to;
        for byte in field[1..].iter_mut().rev() {
            *byte = u8::try_from(rest & 0xFF).expect("eight bits");
            rest >>= 8;
        }
        field[0] = if to < 0 { 0xFF } else { 0x80 };
        return;
    }
    if to < 0 {
        return;
    }
    let spelled = format!("{to:o}");
    let last = field.len() - 1;
    let begin = field.iter().position(|&byte| !is_blank(byte));
    let (run, fill) = if let Some(begin) = begin {
        let count = field[begin..].iter().take_while(|&&byte| !is_blank(byte)).count();
        let end = begin + count;
        if begin == 0 || (count > 1 && field[begin] == b'0') {
            (begin..end, b'0')
        } else {
            (0..end, field[0])
        }
    } else {
        (0..last, b'0')
    };
    if spelled.len() > run.len() {
        return;
    }
    if begin.is_none() {
        field[last] = 0;
    }
    let digits = run.end - spelled.len()..run.end;
    field[run].fill(fill);
    field[digits].copy_from_slice(spelled.as_bytes());
}

/// The sum of all bytes, those of the checksum counted as spaces.
fn sum(block: &Block, value: fn(u8) -> i64) -> i64 {
    let byte = |at| if CHECKSUM.contains(&at) { b' ' } else { block[at] };
    (0..512).map(|at| value(byte(at))).sum()
}

fn unsigned(byte: u8) -> i64 {
    byte.into()
}

fn signed(byte: u8) -> i64 {
    byte.cast_signed().into()
}

/// Section 5: how many bytes follow the block, if it is a header.
pub(crate) fn data_length(block: &Block) -> Option<u64> {
    let checksum = number(&block[CHECKSUM])?;
    let is_header = checksum == sum(block, unsigned) || checksum == sum(block, signed);
    let size = u64::try_from(number(&block[SIZE])?).ok().filter(|_| is_header)?;
    Some(if (b'1'..=b'6').contains(&block[156]) { 0 } else { size })
}

fn text(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

fn set_text(field: &mut [u8], to: &[u8]) {
    field.fill(0);
    field[..to.len()].copy_from_slice(to);
}

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7F | 0x80).expect("eight bits"));
        number >>= 7;
    }
    out.push(u8::try_from(number).expect("seven bits"));
}

fn put_zigzag(out: &mut Vec<u8>, number: i64) {
    put_varint(out, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

fn zigzag(from: &mut Cursor<'_>) -> Result<i64, Refusal> {
    Ok(i64::try_from(from.zigzag()?).expect("a zigzag stands for 64 bits"))
}

fn length(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

/// What is kept from block to block of a part.
#[derive(Debug)]
pub(crate) struct Model {
    /// The distance of the last block whose source had this time.
    distances: BTreeMap<i64, i64>,
    /// The last six distances that are not equal, the latest first.
    latest: Vec<i64>,
    last_time: Option<i64>,
    /// The block that was made last.
    pub(crate) last: Block,
}

impl Default for Model {
    fn default() -> Self {
        let (distances, latest) = (BTreeMap::new(), Vec::new());
        Self { distances, latest, last_time: None, last: [0; 512] }
    }
}

impl Model {
    /// Makes the next block of `source`.
    pub(crate) fn block(
        &mut self,
        source: &Block,
        from: &mut Cursor<'_>,
    ) -> Result<Block, Refusal> {
        let source = source_of(source);
        let before = from.0;
        let block = self.made(&source, from)?;
        let entry = &before[..before.len() - from.0.len()];
        must(entry == self.entry(&source, &block), "second spelling of a header")?;
        self.note(&source, &block);
        Ok(block)
    }

    /// Sections 2 and 4: the block of the next entry.
    fn made(&self, source: &Block, from: &mut Cursor<'_>) -> Result<Block, Refusal> {
        let mut block = *source;
        let bits = from.byte()?;
        let (code, time) = (bits & 7, number(&source[TIME]));
        let said = if code == 7 { Some(zigzag(from)?) } else { None };
        if let Some(time) = time {
            let Some(distance) = said.or_else(|| self.distance(code, time)) else {
                return damaged("a header without such a time");
            };
            set(&mut block[TIME], time.wrapping_add(distance));
        }
        must(time.is_some() || code == 0, "time of a source without one")?;
        if bits & 8 != 0 {
            let difference = zigzag(from)?;
            let Some(size) = number(&source[SIZE]).filter(|_| difference != 0) else {
                return damaged("size of a header");
            };
            set(&mut block[SIZE], size.wrapping_add(difference));
        }
        for (place, field) in TEXTS.into_iter().enumerate() {
            if bits >> (4 + place) & 1 == 1 {
                let edited = edited(text(&source[field.clone()]), from)?;
                must(edited.len() <= field.len(), "text of a header")?;
                set_text(&mut block[field], &edited);
            }
        }
        let mut patches = Vec::new();
        if bits & 0x80 != 0 {
            let count = from.varint()?;
            must(count != 0, "no patches")?;
            let mut at = 0_u64;
            for _ in 0..count {
                let (gap, length) = (from.varint()?, from.varint()?);
                let bytes = from.take(length)?;
                let start = at.checked_add(gap).filter(|&start| start <= 512);
                let Some(start) = start.filter(|&start| start + length <= 512) else {
                    return damaged("patch outside the block");
                };
                patches.extend((start..).zip(bytes.iter().copied()));
                at = start + length;
            }
        }
        let patch = |is_checksum: bool, block: &mut Block| {
            for &(at, byte) in &patches {
                let at = usize::try_from(at).expect("inside the block");
                if CHECKSUM.contains(&at) == is_checksum {
                    block[at] = byte;
                }
            }
        };
        patch(false, &mut block);
        let checksum = sum(&block, unsigned);
        set(&mut block[CHECKSUM], checksum);
        patch(true, &mut block);
        Ok(block)
    }

    /// Section 3: the distance that a code below 7 says, if there is one.
    fn distance(&self, code: u8, time: i64) -> Option<i64> {
        let predicted = self.distances.get(&time).copied().unwrap_or(0);
        match code {
            0 => Some(predicted),
            6 => self.last_time.map(|last| last.wrapping_sub(time)),
            place => {
                let mut others = self.latest.iter().filter(|&&distance| distance != predicted);
                others.nth(usize::from(place) - 1).copied()
            }
        }
    }

    /// "One spelling": the entry that makes `block` of `source`.
    fn entry(&self, source: &Block, block: &Block) -> Vec<u8> {
        let (mut bits, mut out) = (0, vec![0]);
        let mut made = *source;
        let old = number(&source[TIME]);
        if let Some(old) = old {
            let distance = number(&block[TIME]).map(|new| new.wrapping_sub(old));
            let says = |code: &u8| distance.is_none() || self.distance(*code, old) == distance;
            bits = (0..7).find(says).unwrap_or(7);
            let said = distance.filter(|_| bits == 7);
            if let Some(distance) = said {
                put_zigzag(&mut out, distance);
            }
            let distance = said.or_else(|| self.distance(bits, old)).expect("a code that says one");
            set(&mut made[TIME], old.wrapping_add(distance));
        }
        if let (Some(old), Some(new)) = (number(&source[SIZE]), number(&block[SIZE]))
            && old != new
        {
            bits |= 8;
            put_zigzag(&mut out, new.wrapping_sub(old));
            set(&mut made[SIZE], new);
        }
        for (place, field) in TEXTS.into_iter().enumerate() {
            let (old, new) = (text(&source[field.clone()]), text(&block[field.clone()]));
            if old != new {
                bits |= 16 << place;
                put_edit(&mut out, old, new);
                set_text(&mut made[field], new);
            }
        }
        set(&mut made[CHECKSUM], sum(block, unsigned));
        let differing: Vec<usize> = (0..512).filter(|&at| made[at] != block[at]).collect();
        let runs: Vec<&[usize]> = differing.chunk_by(|a, b| a + 1 == *b).collect();
        if !runs.is_empty() {
            bits |= 0x80;
            put_varint(&mut out, runs.len() as u64);
        }
        let mut end = 0;
        for run in runs {
            put_varint(&mut out, (run[0] - end) as u64);
            put_varint(&mut out, run.len() as u64);
            out.extend(run.iter().map(|&at| block[at]));
            end = run[0] + run.len();
        }
        out[0] = bits;
        out
    }

    /// Section 3: what the block changes for those after it.
    fn note(&mut self, source: &Block, block: &Block) {
        self.last = *block;
        let (Some(old), Some(new)) = (number(&source[TIME]), number(&block[TIME])) else { return };
        let distance = new.wrapping_sub(old);
        if !self.distances.contains_key(&old) && self.distances.len() == 4096 {
            self.distances.clear();
        }
        self.distances.insert(old, distance);
        self.latest.retain(|&other| other != distance);
        self.latest.insert(0, distance);
        self.latest.truncate(6);
        self.last_time = Some(new);
    }
}

/// Section 2: the text with the next edit.
fn edited(old: &[u8], from: &mut Cursor<'_>) -> Result<Vec<u8>, Refusal> {
    let kept = from.varint()?;
    let Some(end) = from.0.iter().position(|&byte| byte == 0) else {
        return damaged("an edit without an end");
    };
    let added = from.take(end as u64)?;
    from.byte()?;
    let dropped = from.varint()?;
    let mut old = Cursor(old);
    let mut new = [old.take(kept)?, added].concat();
    if dropped > 0 {
        old.take(dropped - 1)?;
        new.extend(old.0);
    }
    Ok(new)
}

/// "One spelling" of an edit.
fn put_edit(out: &mut Vec<u8>, old: &[u8], new: &[u8]) {
    let kept = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[kept..], &new[kept..]);
    let common = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    put_varint(out, kept as u64);
    out.extend(&new[..new.len() - common]);
    out.push(0);
    let before = length(&old[..old.len() - common]);
    put_varint(out, if common == 0 { 0 } else { before + 1 });
}
