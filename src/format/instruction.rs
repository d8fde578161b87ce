//! The instructions of a recipe (docs/format.md section 8).

use std::fmt;

/// One entry of a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instruction {
    /// Bytes [offset, offset + length) of a node.
    Copy {
        /// Number of the node.
        node: u32,
        /// First byte in the node.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
    /// The same bytes, with differences: some are another value.
    Patch {
        /// Number of the node.
        node: u32,
        /// First byte in the node.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
    /// Bytes of a tar archive, from one of its headers on: each header is made over, then
    /// differences follow.
    Members {
        /// Number of the node.
        node: u32,
        /// First byte in the node.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
    /// A tar header, made of the last one that the part made.
    Header,
    /// Zero bytes.
    Zero {
        /// Number of bytes.
        length: u64,
    },
    /// A whole node.
    Place {
        /// Number of the node.
        node: u32,
    },
    /// A digest in 64 lower-case hex digits.
    HexDigest {
        /// Row of the digest.
        digest: u32,
    },
    /// Bytes that the delta carries.
    Literal {
        /// The class whose stream holds them.
        class: Class,
        /// Number of bytes.
        length: u64,
    },
}

pub(super) const COPY: u8 = 1;
pub(super) const ZERO: u8 = 2;
pub(super) const PLACE: u8 = 3;
pub(super) const HEX_DIGEST: u8 = 4;
pub(super) const PATCH: u8 = 6;
pub(super) const MEMBERS: u8 = 7;
pub(super) const HEADER: u8 = 8;
/// Number of the literal of class 0; the others follow.
pub(super) const LITERAL: u8 = 16;

impl Instruction {
    /// The instruction that does what this one and `next` do, if there is one.
    pub(super) fn merged(self, next: Self) -> Option<Self> {
        match (self, next) {
            (
                Self::Copy { node, offset, length },
                Self::Copy { node: next_node, offset: next_offset, length: more },
            ) if node == next_node && offset.checked_add(length) == Some(next_offset) => {
                Some(Self::Copy { node, offset, length: length.checked_add(more)? })
            }
            (
                Self::Patch { node, offset, length },
                Self::Patch { node: next_node, offset: next_offset, length: more },
            ) if node == next_node && offset.checked_add(length) == Some(next_offset) => {
                Some(Self::Patch { node, offset, length: length.checked_add(more)? })
            }
            (Self::Zero { length }, Self::Zero { length: more }) => {
                Some(Self::Zero { length: length.checked_add(more)? })
            }
            (
                Self::Literal { class, length },
                Self::Literal { class: next_class, length: more },
            ) if class == next_class => {
                Some(Self::Literal { class, length: length.checked_add(more)? })
            }
            _ => None,
        }
    }
}

/// What compresses well together: each class of literals is a stream of its own
/// (docs/format.md 10.6). Readers know sixteen of them by number alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(u8);

impl Class {
    /// How many classes there are.
    pub const COUNT: u8 = 16;
    /// Headers and padding of the archive, and the image's JSON documents.
    pub const ENVELOPE: Self = Self(0);
    /// Tar headers and padding of layers.
    pub const TAR_HEADER: Self = Self(1);
    /// Text.
    pub const TEXT: Self = Self(2);
    /// Machine code.
    pub const CODE: Self = Self(3);
    /// What does not compress.
    pub const DENSE: Self = Self(4);
    /// Anything else.
    pub const OTHER: Self = Self(5);

    /// The class with this number, below [`Class::COUNT`].
    pub const fn from_number(number: u8) -> Option<Self> {
        if number < Self::COUNT { Some(Self(number)) } else { None }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self.0 {
            0 => "envelope",
            1 => "tar-header",
            2 => "text",
            3 => "code",
            4 => "dense",
            _ => "other",
        }
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.0)
    }
}
