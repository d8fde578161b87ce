//! A delta taken apart into instructions, to be changed and sealed again with right digests.

use chunkdelta::digest::Digest;
use chunkdelta::format::{
    BodyHasher, CONTROL_STREAMS, Class, Codec, Delta, FormatError, Frame, Group, HEADER_CLASS,
    Header, Instruction, MAGIC, NONE, Part, PartReader, PartWriter, Piece, STREAM_KINDS, Stream,
    StreamBytes, StreamKind, StreamReader, TAR_BLOCK, VERSION, WayKind, encode_frame, is_fed,
};

/// An instruction with the literal bytes that it takes.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) instruction: Instruction,
    pub(super) literal: Vec<u8>,
}

/// Streams that are not read by instruction.
pub(super) const RAW: [StreamKind; 3] =
    [StreamKind::Differences, StreamKind::Headers, StreamKind::Gaps];

/// A part as instructions.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) node: u32,
    pub(super) way: u32,
    pub(super) steps: Vec<Step>,
    /// What a re-encode has in place of steps: its pieces, each with the literal bytes it takes.
    pub(super) pieces: Vec<(Piece, Vec<u8>)>,
    /// What a re-encode makes, in bytes.
    pub(super) made: u64,
    /// Bytes of the streams [`RAW`]: without the nodes' bytes nobody knows which instruction takes
    /// which.
    pub(super) raw: [Vec<u8>; 3],
    /// Bytes since the range before, length, and groups to the last use.
    pub(super) kept: Vec<[u64; 3]>,
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
            let read = |part| read_part(&header, part, group, &mut streams);
            let parts = group.parts.iter().map(read);
            parts.collect()
        };
        let groups = groups.iter().enumerate().map(read_group).collect();
        Self { header, groups }
    }

    /// Bytes that an instruction makes.
    pub(super) fn made(&self, instruction: Instruction) -> u64 {
        match instruction {
            Instruction::Copy { length, .. }
            | Instruction::Patch { length, .. }
            | Instruction::Members { length, .. }
            | Instruction::Zero { length }
            | Instruction::Literal { length, .. } => length,
            Instruction::Place { node } => {
                // Sums of lengths must not overflow here.
                self.header.nodes.get(node as usize).map_or(1, |node| node.length.min(1 << 44))
            }
            Instruction::HexDigest { .. } => Digest::HEX_LEN as u64,
            Instruction::Header => TAR_BLOCK as u64,
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

    /// The parts of a group, each with what it takes of every kind of stream, and the streams, in the
    /// order of [`StreamKind::all`].
    pub(super) fn group(&self, runs: &[Run]) -> (Vec<Part>, Vec<Vec<u8>>) {
        let mut control: [Vec<u8>; CONTROL_STREAMS] = Default::default();
        // Corrections, then literals by class.
        let mut bytes = vec![Vec::new(); STREAM_KINDS - CONTROL_STREAMS];
        let place = |class: Class| StreamKind::Literals(class).slot() - CONTROL_STREAMS;
        let mut parts = Vec::new();
        for run in runs {
            let mut writer = PartWriter::new(&mut control);
            for Step { instruction, literal } in &run.steps {
                writer.push(*instruction, self.made(*instruction));
                if let Instruction::Literal { class, .. } = instruction {
                    bytes[place(*class)].extend(literal);
                }
            }
            for (piece, literal) in &run.pieces {
                match piece {
                    Piece::Literal { class, length } => {
                        let (class, length) = (*class, *length);
                        writer.push(Instruction::Literal { class, length }, length);
                        bytes[place(class)].extend(literal);
                    }
                    Piece::Encode(run) => {
                        writer.push_encode(run, 1);
                        bytes[place(HEADER_CLASS)].extend(&run.header);
                        bytes[0].extend(&run.corrections);
                    }
                }
            }
            let (made, taken) = writer.finish().unwrap_or((0, [0; STREAM_KINDS]));
            let made = if run.pieces.is_empty() { made } else { run.made };
            let mut taken = taken;
            let kept = &mut control[StreamKind::Kept.slot()];
            let before = kept.len();
            run.kept.iter().flatten().for_each(|number| put_varint(kept, *number));
            taken[StreamKind::Kept.slot()] = (kept.len() - before) as u64;
            for (kind, bytes) in RAW.into_iter().zip(&run.raw) {
                control[kind.slot()].extend(bytes);
                taken[kind.slot()] = bytes.len() as u64;
            }
            let taken = StreamKind::all().map(|kind| taken[kind.slot()]).collect();
            parts.push(Part { node: run.node, way: run.way, made, taken });
        }
        let mut by_slot: Vec<Vec<u8>> = control.into_iter().chain(bytes).collect();
        let streams = StreamKind::all().map(|kind| std::mem::take(&mut by_slot[kind.slot()]));
        (parts, streams.collect())
    }
}

fn put_varint(stream: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        stream.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    stream.push(number.to_le_bytes()[0]);
}

fn read_part(header: &Header, part: &Part, group: &Group, streams: &mut Streams) -> Run {
    let mut taken = [0; STREAM_KINDS];
    for (stream, count) in group.streams.iter().zip(&part.taken) {
        taken[slot(stream)] = *count;
    }
    let raw = RAW.map(|kind| {
        let count = usize::try_from(std::mem::take(&mut taken[kind.slot()])).expect("it is small");
        streams.0[kind.slot()].by_ref().take(count).collect()
    });
    let mut reader = PartReader::new(streams, taken);
    let mut end = 0;
    let ranges = reader.kept_ranges(part.made).expect("an own part reads");
    let kept = ranges.iter().map(|range| {
        let since = range.start - end;
        end = range.start + range.length;
        [since, range.length, range.groups.into()]
    });
    let (node, way, made) = (part.node, part.way, part.made);
    let (steps, pieces, kept) = (Vec::new(), Vec::new(), kept.collect());
    let mut run = Run { node, way, steps, pieces, made, raw, kept };
    let kind = header.nodes[node as usize].ways[way as usize].kind;
    if kind == WayKind::ReEncode.number() {
        while let Some(piece) = reader.piece().expect("an own part reads") {
            let mut literal = Vec::new();
            if let Piece::Literal { class, length } = piece {
                literal = reader.literal_bytes(class, length).expect("an own part reads");
            }
            run.pieces.push((piece, literal));
        }
        return run;
    }
    while let Some(instruction) = reader.instruction().expect("an own part reads") {
        let mut literal = Vec::new();
        if let Instruction::Literal { class, length } = instruction {
            literal = reader.literal_bytes(class, length).expect("an own part reads");
        }
        run.steps.push(Step { instruction, literal });
    }
    run
}

fn slot(stream: &Stream) -> usize {
    StreamKind::from_number(stream.kind).expect("known").slot()
}

impl Built {
    /// Adds a group of `parts`, which take from all kinds of streams, those without bytes included, in
    /// the order of [`StreamKind::all`].
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
        let streams = StreamKind::all().zip(streams).filter(|(_, bytes)| !bytes.is_empty());
        for (kind, bytes) in streams {
            let len = if is_split { bytes.len().div_ceil(2) } else { bytes.len() };
            let mut frames = Vec::new();
            for piece in bytes.chunks(len) {
                let Frame { row, bytes } = encode_frame(&[piece], codec, 1, 20).expect("memory");
                frames.push(row);
                self.frames.push(bytes);
            }
            rows.push(Stream { kind: kind.number(), codec: codec.number(), frames });
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

/// Where a node lies in the outputs: which, and at what offset; `None` in a content that is fed.
pub(super) fn landing(header: &Header, mut node: u32) -> Option<(usize, u64)> {
    let mut offset = 0_u64;
    for _ in 0..20 {
        let row = header.nodes.get(node as usize)?;
        if row.parent == NONE {
            let output = header.outputs.iter().position(|output| output.node == node)?;
            return Some((output, offset));
        }
        if is_fed(header, node as usize) {
            return None;
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
