//! A part's instructions to and from the streams they lie in (docs/format.md sections 7.3 and 8).

use std::collections::HashMap;

use super::instruction::{COPY, HEX_DIGEST, LITERAL, PLACE, ZERO};
use super::stream::{CONTROL_STREAMS, STREAM_KINDS};
use super::{Class, FormatError, Instruction, StreamKind, varint};

/// Where the copies of a part left off: node -> end of its last copy in this part.
#[derive(Debug, Default)]
struct CopyEnds(HashMap<u32, u64>);

impl CopyEnds {
    fn of(&self, node: u32) -> u64 {
        self.0.get(&node).copied().unwrap_or(0)
    }

    fn set(&mut self, node: u32, end: u64) {
        self.0.insert(node, end);
    }
}

/// Writes one part: merges neighbours, keeps count of what it takes from each stream.
///
/// The control streams (instructions, lengths, offsets, numbers) are written here; literal bytes
/// are the caller's, in the order of the literals pushed.
#[derive(Debug)]
pub struct PartWriter<'a> {
    control: &'a mut [Vec<u8>; CONTROL_STREAMS],
    start: [usize; CONTROL_STREAMS],
    literals: [u64; Class::COUNT as usize],
    pending: Option<Instruction>,
    ends: CopyEnds,
    made: u64,
}

impl<'a> PartWriter<'a> {
    /// Starts a part at the end of a group's control streams.
    pub fn new(control: &'a mut [Vec<u8>; CONTROL_STREAMS]) -> Self {
        let start = control.each_ref().map(Vec::len);
        Self {
            control,
            start,
            literals: [0; Class::COUNT as usize],
            pending: None,
            ends: CopyEnds::default(),
            made: 0,
        }
    }

    /// Adds an instruction that makes `len` bytes; one that makes none is dropped.
    pub fn push(&mut self, instruction: Instruction, len: u64) {
        if len == 0 {
            return;
        }
        self.made += len;
        if let Instruction::Literal { class, length } = instruction {
            self.literals[usize::from(class.number())] += length;
        }
        let merged = self.pending.and_then(|pending| pending.merged(instruction));
        if merged.is_none() {
            self.flush();
        }
        self.pending = Some(merged.unwrap_or(instruction));
    }

    /// Bytes of the group's control streams so far.
    pub fn control_len(&self) -> usize {
        self.control.iter().map(Vec::len).sum()
    }

    /// Ends the part; returns the bytes it makes and takes from each kind of stream, or `None`
    /// where nothing was pushed.
    pub fn finish(mut self) -> Option<(u64, [u64; STREAM_KINDS])> {
        self.flush();
        let mut taken = [0; STREAM_KINDS];
        for (slot, taken) in taken[..CONTROL_STREAMS].iter_mut().enumerate() {
            *taken = (self.control[slot].len() - self.start[slot]) as u64;
        }
        taken[CONTROL_STREAMS..].copy_from_slice(&self.literals);
        (self.made > 0).then_some((self.made, taken))
    }

    fn flush(&mut self) {
        let Some(instruction) = self.pending.take() else { return };
        let [numbers_of_instructions, lengths, offsets, numbers] = &mut *self.control;
        numbers_of_instructions.push(match instruction {
            Instruction::Copy { node, offset, length } => {
                varint::put(numbers, node.into());
                varint::put(lengths, length);
                let difference = offset.wrapping_sub(self.ends.of(node)).cast_signed();
                varint::put(offsets, varint::zigzag(difference));
                self.ends.set(node, offset.saturating_add(length));
                COPY
            }
            Instruction::Zero { length } => {
                varint::put(lengths, length);
                ZERO
            }
            Instruction::Place { node } => {
                varint::put(numbers, node.into());
                PLACE
            }
            Instruction::HexDigest { digest } => {
                varint::put(numbers, digest.into());
                HEX_DIGEST
            }
            Instruction::Literal { class, length } => {
                varint::put(lengths, length);
                LITERAL + class.number()
            }
        });
    }
}

/// Decoded streams of a group, each read from front to back.
pub trait StreamBytes {
    /// Fills `buf` with the next bytes of a stream.
    ///
    /// # Errors
    /// Damage when the stream is absent or ends too early.
    fn fill(&mut self, stream: StreamKind, buf: &mut [u8]) -> Result<(), FormatError>;
}

/// Reads one part: hands out its instructions and literal bytes, never more than it declares.
#[derive(Debug)]
pub struct PartReader<'a, S> {
    streams: &'a mut S,
    left: [u64; STREAM_KINDS],
    previous: Option<Instruction>,
    ends: CopyEnds,
}

impl<'a, S: StreamBytes> PartReader<'a, S> {
    /// Starts a part that takes `taken` bytes from each kind of stream.
    pub fn new(streams: &'a mut S, taken: [u64; STREAM_KINDS]) -> Self {
        Self { streams, left: taken, previous: None, ends: CopyEnds::default() }
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
        let mut number = [0];
        self.take(StreamKind::Instructions, &mut number)?;
        let instruction = match number[0] {
            COPY => self.copy()?,
            ZERO => Instruction::Zero { length: self.length()? },
            PLACE => Instruction::Place { node: self.number()? },
            HEX_DIGEST => Instruction::HexDigest { digest: self.number()? },
            number => {
                let class = number.checked_sub(LITERAL).and_then(Class::from_number).ok_or(
                    FormatError::Unsupported { what: "instruction", number: number.into() },
                )?;
                Instruction::Literal { class, length: self.length()? }
            }
        };
        if self.previous.is_some_and(|previous| previous.merged(instruction).is_some()) {
            return Err(rule("neighbours are merged"));
        }
        self.previous = Some(instruction);
        Ok(Some(instruction))
    }

    /// Fills `buf` with the next literal bytes of a class.
    pub fn literal(&mut self, class: Class, buf: &mut [u8]) -> Result<(), FormatError> {
        self.take(StreamKind::Literals(class), buf)
    }

    fn copy(&mut self) -> Result<Instruction, FormatError> {
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
        Ok(Instruction::Copy { node, offset, length })
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
        varint::take(
            || {
                let mut byte = [0];
                self.take(stream, &mut byte)?;
                Ok(byte[0])
            },
            stream.name(),
        )
    }

    fn take(&mut self, stream: StreamKind, buf: &mut [u8]) -> Result<(), FormatError> {
        let left = &mut self.left[stream.slot()];
        *left = left
            .checked_sub(buf.len() as u64)
            .ok_or(rule("a part takes no more than it declares"))?;
        self.streams.fill(stream, buf)
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
