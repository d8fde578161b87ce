//! An entry of a tar: its header block and what extensions say, as Go's archive/tar reads them.

use std::collections::BTreeMap;

use super::time::Time;
use crate::limits;

pub(super) const BLOCK_LEN: usize = 512;

pub(super) type Block = [u8; BLOCK_LEN];

/// Bytes of an owner's name, above which nobody guesses.
const OWNER_LEN: usize = 256;

const XATTR: &[u8] = b"SCHILY.xattr.";

/// What a header says of a member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) flag: u8,
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) mode: i64,
    pub(super) uid: i64,
    pub(super) gid: i64,
    pub(super) size: u64,
    pub(super) modified: Time,
    pub(super) accessed: Option<Time>,
    pub(super) changed: Option<Time>,
    pub(super) user: Vec<u8>,
    pub(super) group: Vec<u8>,
    pub(super) device: (i64, i64),
    pub(super) attributes: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Entry {
    /// Reads a header block; `None` where it is none.
    pub(super) fn parse(block: &Block) -> Option<Self> {
        if !checksum_holds(block) {
            return None;
        }
        let at = |start: usize, len: usize| &block[start..start + len];
        let mut entry = Self {
            flag: block[156],
            name: text(at(0, 100)).to_vec(),
            mode: number(at(100, 8))?,
            uid: number(at(108, 8))?,
            gid: number(at(116, 8))?,
            size: u64::try_from(number(at(124, 12))?).ok()?,
            modified: Time::at(number(at(136, 12))?),
            link: text(at(157, 100)).to_vec(),
            ..Self::default()
        };
        let is_gnu = block[257..].starts_with(b"ustar  \0");
        let is_ustar = block[257..].starts_with(b"ustar\0");
        if is_gnu || is_ustar {
            entry.user = text(at(265, 32)).to_vec();
            entry.group = text(at(297, 32)).to_vec();
            entry.device = (number(at(329, 8))?, number(at(337, 8))?);
        }
        if is_gnu {
            let time = |field: &[u8]| match field[0] {
                0 => None,
                _ => number(field).map(Time::at),
            };
            (entry.accessed, entry.changed) = (time(at(345, 12)), time(at(357, 12)));
        } else if is_ustar {
            let has_times = block.ends_with(b"tar\0");
            if has_times {
                entry.accessed = Some(Time::at(number(at(476, 12))?));
                entry.changed = Some(Time::at(number(at(488, 12))?));
            }
            let prefix = text(at(345, if has_times { 131 } else { 155 }));
            if !prefix.is_empty() {
                entry.name = [prefix, b"/", &entry.name].concat();
            }
        }
        Some(entry)
    }

    /// Does it only say something of the next one?
    pub(super) fn is_extension(&self) -> bool {
        matches!(self.flag, b'x' | b'g' | b'L' | b'K')
    }

    /// Bytes that follow the headers.
    pub(super) fn payload_len(&self) -> u64 {
        if matches!(self.flag, b'1'..=b'6') { 0 } else { self.size }
    }

    /// The word that tables have for what it is.
    pub(super) fn kind(&self) -> Option<&'static str> {
        match self.flag {
            b'0' => Some("reg"),
            b'1' => Some("hardlink"),
            b'2' => Some("symlink"),
            b'3' => Some("char"),
            b'4' => Some("block"),
            b'5' => Some("dir"),
            b'6' => Some("fifo"),
            _ => None,
        }
    }
}

/// What stood before an entry and is about it.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    long_name: Vec<u8>,
    long_link: Vec<u8>,
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    has_any: bool,
}

impl Extensions {
    pub(super) fn is_empty(&self) -> bool {
        !self.has_any
    }

    /// Takes the text of an extension; false where it makes no sense.
    pub(super) fn add(&mut self, flag: u8, bytes: &[u8]) -> bool {
        self.has_any = true;
        match flag {
            b'L' => self.long_name = text(bytes).to_vec(),
            b'K' => self.long_link = text(bytes).to_vec(),
            b'x' => match records(bytes) {
                Some(records) => self.records = records,
                None => return false,
            },
            _ => {}
        }
        true
    }

    /// The entry as the extensions want it; `None` where nobody guesses what they mean.
    pub(super) fn apply(self, mut entry: Entry) -> Option<Entry> {
        let Self { long_name, long_link, records, .. } = self;
        for (key, value) in records {
            if let Some(attribute) = key.strip_prefix(XATTR) {
                entry.attributes.insert(attribute.to_vec(), value);
                continue;
            }
            if value.is_empty() {
                continue;
            }
            match &key[..] {
                b"path" => entry.name = value,
                b"linkpath" => entry.link = value,
                b"uname" => entry.user = value,
                b"gname" => entry.group = value,
                b"uid" => entry.uid = decimal(&value)?,
                b"gid" => entry.gid = decimal(&value)?,
                b"size" => entry.size = u64::try_from(decimal(&value)?).ok()?,
                b"mtime" => entry.modified = Time::parse_record(&value)?,
                b"atime" => entry.accessed = Some(Time::parse_record(&value)?),
                b"ctime" => entry.changed = Some(Time::parse_record(&value)?),
                _ if key.starts_with(b"GNU.sparse.") => return None,
                _ => {}
            }
        }
        if !long_name.is_empty() {
            entry.name = long_name;
        }
        if !long_link.is_empty() {
            entry.link = long_link;
        }
        if entry.flag == 0 {
            entry.flag = if entry.name.ends_with(b"/") { b'5' } else { b'0' };
        }
        let is_short = |name: &[u8]| name.len() as u64 <= limits::NAME_LEN;
        let is_guessed = is_short(&entry.name)
            && is_short(&entry.link)
            && entry.user.len().max(entry.group.len()) <= OWNER_LEN
            && entry.flag != b'S'
            && i64::try_from(entry.size).is_ok();
        is_guessed.then_some(entry)
    }
}

/// PAX records: `length key=value\n`, the last of a key counts.
fn records(mut bytes: &[u8]) -> Option<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut records = BTreeMap::new();
    while !bytes.is_empty() {
        // Twenty digits hold any length.
        let space = bytes.iter().take(21).position(|byte| *byte == b' ')?;
        let len = usize::try_from(decimal(&bytes[..space])?).ok()?;
        let record = bytes.get(space + 1..len)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        records.insert(record[..equals].to_vec(), record[equals + 1..].to_vec());
        bytes = &bytes[len..];
    }
    Some(records)
}

pub(super) fn decimal(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The bytes before the first NUL.
fn text(field: &[u8]) -> &[u8] {
    &field[..field.iter().position(|byte| *byte == 0).unwrap_or(field.len())]
}

/// Octal digits among spaces and NULs, or GNU's base 256 with the top bit set.
fn number(field: &[u8]) -> Option<i64> {
    if field.first()? & 0x80 != 0 {
        let inverse = if field[0] & 0x40 != 0 { 0xff } else { 0 };
        let value = field.iter().enumerate().try_fold(0_u64, |value, (index, byte)| {
            let byte = (byte ^ inverse) & if index == 0 { 0x7f } else { 0xff };
            value.checked_mul(256).map(|value| value | u64::from(byte))
        })?;
        let value = i64::try_from(value).ok()?;
        return Some(if inverse == 0 { value } else { !value });
    }
    let is_blank = |byte: &u8| *byte == b' ' || *byte == 0;
    let start = field.iter().position(|byte| !is_blank(byte)).unwrap_or(field.len());
    let end = field.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    match std::str::from_utf8(text(&field[start..end])).ok()? {
        "" => Some(0),
        digits => i64::from_str_radix(digits, 8).ok(),
    }
}

/// Some old writers summed signed bytes; both sums are accepted, as every reader does.
fn checksum_holds(block: &Block) -> bool {
    let field = 148..156;
    let sum = |weigh: &dyn Fn(u8) -> i64| -> i64 {
        let blank =
            |(at, byte): (usize, &u8)| weigh(if field.contains(&at) { b' ' } else { *byte });
        block.iter().enumerate().map(blank).sum()
    };
    let claimed = number(&block[148..156]);
    claimed == Some(sum(&|byte| byte.into()))
        || claimed == Some(sum(&|byte| byte.cast_signed().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b" 644 \0\0\0"), Some(0o644));
        assert_eq!(number(b"\0\0\0\0\0\0\0\0"), Some(0));
        assert_eq!(number(b"\x80\0\0\0\0\0\x01\0"), Some(256));
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xfe"), Some(-2));
        assert_eq!(number(b"12x\0"), None);
        assert_eq!(number(b"\x9f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
    }

    #[test]
    fn the_last_record_of_a_key_counts() {
        let records = records(b"9 path=a\n12 path=bcd\n").expect("well formed");
        assert_eq!(records[&b"path"[..]], b"bcd");
        for broken in [&b"path=a\n"[..], b"8 path=a\n", b"0 \n", b"1 ", b"8 patha\n", b"-1 a=b\n"] {
            assert_eq!(super::records(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn extensions_win_over_the_header() {
        let mut extensions = Extensions::default();
        assert!(extensions.is_empty());
        assert!(extensions.add(b'x', b"18 mtime=1.250000\n25 SCHILY.xattr.user.a=b\n"));
        assert!(extensions.add(b'L', b"long\0\0"));
        assert!(!extensions.is_empty());
        let entry = extensions.apply(Entry { flag: b'0', ..Entry::default() });
        let entry = entry.expect("it is guessed");
        assert_eq!(entry.name, b"long");
        assert_eq!(entry.modified, Time { seconds: 1, nanoseconds: 250_000_000 });
        assert_eq!(entry.attributes[&b"user.a"[..]], b"b");
        let sparse = Entry { flag: b'S', ..Entry::default() };
        assert_eq!(Extensions::default().apply(sparse), None);
    }
}
