//! What looks for the target's bytes elsewhere, by name: each can be left out, to see what it is worth.

/// A stage of the encoder, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Members of the base by the names of the target's.
    Pairs,
    /// Chunks of the base, wherever they lie.
    Chunks,
    /// Members of the base by the chunks that are found in them, and by likeness.
    Likeness,
    /// What paired members have alike, byte by byte, with differences.
    Covers,
    /// Tar headers made of others.
    Headers,
    /// What the target itself repeats.
    Repeats,
}

impl Stage {
    /// All stages in order.
    pub const ALL: [Self; 6] =
        [Self::Pairs, Self::Chunks, Self::Likeness, Self::Covers, Self::Headers, Self::Repeats];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pairs => "pairs",
            Self::Chunks => "chunks",
            Self::Likeness => "likeness",
            Self::Covers => "covers",
            Self::Headers => "headers",
            Self::Repeats => "repeats",
        }
    }

    /// The stage of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

/// A set of stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stages(u8);

impl Stages {
    /// All of them.
    pub const ALL: Self = Self(u8::MAX);

    /// Is it one of them?
    pub fn has(self, stage: Stage) -> bool {
        self.0 & 1 << stage as u8 != 0
    }

    /// All but this one.
    #[must_use]
    pub fn without(self, stage: Stage) -> Self {
        Self(self.0 & !(1 << stage as u8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_left_out_one_by_one() {
        let rest = Stages::ALL.without(Stage::Covers);
        for stage in Stage::ALL {
            assert_eq!(rest.has(stage), stage != Stage::Covers);
            assert_eq!(Stage::from_name(stage.name()), Some(stage));
        }
        assert_eq!(Stage::from_name("cover"), None);
    }
}
