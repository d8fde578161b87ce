//! Where a layer's entries begin and end, and what their bytes are like: hints for cut points and
//! for which literals compress well together. Whatever is hinted, the bytes come back.

use crate::delta::{Member, Stretch};
use crate::format::Class;
use crate::walker::{Entry, EntryKind, Walker};

/// First bytes of a file that tell what it is.
const SNIFF_LEN: usize = 512;

/// Tiles the content of a layer: for each entry its headers (with the padding before them), then
/// its bytes; what is no tar is one stretch. Beside it the entries.
pub(super) fn layer(bytes: &[u8]) -> (Vec<Stretch>, Vec<Member>) {
    let (mut stretches, mut members) = (Vec::new(), Vec::new());
    let mut end = 0;
    let mut push = |until: u64, class| {
        if until > end {
            stretches.push(Stretch { end: until, class });
            end = until;
        }
    };
    let mut walker = Walker::new(bytes);
    for entry in walker.by_ref() {
        let class = class_of_entry(bytes, &entry);
        push(entry.data.start(), Class::TAR_HEADER);
        push(entry.data.end(), class);
        members.extend(member(entry));
    }
    let parsed = walker.end().map_or(0, |end| end.at);
    let is_tar = !members.is_empty();
    if is_tar {
        push(parsed.min(bytes.len() as u64), Class::TAR_HEADER);
    }
    push(bytes.len() as u64, if is_tar { Class::OTHER } else { class(bytes) });
    (stretches, members)
}

/// An entry of bytes that are in memory.
fn member(entry: Entry) -> Option<Member> {
    let index = |offset: u64| usize::try_from(offset).ok();
    let data = index(entry.data.start())?..index(entry.data.end())?;
    Some(Member { name: entry.name, header: index(entry.header.start())?..data.start, data })
}

/// One stretch over all of something that is no layer.
pub(super) fn whole(bytes: &[u8], class: Class) -> (Vec<Stretch>, Vec<Member>) {
    (vec![Stretch { end: bytes.len() as u64, class }], Vec::new())
}

fn class_of_entry(bytes: &[u8], entry: &Entry) -> Class {
    match entry.kind {
        EntryKind::Regular | EntryKind::Sparse => class(entry.data.of(bytes).unwrap_or_default()),
        _ => Class::OTHER,
    }
}

/// What a file is by its first bytes.
fn class(file: &[u8]) -> Class {
    let start = &file[..file.len().min(SNIFF_LEN)];
    match start {
        [0x7f, b'E', b'L', b'F', ..] | [b'M', b'Z', ..] => Class::CODE,
        [0x1f, 0x8b, ..]
        | [0xfd, b'7', b'z', b'X', b'Z', ..]
        | [0x28, 0xb5, 0x2f, 0xfd, ..]
        | [b'B', b'Z', b'h', ..]
        | [b'P', b'K', 3, 4, ..]
        | [0x89, b'P', b'N', b'G', ..]
        | [0xff, 0xd8, 0xff, ..]
        | [b'w', b'O', b'F', b'2', ..] => Class::DENSE,
        _ if is_text(start) => Class::TEXT,
        _ => Class::OTHER,
    }
}

/// Text has no NUL and hardly any other control characters.
fn is_text(start: &[u8]) -> bool {
    let odd = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    !start.is_empty()
        && !start.contains(&0)
        && start.iter().filter(|byte| odd(byte)).count() * 50 < start.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_cksum();
            builder.append_data(&mut header, name, *bytes).expect("memory");
        }
        builder.into_inner().expect("memory")
    }

    #[test]
    fn headers_files_and_the_end_are_stretches_of_their_own() {
        let tar = tar_of(&[("a", b"\x7fELF code"), ("b", b"plain text\n"), ("c", b"")]);
        let expected = [
            (512, Class::TAR_HEADER),
            (521, Class::CODE),
            (1536, Class::TAR_HEADER),
            (1547, Class::TEXT),
            (tar.len() as u64, Class::TAR_HEADER),
        ];
        let found: Vec<_> =
            layer(&tar).0.iter().map(|stretch| (stretch.end, stretch.class)).collect();
        assert_eq!(found[..4], expected[..4]);
        let (a, b) = (&layer(&tar).1[0], &layer(&tar).1[1]);
        assert_eq!((&a.name[..], &a.header, &a.data), (&b"a"[..], &(0..512), &(512..521)));
        assert_eq!((&b.name[..], &b.header, &b.data), (&b"b"[..], &(1024..1536), &(1536..1547)));
        assert_eq!(found.last().map(|last| last.0), Some(tar.len() as u64));
    }

    #[test]
    fn a_layer_that_is_no_tar_is_one_stretch() {
        assert_eq!(layer(b"no tar at all"), whole(b"no tar at all", Class::TEXT));
        assert_eq!(layer(b"").0, []);
    }
}
