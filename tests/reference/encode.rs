//! Section 8.2: re-encodes.

use chunkdelta::compression::encoders::{self, EncoderError, Setup};
use flate2::Crc;

use super::tables::Cursor;
use super::{Refusal, damaged, must, table};

/// What a re-encoded node is made of.
#[derive(Debug)]
pub(super) enum Item {
    /// The bytes of a literal.
    Literal(Vec<u8>),
    /// The pieces of an encode.
    Encode(Run),
}

/// An encode.
#[derive(Debug)]
pub(super) struct Run {
    encoder: u32,
    framing: u64,
    parameters: Vec<u64>,
    header: Vec<u8>,
    corrections: Vec<u8>,
    lengths: Vec<u64>,
}

impl Run {
    /// Reads one; the streams are numbers, lengths, literals 0, corrections.
    pub(super) fn read(streams: [&mut Cursor<'_>; 4], known: &[u32]) -> Result<Self, Refusal> {
        let [numbers, lengths, literals, corrections] = streams;
        let encoder = numbers.varint()?;
        let Some(encoder) = u32::try_from(encoder).ok().filter(|number| known.contains(number))
        else {
            return damaged("encoder that the way does not name");
        };
        let framing = numbers.varint()?;
        if framing > 1 {
            return Err(Refusal::Unsupported(format!("framing {framing}")));
        }
        let count = numbers.varint()?;
        let parameters: Vec<u64> =
            (0..count).map(|_| numbers.varint()).collect::<Result<_, _>>()?;
        if encoder == table::NUMBER {
            let inner = table::encoders(&parameters)?;
            must(inner.iter().all(|number| known.contains(number)), "encoder of a text")?;
        }
        let header = lengths.varint()?;
        let correction = lengths.varint()?;
        let count = lengths.varint()?;
        let lengths = (0..count).map(|_| lengths.varint()).collect::<Result<_, _>>()?;
        must(count != 0, "encode without pieces")?;
        must(count == 1 || correction == 0, "corrections of several pieces")?;
        let header = literals.take(header)?.to_vec();
        let corrections = corrections.take(correction)?.to_vec();
        Ok(Self { encoder, framing, parameters, header, corrections, lengths })
    }

    /// Whether `next`, directly behind, had to be merged into this one.
    pub(super) fn is_same(&self, next: &Self) -> bool {
        self.encoder == next.encoder
            && self.framing == next.framing
            && self.parameters == next.parameters
            && self.header == next.header
            && self.corrections.is_empty()
            && next.corrections.is_empty()
    }

    fn setup(&self, content_len: u64) -> Setup<'_> {
        let Self { parameters, corrections, .. } = self;
        Setup { number: self.encoder, parameters, corrections, content_len }
    }

    /// Makes the pieces from the next bytes of the content.
    fn make(
        &self,
        content: &mut Cursor<'_>,
        out: &mut Vec<u8>,
        seen: &mut Seen,
    ) -> Result<(), Refusal> {
        if self.encoder == table::NUMBER {
            must(self.lengths == [0], "a table that takes content")?;
            must(self.framing == 0, "a table with a framing")?;
            must(!std::mem::replace(&mut seen.has_table, true), "two tables")?;
            let at = out.len() as u64;
            out.extend(&self.header);
            return table::make(&self.parameters, &self.corrections, seen, at, out);
        }
        must(!seen.has_table, "an encode behind a table")?;
        for &length in &self.lengths {
            let taken = content.take(length)?;
            seen.begin(out.len());
            out.extend(&self.header);
            let mut encoder = match encoders::start(&self.setup(length)) {
                Ok(encoder) => encoder,
                Err(EncoderError::Unknown { number } | EncoderError::Replaced { number }) => {
                    return Err(Refusal::Unsupported(format!("encoder {number}")));
                }
                Err(EncoderError::Parameters { .. }) => return damaged("an encoder's parameters"),
            };
            encoder.write(taken, out);
            encoder.finish(out);
            if self.framing == 1 {
                let mut check = Crc::new();
                check.update(taken);
                out.extend(check.sum().to_le_bytes());
                out.extend(&length.to_le_bytes()[..4]);
            }
            seen.end(taken, out.len());
        }
        Ok(())
    }
}

/// The pieces so far, for a table: what each takes, and where its bytes begin and end.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) pieces: Vec<(Vec<u8>, u64, u64)>,
    begun: u64,
    has_table: bool,
}

impl Seen {
    fn begin(&mut self, made: usize) {
        self.begun = made as u64;
    }

    fn end(&mut self, taken: &[u8], made: usize) {
        self.pieces.push((taken.to_vec(), self.begun, made as u64));
    }
}

/// What the encoders take at most, by section 10.8.
pub(super) fn memory(items: &[Item]) -> u64 {
    let runs = items.iter().filter_map(|item| match item {
        Item::Encode(run) => Some(run),
        Item::Literal(_) => None,
    });
    let (mut most, mut beside) = (0, 0_u64);
    for run in runs {
        for &len in &run.lengths {
            let memory = encoders::memory(&run.setup(len));
            if run.encoder == table::NUMBER {
                beside = beside.saturating_add(memory);
                most = most.max(table::memory(&run.parameters));
            } else {
                most = most.max(memory);
            }
        }
    }
    most.saturating_add(beside)
}

/// The node that `items` make of the content.
pub(super) fn make(items: &[Item], content: &[u8]) -> Result<Vec<u8>, Refusal> {
    let (mut content, mut out, mut seen) = (Cursor(content), Vec::new(), Seen::default());
    for item in items {
        match item {
            Item::Literal(bytes) => out.extend(bytes),
            Item::Encode(run) => run.make(&mut content, &mut out, &mut seen)?,
        }
    }
    must(content.0.is_empty(), "pieces do not take the whole content")?;
    Ok(out)
}
