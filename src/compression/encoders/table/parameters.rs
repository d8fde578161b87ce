//! Parameters of a table, as types and as numbers.

use super::chunked::ChunkedStyle;
use super::stargz::Index;
use super::tail;
use crate::compression::encoders::Setup;
use crate::limits;

/// Where a table stands, and what is around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// zstd:chunked: the manifest, tar-split and a footer of 64 bytes, each in a skippable frame.
    Chunked = 1,
    /// zstd:chunked before tar-split: the manifest and a footer of 40 bytes.
    ChunkedAlone = 2,
    /// eStargz: the index as a tar in a gzip member, behind a header that the piece has; a member
    /// as footer.
    Stargz = 3,
    /// eStargz with zstd: the index and a footer of 40 bytes, each in a skippable frame.
    StargzZstd = 4,
}

/// What is guessed of a text before anybody takes it, in bytes: one file's entries and some more.
const AT_ONCE: u64 = 12 << 20;

/// Memory that a table takes in any case: what is known of one file.
const FIXED_MEMORY: u64 = 12 << 20;

/// How much is guessed of a text of `len` bytes, in bytes: no text that is worth its corrections
/// loses more than half of a guess.
pub(super) fn most_guessed(len: u64) -> u64 {
    2 * len + (64 << 10)
}

impl Kind {
    const ALL: [Self; 4] = [Self::Chunked, Self::ChunkedAlone, Self::Stargz, Self::StargzZstd];

    pub(super) fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u64 == number)
    }

    /// What it is called.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Chunked => "zstd:chunked",
            Self::ChunkedAlone => "zstd:chunked without tar-split",
            Self::Stargz => "eStargz",
            Self::StargzZstd => "eStargz in zstd",
        }
    }

    const fn texts(self) -> usize {
        match self {
            Self::Chunked => 2,
            Self::ChunkedAlone | Self::Stargz | Self::StargzZstd => 1,
        }
    }
}

/// What the text of a table depends on besides the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Style {
    /// Of zstd:chunked.
    Chunked(ChunkedStyle),
    /// Of eStargz.
    Stargz {
        /// Length of a file's chunks but the last; at least 4 KiB.
        chunk_len: u64,
    },
}

impl Style {
    /// The style in which an index of eStargz is written, as far as that shows.
    pub fn of_index(index: &[u8]) -> Self {
        Self::Stargz { chunk_len: Index::chunk_len_of(index).max(limits::TABLE_CHUNK_LEN) }
    }
}

/// A text and what compresses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextParameters {
    /// Length of the text in bytes.
    pub len: u64,
    /// Number of the encoder.
    pub encoder: u32,
    /// The encoder's parameters.
    pub parameters: Vec<u64>,
}

/// Everything but content and corrections that a table depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// What it is.
    pub kind: Kind,
    /// How it is written.
    pub style: Style,
    /// Of zstd:chunked tar-split and the manifest, otherwise the one text.
    pub texts: Vec<TextParameters>,
}

impl Parameters {
    /// Reads numbers: the kind; options, or the length of chunks; for each text its length, the
    /// encoder, the number of its parameters and these; the numbers of a zone.
    ///
    /// # Errors
    /// What rule they break.
    pub fn from_numbers(numbers: &[u64]) -> Result<Self, &'static str> {
        let [kind, option, rest @ ..] = numbers else { return Err("a table has a kind") };
        let kind = Kind::from_number(*kind).ok_or("kinds of tables are 1 to 4")?;
        let mut rest = rest;
        let mut texts = Vec::with_capacity(kind.texts());
        for _ in 0..kind.texts() {
            let text;
            (text, rest) = TextParameters::from_numbers(rest)?;
            texts.push(text);
        }
        let style = match kind {
            Kind::Chunked | Kind::ChunkedAlone => {
                let has_tar_split = kind == Kind::Chunked;
                let style = ChunkedStyle::from_numbers(*option, rest, has_tar_split);
                Style::Chunked(style.ok_or("a table has options and a zone that there are")?)
            }
            Kind::Stargz | Kind::StargzZstd if *option < limits::TABLE_CHUNK_LEN => {
                return Err("chunks have 4 KiB at least");
            }
            Kind::Stargz | Kind::StargzZstd if !rest.is_empty() => {
                return Err("an index has no zone");
            }
            Kind::Stargz | Kind::StargzZstd => Style::Stargz { chunk_len: *option },
        };
        Ok(Self { kind, style, texts })
    }

    /// How much is guessed of each text at most, in bytes.
    pub(super) fn most_guessed(&self) -> Vec<u64> {
        self.texts.iter().map(|text| most_guessed(text.len)).collect()
    }

    /// Memory that a table is reckoned to take besides its texts' encoders, in bytes: for each text
    /// its length, what it is compressed to, and what is guessed at once.
    pub(super) fn memory(&self) -> u64 {
        let memory = |text: &TextParameters| {
            text.len + text.most_packed() + most_guessed(text.len).min(AT_ONCE)
        };
        FIXED_MEMORY + self.texts.iter().map(memory).sum::<u64>()
    }

    /// What the encoders of the texts are started with.
    pub fn setups(&self) -> impl Iterator<Item = Setup<'_>> {
        self.texts.iter().map(|text| text.setup(self.kind))
    }

    /// The numbers that say it.
    pub fn to_numbers(&self) -> Vec<u64> {
        let (option, zones) = match &self.style {
            Style::Chunked(style) => style.to_numbers(),
            Style::Stargz { chunk_len } => (*chunk_len, Vec::new()),
        };
        let mut numbers = vec![self.kind as u64, option];
        for TextParameters { len, encoder, parameters } in &self.texts {
            numbers.extend([*len, u64::from(*encoder), parameters.len() as u64]);
            numbers.extend(parameters);
        }
        numbers.extend(zones);
        numbers
    }
}

impl TextParameters {
    /// How long it may be when compressed, in bytes.
    pub(super) fn most_packed(&self) -> u64 {
        self.len / 4 + (64 << 10)
    }

    /// What its encoder is started with.
    pub(super) fn setup(&self, kind: Kind) -> Setup<'_> {
        let around = match kind {
            Kind::Stargz => tail::index_around(self.len).iter().map(Vec::len).sum(),
            _ => 0,
        };
        Setup {
            number: self.encoder,
            parameters: &self.parameters,
            corrections: &[],
            content_len: self.len + around as u64,
        }
    }

    fn from_numbers(numbers: &[u64]) -> Result<(Self, &[u64]), &'static str> {
        let [len, encoder, count, rest @ ..] = numbers else {
            return Err("a text has a length and an encoder");
        };
        if *len > limits::TABLE_LEN {
            return Err("a text has its ceiling");
        }
        let encoder = u32::try_from(*encoder).ok().filter(|number| *number != super::NUMBER);
        let encoder = encoder.ok_or("a text has an encoder that compresses it")?;
        let count = usize::try_from(*count).ok().filter(|count| *count <= rest.len());
        let (parameters, rest) = rest.split_at(count.ok_or("an encoder has its parameters")?);
        Ok((Self { len: *len, encoder, parameters: parameters.to_vec() }, rest))
    }
}
