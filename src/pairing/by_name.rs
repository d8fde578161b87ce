//! Pairs by names, one rung after the other.
//!
//! A rung turns names into keys and looks among members of the base with the same key. Keys are 64
//! bits of a hash of what the rung keeps of a name: who makes two names collide gets a worse guess.

use std::cmp::Reverse;

use rayon::prelude::*;

use super::candidates::{NEIGHBOURS, are_comparable, around};
use super::names::{Comparer, clean, fold, split, stem};
use super::{By, Member, Pair};

/// Shorter members are paired by their path alone, in bytes: a copy costs as much as they do.
const MIN_LEN: u64 = 64;

/// Longer names are looked for as they are and not folded, in bytes: nothing real is called so, and
/// a million of them must not cost minutes.
const FOLDED_LEN: usize = 512;

/// Appends what a rung keeps of a cleaned name.
type Kept = fn(&[u8], &mut Vec<u8>);

/// The rungs below the same path, the surest first.
const RUNGS: [(By, Kept); 5] = [
    (By::FoldedDirectory, folded_directory),
    (By::FoldedPath, fold),
    (By::Name, name_and_first_word_of_parent),
    (By::Stem, directory_and_stem),
    (By::NameElsewhere, file_name),
];

/// A member of the base in the order of a rung: key, length, place in the list.
type Entry = (u64, u64, usize);

/// For each member of the target, the member of the base that it probably comes from.
///
/// The base's topmost layer comes last in `base`; names are compared without leading `./` and `/`.
/// Empty members, directories and links among them, are paired by their path alone.
///
/// A member of the base may be in several pairs. Where the path is not the same, one that is in no
/// surer pair comes first among equally alike ones.
///
/// Takes time n log n in the members and linear in the length of their names, on all threads of the
/// current rayon pool, and memory for some twelve words a member: a million hostile names on each
/// side take at most 24 s of one core (512 bytes each, the longest that are folded) and 100 MB.
pub fn by_name(base: &[Member<'_>], target: &[Member<'_>]) -> Vec<Option<Pair>> {
    let mut pairs = by_path(base, target);
    for (by, kept) in RUNGS {
        rung(by, kept, base, target, &mut pairs);
    }
    pairs
}

/// The same path: the topmost of the same length, or the topmost.
fn by_path(base: &[Member<'_>], target: &[Member<'_>]) -> Vec<Option<Pair>> {
    let mut entries: Vec<(u64, usize)> = base
        .par_iter()
        .enumerate()
        .map_init(Vec::new, |text, (at, member)| (key(whole, member.name, text), at))
        .collect();
    entries.par_sort_unstable();
    let find = |text: &mut Vec<u8>, member: &Member<'_>| {
        let key = key(whole, member.name, text);
        let end = entries.partition_point(|entry| entry.0 <= key);
        let same = entries[..end].iter().rev().take(NEIGHBOURS).take_while(|entry| entry.0 == key);
        let topmost = same.clone().next()?.1;
        let base = same.map(|entry| entry.1).find(|at| base[*at].len == member.len);
        Some(Pair { base: base.unwrap_or(topmost), by: By::Path })
    };
    target.par_iter().map_init(Vec::new, find).collect()
}

/// Pairs what has no pair yet by one kind of likeness.
fn rung(
    by: By,
    kept: Kept,
    base: &[Member<'_>],
    target: &[Member<'_>],
    pairs: &mut [Option<Pair>],
) {
    if pairs.iter().zip(target).all(|(pair, member)| pair.is_some() || !is_on_rungs(member)) {
        return;
    }
    let mut entries: Vec<Entry> = base
        .par_iter()
        .enumerate()
        .filter(|(_, member)| is_on_rungs(member))
        .map_init(Vec::new, |text, (at, member)| (key(kept, member.name, text), member.len, at))
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
            let key = (by, key(kept, member.name, text));
            let found = best(&entries, key, base, &is_claimed, member, comparer);
            *pair = found.map(|base| Pair { base, by });
        },
    );
}

/// May a member be paired by anything but its path?
fn is_on_rungs(member: &Member<'_>) -> bool {
    member.len >= MIN_LEN && member.name.len() <= FOLDED_LEN
}

/// Of the members with this key the best for `member`; where the pair is to be sure, `None` if
/// there are several by their names.
fn best<'a>(
    entries: &[Entry],
    (by, key): (By, u64),
    base: &[Member<'a>],
    is_claimed: &[bool],
    member: &Member<'a>,
    comparer: &mut Comparer<'a>,
) -> Option<usize> {
    let at = entries.partition_point(|entry| (entry.0, entry.1) < (key, member.len));
    let near = around(entries, at, |entry| entry.0 == key);
    comparer.set(clean(member.name));
    let mut rank = |at: usize| (comparer.likeness(clean(base[at].name)), !is_claimed[at]);
    let candidates = near.iter().filter(|entry| are_comparable(entry.1, member.len));
    let ranked: Vec<_> = candidates.map(|(_, len, at)| (rank(*at), *len, *at)).collect();
    let (rank, _, best) = *ranked
        .iter()
        .max_by_key(|(rank, len, at)| (*rank, Reverse(len.abs_diff(member.len)), *at))?;
    let name = clean(base[best].name);
    let is_like = |other: &(_, u64, usize)| other.0 == rank && clean(base[other.2].name) != name;
    (!by.is_sure() || !ranked.iter().any(is_like)).then_some(best)
}

/// The hash of what a rung keeps of a name; `text` is room for that.
fn key(kept: Kept, name: &[u8], text: &mut Vec<u8>) -> u64 {
    text.clear();
    kept(clean(name), text);
    let hash = blake3::hash(text);
    let (prefix, _) = hash.as_bytes().split_first_chunk().expect("BUG: a hash has 32 bytes");
    u64::from_le_bytes(*prefix)
}

fn whole(name: &[u8], text: &mut Vec<u8>) {
    text.extend(name);
}

fn folded_directory(name: &[u8], text: &mut Vec<u8>) {
    let (directory, file) = split(name);
    fold(directory, text);
    text.extend(file);
}

fn name_and_first_word_of_parent(name: &[u8], text: &mut Vec<u8>) {
    let (directory, file) = split(name);
    let (_, parent) = split(directory.strip_suffix(b"/").unwrap_or(directory));
    text.extend([stem(parent).0, b"/", file].concat());
}

fn directory_and_stem(name: &[u8], text: &mut Vec<u8>) {
    fold(name, text);
    let (directory, file) = split(text);
    let (word, extension) = stem(file);
    *text = [directory, word, b"/", extension].concat();
}

fn file_name(name: &[u8], text: &mut Vec<u8>) {
    text.extend(split(name).1);
}

#[cfg(test)]
mod tests;
