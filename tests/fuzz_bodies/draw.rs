//! Choices taken from an input, one after the other; zeros when it is used up.

/// An input that is being used up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draw<'a>(&'a [u8]);

impl<'a> Draw<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }

    /// The next bytes, `most` at most.
    pub(super) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (now, later) = self.0.split_at(most.min(self.0.len()));
        self.0 = later;
        now
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    pub(super) fn half(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    pub(super) fn long(&mut self) -> u64 {
        let mut bytes = [0; 8];
        bytes.fill_with(|| self.byte());
        u64::from_le_bytes(bytes)
    }

    pub(super) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A number below `count`, 0 where there is none.
    pub(super) fn below(&mut self, count: usize) -> usize {
        usize::from(self.half()) % count.max(1)
    }

    /// A number worth trying in place of `current`.
    pub(super) fn number(&mut self, current: u64) -> u64 {
        match self.byte() % 10 {
            0 => 0,
            1 => 1,
            2 => u64::from(u32::MAX),
            3 => current.wrapping_add(1),
            4 => current.wrapping_sub(1),
            5 => current ^ 1 << (self.byte() % 64),
            6 => self.byte().into(),
            7 => self.half().into(),
            8 => current.wrapping_add(self.half().into()),
            _ => self.long(),
        }
    }
}

/// Bytes that look random but are always the same for a seed.
pub(super) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(len).collect()
}
