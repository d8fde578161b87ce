//! Sections 1, 3 and 4: numbers, the prefix, and the tables of the header.

use super::{Hash, Refusal, damaged, frame, index, must, sha256};

const MIB: u64 = 1 << 20;

/// Reads bytes one after the other.
#[derive(Debug)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, length: u64) -> Result<&'a [u8], Refusal> {
        let Some((taken, rest)) = self.0.split_at_checked(index(length)?) else {
            return damaged("cut off");
        };
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Refusal> {
        Ok(self.take(1)?[0])
    }

    fn u32(&mut self) -> Result<u32, Refusal> {
        Ok(self.take(4)?.iter().rev().fold(0, |sum, &byte| sum << 8 | u32::from(byte)))
    }

    fn u64(&mut self) -> Result<u64, Refusal> {
        Ok(self.take(8)?.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
    }

    fn hash(&mut self) -> Result<Hash, Refusal> {
        let mut hash = Hash::default();
        hash.copy_from_slice(self.take(32)?);
        Ok(hash)
    }

    fn row(&mut self) -> Result<usize, Refusal> {
        index(self.u32()?.into())
    }

    fn row_or_none(&mut self) -> Result<Option<usize>, Refusal> {
        let row = self.u32()?;
        if row == u32::MAX { Ok(None) } else { index(row.into()).map(Some) }
    }

    fn bytes(&mut self) -> Result<Vec<u8>, Refusal> {
        let length = self.u64()?;
        Ok(self.take(length)?.to_vec())
    }

    fn text(&mut self) -> Result<(), Refusal> {
        String::from_utf8(self.bytes()?).map(drop).or_else(|_| damaged("text is not UTF-8"))
    }

    fn list<T>(&mut self, item: fn(&mut Self) -> Result<T, Refusal>) -> Result<Vec<T>, Refusal> {
        let count = self.u64()?;
        (0..count).map(|_| item(self)).collect()
    }

    pub(super) fn varint(&mut self) -> Result<u64, Refusal> {
        let mut number = 0;
        for place in 0..10 {
            let byte = self.byte()?;
            must(place < 9 || byte <= 1, "varint does not fit 64 bits")?;
            number |= u64::from(byte & 0x7F) << (7 * place);
            if byte < 0x80 {
                must(byte != 0 || place == 0, "varint is not the shortest")?;
                return Ok(number);
            }
        }
        damaged("varint does not end")
    }

    /// The `n` of `(n << 1) ^ (n >> 63)`.
    pub(super) fn zigzag(&mut self) -> Result<i128, Refusal> {
        let coded = i128::from(self.varint()?);
        Ok(if coded % 2 == 0 { coded / 2 } else { -(coded + 1) / 2 })
    }
}

/// Section 3.
#[derive(Debug)]
pub(super) struct Prefix {
    header_length: u64,
    pub(super) body_length: u64,
    decoded_length: u64,
    codec: u32,
}

impl Prefix {
    /// Reads the prefix and makes the checks 1 and the version's of section 9.
    pub(super) fn read(delta: &[u8]) -> Result<Self, Refusal> {
        let mut cursor = Cursor(delta);
        must(cursor.take(8)? == b"\x89CKD\r\n\x1a\n", "magic")?;
        let version = cursor.u32()?;
        let header_length = u64::from(cursor.u32()?);
        let digest = cursor.hash()?;
        must(header_length <= 16 * MIB, "header above its ceiling")?;
        let covered = Cursor(cursor.0).take(header_length)?;
        must(sha256(&[&delta[..16], covered].concat()) == digest, "header digest")?;
        if version != 1 {
            return Err(Refusal::Unsupported(format!("version {version}")));
        }
        must(header_length >= 16, "header length")?;
        let body_length = cursor.u64()?;
        let decoded_length = u64::from(cursor.u32()?);
        Ok(Self { header_length, body_length, decoded_length, codec: cursor.u32()? })
    }

    /// Where the body begins.
    pub(super) fn body_start(&self) -> Result<usize, Refusal> {
        index(48 + self.header_length)
    }

    /// Decodes the header, and reads the tables.
    pub(super) fn header(&self, delta: &[u8]) -> Result<Header, Refusal> {
        known("codec", self.codec, &[0, 1, 2])?;
        must(self.codec != 2, "a header by LZMA")?;
        must(self.decoded_length <= 64 * MIB, "decoded header above its ceiling")?;
        let encoded = &delta[64..self.body_start()?];
        let decoded = frame::decode(self.codec, encoded, index(self.decoded_length)?, None)?;
        let mut cursor = Cursor(&decoded);
        let header = Header::read(&mut cursor)?;
        must(cursor.0.is_empty(), "bytes after the header")?;
        header.check_numbers()?;
        Ok(header)
    }
}

/// Refuses a number from outside section 10 as unsupported.
pub(super) fn known(what: &str, number: u32, all: &[u32]) -> Result<(), Refusal> {
    if all.contains(&number) {
        Ok(())
    } else {
        Err(Refusal::Unsupported(format!("{what} {number}")))
    }
}

/// Section 4.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) kept_peak: u64,
    pub(super) encoder_memory: u64,
    /// What is declared besides.
    reserved: [u64; 4],
    pub(super) digests: Vec<Hash>,
    pub(super) nodes: Vec<Node>,
    pub(super) outputs: Vec<Output>,
    pub(super) roles: Vec<Role>,
    pub(super) groups: Vec<Group>,
    pub(super) blocks: Vec<Hash>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) length: u64,
    pub(super) digest: usize,
    pub(super) parent: Option<usize>,
    pub(super) parent_offset: u64,
    pub(super) last_group: Option<usize>,
    pub(super) ways: Vec<Way>,
}

#[derive(Debug)]
pub(super) struct Way {
    pub(super) kind: u32,
    /// First block and count.
    pub(super) runs: Vec<(u64, u64)>,
    pub(super) parameters: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Output {
    target: u32,
    pub(super) path: Vec<u8>,
    pub(super) kind: u32,
    pub(super) node: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Role {
    pub(super) parent: Option<usize>,
    kind: u32,
    pub(super) node: Option<usize>,
    pub(super) diff_id: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Group {
    pub(super) streams: Vec<Stream>,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) kind: u32,
    pub(super) codec: u32,
    pub(super) frames: Vec<Frame>,
}

#[derive(Debug)]
pub(super) struct Frame {
    pub(super) encoded: u64,
    pub(super) decoded: u64,
    pub(super) window_log: u32,
}

#[derive(Debug)]
pub(super) struct Part {
    pub(super) node: usize,
    pub(super) way: usize,
    pub(super) made: u64,
    pub(super) taken: Vec<u64>,
}

impl Header {
    fn read(from: &mut Cursor<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            kept_peak: from.u64()?,
            encoder_memory: from.u64()?,
            reserved: [from.u64()?, from.u64()?, from.u64()?, from.u32()?.into()],
            digests: from.list(Cursor::hash)?,
            nodes: from.list(Node::read)?,
            outputs: from.list(Output::read)?,
            roles: from.list(Role::read)?,
            groups: from.list(Group::read)?,
            blocks: from.list(Cursor::hash)?,
        })
    }

    /// Check 2 of section 9: every number of section 10.
    fn check_numbers(&self) -> Result<(), Refusal> {
        if self.reserved != [0; 4] {
            return Err(Refusal::Unsupported("declared".into()));
        }
        for way in self.nodes.iter().flat_map(|node| &node.ways) {
            known("way", way.kind, &[0, 1, 2, 3])?;
            for encoder in way.re_encode().into_iter().flat_map(|(_, encoders)| encoders) {
                known("encoder", encoder, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])?;
            }
        }
        for output in &self.outputs {
            known("output kind", output.kind, &[0, 1])?;
            known("target", output.target, &[0])?;
        }
        for role in &self.roles {
            known("role", role.kind, &[0, 1, 2, 3, 4, 5])?;
        }
        for stream in self.groups.iter().flat_map(|group| &group.streams) {
            let literals = (16..32).contains(&stream.kind);
            let kinds = [0, 1, 2, 3, 4, 5, 6, 7, 8];
            known("stream", if literals { 0 } else { stream.kind }, &kinds)?;
            known("codec", stream.codec, &[0, 1, 2])?;
        }
        Ok(())
    }
}

impl Way {
    /// The content and the encoders of a re-encode, if the parameters can be those of one.
    pub(super) fn re_encode(&self) -> Option<(usize, Vec<u32>)> {
        let mut words = Cursor(&self.parameters);
        let content = words.row().ok().filter(|_| self.kind == 3)?;
        let mut encoders = Vec::new();
        while !words.0.is_empty() {
            encoders.push(words.u32().ok()?);
        }
        Some((content, encoders))
    }
}

impl Node {
    /// The content, if the node has a way to be encoded again.
    pub(super) fn content(&self) -> Option<usize> {
        self.ways.iter().find_map(Way::re_encode).map(|(content, _)| content)
    }

    fn read(from: &mut Cursor<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            length: from.u64()?,
            digest: from.row()?,
            parent: from.row_or_none()?,
            parent_offset: from.u64()?,
            last_group: from.row_or_none()?,
            ways: from.list(|from| {
                Ok(Way {
                    kind: from.u32()?,
                    runs: from.list(|from| Ok((from.u32()?.into(), from.u32()?.into())))?,
                    parameters: from.bytes()?,
                })
            })?,
        })
    }
}

impl Output {
    fn read(from: &mut Cursor<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            target: from.u32()?,
            path: from.bytes()?,
            kind: from.u32()?,
            node: from.row_or_none()?,
        })
    }
}

impl Role {
    fn read(from: &mut Cursor<'_>) -> Result<Self, Refusal> {
        let role = Self {
            parent: from.row_or_none()?,
            kind: from.u32()?,
            node: from.row_or_none()?,
            diff_id: from.row_or_none()?,
        };
        from.text()?;
        from.text()?;
        from.list(Cursor::text)?;
        Ok(role)
    }
}

impl Group {
    fn read(from: &mut Cursor<'_>) -> Result<Self, Refusal> {
        let streams = from.list(|from| {
            Ok(Stream {
                kind: from.u32()?,
                codec: from.u32()?,
                frames: from.list(|from| {
                    Ok(Frame {
                        encoded: from.u32()?.into(),
                        decoded: from.u32()?.into(),
                        window_log: from.u32()?,
                    })
                })?,
            })
        })?;
        let parts = from.list(|from| {
            Ok(Part {
                node: from.row()?,
                way: from.row()?,
                made: from.u64()?,
                taken: from.list(Cursor::u64)?,
            })
        })?;
        Ok(Self { streams, parts })
    }
}

impl Stream {
    /// How many bytes the stream decodes to.
    pub(super) fn decoded(&self) -> u64 {
        self.frames.iter().map(|frame| frame.decoded).sum()
    }
}
