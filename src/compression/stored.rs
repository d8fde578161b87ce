//! Stored bytes on their way into a decoder, counted.

use std::io::{self, BufRead, BufReader, Read};

use super::CompressionError;

const BUFFER_LEN: usize = 128 << 10;

/// Buffers and counts what a decoder takes; marks failures of the medium as such, so that they are
/// not taken for damage.
#[derive(Debug)]
pub(super) struct Stored<R> {
    reader: BufReader<R>,
    consumed: u64,
}

impl<R: Read> Stored<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(BUFFER_LEN, reader), consumed: 0 }
    }
}

impl<R> Stored<R> {
    /// Stored bytes taken so far.
    pub(super) fn consumed(&self) -> u64 {
        self.consumed
    }
}

impl<R: Read> Read for Stored<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.reader.read(buf).map_err(CompressionError::Read)?;
        self.consumed += len as u64;
        Ok(len)
    }
}

impl<R: Read> BufRead for Stored<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        loop {
            match self.reader.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(CompressionError::Read(error).into()),
            }
        }
        Ok(self.reader.buffer())
    }

    fn consume(&mut self, len: usize) {
        self.consumed += len as u64;
        self.reader.consume(len);
    }
}
