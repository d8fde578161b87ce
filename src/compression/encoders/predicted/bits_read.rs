//! Bits of a deflate stream, and words of its codes.

use crate::compression::encoders::flate::huffman::Code;
use crate::compression::encoders::flate::symbols::MAX_WORD_LEN;

/// Bits one after the other, the lowest bit of a byte first.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    rest: &'a [u8],
    bits: u64,
    /// Bits in `bits`; those above are 0.
    len: u32,
}

impl<'a> BitReader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, bits: 0, len: 0 }
    }

    /// Has at hand what a length and a distance need, or all there is.
    #[inline]
    pub(super) fn fill(&mut self) {
        while self.len <= 56
            && let Some((byte, rest)) = self.rest.split_first()
        {
            self.bits |= u64::from(*byte) << self.len;
            self.len += 8;
            self.rest = rest;
        }
    }

    /// Takes bits that are at hand, 16 at most.
    #[inline]
    pub(super) fn take(&mut self, len: u8) -> Option<u16> {
        let number = u16::try_from(self.bits & ((1 << len) - 1)).ok()?;
        self.skip(len)?;
        Some(number)
    }

    #[inline]
    fn skip(&mut self, len: u8) -> Option<()> {
        self.len = self.len.checked_sub(len.into())?;
        self.bits >>= len;
        Some(())
    }

    /// Goes on to the next whole byte; `None` if a bit before it is set.
    pub(super) fn align(&mut self) -> Option<()> {
        self.fill();
        let len = u8::try_from(self.len % 8).ok()?;
        (self.take(len)? == 0).then_some(())
    }

    /// Takes whole bytes.
    pub(super) fn bytes(&mut self, len: usize) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(len.min(1 << 16));
        while bytes.len() < len && self.len >= 8 {
            bytes.push(u8::try_from(self.take(8)?).ok()?);
        }
        let (now, later) = self.rest.split_at_checked(len - bytes.len())?;
        bytes.extend_from_slice(now);
        self.rest = later;
        Some(bytes)
    }

    /// Whether all has been taken but for a begun byte.
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty() && self.len < 8
    }
}

/// Symbols by the bits of their words.
#[derive(Debug)]
pub(super) struct WordTable {
    /// By the next `bits` bits: the symbol times 16, and the length of its word; 0 for none.
    symbols: Vec<u16>,
    bits: u8,
}

impl WordTable {
    pub(super) fn new<const N: usize>(code: &Code<N>) -> Self {
        let bits = code.words().iter().map(|word| word.len).max().unwrap_or(0);
        let mut symbols = vec![0; 1 << bits];
        for (symbol, word) in (0_u16..).zip(code.words()).filter(|(_, word)| word.len > 0) {
            for slot in symbols[word.bits.into()..].iter_mut().step_by(1 << word.len) {
                *slot = symbol << 4 | u16::from(word.len);
            }
        }
        debug_assert!(usize::from(bits) <= MAX_WORD_LEN, "codes of deflate");
        Self { symbols, bits }
    }

    /// Takes a word whose bits are at hand.
    #[inline]
    pub(super) fn symbol(&self, reader: &mut BitReader<'_>) -> Option<usize> {
        let slot = usize::try_from(reader.bits & ((1 << self.bits) - 1)).ok()?;
        let symbol = self.symbols[slot];
        let len = u8::try_from(symbol & 15).ok().filter(|len| *len > 0)?;
        reader.skip(len)?;
        Some((symbol >> 4).into())
    }
}
