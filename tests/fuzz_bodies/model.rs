//! A delta taken apart into instructions, to be changed and sealed again with right digests.

use chunkdelta::digest::Digest;
use chunkdelta::format::{
    BodyHasher, CONTROL_STREAMS, Class, Codec, Delta, FormatError, Frame, Group, Header,
    Instruction, MAGIC, NONE, Part, PartReader, PartWriter, STREAM_KINDS, Stream, StreamBytes,
    StreamKind, StreamReader, VERSION, encode_frame,
};

/// An instruction with the literal bytes that it takes.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) instruction: Instruction,
    pub(super) literal: Vec<u8>,
}

/// A part as instructions.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) node: u32,
    pub(super) way: u32,
    pub(super) steps: Vec<Step>,
}

/// A delta as tables without groups, and groups as parts.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) header: Header,
    pub(super) groups: Vec<Vec<Run>>,
}

/// A delta before it is sealed.
#[derive(Debug, Clone)]
pub(super) struct Built {
    pub(super) header: Header,
    /// Encoded frames, in the order of the body.
    pub(super) frames: Vec<Vec<u8>>,
}

/// A group's decoded streams, which literals and varints are read from.
struct Streams([std::vec::IntoIter<u8>; STREAM_KINDS]);

impl StreamBytes for Streams {
    fn fill(&mut self, stream: StreamKind, buf: &mut [u8]) -> Result<(), FormatError> {
        buf.fill_with(|| self.0[stream.slot()].next().expect("an own delta has all bytes"));
        Ok(())
    }
}

impl Model {
    /// Takes a lawful delta apart.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let delta = Delta::open(&bytes).expect("an own delta opens");
        let mut header = delta.header().clone();
        let groups = std::mem::take(&mut header.groups);
        let read_group = |(number, group): (usize, &Group)| {
            let mut streams = Streams(std::array::from_fn(|_| Vec::new().into_iter()));
            for (stream, start) in group.streams.iter().zip(&delta.needs().stream_starts[number]) {
                let len = usize::try_from(stream.decoded_len()).expect("it is small");
                let mut content = vec![0; len];
                let mut reader =
                    StreamReader::new(delta.body(&bytes), stream, *start).expect("known");
                reader.fill(&mut content).expect("an own stream decodes");
                streams.0[slot(stream)] = content.into_iter();
            }
            let parts = group.parts.iter().map(|part| read_part(part, group, &mut streams));
            parts.collect()
        };
        let groups = groups.iter().enumerate().map(read_group).collect();
        Self { header, groups }
    }

    /// Bytes that an instruction makes.
    pub(super) fn made(&self, instruction: Instruction) -> u64 {
        match instruction {
            Instruction::Copy { length, .. }
            | Instruction::Zero { length }
            | Instruction::Literal { length, .. } => length,
            Instruction::Place { node } => {
                // Sums of lengths must not overflow here.
                self.header.nodes.get(node as usize).map_or(1, |node| node.length.min(1 << 44))
            }
            Instruction::HexDigest { .. } => Digest::HEX_LEN as u64,
        }
    }

    /// Writes parts and streams; with `is_split`, every stream of two bytes or more has two frames.
    pub(super) fn build(&self, codec: Codec, is_split: bool) -> Built {
        let mut built = Built { header: self.header.clone(), frames: Vec::new() };
        for runs in &self.groups {
            let (parts, streams) = self.group(runs);
            built.add_group(parts, streams, codec, is_split);
        }
        built
    }

    /// The parts of a group, each with what it takes of every kind of stream, and the streams.
    pub(super) fn group(&self, runs: &[Run]) -> (Vec<Part>, Vec<Vec<u8>>) {
        let mut control: [Vec<u8>; CONTROL_STREAMS] = Default::default();
        let mut literals = vec![Vec::new(); STREAM_KINDS - CONTROL_STREAMS];
        let mut parts = Vec::new();
        for run in runs {
            let mut writer = PartWriter::new(&mut control);
            for Step { instruction, literal } in &run.steps {
                writer.push(*instruction, self.made(*instruction));
                if let Instruction::Literal { class, .. } = instruction {
                    literals[usize::from(class.number())].extend(literal);
                }
            }
            let (made, taken) = writer.finish().unwrap_or((0, [0; STREAM_KINDS]));
            let taken = taken.to_vec();
            parts.push(Part { node: run.node, way: run.way, made, taken });
        }
        (parts, control.into_iter().chain(literals).collect())
    }
}

fn read_part(part: &Part, group: &Group, streams: &mut Streams) -> Run {
    let mut taken = [0; STREAM_KINDS];
    for (stream, count) in group.streams.iter().zip(&part.taken) {
        taken[slot(stream)] = *count;
    }
    let mut reader = PartReader::new(streams, taken);
    let mut steps = Vec::new();
    while let Some(instruction) = reader.instruction().expect("an own part reads") {
        let mut literal = Vec::new();
        if let Instruction::Literal { class, length } = instruction {
            literal.resize(usize::try_from(length).expect("it is small"), 0);
            reader.literal(class, &mut literal).expect("an own part reads");
        }
        steps.push(Step { instruction, literal });
    }
    Run { node: part.node, way: part.way, steps }
}

fn slot(stream: &Stream) -> usize {
    StreamKind::from_number(stream.kind).expect("known").slot()
}

impl Built {
    /// Adds a group of `parts`, which take from all kinds of streams, those without bytes included.
    pub(super) fn add_group(
        &mut self,
        mut parts: Vec<Part>,
        streams: Vec<Vec<u8>>,
        codec: Codec,
        is_split: bool,
    ) {
        let is_there: Vec<bool> = streams.iter().map(|stream| !stream.is_empty()).collect();
        for part in &mut parts {
            let mut is_there = is_there.iter();
            part.taken.retain(|_| is_there.next().copied().unwrap_or(true));
        }
        let mut rows = Vec::new();
        for (slot, bytes) in streams.into_iter().enumerate().filter(|(_, bytes)| !bytes.is_empty())
        {
            let len = if is_split { bytes.len().div_ceil(2) } else { bytes.len() };
            let mut frames = Vec::new();
            for piece in bytes.chunks(len) {
                let Frame { row, bytes } = encode_frame(piece, codec, 1, 20).expect("memory");
                frames.push(row);
                self.frames.push(bytes);
            }
            let kind = StreamKind::at_slot(slot).expect("all slots").number();
            rows.push(Stream { kind, codec: codec.number(), frames });
        }
        self.header.groups.push(Group { streams: rows, parts });
    }

    /// The whole delta, every digest right, with a header that is not compressed: that takes less
    /// time, and mutations of it tell.
    pub(super) fn sealed(mut self) -> Vec<u8> {
        let body = self.body();
        let format = bincode::config::standard().with_fixed_int_encoding();
        let tables = bincode::encode_to_vec(&self.header, format).expect("tables encode");
        let mut rest = (body.len() as u64).to_le_bytes().to_vec();
        rest.extend(length(&tables));
        rest.extend(Codec::Stored.number().to_le_bytes());
        rest.extend(tables);
        let mut delta = MAGIC.to_vec();
        delta.extend(VERSION.to_le_bytes());
        delta.extend(length(&rest));
        let digest = Digest::of(&[&delta[..], &rest].concat());
        delta.extend(digest.as_bytes());
        delta.extend(rest);
        delta.extend(body);
        delta
    }

    fn body(&mut self) -> Vec<u8> {
        let body = self.frames.concat();
        let mut hasher = BodyHasher::default();
        hasher.update(&body);
        self.header.blocks = hasher.finish().1;
        body
    }
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).expect("it is small").to_le_bytes()
}

/// Where a node lies in the outputs: which, and at what offset.
pub(super) fn landing(header: &Header, mut node: u32) -> Option<(usize, u64)> {
    let mut offset = 0_u64;
    for _ in 0..20 {
        let row = header.nodes.get(node as usize)?;
        if row.parent == NONE {
            let output = header.outputs.iter().position(|output| output.node == node)?;
            return Some((output, offset));
        }
        offset = offset.checked_add(row.parent_offset)?;
        node = row.parent;
    }
    None
}

/// The class with a number made lawful.
pub(super) fn class(number: u8) -> Class {
    Class::from_number(number % Class::COUNT).expect("below the count")
}
