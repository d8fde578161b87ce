//! Headers that are made of others: any blocks, and any entries.
//!
//! The input draws blocks, each of the one before with changes; what is left of it is read as entries.

use chunkdelta::format::{FormatError, HeaderModel, TAR_BLOCK, data_len};

use super::draw::Draw;
use super::layers::header;

type Block = [u8; TAR_BLOCK];

/// Where fields lie that the model knows, and beside them.
const FIELDS: [usize; 10] = [0, 99, 124, 136, 148, 156, 157, 345, 499, 511];

pub(super) fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let count = usize::from(draw.byte() % 8) + 1;
    let mut blocks = vec![block(&mut draw, &[0; TAR_BLOCK])];
    for _ in 0..count {
        let next = block(&mut draw, &blocks[blocks.len() - 1]);
        blocks.push(next);
    }
    let pairs: Vec<(Block, Block)> = blocks.windows(2).map(|pair| (pair[0], pair[1])).collect();
    come_back(&pairs);
    read(&blocks, draw.rest());
}

/// A block like another one, or none of it.
fn block(draw: &mut Draw<'_>, before: &Block) -> Block {
    let mut block = match draw.byte() % 8 {
        0 => [0; TAR_BLOCK],
        1 | 2 => header("usr/lib/a", draw.below(3), 1_700_000_000 + draw.long() % 3),
        _ => *before,
    };
    for _ in 0..draw.byte() % 4 {
        let at = match draw.byte() {
            place @ 0..200 => FIELDS[usize::from(place) % FIELDS.len()],
            _ => draw.below(TAR_BLOCK),
        };
        let len = usize::from(draw.byte() % 16);
        let bytes = draw.bytes(len.min(TAR_BLOCK - at));
        block[at..at + bytes.len()].copy_from_slice(bytes);
    }
    block
}

/// What is encoded is decoded, and nothing is left.
fn come_back(pairs: &[(Block, Block)]) {
    let (mut writer, mut reader) = (HeaderModel::default(), HeaderModel::default());
    for (source, target) in pairs {
        let mut entry = Vec::new();
        writer.encode(source, target, &mut entry);
        let mut rest = entry.iter().copied();
        let made = reader.decode(source, || Ok(rest.next().expect("an entry is whole")));
        assert!(made.expect("an own entry reads") == *target, "a block comes back");
        assert!(rest.next().is_none(), "an entry ends");
        assert!(writer.last() == target && reader.last() == target);
        if let Some(len) = data_len(source) {
            assert!(i64::try_from(len).is_ok(), "a size is no negative number");
        }
    }
}

/// Entries of anybody: what reads is the entry that is written.
fn read(sources: &[Block], mut entries: &[u8]) {
    let (mut writer, mut reader) = (HeaderModel::default(), HeaderModel::default());
    for source in sources.iter().cycle().take(64) {
        let before = entries;
        let made = reader.decode(source, || {
            let (byte, rest) = entries.split_first().ok_or(FormatError::Rule {
                rule: "the input has as many bytes",
                place: "byte",
                row: 0,
            })?;
            entries = rest;
            Ok(*byte)
        });
        let Ok(made) = made else { return };
        let mut again = Vec::new();
        writer.encode(source, &made, &mut again);
        assert!(before[..before.len() - entries.len()] == again, "an entry has one spelling");
    }
}
