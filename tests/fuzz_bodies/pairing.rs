//! Members of two images with any names and lengths, paired by their names.

use chunkdelta::pairing::{By, Member, Pair, by_name};

use super::draw::Draw;
use super::roundtrip::pools;

pub(super) fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let base_count = usize::from(draw.byte());
    let mut names: Vec<(Vec<u8>, u64)> = Vec::new();
    while !draw.is_empty() && names.len() < 512 {
        let name = name(&mut draw, &names);
        names.push((name, draw.number(1000)));
    }
    let members: Vec<Member<'_>> =
        names.iter().map(|(name, len)| Member { name, content: 0, start: 0, len: *len }).collect();
    let (base, target) = members.split_at(base_count.min(members.len()));
    let [one, two] = pools();
    let pairs = one.install(|| by_name(base, target));
    assert!(pairs == two.install(|| by_name(base, target)), "threads do not matter");
    assert_eq!(pairs.len(), target.len(), "each member has an answer");
    for (member, pair) in target.iter().zip(pairs) {
        let is_same = |other: &&Member<'_>| other.name == member.name;
        if base.iter().any(|other| is_same(&other)) {
            let Some(Pair { by: By::Path, base: found }) = pair else { panic!("a path wins") };
            let has_same_len = base.iter().filter(is_same).any(|other| other.len == member.len);
            // Of many that have one name, not all are looked at.
            let is_looked_at = has_same_len && base.len() <= 16;
            assert!(!is_looked_at || base[found].len == member.len, "the same length comes first");
        }
        if member.len == 0 {
            assert!(pair.is_none_or(|pair| pair.by == By::Path), "empty members have their path");
        }
    }
}

/// A name of the input's, or one before it with other bytes in it.
fn name(draw: &mut Draw<'_>, before: &[(Vec<u8>, u64)]) -> Vec<u8> {
    let what = draw.byte();
    let mut name = match before.get(draw.below(before.len())) {
        Some((name, _)) if what & 1 == 1 => name.clone(),
        _ => draw.bytes(usize::from(what / 8)).to_vec(),
    };
    if what & 6 == 6 {
        let at = draw.below(name.len() + 1);
        let len = usize::from(draw.byte() % 8);
        let piece = draw.bytes(len).to_vec();
        drop(name.splice(at..at, piece));
    }
    if what & 6 == 4 {
        let end = draw.below(name.len() + 1);
        drop(name.drain(..end));
    }
    name
}
