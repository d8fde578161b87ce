//! Codes of lengths and offsets: a symbol, and bits that say which number of several it is.

#![expect(
    clippy::cast_possible_truncation,
    reason = "codes are below 53, and logarithms of 32-bit numbers below 32"
)]

use std::sync::LazyLock;

use super::fse::Table;

/// What a sequence has a code for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    LiteralLen = 0,
    Offset = 1,
    MatchLen = 2,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::LiteralLen, Self::Offset, Self::MatchLen];
}

/// Extra bits of the codes for lengths of literals from 16 on.
const LITERAL_BITS: [u8; 20] = [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/// Extra bits of the codes for lengths of matches from 32 on.
const MATCH_BITS: [u8; 21] = [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/// Codes of lengths below 64.
static LITERAL_CODES: [u8; 64] = small_codes(16, &LITERAL_BITS);

/// Codes of lengths below 128, [`super::sequences::MATCH_MIN`] taken off.
static MATCH_CODES: [u8; 128] = small_codes(32, &MATCH_BITS);

/// Below `plain` a length is its own code; behind it each code stands for as many as its bits tell.
const fn small_codes<const LEN: usize>(plain: u8, bits: &[u8]) -> [u8; LEN] {
    let mut codes = [0; LEN];
    let (mut at, mut code) = (0, 0);
    while at < LEN {
        let same = if code < plain { 1 } else { 1 << bits[(code - plain) as usize] };
        let mut left = same;
        while left > 0 && at < LEN {
            codes[at] = code;
            at += 1;
            left -= 1;
        }
        code += 1;
    }
    codes
}

#[inline]
pub(super) fn literal_code(len: u32) -> u8 {
    match LITERAL_CODES.get(len as usize) {
        Some(code) => *code,
        None => len.ilog2() as u8 + 19,
    }
}

#[inline]
pub(super) fn match_code(len: u32) -> u8 {
    match MATCH_CODES.get(len as usize) {
        Some(code) => *code,
        None => len.ilog2() as u8 + 36,
    }
}

/// The code of an offset of a sequence, which has as many extra bits.
#[inline]
pub(super) fn offset_code(offset: u32) -> u8 {
    offset.ilog2() as u8
}

/// How many extra bits a code has.
#[inline]
pub(super) fn extra_bits(kind: Kind, code: u8) -> u32 {
    let bits = match kind {
        Kind::LiteralLen => LITERAL_EXTRA[usize::from(code & 63)],
        Kind::MatchLen => MATCH_EXTRA[usize::from(code & 63)],
        Kind::Offset => code,
    };
    u32::from(bits)
}

static LITERAL_EXTRA: [u8; 64] = all_bits(16, &LITERAL_BITS);
static MATCH_EXTRA: [u8; 64] = all_bits(32, &MATCH_BITS);

const fn all_bits(plain: usize, bits: &[u8]) -> [u8; 64] {
    let mut all = [0; 64];
    let mut at = 0;
    while at < bits.len() {
        all[plain + at] = bits[at];
        at += 1;
    }
    all
}

/// The tables that the format defines, by [`Kind`].
static PREDEFINED: LazyLock<[Table; 3]> = LazyLock::new(|| {
    const LITERAL_LENS: [i16; 36] = [
        4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1,
        1, 1, -1, -1, -1, -1,
    ];
    const OFFSETS: [i16; 29] = [
        1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
    ];
    const MATCH_LENS: [i16; 53] = [
        1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
    ];
    let table = |shares: &[i16], log| Table::of_shares(shares, log).expect("shares fill the table");
    [table(&LITERAL_LENS, 6), table(&OFFSETS, 5), table(&MATCH_LENS, 6)]
});

/// The table that the format defines for a kind of code.
pub(super) fn predefined(kind: Kind) -> &'static Table {
    &PREDEFINED[kind as usize]
}

/// Bits of an offset and a match length by the predefined tables, about.
#[inline]
pub(super) fn predefined_cost(offset: u32, match_len: u32) -> u32 {
    let (offset, match_len) = (offset_code(offset), match_code(match_len));
    u32::from(OFFSET_COSTS[usize::from(offset & 31)])
        + u32::from(MATCH_COSTS[usize::from(match_len & 63)])
}

static OFFSET_COSTS: LazyLock<[u8; 32]> = LazyLock::new(|| {
    std::array::from_fn(|code| {
        let bits = if code < 29 { predefined(Kind::Offset).least_bits(code) } else { 0 };
        (bits + extra_bits(Kind::Offset, code as u8)) as u8
    })
});

static MATCH_COSTS: LazyLock<[u8; 64]> = LazyLock::new(|| {
    std::array::from_fn(|code| {
        let bits = if code < 53 { predefined(Kind::MatchLen).least_bits(code) } else { 0 };
        (bits + extra_bits(Kind::MatchLen, code as u8)) as u8
    })
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_lengths_meet() {
        assert_eq!(
            [0, 15, 16, 17, 18, 63, 64, 127, 128].map(literal_code),
            [0, 15, 16, 16, 17, 24, 25, 25, 26]
        );
        assert_eq!(
            [0, 31, 32, 33, 34, 127, 128, 255, 256].map(match_code),
            [0, 31, 32, 32, 33, 42, 43, 43, 44]
        );
        assert_eq!([1, 2, 3, 4, 131_075].map(offset_code), [0, 1, 1, 2, 17]);
    }
}
