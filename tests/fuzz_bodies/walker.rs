//! Arbitrary bytes as a tar archive.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use chunkdelta::source::ReadAt;
use chunkdelta::walker::{Entry, Stop, Walker};

use super::draw::Draw;

const BLOCK: usize = 512;

struct Counted<'a> {
    bytes: &'a [u8],
    read: AtomicU64,
}

impl ReadAt for &Counted<'_> {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.read.fetch_add(buf.len() as u64, Ordering::Relaxed);
        self.bytes.read_exact_at(buf, offset)
    }
}

/// The first byte says whether checksums are put right, since few mutations would keep them.
pub(super) fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let is_sealed = draw.flag();
    let mut bytes = draw.rest().to_vec();
    if is_sealed {
        bytes.chunks_exact_mut(BLOCK).for_each(seal);
    }
    walk(&bytes);
}

/// Puts the checksum of a block right, if it has any byte.
pub(super) fn seal(block: &mut [u8]) {
    if block.iter().all(|byte| *byte == 0) || block[257..262] != *b"ustar" {
        return;
    }
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn walk(bytes: &[u8]) {
    let counted = Counted { bytes, read: AtomicU64::new(0) };
    let mut walker = Walker::new(&counted);
    let entries: Vec<Entry> = walker.by_ref().collect();
    assert!(walker.next().is_none() && walker.end().is_some(), "an end is an end");
    let end = walker.finish();
    let len = bytes.len() as u64;
    let mut at = 0;
    for entry in &entries {
        assert_eq!(entry.header.start(), at, "members follow each other");
        assert!(entry.header.len() >= 512 && entry.header.len() % 512 == 0);
        assert_eq!(entry.data.start(), entry.header.end(), "bytes follow their header");
        assert!(entry.data.end() <= len, "bytes lie inside");
        at = entry.data.end().next_multiple_of(512).min(len);
    }
    assert_eq!(end.at, at, "the end follows the last member");
    match end.stop {
        Stop::EndBlocks => {
            // Headers that announce a member may stand before the zeros.
            let rest = &bytes[usize::try_from(at).expect("it is in memory")..];
            assert!(rest.chunks_exact(BLOCK).any(|block| block.iter().all(|byte| *byte == 0)));
        }
        Stop::Cut { expected_end, .. } => assert!(expected_end > len, "what is cut is cut"),
        Stop::Unreadable(error) => panic!("the slice can be read: {error}"),
        Stop::EndOfInput | Stop::NoHeader => {}
    }
    let read = counted.read.load(Ordering::Relaxed);
    assert!(read <= len + 1024, "each byte is read once (read {read}, length {len})");
}
