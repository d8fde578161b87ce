//! CRC-64 by the polynomial of ISO 3309, which tar-split has of each file.

const POLYNOMIAL: u64 = 0xD800_0000_0000_0000;

/// Bytes that are taken at once.
const LANES: usize = 8;

static TABLES: [[u64; 256]; LANES] = tables();

const fn tables() -> [[u64; 256]; LANES] {
    let mut tables = [[0; 256]; LANES];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            value = (value >> 1) ^ (POLYNOMIAL & 0_u64.wrapping_sub(value & 1));
            bit += 1;
        }
        tables[0][byte] = value;
        byte += 1;
    }
    let mut lane = 1;
    while lane < LANES {
        let mut byte = 0;
        while byte < 256 {
            let value: u64 = tables[lane - 1][byte];
            tables[lane][byte] = tables[0][(value & 0xff) as usize] ^ (value >> 8);
            byte += 1;
        }
        lane += 1;
    }
    tables
}

/// The sum over bytes that come in pieces.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crc64(u64);

impl Crc64 {
    pub(super) fn new() -> Self {
        Self(!0)
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        let (groups, rest) = bytes.as_chunks::<LANES>();
        for group in groups {
            let value = self.0 ^ u64::from_le_bytes(*group);
            let bytes = value.to_le_bytes();
            let lanes = TABLES.iter().rev().zip(bytes);
            self.0 = lanes.fold(0, |sum, (table, byte)| sum ^ table[usize::from(byte)]);
        }
        for byte in rest {
            let [low, ..] = self.0.to_le_bytes();
            self.0 = TABLES[0][usize::from(low ^ byte)] ^ (self.0 >> 8);
        }
    }

    /// The sum, highest byte first as Go gives it.
    pub(super) fn finish(self) -> [u8; 8] {
        let mut bytes = (!self.0).to_le_bytes();
        bytes.reverse();
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(bytes: &[u8]) -> [u8; 8] {
        let mut sum = Crc64::new();
        sum.update(bytes);
        sum.finish()
    }

    #[test]
    fn known_sums_come_out() {
        // What Go's hash/crc64 gives.
        assert_eq!(sum(b""), [0; 8]);
        assert_eq!(sum(b"123456789"), [0xb9, 0x09, 0x56, 0xc7, 0x75, 0xa4, 0x10, 0x01]);
    }

    #[test]
    fn pieces_do_not_matter() {
        let bytes: Vec<u8> = (0..=255).collect();
        for cut in 0..bytes.len() {
            let mut sum_of_two = Crc64::new();
            sum_of_two.update(&bytes[..cut]);
            sum_of_two.update(&bytes[cut..]);
            assert_eq!(sum_of_two.finish(), sum(&bytes));
        }
    }
}
