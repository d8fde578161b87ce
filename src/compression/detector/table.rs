//! The table of contents at the end of a blob, as what an encoder guesses of all before it.

use std::io::Read as _;
use std::ops::Range;

use zstd::zstd_safe;

use super::DetectedPiece;
use super::zstd::writer;
use crate::compression::encoders::table::{
    self, ChunkedStyle, INDEX_NAME, Kind, Parameters, Style, TextParameters, Watcher,
};
use crate::compression::{Compression, Member};
use crate::digest::Digest;
use crate::format::{EncodeRun, EncoderKind, Framing};
use crate::limits;

/// Bytes before a skippable frame's own: magic and length.
const SKIPPABLE_HEADER: usize = 8;

/// What the footers of zstd hold: one with tar-split, one without.
const FOOTER: usize = 64;
const SHORT_FOOTER: usize = 40;

/// The member that ends an eStargz, in bytes.
const STARGZ_FOOTER: u64 = 51;

/// Bytes behind a deflate stream: CRC-32 and length.
const TRAILER_LEN: u64 = 8;

/// A tar's block; where in it a header has the length.
const BLOCK: usize = 512;
const SIZE: Range<usize> = 124..135;

/// What the index of eStargz begins with; no other manifest is indented.
const INDENTED: &[u8] = b"{\n\t";

/// A piece of stored bytes that takes content.
struct Span {
    stored: Range<u64>,
    content_len: u64,
}

/// Texts of a table, in the order of its parameters, each with what it is compressed into.
struct Found<'a> {
    kind: Kind,
    style: Style,
    texts: Vec<Vec<u8>>,
    writers: Vec<(u32, Vec<u64>)>,
    /// Tar-split as stored.
    tar_split: Option<&'a [u8]>,
    /// The first stored byte of the table.
    start: u64,
    /// What stands before the compressed bytes of an index.
    header: &'a [u8],
}

/// Replaces the stored bytes of a table at the end by its encoder, where that is cheaper.
pub(super) fn in_frames(
    stored: &[u8],
    content: &[u8],
    pieces: Vec<DetectedPiece>,
) -> Vec<DetectedPiece> {
    match table_in_frames(stored, content, &pieces) {
        Some((run, start)) => {
            let mut pieces = pieces;
            if let Some(DetectedPiece::Raw(range)) = pieces.pop()
                && range.start < start
            {
                pieces.push(DetectedPiece::Raw(range.start..start));
            }
            pieces.push(DetectedPiece::Encoded(run));
            pieces
        }
        None => pieces,
    }
}

/// The run that makes the table, and its first stored byte.
fn table_in_frames(
    stored: &[u8],
    content: &[u8],
    pieces: &[DetectedPiece],
) -> Option<(EncodeRun, usize)> {
    let Some(DetectedPiece::Raw(last)) = pieces.last() else { return None };
    let frames = skippable_frames(stored, last.clone())?;
    let found = found_in_frames(stored, &frames)?;
    let spans = spans(pieces, |start| {
        let len = zstd_safe::find_frame_compressed_size(stored.get(start..)?).ok()?;
        Some(start + len)
    })?;
    let run = found.run(content, &spans, stored)?;
    Some((run, usize::try_from(found.start).ok()?))
}

/// What skippable frames hold that follow each other in a range of stored bytes.
fn skippable_frames(stored: &[u8], range: Range<usize>) -> Option<Vec<Range<usize>>> {
    let mut frames = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let rest = stored.get(at..range.end)?;
        let len = *rest.get(4..)?.first_chunk().filter(|_| Compression::is_skippable(rest))?;
        let start = at + SKIPPABLE_HEADER;
        at = start.checked_add(usize::try_from(u32::from_le_bytes(len)).ok()?)?;
        frames.push(start..at);
    }
    (at == range.end).then_some(frames)
}

fn found_in_frames<'a>(stored: &'a [u8], frames: &[Range<usize>]) -> Option<Found<'a>> {
    let (footer, frames) = frames.split_last()?;
    let (kind, texts) = match (footer.len(), frames) {
        (FOOTER, [.., manifest, tar_split]) => (Kind::Chunked, vec![tar_split, manifest]),
        (SHORT_FOOTER, [.., manifest]) => (Kind::ChunkedAlone, vec![manifest]),
        _ => return None,
    };
    let start = texts.last()?.start.checked_sub(SKIPPABLE_HEADER)? as u64;
    let mut decoded = Vec::new();
    let mut writers = Vec::new();
    for frame in &texts {
        let frame = stored.get(frame.start..frame.end)?;
        let text = decode(frame)?;
        let writer = writer(frame, &text)?;
        decoded.push(text);
        writers.push((writer.encoder, writer.parameters));
    }
    let list = decoded.last()?;
    let (kind, style) = match kind {
        Kind::ChunkedAlone if list.starts_with(INDENTED) => {
            (Kind::StargzZstd, Style::of_index(list))
        }
        kind => (kind, Style::Chunked(ChunkedStyle::of(list, kind == Kind::Chunked))),
    };
    let tar_split = texts.first().filter(|_| kind == Kind::Chunked);
    let tar_split = tar_split.and_then(|range| stored.get(range.start..range.end));
    Some(Found { kind, style, texts: decoded, writers, tar_split, start, header: &[] })
}

/// What a frame holds, if that is no longer than a text may be.
fn decode(frame: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(frame).ok()?;
    decoder.window_log_max(limits::ZSTD_WINDOW_LOG).ok()?;
    let mut text = Vec::new();
    decoder.take(limits::TABLE_LEN + 1).read_to_end(&mut text).ok()?;
    (text.len() as u64 <= limits::TABLE_LEN).then_some(text)
}

/// Without the index: the length of the content, and the pieces.
pub(super) fn in_members(
    stored: &[u8],
    content: &[u8],
    members: &[Member],
    pieces: &[DetectedPiece],
) -> Option<(usize, Vec<DetectedPiece>)> {
    let [.., index, footer] = members else { return None };
    let is_footer = footer.content_len == 0
        && footer.start.checked_add(STARGZ_FOOTER) == Some(stored.len() as u64);
    let index_len = usize::try_from(index.content_len).ok().filter(|_| is_footer)?;
    let content_len = content.len().checked_sub(index_len)?;
    let (before, run) = split(pieces, members.len() - 2)?;
    let text = text_in_tar(content.get(content_len..)?)?;
    let found = Found {
        kind: Kind::Stargz,
        style: Style::of_index(text),
        texts: vec![text.to_vec()],
        writers: vec![(run.encoder, run.parameters.clone())],
        tar_split: None,
        start: index.start,
        header: &run.header,
    };
    let spans = spans(&before, |start| {
        let member = members.binary_search_by_key(&(start as u64), |member| member.start).ok()?;
        usize::try_from(members.get(member)?.deflate_end + TRAILER_LEN).ok()
    })?;
    let run = found.run(content.get(..content_len)?, &spans, stored)?;
    let mut pieces = before;
    pieces.push(DetectedPiece::Encoded(run));
    Some((content_len, pieces))
}

/// The pieces of so many members, and the run that makes the next one.
fn split(pieces: &[DetectedPiece], mut members: usize) -> Option<(Vec<DetectedPiece>, &EncodeRun)> {
    let mut before = Vec::new();
    for piece in pieces {
        match piece {
            // Bytes of a member that nobody makes stand before what passes over its content.
            DetectedPiece::Raw(_) if members == 0 => return None,
            DetectedPiece::Raw(_) => before.push(piece.clone()),
            DetectedPiece::Encoded(run) if run.lengths.len() <= members => {
                members -= run.lengths.len();
                before.push(piece.clone());
            }
            DetectedPiece::Encoded(run) => {
                let is_known = run.encoder != EncoderKind::Nothing.number()
                    && run.corrections.is_empty()
                    && run.framing == Framing::Gzip;
                let lengths = run.lengths[..members].to_vec();
                if !lengths.is_empty() {
                    before.push(DetectedPiece::Encoded(EncodeRun { lengths, ..run.clone() }));
                }
                return is_known.then_some((before, run));
            }
        }
    }
    None
}

/// The index in the tar that holds nothing else.
fn text_in_tar(tar: &[u8]) -> Option<&[u8]> {
    let block = tar.get(..BLOCK).filter(|block| block.starts_with(INDEX_NAME))?;
    let len = usize::from_str_radix(std::str::from_utf8(&block[SIZE]).ok()?, 8).ok()?;
    let text = tar.get(BLOCK..)?.get(..len)?;
    (len as u64 <= limits::TABLE_LEN).then_some(text)
}

/// Where pieces that take content lie; `end` tells where the one ends that begins at a stored byte.
fn spans(pieces: &[DetectedPiece], end: impl Fn(usize) -> Option<usize>) -> Option<Vec<Span>> {
    let mut spans = Vec::new();
    let mut at = 0;
    for piece in pieces {
        match piece {
            DetectedPiece::Raw(range) => at = range.end,
            DetectedPiece::Encoded(run) => {
                for content_len in &run.lengths {
                    let start = at;
                    if run.encoder != EncoderKind::Nothing.number() {
                        at = end(at)?;
                    }
                    let stored = start as u64..at as u64;
                    spans.push(Span { stored, content_len: *content_len });
                }
            }
        }
    }
    Some(spans)
}

impl Found<'_> {
    /// The run that makes the table behind a content, proved; `None` where that costs more than
    /// the stored bytes.
    fn run(&self, content: &[u8], spans: &[Span], stored: &[u8]) -> Option<EncodeRun> {
        let guesses = self.guess(content, spans)?;
        let texts = self.texts.iter().map(Vec::as_slice);
        let corrections = table::corrections(guesses.iter().map(Vec::as_slice).zip(texts.clone()))?;
        let parameters = Parameters {
            kind: self.kind,
            style: self.style.clone(),
            texts: self
                .texts
                .iter()
                .zip(&self.writers)
                .map(|(text, (encoder, parameters))| TextParameters {
                    len: text.len() as u64,
                    encoder: *encoder,
                    parameters: parameters.clone(),
                })
                .collect(),
        };
        let numbers = parameters.to_numbers();
        let start = usize::try_from(self.start).ok()?;
        let table = stored.get(start..)?;
        let texts: Vec<&[u8]> = texts.collect();
        let made = table::packed(&parameters, &texts, self.start)?;
        let is_made = table.strip_prefix(self.header) == Some(&made[..]);
        let is_worth_it = corrections.len() + size_of::<u64>() * numbers.len() <= table.len();
        (is_made && is_worth_it).then(|| EncodeRun {
            encoder: table::NUMBER,
            framing: Framing::Bare,
            parameters: numbers,
            header: self.header.to_vec(),
            corrections,
            lengths: vec![0],
        })
    }

    /// What is guessed of each text.
    fn guess(&self, content: &[u8], spans: &[Span]) -> Option<Vec<Vec<u8>>> {
        let lens: Vec<u64> = self.texts.iter().map(|text| text.len() as u64).collect();
        let mut watcher = Watcher::of(self.kind, &self.style, &lens);
        let mut guesses = vec![Vec::new(); self.texts.len()];
        let mut rest = content;
        for Span { stored, content_len } in spans {
            let piece;
            (piece, rest) = rest.split_at_checked(usize::try_from(*content_len).ok()?)?;
            watcher.begin_piece(stored.start);
            watcher.write(piece);
            watcher.end_piece(stored.end);
            drain(&mut watcher, &mut guesses);
        }
        watcher.finish();
        watcher.finish_list(self.tar_split.map(Digest::of));
        drain(&mut watcher, &mut guesses);
        rest.is_empty().then_some(guesses)
    }
}

fn drain(watcher: &mut Watcher, guesses: &mut [Vec<u8>]) {
    for (text, guess) in guesses.iter_mut().enumerate() {
        watcher.drain(text, &mut |bytes| guess.extend_from_slice(bytes));
    }
}
