//! Pairs by names, one rung after the other.
//!
//! A rung turns names into keys and looks among members of the base with the same key. Keys are 64
//! bits of a hash of what the rung keeps of a name: who makes two names collide gets a worse guess.

use rayon::prelude::*;

use super::names::{Comparer, clean, fold, split, stem};
use super::{By, Member, Pair};

/// Shorter members are paired by their path alone, in bytes: a copy costs as much as they do.
const MIN_LEN: u64 = 64;

/// Members of the base with one key that are looked at for one member of the target, the nearest in
/// size: a thousand names that differ in a number alone must not cost a million comparisons.
const CANDIDATES: usize = 32;

/// Longer names are looked for as they are and not folded, in bytes: nothing real is called so, and
/// a million of them must not cost minutes.
const FOLDED_LEN: usize = 1024;

/// How many times longer one of a pair may be, unless they have the same path.
const SIZE_RATIO: u64 = 10;

/// A member of the base in the order of a rung: key, length, place in the list.
type Entry = (u64, u64, usize);

/// For each member of the target, the member of the base that it probably comes from.
///
/// The base's topmost layer comes last in `base`; names are compared without leading `./` and `/`.
/// Only files with data belong here: no directories, no links. Empty members have no pair.
///
/// A member of the base may be in several pairs. Where the path is not the same, one that is in no
/// surer pair comes first among equally alike ones.
///
/// Takes time n log n in the members and linear in the length of their names, and memory for some
/// four words a member: a million names of 4096 bytes on each side take seconds and 60 MB.
pub fn by_name(base: &[Member<'_>], target: &[Member<'_>]) -> Vec<Option<Pair>> {
    let mut pairs = by_path(base, target);
    for by in [By::FoldedDirectory, By::FoldedPath, By::Stem, By::Name, By::NameElsewhere] {
        rung(by, base, target, &mut pairs);
    }
    pairs
}

/// The same path: the topmost of the same length, or the topmost.
fn by_path(base: &[Member<'_>], target: &[Member<'_>]) -> Vec<Option<Pair>> {
    let mut entries: Vec<(u64, usize)> = base
        .par_iter()
        .enumerate()
        .filter(|(_, member)| member.len > 0)
        .map_init(Vec::new, |text, (at, member)| (key(By::Path, member.name, text), at))
        .collect();
    entries.par_sort_unstable();
    let find = |text: &mut Vec<u8>, member: &Member<'_>| {
        let key = key(By::Path, member.name, text);
        let end = entries.partition_point(|entry| entry.0 <= key);
        let same = entries[..end].iter().rev().take(CANDIDATES).take_while(|entry| entry.0 == key);
        let topmost = same.clone().next()?.1;
        let base = same.map(|entry| entry.1).find(|at| base[*at].len == member.len);
        Some(Pair { base: base.unwrap_or(topmost), by: By::Path })
    };
    target
        .par_iter()
        .map_init(Vec::new, |text, member| (member.len > 0).then(|| find(text, member)).flatten())
        .collect()
}

/// Pairs what has no pair yet by one kind of likeness.
fn rung(by: By, base: &[Member<'_>], target: &[Member<'_>], pairs: &mut [Option<Pair>]) {
    if pairs.iter().zip(target).all(|(pair, member)| pair.is_some() || !is_on_rungs(member)) {
        return;
    }
    let mut entries: Vec<Entry> = base
        .par_iter()
        .enumerate()
        .filter(|(_, member)| is_on_rungs(member))
        .map_init(Vec::new, |text, (at, member)| (key(by, member.name, text), member.len, at))
        .collect();
    entries.par_sort_unstable();
    let mut is_claimed = vec![false; base.len()];
    for pair in pairs.iter().flatten() {
        is_claimed[pair.base] = true;
    }
    let open = pairs.par_iter_mut().zip(target);
    open.filter(|(pair, member)| pair.is_none() && is_on_rungs(member)).for_each_init(
        || (Vec::new(), Comparer::default()),
        |(text, comparer), (pair, member)| {
            let key = key(by, member.name, text);
            let found = best(&entries, key, base, &is_claimed, member, comparer);
            *pair = found.map(|base| Pair { base, by });
        },
    );
}

/// May a member be paired by anything but its path?
fn is_on_rungs(member: &Member<'_>) -> bool {
    member.len >= MIN_LEN && member.name.len() <= FOLDED_LEN
}

/// Of the members with this key the best for `member`.
fn best<'a>(
    entries: &[Entry],
    key: u64,
    base: &[Member<'a>],
    is_claimed: &[bool],
    member: &Member<'a>,
    comparer: &mut Comparer<'a>,
) -> Option<usize> {
    let mut near = Near::new(entries, key, member.len).take(CANDIDATES);
    let first = near.next()?;
    comparer.set(clean(member.name));
    std::iter::once(first)
        .chain(near)
        .max_by_key(|(_, len, at)| {
            let likeness = comparer.likeness(clean(base[*at].name));
            let difference = len.abs_diff(member.len);
            (likeness, !is_claimed[*at], std::cmp::Reverse(difference), *at)
        })
        .map(|(_, _, at)| at)
}

/// Members with one key, the nearest in size first, none too long or too short.
struct Near<'e> {
    shorter: &'e [Entry],
    longer: &'e [Entry],
    key: u64,
    len: u64,
}

impl<'e> Near<'e> {
    fn new(entries: &'e [Entry], key: u64, len: u64) -> Self {
        let at = entries.partition_point(|entry| (entry.0, entry.1) < (key, len));
        let (shorter, longer) = entries.split_at(at);
        Self { shorter, longer, key, len }
    }
}

impl Iterator for Near<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let fits = |entry: &&Entry| {
            let (short, long) = (entry.1.min(self.len), entry.1.max(self.len));
            entry.0 == self.key && long / SIZE_RATIO <= short
        };
        let shorter = self.shorter.last().filter(fits);
        let longer = self.longer.first().filter(fits);
        let is_shorter = match (shorter, longer) {
            (Some(shorter), Some(longer)) => self.len - shorter.1 < longer.1 - self.len,
            (shorter, _) => shorter.is_some(),
        };
        if is_shorter {
            self.shorter = &self.shorter[..self.shorter.len() - 1];
            shorter.copied()
        } else {
            self.longer = self.longer.get(1..).unwrap_or_default();
            longer.copied()
        }
    }
}

/// What a rung keeps of a name, as a number; `text` is room for it.
fn key(by: By, name: &[u8], text: &mut Vec<u8>) -> u64 {
    let name = clean(name);
    let (directory, file) = split(name);
    text.clear();
    match by {
        By::Path => text.extend(name),
        By::FoldedDirectory => {
            fold(directory, text);
            text.extend(file);
        }
        By::FoldedPath => fold(name, text),
        By::Stem => {
            fold(directory, text);
            let (word, extension) = stem(file);
            text.extend([word, &[0], extension].concat());
        }
        By::Name => {
            let parent = split(directory.strip_suffix(b"/").unwrap_or(directory)).1;
            text.extend([stem(parent).0, b"/", file].concat());
        }
        By::NameElsewhere => text.extend(file),
    }
    let hash = blake3::hash(text);
    let (prefix, _) = hash.as_bytes().split_first_chunk().expect("BUG: a hash has 32 bytes");
    u64::from_le_bytes(*prefix)
}

#[cfg(test)]
mod tests;
