//! How Go writes a block: which of the three kinds it takes is part of the output.

use super::super::flate::bits::BitWriter;
use super::super::flate::codes::{Codes, Counts, Token};
use super::super::flate::header::Header;

/// The longest content of a stored block, in bytes.
pub(super) const MAX_STORED_LEN: usize = 65_535;

/// Writes blocks one after the other, and the empty one that ends the stream.
#[derive(Debug)]
pub(super) struct BlockWriter {
    bits: BitWriter,
    codes: Codes,
    fixed: Codes,
    /// Was the stream flushed before it was closed?
    is_flushed: bool,
}

impl BlockWriter {
    pub(super) fn new(is_flushed: bool) -> Self {
        let (codes, fixed) = (Codes::empty(), Codes::fixed());
        Self { bits: BitWriter::default(), codes, fixed, is_flushed }
    }

    /// The bytes as they are; at most [`MAX_STORED_LEN`].
    pub(super) fn put_stored(&mut self, content: &[u8], out: &mut Vec<u8>) {
        self.bits.put_stored(content, false, out);
    }

    /// The smallest of the three kinds; stored only where the content is given and not too long.
    pub(super) fn put_smallest(
        &mut self,
        tokens: &[Token],
        content: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) {
        let counts = count(tokens);
        self.codes.build(&counts);
        let header = Header::new(&self.codes);
        let own = header.cost() + self.codes.cost(&counts);
        let fixed = 3 + self.fixed.cost(&counts);
        let coded = own.min(fixed) + counts.extra_bits();
        match content {
            Some(content) if stored_bits(content).is_some_and(|stored| stored < coded) => {
                self.put_stored(content, out);
            }
            _ if own < fixed => {
                header.put(false, &mut self.bits, out);
                put_tokens(&mut self.bits, &self.codes, tokens, out);
            }
            _ => {
                self.bits.put(0b01 << 1, 3, out);
                put_tokens(&mut self.bits, &self.fixed, tokens, out);
            }
        }
    }

    /// Codes of its own, unless that saves less than a sixteenth.
    pub(super) fn put_coded(&mut self, tokens: &[Token], content: &[u8], out: &mut Vec<u8>) {
        let counts = count(tokens);
        self.codes.build(&counts);
        let header = Header::new(&self.codes);
        // Go leaves the extra bits out here.
        if saves_little(content, header.cost() + self.codes.cost(&counts)) {
            return self.put_stored(content, out);
        }
        header.put(false, &mut self.bits, out);
        put_tokens(&mut self.bits, &self.codes, tokens, out);
    }

    /// Every byte a literal, unless that saves less than a sixteenth.
    pub(super) fn put_literals(&mut self, content: &[u8], out: &mut Vec<u8>) {
        const AT_ONCE: usize = 3;
        let mut counts = Counts::of_bytes(content);
        counts.distances[0] = 1;
        self.codes.build(&counts);
        let header = Header::new(&self.codes);
        if saves_little(content, header.cost() + self.codes.cost(&counts)) {
            return self.put_stored(content, out);
        }
        header.put(false, &mut self.bits, out);
        let groups = content.chunks_exact(AT_ONCE);
        let rest = self.codes.literal_piece(groups.remainder());
        self.bits.put_all(groups.map(|group| self.codes.literal_piece(group)), out);
        self.bits.put_all([rest, self.codes.end()], out);
    }

    /// Ends the stream.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.is_flushed {
            self.bits.put_stored(&[], false, out);
        }
        self.bits.put_stored(&[], true, out);
    }
}

/// Where there is no match, Go counts one of the shortest distance, which gives it a word.
fn count(tokens: &[Token]) -> Counts {
    let mut counts = Counts::of_tokens(tokens);
    if counts.distances.iter().all(|count| *count == 0) {
        counts.distances[0] = 1;
    }
    counts
}

fn put_tokens(bits: &mut BitWriter, codes: &Codes, tokens: &[Token], out: &mut Vec<u8>) {
    bits.put_all(tokens.iter().map(|token| codes.piece(*token)), out);
    bits.put_all([codes.end()], out);
}

/// What Go counts for a stored block, in bits; nothing where the content is too long for one.
fn stored_bits(content: &[u8]) -> Option<u32> {
    let len = u16::try_from(content.len()).ok()?;
    Some((u32::from(len) + 5) * 8)
}

/// Whether storing beats a coded block of `bits` that had a sixteenth more.
fn saves_little(content: &[u8], bits: u32) -> bool {
    stored_bits(content).is_some_and(|stored| stored < bits + (bits >> 4))
}
