//! The frames of a zstd blob.

use std::ops::Range;

use rayon::prelude::*;

use super::DetectedPiece;
use super::pieces::Pieces;
use super::trial::{Budget, Candidate, Idle};
use crate::compression::encoders::klauspost_zstd::{
    Era, Frame, FrameReader, Layout, Level, Parameters,
};
use crate::format::{EncoderKind, Framing};

/// Bytes before a skippable frame's own: magic and length.
const SKIPPABLE_HEADER: usize = 8;

/// Content that candidates are told apart by, in bytes, before one gets all of it.
const START_LEN: usize = 1 << 20;

/// Frames that one encoder looks at in turn at least: its memory costs more than a short frame.
const FRAMES_AT_ONCE: usize = 64;

/// Levels in the order in which they are tried: what image tools use today first.
const LEVELS: [Level; 4] = [Level::Default, Level::Fastest, Level::Best, Level::Better];

/// A frame of the blob.
struct Found<'a> {
    stored: Range<usize>,
    frame: Option<(Layout, &'a [u8])>,
}

pub(super) fn detect(stored: &[u8], content: &[u8]) -> Option<Vec<DetectedPiece>> {
    let frames = frames(stored, content)?;
    let bytes = |frame: &Found<'_>| frame.frame.as_ref().map_or(0, |(_, content)| content.len());
    let longest = (0..frames.len()).max_by_key(|frame| bytes(&frames[*frame]))?;
    let likely = frames[longest].settings(stored, None, &mut Idle::default());
    let found: Vec<Option<(Level, Era)>> = frames
        .par_iter()
        .with_min_len(FRAMES_AT_ONCE)
        .enumerate()
        .map_init(Idle::default, |idle, (number, frame)| match number {
            _ if number == longest => likely,
            _ => frame.settings(stored, likely, idle),
        })
        .collect();
    let mut pieces = Pieces::default();
    for (Found { stored, frame }, found) in frames.iter().zip(found) {
        match (frame, found) {
            (Some((layout, content)), Some(settings)) => {
                pieces.encoded(&[], candidate(settings, layout), Framing::Bare, content.len());
            }
            (Some((_, content)), None) => pieces.passed_over(stored.clone(), content.len()),
            (None, _) => pieces.raw(stored.clone()),
        }
    }
    Some(pieces.finish())
}

fn candidate((level, era): (Level, Era), layout: &Layout) -> Candidate {
    let parameters = Parameters::of(level, era, layout);
    Candidate::new(EncoderKind::KlauspostZstd, &parameters.to_numbers())
}

/// Newest eras first; every level in its newest era before any in an older one.
fn candidates() -> impl Iterator<Item = (Level, Era)> {
    let eras = Era::ALL.into_iter().rev();
    let all = eras.flat_map(|era| LEVELS.map(|level| (level, era)));
    all.filter(|(level, era)| era.at(*level) == *era)
}

/// All frames with their contents; `None` for a blob that has others than the compressor's.
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
                Some((layout, slice))
            }
            Some(Frame::Skippable { len, .. }) => {
                rest = rest.get(usize::try_from(len).ok()?..)?;
                None
            }
        };
        let end = stored.len() - rest.len();
        debug_assert!(frame.is_some() || end >= start + SKIPPABLE_HEADER);
        frames.push(Found { stored: start..end, frame });
        start = end;
    }
    (content_start == content.len()).then_some(frames)
}

impl Found<'_> {
    /// The level and era that make the whole frame, `likely` before all others.
    fn settings(
        &self,
        stored: &[u8],
        likely: Option<(Level, Era)>,
        idle: &mut Idle,
    ) -> Option<(Level, Era)> {
        let (layout, content) = self.frame.as_ref()?;
        let stored = &stored[self.stored.clone()];
        let mut budget = Budget::of(content);
        let start = &content[..content.len().min(START_LEN)];
        let mut makes = |settings: &(Level, Era)| {
            let candidate = candidate(*settings, layout);
            let is_short = start.len() == content.len();
            (is_short || candidate.begins(start, content.len(), stored, &mut budget, idle))
                && candidate.makes(content, stored, &mut budget, idle)
        };
        let likely = likely.filter(&mut makes);
        likely.or_else(|| candidates().find(makes))
    }
}
