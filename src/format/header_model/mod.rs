//! The model of tar header blocks (docs/headers.md): a block is made of another one, its source, and
//! a few bytes that say what differs: most often one, since the time has moved as it did for the
//! last header with that time, and the checksum follows.
//!
//! Nothing is lost by a block that the model does not understand: bytes that the fields do not give
//! are put over them, as many as there are.

mod entry;
mod field;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;

use super::FormatError;
use entry::{Edit, Entry, Patch, Time, broken};
use field::{CHECKSUM, LINK, NAME, PREFIX, SIZE, TIME};
pub(crate) use field::{checksum_holds, has_data, number, text};

/// Length of a tar block in bytes.
pub const BLOCK: usize = 512;

/// Texts, in the order of their edits.
const TEXTS: [Range<usize>; 3] = [NAME, LINK, PREFIX];

/// Times that are remembered, in some 100 KB: ten times as many as a system image has.
const TIMES_MAX: usize = 4096;

/// What the headers of a part have in common so far.
#[derive(Debug, Clone)]
pub struct HeaderModel {
    /// By a source's time, how far that time moved last.
    moved: HashMap<i64, i64>,
    /// How far times moved, each distance once, the last one first.
    recent: Vec<i64>,
    /// The time of the last block that had one beside its source's.
    time: Option<i64>,
    last: [u8; BLOCK],
}

impl Default for HeaderModel {
    fn default() -> Self {
        Self { moved: HashMap::new(), recent: Vec::new(), time: None, last: [0; BLOCK] }
    }
}

impl HeaderModel {
    /// Appends to `out` the entry that makes `target` of `source`; any two blocks have one, of 1 to
    /// about 900 bytes.
    pub fn encode(&mut self, source: &[u8; BLOCK], target: &[u8; BLOCK], out: &mut Vec<u8>) {
        let source = ground(source);
        self.describe(source, target).put(out);
        self.learn(source, target);
    }

    /// The block that the next entry makes of `source`; `take` gives the entry's bytes.
    ///
    /// # Errors
    /// What `take` returns; damage for an entry that [`HeaderModel::encode`] does not write.
    pub fn decode(
        &mut self,
        source: &[u8; BLOCK],
        take: impl FnMut() -> Result<u8, FormatError>,
    ) -> Result<[u8; BLOCK], FormatError> {
        let source = ground(source);
        let entry = Entry::take(take)?;
        let made = self.fields(source, &entry).ok_or(broken("a header's entry fits its source"))?;
        let block = patched(&made, &entry.patches);
        // One spelling per block: this also sees that no patch does what a field could.
        if self.describe(source, &block) != entry {
            return Err(broken("a header's entry is the one that its block has"));
        }
        self.learn(source, &block);
        Ok(block)
    }

    /// The block that was encoded or decoded last, zeros at first.
    pub fn last(&self) -> &[u8; BLOCK] {
        &self.last
    }

    fn describe(&self, source: &[u8; BLOCK], target: &[u8; BLOCK]) -> Entry {
        let size = match (number(&source[SIZE]), number(&target[SIZE])) {
            (Some(source), Some(target)) => target.wrapping_sub(source),
            _ => 0,
        };
        let edits =
            TEXTS.map(|range| Edit::between(text(&source[range.clone()]), text(&target[range])));
        let mut entry =
            Entry { time: self.time_of(source, target), size, edits, patches: Vec::new() };
        let made = self.fields(source, &entry).expect("BUG: the source's own fields");
        entry.patches = patches(made, target);
        entry
    }

    /// The block as the entry's fields make it, its checksum still the source's; `None` where the
    /// source has no such fields.
    fn fields(&self, source: &[u8; BLOCK], entry: &Entry) -> Option<[u8; BLOCK]> {
        let mut block = *source;
        match number(&source[TIME]) {
            Some(time) => {
                let moved = self.distance(time, entry.time)?;
                field::set_number(&mut block[TIME], time.wrapping_add(moved));
            }
            None if entry.time == Time::AsPredicted => {}
            None => return None,
        }
        if entry.size != 0 {
            let size = number(&source[SIZE])?.wrapping_add(entry.size);
            field::set_number(&mut block[SIZE], size);
        }
        for (range, edit) in TEXTS.into_iter().zip(&entry.edits) {
            if let Some(edit) = edit {
                let new = edit.applied_to(text(&source[range.clone()]))?;
                let field = &mut block[range];
                let (head, tail) = field.split_at_mut_checked(new.len())?;
                head.copy_from_slice(&new);
                tail.fill(0);
            }
        }
        Some(block)
    }

    /// How `target`'s time is said.
    fn time_of(&self, source: &[u8; BLOCK], target: &[u8; BLOCK]) -> Time {
        let (Some(old), Some(new)) = (number(&source[TIME]), number(&target[TIME])) else {
            return Time::AsPredicted;
        };
        let moved = new.wrapping_sub(old);
        let predicted = self.predicted(old);
        if moved == predicted {
            return Time::AsPredicted;
        }
        let mut others = self.recent.iter().filter(|recent| **recent != predicted);
        match others.position(|recent| *recent == moved) {
            Some(index) if index < Time::RECENT => Time::Recent(index),
            _ if self.time == Some(new) => Time::AsLast,
            _ => Time::Moved(moved),
        }
    }

    /// How far a source's `time` moves; `None` where nothing was said to which `said` could refer.
    fn distance(&self, time: i64, said: Time) -> Option<i64> {
        let predicted = self.predicted(time);
        match said {
            Time::AsPredicted => Some(predicted),
            Time::Recent(index) => {
                self.recent.iter().filter(|recent| **recent != predicted).nth(index).copied()
            }
            Time::AsLast => Some(self.time?.wrapping_sub(time)),
            Time::Moved(moved) => Some(moved),
        }
    }

    /// Files of one package have one time, and the next package's files have one as well.
    fn predicted(&self, time: i64) -> i64 {
        self.moved.get(&time).copied().unwrap_or(0)
    }

    fn learn(&mut self, source: &[u8; BLOCK], block: &[u8; BLOCK]) {
        self.last = *block;
        let (Some(old), Some(new)) = (number(&source[TIME]), number(&block[TIME])) else {
            return;
        };
        let moved = new.wrapping_sub(old);
        if self.moved.len() >= TIMES_MAX && !self.moved.contains_key(&old) {
            self.moved.clear();
        }
        self.moved.insert(old, moved);
        self.recent.retain(|recent| *recent != moved);
        self.recent.insert(0, moved);
        // One more than can be named: the predicted one is not counted.
        self.recent.truncate(Time::RECENT + 1);
        self.time = Some(new);
    }
}

/// Where there is no source, the block is made of an empty file's as Go writes it in ustar.
fn ground(source: &[u8; BLOCK]) -> &[u8; BLOCK] {
    if *source == [0; BLOCK] { &field::EMPTY_FILE } else { source }
}

/// What has to be put over `made` and the checksum to get `target`.
fn patches(mut made: [u8; BLOCK], target: &[u8; BLOCK]) -> Vec<Patch> {
    let mut sealed = *target;
    sealed[CHECKSUM].copy_from_slice(&made[CHECKSUM]);
    field::seal(&mut sealed);
    made[CHECKSUM].copy_from_slice(&sealed[CHECKSUM]);
    Patch::between(&made, target)
}

/// The inverse: the checksum counts what is put elsewhere, and what is put over it stays.
fn patched(made: &[u8; BLOCK], patches: &[Patch]) -> [u8; BLOCK] {
    let mut block = *made;
    Patch::apply(patches, &mut block);
    block[CHECKSUM].copy_from_slice(&made[CHECKSUM]);
    field::seal(&mut block);
    Patch::apply(patches, &mut block);
    block
}

/// Bytes of data behind a header block, without padding, as Go's archive/tar reads it: 0 for links,
/// devices, pipes and directories, whatever the size field says. `None` where the checksum or the
/// size is no number or wrong.
///
/// PAX records before the block may say otherwise, and a GNU sparse map may go on behind it.
pub fn data_len(block: &[u8; BLOCK]) -> Option<u64> {
    if !checksum_holds(block) {
        return None;
    }
    let size = u64::try_from(number(&block[SIZE])?).ok()?;
    Some(if has_data(block[field::TYPE_FLAG]) { size } else { 0 })
}

/// Bytes from the end of a header block to where the next one lies: its data, padded to whole blocks;
/// `None` for what is no header (docs/format.md section 8.5).
pub fn padded_len(block: &[u8; BLOCK]) -> Option<u64> {
    data_len(block).and_then(|len| len.checked_next_multiple_of(BLOCK as u64))
}
