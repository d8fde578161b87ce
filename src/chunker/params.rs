//! Chunk sizes that cannot be built invalid.
//!
//! fastcdc checks its bounds in debug builds only and answers a bad size with other cut points, so
//! every one of its demands is checked here once, before a byte is cut.

use fastcdc::v2020;

use crate::fault::{Class, Explain};

/// How strongly chunk sizes are pulled towards the average: how many bits the mask before the
/// average gains and the one after it loses (`FastCDC` 2016, section 4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Normalization {
    /// One mask throughout.
    Level0,
    /// One bit: what [`ChunkerParams::DEFAULT`] uses.
    Level1,
    /// Two bits.
    Level2,
    /// Three bits.
    Level3,
}

impl Normalization {
    const fn bits(self) -> u32 {
        match self {
            Self::Level0 => 0,
            Self::Level1 => 1,
            Self::Level2 => 2,
            Self::Level3 => 3,
        }
    }
}

/// Smallest, average and largest chunk in bytes, and the normalization.
///
/// All sizes are even and within fastcdc's bounds, the average is a power of two, and
/// `min <= avg <= max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkerParams {
    min: u32,
    avg: u32,
    max: u32,
    normalization: Normalization,
}

/// Why chunk sizes cannot be used; sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// A size that fastcdc has no masks or no room for.
    #[error("{what} chunk size is out of range (found={found}, least={least}, most={most})")]
    OutOfRange {
        /// Which size: `smallest`, `average` or `largest`.
        what: &'static str,
        /// The size asked for.
        found: u32,
        /// The smallest possible, inclusive.
        least: u32,
        /// The largest possible, inclusive.
        most: u32,
    },
    /// An odd size; fastcdc scans two bytes at a time and would cut one byte off.
    #[error("{what} chunk size is odd (found={found})")]
    Odd {
        /// Which size: `smallest`, `average` or `largest`.
        what: &'static str,
        /// The size asked for.
        found: u32,
    },
    /// The average decides the number of mask bits, so it is a power of two.
    #[error("average chunk size is no power of two (found={found})")]
    NotAPowerOfTwo {
        /// The average asked for.
        found: u32,
    },
    /// The sizes do not ascend.
    #[error("chunk sizes do not ascend (min={min}, avg={avg}, max={max})")]
    OutOfOrder {
        /// The smallest.
        min: u32,
        /// The average.
        avg: u32,
        /// The largest.
        max: u32,
    },
    /// The mask after the average would have no bits left and cut everywhere.
    #[error("normalization is too strong for the average chunk size (avg={avg}, level={level})")]
    TooStrong {
        /// The average asked for.
        avg: u32,
        /// The level asked for, 0 to 3.
        level: u32,
    },
}

impl Explain for ParamsError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        let ChunkerParams { min, avg, max, .. } = ChunkerParams::DEFAULT;
        Some(format!("take the default sizes, {min}, {avg} and {max} bytes"))
    }
}

/// fastcdc's `MASKS` are empty below this index.
const FEWEST_MASK_BITS: u32 = 6;

impl ChunkerParams {
    /// 1 KiB, 4 KiB, 16 KiB, level 1: tight enough to find small changes in files of a few
    /// kilobytes, while the index of a 2 GiB base stays near 10 MB.
    pub const DEFAULT: Self = Self::around(4 << 10);

    /// Checks the sizes, in bytes.
    ///
    /// # Errors
    ///
    /// Any [`ParamsError`]; the first that applies in the order of its variants.
    pub const fn new(
        min: u32,
        avg: u32,
        max: u32,
        normalization: Normalization,
    ) -> Result<Self, ParamsError> {
        if let Err(error) = in_range("smallest", min, v2020::MINIMUM_MIN, v2020::MINIMUM_MAX) {
            return Err(error);
        }
        if let Err(error) = in_range("average", avg, v2020::AVERAGE_MIN, v2020::AVERAGE_MAX) {
            return Err(error);
        }
        if let Err(error) = in_range("largest", max, v2020::MAXIMUM_MIN, v2020::MAXIMUM_MAX) {
            return Err(error);
        }
        if min % 2 == 1 {
            return Err(ParamsError::Odd { what: "smallest", found: min });
        }
        if max % 2 == 1 {
            return Err(ParamsError::Odd { what: "largest", found: max });
        }
        if !avg.is_power_of_two() {
            return Err(ParamsError::NotAPowerOfTwo { found: avg });
        }
        if min > avg || avg > max {
            return Err(ParamsError::OutOfOrder { min, avg, max });
        }
        let level = normalization.bits();
        if avg.trailing_zeros() < FEWEST_MASK_BITS + level {
            return Err(ParamsError::TooStrong { avg, level });
        }
        Ok(Self { min, avg, max, normalization })
    }

    /// Returns the sizes for a base pool of `len` bytes, decoded contents of all layers together:
    /// averages of 4 KiB up to 2 GiB, 8 KiB up to 8 GiB, 16 KiB above, with a quarter as smallest
    /// and four times as largest, level 1.
    ///
    /// Nothing but the length decides, so equal inputs are cut alike on every machine.
    pub const fn for_pool(len: u64) -> Self {
        const MEDIUM: ChunkerParams = ChunkerParams::around(8 << 10);
        const LARGE: ChunkerParams = ChunkerParams::around(16 << 10);
        const GIB: u64 = 1 << 30;
        if len <= 2 * GIB {
            Self::DEFAULT
        } else if len <= 8 * GIB {
            MEDIUM
        } else {
            LARGE
        }
    }

    /// For constants only: a bad average does not compile.
    const fn around(avg: u32) -> Self {
        match Self::new(avg / 4, avg, avg * 4, Normalization::Level1) {
            Ok(params) => params,
            Err(_) => panic!("BUG: the built-in chunk sizes are invalid"),
        }
    }

    /// Smallest chunk in bytes, inclusive; only the last of a stretch may be smaller.
    pub const fn min(&self) -> u32 {
        self.min
    }

    /// Average chunk in bytes.
    pub const fn avg(&self) -> u32 {
        self.avg
    }

    /// Largest chunk in bytes, inclusive.
    pub const fn max(&self) -> u32 {
        self.max
    }

    /// How strongly sizes are pulled towards the average.
    pub const fn normalization(&self) -> Normalization {
        self.normalization
    }

    /// The gear masks before and after the average. fastcdc's own selection goes through a float
    /// logarithm; for powers of two this is the same row without one.
    pub(super) const fn masks(&self) -> (u64, u64) {
        let bits = self.avg.trailing_zeros();
        let level = self.normalization.bits();
        (v2020::MASKS[(bits + level) as usize], v2020::MASKS[(bits - level) as usize])
    }
}

impl Default for ChunkerParams {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[expect(clippy::cast_possible_truncation, reason = "fastcdc's bounds are at most 16 MiB")]
const fn in_range(
    what: &'static str,
    found: u32,
    least: usize,
    most: usize,
) -> Result<(), ParamsError> {
    let (least, most) = (least as u32, most as u32);
    if found < least || found > most {
        return Err(ParamsError::OutOfRange { what, found, least, most });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(min: u32, avg: u32, max: u32, normalization: Normalization) -> String {
        let error = ChunkerParams::new(min, avg, max, normalization).expect_err("must be refused");
        assert_eq!(error.class(), Class::Usage);
        error.to_string()
    }

    #[test]
    fn sizes_that_fastcdc_would_only_assert_are_refused_with_the_numbers() {
        use Normalization::{Level0, Level1, Level3};
        for (min, avg, max, level, message) in [
            (
                62,
                256,
                1024,
                Level0,
                "smallest chunk size is out of range (found=62, least=64, most=1048576)",
            ),
            (
                64,
                128,
                1024,
                Level0,
                "average chunk size is out of range (found=128, least=256, most=4194304)",
            ),
            (
                64,
                256,
                1 << 25,
                Level0,
                "largest chunk size is out of range (found=33554432, least=1024, most=16777216)",
            ),
            (65, 256, 1024, Level1, "smallest chunk size is odd (found=65)"),
            (64, 256, 1025, Level1, "largest chunk size is odd (found=1025)"),
            (64, 300, 1024, Level1, "average chunk size is no power of two (found=300)"),
            (512, 256, 1024, Level1, "chunk sizes do not ascend (min=512, avg=256, max=1024)"),
            (64, 2048, 1024, Level1, "chunk sizes do not ascend (min=64, avg=2048, max=1024)"),
            (
                64,
                256,
                1024,
                Level3,
                "normalization is too strong for the average chunk size (avg=256, level=3)",
            ),
        ] {
            assert_eq!(refusal(min, avg, max, level), message);
        }
    }

    #[test]
    fn a_refusal_names_sizes_that_work() {
        let error = ParamsError::NotAPowerOfTwo { found: 3 };
        assert_eq!(
            error.hint().as_deref(),
            Some("take the default sizes, 1024, 4096 and 16384 bytes")
        );
    }

    #[test]
    fn the_average_grows_with_the_pool_and_with_nothing_else() {
        let avg = |len| ChunkerParams::for_pool(len).avg();
        assert_eq!(ChunkerParams::for_pool(0), ChunkerParams::DEFAULT);
        assert_eq!((avg(2 << 30), avg((2 << 30) + 1)), (4096, 8192));
        assert_eq!((avg(8 << 30), avg((8 << 30) + 1)), (8192, 16384));
        let largest = ChunkerParams::for_pool(u64::MAX);
        assert_eq!((largest.min(), largest.avg(), largest.max()), (4096, 16384, 65536));
    }

    #[test]
    fn masks_are_those_that_fastcdc_selects() {
        let levels = [
            (Normalization::Level0, v2020::Normalization::Level0),
            (Normalization::Level1, v2020::Normalization::Level1),
            (Normalization::Level2, v2020::Normalization::Level2),
            (Normalization::Level3, v2020::Normalization::Level3),
        ];
        for bits in 9..=22 {
            for (ours, theirs) in levels {
                let params = ChunkerParams::new(64, 1 << bits, 1 << 24, ours).expect("valid");
                assert_eq!(params.masks(), v2020::select_masks(1 << bits, theirs));
                assert_ne!(params.masks().1, 0);
            }
        }
    }
}
