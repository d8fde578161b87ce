//! Gzip members, one after the other, with their checksums and exact ends.
//!
//! One decoder state serves all members, since an eStargz layer has thousands of them. As gzip(1)
//! does, zeros after the last member are padding; any other bytes there are an error, where gzip(1)
//! warns and Go's reader fails.

use std::fmt;
use std::io::{self, BufRead, Read};

use flate2::Crc;
use zlib_rs::{Inflate, InflateFlush, Status};

use super::stored::Stored;
use super::{Compression, CompressionError};

const FLAG_HEADER_CRC: u8 = 1 << 1;
const FLAG_EXTRA: u8 = 1 << 2;
const FLAG_NAME: u8 = 1 << 3;
const FLAG_COMMENT: u8 = 1 << 4;
const FLAGS_RESERVED: u8 = 0b1110_0000;

/// Where a member lies: its stored bytes by their offsets, and its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// First byte of the header.
    pub start: u64,
    /// First byte of the deflate stream; the header ends here.
    pub deflate_start: u64,
    /// One past the last byte of the deflate stream; the trailer's eight bytes follow.
    pub deflate_end: u64,
    /// Bytes of content.
    pub content_len: u64,
}

/// Members that are remembered; a layer of more is not worth to be looked at.
pub(super) const MEMBERS: usize = 1 << 20;

/// Window of a member: the largest that deflate has, as a power of two.
const WINDOW_BITS: u8 = 15;

pub(super) struct GzipReader<R> {
    stored: Stored<R>,
    inflate: Inflate,
    crc: Crc,
    state: State,
    /// The first [`MEMBERS`] ones, the last of them perhaps unfinished.
    members: Vec<Member>,
}

impl<R: fmt::Debug> fmt::Debug for GzipReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stored, crc, state, .. } = self;
        let mut shown = f.debug_struct("GzipReader");
        shown.field("stored", stored).field("crc", crc).field("state", state);
        shown.finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first member's header.
    Start,
    Inside,
    Between,
    End,
}

impl<R: Read> GzipReader<R> {
    pub(super) fn new(stored: Stored<R>) -> Self {
        let inflate = Inflate::new(false, WINDOW_BITS);
        Self { stored, inflate, crc: Crc::new(), state: State::Start, members: Vec::new() }
    }

    fn damaged(&self, reason: &str) -> CompressionError {
        CompressionError::Damaged {
            compression: Compression::Gzip,
            at: self.stored.consumed(),
            reason: reason.to_owned(),
        }
    }

    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stored.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn skip_text(&mut self) -> io::Result<()> {
        while self.take::<1>()? != [0] {}
        Ok(())
    }

    /// The members read so far, [`MEMBERS`] of them at most.
    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    fn read_header(&mut self) -> io::Result<()> {
        let start = self.stored.consumed();
        let [magic0, magic1, method, flags, ..] = self.take::<10>()?;
        if [magic0, magic1, method] != [0x1f, 0x8b, 8] || flags & FLAGS_RESERVED != 0 {
            return Err(self.damaged("bad member header").into());
        }
        if flags & FLAG_EXTRA != 0 {
            let len = u64::from(u16::from_le_bytes(self.take()?));
            if io::copy(&mut self.stored.by_ref().take(len), &mut io::sink())? != len {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        if flags & FLAG_NAME != 0 {
            self.skip_text()?;
        }
        if flags & FLAG_COMMENT != 0 {
            self.skip_text()?;
        }
        if flags & FLAG_HEADER_CRC != 0 {
            self.take::<2>()?;
        }
        self.inflate.reset(false);
        self.crc.reset();
        if self.members.len() < MEMBERS {
            let deflate_start = self.stored.consumed();
            let (deflate_end, content_len) = (deflate_start, 0);
            self.members.push(Member { start, deflate_start, deflate_end, content_len });
        }
        Ok(())
    }

    fn read_trailer(&mut self) -> io::Result<()> {
        if let Some(member) = self.members.last_mut() {
            member.deflate_end = self.stored.consumed();
            member.content_len = self.inflate.total_out();
        }
        let crc = u32::from_le_bytes(self.take()?);
        let len = u32::from_le_bytes(self.take()?);
        if crc != self.crc.sum() || len != self.crc.amount() {
            return Err(self.damaged("checksum or length of a member does not match").into());
        }
        Ok(())
    }

    /// Looks at what follows a member.
    fn after_member(&mut self) -> io::Result<State> {
        let mut padded = false;
        loop {
            let bytes = self.stored.fill_buf()?;
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            match bytes.get(zeros) {
                Some(0x1f) if zeros == 0 && !padded => return Ok(State::Inside),
                Some(_) => {
                    let at = self.stored.consumed() + zeros as u64;
                    return Err(CompressionError::TrailingBytes { at }.into());
                }
                None if zeros == 0 => return Ok(State::End),
                None => {
                    padded = true;
                    self.stored.consume(zeros);
                }
            }
        }
    }

    fn inflate(&mut self, buf: &mut [u8]) -> io::Result<(usize, Status)> {
        let input = self.stored.fill_buf()?;
        let at_end = input.is_empty();
        let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
        let result = self.inflate.decompress(input, buf, InflateFlush::NoFlush);
        let status = result.map_err(|error| {
            let reason = self.inflate.error_message().unwrap_or_else(|| error.as_str());
            self.damaged(reason)
        })?;
        let taken = usize::try_from(self.inflate.total_in() - before_in);
        let given = usize::try_from(self.inflate.total_out() - before_out);
        let (taken, given) = taken.ok().zip(given.ok()).expect("no more than the two slices");
        self.stored.consume(taken);
        self.crc.update(&buf[..given]);
        if taken == 0 && given == 0 && status != Status::StreamEnd {
            if at_end {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            return Err(self.damaged("the decoder makes no progress").into());
        }
        Ok((given, status))
    }

    fn read_content(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.state {
                State::Start => {
                    self.read_header()?;
                    self.state = State::Inside;
                }
                State::Between => {
                    self.state = self.after_member()?;
                    if self.state == State::Inside {
                        self.read_header()?;
                    }
                }
                State::End => return Ok(0),
                State::Inside => {
                    let (given, status) = self.inflate(buf)?;
                    if status == Status::StreamEnd {
                        self.read_trailer()?;
                        self.state = State::Between;
                    }
                    if given > 0 {
                        return Ok(given);
                    }
                }
            }
        }
    }
}

impl<R: Read> Read for GzipReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.read_content(buf).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof && !CompressionError::is_inside(&error)
            {
                let len = self.stored.consumed();
                CompressionError::Cut { compression: Compression::Gzip, len }.into()
            } else {
                error
            }
        })
    }
}
