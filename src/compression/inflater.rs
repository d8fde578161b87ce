//! Content from stored bytes, with a ceiling.

use std::fmt;
use std::io::{self, Read};

use zstd::stream::read::Decoder;

use super::gzip::{GzipReader, MEMBERS, Member};
use super::stored::Stored;
use super::{Compression, CompressionError};
use crate::limits;
use crate::source::{ReadAt, Sequential};

/// Reads the content of a blob.
///
/// Errors are [`CompressionError`]s inside [`io::Error`]s. After an error nothing more can be read
/// that means anything.
pub struct Inflater<R> {
    decoder: Box<Kind<R>>,
    compression: Compression,
    ceiling: u64,
    given: u64,
}

enum Kind<R> {
    Plain(R),
    Gzip(GzipReader<R>),
    Zstd(Decoder<'static, Stored<R>>),
}

impl<S: ReadAt> Inflater<Sequential<S>> {
    /// Reads the content of `source` with the ceiling that [`limits::INFLATE_RATIO`] sets.
    pub fn open(source: S, compression: Compression) -> Result<Self, CompressionError> {
        let ceiling = ceiling(source.len(), limits::INFLATE_RATIO);
        Self::new(Sequential::new(source), compression, ceiling)
    }
}

/// The most bytes that `stored_len` stored bytes may become.
pub(crate) fn ceiling(stored_len: u64, ratio: u64) -> u64 {
    stored_len.saturating_mul(ratio).saturating_add(limits::INFLATE_SLACK)
}

impl<R: Read> Inflater<R> {
    /// Reads the content of `stored`, `ceiling` bytes of it at most.
    pub fn new(
        stored: R,
        compression: Compression,
        ceiling: u64,
    ) -> Result<Self, CompressionError> {
        let decoder = match compression {
            Compression::Plain => Kind::Plain(stored),
            Compression::Gzip => Kind::Gzip(GzipReader::new(Stored::new(stored))),
            Compression::Zstd => {
                let open = || {
                    let mut decoder = Decoder::with_buffer(Stored::new(stored))?;
                    decoder.window_log_max(limits::ZSTD_WINDOW_LOG)?;
                    Ok(decoder)
                };
                Kind::Zstd(open().map_err(CompressionError::Read)?)
            }
        };
        Ok(Self { decoder: Box::new(decoder), compression, ceiling, given: 0 })
    }

    /// Of gzip, where the members lie that were read so far, if they are not too many.
    pub fn members(&self) -> Option<&[Member]> {
        match &*self.decoder {
            Kind::Gzip(decoder) => Some(decoder.members()).filter(|all| all.len() < MEMBERS),
            Kind::Plain(_) | Kind::Zstd(_) => None,
        }
    }

    fn decode(&mut self, buf: &mut [u8]) -> Result<usize, CompressionError> {
        let len = match &mut *self.decoder {
            Kind::Plain(stored) => stored.read(buf),
            Kind::Gzip(decoder) => decoder.read(buf),
            Kind::Zstd(decoder) => {
                decoder.read(buf).map_err(|error| zstd_error(decoder.get_ref().consumed(), error))
            }
        };
        let len = len.map_err(CompressionError::from_io)?;
        self.given += len as u64;
        if self.given > self.ceiling {
            let (compression, limit) = (self.compression, self.ceiling);
            return Err(CompressionError::TooLong { compression, limit });
        }
        Ok(len)
    }
}

fn zstd_error(at: u64, error: io::Error) -> io::Error {
    let compression = Compression::Zstd;
    if CompressionError::is_inside(&error) {
        return error;
    }
    let reason = error.to_string();
    let error = match error.kind() {
        io::ErrorKind::UnexpectedEof => CompressionError::Cut { compression, len: at },
        // libzstd's words for ZSTD_error_frameParameter_windowTooLarge; a test holds them.
        _ if reason.contains("requires too much memory") => {
            CompressionError::Window { at, limit: 1 << limits::ZSTD_WINDOW_LOG }
        }
        _ => CompressionError::Damaged { compression, at, reason },
    };
    error.into()
}

impl<R: Read> Read for Inflater<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.decode(buf).map_err(|error| match error {
            // Callers retry an interrupted read, which they could not tell inside another error.
            CompressionError::Read(source) if source.kind() == io::ErrorKind::Interrupted => source,
            error => error.into(),
        })
    }
}

impl<R> fmt::Debug for Inflater<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater")
            .field("compression", &self.compression)
            .field("ceiling", &self.ceiling)
            .field("given", &self.given)
            .finish_non_exhaustive()
    }
}
