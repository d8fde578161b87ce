//! Sections 8 and 9: the instructions, and what must hold while they run.

use std::collections::BTreeMap;

use super::encode::{self, Item};
use super::headers::{Model, data_length};
use super::keep::Kept;
use super::tables::{Cursor, Group, Header, Part};
use super::{Base, Outputs, Refusal, damaged, frame, index, must, rules, sha256};

/// What the instruction before was, as far as "neighbours are merged" asks for it.
#[derive(Debug, PartialEq)]
enum Previous {
    Other,
    Zero,
    Literal(u8),
    /// Instruction, node, end.
    Copy(u8, usize, u64),
}

#[derive(Debug)]
struct Run<'a> {
    header: &'a Header,
    /// For every node the place of the way it is got by.
    ways: &'a [usize],
    /// For every node the bytes so far.
    bytes: Vec<Vec<u8>>,
    /// For every node where it was placed first.
    placed: Vec<Option<(usize, u64)>>,
    /// What waits for its content, by the content: the re-encoded node, and what makes it.
    fed: BTreeMap<usize, (usize, Vec<Item>)>,
    kept: Kept,
}

/// Runs the body, and checks what was made.
pub(super) fn run(
    header: &Header,
    mut body: &[u8],
    base: &Base,
    ways: &[usize],
) -> Result<Outputs, Refusal> {
    let bytes = (0..header.nodes.len()).map(|number| {
        let node = &header.nodes[number];
        let digest = &header.digests[node.digest];
        match node.ways[ways[number]].kind {
            0 => base.contents[digest].clone(),
            1 => base.blobs[digest].clone(),
            _ => Vec::new(),
        }
    });
    let count = header.nodes.len();
    let bytes = bytes.collect();
    let (placed, fed, kept) = (vec![None; count], BTreeMap::new(), Kept::default());
    let mut run = Run { header, ways, bytes, placed, fed, kept };
    let mut firsts = rules::schedule(header)?.into_iter();
    for (number, group) in header.groups.iter().enumerate() {
        let encoded: u64 = group.streams.iter().flat_map(|s| &s.frames).map(|f| f.encoded).sum();
        let (own, rest) = body.split_at(index(encoded)?);
        body = rest;
        let firsts: Vec<_> = firsts.by_ref().take(group.parts.len()).collect();
        if group.parts.iter().any(|part| run.is_run(part)) {
            run.group(number, group, own, &firsts)?;
        }
    }
    run.check()?;
    let outputs = header.outputs.iter();
    let outputs =
        outputs.map(|output| (output.path.clone(), output.node.map(|n| run.bytes[n].clone())));
    Ok(outputs.collect())
}

impl Run<'_> {
    /// Whether the part is of the way that its node is got by.
    fn is_run(&self, part: &Part) -> bool {
        self.ways[part.node] == part.way
    }

    fn group(
        &mut self,
        number: usize,
        group: &Group,
        mut encoded: &[u8],
        firsts: &[Option<usize>],
    ) -> Result<(), Refusal> {
        let mut streams = Vec::new();
        for stream in &group.streams {
            let mut bytes = Vec::new();
            for f in &stream.frames {
                let (own, rest) = encoded.split_at(index(f.encoded)?);
                encoded = rest;
                bytes.extend(frame::decode(
                    stream.codec,
                    own,
                    index(f.decoded)?,
                    Some(f.window_log),
                )?);
            }
            streams.push(bytes);
        }
        let mut streams: Vec<Cursor<'_>> = streams.iter().map(|bytes| Cursor(bytes)).collect();
        for (part, &first) in group.parts.iter().zip(firsts) {
            let mut taken = BTreeMap::new();
            for ((stream, cursor), &length) in
                group.streams.iter().zip(&mut streams).zip(&part.taken)
            {
                taken.insert(stream.kind, Cursor(cursor.take(length)?));
            }
            if self.is_run(part) {
                self.keep(number, part, taken.remove(&4), first)?;
                match self.header.nodes[part.node].ways[part.way].kind {
                    2 => self.part(number, part, taken, first)?,
                    _ => self.re_encode(number, part, taken)?,
                }
            }
        }
        Ok(())
    }

    /// Section 8.3: takes the part's kept ranges.
    fn keep(
        &mut self,
        group: usize,
        part: &Part,
        ranges: Option<Cursor<'_>>,
        first: Option<usize>,
    ) -> Result<(), Refusal> {
        let Some(ranges) = ranges else { return Ok(()) };
        let came = first.filter(|&child| !self.bytes_are_given(child));
        let passed = came.map_or(0, |child| self.header.nodes[child].length);
        let before = self.bytes[part.node].len() as u64;
        let made = (part.node, before, before + part.made);
        self.kept.declare(self.header, made, passed, group, ranges)
    }

    /// Section 8.2: makes the node if its content is complete, else when it is.
    fn re_encode(
        &mut self,
        group: usize,
        part: &Part,
        mut streams: BTreeMap<u32, Cursor<'_>>,
    ) -> Result<(), Refusal> {
        let way = &self.header.nodes[part.node].ways[part.way];
        let Some((content, encoders)) = way.re_encode() else { return damaged("no re-encode") };
        let mut items = Vec::new();
        let mut literal = None;
        while !streams[&0].0.is_empty() {
            match stream(&mut streams, 0)?.byte()? {
                5 => {
                    let mut own = [3, 1, 16, 6].map(|k| streams.remove(&k).unwrap_or(Cursor(&[])));
                    let run = encode::Run::read(own.each_mut(), &encoders)?;
                    if let Some(Item::Encode(before)) = items.last() {
                        must(!before.is_same(&run), "two encodes not merged")?;
                    }
                    streams.extend([3, 1, 16, 6].into_iter().zip(own));
                    items.push(Item::Encode(run));
                    literal = None;
                }
                opcode @ 16..32 => {
                    let length = stream(&mut streams, 1)?.varint()?;
                    must(length != 0, "length")?;
                    must(literal.replace(opcode) != Some(opcode), "two literals not merged")?;
                    let bytes = stream(&mut streams, opcode.into())?.take(length)?;
                    items.push(Item::Literal(bytes.to_vec()));
                }
                1..=4 | 6..=8 => return damaged("instruction of a recipe"),
                opcode => return Err(Refusal::Unsupported(format!("instruction {opcode}"))),
            }
        }
        must(streams.values().all(|s| s.0.is_empty()), "part takes less than declared")?;
        let around = self.fed.values().map(|(_, items)| encode::memory(items));
        let taken = around.fold(encode::memory(&items), u64::saturating_add);
        must(taken <= self.header.encoder_memory, "memory of encoders")?;
        self.used(content, group)?;
        let is_fed = self.header.nodes[content].parent == Some(part.node);
        if is_fed {
            self.placed[content].get_or_insert((part.node, 0));
        }
        let length = self.header.nodes[content].length;
        if is_fed && !self.bytes_are_given(content) {
            self.fed.insert(content, (part.node, items));
            return Ok(());
        }
        must(self.bytes[content].len() as u64 == length, "a content that is not complete")?;
        if !self.bytes_are_given(content) {
            self.kept.used(self.header, (content, 0, length), group)?;
        }
        self.encode(part.node, content, &items)
    }

    /// Makes a node of its content.
    fn encode(&mut self, number: usize, content: usize, items: &[Item]) -> Result<(), Refusal> {
        self.bytes[number] = encode::make(items, &self.bytes[content])?;
        must(self.bytes[number].len() as u64 == self.header.nodes[number].length, "pieces")?;
        self.complete(number)
    }

    /// All bytes of the node are there: checks its digest, and makes what was waiting for it.
    fn complete(&mut self, number: usize) -> Result<(), Refusal> {
        let digest = self.header.digests[self.header.nodes[number].digest];
        must(sha256(&self.bytes[number]) == digest, "node's digest")?;
        match self.fed.remove(&number) {
            Some((waiting, items)) => self.encode(waiting, number, &items),
            None => Ok(()),
        }
    }

    fn part(
        &mut self,
        group: usize,
        part: &Part,
        mut streams: BTreeMap<u32, Cursor<'_>>,
        first: Option<usize>,
    ) -> Result<(), Refusal> {
        let before = self.bytes[part.node].len();
        let end = before as u64 + part.made;
        let mut must_place = first;
        let mut ends: BTreeMap<usize, u64> = BTreeMap::new();
        let mut previous = Previous::Other;
        let mut model = Model::default();
        while !streams[&0].0.is_empty() {
            let opcode = stream(&mut streams, 0)?.byte()?;
            must(must_place.is_none() || opcode == 3, "the child is not placed")?;
            let left = end - self.bytes[part.node].len() as u64;
            let fits = |length: u64| must(length != 0 && length <= left, "length");
            match opcode {
                1 | 6 | 7 => {
                    let node = index(stream(&mut streams, 3)?.varint()?)?;
                    let length = stream(&mut streams, 1)?.varint()?;
                    let difference = stream(&mut streams, 2)?.zigzag()?;
                    fits(length)?;
                    let from = i128::from(ends.get(&node).copied().unwrap_or(0)) + difference;
                    let Ok(from) = u64::try_from(from) else {
                        return damaged("copy from before the beginning");
                    };
                    must(previous != Previous::Copy(opcode, node, from), "two copies not merged")?;
                    let Some(to) = from.checked_add(length) else {
                        return damaged("copy from beyond the end");
                    };
                    self.copy(part.node, (node, from, to), group)?;
                    self.used(node, group)?;
                    ends.insert(node, to);
                    previous = match opcode {
                        7 => Previous::Other,
                        _ => Previous::Copy(opcode, node, to),
                    };
                    let (_, made) = self.bytes[part.node].split_at_mut(index(end - left)?);
                    if opcode == 7 {
                        members(made, &mut model, &mut streams)?;
                    }
                    if opcode != 1 {
                        let has_any = differences(made, &mut streams)?;
                        must(opcode == 7 || has_any, "a copy without differences")?;
                    }
                }
                2 => {
                    let length = stream(&mut streams, 1)?.varint()?;
                    fits(length)?;
                    must(previous != Previous::Zero, "two zeros not merged")?;
                    let zeros = vec![0; index(length)?];
                    self.bytes[part.node].extend(zeros);
                    previous = Previous::Zero;
                }
                3 => {
                    let node = index(stream(&mut streams, 3)?.varint()?)?;
                    must(must_place.take().is_none_or(|child| child == node), "another child")?;
                    must(node < part.node, "place of a node that is not smaller")?;
                    fits(self.header.nodes[node].length)?;
                    self.place(part.node, node, group)?;
                    self.used(node, group)?;
                    previous = Previous::Other;
                }
                4 => {
                    let row = index(stream(&mut streams, 3)?.varint()?)?;
                    must(row < self.header.digests.len(), "row of digests")?;
                    fits(64)?;
                    for byte in self.header.digests[row] {
                        self.bytes[part.node].extend(format!("{byte:02x}").bytes());
                    }
                    previous = Previous::Other;
                }
                16..32 => {
                    let length = stream(&mut streams, 1)?.varint()?;
                    fits(length)?;
                    must(previous != Previous::Literal(opcode), "two literals not merged")?;
                    let bytes = stream(&mut streams, opcode.into())?.take(length)?;
                    self.bytes[part.node].extend(bytes);
                    previous = Previous::Literal(opcode);
                }
                5 => return damaged("encode in a recipe"),
                8 => {
                    fits(512)?;
                    let source = model.last;
                    let block = model.block(&source, stream(&mut streams, 7)?)?;
                    self.bytes[part.node].extend(block);
                    previous = Previous::Other;
                }
                _ => return Err(Refusal::Unsupported(format!("instruction {opcode}"))),
            }
        }
        must(self.bytes[part.node].len() as u64 == end, "part makes less than declared")?;
        must(streams.values().all(|s| s.0.is_empty()), "part takes less than declared")?;
        let is_complete = self.header.nodes[part.node].length == end;
        if is_complete { self.complete(part.node) } else { Ok(()) }
    }

    /// Appends bytes `[from, to)` of `node` to those of `own`.
    fn copy(
        &mut self,
        own: usize,
        (node, from, to): (usize, u64, u64),
        group: usize,
    ) -> Result<(), Refusal> {
        must(node <= own, "copy from a node that is not smaller")?;
        let source = &self.header.nodes[node];
        must(to <= source.length, "copy from beyond the end")?;
        for way in &source.ways {
            if way.kind == 0 {
                let inside = |&(first, count): &(u64, u64)| {
                    first << 20 <= from && to <= (first + count) << 20
                };
                must(way.runs.iter().any(inside), "copy from outside the runs")?;
            }
        }
        let is_blob = source.ways[0].kind == 1 && source.ways.len() == 1;
        must(!is_blob, "copy from a blob")?;
        let Some(bytes) = self.bytes[node].get(index(from)?..index(to)?).map(<[u8]>::to_vec) else {
            return damaged("copy of bytes not made before");
        };
        if !self.bytes_are_given(node) {
            self.kept.used(self.header, (node, from, to), group)?;
        }
        self.bytes[own].extend(bytes);
        Ok(())
    }

    /// Appends the whole of `node` to the bytes of `own`.
    fn place(&mut self, own: usize, node: usize, group: usize) -> Result<(), Refusal> {
        let offset = self.bytes[own].len() as u64;
        let length = self.header.nodes[node].length;
        let is_again = self.placed[node].is_some();
        self.placed[node].get_or_insert((own, offset));
        if is_again && !self.bytes_are_given(node) {
            self.kept.used(self.header, (node, 0, length), group)?;
        }
        must(rules::is_used_whole(&self.header.nodes[node]), "blocks of a placed node")?;
        let bytes = self.bytes[node].clone();
        must(bytes.len() as u64 == length, "placed before complete")?;
        self.bytes[own].extend(bytes);
        Ok(())
    }

    /// Instructions of group number `group` use `node`.
    fn used(&self, node: usize, group: usize) -> Result<(), Refusal> {
        let last = self.header.nodes[node].last_group;
        must(last.is_some_and(|last| group <= last), "use after the last group")
    }

    /// What is known only after the last group: landings, and what must be verified. A parent that
    /// the base gave may have parts that place what this run did not see.
    fn check(&self) -> Result<(), Refusal> {
        for (number, node) in self.header.nodes.iter().enumerate() {
            let declared = node.parent.map(|parent| (parent, node.parent_offset));
            let unseen = node.parent.is_some_and(|parent| self.bytes_are_given(parent));
            let is_output = self.header.outputs.iter().any(|output| output.node == Some(number));
            must(unseen || is_output || declared == self.placed[number], "landing")?;
            let is_made = !self.bytes_are_given(number) && node.length != 0;
            if is_output || self.placed[number].is_some() || is_made {
                let verified = self.bytes[number].len() as u64 == node.length
                    && sha256(&self.bytes[number]) == self.header.digests[node.digest];
                must(verified, "node's digest")?;
            }
        }
        Ok(())
    }

    fn bytes_are_given(&self, number: usize) -> bool {
        self.header.nodes[number].ways[self.ways[number]].kind < 2
    }
}

/// Section 8.5: makes the headers of copied members over.
fn members(
    mut bytes: &mut [u8],
    model: &mut Model,
    streams: &mut BTreeMap<u32, Cursor<'_>>,
) -> Result<(), Refusal> {
    while let Some((header, behind)) = bytes.split_first_chunk_mut::<512>() {
        let data = data_length(header).map(|data| u128::from(data).next_multiple_of(512));
        *header = model.block(header, stream(streams, 7)?)?;
        let left = behind.len();
        let data = data.and_then(|data| usize::try_from(data).ok()).unwrap_or(left).min(left);
        bytes = &mut behind[data..];
    }
    Ok(())
}

/// Section 8.4: adds the differences to what an instruction made; whether there are any.
fn differences(bytes: &mut [u8], streams: &mut BTreeMap<u32, Cursor<'_>>) -> Result<bool, Refusal> {
    let (mut at, mut has_any) = (0, false);
    while at < bytes.len() {
        let gap = stream(streams, 8)?.varint()?;
        must(gap <= (bytes.len() - at) as u64, "gap reaches outside")?;
        at += index(gap)?;
        if at < bytes.len() {
            let difference = stream(streams, 5)?.byte()?;
            must(difference != 0, "difference of 0")?;
            bytes[at] = bytes[at].wrapping_add(difference);
            (at, has_any) = (at + 1, true);
        }
    }
    Ok(has_any)
}

/// The stream of this kind.
fn stream<'a, 'b>(
    streams: &'b mut BTreeMap<u32, Cursor<'a>>,
    kind: u32,
) -> Result<&'b mut Cursor<'a>, Refusal> {
    streams.get_mut(&kind).ok_or_else(|| Refusal::Damaged("stream is missing".into()))
}
