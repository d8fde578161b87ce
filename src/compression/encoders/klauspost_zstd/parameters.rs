//! What tells one run of the compressor from another, as types and as numbers.

use super::layout::{Layout, default_block_len};

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

/// Releases of the compressor that write the same at every level.
///
/// Each era begins with the release that it is named after. Most changes are of level best, and
/// [`Era::at`] tells which eras are the same at another level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Era {
    /// 1.15.11 (September 2022) and 1.15.12.
    V1_15_11 = 0,
    /// 1.15.13 (December 2022) to 1.16.0.
    V1_15_13 = 1,
    /// 1.16.1 (March 2023) to 1.16.3.
    V1_16_1 = 2,
    /// 1.16.4 (April 2023) to 1.16.7.
    V1_16_4 = 3,
    /// 1.17.0 (September 2023) to 1.17.2.
    V1_17_0 = 4,
    /// 1.17.3 (November 2023) and 1.17.4.
    V1_17_3 = 5,
    /// 1.17.5 (January 2024).
    V1_17_5 = 6,
    /// 1.17.6 (February 2024) and 1.17.7.
    V1_17_6 = 7,
    /// 1.17.8 (April 2024) to 1.20.0, the newest that was looked at.
    V1_17_8 = 8,
}

impl Era {
    /// Every era.
    pub const ALL: [Self; 9] = [
        Self::V1_15_11,
        Self::V1_15_13,
        Self::V1_16_1,
        Self::V1_16_4,
        Self::V1_17_0,
        Self::V1_17_3,
        Self::V1_17_5,
        Self::V1_17_6,
        Self::V1_17_8,
    ];

    pub(super) fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|era| era.number() == number)
    }

    /// Its number among the parameters.
    pub fn number(self) -> u64 {
        self as u64
    }

    /// The release that it begins with.
    pub fn first_release(self) -> &'static str {
        match self {
            Self::V1_15_11 => "1.15.11",
            Self::V1_15_13 => "1.15.13",
            Self::V1_16_1 => "1.16.1",
            Self::V1_16_4 => "1.16.4",
            Self::V1_17_0 => "1.17.0",
            Self::V1_17_3 => "1.17.3",
            Self::V1_17_5 => "1.17.5",
            Self::V1_17_6 => "1.17.6",
            Self::V1_17_8 => "1.17.8",
        }
    }

    /// The first era from which on a level wrote what it wrote in this one.
    #[must_use]
    pub fn at(self, level: Level) -> Self {
        match (level, self) {
            (Level::Best, era) => era,
            (_, Self::V1_15_13 | Self::V1_16_1) => Self::V1_15_11,
            (Level::Better, Self::V1_17_6) => Self::V1_17_5,
            (Level::Better, era) => era,
            (_, Self::V1_17_3 | Self::V1_17_5 | Self::V1_17_6) => Self::V1_17_0,
            (_, era) => era,
        }
    }
}

/// Everything but the content that the bytes of a frame depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// How hard the compressor tried.
    pub level: Level,
    /// Which compressor it was.
    pub era: Era,
    /// How it was fed.
    pub feed: Feed,
}

/// How the compressor was fed, as far as that shows in the frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feed {
    /// As a stream of any length, with no option but the level.
    Stream {
        /// The content of the first block where a flush or a change from `Write` to `ReadFrom`
        /// ended it, in bytes; otherwise 0.
        first_len: u32,
        /// Was the stream flushed before it was closed?
        is_flushed: bool,
    },
    /// In a way that gave just this frame.
    Frame(Layout),
}

impl Parameters {
    /// What may have made a frame, the likely ones first, each set of equal ones once.
    pub fn candidates(layout: &Layout) -> Vec<Self> {
        let levels = Level::ALL.into_iter().filter(|level| layout.may_be_of(*level));
        levels
            .flat_map(|level| Era::ALL.into_iter().rev().map(move |era| (level, era)))
            .filter(|(level, era)| era.at(*level) == *era)
            .map(|(level, era)| Self::of(level, era, layout))
            .collect()
    }

    /// The parameters by which a level and an era give a frame that is laid out so.
    pub fn of(level: Level, era: Era, layout: &Layout) -> Self {
        let first_len = layout.first_block_len();
        let streams = [(0, false), (0, true), (first_len, false), (first_len, true)];
        let stream = streams.into_iter().find(|(first_len, is_flushed)| {
            let len = layout.content_len();
            *first_len < default_block_len(level)
                && Layout::of_stream(level, era, len, *first_len, *is_flushed).as_ref()
                    == Ok(layout)
        });
        let feed = stream.map_or_else(
            || Feed::Frame(layout.clone()),
            |(first_len, is_flushed)| Feed::Stream { first_len, is_flushed },
        );
        Self { level, era, feed }
    }

    /// Reads the numbers that the module's head describes.
    ///
    /// # Errors
    /// What rule they break.
    pub fn from_numbers(numbers: &[u64]) -> Result<Self, &'static str> {
        let [level, era, rest @ ..] = numbers else {
            return Err("level, era and a feed are needed");
        };
        let level = Level::from_number(*level).ok_or("levels are 1 to 4")?;
        let era = Era::from_number(*era).ok_or("eras are 0 to 8")?;
        let feed = match rest {
            [first_len, is_flushed] => {
                let first_len = u32::try_from(*first_len).ok();
                let first_len = first_len.filter(|len| *len < default_block_len(level));
                Feed::Stream {
                    first_len: first_len.ok_or("an early end is before the block's end")?,
                    is_flushed: match is_flushed {
                        0 => false,
                        1 => true,
                        _ => return Err("a flush is 0 or 1"),
                    },
                }
            }
            [descriptor, window_log, runs @ ..] => {
                Feed::Frame(Layout::new(*descriptor, *window_log, runs)?)
            }
            _ => return Err("level, era and a feed are needed"),
        };
        Ok(Self { level, era, feed })
    }

    /// The numbers that say it.
    pub fn to_numbers(&self) -> Vec<u64> {
        let mut numbers = vec![self.level.number(), self.era.number()];
        match &self.feed {
            Feed::Stream { first_len, is_flushed } => {
                numbers.extend([u64::from(*first_len), u64::from(*is_flushed)]);
            }
            Feed::Frame(layout) => numbers.extend(layout.to_numbers()),
        }
        numbers
    }
}
