//! Small tar archives, what changes in them, and what is said about their members.

use chunkdelta::delta::{Member, Stretch};
use chunkdelta::format::Class;
use chunkdelta::walker::{Entry, Walker};

use super::draw::{Draw, noise};
use super::walker::seal;

const BLOCK: usize = 512;
/// Names that members have, so that those of two archives are alike.
const NAMES: [&str; 8] =
    ["bin/prog", "etc/conf", "lib/libx.so.1.2", "lib/libx.so.1.3", "a", "./a", "d/", "new/file-1"];

/// A header as tools write it.
pub(super) fn header(name: &str, len: usize, time: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put =
        |at: usize, text: &str| block[at..][..text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\x000000000\x000000000");
    put(124, &format!("{len:011o}"));
    put(136, &format!("{:011o}", time % (1 << 33)));
    put(156, "0");
    put(257, "ustar\x0000");
    seal(&mut block);
    block
}

/// An archive of files with these names, data and times.
pub(super) fn tar<'f>(files: impl IntoIterator<Item = (&'f str, &'f [u8], u64)>) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, data, time) in files {
        tar.extend(header(name, data.len(), time));
        tar.extend(data);
        tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    }
    tar.resize(tar.len() + BLOCK, 0);
    tar
}

/// An archive that the input draws.
pub(super) fn drawn(draw: &mut Draw<'_>) -> Vec<u8> {
    let mut files: Vec<(&str, Vec<u8>, u64)> = Vec::new();
    for _ in 0..draw.byte() % 7 {
        let (what, len) = (draw.byte(), draw.below(1200));
        let data = if what & 8 == 0 { noise(what.into(), len) } else { draw.bytes(60).to_vec() };
        files.push((NAMES[usize::from(what % 8)], data, 1_700_000_000 + u64::from(what >> 5)));
    }
    tar(files.iter().map(|(name, data, time)| (*name, &data[..], *time)))
}

/// The members of bytes that may be an archive.
pub(super) fn members(bytes: &[u8]) -> Vec<Member> {
    let index = |offset: u64| usize::try_from(offset).expect("it is in memory");
    let member = |entry: Entry| Member {
        name: entry.name,
        header: index(entry.header.start())..index(entry.data.start()),
        data: index(entry.data.start())..index(entry.data.end()),
    };
    Walker::new(bytes).map(member).collect()
}

/// Headers and data of an archive by turns, the data of this class.
pub(super) fn stretches(bytes: &[u8], class: Class) -> Vec<Stretch> {
    let ends = members(bytes)
        .into_iter()
        .flat_map(|member| [(member.data.start, Class::TAR_HEADER), (member.data.end, class)]);
    let mut stretches: Vec<Stretch> = Vec::new();
    for (end, class) in ends.chain([(bytes.len(), class)]) {
        if stretches.last().is_none_or(|last| last.end < end as u64) {
            stretches.push(Stretch { end: end as u64, class });
        }
    }
    stretches
}

/// What somebody says about the members of bytes: nothing, the truth, or lies.
pub(super) fn said(draw: &mut Draw<'_>, bytes: &[u8]) -> Vec<Member> {
    let mut said = members(bytes);
    match draw.byte() {
        0..32 => said.clear(),
        224.. => {
            for _ in 0..draw.byte() % 4 {
                let mut offset = || draw.below(bytes.len() + 40);
                let (header, data) = (offset()..offset(), offset()..offset());
                let name = NAMES[draw.below(NAMES.len())].as_bytes().to_vec();
                let at = draw.below(said.len() + 1);
                said.insert(at, Member { name, header, data });
            }
        }
        _ => {}
    }
    said
}

/// Gives all headers of an archive another time.
pub(super) fn touch(bytes: &mut [u8], time: u64) {
    for member in members(bytes) {
        let Some(block) = bytes.get_mut(member.header).filter(|block| block.len() == BLOCK) else {
            continue;
        };
        block[136..147].copy_from_slice(format!("{:011o}", time % (1 << 33)).as_bytes());
        seal(block);
    }
}

/// Changes a byte every so often, as in a program with other addresses in it.
pub(super) fn relink(bytes: &mut [u8], every: usize) {
    for byte in bytes.iter_mut().step_by(every.max(1)) {
        *byte = byte.wrapping_add(3);
    }
}
