//! Bits, the lowest first, behind each other in bytes.

/// Appends bits to bytes.
#[derive(Debug)]
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    bits: u64,
    count: u32,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, bits: 0, count: 0 }
    }

    /// Adds the `count` lowest bits of `value`, above which it has none. After a flush there is
    /// room for 56.
    #[inline]
    pub(super) fn add(&mut self, value: u64, count: u32) {
        self.bits |= value << self.count;
        self.count += count;
    }

    /// Moves whole bytes to the output.
    #[inline]
    pub(super) fn flush(&mut self) {
        // Eight bytes at once are cheaper than as many as there are.
        let whole = self.count / 8;
        let len = self.out.len() + whole as usize;
        self.out.extend_from_slice(&self.bits.to_le_bytes());
        self.out.truncate(len);
        self.bits >>= whole * 8;
        self.count %= 8;
    }

    /// Ends with zeros up to a whole byte.
    pub(super) fn pad(mut self) {
        self.flush();
        self.add(0, self.count.wrapping_neg() % 8);
        self.flush();
    }

    /// Ends with a one, by which a reader finds the end, and zeros up to a whole byte.
    pub(super) fn mark(mut self) {
        self.flush();
        self.add(1, 1);
        self.pad();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_bit_comes_first() {
        let mut out = vec![0xff];
        let mut bits = BitWriter::new(&mut out);
        bits.add(0b101, 3);
        bits.add(0b11, 6);
        bits.pad();
        assert_eq!(out, [0xff, 0b0001_1101, 0]);
    }

    #[test]
    fn a_mark_may_need_a_byte_of_its_own() {
        let mut out = Vec::new();
        let mut bits = BitWriter::new(&mut out);
        bits.add(0xab, 8);
        bits.mark();
        assert_eq!(out, [0xab, 1]);

        let mut out = Vec::new();
        let mut bits = BitWriter::new(&mut out);
        bits.add(0x2b, 7);
        bits.mark();
        assert_eq!(out, [0xab]);
    }
}
