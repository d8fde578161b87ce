//! The frames of a zstd blob.

use std::ops::Range;

use zstd::zstd_safe;

use super::pieces::Pieces;
use super::trial::{Budget, Candidate, Idle};
use super::{DetectedPiece, libzstd, search};
use crate::compression::Compression;
use crate::compression::encoders::klauspost_zstd::{
    Era, Frame, FrameReader, Layout, Level, Parameters,
};
use crate::format::{EncoderKind, Framing};

/// Bytes before a skippable frame's own: magic and length.
const SKIPPABLE_HEADER: usize = 8;

/// Content that candidates are told apart by, in bytes, before one gets all of it.
const START_LEN: usize = 1 << 20;

/// Levels in the order in which they are tried: what image tools use today first.
const LEVELS: [Level; 4] = [Level::Default, Level::Fastest, Level::Best, Level::Better];

/// A frame of the blob.
struct Found<'a> {
    stored: Range<usize>,
    /// None for one to be skipped.
    content: Option<&'a [u8]>,
    /// Where klauspost's compressor can have written it.
    layout: Option<Layout>,
}

/// Who wrote a frame.
#[derive(Debug, Clone)]
enum Writer {
    Klauspost(Level, Era),
    Libzstd(Candidate),
}

impl Writer {
    /// With all that is told for one frame; `None` for a frame that it cannot have written.
    fn candidate(&self, frame: &Found<'_>) -> Option<Candidate> {
        match self {
            Self::Klauspost(level, era) => {
                let parameters = Parameters::of(*level, *era, frame.layout.as_ref()?);
                Some(Candidate::new(EncoderKind::KlauspostZstd, &parameters.to_numbers()))
            }
            Self::Libzstd(candidate) => Some(candidate.clone()),
        }
    }

    fn makes(&self, frame: &Found<'_>, stored: &[u8], idle: &mut Idle) -> bool {
        let Some((content, candidate)) = frame.content.zip(self.candidate(frame)) else {
            return false;
        };
        candidate.makes(content, &stored[frame.stored.clone()], &mut Budget::of(content), idle)
    }
}

/// Newest eras first; every level in its newest era before any in an older one.
fn klauspost() -> impl Iterator<Item = Writer> {
    let eras = Era::ALL.into_iter().rev();
    let all = eras.flat_map(|era| LEVELS.map(|level| (level, era)));
    let all = all.filter(|(level, era)| era.at(*level) == *era);
    all.map(|(level, era)| Writer::Klauspost(level, era))
}

pub(super) fn detect(stored: &[u8], content: &[u8]) -> Option<Vec<DetectedPiece>> {
    let frames = frames(stored, content).or_else(|| libzstd_frames(stored, content))?;
    let found = search::writers(
        &frames,
        |frame| frame.content.map(<[u8]>::len),
        |frame| frame.writer(stored),
        |writer: &Writer, frame, idle| writer.makes(frame, stored, idle),
    );
    let mut pieces = Pieces::default();
    for (frame, found) in frames.iter().zip(found) {
        let candidate = found.and_then(|writer| writer.candidate(frame));
        let Found { stored, content, .. } = frame;
        match (content, candidate) {
            (Some(content), Some(candidate)) => {
                pieces.encoded(&[], candidate, Framing::Bare, content.len());
            }
            (Some(content), None) => pieces.passed_over(stored.clone(), content.len()),
            (None, _) => pieces.raw(stored.clone()),
        }
    }
    Some(pieces.finish())
}

/// Who makes a frame that is known to be one, of a text that is known too.
pub(super) fn writer(frame: &[u8], text: &[u8]) -> Option<Candidate> {
    let mut frames = frames(frame, text).or_else(|| libzstd_frames(frame, text))?;
    let one = frames.pop().filter(|_| frames.is_empty())?;
    one.writer(frame)?.candidate(&one)
}

/// All frames with their contents; `None` for a blob that has others than klauspost's.
fn frames<'a>(stored: &[u8], content: &'a [u8]) -> Option<Vec<Found<'a>>> {
    let mut reader = FrameReader::new().ok()?;
    let mut rest = stored;
    let (mut start, mut content_start) = (0, 0);
    let mut frames = Vec::new();
    loop {
        let mut content_len = 0;
        let frame = reader.read(&mut rest, &mut |bytes| content_len += bytes.len()).ok()?;
        let frame = match frame {
            None => break,
            Some(Frame::Foreign { .. }) => return None,
            Some(Frame::Content(layout)) => {
                let slice = content.get(content_start..content_start + content_len)?;
                content_start += content_len;
                Some((slice, layout))
            }
            Some(Frame::Skippable { len, .. }) => {
                rest = rest.get(usize::try_from(len).ok()?..)?;
                None
            }
        };
        let end = stored.len() - rest.len();
        debug_assert!(frame.is_some() || end >= start + SKIPPABLE_HEADER);
        let (content, layout) = frame.unzip();
        frames.push(Found { stored: start..end, content, layout });
        start = end;
    }
    (content_start == content.len()).then_some(frames)
}

/// All frames with their contents, by what libzstd says of their lengths; `None` where it does not.
fn libzstd_frames<'a>(stored: &[u8], content: &'a [u8]) -> Option<Vec<Found<'a>>> {
    let (mut start, mut content_start) = (0, 0);
    let mut frames = Vec::new();
    while start < stored.len() {
        let rest = stored.get(start..)?;
        let end = start + zstd_safe::find_frame_compressed_size(rest).ok()?;
        let content = if Compression::is_skippable(rest) {
            None
        } else {
            let len = match zstd_safe::get_frame_content_size(rest).ok()? {
                Some(len) => usize::try_from(len).ok()?,
                None if end == stored.len() => content.len() - content_start,
                None => return None,
            };
            let slice = content.get(content_start..content_start.checked_add(len)?)?;
            content_start += len;
            Some(slice)
        };
        frames.push(Found { stored: start..end, content, layout: None });
        start = end;
    }
    (content_start == content.len()).then_some(frames)
}

impl Found<'_> {
    /// Who makes the whole frame.
    fn writer(&self, stored: &[u8]) -> Option<Writer> {
        let content = self.content?;
        let stored = &stored[self.stored.clone()];
        let (mut budget, mut idle) = (Budget::of(content), Idle::default());
        let start = &content[..content.len().min(START_LEN)];
        let mut makes = |writer: &Writer| {
            let Some(candidate) = writer.candidate(self) else { return false };
            let is_short = start.len() == content.len();
            (is_short || candidate.begins(start, content.len(), stored, &mut budget, &mut idle))
                && candidate.makes(content, stored, &mut budget, &mut idle)
        };
        let klauspost = klauspost().filter(|_| self.layout.is_some()).find(&mut makes);
        klauspost.or_else(|| libzstd::candidate(content, stored).map(Writer::Libzstd))
    }
}
