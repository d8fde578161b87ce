//! Lengths and ranges with checked arithmetic, and sizes as people write them.

use std::fmt;

/// A run of bytes in something longer: `start` inclusive, `start + len` exclusive.
///
/// The end always fits a `u64`; [`ByteRange::new`] is the only way to make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteRange {
    start: u64,
    len: u64,
}

impl ByteRange {
    /// Makes a range, unless its end does not fit a `u64`.
    pub fn new(start: u64, len: u64) -> Option<Self> {
        start.checked_add(len).map(|_| Self { start, len })
    }

    /// Makes a range that ends within `limit` bytes.
    pub fn within(start: u64, len: u64, limit: u64) -> Option<Self> {
        Self::new(start, len).filter(|range| range.end() <= limit)
    }

    /// First byte.
    pub const fn start(&self) -> u64 {
        self.start
    }

    /// Length in bytes.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Is there no byte in it?
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One past the last byte.
    pub const fn end(&self) -> u64 {
        self.start + self.len
    }

    /// Returns the bytes of `bytes` in this range, if they are all there.
    pub fn of<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        bytes.get(usize::try_from(self.start).ok()?..usize::try_from(self.end()).ok()?)
    }
}

/// A number of bytes, shown both ways: `12.3 MiB (12897485 bytes)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

const UNITS: [(&str, u64); 4] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl Size {
    /// Returns the short form: `12.3 MiB`, `17 bytes`.
    pub fn short(self) -> String {
        match UNITS.iter().find(|(_, unit)| self.0 >= *unit) {
            // A tenth of a unit, rounded to nearest; the product stays below 2^64 for any unit.
            Some((name, unit)) => {
                let tenths = (u128::from(self.0) * 10 + u128::from(*unit) / 2) / u128::from(*unit);
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            }
            None if self.0 == 1 => "1 byte".to_owned(),
            None => format!("{} bytes", self.0),
        }
    }

    /// Parses `600MB`, `48MiB`, `1g`, `4096`: decimal units end in `B` or `kB`, binary ones in `iB`
    /// or are a bare letter, as zstd and restic read them.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let factor: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1000,
            "mb" => 1000 * 1000,
            "gb" => 1000 * 1000 * 1000,
            "k" | "kib" => 1 << 10,
            "m" | "mib" => 1 << 20,
            "g" | "gib" => 1 << 30,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(factor).map(Self)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())?;
        if self.0 >= 1024 { write!(f, " ({} bytes)", self.0) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_never_ends_past_its_limit_or_past_u64() {
        let edges = [0, 1, 99, 100, 101, (1 << 31) - 1, 1 << 32, 1 << 63, u64::MAX - 1, u64::MAX];
        for start in edges {
            for len in edges {
                let inside = u128::from(start) + u128::from(len) <= 100;
                assert_eq!(ByteRange::within(start, len, 100).is_some(), inside, "{start} {len}");
            }
        }
    }

    #[test]
    fn a_range_of_a_slice_is_the_slice_or_nothing() {
        let range = ByteRange::new(1, 2).expect("small");
        assert_eq!(range.of(b"abc"), Some(&b"bc"[..]));
        assert_eq!(range.of(b"ab"), None);
    }

    #[test]
    fn sizes_are_shown_both_ways() {
        assert_eq!(Size(0).to_string(), "0 bytes");
        assert_eq!(Size(1).to_string(), "1 byte");
        assert_eq!(Size(1023).to_string(), "1023 bytes");
        assert_eq!(Size(12_897_485).to_string(), "12.3 MiB (12897485 bytes)");
        assert_eq!(Size(u64::MAX).short(), "16777216.0 TiB");
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("4096", 4096),
            ("48MiB", 48 << 20),
            ("600MB", 600_000_000),
            ("1g", 1 << 30),
            ("2 kB", 2000),
        ] {
            assert_eq!(Size::parse(text), Some(Size(bytes)), "{text}");
        }
        for text in ["", "MB", "1.5G", "-1", "1x", "18446744073709551615k"] {
            assert_eq!(Size::parse(text), None, "{text}");
        }
    }
}
