//! What stored bytes are to content: nothing between them, or a known decoder.

pub mod detector;
pub mod encoders;
mod error;
mod gzip;
mod inflater;
mod stored;

use std::fmt;

pub use error::CompressionError;
pub use gzip::Member;
pub use inflater::Inflater;
pub(crate) use inflater::ceiling;

/// How many first bytes of a blob [`Compression::detect`] and [`Foreign::detect`] look at.
pub const MAGIC_LEN: usize = 6;

/// How a blob is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// As it is.
    Plain,
    /// RFC 1952, one or more members.
    Gzip,
    /// RFC 8878, one or more frames, skippable ones among them.
    Zstd,
}

impl Compression {
    /// Tells from the first bytes; what is not known is plain.
    ///
    /// A skippable frame at the start counts as zstd, as parallel zstd writers put one there.
    pub fn detect(first: &[u8]) -> Self {
        match first {
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::Plain,
        }
    }

    /// Is it a zstd frame that decoders skip?
    pub(crate) fn is_skippable(first: &[u8]) -> bool {
        matches!(first, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
    }

    /// The word for it: `plain`, `gzip`, `zstd`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What can be named by its first bytes but is not read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Foreign {
    /// An xz stream.
    Xz,
    /// A bzip2 stream.
    Bzip2,
    /// An lz4 frame.
    Lz4,
    /// A zip archive.
    Zip,
}

impl Foreign {
    /// Tells from the first bytes.
    pub fn detect(first: &[u8]) -> Option<Self> {
        match first {
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Self::Bzip2),
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Self::Lz4),
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Zip),
            _ => None,
        }
    }

    /// The word for it: `xz`, `bzip2`, `lz4`, `zip`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Lz4 => "lz4",
            Self::Zip => "zip",
        }
    }

    /// The command that unpacks it, without file names.
    pub const fn unpack_command(self) -> &'static str {
        match self {
            Self::Xz => "xz -d",
            Self::Bzip2 => "bzip2 -d",
            Self::Lz4 => "lz4 -d",
            Self::Zip => "unzip",
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
