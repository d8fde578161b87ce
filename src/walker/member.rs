//! A member's header blocks with another name and length.

use super::header::{BLOCK, Header};
use super::{EntryKind, Walker};
use crate::source::ReadAt;

/// Length and place of the name field of a header block.
const NAME: std::ops::Range<usize> = 0..100;
const SIZE: std::ops::Range<usize> = 124..136;
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Greatest length that eleven octal digits hold.
const OCTAL_MAX: u64 = 0o777_7777_7777;

/// Changes the header blocks of a regular member, long names and PAX records included, so that
/// they give it `name`, as long as `old_name`, and `len` bytes. `None` where that cannot be said by
/// changing a name in its place and the length in the last block: then PAX records or a second part
/// of the name say it.
pub(crate) fn with_member(
    mut blocks: Vec<u8>,
    old_name: &[u8],
    name: &[u8],
    len: u64,
) -> Option<Vec<u8>> {
    if old_name.len() != name.len() {
        return None;
    }
    let changed = Changed::of(old_name, name);
    let mut at = 0;
    let last = blocks.len().checked_sub(512)?;
    while at <= last {
        let header = Header::parse(blocks.get(at..at + 512)?.try_into().ok()?)?;
        if at == last {
            set_size(blocks.get_mut(at..)?, len)?;
        }
        changed.put(blocks.get_mut(at..)?.get_mut(NAME)?);
        seal(blocks.get_mut(at..at + 512)?)?;
        at += 512;
        if matches!(header.flag, b'L' | b'K' | b'x' | b'X' | b'g') {
            let size = usize::try_from(header.size).ok()?;
            let text = blocks.get_mut(at..at.checked_add(size)?)?;
            if matches!(header.flag, b'L' | b'x' | b'X') {
                changed.put(text);
            }
            at += size.checked_next_multiple_of(512)?;
        }
    }
    // Whoever reads it must see just that, whatever else the blocks say.
    let probe = Probe { header: &blocks, len: (blocks.len() as u64).checked_add(len)? };
    let entry = Walker::new(probe).next()?;
    let is_said = entry.name == name
        && entry.kind == EntryKind::Regular
        && entry.header.len() == blocks.len() as u64
        && entry.data.len() == len;
    is_said.then_some(blocks)
}

/// The part in which two names of the same length differ.
struct Changed<'a> {
    old: &'a [u8],
    new: &'a [u8],
}

impl<'a> Changed<'a> {
    fn of(old: &'a [u8], new: &'a [u8]) -> Self {
        let differ = |(old, new): (&u8, &u8)| old != new;
        let start = old.iter().zip(new).position(differ).unwrap_or(old.len());
        let end = old.iter().zip(new).rposition(differ).map_or(start, |last| last + 1);
        Self {
            old: old.get(start..end).unwrap_or_default(),
            new: new.get(start..end).unwrap_or_default(),
        }
    }

    fn put(&self, text: &mut [u8]) {
        if self.old.is_empty() {
            return;
        }
        let mut at = 0;
        while let Some(found) = text
            .get(at..)
            .and_then(|rest| rest.windows(self.old.len()).position(|part| part == self.old))
        {
            at += found;
            if let Some(part) = text.get_mut(at..at + self.new.len()) {
                part.copy_from_slice(self.new);
            }
            at += self.new.len();
        }
    }
}

/// Eleven octal digits and a NUL as every tar writes them, or the number itself with the top bit
/// set, as GNU does for what does not fit.
fn set_size(block: &mut [u8], len: u64) -> Option<()> {
    let field = block.get_mut(SIZE)?;
    if len <= OCTAL_MAX {
        field.copy_from_slice(format!("{len:011o}\0").as_bytes());
    } else {
        let (marks, number) = field.split_at_mut(4);
        marks.copy_from_slice(&[0x80, 0, 0, 0]);
        for (index, byte) in number.iter_mut().rev().enumerate() {
            *byte = u8::try_from(len >> (8 * index) & 0xff).ok()?;
        }
    }
    Some(())
}

/// Six octal digits, a NUL and a space, over all bytes of the block.
fn seal(block: &mut [u8]) -> Option<()> {
    block.get_mut(CHECKSUM)?.fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block.get_mut(CHECKSUM)?.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Some(())
}

/// Header blocks with as many zeros behind them as they promise.
struct Probe<'a> {
    header: &'a [u8],
    len: u64,
}

impl ReadAt for Probe<'_> {
    fn len(&self) -> u64 {
        self.len.next_multiple_of(BLOCK)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> std::io::Result<()> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.header.get(offset..));
        let rest = rest.unwrap_or_default();
        let len = rest.len().min(buf.len());
        let (text, zeros) = buf.split_at_mut(len);
        text.copy_from_slice(rest.get(..len).unwrap_or_default());
        zeros.fill(0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ustar header block.
    fn block(name: &[u8], size: u64, flag: u8) -> Vec<u8> {
        let mut block = vec![0; 512];
        block[..name.len()].copy_from_slice(name);
        block[100..108].copy_from_slice(b"0000644\0");
        set_size(&mut block, size).expect("a block");
        block[156] = flag;
        block[257..265].copy_from_slice(b"ustar\x0000");
        seal(&mut block).expect("a block");
        block
    }

    fn padded(bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }

    #[test]
    fn name_length_and_checksum_change_and_nothing_else() {
        let old = block(b"blobs/aaa", 7, b'0');
        let new = with_member(old, b"blobs/aaa", b"blobs/bcb", 1000).expect("canonical");
        assert_eq!(new, block(b"blobs/bcb", 1000, b'0'));
        let large = with_member(new, b"blobs/bcb", b"blobs/bcb", 1 << 40).expect("base 256");
        assert_eq!(large[124..136], [0x80, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn long_names_and_paths_in_records_follow() {
        let (old_name, new_name) = ([b'a'; 200], [&[b'a'; 100][..], b"bb", &[b'a'; 98]].concat());
        let record = |name: &[u8]| [b"210 path=", name, b"\n", b"16 mtime=123.45\n"].concat();
        for (flag, text) in [(b'L', [&old_name[..], b"\0"].concat()), (b'x', record(&old_name))] {
            let text_len = text.len() as u64;
            let main = |len| block(&old_name[..100], len, b'0');
            let old = [block(b"x", text_len, flag), padded(&text), main(7)].concat();
            // Only the part that differs is looked for, and in a name of one letter it is found
            // where it should not be; what is said then is not the name.
            assert_eq!(with_member(old.clone(), &old_name, &new_name, 8), None);
            let (old_part, new_part) = (b"0123456789", b"9876543210");
            let put = |bytes: &[u8], part: &[u8; 10]| {
                let mut bytes = bytes.to_vec();
                let at = bytes.windows(110).position(|run| run == [b'a'; 110]).expect("the name");
                bytes[at + 100..at + 110].copy_from_slice(part);
                bytes
            };
            let (old, expected) = (put(&old, old_part), put(&old, new_part));
            let names = [put(&old_name, old_part), put(&old_name, new_part)];
            let new = with_member(old, &names[0], &names[1], 8).expect("can be said");
            let at = expected.len() - 512;
            assert_eq!(new[..at], expected[..at]);
            assert_eq!(new[at..], main(8)[..]);
        }
    }

    #[test]
    fn a_length_in_records_and_a_link_are_not_changed() {
        let record = b"10 size=7\n";
        let old = [block(b"x", record.len() as u64, b'x'), padded(record), block(b"a", 7, b'0')];
        assert_eq!(with_member(old.concat(), b"a", b"a", 8), None);
        assert!(with_member(old.concat(), b"a", b"a", 7).is_some());
        assert_eq!(with_member(block(b"a", 0, b'2'), b"a", b"a", 8), None);
        assert_eq!(with_member(block(b"a", 0, b'0'), b"a", b"ab", 8), None);
        assert_eq!(with_member(vec![0; 100], b"a", b"a", 8), None);
    }
}
