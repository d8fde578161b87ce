//! Images of any length from one of the corpus, so that time and memory can be shown by length.
//!
//! An image is repeated. The data of each repetition's regular files goes through a permutation of the
//! 256 byte values of its own, which is the same for base and target. So repetitions do not match each
//! other, while what is within one has every statistic of the corpus: runs, matches, entropy, and how
//! base and target differ. Headers stay headers, since a permuted layer would be no tar and a program
//! that parses layers would do something else with it: each name gets the repetition's number before
//! it, `r007/usr/bin/env`, checksums are right, and so are diff IDs, config and manifest.
//!
//! What is not like the corpus: headers of repetitions resemble each other, so a delta grows by a
//! little less than its length for one repetition; and what looks into a file finds neither gzip nor
//! an executable nor text there, only bytes of the same statistics. The first repetition is permuted
//! like all others, so that all lengths are of one kind.

use std::io::{self, Read};
use std::path::Path;

use tar::{Builder, Header};

use crate::failure::{At as _, Failure};
use crate::image::{ImageWriter, SavedImage};
use crate::members::{Change, copy_members};

/// How a grown image is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layers {
    /// Each layer of each repetition is a layer.
    Several,
    /// One layer has everything.
    One,
}

/// Repetitions of an image of `len` bytes that come nearest to `wanted` bytes; at least one.
pub(crate) fn repetitions(len: u64, wanted: u64) -> u64 {
    (wanted.saturating_add(len / 2) / len.max(1)).max(1)
}

/// Writes `image`, repeated, to `path`. Its memory does not depend on its length.
///
/// # Errors
///
/// When something cannot be read or written, or a layer cannot be repeated.
pub(crate) fn grow(
    image: &SavedImage,
    repetitions: u64,
    layers: Layers,
    path: &Path,
) -> Result<(), Failure> {
    let mut writer = ImageWriter::create(path).at(path)?;
    let parts: Vec<(u64, usize)> = (0..repetitions)
        .flat_map(|number| (0..image.layer_count()).map(move |layer| (number, layer)))
        .collect();
    let at_a_time = if layers == Layers::One { parts.len() } else { 1 };
    for parts in parts.chunks(at_a_time.max(1)) {
        let contents = parts.iter().map(|(number, layer)| Ok((*number, image.layer(*layer)?)));
        let contents = contents.collect::<Result<Vec<_>, Failure>>()?;
        let written = writer.layer(|out| {
            let mut out = Builder::new(out);
            for (number, content) in contents {
                copy_members(content, &mut out, &mut Repetition::new(number))?;
            }
            out.finish()
        });
        written.at(path)?;
    }
    writer.finish(image.config(), "grown:1").at(path)
}

/// One repetition's name and permutation.
#[derive(Debug)]
struct Repetition {
    prefix: Vec<u8>,
    permutation: [u8; 256],
}

impl Repetition {
    fn new(number: u64) -> Self {
        let mut permutation: [u8; 256] = std::array::from_fn(|value| {
            u8::try_from(value).expect("BUG: there are 256 values of a byte")
        });
        // Fisher and Yates' shuffle by xorshift64*, which wants a state that is not zero.
        let mut state = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for last in (1..permutation.len()).rev() {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let random = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
            let bound = u64::try_from(last + 1).expect("BUG: at most 256");
            let other = usize::try_from(random % bound).expect("BUG: at most 255");
            permutation.swap(last, other);
        }
        Self { prefix: format!("r{number:03}/").into_bytes(), permutation }
    }
}

impl Change for Repetition {
    fn path(&self, path: &[u8]) -> Vec<u8> {
        [&self.prefix, path.strip_prefix(b"./").unwrap_or(path)].concat()
    }

    fn data<'a>(
        &mut self,
        _: &mut Header,
        data: Box<dyn Read + 'a>,
    ) -> io::Result<Box<dyn Read + 'a>> {
        Ok(Box::new(Permuted { data, permutation: self.permutation }))
    }
}

struct Permuted<R> {
    data: R,
    permutation: [u8; 256],
}

impl<R: Read> Read for Permuted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.data.read(buffer)?;
        for byte in &mut buffer[..len] {
            *byte = self.permutation[usize::from(*byte)];
        }
        Ok(len)
    }
}
