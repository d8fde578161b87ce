//! Reading one part.

use super::{Block, CopyEnds};
use crate::format::instruction::{COPY, HEADER, HEX_DIGEST, LITERAL, MEMBERS, PATCH, PLACE, ZERO};
use crate::format::piece::{ENCODE, broken_order};
use crate::format::stream::STREAM_KINDS;
use crate::format::{
    Class, EncodeRun, FormatError, Framing, HEADER_CLASS, HeaderModel, Instruction, KeptRange,
    Piece, StreamKind, varint,
};

/// Decoded streams of a group, each read from front to back.
pub trait StreamBytes {
    /// Fills `buf` with the next bytes of a stream.
    ///
    /// # Errors
    /// Damage when the stream is absent or ends too early.
    fn fill(&mut self, stream: StreamKind, buf: &mut [u8]) -> Result<(), FormatError>;

    /// Returns the next byte of a stream: what most is read by, millions of times.
    ///
    /// # Errors
    /// As [`StreamBytes::fill`].
    fn byte(&mut self, stream: StreamKind) -> Result<u8, FormatError> {
        let mut byte = [0];
        self.fill(stream, &mut byte)?;
        Ok(byte[0])
    }
}

/// Bytes that are passed over at once.
const SKIP_LEN: usize = 64 << 10;

/// Reads one part: hands out its instructions and literal bytes, never more than it declares.
#[derive(Debug)]
pub struct PartReader<'a, S> {
    streams: &'a mut S,
    left: [u64; STREAM_KINDS],
    previous: Option<Instruction>,
    previous_run: Option<EncodeRun>,
    model: HeaderModel,
    ends: CopyEnds,
}

impl<'a, S: StreamBytes> PartReader<'a, S> {
    /// Starts a part that takes `taken` bytes from each kind of stream.
    pub fn new(streams: &'a mut S, taken: [u64; STREAM_KINDS]) -> Self {
        Self {
            streams,
            left: taken,
            previous: None,
            previous_run: None,
            model: HeaderModel::default(),
            ends: CopyEnds::default(),
        }
    }

    /// Returns what is kept of the `made` bytes of the part; to be called before anything else.
    ///
    /// # Errors
    /// Damage for ranges that do not ascend, that touch, or that reach outside.
    pub fn kept_ranges(&mut self, made: u64) -> Result<Vec<KeptRange>, FormatError> {
        let mut ranges: Vec<KeptRange> = Vec::new();
        let mut end = 0_u64;
        while self.left[StreamKind::Kept.slot()] > 0 {
            let gap = self.varint(StreamKind::Kept)?;
            let length = self.varint(StreamKind::Kept)?;
            let groups = u32::try_from(self.varint(StreamKind::Kept)?);
            let groups = groups.map_err(|_| rule("a number of groups fits 32 bits"))?;
            let start = end.checked_add(gap);
            let start = start.ok_or(rule("a kept range fits 64 bits"))?;
            let range = KeptRange { start, length, groups };
            end = start
                .checked_add(length)
                .filter(|end| length > 0 && *end <= made)
                .ok_or(rule("a kept range is not empty and inside its part"))?;
            if let Some(broken) = broken_order(ranges.last(), &range) {
                return Err(rule(broken));
            }
            ranges.push(range);
        }
        Ok(ranges)
    }

    /// Returns the next piece of a re-encode part, or `None` at its end.
    ///
    /// # Errors
    /// Unsupported for an instruction or framing that is not known, damage for any broken rule of
    /// section 8.2 that needs no knowledge of nodes.
    pub fn piece(&mut self) -> Result<Option<Piece>, FormatError> {
        if self.left[StreamKind::Instructions.slot()] == 0 {
            return self.finished().map(|()| None);
        }
        let number = self.byte(StreamKind::Instructions)?;
        let previous_run = self.previous_run.take();
        let previous_literal = self.previous.take();
        match number {
            ENCODE => {
                let run = self.encode_run()?;
                if previous_run.is_some_and(|previous| previous.takes(&run)) {
                    return Err(rule("neighbours are merged"));
                }
                self.previous_run = Some(EncodeRun { lengths: Vec::new(), ..run.clone() });
                Ok(Some(Piece::Encode(run)))
            }
            COPY | ZERO | PLACE | HEX_DIGEST | PATCH | MEMBERS | HEADER => {
                Err(rule("a re-encode part has encodes and literals alone"))
            }
            number => {
                let (class, length) = self.literal_of(number)?;
                let literal = Instruction::Literal { class, length };
                if previous_literal.is_some_and(|previous| previous.merged(literal).is_some()) {
                    return Err(rule("neighbours are merged"));
                }
                self.previous = Some(literal);
                Ok(Some(Piece::Literal { class, length }))
            }
        }
    }

    fn encode_run(&mut self) -> Result<EncodeRun, FormatError> {
        let encoder = self.number()?;
        let framing = Framing::from_number(self.number()?)?;
        let parameters = self.values(StreamKind::Numbers)?;
        let header_len = self.varint(StreamKind::Lengths)?;
        let corrections_len = self.varint(StreamKind::Lengths)?;
        let lengths = self.values(StreamKind::Lengths)?;
        if lengths.is_empty() || (corrections_len > 0 && lengths.len() > 1) {
            return Err(rule("an encode has a piece, and one alone if it has corrections"));
        }
        let header = self.bytes(StreamKind::Literals(HEADER_CLASS), header_len)?;
        let corrections = self.bytes(StreamKind::Corrections, corrections_len)?;
        Ok(EncodeRun { encoder, framing, parameters, header, corrections, lengths })
    }

    /// A count and that many values; each has a byte at least, which bounds the count.
    fn values(&mut self, stream: StreamKind) -> Result<Vec<u64>, FormatError> {
        let count = self.varint(stream)?;
        if count > self.left[stream.slot()] {
            return Err(rule("a part takes no more than it declares"));
        }
        (0..count).map(|_| self.varint(stream)).collect()
    }

    fn bytes(&mut self, stream: StreamKind, len: u64) -> Result<Vec<u8>, FormatError> {
        let fits = usize::try_from(len).ok().filter(|_| len <= self.left[stream.slot()]);
        let mut bytes = vec![0; fits.ok_or(rule("a part takes no more than it declares"))?];
        // The group need not have a stream of which nothing is taken.
        if !bytes.is_empty() {
            self.take(stream, &mut bytes)?;
        }
        Ok(bytes)
    }

    /// Returns the next instruction, or `None` at the end of the part.
    ///
    /// # Errors
    /// Unsupported for an instruction that is not known, damage for any broken rule of section 8
    /// that needs no knowledge of nodes.
    pub fn instruction(&mut self) -> Result<Option<Instruction>, FormatError> {
        if self.left[StreamKind::Instructions.slot()] == 0 {
            return self.finished().map(|()| None);
        }
        let number = self.byte(StreamKind::Instructions)?;
        let instruction = match number {
            COPY => {
                let (node, offset, length) = self.copy()?;
                Instruction::Copy { node, offset, length }
            }
            PATCH => {
                let (node, offset, length) = self.copy()?;
                Instruction::Patch { node, offset, length }
            }
            MEMBERS => {
                let (node, offset, length) = self.copy()?;
                Instruction::Members { node, offset, length }
            }
            HEADER => Instruction::Header,
            ZERO => Instruction::Zero { length: self.length()? },
            PLACE => Instruction::Place { node: self.number()? },
            HEX_DIGEST => Instruction::HexDigest { digest: self.number()? },
            ENCODE => return Err(rule("a recipe has no encodes")),
            number => {
                let (class, length) = self.literal_of(number)?;
                Instruction::Literal { class, length }
            }
        };
        if self.previous.is_some_and(|previous| previous.merged(instruction).is_some()) {
            return Err(rule("neighbours are merged"));
        }
        self.previous = Some(instruction);
        Ok(Some(instruction))
    }

    /// Returns how many bytes lie before the next differing one of the `left` that an instruction has
    /// still to make; `left` where there is none.
    ///
    /// # Errors
    /// Damage for more.
    pub(in crate::format) fn gap(&mut self, left: u64) -> Result<u64, FormatError> {
        let gap = self.varint(StreamKind::Gaps)?;
        if gap <= left { Ok(gap) } else { Err(rule("differences lie inside their instruction")) }
    }

    /// Returns what the next differing byte is more than the one that it is made from.
    ///
    /// # Errors
    /// Damage for one that does not differ.
    pub(in crate::format) fn difference(&mut self) -> Result<u8, FormatError> {
        match self.byte(StreamKind::Differences)? {
            0 => Err(rule("a difference is not 0")),
            difference => Ok(difference),
        }
    }

    /// Makes the next header of `source`; `None` is the last header of the part.
    ///
    /// # Errors
    /// Damage for what docs/headers.md does not have.
    pub fn header(&mut self, source: Option<&Block>) -> Result<Block, FormatError> {
        let source = source.copied().unwrap_or(*self.model.last());
        let mut model = std::mem::take(&mut self.model);
        let made = model.decode(&source, || self.byte(StreamKind::Headers));
        self.model = model;
        made
    }

    /// Fills `buf` with the next literal bytes of a class.
    pub fn literal(&mut self, class: Class, buf: &mut [u8]) -> Result<(), FormatError> {
        self.take(StreamKind::Literals(class), buf)
    }

    /// Passes over all that the part takes.
    ///
    /// # Errors
    /// What the streams give.
    pub fn skip(&mut self) -> Result<(), FormatError> {
        let mut buf = vec![0; SKIP_LEN];
        for kind in (0..STREAM_KINDS).filter_map(StreamKind::at_slot) {
            while self.left[kind.slot()] > 0 {
                let left = usize::try_from(self.left[kind.slot()]).unwrap_or(usize::MAX);
                self.take(kind, &mut buf[..left.min(SKIP_LEN)])?;
            }
        }
        Ok(())
    }

    /// The next `len` literal bytes of a class, which must be left.
    ///
    /// # Errors
    /// Damage where the part has fewer.
    pub fn literal_bytes(&mut self, class: Class, len: u64) -> Result<Vec<u8>, FormatError> {
        self.bytes(StreamKind::Literals(class), len)
    }

    fn literal_of(&mut self, number: u8) -> Result<(Class, u64), FormatError> {
        let class = number
            .checked_sub(LITERAL)
            .and_then(Class::from_number)
            .ok_or(FormatError::Unsupported { what: "instruction", number: number.into() })?;
        Ok((class, self.length()?))
    }

    fn copy(&mut self) -> Result<(u32, u64, u64), FormatError> {
        let node = self.number()?;
        let length = self.length()?;
        let difference = varint::unzigzag(self.varint(StreamKind::Offsets)?);
        let offset = self
            .ends
            .of(node)
            .checked_add_signed(difference)
            .ok_or(rule("a copy's offset fits 64 bits"))?;
        let end = offset.checked_add(length).ok_or(rule("a copy's end fits 64 bits"))?;
        self.ends.set(node, end);
        Ok((node, offset, length))
    }

    fn length(&mut self) -> Result<u64, FormatError> {
        match self.varint(StreamKind::Lengths)? {
            0 => Err(rule("nothing has length 0")),
            length => Ok(length),
        }
    }

    fn number(&mut self) -> Result<u32, FormatError> {
        u32::try_from(self.varint(StreamKind::Numbers)?).map_err(|_| rule("a row fits 32 bits"))
    }

    fn varint(&mut self, stream: StreamKind) -> Result<u64, FormatError> {
        let first = self.byte(stream)?;
        // Most are that short.
        if first < 0x80 {
            return Ok(first.into());
        }
        let mut first = Some(first);
        varint::take(|| first.take().map_or_else(|| self.byte(stream), Ok), stream.name())
    }

    fn take(&mut self, stream: StreamKind, buf: &mut [u8]) -> Result<(), FormatError> {
        self.count(stream, buf.len() as u64)?;
        self.streams.fill(stream, buf)
    }

    fn byte(&mut self, stream: StreamKind) -> Result<u8, FormatError> {
        self.count(stream, 1)?;
        self.streams.byte(stream)
    }

    /// Counts `len` bytes that are to be taken.
    fn count(&mut self, stream: StreamKind, len: u64) -> Result<(), FormatError> {
        let left = &mut self.left[stream.slot()];
        *left =
            left.checked_sub(len).ok_or_else(|| rule("a part takes no more than it declares"))?;
        Ok(())
    }

    fn finished(&self) -> Result<(), FormatError> {
        if self.left.iter().all(|left| *left == 0) {
            Ok(())
        } else {
            Err(rule("a part takes all that it declares"))
        }
    }
}

fn rule(rule: &'static str) -> FormatError {
    FormatError::Rule { rule, place: "instruction", row: 0 }
}
