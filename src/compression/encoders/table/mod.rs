//! Encoder 10: the tables of contents of zstd:chunked and eStargz.
//!
//! Such a layer ends with a table that repeats every file's name, size, times and digest, and
//! where its bytes begin among the stored ones. All of that is in the content, and in the lengths
//! of what other encoders made of it. So a [`Watcher`] sees both pass by and guesses the texts of
//! the table; corrections, empty for the writers that are known, turn guesses into texts, and an
//! encoder of another number compresses them. A guess that is wrong costs corrections, never
//! exactness.
//!
//! What a table depends on lies before it, so it is no [`Encoder`] of its own piece: who runs
//! pieces shows a [`Table`] all of them, see [`Table::begin_piece`].
//!
//! Memory: the texts, one of their encoders at a time, and what is known of one file.

mod book;
mod check;
mod chunked;
mod draft;
mod edits;
mod entry;
mod parameters;
mod stargz;
mod tail;
mod tar;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod watcher;

pub use chunked::ChunkedStyle;
pub use parameters::{Kind, Parameters, Style, TextParameters};
pub(crate) use tail::INDEX_NAME;
pub use watcher::Watcher;

use super::{Encoder, EncoderError};
use crate::compression::encoders::table::text::Text;
use crate::digest::Digest;

/// The number in a delta.
pub const NUMBER: u32 = 10;

/// What kind of table it is, in words.
pub(super) fn name(parameters: &[u64]) -> String {
    let kind = parameters.first().and_then(|number| Kind::from_number(*number));
    format!("table of contents of {}", kind.map_or("an unknown kind", Kind::name))
}

/// Memory that a table is reckoned to take besides its texts' encoders, in bytes; 0 where the parameters are none.
pub(super) fn memory(parameters: &[u64]) -> u64 {
    Parameters::from_numbers(parameters).map_or(0, |parameters| parameters.memory())
}

/// A table while its content passes.
#[derive(Debug)]
pub struct Table {
    kind: Kind,
    watcher: Watcher,
    texts: Vec<Text>,
}

impl Table {
    /// Begins a table.
    ///
    /// # Errors
    /// When the parameters or the corrections are no table's.
    pub fn start(parameters: &[u64], corrections: &[u8]) -> Result<Self, EncoderError> {
        let refuse = |rule| EncoderError::Parameters { number: NUMBER, rule };
        let parameters = Parameters::from_numbers(parameters).map_err(refuse)?;
        let scripts = edits::split(corrections, parameters.texts.len()).map_err(refuse)?;
        let kind = parameters.kind;
        let watcher = Watcher::new(kind, &parameters.style, &parameters.most_guessed());
        let texts = parameters.texts.iter().zip(scripts);
        let texts = texts.map(|(text, script)| Text::start(kind, text, script));
        Ok(Self { kind, watcher, texts: texts.collect::<Result<_, _>>()? })
    }

    /// A piece before the table begins: its first stored byte, header included, is number `stored`.
    pub fn begin_piece(&mut self, stored: u64) {
        self.watcher.begin_piece(stored);
        self.update();
    }

    /// Takes content that the piece takes.
    pub fn write(&mut self, content: &[u8]) {
        self.watcher.write(content);
        self.update();
    }

    /// The piece ends; `stored` is the number of stored bytes so far.
    pub fn end_piece(&mut self, stored: u64) {
        self.watcher.end_piece(stored);
        self.update();
    }

    /// The content has ended: appends the table, whose own piece begins at the stored byte of
    /// number `stored`, header included. Texts are compressed in the memory of an encoder that is
    /// `idle`, if there is one.
    ///
    /// # Errors
    /// What rule the corrections or declared lengths break.
    pub fn finish(
        mut self,
        stored: u64,
        idle: &mut Option<Box<dyn Encoder>>,
        out: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        self.watcher.finish();
        self.update();
        let mut packed: Vec<Packed> = Vec::new();
        let count = self.texts.len();
        for (number, mut text) in self.texts.into_iter().enumerate() {
            if number + 1 == count {
                let tar_split = packed.first().map(|text: &Packed| Digest::of(&text.bytes));
                self.watcher.finish_list(tar_split);
            }
            self.watcher.drain(number, &mut |guess| text.write(guess));
            packed.push(text.finish(idle)?);
        }
        tail::put(self.kind, stored, &packed, out)
    }

    fn update(&mut self) {
        for (number, text) in self.texts.iter_mut().enumerate() {
            self.watcher.drain(number, &mut |guess| text.write(guess));
        }
    }
}

/// A text, compressed.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) bytes: Vec<u8>,
    /// Length of the text.
    pub(crate) len: u64,
    /// CRC-32 and length of what was compressed, where the kind has them.
    pub(crate) trailer: [u8; 8],
}

/// The corrections that make the texts of guesses; `None` where they have little in common.
pub fn corrections<'t>(texts: impl Iterator<Item = (&'t [u8], &'t [u8])>) -> Option<Vec<u8>> {
    let scripts: Option<Vec<_>> = texts.map(|(guess, text)| edits::script(guess, text)).collect();
    Some(edits::join(&scripts?))
}

/// What a table makes of texts that are known, its own piece beginning at the stored byte of number
/// `stored`; `None` where it cannot.
pub fn packed(parameters: &Parameters, texts: &[&[u8]], stored: u64) -> Option<Vec<u8>> {
    let mut packed = Vec::new();
    for (text, bytes) in parameters.texts.iter().zip(texts) {
        let script = edits::Script::new(Vec::new()).ok()?;
        let mut text = Text::start(parameters.kind, text, script).ok()?;
        text.write(bytes);
        packed.push(text.finish(&mut None).ok()?);
    }
    let mut out = Vec::new();
    tail::put(parameters.kind, stored, &packed, &mut out).ok()?;
    Some(out)
}
