//! Codes the streams of groups as frames, several at a time, and hands them out in order.

use std::io;

use super::EncodeOptions;
use super::groups::GroupDraft;
use super::policy::{
    FRAMES_PER_WORKER, Level, WINDOW_LOG, codec, codec_level, frame_len, longest_frame,
};
use crate::format::{Codec, FIRST_LITERAL_SLOT, Frame, FrameRow, Stream, StreamKind, encode_frame};
use crate::queue::longest_first;

/// A group's streams with their frames.
#[derive(Debug)]
pub(super) struct CodedGroup {
    /// What the streams hold, in the order of their numbers.
    pub(super) kinds: Vec<StreamKind>,
    pub(super) streams: Vec<Stream>,
}

/// All groups, and what each kind of stream came to: (name, decoded, encoded).
#[derive(Debug)]
pub(super) struct Coded {
    pub(super) groups: Vec<CodedGroup>,
    pub(super) stats: Vec<(&'static str, u64, u64)>,
}

/// One frame to be coded.
struct Job<'d> {
    group: usize,
    kind: StreamKind,
    pieces: Vec<&'d [u8]>,
    len: usize,
}

/// Codes all streams of `drafts` and gives each frame's bytes to `write` in order.
pub(super) fn code_groups(
    drafts: &[GroupDraft<'_>],
    options: EncodeOptions,
    write: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Coded> {
    let EncodeOptions { level, workers, .. } = options;
    let workers = workers.coders;
    let jobs = jobs(drafts, level);
    let mut groups: Vec<CodedGroup> =
        drafts.iter().map(|_| CodedGroup { kinds: Vec::new(), streams: Vec::new() }).collect();
    let most = FRAMES_PER_WORKER * workers * longest_frame(level);
    for batch in batches(&jobs, most) {
        let frames = longest_first(batch, workers, |job| job.len, |job| job.code(level));
        for (job, frame) in batch.iter().zip(frames) {
            let (codec, Frame { row, bytes }) = frame?;
            write(&bytes)?;
            groups[job.group].push(job.kind, codec, row);
        }
    }
    Ok(Coded { stats: stats(&groups), groups })
}

/// Runs of jobs with up to `most` bytes together, at least one in each: coded frames of one wait.
fn batches<'j, 'd>(mut jobs: &'j [Job<'d>], most: usize) -> impl Iterator<Item = &'j [Job<'d>]> {
    std::iter::from_fn(move || {
        let mut sum = 0;
        let fits = |job: &&Job<'_>| {
            sum += job.len;
            sum <= most
        };
        let count = jobs.iter().take_while(fits).count().max(1).min(jobs.len());
        let (batch, rest) = jobs.split_at(count);
        jobs = rest;
        Some(batch).filter(|batch| !batch.is_empty())
    })
}

/// Cuts every stream into frames, in the order of the body.
fn jobs<'d>(drafts: &'d [GroupDraft<'_>], level: Level) -> Vec<Job<'d>> {
    let mut jobs = Vec::new();
    for (group, draft) in drafts.iter().enumerate() {
        for kind in StreamKind::all() {
            let slot = kind.slot();
            let control: [&[u8]; 1];
            let pieces: &[&[u8]] = match draft.control.get(slot) {
                Some(bytes) => {
                    control = [bytes.as_slice()];
                    &control
                }
                None => match slot.checked_sub(FIRST_LITERAL_SLOT) {
                    None => &draft.corrections,
                    Some(class) => &draft.literals[class],
                },
            };
            let len: usize = pieces.iter().map(|piece| piece.len()).sum();
            // Frames of one stream are of about one length, so that threads end together.
            let count = len.div_ceil(frame_len(level, kind)).max(1);
            let even = len.div_ceil(count);
            jobs.extend(split(pieces, even).map(|pieces| {
                let len = pieces.iter().map(|piece| piece.len()).sum();
                Job { group, kind, pieces, len }
            }));
        }
    }
    jobs
}

/// Splits pieces into runs of exactly `len` bytes, the last one shorter.
fn split<'d>(pieces: &[&'d [u8]], len: usize) -> impl Iterator<Item = Vec<&'d [u8]>> {
    let mut runs = Vec::new();
    let (mut run, mut room) = (Vec::new(), len);
    for piece in pieces {
        let mut piece = *piece;
        while !piece.is_empty() {
            let (now, later) = piece.split_at(room.min(piece.len()));
            run.push(now);
            room -= now.len();
            piece = later;
            if room == 0 {
                runs.push(std::mem::take(&mut run));
                room = len;
            }
        }
    }
    if !run.is_empty() {
        runs.push(run);
    }
    runs.into_iter()
}

impl Job<'_> {
    fn code(&self, level: Level) -> io::Result<(Codec, Frame)> {
        let codec = codec(level, self.kind);
        let level = codec_level(level, self.kind, self.len);
        let frame = encode_frame(&self.pieces, codec, level, WINDOW_LOG)?;
        Ok((codec, frame))
    }
}

impl CodedGroup {
    /// Adds the next frame; those of a stream follow each other.
    fn push(&mut self, kind: StreamKind, codec: Codec, row: FrameRow) {
        match self.streams.last_mut() {
            Some(stream) if stream.kind == kind.number() => stream.frames.push(row),
            _ => {
                let (number, codec) = (kind.number(), codec.number());
                self.kinds.push(kind);
                self.streams.push(Stream { kind: number, codec, frames: vec![row] });
            }
        }
    }
}

fn stats(groups: &[CodedGroup]) -> Vec<(&'static str, u64, u64)> {
    let sums = StreamKind::all().map(|kind| {
        let streams = groups.iter().flat_map(|group| group.kinds.iter().zip(&group.streams));
        let streams = streams.filter(|(other, _)| **other == kind);
        streams.fold((kind.name(), 0, 0), |(name, decoded, encoded), (_, stream)| {
            (name, decoded + stream.decoded_len(), encoded + stream.encoded_len())
        })
    });
    sums.filter(|(_, decoded, _)| *decoded > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_all_jobs_in_order_and_no_more_bytes_than_they_may_but_for_a_long_one() {
        let bytes = [0; 100];
        let lens = [3, 4, 5, 0, 30, 1, 9, 10, 0];
        let jobs = lens.map(|len| Job {
            group: 0,
            kind: StreamKind::Gaps,
            pieces: vec![&bytes[..len]],
            len,
        });
        let all: Vec<Vec<usize>> =
            batches(&jobs, 10).map(|batch| batch.iter().map(|job| job.len).collect()).collect();
        assert_eq!(all, [vec![3, 4], vec![5, 0], vec![30], vec![1, 9], vec![10, 0]]);
        assert_eq!(batches(&[], 10).count(), 0);
    }
}
