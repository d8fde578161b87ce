//! Layers that are tar archives: their members, and what changes in them.

use std::ops::Range;

use chunkdelta::delta::{Member, Origin, Stretch};
use chunkdelta::format::Class;

use super::{Case, random, words};

/// A tar archive.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) members: Vec<Member>,
}

impl Layer {
    /// Files with these names, data and times in octal, in order, and a block of zeros.
    pub(crate) fn new(files: &[(&str, &[u8], &str)]) -> Self {
        let mut layer = Self::default();
        for (name, data, time) in files {
            let header = layer.push(&header(name, data.len(), time));
            let data = layer.push(data);
            layer.bytes.resize(data.end.next_multiple_of(512), 0);
            layer.members.push(Member { name: name.as_bytes().to_vec(), header, data });
        }
        layer.bytes.resize(layer.bytes.len() + 512, 0);
        layer
    }

    fn push(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend(bytes);
        start..self.bytes.len()
    }

    /// Headers and data by turns.
    fn stretches(&self) -> Vec<Stretch> {
        let ends = self.members.iter().flat_map(|member| {
            [(member.header.end, Class::TAR_HEADER), (member.data.end, Class::OTHER)]
        });
        let ends = ends.chain([(self.bytes.len(), Class::TAR_HEADER)]);
        ends.map(|(end, class)| Stretch { end: end as u64, class }).collect()
    }
}

/// A header as Go writes it in ustar.
pub(crate) fn header(name: &str, size: usize, time: &str) -> [u8; 512] {
    let mut block = [0; 512];
    let mut put =
        |at: usize, text: &str| block[at..][..text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\x000000000\x000000000");
    put(124, &format!("{size:011o}"));
    put(136, time);
    put(148, "        0");
    put(257, "ustar\x0000");
    put(329, "0000000\x000000000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

/// Bytes with a different one every so often, as in a program with other addresses in it.
fn relinked(bytes: &[u8]) -> Vec<u8> {
    let places = bytes.iter().enumerate();
    places.map(|(at, byte)| byte.wrapping_add(u8::from(at % 40 == 7) * 3)).collect()
}

/// The case of a layer that is made of another one.
fn case(name: &'static str, old: Layer, new: &Layer) -> Case {
    let mut case = Case { name, outputs: vec![("", Some(0))], ..Case::default() };
    case.row(&new.bytes, Origin::Made, Class::OTHER);
    (case.rows[0].members, case.rows[0].stretches) = (new.members.clone(), new.stretches());
    if !old.bytes.is_empty() {
        case.contents = vec![old.bytes];
        case.members = vec![old.members];
    }
    case
}

/// A program that was compiled again.
pub(super) fn differences() -> Case {
    let file = |bytes: Vec<u8>| {
        let data = 0..bytes.len();
        Layer { bytes, members: vec![Member { name: b"bin/a".to_vec(), header: 0..0, data }] }
    };
    let old = random(22, 12_000);
    let new = relinked(&old);
    case("differences", file(old), &file(new))
}

fn times_of(name: &'static str) -> Case {
    let data: Vec<Vec<u8>> = (0..6).map(|seed| words(23 + seed, 700)).collect();
    let grown =
        [&data[3][..], b"and more of it than a copy with differences is for: this is new"].concat();
    let old = ["f/a", "f/b", "f/c", "f/d", "f/e", "f/f"];
    let files = |time, grown| {
        let mut files: Vec<(&str, &[u8], &str)> =
            old.iter().zip(&data).map(|(name, data)| (*name, &data[..], time)).collect();
        files[3].1 = grown;
        Layer::new(&files)
    };
    case(name, files("14500000000", &data[3]), &files("14531463000", &grown))
}

/// Files with other times, one of them longer.
pub(super) fn times() -> Case {
    times_of("times")
}

/// The same, as small as it can be.
pub(super) fn small() -> Case {
    Case { level: 9, ..times_of("small") }
}

/// New files in a row.
pub(super) fn new_files() -> Case {
    let data: Vec<Vec<u8>> = (0..5).map(|seed| words(30 + seed, 300)).collect();
    let names: Vec<String> = (0..5).map(|number| format!("usr/share/new/file-{number}")).collect();
    let files = names.iter().zip(&data).map(|(name, data)| (&name[..], &data[..], "14500000000"));
    case("new-files", Layer::default(), &Layer::new(&files.collect::<Vec<_>>()))
}
