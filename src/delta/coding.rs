//! Codes the streams of groups as frames, several at a time, and hands them out in order.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::EncodeOptions;
use super::groups::GroupDraft;
use crate::format::{
    Codec, FIRST_LITERAL_SLOT, Frame, FrameRow, STREAM_KINDS, Stream, StreamKind, encode_frame,
};

/// A group's streams with their frames.
#[derive(Debug)]
pub(super) struct CodedGroup {
    /// Slots of the streams, ascending.
    pub(super) slots: Vec<usize>,
    pub(super) streams: Vec<Stream>,
}

/// All groups, and what each kind of stream came to: (name, decoded, encoded).
#[derive(Debug)]
pub(super) struct Coded {
    pub(super) groups: Vec<CodedGroup>,
    pub(super) stats: Vec<(&'static str, u64, u64)>,
}

/// Window of all frames, as a binary logarithm: what every site can hold for each stream.
pub(super) const WINDOW_LOG: u32 = 24;
/// zstd level of the control streams: they are short.
const CONTROL_LEVEL: i32 = 19;
/// Longest control stream that is coded at [`CONTROL_LEVEL`] whatever the level, in bytes.
const CONTROL_LEN: usize = 256 << 10;
/// Least zstd level of longer ones.
const LONG_CONTROL_LEVEL: i32 = 9;
/// Frames that are coded before their bytes are handed out, for each worker: the more, the less
/// workers wait for each other, and the more coded frames are held.
const FRAMES_PER_WORKER: usize = 2;

/// Longest frame for a level, decoded, in bytes. Threads share a stream by its frames; what one
/// frame holds, the next one cannot match. The higher levels pay for the window, so they get it.
pub(super) fn frame_len(level: i32) -> usize {
    match level {
        ..=6 => 8 << 20,
        7..=12 => 16 << 20,
        _ => 32 << 20,
    }
}

/// Memory that a worker takes at most, in bytes: libzstd's tables for a window of 16 MiB (hash and
/// chain, 4 bytes an entry, by the level's parameters), the frame, coded frames that wait.
fn worker_memory(level: i32) -> u64 {
    let tables: u64 = match level {
        ..=6 => 16 << 20,
        7..=12 => 48 << 20,
        13..=19 => 112 << 20,
        _ => 288 << 20,
    };
    tables + (1 + FRAMES_PER_WORKER as u64) * frame_len(level) as u64
}

/// How many frames may be coded at once within `memory` bytes, at most `jobs`.
///
/// # Errors
/// The bytes that one takes, where not even that fits.
pub fn workers_within(level: i32, memory: u64, jobs: usize) -> Result<usize, u64> {
    let one = worker_memory(level);
    match usize::try_from(memory / one).unwrap_or(usize::MAX) {
        0 => Err(one),
        workers => Ok(workers.min(jobs)),
    }
}

/// One frame to be coded.
struct Job<'d> {
    group: usize,
    slot: usize,
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
    let jobs = jobs(drafts, frame_len(level));
    let mut groups: Vec<BTreeMap<usize, (Codec, Vec<FrameRow>)>> =
        drafts.iter().map(|_| BTreeMap::new()).collect();
    for batch in jobs.chunks(FRAMES_PER_WORKER * workers) {
        let frames = code_all(batch, level, workers);
        for (job, frame) in batch.iter().zip(frames) {
            let (codec, Frame { row, bytes }) = frame?;
            write(&bytes)?;
            groups[job.group].entry(job.slot).or_insert((codec, Vec::new())).1.push(row);
        }
    }
    let groups: Vec<CodedGroup> = groups.into_iter().map(coded_group).collect();
    Ok(Coded { stats: stats(&groups), groups })
}

/// Codes frames on at most `workers` threads at once; results in the order of the jobs.
fn code_all(jobs: &[Job<'_>], level: i32, workers: usize) -> Vec<io::Result<(Codec, Frame)>> {
    // The longest first, so that nobody ends alone with a long one.
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|job| std::cmp::Reverse(jobs[*job].len));
    let next = AtomicUsize::new(0);
    let work = |_| {
        let mut done = Vec::new();
        while let Some(job) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((*job, jobs[*job].code(level)));
        }
        done
    };
    let mut coded: Vec<_> =
        (0..workers).into_par_iter().with_max_len(1).map(work).flatten_iter().collect();
    coded.sort_by_key(|(job, _)| *job);
    coded.into_iter().map(|(_, frame)| frame).collect()
}

/// Cuts every stream into frames, in the order of the body.
fn jobs<'d>(drafts: &'d [GroupDraft<'_>], frame_len: usize) -> Vec<Job<'d>> {
    let mut jobs = Vec::new();
    for (group, draft) in drafts.iter().enumerate() {
        for slot in 0..STREAM_KINDS {
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
            let len = pieces.iter().map(|piece| piece.len()).sum();
            // Frames of one stream are of about one length, so that threads end together.
            let even = usize::div_ceil(len, usize::div_ceil(len, frame_len).max(1));
            jobs.extend(split(pieces, even).map(|pieces| {
                let len = pieces.iter().map(|piece| piece.len()).sum();
                Job { group, slot, pieces, len }
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
    fn code(&self, level: i32) -> io::Result<(Codec, Frame)> {
        let level = match StreamKind::at_slot(self.slot) {
            Some(StreamKind::Literals(_) | StreamKind::Corrections) => level,
            _ if self.len <= CONTROL_LEN => CONTROL_LEVEL,
            _ => level.max(LONG_CONTROL_LEVEL),
        };
        let frame = encode_frame(&self.pieces.concat(), Codec::Zstd, level, WINDOW_LOG)?;
        Ok((Codec::Zstd, frame))
    }
}

fn coded_group(streams: BTreeMap<usize, (Codec, Vec<FrameRow>)>) -> CodedGroup {
    let slots = streams.keys().copied().collect();
    let stream = |(slot, (codec, frames)): (usize, (Codec, Vec<FrameRow>))| {
        StreamKind::at_slot(slot).map(|kind| Stream {
            kind: kind.number(),
            codec: codec.number(),
            frames,
        })
    };
    CodedGroup { slots, streams: streams.into_iter().filter_map(stream).collect() }
}

fn stats(groups: &[CodedGroup]) -> Vec<(&'static str, u64, u64)> {
    let mut sums: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
    for group in groups {
        for (slot, stream) in group.slots.iter().zip(&group.streams) {
            let sum = sums.entry(*slot).or_default();
            sum.0 += stream.decoded_len();
            sum.1 += stream.encoded_len();
        }
    }
    let named = |(slot, (decoded, encoded))| {
        StreamKind::at_slot(slot).map(|kind| (kind.name(), decoded, encoded))
    };
    sums.into_iter().filter_map(named).collect()
}
