//! Bits one after the other, the lowest bit of a byte first.

use super::huffman::Word;

/// How many bits a [`Piece`] has at most: with the bits of a begun byte it fits 64.
pub const MAX_PIECE_LEN: u32 = 56;

/// Bits that are written together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Piece {
    /// The bits, the first one lowest; none is set from `len` on.
    pub bits: u64,
    /// How many there are, at most [`MAX_PIECE_LEN`].
    pub len: u32,
}

impl Piece {
    /// The lowest `len` bits of a number.
    #[inline]
    #[must_use]
    pub const fn lowest(number: u32, len: u32) -> Self {
        Self { bits: number as u64 & ((1 << len) - 1), len }
    }

    /// These bits, then those of `next`; both together are no more than [`MAX_PIECE_LEN`].
    #[inline]
    #[must_use]
    pub const fn then(self, next: Self) -> Self {
        Self { bits: self.bits | next.bits << self.len, len: self.len + next.len }
    }
}

impl From<Word> for Piece {
    #[inline]
    fn from(word: Word) -> Self {
        Self { bits: word.bits.into(), len: word.len.into() }
    }
}

/// The bits of the byte that has begun; all bytes before it are in the output.
#[derive(Debug, Default)]
pub struct BitWriter {
    bits: u64,
    /// Below 8.
    len: u32,
}

impl BitWriter {
    /// Writes the lowest `len` bits of `bits`, at most [`MAX_PIECE_LEN`]; no higher bit is set.
    pub fn put(&mut self, bits: u32, len: u32, out: &mut Vec<u8>) {
        self.put_all([Piece { bits: u64::from(bits), len }], out);
    }

    /// Writes pieces; the way for many.
    #[inline]
    pub fn put_all(&mut self, pieces: impl IntoIterator<Item = Piece>, out: &mut Vec<u8>) {
        const STAGE_LEN: usize = 512;
        let mut stage = [0; STAGE_LEN];
        let mut end = 0;
        let (mut bits, mut len) = (self.bits, self.len);
        for piece in pieces {
            // The mask shows what holds anyway: fewer than 8 bits wait.
            bits |= piece.bits << (len & 7);
            len += piece.len;
            stage[end..end + 8].copy_from_slice(&bits.to_le_bytes());
            end += (len / 8) as usize;
            bits >>= len & 0x38;
            len &= 7;
            if end > STAGE_LEN - 8 {
                out.extend_from_slice(&stage[..end]);
                end = 0;
            }
        }
        out.extend_from_slice(&stage[..end]);
        (self.bits, self.len) = (bits, len);
    }

    /// Fills the byte that has begun with zeros.
    pub fn align(&mut self, out: &mut Vec<u8>) {
        if self.len > 0 {
            self.put(0, 8 - self.len, out);
        }
    }

    /// Writes a stored block of at most 65,535 bytes.
    ///
    /// # Panics
    /// When it is longer.
    pub fn put_stored(&mut self, content: &[u8], last: bool, out: &mut Vec<u8>) {
        let len = u16::try_from(content.len()).expect("a stored block is below 64 KiB");
        self.put(u32::from(last), 3, out);
        self.align(out);
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&(!len).to_le_bytes());
        out.extend_from_slice(content);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_fill_bytes_from_the_lowest_on() {
        let mut out = Vec::new();
        let mut writer = BitWriter::default();
        writer.put(0b101, 3, &mut out);
        writer.put(0, 0, &mut out);
        writer.put(0b1100_1100, 8, &mut out);
        assert_eq!(out, [0b0110_0101]);
        writer.align(&mut out);
        writer.align(&mut out);
        assert_eq!(out, [0b0110_0101, 0b110]);
    }

    #[test]
    fn many_long_pieces_come_out_whole() {
        let mut out = Vec::new();
        let mut writer = BitWriter::default();
        writer.put(0, 7, &mut out);
        let ones = Piece { bits: (1 << MAX_PIECE_LEN) - 1, len: MAX_PIECE_LEN };
        writer.put_all([ones; 1000], &mut out);
        assert_eq!((out[0], out.len()), (0x80, 7000));
        assert!(out[1..].iter().all(|byte| *byte == 0xff));
        writer.align(&mut out);
        assert_eq!(out[7000..], [0x7f]);
    }

    #[test]
    fn a_stored_block_begins_on_a_byte() {
        let mut out = Vec::new();
        let mut writer = BitWriter::default();
        writer.put(0b1, 1, &mut out);
        writer.put_stored(b"ab", true, &mut out);
        assert_eq!(out, [0b11, 2, 0, 0xfd, 0xff, b'a', b'b']);
    }
}
