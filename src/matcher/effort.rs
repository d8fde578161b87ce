//! How hard to look.

/// How hard [`super::covers`] looks: fixed by the level and the input's length alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Old positions are indexed at multiples of this if the input is short.
    pub(super) step: usize,
    /// Candidates that are compared at each position.
    pub(super) depth: usize,
}

impl Effort {
    /// What level 1 to 22 asks for; 0 counts as 1.
    pub const fn for_level(level: u8) -> Self {
        match level {
            0..=3 => Self { step: 4, depth: 4 },
            4..=9 => Self { step: 2, depth: 8 },
            10..=19 => Self { step: 1, depth: 16 },
            _ => Self { step: 1, depth: 64 },
        }
    }

    /// An upper bound of the memory that an old file of `len` bytes takes while it is looked up.
    pub const fn memory(self, len: usize) -> usize {
        len / self.step_for(len) * 8 + 4096
    }

    /// The distance of indexed positions in an old file of `len` bytes.
    pub(super) const fn step_for(self, len: usize) -> usize {
        let least = match len >> 20 {
            0..24 => 1,
            24..48 => 2,
            _ => 4,
        };
        if self.step > least { self.step } else { least }
    }
}
