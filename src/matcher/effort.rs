//! How hard to look.

/// How hard [`super::covers`] looks: fixed by the level and the input's length alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Old positions are indexed at multiples of this, or more if old is long.
    pub(super) step: usize,
    /// In runs of old that new has unchanged only multiples of this are; they are looked for where this is
    /// more than the step.
    pub(super) sparse: usize,
    /// Candidates that are compared at each position.
    pub(super) depth: usize,
    /// A running diagonal along which no more than eight bytes differ for so long is not left.
    pub(super) horizon: usize,
    /// The n-th lookup in a row that finds nothing moves on by n >> this more.
    pub(super) patience: u32,
    /// How often covers that do not pay are sought: without one, its neighbours grow.
    pub(super) passes: usize,
}

impl Effort {
    /// What level 1 to 22 asks for; 0 counts as 1.
    pub const fn for_level(level: u8) -> Self {
        match level {
            0..=3 => Self { step: 8, sparse: 8, depth: 4, horizon: 16, patience: 4, passes: 1 },
            4..=5 => Self { step: 4, sparse: 32, depth: 8, horizon: 32, patience: 6, passes: 2 },
            6..=8 => Self { step: 2, sparse: 16, depth: 16, horizon: 32, patience: 8, passes: 2 },
            9..=12 => Self { step: 1, sparse: 16, depth: 16, horizon: 32, patience: 8, passes: 2 },
            13..=18 => {
                Self { step: 1, sparse: 16, depth: 64, horizon: 512, patience: 10, passes: 2 }
            }
            _ => Self { step: 1, sparse: 1, depth: 64, horizon: 512, patience: 10, passes: 2 },
        }
    }

    /// An upper bound of the memory that an old file of `len` bytes takes while it is looked up.
    pub const fn memory(self, len: usize) -> usize {
        let len = if len < super::MAX_OLD { len } else { super::MAX_OLD };
        len / self.step_for(len) * 12 + len / 4 + 8192
    }

    /// The distance of indexed positions in an old file of `len` bytes.
    pub(super) const fn step_for(self, len: usize) -> usize {
        let least = match len >> 20 {
            0..16 => 1,
            16..32 => 2,
            _ => 4,
        };
        if self.step > least { self.step } else { least }
    }
}
