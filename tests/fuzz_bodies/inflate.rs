//! Arbitrary bytes as a compressed blob under a small ceiling.

use std::io::Read as _;

use chunkdelta::compression::{Compression, CompressionError, Foreign, Inflater};
use chunkdelta::source::Sequential;

use super::draw::Draw;

const CEILING: u64 = 64 << 10;

pub(super) fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let choice = draw.byte();
    let stored = draw.rest();
    assert!(Foreign::detect(stored).is_none_or(|foreign| !foreign.name().is_empty()));
    let compression = match choice % 4 {
        0 => Compression::Gzip,
        1 => Compression::Zstd,
        2 => Compression::Plain,
        _ => Compression::detect(stored),
    };
    let lens: &[usize] = match choice / 4 % 3 {
        0 => &[8 << 10],
        1 => &[1, 100, 7],
        _ => &[100_000],
    };
    let content = inflate(stored, compression, lens);
    let at_once = inflate(stored, compression, &[1 << 20]);
    match (content, at_once) {
        (Ok(content), Ok(at_once)) => assert_eq!(content, at_once, "pieces do not matter"),
        // Which of two faults is met first is open.
        (Err(_), Err(_)) => {}
        // libzstd looks at a frame's declared length only where a block with bytes ends it, or
        // where the whole frame fits the buffer.
        _ if compression == Compression::Zstd => {}
        (content, at_once) => panic!("pieces matter: {content:?} {at_once:?}"),
    }
}

fn inflate(
    stored: &[u8],
    compression: Compression,
    lens: &[usize],
) -> Result<Vec<u8>, CompressionError> {
    let mut inflater = Inflater::new(Sequential::new(stored), compression, CEILING)?;
    let mut content = Vec::new();
    let mut buf = vec![0; 1 << 20];
    for len in lens.iter().cycle() {
        let given = inflater.read(&mut buf[..*len]).map_err(CompressionError::from_io)?;
        if given == 0 {
            break;
        }
        content.extend(&buf[..given]);
        assert!(content.len() as u64 <= CEILING, "the ceiling holds");
    }
    if compression == Compression::Plain {
        assert_eq!(content, stored);
    }
    Ok(content)
}
