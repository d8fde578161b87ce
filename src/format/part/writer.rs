//! Writing one part.

use super::{Block, CopyEnds};
use crate::format::instruction::{COPY, HEADER, HEX_DIGEST, LITERAL, MEMBERS, PATCH, PLACE, ZERO};
use crate::format::piece::ENCODE;
use crate::format::stream::{CONTROL_STREAMS, FIRST_LITERAL_SLOT, STREAM_KINDS};
use crate::format::{
    Class, EncodeRun, HEADER_CLASS, HeaderModel, Instruction, KeptRange, StreamKind, varint,
};

/// Writes one part: merges neighbours, keeps count of what it takes from each stream.
///
/// The control streams are written here, but for kept ranges; literal bytes are the caller's, in the
/// order of the literals pushed. Differences and headers follow the push of their instruction.
#[derive(Debug)]
pub struct PartWriter<'a> {
    control: &'a mut [Vec<u8>; CONTROL_STREAMS],
    start: [usize; CONTROL_STREAMS],
    literals: [u64; Class::COUNT as usize],
    corrections: u64,
    pending: Option<Instruction>,
    /// Bytes of the pending instruction since its last difference.
    gap: u64,
    model: HeaderModel,
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
            corrections: 0,
            pending: None,
            gap: 0,
            model: HeaderModel::default(),
            ends: CopyEnds::default(),
            made: 0,
        }
    }

    /// Tells of the next `len` bytes of the instruction that was pushed last that they are as it makes
    /// them.
    pub fn equal(&mut self, len: u64) {
        self.gap += len;
    }

    /// Tells of the next byte of the instruction that was pushed last how much more it is than the
    /// one that is made; not 0.
    pub fn differs(&mut self, difference: u8) {
        varint::put(&mut self.control[StreamKind::Gaps.slot()], std::mem::take(&mut self.gap));
        self.control[StreamKind::Differences.slot()].push(difference);
    }

    /// Tells the next block of the instruction that was pushed last, a header that is made of
    /// `source`; `None` is the last header of the part.
    pub fn header(&mut self, block: &Block, source: Option<&Block>) {
        let source = source.copied().unwrap_or(*self.model.last());
        self.model.encode(&source, block, &mut self.control[StreamKind::Headers.slot()]);
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

    /// Adds pieces of a re-encode part that make `len` bytes. Neighbours that one run could hold
    /// are the caller's to merge; header and corrections are the caller's to put in their streams.
    pub fn push_encode(&mut self, run: &EncodeRun, len: u64) {
        self.flush();
        self.made += len;
        self.literals[usize::from(HEADER_CLASS.number())] += run.header.len() as u64;
        self.corrections += run.corrections.len() as u64;
        let [instructions, lengths, _, numbers, ..] = &mut *self.control;
        instructions.push(ENCODE);
        let parameters = run.parameters.len() as u64;
        for number in [run.encoder.into(), run.framing.number().into(), parameters] {
            varint::put(numbers, number);
        }
        run.parameters.iter().for_each(|parameter| varint::put(numbers, *parameter));
        for length in [run.header.len(), run.corrections.len(), run.lengths.len()] {
            varint::put(lengths, length as u64);
        }
        run.lengths.iter().for_each(|length| varint::put(lengths, *length));
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
        taken[StreamKind::Corrections.slot()] = self.corrections;
        taken[FIRST_LITERAL_SLOT..].copy_from_slice(&self.literals);
        (self.made > 0).then_some((self.made, taken))
    }

    fn flush(&mut self) {
        let Some(instruction) = self.pending.take() else { return };
        if self.gap > 0 {
            varint::put(&mut self.control[StreamKind::Gaps.slot()], std::mem::take(&mut self.gap));
        }
        let [numbers_of_instructions, lengths, offsets, numbers, ..] = &mut *self.control;
        let mut copy = |node: u32, offset: u64, length: u64| {
            varint::put(numbers, node.into());
            varint::put(lengths, length);
            let difference = offset.wrapping_sub(self.ends.of(node)).cast_signed();
            varint::put(offsets, varint::zigzag(difference));
            self.ends.set(node, offset.saturating_add(length));
        };
        numbers_of_instructions.push(match instruction {
            Instruction::Copy { node, offset, length } => {
                copy(node, offset, length);
                COPY
            }
            Instruction::Patch { node, offset, length } => {
                copy(node, offset, length);
                PATCH
            }
            Instruction::Members { node, offset, length } => {
                copy(node, offset, length);
                MEMBERS
            }
            Instruction::Header => HEADER,
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

/// Writes what is kept of a part's bytes: ascending, disjoint, merged.
pub fn put_kept_ranges(stream: &mut Vec<u8>, ranges: &[KeptRange]) {
    let mut end = 0;
    for range in ranges {
        varint::put(stream, range.start - end);
        varint::put(stream, range.length);
        varint::put(stream, range.groups.into());
        end = range.start + range.length;
    }
}
