//! Deltas that were changed and carry right digests all the same.

use chunkdelta::format::{Delta, Header, encode_head};
use chunkdelta::source::ReadAt as _;

use super::sha256;

/// A delta taken apart: the tables, and the body with every stream stored.
#[derive(Debug, Clone)]
pub(crate) struct Plain {
    pub(crate) header: Header,
    pub(crate) body: Vec<u8>,
}

impl Plain {
    /// Takes apart what the encoder made.
    pub(crate) fn of(delta: &[u8]) -> Self {
        let opened = Delta::open(&delta).expect("own delta");
        let mut header = opened.header().clone();
        let mut at = opened.head_len();
        let mut body = Vec::new();
        for stream in header.groups.iter_mut().flat_map(|group| &mut group.streams) {
            for frame in &mut stream.frames {
                let mut bytes = vec![0; frame.encoded as usize];
                delta.read_exact_at(&mut bytes, at).expect("own delta");
                at += bytes.len() as u64;
                if stream.codec == 1 {
                    let capacity = frame.decoded as usize;
                    bytes = zstd::bulk::decompress(&bytes, capacity).expect("own delta");
                }
                (frame.encoded, frame.window_log) = (frame.decoded, 0);
                body.extend(bytes);
            }
            stream.codec = 0;
        }
        Self { header, body }
    }

    /// The digests of the body's blocks.
    pub(crate) fn blocks(body: &[u8]) -> Vec<[u8; 32]> {
        body.chunks(256 << 10).map(sha256).collect()
    }

    /// The tables as section 4 lists them.
    pub(crate) fn tables(&self) -> Vec<u8> {
        let head = encode_head(&self.header, 0).expect("memory");
        let word = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four"));
        match word(60) {
            0 => head[64..].to_vec(),
            _ => zstd::bulk::decompress(&head[64..], word(56) as usize).expect("own header"),
        }
    }

    /// The delta of these tables and this body, with the digests of the body's blocks.
    pub(crate) fn seal(&self) -> Vec<u8> {
        let mut with_blocks = self.clone();
        with_blocks.header.blocks = Self::blocks(&self.body);
        seal(&with_blocks.tables(), &self.body)
    }
}

/// The delta of a decoded header and a body, the header stored.
pub(crate) fn seal(tables: &[u8], body: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("small");
    let mut frozen = b"\x89CKD\r\n\x1a\n\x01\0\0\0".to_vec();
    frozen.extend((length(tables) + 16).to_le_bytes());
    let mut rest = (body.len() as u64).to_le_bytes().to_vec();
    rest.extend(length(tables).to_le_bytes());
    rest.extend(0_u32.to_le_bytes());
    rest.extend(tables);
    let digest = sha256(&[&frozen[..], &rest].concat());
    [&frozen[..], &digest, &rest, body].concat()
}
