//! Bytes that are read at an offset: a slice, a file, or a range of either.
//!
//! Everything that parses takes [`ReadAt`], so that the same code runs on a mapped file, on a file
//! that is only read in pieces, and on a few bytes in a test.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use crate::units::ByteRange;

/// Bytes of known length that can be read anywhere, by any thread.
pub trait ReadAt: Sync {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// Fills `buf` from `offset` on.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the bytes end before `buf` is full, and whatever the
    /// medium reports.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;

    /// Is there no byte?
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All bytes, where they lie in memory or are mapped there.
    fn in_memory(&self) -> Option<&[u8]> {
        None
    }
}

/// Space that is written and read again, anywhere.
pub trait Scratch: ReadAt {
    /// Writes all of `bytes` at `offset`.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let bytes = ByteRange::new(offset, buf.len() as u64).and_then(|range| range.of(self));
        buf.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn in_memory(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        ReadAt::len(self.as_slice())
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        ReadAt::read_exact_at(self.as_slice(), buf, offset)
    }

    fn in_memory(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl<S: ReadAt + ?Sized> ReadAt for &S {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        (**self).read_exact_at(buf, offset)
    }

    fn in_memory(&self) -> Option<&[u8]> {
        (**self).in_memory()
    }
}

/// A regular file whose length was taken when it was opened.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    len: u64,
}

impl FileSource {
    /// Takes an open file with the length it has now.
    pub fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }

    /// The file itself.
    pub fn file(&self) -> &File {
        &self.file
    }
}

impl ReadAt for FileSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }
}

/// A range of a source, itself read from offset 0.
#[derive(Debug)]
pub struct Section<S> {
    source: S,
    range: ByteRange,
}

impl<S: ReadAt> Section<S> {
    /// Cuts `range` out of `source`; `None` where it reaches past the end.
    pub fn new(source: S, range: ByteRange) -> Option<Self> {
        (range.end() <= source.len()).then_some(Self { source, range })
    }
}

impl<S: ReadAt> ReadAt for Section<S> {
    fn len(&self) -> u64 {
        self.range.len()
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let range = ByteRange::within(offset, buf.len() as u64, self.range.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        self.source.read_exact_at(buf, self.range.start() + range.start())
    }

    fn in_memory(&self) -> Option<&[u8]> {
        self.range.of(self.source.in_memory()?)
    }
}

/// A source read from front to back.
#[derive(Debug)]
pub struct Sequential<S> {
    source: S,
    position: u64,
}

impl<S: ReadAt> Sequential<S> {
    /// Starts at the first byte of `source`.
    pub fn new(source: S) -> Self {
        Self { source, position: 0 }
    }
}

impl<S: ReadAt> io::Read for Sequential<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.source.len().saturating_sub(self.position);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        self.source.read_exact_at(&mut buf[..len], self.position)?;
        self.position += len as u64;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_section_reads_its_own_bytes_and_no_others() {
        let section = Section::new(b"0123456789".to_vec(), ByteRange::new(3, 4).expect("small"))
            .expect("inside");
        let mut buf = [0; 2];
        section.read_exact_at(&mut buf, 2).expect("inside");
        assert_eq!(&buf, b"56");
        assert!(section.read_exact_at(&mut buf, 3).is_err());
        assert!(section.read_exact_at(&mut buf, u64::MAX).is_err());
        let mut all = Vec::new();
        Sequential::new(section).read_to_end(&mut all).expect("slice");
        assert_eq!(all, b"3456");
    }

    #[test]
    fn a_section_past_the_end_does_not_exist() {
        assert!(Section::new(vec![0; 4], ByteRange::new(3, 2).expect("small")).is_none());
    }
}
