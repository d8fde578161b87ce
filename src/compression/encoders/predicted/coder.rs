//! Adaptive binary arithmetic coding. One description of what is coded serves both directions:
//! whoever writes gives a value and gets it back, whoever reads gives any value and gets the one
//! that was written.
//!
//! A chance is learned from the bits before, first quickly, then slowly, down to one in 65,536: so
//! a guess that is always right costs next to nothing. All of it is arithmetic of integers.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "chances have 22 bits, steps 16; bytes are taken off numbers"
)]

/// How likely a bit is 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chance {
    /// In units of 2^-22.
    one: i32,
    /// Bits that it was learned from, [`SLOWEST`] at most.
    seen: u8,
}

/// Bits after which a chance learns no slower.
const SLOWEST: u8 = 255;

/// How much of the way to a bit a chance goes, in units of 2^-16, by the bits it has seen.
const STEPS: [i32; SLOWEST as usize + 1] = {
    let mut steps = [0; SLOWEST as usize + 1];
    let mut seen = 0;
    while seen < steps.len() {
        steps[seen] = (1 << 17) / (2 * seen as i32 + 3);
        seen += 1;
    }
    steps
};

impl Default for Chance {
    fn default() -> Self {
        Self { one: 1 << 21, seen: 0 }
    }
}

impl Chance {
    /// In units of 2^-16; neither nothing nor all of them.
    #[inline]
    fn of_one(self) -> u32 {
        (self.one >> 6).clamp(1, 0xffff).cast_unsigned()
    }

    #[inline]
    fn learn(&mut self, bit: bool) {
        let goal = if bit { 1 << 22 } else { 0 };
        let way = i64::from(goal - self.one) * i64::from(STEPS[usize::from(self.seen)]);
        self.one += (way >> 16) as i32;
        self.seen = self.seen.saturating_add(1);
    }
}

/// One of the two directions.
pub(super) trait Coder {
    /// A bit of a chance.
    fn bit(&mut self, bit: bool, chance: &mut Chance) -> bool;

    /// The lowest `len` bits of a number, at most 16, of which nothing is known.
    fn plain(&mut self, number: u32, len: u32) -> u32;
}

/// Ranges are of this length or longer between two bits.
const SHORTEST: u32 = 1 << 24;

/// Where to cut a range for a bit of this chance.
#[inline]
fn cut(range: u32, chance: Chance) -> u32 {
    (range >> 16) * chance.of_one()
}

/// Writes.
#[derive(Debug)]
pub(super) struct Writer {
    low: u64,
    range: u32,
    /// The byte before those in `low`, and how many of 0xff follow it: a carry may still change
    /// them.
    held: u8,
    full: usize,
    out: Vec<u8>,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { low: 0, range: u32::MAX, held: 0, full: 0, out: Vec::new() }
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.out.len() + self.full
    }

    /// Ends, and returns the bytes. Zeros at their end need not be there.
    pub(super) fn finish(mut self) -> Vec<u8> {
        for _ in 0..5 {
            self.shift();
        }
        // The first byte is what was held before there was anything.
        let mut bytes = self.out.split_off(1);
        while bytes.pop_if(|byte| *byte == 0).is_some() {}
        bytes
    }

    fn shift(&mut self) {
        let carry = (self.low >> 32) as u8;
        let next = (self.low >> 24) as u8;
        if carry != 0 || next != 0xff {
            self.out.push(self.held.wrapping_add(carry));
            let filler = 0xff_u8.wrapping_add(carry);
            self.out.resize(self.out.len() + self.full, filler);
            self.full = 0;
            self.held = next;
        } else {
            self.full += 1;
        }
        self.low = (self.low & 0x00ff_ffff) << 8;
    }

    #[inline]
    fn normalise(&mut self) {
        while self.range < SHORTEST {
            self.range <<= 8;
            self.shift();
        }
    }
}

impl Coder for Writer {
    #[inline]
    fn bit(&mut self, bit: bool, chance: &mut Chance) -> bool {
        let cut = cut(self.range, *chance);
        if bit {
            self.range = cut;
        } else {
            self.low += u64::from(cut);
            self.range -= cut;
        }
        chance.learn(bit);
        self.normalise();
        bit
    }

    fn plain(&mut self, number: u32, len: u32) -> u32 {
        for digit in (0..len).rev() {
            self.range >>= 1;
            if number >> digit & 1 == 1 {
                self.low += u64::from(self.range);
            }
            self.normalise();
        }
        number
    }
}

/// Reads; after its bytes come zeros without end.
#[derive(Debug)]
pub(super) struct Reader {
    bytes: std::vec::IntoIter<u8>,
    /// How far above the range's start the number lies that the bytes are.
    above: u32,
    range: u32,
}

impl Reader {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let mut reader = Self { bytes: bytes.into_iter(), above: 0, range: u32::MAX };
        for _ in 0..4 {
            reader.shift();
        }
        reader
    }

    fn shift(&mut self) {
        self.above = self.above << 8 | u32::from(self.bytes.next().unwrap_or(0));
    }

    #[inline]
    fn normalise(&mut self) {
        while self.range < SHORTEST {
            self.range <<= 8;
            self.shift();
        }
    }
}

impl Coder for Reader {
    #[inline]
    fn bit(&mut self, _: bool, chance: &mut Chance) -> bool {
        let cut = cut(self.range, *chance);
        let bit = self.above < cut;
        if bit {
            self.range = cut;
        } else {
            self.above -= cut;
            self.range -= cut;
        }
        chance.learn(bit);
        self.normalise();
        bit
    }

    fn plain(&mut self, _: u32, len: u32) -> u32 {
        let mut number = 0;
        for _ in 0..len {
            self.range >>= 1;
            let bit = self.above >= self.range;
            if bit {
                self.above -= self.range;
            }
            number = number << 1 | u32::from(bit);
            self.normalise();
        }
        number
    }
}
