//! Fields of a header block: where they lie, how their numbers are spelled, the checksum.

use std::ops::Range;

use super::BLOCK;

pub(super) const NAME: Range<usize> = 0..100;
pub(super) const SIZE: Range<usize> = 124..136;
pub(super) const TIME: Range<usize> = 136..148;
pub(super) const CHECKSUM: Range<usize> = 148..156;
pub(super) const TYPE_FLAG: usize = 156;
pub(super) const LINK: Range<usize> = 157..257;
pub(super) const PREFIX: Range<usize> = 345..500;

/// The header of an empty file of 1970 without a name, mode 644, owner 0, as Go writes it in ustar.
pub(super) const EMPTY_FILE: [u8; BLOCK] = {
    let mut block = [0; BLOCK];
    let spelled: [(usize, &[u8]); 9] = [
        (100, b"0000644"),
        (108, b"0000000"),
        (116, b"0000000"),
        (SIZE.start, b"00000000000"),
        (TIME.start, b"00000000000"),
        (CHECKSUM.start, b"000000\0 0"),
        (257, b"ustar\x0000"),
        (329, b"0000000"),
        (337, b"0000000"),
    ];
    let mut index = 0;
    while index < spelled.len() {
        let (start, bytes) = spelled[index];
        let (_, rest) = block.split_at_mut(start);
        rest.split_at_mut(bytes.len()).0.copy_from_slice(bytes);
        index += 1;
    }
    block
};

/// Do stored bytes follow a header with this type flag? Links, devices, pipes and directories have
/// none.
pub(crate) fn has_data(flag: u8) -> bool {
    !matches!(flag, b'1'..=b'6')
}

/// The bytes before the first NUL.
pub(crate) fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Reads a numeric field of at most 12 bytes: octal digits among spaces and NULs, 0 where there are
/// none, or GNU's base 256 behind a byte 0x80, or 0xFF for negative numbers.
pub(crate) fn number(field: &[u8]) -> Option<i64> {
    if let [sign @ (0x80 | 0xff), digits @ ..] = field {
        let start = if *sign == 0xff { -1 } else { 0 };
        let value = digits.iter().fold(start, |value, byte| value << 8 | i128::from(*byte));
        return i64::try_from(value).ok();
    }
    let digits = &field[digits(field)];
    if digits.is_empty() {
        return Some(0);
    }
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    i64::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

/// Writes `value` into a field in the spelling of the number that is there. Leaves the field as it is
/// where that is `value` already or no number, and where the spelling has no room.
pub(super) fn set_number(field: &mut [u8], value: i64) {
    match field {
        _ if number(field).is_none_or(|number| number == value) => {}
        [0x80 | 0xff, ..] => set_base_256(field, value),
        _ => set_octal(field, value),
    }
}

/// Sets a field of 12 bytes, which every number fits, or the checksum, which fits its field.
fn set_base_256(field: &mut [u8], value: i64) {
    let mut left = value;
    for byte in field.iter_mut().rev() {
        *byte = u8::try_from(left & 0xff).expect("BUG: eight bits");
        left >>= 8;
    }
    if let Some(sign) = field.first_mut() {
        *sign = if value < 0 { 0xff } else { 0x80 };
    }
}

fn set_octal(field: &mut [u8], value: i64) {
    let found = digits(field);
    let (run, fill, end) = match field.get(found.clone()).unwrap_or_default() {
        // Blank stands for 0; other numbers are spelled as nearly all writers do.
        [] => (0..field.len().saturating_sub(1), b'0', Some(0)),
        [b'0', _, ..] => (found, b'0', None),
        _ if found.start == 0 => (found, b'0', None),
        _ => (0..found.end, field[0], None),
    };
    let spelled = format!("{value:o}");
    let Some(blank) = run.len().checked_sub(spelled.len()).filter(|_| value >= 0) else { return };
    let (rest, after) = (run.start + blank, run.end);
    field[run.start..rest].fill(fill);
    field[rest..after].copy_from_slice(spelled.as_bytes());
    if let (Some(end), Some(last)) = (end, field.last_mut()) {
        *last = end;
    }
}

/// Where the digits of an octal field lie: behind leading spaces and NULs, up to the next one.
fn digits(field: &[u8]) -> Range<usize> {
    let is_blank = |byte: &u8| matches!(*byte, b' ' | 0);
    let start = field.iter().position(|byte| !is_blank(byte)).unwrap_or(field.len());
    let len = field[start..].iter().position(is_blank).unwrap_or(field.len() - start);
    start..start + len
}

/// Writes the checksum into its field, in the spelling of what is there.
pub(super) fn seal(block: &mut [u8; BLOCK]) {
    let sum = checksum(block, i64::from);
    set_number(&mut block[CHECKSUM], sum);
}

/// Some old writers summed signed bytes; both sums are accepted, as every reader does.
pub(crate) fn checksum_holds(block: &[u8; BLOCK]) -> bool {
    let Some(claimed) = number(&block[CHECKSUM]) else { return false };
    claimed == checksum(block, i64::from)
        || claimed == checksum(block, |byte| i64::from(byte.cast_signed()))
}

/// Sums all bytes, those of the checksum field taken as spaces.
fn checksum(block: &[u8; BLOCK], value: impl Fn(u8) -> i64) -> i64 {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| value(*byte)).sum::<i64>();
    sum(block) - sum(&block[CHECKSUM]) + 8 * value(b' ')
}
