//! What a table tells of each file: where its bytes lie and what they hash to.

use super::check::Crc64;
use super::entry::Entry;
use crate::digest::{Digest, Hasher};
use crate::limits;

/// Zeros in a row from which on zstd:chunked calls them a hole, in bytes.
const HOLE_LEN: u64 = 1024;

/// How the bytes of a file are cut into chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Where pieces end.
    Pieces,
    /// After so many bytes; not 0.
    Every(u64),
}

/// A run of a file's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Offset of its first byte in the file.
    pub(super) start: u64,
    pub(super) len: u64,
    /// Where the piece that has its first byte begins among the stored bytes.
    pub(super) piece: u64,
    /// Bytes of content between the beginning of that piece and the chunk.
    pub(super) inside: u64,
    pub(super) digest: Digest,
    pub(super) is_hole: bool,
}

/// An entry with what passed of its bytes.
#[derive(Debug)]
pub(super) struct File {
    pub(super) entry: Entry,
    /// Of its bytes; of none, where it has none.
    pub(super) digest: Digest,
    pub(super) check: [u8; 8],
    pub(super) chunks: Vec<Chunk>,
    /// Where the piece ends among the stored bytes that ends with the file; 0 if none does.
    pub(super) end: u64,
}

impl File {
    /// An entry without bytes.
    pub(super) fn empty(entry: Entry) -> Self {
        OpenFile::new(entry).end()
    }
}

/// A file while its bytes pass.
#[derive(Debug)]
pub(super) struct OpenFile {
    entry: Entry,
    hasher: Hasher,
    check: Crc64,
    len: u64,
    chunks: Vec<Chunk>,
    open: Option<OpenChunk>,
}

#[derive(Debug)]
struct OpenChunk {
    start: u64,
    piece: u64,
    inside: u64,
    /// None for the first chunk, whose bytes are those of the file so far.
    hasher: Option<Hasher>,
    has_zeros_only: bool,
}

impl OpenFile {
    pub(super) fn new(entry: Entry) -> Self {
        Self {
            entry,
            hasher: Hasher::new(),
            check: Crc64::new(),
            len: 0,
            chunks: Vec::new(),
            open: None,
        }
    }

    /// Takes bytes that lie `inside` bytes behind the first one of the piece that begins at `piece`
    /// among the stored bytes.
    pub(super) fn write(&mut self, mut bytes: &[u8], cut: Cut, piece: u64, mut inside: u64) {
        while !bytes.is_empty() {
            let start = self.open.as_ref().map_or(self.len, |open| open.start);
            let room = match cut {
                Cut::Pieces => bytes.len(),
                Cut::Every(len) => usize::try_from(len - (self.len - start)).unwrap_or(usize::MAX),
            };
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.take(now, piece, inside);
            bytes = later;
            inside += now.len() as u64;
            if now.len() == room && cut != Cut::Pieces {
                self.end_chunk();
            }
        }
    }

    fn take(&mut self, bytes: &[u8], piece: u64, inside: u64) {
        let open = self.open.get_or_insert_with(|| OpenChunk {
            start: self.len,
            piece,
            inside,
            hasher: (self.len > 0).then(Hasher::new),
            has_zeros_only: true,
        });
        self.hasher.update(bytes);
        self.check.update(bytes);
        if let Some(hasher) = &mut open.hasher {
            hasher.update(bytes);
        }
        open.has_zeros_only = open.has_zeros_only && bytes.iter().all(|byte| *byte == 0);
        self.len += bytes.len() as u64;
    }

    /// A chunk ends here, if one is open.
    pub(super) fn end_chunk(&mut self) {
        let Some(open) = self.open.take() else { return };
        if self.chunks.len() == limits::TABLE_CHUNKS {
            return;
        }
        let len = self.len - open.start;
        self.chunks.push(Chunk {
            start: open.start,
            len,
            piece: open.piece,
            inside: open.inside,
            digest: open.hasher.unwrap_or_else(|| self.hasher.clone()).finish(),
            is_hole: open.has_zeros_only && len >= HOLE_LEN,
        });
    }

    /// All bytes have passed.
    pub(super) fn end(mut self) -> File {
        self.end_chunk();
        File {
            entry: self.entry,
            digest: self.hasher.finish(),
            check: self.check.finish(),
            chunks: self.chunks,
            end: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_end_with_pieces_and_know_holes() {
        let mut file = OpenFile::new(Entry::default());
        file.write(&[1; 10], Cut::Pieces, 100, 0);
        file.write(&[2; 10], Cut::Pieces, 100, 10);
        file.end_chunk();
        file.end_chunk();
        file.write(&[0; 2000], Cut::Pieces, 150, 0);
        let file = file.end();
        let bytes = [[1; 10], [2; 10]].concat();
        let first = Chunk {
            start: 0,
            len: 20,
            piece: 100,
            inside: 0,
            digest: Digest::of(&bytes),
            is_hole: false,
        };
        let hole = Digest::of(&[0; 2000]);
        let second =
            Chunk { start: 20, len: 2000, piece: 150, digest: hole, is_hole: true, ..first };
        assert_eq!(file.chunks, [first, second]);
        assert_eq!(file.digest, Digest::of(&[&bytes[..], &[0; 2000]].concat()));
    }

    #[test]
    fn chunks_of_one_length_are_cut_wherever_calls_end() {
        let bytes: Vec<u8> = (0..=255).collect();
        let chunks = |split: usize| {
            let mut file = OpenFile::new(Entry::default());
            file.write(&bytes[..split], Cut::Every(100), 7, 0);
            file.write(&bytes[split..], Cut::Every(100), 7, split as u64);
            file.end().chunks
        };
        let all = chunks(0);
        assert_eq!(all.iter().map(|chunk| chunk.len).collect::<Vec<_>>(), [100, 100, 56]);
        assert_eq!(all[1].digest, Digest::of(&bytes[100..200]));
        assert_eq!(all[2].inside, 200);
        for split in 1..bytes.len() {
            assert_eq!(chunks(split), all, "{split}");
        }
    }
}
