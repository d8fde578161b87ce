//! Encoder 8: libzstd 1.5.7, one whole frame of at most level 19.
//!
//! The parameters are the level (1 to 19), [flags](Flags), and the window as a power of two where
//! the writer asked for another one than the level's (else 0). The command-line tool is flags 15
//! for a file and 5 for a pipe; its `--single-thread` takes away 4, its `--no-check` 1.
//!
//! An encoder does not fail, libzstd does where the content is not as long as it was told: then the
//! output just stops.

use std::ops::RangeInclusive;

use zstd::zstd_safe::zstd_sys::ZSTD_EndDirective::{self, ZSTD_e_continue, ZSTD_e_end};
use zstd::zstd_safe::{self, CCtx, CParameter, InBuffer, OutBuffer};

use super::{Encoder, EncoderError, Setup};

/// The number in a delta.
pub(super) const NUMBER: u32 = 8;

/// Release of libzstd whose bytes these are: each one has its own.
const VERSION: u32 = 10_507;

/// Levels whose memory is bounded: the tool asks for `--ultra` above.
const LEVELS: RangeInclusive<i32> = 1..=19;

/// Windows, up to the largest of [`LEVELS`].
const WINDOW_LOGS: RangeInclusive<u32> = 10..=23;

/// How the writer ran libzstd, as bits of a number.
#[derive(Debug, Clone, Copy)]
struct Flags(u64);

impl Flags {
    /// The frame ends with a checksum of the content.
    const CHECKSUM: u64 = 1;
    /// The length of the content was told beforehand, so that the header has it.
    const PLEDGED: u64 = 1 << 1;
    /// Worker threads, any number of them, compress jobs of several MiB.
    const WORKERS: u64 = 1 << 2;
    /// The end was told with the last bytes of the content, not after them.
    const END_WITH_LAST: u64 = 1 << 3;

    fn has(self, flag: u64) -> bool {
        self.0 & flag != 0
    }
}

/// Starts the encoder on a content of `content_len` bytes.
pub(super) fn start(
    parameters: &[u64],
    content_len: u64,
) -> Result<Box<dyn Encoder>, EncoderError> {
    let fail = |rule| EncoderError::Parameters { number: NUMBER, rule };
    let &[level, flags, window_log] = parameters else {
        return Err(fail("level, flags, window"));
    };
    let level = i32::try_from(level).ok().filter(|level| LEVELS.contains(level));
    let level = level.ok_or(fail("levels are 1 to 19"))?;
    if flags > 15 {
        return Err(fail("flags are four bits"));
    }
    let flags = Flags(flags);
    let window_log = u32::try_from(window_log).unwrap_or(u32::MAX);
    if window_log != 0 && !WINDOW_LOGS.contains(&window_log) {
        return Err(fail("windows are 2^10 to 2^23"));
    }
    if flags.has(Flags::END_WITH_LAST) && !flags.has(Flags::PLEDGED) {
        return Err(fail("the last bytes are known where the length is told"));
    }
    // zstd's words for lengths that are not known or not possible.
    if content_len >= u64::MAX - 1 {
        return Err(fail("contents are shorter than that"));
    }
    let frame = Frame::start(level, flags, window_log, content_len);
    Ok(Box::new(frame.ok_or(EncoderError::Replaced { number: NUMBER })?))
}

/// What a person may know it by.
pub(super) fn name(level: &str, parameters: &[u64]) -> String {
    let workers = match parameters.get(1) {
        Some(flags) if Flags(*flags).has(Flags::WORKERS) => ", with workers",
        _ => "",
    };
    format!("libzstd 1.5.7, {level}{workers}")
}

/// Memory of each of [`LEVELS`] for a long content without workers, in MiB, and its window.
const COSTS: [(u64, u32); 19] = [
    (2, 19),
    (2, 20),
    (4, 21),
    (5, 21),
    (6, 21),
    (6, 21),
    (9, 21),
    (9, 21),
    (17, 22),
    (29, 22),
    (29, 22),
    (53, 22),
    (37, 22),
    (53, 22),
    (69, 22),
    (37, 22),
    (57, 23),
    (58, 23),
    (90, 23),
];

/// Buffers of a job's length that libzstd has with a worker.
const JOBS: u64 = 4;

/// Memory that the encoder takes, in bytes; 0 for parameters that it does not have.
///
/// Tables grow with the window up to seventeen times its length and what blocks take, or to the
/// level's. More workers than one are not asked for.
pub(super) fn memory(setup: &Setup<'_>) -> u64 {
    let &[level, flags, window_log] = setup.parameters else { return 0 };
    let cost = level.checked_sub(1).and_then(|row| COSTS.get(usize::try_from(row).ok()?));
    let Some(&(cost, level_log)) = cost else { return 0 };
    let flags = Flags(flags);
    let asked = u32::try_from(window_log).ok().filter(|log| WINDOW_LOGS.contains(log));
    let content_log = match setup.content_len {
        len if flags.has(Flags::PLEDGED) => u64::BITS - len.leading_zeros(),
        _ => u64::BITS,
    };
    let log = asked.unwrap_or(level_log).min(content_log);
    let wider = asked.map_or(0, |log| 1 << log);
    let tables = (cost << 20).min((17 << log) + (3 << 20)) + wider;
    let job_log = (log + 2).max(20);
    let jobs = if flags.has(Flags::WORKERS) { (JOBS << job_log) + (1 << 20) } else { 0 };
    tables + jobs
}

/// A frame that is being written.
struct Frame {
    context: CCtx<'static>,
    told_end: ToldEnd,
    /// libzstd has refused something: a content that is not as long as it was told to be.
    failed: bool,
}

/// When libzstd is told that the content ends.
enum ToldEnd {
    /// With nothing, after the content.
    After,
    /// With a last piece of the content.
    WithLast {
        /// What libzstd is given next, of [`CCtx::in_size`] bytes at most, as the tool reads them.
        piece: Vec<u8>,
        /// Bytes of content that are still to come; `None` once the end is told.
        to_come: Option<u64>,
    },
}

impl Frame {
    /// `None` when libzstd is another release or cannot have workers.
    fn start(level: i32, flags: Flags, window_log: u32, content_len: u64) -> Option<Self> {
        if zstd_safe::version_number() != VERSION {
            return None;
        }
        let mut context = CCtx::create();
        let mut set = |parameter| context.set_parameter(parameter).ok();
        set(CParameter::CompressionLevel(level))?;
        set(CParameter::ChecksumFlag(flags.has(Flags::CHECKSUM)))?;
        set(CParameter::NbWorkers(u32::from(flags.has(Flags::WORKERS))))?;
        if window_log != 0 {
            set(CParameter::WindowLog(window_log))?;
        }
        let pledged = flags.has(Flags::PLEDGED).then_some(content_len);
        context.set_pledged_src_size(pledged).ok()?;
        let told_end = if flags.has(Flags::END_WITH_LAST) {
            ToldEnd::WithLast { piece: Vec::new(), to_come: Some(content_len) }
        } else {
            ToldEnd::After
        };
        Some(Self { context, told_end, failed: false })
    }

    fn run(&mut self, content: &[u8], end: ZSTD_EndDirective, out: &mut Vec<u8>) {
        let mut input = InBuffer::around(content);
        while !self.failed {
            // The room that the tool gives: a frame of one piece is made in one go if it fits.
            out.reserve(CCtx::out_size());
            let written = out.len();
            let mut output = OutBuffer::around_pos(&mut *out, written);
            match self.context.compress_stream2(&mut output, &mut input, end) {
                Ok(left) if end == ZSTD_e_end && left > 0 => (),
                Ok(_) if input.pos() < content.len() => (),
                Ok(_) => return,
                Err(_) => self.failed = true,
            }
        }
    }

    /// Takes from `content` what goes into the next piece, and gives libzstd the piece when it is
    /// full or the last one.
    fn fill_piece(&mut self, content: &mut &[u8], out: &mut Vec<u8>) {
        let ToldEnd::WithLast { piece, to_come } = &mut self.told_end else { return };
        let Some(left) = *to_come else {
            self.failed = true;
            return;
        };
        let left_len = usize::try_from(left).unwrap_or(usize::MAX);
        let len = content.len().min(left_len).min(CCtx::in_size() - piece.len());
        piece.extend_from_slice(&content[..len]);
        *content = &content[len..];
        let left = left - len as u64;
        *to_come = Some(left).filter(|left| *left > 0);
        let end = if left == 0 { ZSTD_e_end } else { ZSTD_e_continue };
        if left == 0 || piece.len() == CCtx::in_size() {
            let piece = std::mem::take(piece);
            self.run(&piece, end, out);
        }
    }
}

impl Encoder for Frame {
    fn write(&mut self, mut content: &[u8], out: &mut Vec<u8>) {
        if matches!(self.told_end, ToldEnd::After) {
            return self.run(content, ZSTD_e_continue, out);
        }
        while !content.is_empty() && !self.failed {
            self.fill_piece(&mut content, out);
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        match &self.told_end {
            // What is too short libzstd would take at its real length.
            ToldEnd::WithLast { to_come: None | Some(1..), .. } => (),
            // All of an empty content.
            ToldEnd::WithLast { .. } | ToldEnd::After => self.run(&[], ZSTD_e_end, out),
        }
    }
}

#[cfg(test)]
mod tests;
