//! Huffman's code for literals.

#![expect(
    clippy::cast_possible_truncation,
    reason = "symbols are bytes, their codes have 11 bits at most, blocks 2^17 bytes"
)]

use super::bits::BitWriter;
use super::literals::{FOUR_STREAMS_MIN, Literals};
use super::tree::code_lengths;
use super::weights;

/// The longest code of the format for literals.
pub(super) const LENGTH_MAX: u32 = 11;

/// Literals must save one part in 2 to this power.
const WANTED: u32 = 4;

/// A code for each byte value.
#[derive(Debug, Clone)]
pub(super) struct Code {
    /// Bits and their number; none for a value that does not occur.
    symbols: [(u16, u8); 256],
    /// Values from here on have no code.
    symbol_count: usize,
    /// The longest code.
    longest: u32,
}

/// Codes literals, block after block.
#[derive(Debug)]
pub(super) struct Huffman {
    /// The code that was made last and used.
    former: Option<Code>,
    may_repeat: bool,
}

impl Huffman {
    pub(super) fn new() -> Self {
        Self { former: None, may_repeat: false }
    }

    pub(super) fn restart(&mut self) {
        *self = Self::new();
    }

    /// The next literals may use the code that stands.
    pub(super) fn allow_repeat(&mut self) {
        self.may_repeat = true;
    }

    /// The next literals need a code of their own.
    pub(super) fn forbid_repeat(&mut self) {
        self.may_repeat = false;
    }

    /// Appends literals, with their code if it is a new one. What is appended means nothing unless
    /// they are [`Literals::Coded`].
    pub(super) fn code(&mut self, literals: &[u8], out: &mut Vec<u8>) -> Literals {
        if !self.may_repeat {
            self.former = None;
        }
        let counts = count(literals);
        let most = counts.iter().copied().max().unwrap_or(0) as usize;
        if most == literals.len() {
            return if most == 1 { Literals::Raw } else { Literals::Run };
        }
        if most == 1 || most < literals.len() >> 7 {
            return Literals::Raw;
        }
        let wanted = literals.len() - (literals.len() >> WANTED);
        let Some(code) = Code::of_counts(&counts, literals.len()) else { return Literals::Raw };
        let former = self.former.as_ref().filter(|former| former.has_all(&counts));
        if let Some(former) = former
            && (former.estimate(&counts) <= code.estimate(&counts) || wanted <= 12)
        {
            former.write(literals, out);
            let is_short = out.len() < wanted;
            return if is_short { Literals::Coded { is_repeated: true } } else { Literals::Raw };
        }
        if !weights::write(&code.lengths(), code.longest, out) {
            return Literals::Raw;
        }
        code.write(literals, out);
        if out.len() >= wanted {
            return Literals::Raw;
        }
        self.former = Some(code);
        Literals::Coded { is_repeated: false }
    }
}

/// How often each byte value occurs.
fn count(literals: &[u8]) -> [u32; 256] {
    // Four tables, as counting the same value twice in a row takes its time.
    let mut counts = [[0_u32; 256]; 4];
    let (quads, rest) = literals.as_chunks::<4>();
    for quad in quads {
        for (counts, byte) in counts.iter_mut().zip(quad) {
            counts[usize::from(*byte)] += 1;
        }
    }
    for byte in rest {
        counts[0][usize::from(*byte)] += 1;
    }
    std::array::from_fn(|value| counts.iter().map(|counts| counts[value]).sum())
}

impl Code {
    /// The best code for symbols that occur so often, two at least, in `len` literals.
    fn of_counts(counts: &[u32; 256], len: usize) -> Option<Self> {
        let symbol_count = counts.iter().rposition(|count| *count > 0)? + 1;
        let lengths = code_lengths(counts, longest_wanted(len, symbol_count))?;
        let longest = u32::from(lengths.iter().copied().max().unwrap_or(0));
        // Codes of one length are consecutive; the longest begin at 0.
        let mut per_length = [0_u16; 16];
        for length in lengths {
            per_length[usize::from(length)] += 1;
        }
        let mut next = [0_u16; 16];
        let mut first = 0;
        for length in (1..=longest as usize).rev() {
            next[length] = first;
            first = (first + per_length[length]) >> 1;
        }
        let symbols = lengths.map(|length| {
            let next = &mut next[usize::from(length)];
            *next += 1;
            if length > 0 { (*next - 1, length) } else { (0, 0) }
        });
        Some(Self { symbols, symbol_count, longest })
    }

    fn lengths(&self) -> Vec<u8> {
        self.symbols[..self.symbol_count].iter().map(|(_, length)| *length).collect()
    }

    fn has_all(&self, counts: &[u32; 256]) -> bool {
        self.symbols.iter().zip(counts).all(|((_, length), count)| *count == 0 || *length > 0)
    }

    /// Bytes of literals that occur so often.
    fn estimate(&self, counts: &[u32; 256]) -> u32 {
        let bits =
            self.symbols.iter().zip(counts).map(|((_, length), count)| u32::from(*length) * count);
        (bits.sum::<u32>() + 7) >> 3
    }

    fn write(&self, literals: &[u8], out: &mut Vec<u8>) {
        if literals.len() < FOUR_STREAMS_MIN {
            self.stream(literals, out);
            return;
        }
        // Three lengths, then four streams.
        let start = out.len();
        out.extend_from_slice(&[0; 6]);
        let mut from = out.len();
        for (at, quarter) in literals.chunks(literals.len().div_ceil(4)).enumerate() {
            self.stream(quarter, out);
            if at < 3 {
                // 32 KiB in codes of 11 bits are 45,056 bytes.
                let len = ((out.len() - from) as u16).to_le_bytes();
                out[start + 2 * at..][..2].copy_from_slice(&len);
            }
            from = out.len();
        }
    }

    /// A stream is read from its end, so the last literal comes first.
    fn stream(&self, literals: &[u8], out: &mut Vec<u8>) {
        out.reserve(literals.len() * 11 / 8 + 16);
        let mut bits = BitWriter::new(out);
        let (quads, rest) = literals.as_chunks::<4>();
        for byte in rest.iter().rev() {
            self.put(*byte, &mut bits);
        }
        bits.flush();
        for quad in quads.iter().rev() {
            for byte in quad.iter().rev() {
                self.put(*byte, &mut bits);
            }
            bits.flush();
        }
        bits.mark();
    }

    #[inline]
    fn put(&self, byte: u8, bits: &mut BitWriter<'_>) {
        let (code, length) = self.symbols[usize::from(byte)];
        bits.add(u64::from(code), u32::from(length));
    }
}

/// The length that codes may have for so many literals and symbols.
fn longest_wanted(len: usize, symbol_count: usize) -> u32 {
    let least = (len.ilog2() + 1).min((symbol_count - 1).ilog2() + 2);
    LENGTH_MAX.min((len - 1).ilog2().wrapping_sub(1)).max(least).clamp(5, LENGTH_MAX)
}
