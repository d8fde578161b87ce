//! Watches a content as it passes through encoders, and guesses the table that was made of it.

use super::book::{Cut, File, OpenFile};
use super::chunked::{Manifest, TarSplit};
use super::entry::Entry;
use super::parameters::most_guessed;
use super::stargz::Index;
use super::tar::{TarReader, Visitor};
use super::{Kind, Style};
use crate::digest::Digest;

/// Guesses texts piece by piece.
///
/// How the content is split over calls of [`Watcher::write`] does not change the guess; where
/// pieces begin and end does.
#[derive(Debug)]
pub struct Watcher {
    tar: TarReader,
    notes: Notes,
    /// Bytes of content so far.
    passed: u64,
}

/// What is written down of the entries.
#[derive(Debug)]
struct Notes {
    cut: Cut,
    /// Where the current piece begins among the stored bytes, and in the content.
    piece: (u64, u64),
    /// Bytes of content before those that are being taken apart.
    at: u64,
    open: Option<OpenFile>,
    /// A file that ended with the last byte; its piece may end there too.
    ended: Option<File>,
    tar_split: Option<TarSplit>,
    list: List,
}

/// A list of files.
#[derive(Debug)]
enum List {
    Manifest(Manifest),
    Index(Index),
}

impl Watcher {
    /// Watches for the texts of a kind of table, guessing of each as much as `most` says, in bytes.
    pub(super) fn new(kind: Kind, style: &Style, most: &[u64]) -> Self {
        let list_most = most.last().copied().unwrap_or(0);
        let tar_split = most.first().filter(|_| kind == Kind::Chunked);
        let (cut, list) = match style {
            Style::Chunked(style) => {
                (Cut::Pieces, List::Manifest(Manifest::new(style.clone(), list_most)))
            }
            Style::Stargz { chunk_len } => {
                (Cut::Every(*chunk_len), List::Index(Index::new(*chunk_len, list_most)))
            }
        };
        let notes = Notes {
            cut,
            piece: (0, 0),
            at: 0,
            open: None,
            ended: None,
            tar_split: tar_split.map(|most| TarSplit::new(*most)),
            list,
        };
        Self { tar: TarReader::new(), notes, passed: 0 }
    }

    /// Watches for texts of these lengths.
    pub fn of(kind: Kind, style: &Style, lens: &[u64]) -> Self {
        let most: Vec<u64> = lens.iter().map(|len| most_guessed(*len)).collect();
        Self::new(kind, style, &most)
    }

    /// A piece begins: its first stored byte, header included, is number `stored`.
    pub fn begin_piece(&mut self, stored: u64) {
        self.notes.settle(0);
        if self.tar.is_between() {
            self.notes.begin_part();
        }
        self.notes.piece = (stored, self.passed);
    }

    /// Takes the next bytes of the content.
    pub fn write(&mut self, content: &[u8]) {
        if content.is_empty() {
            return;
        }
        self.notes.settle(0);
        self.notes.at = self.passed;
        self.tar.push(content, &mut self.notes);
        self.passed += content.len() as u64;
    }

    /// The piece ends; `stored` is the number of stored bytes so far.
    pub fn end_piece(&mut self, stored: u64) {
        if self.notes.cut == Cut::Pieces
            && let Some(open) = &mut self.notes.open
        {
            open.end_chunk();
        }
        self.notes.settle(stored);
    }

    /// The content has ended.
    pub fn finish(&mut self) {
        self.notes.settle(0);
        self.tar.finish(&mut self.notes);
        if let Some(tar_split) = &mut self.notes.tar_split {
            tar_split.end();
        }
    }

    /// Ends the last text, which may hold the digest of the compressed text before it. To be called
    /// after [`Watcher::finish`].
    pub fn finish_list(&mut self, tar_split: Option<Digest>) {
        match &mut self.notes.list {
            List::Manifest(manifest) => manifest.end(tar_split),
            List::Index(index) => index.end(),
        }
    }

    /// Takes what was guessed of a text since the last call: texts are numbered in the order in
    /// which a table's parameters have them.
    pub fn drain(&mut self, text: usize, take: &mut dyn FnMut(&[u8])) {
        let draft = match (&mut self.notes.tar_split, &mut self.notes.list, text) {
            (Some(tar_split), _, 0) => tar_split.draft(),
            (Some(_), List::Manifest(manifest), 1) | (None, List::Manifest(manifest), 0) => {
                manifest.draft()
            }
            (None, List::Index(index), 0) => index.draft(),
            _ => return,
        };
        draft.drain(take);
    }
}

impl Notes {
    /// Lists a file that ended with the last byte; its piece ended at `end` of the stored bytes, or
    /// 0 where it did not.
    fn settle(&mut self, end: u64) {
        if let Some(file) = self.ended.take() {
            self.list(&File { end, ..file });
        }
    }

    fn list(&mut self, file: &File) {
        match &mut self.list {
            List::Manifest(manifest) => manifest.add(file),
            List::Index(index) => index.add(file),
        }
    }

    /// Another writer begins here.
    fn begin_part(&mut self) {
        if let List::Index(index) = &mut self.list {
            index.forget_owners();
        }
    }
}

impl Visitor for Notes {
    fn raw(&mut self, bytes: &[u8]) {
        self.at += bytes.len() as u64;
        // What follows a file within its piece tells that the piece goes on.
        self.settle(0);
        if let Some(tar_split) = &mut self.tar_split {
            tar_split.raw(bytes);
        }
    }

    fn entry(&mut self, entry: Entry, payload_len: u64) {
        if let Some(tar_split) = &mut self.tar_split {
            tar_split.segment();
        }
        if payload_len > 0 {
            self.open = Some(OpenFile::new(entry));
            return;
        }
        let file = File::empty(entry);
        if let Some(tar_split) = &mut self.tar_split {
            tar_split.add(&file);
        }
        self.list(&file);
    }

    fn payload(&mut self, bytes: &[u8]) {
        let (piece, piece_start) = self.piece;
        if let Some(open) = &mut self.open {
            open.write(bytes, self.cut, piece, self.at - piece_start);
        }
        self.at += bytes.len() as u64;
    }

    fn end_payload(&mut self) {
        let Some(open) = self.open.take() else { return };
        let file = open.end();
        if let Some(tar_split) = &mut self.tar_split {
            tar_split.add(&file);
        }
        self.ended = Some(file);
    }

    fn end(&mut self) {
        if let Some(tar_split) = &mut self.tar_split {
            tar_split.segment();
        }
    }

    fn trailing(&mut self, bytes: &[u8]) {
        self.settle(0);
        if let Some(tar_split) = &mut self.tar_split {
            tar_split.trailing(bytes);
        }
    }
}
