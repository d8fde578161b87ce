//! Tar read as what it is on disk: 512-byte blocks, of which some are headers.
//!
//! The walker finds members and keeps the exact place of every header and of every member's bytes.
//! It serves the envelope of an image archive and hints at good cut points in layers, so it never
//! fails: what does not parse is bytes, and [`Walker::end`] says where that began and why.
//! Where readers of tar disagree it does as Go's `archive/tar` does, since the engines use that.

mod header;
mod member;
mod pax;

use std::io;

use crate::limits;
use crate::source::ReadAt;
use crate::units::ByteRange;

use header::{BLOCK, Block, Header};
pub(crate) use member::with_member;
use pax::Records;

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Every header block of it: long names, PAX records and sparse maps included.
    pub header: ByteRange,
    /// Its bytes as stored, without padding; they follow the header at once.
    pub data: ByteRange,
    /// Name as stored, not cleaned; any bytes.
    pub name: Vec<u8>,
    /// Where a link leads, as stored; empty for anything else.
    pub link: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
}

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file whose stored bytes are its bytes.
    Regular,
    /// Another name of an earlier member.
    HardLink,
    /// A symbolic link.
    SymLink,
    /// A directory.
    Directory,
    /// A file with holes, GNU's or PAX's way: its stored bytes are not its bytes.
    Sparse,
    /// Any other type flag: a device, a pipe, something private.
    Other(u8),
}

/// Where an archive stopped being members, and why.
#[derive(Debug)]
pub struct End {
    /// First byte that belongs to no member and to no member's padding.
    pub at: u64,
    /// Why the walk ended there.
    pub stop: Stop,
}

/// Why a walk ended.
#[derive(Debug)]
pub enum Stop {
    /// A block of zeros, as tar ends an archive.
    EndBlocks,
    /// The input ended where a header could have begun; a last member without padding included.
    EndOfInput,
    /// Bytes that are no header.
    NoHeader,
    /// The input ends inside a member.
    Cut {
        /// The member's name.
        name: Vec<u8>,
        /// Offset at which the member would have ended.
        expected_end: u64,
    },
    /// The medium failed.
    Unreadable(io::Error),
}

/// Iterator over the members of an archive, in order.
///
/// Takes time linear in the headers, and memory for one member's name and records, both limited.
#[derive(Debug)]
pub struct Walker<S> {
    source: S,
    position: u64,
    end: Option<End>,
}

/// What the extension headers before a member said about it.
#[derive(Default)]
struct Pending {
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    records: Records,
}

impl Pending {
    /// An input that ends after a long name or records ends inside the member they announced.
    fn cut_short(&mut self, stop: Stop, at: u64) -> Stop {
        match (stop, self.long_name.take().or_else(|| self.records.path.take())) {
            (Stop::EndOfInput, Some(name)) => {
                Stop::Cut { name, expected_end: at.saturating_add(BLOCK) }
            }
            (stop, _) => stop,
        }
    }
}

impl<S: ReadAt> Walker<S> {
    /// Starts at the first byte of `source`.
    pub fn new(source: S) -> Self {
        Self { source, position: 0, end: None }
    }

    /// Where and why the walk ended; `None` while it goes on.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Walks what is left and returns where and why it ended.
    pub fn finish(mut self) -> End {
        loop {
            if let Some(end) = self.end {
                return end;
            }
            self.next();
        }
    }

    fn read_entry(&mut self) -> Result<Entry, Stop> {
        let start = self.position;
        let mut at = start;
        let mut pending = Pending::default();
        loop {
            let block = self.read_block(at).map_err(|stop| pending.cut_short(stop, at))?;
            let header = Header::parse(&block).ok_or(Stop::NoHeader)?;
            at = at.checked_add(BLOCK).ok_or(Stop::NoHeader)?;
            match header.flag {
                b'L' => pending.long_name = Some(self.read_text(&header, &mut at)?),
                b'K' => pending.long_link = Some(self.read_text(&header, &mut at)?),
                // A global header says nothing that moves a member: Go's reader applies neither
                // path nor size from it.
                b'g' => drop(self.read_extension(&header, limits::PAX_LEN, &mut at)?),
                b'x' | b'X' => {
                    let bytes = self.read_extension(&header, limits::PAX_LEN, &mut at)?;
                    pending.records = Records::parse(&bytes).ok_or(Stop::NoHeader)?;
                }
                _ => return self.member(start, at, &block, header, pending),
            }
        }
    }

    fn member(
        &mut self,
        start: u64,
        mut at: u64,
        block: &Block,
        header: Header,
        pending: Pending,
    ) -> Result<Entry, Stop> {
        if header::has_sparse_extension(block) {
            while header::continues_sparse_map(&self.read_block(at)?) {
                at += BLOCK;
            }
            at += BLOCK;
        }
        let Pending { long_name, long_link, records } = pending;
        let kind = header.kind(records.sparse);
        let flag = header.flag;
        let len = if header.has_data() { records.size.unwrap_or(header.size) } else { 0 };
        let name = records.sparse_name.or(long_name).or(records.path).unwrap_or(header.name);
        let link = long_link.or(records.linkpath).unwrap_or(header.link);
        let data = self.range_inside(&name, at, len)?;
        let range = ByteRange::new(start, at - start).ok_or(Stop::NoHeader)?;
        self.position = self.padded_end(data);
        let kind = if kind == EntryKind::Regular && flag == 0 && name.ends_with(b"/") {
            EntryKind::Directory
        } else {
            kind
        };
        let link = match kind {
            EntryKind::HardLink | EntryKind::SymLink => link,
            _ => Vec::new(),
        };
        Ok(Entry { header: range, data, name, link, kind })
    }

    fn read_block(&self, at: u64) -> Result<Block, Stop> {
        let left = self.source.len().saturating_sub(at);
        if left == 0 {
            return Err(Stop::EndOfInput);
        }
        if left < BLOCK {
            return Err(Stop::NoHeader);
        }
        let mut block = [0; 512];
        self.source.read_exact_at(&mut block, at).map_err(Stop::Unreadable)?;
        if block.iter().all(|byte| *byte == 0) { Err(Stop::EndBlocks) } else { Ok(block) }
    }

    /// Reads the bytes of an extension header and moves `at` past them and their padding.
    fn read_extension(&self, header: &Header, limit: u64, at: &mut u64) -> Result<Vec<u8>, Stop> {
        let data = self.range_inside(&header.name, *at, header.size)?;
        if data.len() > limit {
            return Err(Stop::NoHeader);
        }
        let mut bytes = vec![0; usize::try_from(data.len()).map_err(|_| Stop::NoHeader)?];
        self.source.read_exact_at(&mut bytes, data.start()).map_err(Stop::Unreadable)?;
        *at = self.padded_end(data);
        Ok(bytes)
    }

    fn read_text(&self, header: &Header, at: &mut u64) -> Result<Vec<u8>, Stop> {
        let mut text = self.read_extension(header, limits::NAME_LEN, at)?;
        text.truncate(text.iter().position(|byte| *byte == 0).unwrap_or(text.len()));
        Ok(text)
    }

    fn range_inside(&self, name: &[u8], at: u64, len: u64) -> Result<ByteRange, Stop> {
        let range = ByteRange::new(at, len).ok_or(Stop::NoHeader)?;
        if range.end() > self.source.len() {
            return Err(Stop::Cut { name: name.to_vec(), expected_end: range.end() });
        }
        Ok(range)
    }

    /// One past the padding of `data`, or the end of the input where the padding is missing.
    fn padded_end(&self, data: ByteRange) -> u64 {
        data.end().checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX).min(self.source.len())
    }
}

impl<S: ReadAt> Iterator for Walker<S> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        if self.end.is_some() {
            return None;
        }
        match self.read_entry() {
            Ok(entry) => Some(entry),
            Err(stop) => {
                self.end = Some(End { at: self.position, stop });
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
