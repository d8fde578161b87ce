//! Encoder 7: zlib's deflate, as one stream or cut into the blocks of pigz.
//!
//! Raw deflate with a window of 32 KiB, 8 for zlib's `memLevel` and its default strategy, which is
//! what Python, Java, nginx and libarchive ask for. The parameters are the level (1 to 9), the
//! length of pigz's blocks (0 when it is not pigz; else 32 KiB or more), and what a block of pigz
//! knows of the content before it, see [`History`].

mod pigz;
mod stock;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::{Encoder, EncoderError};
use pigz::{BLOCK_LENS, History, Pigz};

/// The number in a delta.
pub(super) const NUMBER: u32 = 7;

/// More than zlib has to say at once: what its window and its symbols hold, stored. A call that
/// fills the room it is given might be answered twice, with two markers for one flush.
const ROOM: usize = 256 << 10;

/// Starts the encoder.
pub(super) fn start(parameters: &[u64]) -> Result<Box<dyn Encoder>, EncoderError> {
    let fail = |rule| Err(EncoderError::Parameters { number: NUMBER, rule });
    let &[level, block_len, history] = parameters else {
        return fail("level, length of blocks, history");
    };
    let Some(level) = u32::try_from(level).ok().filter(|level| (1..=9).contains(level)) else {
        return fail("levels are 1 to 9");
    };
    if !stock::is_linked() {
        return Err(EncoderError::Replaced { number: NUMBER });
    }
    let deflate = Deflate::new(level);
    match (block_len, History::from_number(history)) {
        (0, Some(History::Dictionary)) => Ok(Box::new(deflate)),
        (len, Some(history)) if BLOCK_LENS.contains(&len) => {
            Ok(Box::new(Pigz::new(deflate, len, history)))
        }
        (0, _) => fail("a stream without blocks has no history"),
        (_, None) => fail("histories are 0 to 2"),
        _ => fail("blocks are 32 KiB to 1 TiB long"),
    }
}

/// What a person may know it by.
pub(super) fn name(level: &str, parameters: &[u64]) -> String {
    let history = match parameters.get(2) {
        Some(1) => ", independent",
        Some(2) => ", one thread",
        _ => "",
    };
    match parameters.get(1) {
        None | Some(0) => format!("zlib, {level}"),
        Some(len) => format!("zlib in pigz, {level}, blocks of {len}{history}"),
    }
}

/// zlib's compressor, which is never refused anything.
struct Deflate(Compress);

impl Deflate {
    fn new(level: u32) -> Self {
        Self(Compress::new(Compression::new(level), false))
    }

    /// Gives zlib content and a flush, and appends to `out` all it answers.
    fn run(&mut self, mut content: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
        loop {
            out.reserve(ROOM);
            let before = self.0.total_in();
            let status = self.0.compress_vec(content, out, flush);
            let status = status.expect("zlib takes every content in every state");
            let taken = usize::try_from(self.0.total_in() - before);
            content = &content[taken.expect("a part of the content")..];
            let is_done = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                _ => content.is_empty() && out.len() < out.capacity(),
            };
            if is_done {
                return;
            }
        }
    }

    /// Begins another stream, which may refer to `dictionary`.
    fn restart(&mut self, dictionary: &[u8]) {
        self.0.reset();
        if !dictionary.is_empty() {
            self.0.set_dictionary(dictionary).expect("zlib takes one before the content");
        }
    }
}

impl Encoder for Deflate {
    fn write(&mut self, content: &[u8], out: &mut Vec<u8>) {
        self.run(content, FlushCompress::None, out);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.run(&[], FlushCompress::Finish, out);
    }
}

#[cfg(test)]
mod tests;
