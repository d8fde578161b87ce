//! The index of eStargz: every file with its chunks, indented.

use std::collections::BTreeMap;

use super::book::{Chunk, File};
use super::draft::{Draft, Object};
use super::time::Time;
use crate::limits;

/// Owners whose names are remembered.
const OWNERS: usize = 4096;

/// Where the members of the index's entries stand.
const ENTRY: &[u8] = b"\n\t\t";
const MEMBER: &[u8] = b"\n\t\t\t";
const ATTRIBUTE: &[u8] = b"\n\t\t\t\t";

/// Length of a chunk where the writer was not told another one.
const CHUNK_LEN: u64 = 4 << 20;

#[derive(Debug)]
pub(super) struct Index {
    chunk_len: u64,
    draft: Draft,
    is_empty: bool,
    users: Owners,
    groups: Owners,
}

impl Index {
    /// The index of a writer whose chunks are so long.
    pub(super) fn new(chunk_len: u64, most: u64) -> Self {
        let mut draft = Draft::new(most);
        draft.put(b"{\n\t\"version\": 1,\n\t\"entries\": ");
        let (users, groups) = (Owners::default(), Owners::default());
        Self { chunk_len, draft, is_empty: true, users, groups }
    }

    /// The length that chunks have in an index, as far as that shows.
    pub(super) fn chunk_len_of(index: &[u8]) -> u64 {
        const KEY: &[u8] = b"\"chunkSize\": ";
        let at = index.windows(KEY.len()).position(|text| text == KEY);
        let digits = at.map_or(&b""[..], |at| &index[at + KEY.len()..]);
        let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(0);
        let len = std::str::from_utf8(&digits[..end]).ok().and_then(|digits| digits.parse().ok());
        len.filter(|len| *len > 0).unwrap_or(CHUNK_LEN)
    }

    pub(super) fn draft(&mut self) -> &mut Draft {
        &mut self.draft
    }

    /// Another writer begins, which knows no names of owners.
    pub(super) fn forget_owners(&mut self) {
        (self.users, self.groups) = (Owners::default(), Owners::default());
    }

    /// Lists a file: an entry, and another one for each chunk but the first.
    pub(super) fn add(&mut self, file: &File) {
        let Some(kind) = file.entry.kind() else { return };
        let room = self.draft.room().saturating_sub(limits::TABLE_FILE_LEN);
        self.separate();
        let entry = &file.entry;
        let mut object = Object::begin(&mut self.draft, Some(MEMBER));
        object.text("name", &entry.name);
        object.text("type", kind.as_bytes());
        if entry.flag == b'0' {
            object.length_if_any("size", entry.size);
        }
        let modified = entry.modified.rounded();
        if entry.modified.seconds != 0 {
            let mut text = Vec::new();
            Time::at(modified).put(0, &mut text);
            object.text("modtime", &text);
        }
        if matches!(entry.flag, b'1' | b'2') {
            object.text_if_any("linkName", &entry.link);
        }
        object.number_if_any("mode", entry.mode);
        object.number_if_any("uid", entry.uid);
        object.number_if_any("gid", entry.gid);
        if self.users.is_news(entry.uid, &entry.user) {
            object.text("userName", &entry.user);
        }
        if self.groups.is_news(entry.gid, &entry.group) {
            object.text("groupName", &entry.group);
        }
        if let [first, ..] = &file.chunks[..] {
            Self::place(&mut object, first);
        }
        if matches!(entry.flag, b'3' | b'4') {
            object.number_if_any("devMajor", entry.device.0);
            object.number_if_any("devMinor", entry.device.1);
        }
        if !entry.attributes.is_empty() {
            let mut attributes = Object::begin(object.key(b"xattrs"), Some(ATTRIBUTE));
            for (key, value) in &entry.attributes {
                attributes.key(key).put_base64(value);
            }
            attributes.end(MEMBER);
        }
        if entry.flag == b'0' {
            object.text("digest", file.digest.to_string().as_bytes());
        }
        if let [first, ..] = &file.chunks[..] {
            Self::chunk(&mut object, first, self.chunk_len);
        }
        object.end(ENTRY);
        for chunk in file.chunks.iter().skip(1) {
            if self.draft.room() <= room {
                return;
            }
            self.separate();
            let mut object = Object::begin(&mut self.draft, Some(MEMBER));
            object.text("name", &file.entry.name);
            object.text("type", b"chunk");
            Self::place(&mut object, chunk);
            Self::chunk(&mut object, chunk, self.chunk_len);
            object.end(ENTRY);
        }
    }

    fn place(object: &mut Object<'_>, chunk: &Chunk) {
        object.length_if_any("offset", chunk.piece);
        object.length_if_any("innerOffset", chunk.inside);
    }

    /// What goes to the end of its file and is no full chunk has no length.
    fn chunk(object: &mut Object<'_>, chunk: &Chunk, full_len: u64) {
        object.length_if_any("chunkOffset", chunk.start);
        if chunk.len == full_len {
            object.length_if_any("chunkSize", chunk.len);
        }
        object.text("chunkDigest", chunk.digest.to_string().as_bytes());
    }

    fn separate(&mut self) {
        self.draft.put(if std::mem::replace(&mut self.is_empty, false) { b"[" } else { b"," });
        self.draft.put(ENTRY);
    }

    pub(super) fn end(&mut self) {
        self.draft.put(if self.is_empty { b"null" } else { b"\n\t]" });
        self.draft.put(b"\n}");
    }
}

/// Names that were told, by number.
#[derive(Debug, Default)]
struct Owners(BTreeMap<i64, Vec<u8>>);

impl Owners {
    /// Was this name not told of this number before?
    fn is_news(&mut self, number: i64, name: &[u8]) -> bool {
        if name.is_empty() || self.0.get(&number).is_some_and(|told| told == name) {
            return false;
        }
        if self.0.len() < OWNERS || self.0.contains_key(&number) {
            self.0.insert(number, name.to_vec());
        }
        true
    }
}
