//! A temporary file that is written and read anywhere.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use crate::source::{ReadAt, Scratch};
use crate::spool::{SpoolError, Spooler};

/// Scratch space in a file without a name.
#[derive(Debug)]
pub struct ScratchFile {
    file: File,
    len: u64,
}

impl ScratchFile {
    /// Space for `len` bytes, after a look at what is free.
    ///
    /// # Errors
    /// As [`Spooler::create`].
    pub fn create(spooler: &Spooler, len: u64) -> Result<Self, SpoolError> {
        Ok(Self { file: spooler.create(Some(len))?, len })
    }
}

impl ReadAt for ScratchFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }
}

impl Scratch for ScratchFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }
}
