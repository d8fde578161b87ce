//! One header block: the fields of V7, ustar, star and GNU tar that place a member.

use super::EntryKind;

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
        Some(Self { name, link, size: number(&block[124..136])?, flag: block[156] })
    }

    /// Do stored bytes follow? Links, devices, pipes and directories have none, whatever their
    /// size field says.
    pub(super) fn has_data(&self) -> bool {
        !matches!(self.flag, b'1'..=b'6')
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

/// Some old writers summed signed bytes; both sums are accepted, as every reader does.
fn checksum_holds(block: &Block) -> bool {
    let Some(claimed) = number(&block[148..156]) else { return false };
    let unsigned = u64::from(checksum(block, u32::from));
    let negative = || u64::from(256 * checksum(block, |byte| u32::from(byte >> 7)));
    claimed == unsigned || Some(claimed) == unsigned.checked_sub(negative())
}

/// Sums the weights of all bytes, those of the checksum field taken as spaces.
fn checksum(block: &Block, weigh: impl Fn(u8) -> u32) -> u32 {
    let all: u32 = block.iter().map(|byte| weigh(*byte)).sum();
    let field: u32 = block[148..156].iter().map(|byte| weigh(*byte)).sum();
    all - field + 8 * weigh(b' ')
}

/// The bytes before the first NUL.
fn text(field: &[u8]) -> &[u8] {
    &field[..field.iter().position(|byte| *byte == 0).unwrap_or(field.len())]
}

/// Reads a numeric field: octal digits among spaces and NULs, or GNU's base-256 with the top bit
/// set. Negative numbers and those past `i64` are `None`.
fn number(field: &[u8]) -> Option<u64> {
    if field.first()? & 0x80 != 0 {
        let negative = field[0] & 0x40 != 0;
        let value = field.iter().enumerate().try_fold(0_u64, |value, (index, byte)| {
            let byte = if index == 0 { byte & 0x7f } else { *byte };
            value.checked_mul(256).map(|value| value | u64::from(byte))
        })?;
        return (!negative && i64::try_from(value).is_ok()).then_some(value);
    }
    let is_blank = |byte: &u8| *byte == b' ' || *byte == 0;
    let start = field.iter().position(|byte| !is_blank(byte)).unwrap_or(field.len());
    let field = &field[start..];
    let end = field.iter().position(is_blank).unwrap_or(field.len());
    let digits = std::str::from_utf8(&field[..end]).ok()?;
    match digits {
        "" => Some(0),
        _ if digits.starts_with('+') => None,
        _ => u64::from_str_radix(digits, 8).ok(),
    }
}
