//! What was made outside the output and is needed again: the ranges that parts declare, kept in
//! scratch space until the last group that uses them.

use std::collections::BTreeMap;
use std::io;

use super::ApplyError;
use crate::format::FormatError;
use crate::source::Scratch;

/// Ranges of nodes outside the output.
pub(super) struct Keep<'a> {
    scratch: Store<'a>,
    /// By the content they lie in and where they begin there; disjoint.
    ranges: BTreeMap<(u32, u64), Kept>,
    free: Extents,
    live: u64,
    /// What the delta declares as the most at one time, in bytes.
    peak: u64,
}

/// Where kept bytes lie.
enum Store<'a> {
    Scratch(&'a dyn Scratch),
    Memory(Vec<u8>),
}

#[derive(Debug, Clone, Copy)]
struct Kept {
    len: u64,
    at: u64,
    last_group: u64,
}

impl<'a> Keep<'a> {
    /// Nothing yet; at most `peak` bytes at one time, in memory where there is no scratch space.
    pub(super) fn new(scratch: Option<&'a dyn Scratch>, peak: u64) -> Self {
        let scratch = scratch.map_or(Store::Memory(Vec::new()), Store::Scratch);
        Self { scratch, ranges: BTreeMap::new(), free: Extents::default(), live: 0, peak }
    }

    /// Forgets what no group from `group` on uses.
    pub(super) fn forget_before(&mut self, group: u64) {
        let Self { ranges, free, live, .. } = self;
        ranges.retain(|_, kept| {
            let stays = kept.last_group >= group;
            if !stays {
                *live -= kept.len;
                free.give_back(kept.at, kept.len);
            }
            stays
        });
    }

    /// Keeps bytes that begin at `start` of a content.
    pub(super) fn store(
        &mut self,
        content: u32,
        mut start: u64,
        mut bytes: &[u8],
        last_group: u64,
    ) -> Result<(), ApplyError> {
        self.live += bytes.len() as u64;
        if self.live > self.peak {
            return Err(broken("no more is kept than declared"));
        }
        while !bytes.is_empty() {
            let (at, len) = self.free.take(bytes.len() as u64);
            let (now, later) = bytes.split_at(usize::try_from(len).unwrap_or(bytes.len()));
            match &mut self.scratch {
                Store::Scratch(scratch) => scratch.write_all_at(now, at),
                Store::Memory(memory) => write_memory(memory, now, at),
            }
            .map_err(ApplyError::Scratch)?;
            self.ranges.insert((content, start), Kept { len, at, last_group });
            start += len;
            bytes = later;
        }
        Ok(())
    }

    /// Fills `buf` with bytes from `start` of a content, all of which must be kept.
    pub(super) fn read(
        &self,
        content: u32,
        mut start: u64,
        mut buf: &mut [u8],
    ) -> Result<(), ApplyError> {
        while !buf.is_empty() {
            let kept = self.ranges.range((content, 0)..=(content, start)).next_back();
            let left = kept.and_then(|((_, first), kept)| {
                let done = start - first;
                (done < kept.len).then(|| (kept.at + done, kept.len - done))
            });
            let (at, len) = left.ok_or(broken("what is copied from outside the output is kept"))?;
            let now = usize::try_from(len).unwrap_or(usize::MAX).min(buf.len());
            let (head, tail) = buf.split_at_mut(now);
            match &self.scratch {
                Store::Scratch(scratch) => scratch.read_exact_at(head, at),
                Store::Memory(memory) => crate::source::ReadAt::read_exact_at(memory, head, at),
            }
            .map_err(ApplyError::Scratch)?;
            start += now as u64;
            buf = tail;
        }
        Ok(())
    }
}

fn write_memory(memory: &mut Vec<u8>, bytes: &[u8], at: u64) -> io::Result<()> {
    let at = usize::try_from(at).map_err(io::Error::other)?;
    let end = at.checked_add(bytes.len()).ok_or(io::ErrorKind::OutOfMemory)?;
    memory.resize(memory.len().max(end), 0);
    memory[at..end].copy_from_slice(bytes);
    Ok(())
}

fn broken(rule: &'static str) -> ApplyError {
    FormatError::Rule { rule, place: "kept range", row: 0 }.into()
}

/// Space that grows and is used again: first fit, so that it never grows past the most that was in
/// use at one time.
#[derive(Debug, Default)]
struct Extents {
    /// Free runs by start: disjoint, not touching.
    free: BTreeMap<u64, u64>,
    end: u64,
}

impl Extents {
    /// A run of at most `len` bytes, at least one.
    fn take(&mut self, len: u64) -> (u64, u64) {
        let Some((at, free)) = self.free.pop_first() else {
            let at = self.end;
            self.end += len;
            return (at, len);
        };
        let taken = free.min(len);
        if taken < free {
            self.free.insert(at + taken, free - taken);
        }
        (at, taken)
    }

    fn give_back(&mut self, mut at: u64, mut len: u64) {
        if let Some((before, free)) = self.free.range(..at).next_back().map(|(a, l)| (*a, *l))
            && before + free == at
        {
            self.free.remove(&before);
            (at, len) = (before, free + len);
        }
        if let Some(free) = self.free.remove(&(at + len)) {
            len += free;
        }
        self.free.insert(at, len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_back_over_the_edges_of_its_pieces() {
        let mut keep = Keep::new(None, 12);
        keep.store(7, 100, b"abcdef", 3).expect("fits");
        keep.store(7, 106, b"ghi", 2).expect("fits");
        let mut buf = [0; 7];
        keep.read(7, 102, &mut buf).expect("is there");
        assert_eq!(&buf, b"cdefghi");
        assert!(keep.read(7, 103, &mut buf).is_err(), "reaches past the end");
        assert!(keep.read(7, 99, &mut buf).is_err(), "begins before");
        assert!(keep.read(6, 102, &mut buf).is_err(), "another content");
    }

    #[test]
    fn space_is_used_again_and_never_passes_the_peak() {
        let mut keep = Keep::new(None, 8);
        for group in 0..100_u8 {
            keep.forget_before(group.into());
            keep.store(1, u64::from(group) * 4, &[group; 4], u64::from(group) + 1).expect("fits");
            assert!(keep.free.end <= 8, "grew to {}", keep.free.end);
        }
        let mut buf = [0; 8];
        keep.read(1, 98 * 4, &mut buf).expect("is there");
        assert_eq!(buf, [98, 98, 98, 98, 99, 99, 99, 99]);
        assert!(keep.read(1, 97 * 4, &mut buf[..4]).is_err(), "was forgotten");
        assert!(keep.store(2, 0, &[0], 200).is_err(), "one more than declared");
    }
}
