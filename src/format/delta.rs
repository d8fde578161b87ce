//! The prefix, and a whole delta opened: what is frozen for ever, and what follows from it.

use std::io;

use super::check::{Needs, check};
use super::frame::decode_frame;
use super::{Body, Codec, FormatError, Header, codec, encode_frame};
use crate::digest::{Digest, Hasher};
use crate::limits;
use crate::source::ReadAt;

/// The first bytes of every delta.
pub const MAGIC: [u8; 8] = *b"\x89CKD\r\n\x1a\n";
/// The one version that is written and read.
pub const VERSION: u32 = 1;

const VERSION_OFFSET: usize = MAGIC.len();
const HEADER_LEN_OFFSET: usize = VERSION_OFFSET + size_of::<u32>();
const DIGEST_OFFSET: usize = HEADER_LEN_OFFSET + size_of::<u32>();
/// Up to here the prefix is the same in every version, and the header length counts from here.
const FROZEN_LEN: usize = DIGEST_OFFSET + 32;
const BODY_LEN_OFFSET: usize = FROZEN_LEN;
const DECODED_LEN_OFFSET: usize = BODY_LEN_OFFSET + size_of::<u64>();
const CODEC_OFFSET: usize = DECODED_LEN_OFFSET + size_of::<u32>();
/// Length of the prefix of this version, in bytes.
pub const PREFIX_LEN: usize = CODEC_OFFSET + size_of::<u32>();
const _: () = assert!(FROZEN_LEN == 48 && PREFIX_LEN == 64);

/// A delta whose header was authenticated and keeps every rule that tables can break.
#[derive(Debug, Clone)]
pub struct Delta {
    header: Header,
    id: Digest,
    codec: Codec,
    body_start: u64,
    body_len: u64,
    needs: Needs,
}

impl Delta {
    /// Reads and checks prefix and header of the delta in `file`; no byte of the body is read.
    ///
    /// # Errors
    /// In the order of docs/format.md section 9, steps 1 to 3.
    pub fn open(file: &dyn ReadAt) -> Result<Self, FormatError> {
        let (id, rest) = read_authentic(file)?;
        let field = |offset: usize| word(&rest, offset - FROZEN_LEN);
        let body_len =
            u64::from(field(BODY_LEN_OFFSET)) | u64::from(field(BODY_LEN_OFFSET + 4)) << 32;
        let decoded_len = field(DECODED_LEN_OFFSET);
        let codec = Codec::from_number(field(CODEC_OFFSET))?;
        let ceiling = limits::HEADER_DECODED_LEN;
        if u64::from(decoded_len) > ceiling {
            let found = decoded_len.into();
            return Err(FormatError::Ceiling { what: "decoded header length", found, ceiling });
        }
        let encoded = rest.get(PREFIX_LEN - FROZEN_LEN..).unwrap_or_default();
        let tables = decode_frame(encoded, codec, decoded_len as usize)?;
        let header = codec::decode(&tables)?;
        let needs = check(&header, body_len)?;
        let body_start = FROZEN_LEN as u64 + rest.len() as u64;
        check_file_len(file, body_start, body_len)?;
        Ok(Self { header, id, codec, body_start, body_len, needs })
    }

    /// The tables.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The header digest, which names this delta.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// The codec of the header itself; those of the streams are in its tables.
    pub fn header_codec(&self) -> Codec {
        self.codec
    }

    /// What running the delta takes.
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// Length of the whole file in bytes.
    pub fn file_len(&self) -> u64 {
        self.body_start + self.body_len
    }

    /// Length of prefix and header in bytes.
    pub fn head_len(&self) -> u64 {
        self.body_start
    }

    /// The digest at a row that the check has seen.
    pub fn digest(&self, row: u32) -> Digest {
        Digest::from_bytes(self.header.digests[row as usize])
    }

    /// The body, whose bytes come only from checked blocks.
    pub fn body<'a>(&'a self, file: &'a dyn ReadAt) -> Body<'a> {
        Body::new(file, self.body_start, self.body_len, &self.header.blocks)
    }
}

/// Reads what the header digest covers: the digest, and the bytes from offset 48 on.
fn read_authentic(file: &dyn ReadAt) -> Result<(Digest, Vec<u8>), FormatError> {
    let mut frozen = [0; FROZEN_LEN];
    read(file, &mut frozen[..MAGIC.len().min(clamp(file.len()))], 0, "the magic")?;
    if frozen[..MAGIC.len()] != MAGIC {
        let found = frozen[..MAGIC.len().min(clamp(file.len()))].to_vec();
        return Err(FormatError::NotADelta { expected: MAGIC, found });
    }
    read(file, &mut frozen, 0, "the prefix")?;
    let header_len = word(&frozen, HEADER_LEN_OFFSET);
    let ceiling = limits::HEADER_LEN;
    if u64::from(header_len) > ceiling {
        let found = header_len.into();
        return Err(FormatError::Ceiling { what: "header length", found, ceiling });
    }
    let available = file.len() - FROZEN_LEN as u64;
    if u64::from(header_len) > available {
        let expected = header_len.into();
        return Err(FormatError::Truncated { reading: "the header", expected, available });
    }
    let mut rest = vec![0; header_len as usize];
    read(file, &mut rest, FROZEN_LEN as u64, "the header")?;
    let expected = Digest::from_bytes(
        frozen[DIGEST_OFFSET..FROZEN_LEN].try_into().expect("BUG: a digest has 32 bytes"),
    );
    let found = head_digest(&frozen, &rest);
    if expected != found {
        let what = "the header".to_owned();
        return Err(FormatError::DigestMismatch { what, expected, found });
    }
    let version = word(&frozen, VERSION_OFFSET);
    if version != VERSION {
        return Err(FormatError::UnsupportedVersion { found: version, supported: VERSION });
    }
    if rest.len() < PREFIX_LEN - FROZEN_LEN {
        let rule = "the header length is at least 16";
        return Err(FormatError::Rule { rule, place: "prefix byte", row: 12 });
    }
    Ok((found, rest))
}

fn check_file_len(file: &dyn ReadAt, body_start: u64, body_len: u64) -> Result<(), FormatError> {
    let available = file.len().saturating_sub(body_start);
    match available.cmp(&body_len) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => {
            Err(FormatError::Truncated { reading: "the body", expected: body_len, available })
        }
        std::cmp::Ordering::Greater => {
            Err(FormatError::TrailingBytes { expected: body_start + body_len, found: file.len() })
        }
    }
}

/// Encodes prefix and header for a body of `body_len` bytes; the body follows them.
///
/// # Errors
/// Only when zstd has no memory.
pub fn encode_head(header: &Header, body_len: u64) -> io::Result<Vec<u8>> {
    let tables = codec::encode(header);
    let zstd = encode_frame(&[&tables], Codec::Zstd, HEADER_LEVEL, HEADER_WINDOW_LOG)?;
    let (codec, frame) = if zstd.bytes.len() < tables.len() {
        (Codec::Zstd, zstd)
    } else {
        (Codec::Stored, encode_frame(&[&tables], Codec::Stored, 0, 0)?)
    };
    let mut rest = Vec::with_capacity(PREFIX_LEN - FROZEN_LEN + frame.bytes.len());
    rest.extend(body_len.to_le_bytes());
    rest.extend(frame.row.decoded.to_le_bytes());
    rest.extend(codec.number().to_le_bytes());
    rest.extend(frame.bytes);
    let header_len = u32::try_from(rest.len()).map_err(io::Error::other)?;
    let mut head = Vec::with_capacity(FROZEN_LEN + rest.len());
    head.extend(MAGIC);
    head.extend(VERSION.to_le_bytes());
    head.extend(header_len.to_le_bytes());
    head.extend([0; 32]);
    let digest = head_digest(&head, &rest);
    head[DIGEST_OFFSET..].copy_from_slice(digest.as_bytes());
    head.extend(rest);
    Ok(head)
}

/// The header is small and read by all: the best plain level, a window that always holds it.
const HEADER_LEVEL: i32 = 19;
const HEADER_WINDOW_LOG: u32 = 24;

fn head_digest(frozen: &[u8], rest: &[u8]) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(&frozen[..DIGEST_OFFSET]);
    hasher.update(rest);
    hasher.finish()
}

fn read(
    file: &dyn ReadAt,
    buf: &mut [u8],
    offset: u64,
    reading: &'static str,
) -> Result<(), FormatError> {
    let expected = buf.len() as u64;
    let available = file.len().saturating_sub(offset);
    if expected > available {
        return Err(FormatError::Truncated { reading, expected, available });
    }
    file.read_exact_at(buf, offset).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => FormatError::Truncated { reading, expected, available },
        _ => FormatError::Read(error),
    })
}

fn word(bytes: &[u8], offset: usize) -> u32 {
    let word = bytes.get(offset..offset + 4).and_then(|word| word.try_into().ok());
    u32::from_le_bytes(word.expect("BUG: callers read inside what was checked"))
}

fn clamp(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}
