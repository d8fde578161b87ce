//! What tells one run of the compressor from another, as types and as numbers.

use super::layout::Layout;

/// How hard the compressor tries, numbered as it numbers its levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Blocks of 64 KiB, one table of matches.
    Fastest = 1,
    /// Two tables of matches; what `BuildKit`, containerd, podman and skopeo use for zstd.
    Default = 2,
    /// Two tables, the long one two deep.
    Better = 3,
    /// Two large tables, both two deep; what podman and skopeo use for zstd:chunked.
    Best = 4,
}

impl Level {
    /// Every level.
    pub const ALL: [Self; 4] = [Self::Fastest, Self::Default, Self::Better, Self::Best];

    fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.number() == number)
    }

    /// Its number among the parameters.
    pub fn number(self) -> u64 {
        self as u64
    }
}

/// Versions of the compressor that write the same.
///
/// Each begins with the release that it is named after. Levels fastest and default write the same
/// in the third as in the fourth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Era {
    /// 1.15.10 (September 2022) to 1.16.3.
    V1_15_10 = 0,
    /// 1.16.4 (April 2023) to 1.16.7.
    V1_16_4 = 1,
    /// 1.17.0 (September 2023) to 1.17.2.
    V1_17_0 = 2,
    /// 1.17.3 (November 2023) to 1.17.7.
    V1_17_3 = 3,
    /// 1.17.8 (April 2024) to 1.20.0, the newest that was looked at.
    V1_17_8 = 4,
}

impl Era {
    /// Every era.
    pub const ALL: [Self; 5] =
        [Self::V1_15_10, Self::V1_16_4, Self::V1_17_0, Self::V1_17_3, Self::V1_17_8];

    fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|era| era.number() == number)
    }

    /// Its number among the parameters.
    pub fn number(self) -> u64 {
        self as u64
    }
}

/// Everything but the content that the bytes of a frame depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// How hard the compressor tried.
    pub level: Level,
    /// Which compressor it was.
    pub era: Era,
    /// Header and blocks of the frame.
    pub layout: Layout,
}

impl Parameters {
    /// Reads the numbers that the module's head describes.
    ///
    /// # Errors
    /// What rule they break.
    pub fn from_numbers(numbers: &[u64], content_len: u64) -> Result<Self, &'static str> {
        let [level, era, rest @ ..] = numbers else {
            return Err("level and era are needed");
        };
        let level = Level::from_number(*level).ok_or("levels are 1 to 4")?;
        let era = Era::from_number(*era).ok_or("eras are 0 to 4")?;
        if level == Level::Best && era < Era::V1_17_8 {
            return Err("level 4 is known in era 4 only");
        }
        let layout = match rest {
            [] => Layout::of_stream(level, era, content_len)?,
            [_] => return Err("a layout is a descriptor, a window and blocks"),
            [descriptor, window_log, runs @ ..] => Layout::new(*descriptor, *window_log, runs)?,
        };
        if layout.content_len() != content_len {
            return Err("blocks are those of the content");
        }
        Ok(Self { level, era, layout })
    }

    /// The numbers that say it, as few as there can be.
    pub fn to_numbers(&self) -> Vec<u64> {
        let mut numbers = vec![self.level.number(), self.era.number()];
        let content_len = self.layout.content_len();
        if Layout::of_stream(self.level, self.era, content_len).as_ref() != Ok(&self.layout) {
            numbers.extend(self.layout.to_numbers());
        }
        numbers
    }
}
