//! One header block: the fields of V7, ustar, star and GNU tar that place a member.

use super::EntryKind;
use crate::format::{self, checksum_holds, number, text};

/// Length of a tar block.
pub(super) const BLOCK: u64 = 512;

/// A tar block.
pub(super) type Block = [u8; 512];

/// The fields of a header block, checksum verified.
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    /// Stored length in bytes.
    pub(super) size: u64,
    pub(super) flag: u8,
}

const GNU_MAGIC: &[u8] = b"ustar  \0";
const USTAR_MAGIC: &[u8] = b"ustar\0";

impl Header {
    /// Reads a header block; `None` where the checksum or the size field is no number or wrong.
    pub(super) fn parse(block: &Block) -> Option<Self> {
        if !checksum_holds(block) {
            return None;
        }
        let mut name = text(&block[..100]).to_vec();
        if block[257..].starts_with(USTAR_MAGIC) {
            // star keeps times in the last bytes of what ustar calls the prefix.
            let end = if block.ends_with(b"tar\0") { 345 + 131 } else { 500 };
            let prefix = text(&block[345..end]);
            if !prefix.is_empty() {
                name = [prefix, b"/", &name].concat();
            }
        }
        let link = text(&block[157..257]).to_vec();
        let size = u64::try_from(number(&block[124..136])?).ok()?;
        Some(Self { name, link, size, flag: block[156] })
    }

    /// Do stored bytes follow? Links, devices, pipes and directories have none, whatever their
    /// size field says.
    pub(super) fn has_data(&self) -> bool {
        format::has_data(self.flag)
    }

    /// What the member is; `sparse` where its PAX records say so.
    pub(super) fn kind(&self, sparse: bool) -> EntryKind {
        match self.flag {
            0 | b'0' | b'7' if sparse => EntryKind::Sparse,
            0 | b'0' | b'7' => EntryKind::Regular,
            b'1' => EntryKind::HardLink,
            b'2' => EntryKind::SymLink,
            b'5' => EntryKind::Directory,
            b'S' => EntryKind::Sparse,
            flag => EntryKind::Other(flag),
        }
    }
}

/// Does a GNU sparse map go on in the next block?
pub(super) fn has_sparse_extension(block: &Block) -> bool {
    block[156] == b'S' && block[257..].starts_with(GNU_MAGIC) && block[482] != 0
}

/// Does the map go on after this block of it?
pub(super) fn continues_sparse_map(block: &Block) -> bool {
    block[504] != 0
}
