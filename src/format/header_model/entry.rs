//! An entry of the stream *headers*: its parts and their bytes (docs/headers.md section 2).

use super::{BLOCK, FormatError};
use crate::format::varint;

/// Bits of an entry's first byte, above the three that say how the time is said.
const SIZE: u8 = 1 << 3;
const EDITS: [u8; 3] = [1 << 4, 1 << 5, 1 << 6];
const PATCHES: u8 = 1 << 7;

const PLACE: &str = "headers";

/// Damage: an entry breaks `rule`.
pub(super) fn broken(rule: &'static str) -> FormatError {
    FormatError::Rule { rule, place: PLACE, row: 0 }
}

/// What makes a block of its source.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) time: Time,
    /// Difference of the sizes, 0 where they are equal.
    pub(super) size: i64,
    /// How name, link name and prefix change.
    pub(super) edits: [Option<Edit>; 3],
    /// What the fields do not give, in ascending order.
    pub(super) patches: Vec<Patch>,
}

/// How a block's time is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    /// As far from the source's as was the last one with the source's time.
    AsPredicted,
    /// As far as a recent one; the predicted distance is not counted.
    Recent(usize),
    /// The last block's time.
    AsLast,
    /// That far.
    Moved(i64),
}

/// How a text changes: a run of its bytes gives way to others.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Edit {
    /// Bytes before the run.
    kept: usize,
    /// Bytes of the run; `None` where it reaches to the end.
    dropped: Option<usize>,
    /// No NUL among them.
    inserted: Vec<u8>,
}

/// Bytes put over others.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Patch {
    /// First byte in the block.
    start: usize,
    bytes: Vec<u8>,
}

impl Entry {
    /// Appends the entry's bytes.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let mut first = self.time.code();
        first |= if self.size == 0 { 0 } else { SIZE };
        for (edit, bit) in self.edits.iter().zip(EDITS) {
            first |= if edit.is_some() { bit } else { 0 };
        }
        first |= if self.patches.is_empty() { 0 } else { PATCHES };
        out.push(first);
        if let Time::Moved(moved) = self.time {
            varint::put(out, varint::zigzag(moved));
        }
        if self.size != 0 {
            varint::put(out, varint::zigzag(self.size));
        }
        for edit in self.edits.iter().flatten() {
            edit.put(out);
        }
        if !self.patches.is_empty() {
            Patch::put_all(&self.patches, out);
        }
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// What `next` returns; damage for what no block's entry can be.
    pub(super) fn take(
        mut next: impl FnMut() -> Result<u8, FormatError>,
    ) -> Result<Self, FormatError> {
        let next = &mut next;
        let first = next()?;
        let time = Time::take(first & 7, next)?;
        let size = if first & SIZE == 0 { 0 } else { take_signed(next)? };
        let mut edits = [None, None, None];
        for (edit, bit) in edits.iter_mut().zip(EDITS) {
            *edit = if first & bit == 0 { None } else { Some(Edit::take(next)?) };
        }
        let patches = if first & PATCHES == 0 { Vec::new() } else { Patch::take_all(next)? };
        let is_said = |bit, is_there| (first & bit != 0) == is_there;
        if is_said(SIZE, size != 0) && is_said(PATCHES, !patches.is_empty()) {
            Ok(Self { time, size, edits, patches })
        } else {
            Err(broken("a header's entry says only what changes"))
        }
    }
}

impl Time {
    /// How many recent distances can be named.
    pub(super) const RECENT: usize = 5;

    fn code(self) -> u8 {
        match self {
            Self::AsPredicted => 0,
            Self::Recent(index) => u8::try_from(index + 1).expect("BUG: at most RECENT"),
            Self::AsLast => 6,
            Self::Moved(_) => 7,
        }
    }

    fn take(
        code: u8,
        next: &mut impl FnMut() -> Result<u8, FormatError>,
    ) -> Result<Self, FormatError> {
        Ok(match code {
            0 => Self::AsPredicted,
            1..=5 => Self::Recent(usize::from(code) - 1),
            6 => Self::AsLast,
            _ => Self::Moved(take_signed(next)?),
        })
    }
}

impl Edit {
    /// The shortest run of `source` that gives way so that `target` is there; `None` where they are
    /// equal.
    pub(super) fn between(source: &[u8], target: &[u8]) -> Option<Self> {
        if source == target {
            return None;
        }
        let kept = source.iter().zip(target).take_while(|(old, new)| old == new).count();
        let (old, new) = (source.get(kept..)?, target.get(kept..)?);
        let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new);
        let tail = tail.count();
        Some(Self {
            kept,
            dropped: (tail > 0).then(|| old.len() - tail),
            inserted: new.get(..new.len() - tail)?.to_vec(),
        })
    }

    /// The new text; `None` where `source` is too short.
    pub(super) fn applied_to(&self, source: &[u8]) -> Option<Vec<u8>> {
        let (head, rest) = source.split_at_checked(self.kept)?;
        let tail = rest.get(self.dropped.unwrap_or(rest.len())..)?;
        Some([head, &self.inserted, tail].concat())
    }

    fn put(&self, out: &mut Vec<u8>) {
        varint::put(out, self.kept as u64);
        out.extend_from_slice(&self.inserted);
        out.push(0);
        varint::put(out, self.dropped.map_or(0, |dropped| dropped as u64 + 1));
    }

    fn take(next: &mut impl FnMut() -> Result<u8, FormatError>) -> Result<Self, FormatError> {
        let kept = take_len(next)?;
        let mut inserted = Vec::new();
        loop {
            match next()? {
                0 => break,
                _ if inserted.len() == BLOCK => {
                    return Err(broken("a header's text fits its field"));
                }
                byte => inserted.push(byte),
            }
        }
        let dropped = take_len(next)?.checked_sub(1);
        Ok(Self { kept, dropped, inserted })
    }
}

impl Patch {
    /// The runs in which the blocks differ.
    pub(super) fn between(made: &[u8; BLOCK], target: &[u8; BLOCK]) -> Vec<Self> {
        let mut patches: Vec<Self> = Vec::new();
        let differ =
            made.iter().zip(target).enumerate().filter(|(_, (made, target))| made != target);
        for (start, (_, byte)) in differ {
            match patches.last_mut() {
                Some(last) if last.end() == start => last.bytes.push(*byte),
                _ => patches.push(Self { start, bytes: vec![*byte] }),
            }
        }
        patches
    }

    /// Puts all patches over a block.
    pub(super) fn apply(patches: &[Self], block: &mut [u8; BLOCK]) {
        for patch in patches {
            let covered = block.get_mut(patch.start..patch.end());
            covered.expect("BUG: patches lie in the block").copy_from_slice(&patch.bytes);
        }
    }

    fn end(&self) -> usize {
        self.start + self.bytes.len()
    }

    fn put_all(patches: &[Self], out: &mut Vec<u8>) {
        varint::put(out, patches.len() as u64);
        let mut end = 0;
        for patch in patches {
            varint::put(out, (patch.start - end) as u64);
            varint::put(out, patch.bytes.len() as u64);
            out.extend_from_slice(&patch.bytes);
            end = patch.end();
        }
    }

    fn take_all(
        next: &mut impl FnMut() -> Result<u8, FormatError>,
    ) -> Result<Vec<Self>, FormatError> {
        let mut patches = Vec::new();
        let mut end = 0;
        for _ in 0..take_len(next)? {
            let start = end + take_len(next)?;
            let len = take_len(next)?;
            end = start + len;
            if end > BLOCK {
                return Err(broken("a header's patches lie in the block"));
            }
            let bytes = (0..len).map(|_| next()).collect::<Result<_, _>>()?;
            patches.push(Self { start, bytes });
        }
        Ok(patches)
    }
}

/// Reads a difference.
fn take_signed(next: &mut impl FnMut() -> Result<u8, FormatError>) -> Result<i64, FormatError> {
    Ok(varint::unzigzag(varint::take(next, PLACE)?))
}

/// Reads a number of bytes or patches, none of which is more than a block has bytes.
fn take_len(next: &mut impl FnMut() -> Result<u8, FormatError>) -> Result<usize, FormatError> {
    let len = usize::try_from(varint::take(next, PLACE)?).unwrap_or(usize::MAX);
    if len > BLOCK { Err(broken("a header's lengths are at most 512")) } else { Ok(len) }
}
