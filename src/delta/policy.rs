//! What a level means: a table over the level and lengths, never over a clock.
//!
//! | level | members compared | literals | what differs, and instructions |
//! |---|---|---|---|
//! | 1 to 3 | at few places | zstd of that level | zstd 3, short ones 19 |
//! | 4 to 7 | at more | zstd of that level | zstd 9, short ones 19 |
//! | 8 to 12 | at most places | LZMA, hash chains | LZMA, hash chains |
//! | 13 to 22 | at every byte, from 19 on harder | LZMA, trees | LZMA, trees |
//! | best | as 22 | LZMA, tried hard | LZMA, tried hard |
//!
//! Above level 7 all is coded as well as it can be within seconds: what a slow link carries weighs
//! more than these, and what is coded is little. LZMA with hash chains beats zstd 18 in both time and
//! size there (DESIGN.md section 9); only what nothing makes smaller stays with zstd.

use crate::format::{Class, Codec, StreamKind};
use crate::matcher::Effort;

/// How small a delta is to become: 1 to 22, or [`Level::BEST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    number: u8,
    is_best: bool,
}

impl Level {
    /// As 22, and what no number does.
    pub const BEST: Self = Self { number: 22, is_best: true };

    /// All levels, the fastest first.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=22).map(Self::from).chain([Self::BEST])
    }

    /// 1 to 22.
    pub const fn number(self) -> u8 {
        self.number
    }

    /// Is it [`Level::BEST`]?
    pub const fn is_best(self) -> bool {
        self.is_best
    }
}

impl From<u8> for Level {
    /// The level of this number, or the nearest that there is.
    fn from(number: u8) -> Self {
        Self { number: number.clamp(1, 22), is_best: false }
    }
}

/// Window of all frames, as a binary logarithm: what every site can hold for each stream.
pub(super) const WINDOW_LOG: u32 = 24;
/// Longest control stream that is coded at zstd 19 at levels that have no LZMA, in bytes; below level
/// 4 the first.
const TINY: usize = 16 << 10;
const SHORT: usize = 256 << 10;
/// The first level of zstd that parses optimally: what matters for size.
const HIGH: i32 = 19;
/// Up to this level time counts for more than size.
const FAST: u8 = 3;
/// From this level on all is coded for size.
const SMALL: u8 = 8;
/// From this level on time is spent on the last bytes.
const HARD: u8 = 13;
/// More bytes than this are looked for in any base.
const FEW: usize = 64 << 10;
/// At 1 GB/s a second is worth 60 KB.
const BASE_PER_SOUGHT: usize = 1 << 14;
/// Frames of the longest kind, or as many bytes of shorter ones, that are coded before their bytes are
/// handed out, for each worker: the more, the less workers wait for each other, and the more coded
/// frames are held.
pub(super) const FRAMES_PER_WORKER: usize = 2;
/// Longest pieces that the matcher compares whole, in bytes: what its tables are reckoned for.
pub(super) const WHOLE_LEN: usize = 64 << 20;

/// Does a stream hold runs of bytes rather than values?
fn is_bytes(kind: StreamKind) -> bool {
    matches!(kind, StreamKind::Literals(_) | StreamKind::Corrections)
}

/// What codes a stream.
pub(super) fn codec(level: Level, kind: StreamKind) -> Codec {
    match kind {
        // Nothing makes it smaller, so let it be fast.
        StreamKind::Literals(Class::DENSE) => Codec::Zstd,
        _ if level.number < SMALL => Codec::Zstd,
        _ => Codec::Lzma,
    }
}

/// Level of a frame of `len` bytes, as zstd has them.
pub(super) fn codec_level(level: Level, kind: StreamKind, len: usize) -> i32 {
    let number = i32::from(level.number);
    let short = if level.number <= FAST { TINY } else { SHORT };
    match level.number {
        _ if level.is_best => 22,
        HARD.. => HIGH,
        SMALL.. => HIGH - 1,
        _ if is_bytes(kind) => number,
        _ if len <= short => HIGH,
        4.. => 9,
        _ => 3,
    }
}

/// Longest frame, decoded, in bytes. Threads share a stream by its frames; what one frame holds, the
/// next one cannot match. The higher levels pay for the window, so they get it; values repeat nearby.
pub(super) fn frame_len(level: Level, kind: StreamKind) -> usize {
    match level.number {
        ..=6 => 8 << 20,
        _ if !is_bytes(kind) => 8 << 20,
        _ => 1 << WINDOW_LOG,
    }
}

/// The longest frame of any stream, decoded, in bytes.
pub(super) fn longest_frame(level: Level) -> usize {
    frame_len(level, StreamKind::Literals(Class::OTHER))
}

/// Memory that coding a frame takes at most, in bytes: tables for a window of 16 MiB (of libzstd hash
/// and chain, 4 bytes an entry, by the level's parameters; of LZMA 7.6 bytes a byte with hash chains,
/// 11.7 with trees), the frame, coded frames that wait.
fn coder_memory(level: Level) -> u64 {
    let tables: u64 = match level.number {
        ..SMALL => 16 << 20,
        SMALL..HARD => 128 << 20,
        _ => 188 << 20,
    };
    let frame = longest_frame(level) as u64;
    tables + (1 + FRAMES_PER_WORKER as u64) * frame
}

/// Memory that comparing a piece takes at most, in bytes.
fn matcher_memory(level: Level) -> u64 {
    // Long pieces are looked at in fewer places, so that the longest take no more than shorter ones.
    let lens = [(16 << 20) - 1, (32 << 20) - 1, WHOLE_LEN];
    lens.map(|len| effort(level).memory(len) as u64).into_iter().max().unwrap_or(0)
}

/// How much is done at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workers {
    /// Frames coded at once, at least 1.
    pub coders: usize,
    /// Pieces compared at once, at least 1.
    pub matchers: usize,
}

impl Workers {
    /// As many as `memory` bytes suffice for, at most `jobs`.
    ///
    /// # Errors
    /// The bytes that are needed, where not even one fits.
    pub fn within(level: Level, memory: u64, jobs: usize) -> Result<Self, u64> {
        let needed = coder_memory(level).max(matcher_memory(level));
        if memory < needed {
            return Err(needed);
        }
        let fit =
            |one: u64| usize::try_from(memory / one).unwrap_or(usize::MAX).clamp(1, jobs.max(1));
        Ok(Self { coders: fit(coder_memory(level)), matchers: fit(matcher_memory(level)) })
    }
}

/// Are `sought` bytes so many that all of a base's `base` bytes are cut and hashed to look for them? To
/// do that for a few of them takes longer than to send them over all but the slowest links, so only
/// the levels for these do it in any case.
pub(super) fn is_worth_an_index(level: Level, sought: usize, base: usize) -> bool {
    level.number >= HARD || sought > FEW || sought > base / BASE_PER_SOUGHT
}

/// Are chunks looked for also in those files of the base that covers hold most of? What lies in them went
/// from one file to another that stayed, which is rare.
pub(super) fn looks_behind_covers(level: Level) -> bool {
    level.number > FAST
}

/// How hard members are compared.
pub(super) fn effort(level: Level) -> Effort {
    Effort::for_level(level.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_works_within_600_mb() {
        for level in Level::all() {
            let workers = Workers::within(level, 500_000_000, 2);
            assert!(workers.is_ok(), "{level:?}: {workers:?}");
        }
        let workers = Workers { coders: 2, matchers: 2 };
        assert_eq!(Workers::within(9.into(), 500_000_000, 2), Ok(workers));
    }

    #[test]
    fn what_does_not_fit_says_what_would() {
        let needed = Workers::within(9.into(), 0, 2).expect_err("nothing fits");
        let one = Workers { coders: 1, matchers: 1 };
        assert_eq!(Workers::within(9.into(), needed, 2), Ok(one));
        assert_eq!(Workers::within(9.into(), needed - 1, 2), Err(needed));
    }
}
