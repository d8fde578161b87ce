//! What stands around compressed texts at the end of a layer.

use super::Packed;
use super::entry::BLOCK_LEN;
use super::parameters::Kind;

const SKIPPABLE: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];

/// Bytes before what a skippable frame holds.
const SKIPPABLE_HEADER: u64 = 8;

/// The number of the table's format that all footers have.
const FORMAT: u64 = 1;

const CHUNKED_MAGIC: [u8; 8] = *b"GNUlInUx";
const OLD_MAGIC: [u8; 8] = *b"GnUlInUx";

/// The name of the index in its tar.
pub(crate) const INDEX_NAME: &[u8] = b"stargz.index.json";

/// Appends a table whose piece begins at the stored byte of number `stored`.
pub(super) fn put(
    kind: Kind,
    stored: u64,
    texts: &[Packed],
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    match (kind, texts) {
        (Kind::Chunked, [tar_split, manifest]) => {
            let at = stored + SKIPPABLE_HEADER;
            let tar_split_at = at + manifest.bytes.len() as u64 + SKIPPABLE_HEADER;
            put_frame(&manifest.bytes, out)?;
            put_frame(&tar_split.bytes, out)?;
            let numbers = [
                at,
                manifest.bytes.len() as u64,
                manifest.len,
                FORMAT,
                tar_split_at,
                tar_split.bytes.len() as u64,
                tar_split.len,
            ];
            put_footer(&numbers, CHUNKED_MAGIC, out)
        }
        (Kind::ChunkedAlone | Kind::StargzZstd, [text]) => {
            put_frame(&text.bytes, out)?;
            let at = stored + SKIPPABLE_HEADER;
            put_footer(&[at, text.bytes.len() as u64, text.len, FORMAT], OLD_MAGIC, out)
        }
        (Kind::Stargz, [index]) => {
            out.extend_from_slice(&index.bytes);
            out.extend(index.trailer);
            put_member(stored, out);
            Ok(())
        }
        _ => Err("a table has the texts of its kind"),
    }
}

fn put_frame(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
    let len =
        u32::try_from(bytes.len()).map_err(|_| "a skippable frame has a length of 32 bits")?;
    out.extend(SKIPPABLE);
    out.extend(len.to_le_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

fn put_footer(numbers: &[u64], magic: [u8; 8], out: &mut Vec<u8>) -> Result<(), &'static str> {
    let numbers = numbers.iter().flat_map(|number| number.to_le_bytes());
    put_frame(&numbers.chain(magic).collect::<Vec<_>>(), out)
}

/// The gzip member that says where the one with the index begins: an extra field, and no content.
fn put_member(stored: u64, out: &mut Vec<u8>) {
    out.extend([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 26, 0]);
    out.extend(*b"SG\x16\0");
    out.extend(format!("{stored:016x}STARGZ").bytes());
    out.extend([1, 0, 0, 0xff, 0xff]);
    out.extend([0; 8]);
}

/// What stands in the tar before and behind an index of `len` bytes: a header block as Go writes
/// it; padding and two blocks of zeros.
pub(crate) fn index_around(len: u64) -> [Vec<u8>; 2] {
    let mut block = vec![0; BLOCK_LEN];
    let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
    put(0, INDEX_NAME);
    for at in [100, 108, 116, 329, 337] {
        put(at, b"0000000");
    }
    // No text is longer than eleven octal digits say.
    put(124, &format!("{len:011o}").as_bytes()[..11]);
    put(136, b"00000000000");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let padding = len.wrapping_neg() % BLOCK_LEN as u64;
    let padding = usize::try_from(padding).unwrap_or(0);
    [block, vec![0; padding + 2 * BLOCK_LEN]]
}
