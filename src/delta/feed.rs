//! A re-encode while its content comes: pieces in order, each header, encoded bytes and trailer.

use super::ApplyError;
use crate::compression::encoders::table::{self, Table};
use crate::compression::encoders::{self, Encoder, EncoderError};
use crate::format::{EncodeRun, FormatError, Framing};

/// One entry of a re-encode part, with the bytes it carries.
pub(super) enum Carried {
    Literal(Vec<u8>),
    Encode(EncodeRun),
}

impl Carried {
    fn is_table(&self) -> bool {
        matches!(self, Self::Encode(run) if run.encoder == table::NUMBER)
    }
}

/// What turns a content into the bytes of a node.
pub(super) struct Feed {
    /// What has not begun.
    rest: std::vec::IntoIter<Carried>,
    open: Option<OpenRun>,
    /// An encoder that is done, for the next piece or the next feed.
    idle: Option<Box<dyn Encoder>>,
    /// The table at the end, which sees all that comes before it.
    table: Option<Table>,
    /// Length of the node, and how many of its bytes were given out by earlier calls.
    len: u64,
    made: u64,
    /// The most that its encoders take, by their reckoning, in bytes.
    memory: u64,
}

struct OpenRun {
    run: EncodeRun,
    /// Pieces that have begun.
    begun: usize,
    piece: OpenPiece,
}

struct OpenPiece {
    encoder: Box<dyn Encoder>,
    /// Bytes of content that it still takes.
    left: u64,
    check: flate2::Crc,
}

/// Bytes that one call gives out, behind those that stand in its buffer already.
struct Out<'o> {
    bytes: &'o mut Vec<u8>,
    start: usize,
    /// Number of the node's byte that was the first of them.
    first: u64,
}

impl Out<'_> {
    /// Number of the node's byte that comes next.
    fn at(&self) -> u64 {
        self.first + (self.bytes.len() - self.start) as u64
    }
}

impl Feed {
    /// Pieces that make a node of `len` bytes, in the memory of an encoder that is done, if there
    /// is one.
    pub(super) fn new(
        pieces: Vec<Carried>,
        len: u64,
        idle: Option<Box<dyn Encoder>>,
    ) -> Result<Self, ApplyError> {
        let table = match pieces.iter().find(|piece| piece.is_table()) {
            Some(Carried::Encode(run)) => Some(start_table(run, &pieces)?),
            _ => None,
        };
        let memory = encoder_memory(pieces.iter().filter_map(|piece| match piece {
            Carried::Encode(run) => Some(run),
            Carried::Literal(_) => None,
        }));
        Ok(Self { rest: pieces.into_iter(), open: None, idle, table, len, made: 0, memory })
    }

    /// The most memory that its encoders take, by their reckoning, in bytes.
    pub(super) fn memory(&self) -> u64 {
        self.memory
    }

    /// Begins: appends what stands before the first byte of content.
    pub(super) fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), ApplyError> {
        let mut out = self.out(out);
        self.advance(&mut out)?;
        self.count(&out)
    }

    /// Takes the next bytes of the content; appends what became ready.
    pub(super) fn write(
        &mut self,
        mut content: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), ApplyError> {
        let mut out = self.out(out);
        while !content.is_empty() {
            let Some(OpenRun { piece, .. }) = &mut self.open else {
                return Err(broken("pieces take all of the content"));
            };
            let len = usize::try_from(piece.left).unwrap_or(usize::MAX).min(content.len());
            let (now, later) = content.split_at(len);
            piece.encoder.write(now, out.bytes);
            piece.check.update(now);
            piece.left -= len as u64;
            content = later;
            let is_done = piece.left == 0;
            if let Some(table) = &mut self.table {
                table.write(now);
            }
            if is_done {
                self.advance(&mut out)?;
            }
        }
        self.count(&out)
    }

    /// The content has ended, and so must the node. Gives an encoder that is done, if there is one.
    pub(super) fn end(self) -> Result<Option<Box<dyn Encoder>>, ApplyError> {
        if self.open.is_some() || self.rest.len() > 0 {
            return Err(broken("pieces take no more than the content"));
        }
        if self.made < self.len {
            return Err(broken("pieces make the whole node"));
        }
        Ok(self.idle)
    }

    /// Ends a piece that took its content and begins those that need none, up to one that does.
    fn advance(&mut self, out: &mut Out<'_>) -> Result<(), ApplyError> {
        loop {
            // Pieces without content could otherwise make more than the node before anybody looks.
            if out.at() > self.len {
                return Err(broken("pieces make no more than the node"));
            }
            if self.open.as_ref().is_some_and(|open| open.piece.left > 0) {
                return Ok(());
            }
            match self.open.take() {
                Some(OpenRun { run, begun, piece }) => {
                    self.idle = Some(piece.finish(run.framing, out.bytes));
                    if let Some(table) = &mut self.table {
                        table.end_piece(out.at());
                    }
                    if begun < run.lengths.len() {
                        self.begin_piece(run, begun, out)?;
                    }
                }
                None => match self.rest.next() {
                    None => return Ok(()),
                    Some(Carried::Literal(bytes)) => out.bytes.extend(bytes),
                    Some(piece) if piece.is_table() => self.put_table(&piece, out)?,
                    Some(Carried::Encode(run)) => self.begin_piece(run, 0, out)?,
                },
            }
        }
    }

    fn begin_piece(
        &mut self,
        run: EncodeRun,
        number: usize,
        out: &mut Out<'_>,
    ) -> Result<(), ApplyError> {
        if let Some(table) = &mut self.table {
            table.begin_piece(out.at());
        }
        let piece = OpenPiece::begin(&run, number, self.idle.take(), out.bytes)?;
        self.open = Some(OpenRun { run, begun: number + 1, piece });
        Ok(())
    }

    fn put_table(&mut self, piece: &Carried, out: &mut Out<'_>) -> Result<(), ApplyError> {
        let (Carried::Encode(run), Some(table)) = (piece, self.table.take()) else {
            return Err(broken("a table comes once"));
        };
        let at = out.at();
        out.bytes.extend_from_slice(&run.header);
        table.finish(at, &mut self.idle, out.bytes).map_err(broken)
    }

    fn out<'o>(&self, bytes: &'o mut Vec<u8>) -> Out<'o> {
        let start = bytes.len();
        Out { bytes, start, first: self.made }
    }

    fn count(&mut self, out: &Out<'_>) -> Result<(), ApplyError> {
        self.made = out.at();
        if self.made > self.len {
            return Err(broken("pieces make no more than the node"));
        }
        Ok(())
    }
}

/// Begins the table that a run makes, which has to be the last of all pieces.
fn start_table(run: &EncodeRun, pieces: &[Carried]) -> Result<Table, ApplyError> {
    if run.lengths[..] != [0] || run.framing != Framing::Bare {
        return Err(broken("a table takes no content and has no framing"));
    }
    let is_encode = |piece: &&Carried| matches!(piece, Carried::Encode(_));
    if !pieces.iter().rfind(is_encode).is_some_and(Carried::is_table)
        || pieces.iter().filter(|piece| piece.is_table()).count() > 1
    {
        return Err(broken("a table comes once, behind all other encodes"));
    }
    Table::start(&run.parameters, &run.corrections).map_err(refused(run.encoder))
}

/// What an encoder's refusal means of a delta.
fn refused(encoder: u32) -> impl Fn(EncoderError) -> ApplyError {
    move |error| match error {
        EncoderError::Unknown { number } | EncoderError::Replaced { number } => {
            FormatError::Unsupported { what: "encoder", number: number.into() }.into()
        }
        EncoderError::Parameters { rule, .. } => {
            FormatError::Rule { rule, place: "encoder", row: encoder.into() }.into()
        }
    }
}

impl OpenPiece {
    fn begin(
        run: &EncodeRun,
        number: usize,
        idle: Option<Box<dyn Encoder>>,
        out: &mut Vec<u8>,
    ) -> Result<Self, ApplyError> {
        let setup = setup(run, run.lengths[number]);
        let encoder = encoders::start_after(idle, &setup).map_err(refused(run.encoder))?;
        out.extend_from_slice(&run.header);
        Ok(Self { encoder, left: run.lengths[number], check: flate2::Crc::new() })
    }

    fn finish(mut self, framing: Framing, out: &mut Vec<u8>) -> Box<dyn Encoder> {
        self.encoder.finish(out);
        match framing {
            Framing::Bare => {}
            Framing::Gzip => {
                out.extend(self.check.sum().to_le_bytes());
                out.extend(self.check.amount().to_le_bytes());
            }
        }
        self.encoder
    }
}

/// The most memory that the encoders of a node's runs take, by their reckoning, in bytes: one after
/// the other, and those of a table's texts among them; the table itself is there all the time.
pub(super) fn encoder_memory<'r>(runs: impl Iterator<Item = &'r EncodeRun>) -> u64 {
    let (mut most, mut beside) = (0, 0_u64);
    for run in runs {
        let longest = run.lengths.iter().copied().max().unwrap_or(0);
        let memory = encoders::memory(&setup(run, longest));
        if run.encoder != table::NUMBER {
            most = memory.max(most);
        } else if let Ok(parameters) = table::Parameters::from_numbers(&run.parameters) {
            beside = beside.saturating_add(memory);
            let texts = parameters.setups().map(|setup| encoders::memory(&setup)).max();
            most = texts.unwrap_or(0).max(most);
        }
    }
    beside.saturating_add(most)
}

fn setup(run: &EncodeRun, content_len: u64) -> encoders::Setup<'_> {
    encoders::Setup {
        number: run.encoder,
        parameters: &run.parameters,
        corrections: &run.corrections,
        content_len,
    }
}

fn broken(rule: &'static str) -> ApplyError {
    FormatError::Rule { rule, place: "piece", row: 0 }.into()
}
