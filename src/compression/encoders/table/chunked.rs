//! The texts of zstd:chunked: the manifest that lists files, and tar-split, by which a tar is put
//! together again of files.

use super::book::File;
use super::draft::{Draft, Object};
use super::time::{Time, Zones};
use crate::digest::Digest;
use crate::limits;

/// Bytes behind the end of a tar that tar-split has in one entry at most.
const TRAILING_LEN: usize = 1 << 20;

/// The time that Go has where there is none.
const NO_TIME: Time = Time { seconds: -62_135_596_800, nanoseconds: 0 };

/// What writers of zstd:chunked differ in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChunkedStyle {
    /// Times that a file does not have are written.
    pub has_empty_times: bool,
    /// The manifest ends with the digest of the compressed tar-split.
    pub has_tar_split_digest: bool,
    /// Where the writer was.
    pub(super) zones: Zones,
}

const EMPTY_TIMES: u64 = 1;
const TAR_SPLIT_DIGEST: u64 = 2;

impl ChunkedStyle {
    /// Reads options, and the numbers of a zone.
    pub(super) fn from_numbers(options: u64, zones: &[u64], has_tar_split: bool) -> Option<Self> {
        let most = EMPTY_TIMES | if has_tar_split { TAR_SPLIT_DIGEST } else { 0 };
        Some(Self {
            has_empty_times: options & EMPTY_TIMES != 0,
            has_tar_split_digest: options & TAR_SPLIT_DIGEST != 0,
            zones: Zones::from_numbers(zones)?,
        })
        .filter(|_| options <= most)
    }

    /// The options, and the numbers of the zone.
    pub(super) fn to_numbers(&self) -> (u64, Vec<u64>) {
        let empty_times = if self.has_empty_times { EMPTY_TIMES } else { 0 };
        let digest = if self.has_tar_split_digest { TAR_SPLIT_DIGEST } else { 0 };
        (empty_times | digest, self.zones.to_numbers())
    }

    /// The style in which a manifest is written, as far as that shows; a digest of a tar-split that
    /// there is not is no style.
    pub fn of(manifest: &[u8], has_tar_split: bool) -> Self {
        const TIME: &[u8] = b"time\":\"";
        const DIGEST: &[u8] = b"],\"tarSplitDigest\":\"sha256:";
        let times = manifest.windows(TIME.len()).enumerate().filter(|(_, text)| *text == TIME);
        let times = times.map(|(at, _)| &manifest[at + TIME.len()..]);
        let mut has_empty_times = false;
        let mut zoned = Vec::new();
        for time in times.filter_map(Time::parse) {
            if time.0 == NO_TIME.seconds {
                has_empty_times = true;
            } else {
                zoned.push(time);
            }
        }
        let tail = &manifest[manifest.len().saturating_sub(200)..];
        let has_tar_split_digest =
            has_tar_split && tail.windows(DIGEST.len()).any(|text| text == DIGEST);
        Self { has_empty_times, has_tar_split_digest, zones: Zones::of(zoned) }
    }
}

/// The list of files.
#[derive(Debug)]
pub(super) struct Manifest {
    style: ChunkedStyle,
    draft: Draft,
    is_empty: bool,
}

impl Manifest {
    /// A list in some style, of at most so many bytes.
    pub(super) fn new(style: ChunkedStyle, most: u64) -> Self {
        let mut draft = Draft::new(most);
        draft.put(b"{\"version\":1,\"entries\":");
        Self { style, draft, is_empty: true }
    }

    pub(super) fn draft(&mut self) -> &mut Draft {
        &mut self.draft
    }

    /// Lists a file: an entry, and another one for each chunk but the first.
    pub(super) fn add(&mut self, file: &File) {
        let Some(kind) = file.entry.kind() else { return };
        let room = self.draft.room().saturating_sub(limits::TABLE_FILE_LEN);
        self.separate();
        let entry = &file.entry;
        let mut object = Object::begin(&mut self.draft, None);
        object.text("type", kind.as_bytes());
        object.text("name", &entry.name);
        object.text_if_any("linkName", &entry.link);
        object.number_if_any("mode", entry.mode);
        object.length_if_any("size", entry.size);
        object.number_if_any("uid", entry.uid);
        object.number_if_any("gid", entry.gid);
        let times = [
            ("modtime", Some(entry.modified)),
            ("accesstime", entry.accessed),
            ("changetime", entry.changed),
        ];
        for (key, time) in times {
            let time = time.or(self.style.has_empty_times.then_some(NO_TIME));
            if let Some(time) = time {
                let east = if time == NO_TIME { 0 } else { self.style.zones.east(time.seconds) };
                let mut text = Vec::new();
                time.put(east, &mut text);
                object.text(key, &text);
            }
        }
        object.number_if_any("devMajor", entry.device.0);
        object.number_if_any("devMinor", entry.device.1);
        if !entry.attributes.is_empty() {
            let mut attributes = Object::begin(object.key(b"xattrs"), None);
            for (key, value) in &entry.attributes {
                attributes.key(key).put_base64(value);
            }
            attributes.end(b"");
        }
        if let [first, ..] = &file.chunks[..] {
            object.text("digest", file.digest.to_string().as_bytes());
            object.length_if_any("offset", first.piece);
            object.length_if_any("endOffset", file.end);
        }
        if file.chunks.len() > 1 {
            Self::chunk(&mut object, file, 0);
        }
        object.end(b"");
        for number in 1..file.chunks.len() {
            if self.draft.room() <= room {
                return;
            }
            self.separate();
            let mut object = Object::begin(&mut self.draft, None);
            object.text("type", b"chunk");
            object.text("name", &file.entry.name);
            object.length_if_any("offset", file.chunks[number].piece);
            Self::chunk(&mut object, file, number);
            object.end(b"");
        }
    }

    fn chunk(object: &mut Object<'_>, file: &File, number: usize) {
        let chunk = &file.chunks[number];
        object.length_if_any("chunkSize", chunk.len);
        object.length_if_any("chunkOffset", chunk.start);
        object.text("chunkDigest", chunk.digest.to_string().as_bytes());
        if chunk.is_hole {
            object.text("chunkType", b"zeros");
        }
    }

    fn separate(&mut self) {
        self.draft.put(if std::mem::replace(&mut self.is_empty, false) { b"[" } else { b"," });
    }

    pub(super) fn end(&mut self, tar_split: Option<Digest>) {
        self.draft.put(if self.is_empty { b"null" } else { b"]" });
        if let Some(digest) = tar_split.filter(|_| self.style.has_tar_split_digest) {
            self.draft.put(format!(",\"tarSplitDigest\":\"{digest}\"").as_bytes());
        }
        self.draft.put(b"}");
    }
}

/// The entries of tar-split, one a line.
#[derive(Debug)]
pub(super) struct TarSplit {
    draft: Draft,
    /// Bytes that are no file's, since the last file.
    raw: Vec<u8>,
    /// More of them than are guessed came at once.
    is_lost: bool,
    position: u64,
}

impl TarSplit {
    /// Entries of at most so many bytes.
    pub(super) fn new(most: u64) -> Self {
        Self { draft: Draft::new(most), raw: Vec::new(), is_lost: false, position: 0 }
    }

    pub(super) fn draft(&mut self) -> &mut Draft {
        &mut self.draft
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        let has_room = self.raw.len() + bytes.len() <= limits::TABLE_SEGMENT_LEN;
        self.is_lost = self.is_lost || !has_room;
        if !self.is_lost {
            self.raw.extend_from_slice(bytes);
        }
    }

    /// The bytes that are no file's are an entry.
    pub(super) fn segment(&mut self) {
        if self.raw.is_empty() || self.is_lost {
            return;
        }
        let mut object = Object::begin(&mut self.draft, None);
        object.number("type", 2);
        object.key(b"payload").put_base64(&self.raw);
        self.raw.clear();
        self.end_entry();
    }

    /// Ends an entry that has all but its number.
    fn end_entry(&mut self) {
        let position = self.position;
        self.draft.put(format!(",\"position\":{position}}}\n").as_bytes());
        self.position += 1;
    }

    /// A file is an entry.
    pub(super) fn add(&mut self, file: &File) {
        if self.is_lost {
            return;
        }
        let name = &file.entry.name;
        let mut object = Object::begin(&mut self.draft, None);
        object.number("type", 1);
        match std::str::from_utf8(name) {
            Ok(_) => object.text_if_any("name", name),
            Err(_) => object.key(b"name_raw").put_base64(name),
        }
        object.length_if_any("size", file.entry.size);
        if file.entry.size > 0 {
            object.key(b"payload").put_base64(&file.check);
        } else {
            object.key(b"payload").put(b"null");
        }
        self.end_entry();
    }

    pub(super) fn trailing(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_lost {
            let room = TRAILING_LEN - self.raw.len();
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.raw.extend_from_slice(now);
            bytes = later;
            if self.raw.len() == TRAILING_LEN {
                self.segment();
            }
        }
    }

    pub(super) fn end(&mut self) {
        self.segment();
    }
}
