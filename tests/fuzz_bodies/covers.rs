//! Covers of one input by another one that it is made of by edits.

use chunkdelta::matcher::{Cover, Effort, covers};

use super::draw::{Draw, noise};
use super::encoders::content;
use super::layers::relink;

/// Longest input, in bytes.
const LONGEST: usize = 64 << 10;

pub(super) fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let (level, is_swapped) = (draw.byte() % 23, draw.flag());
    let edits: Vec<Draw<'_>> = (0..draw.byte() % 12).map(|_| Draw::new(draw.bytes(9))).collect();
    let mut old = content(&mut draw);
    old.truncate(LONGEST);
    let mut new = old.clone();
    for edit in edits {
        change(&mut new, &old, edit);
        new.truncate(2 * LONGEST);
    }
    if is_swapped {
        std::mem::swap(&mut old, &mut new);
    }
    let found = covers(&old, &new, Effort::for_level(level));
    assert!(found == covers(&old, &new, Effort::for_level(level)), "an answer is an answer");
    assert!(rebuilt(&old, &new, &found) == new, "covers, differences and the rest are the input");
    if old == new && !new.is_empty() {
        assert_eq!(found, [Cover { start: 0, from: 0, len: new.len() }], "equal inputs");
    }
}

/// Does one edit; it may take bytes of the old input.
fn change(new: &mut Vec<u8>, old: &[u8], mut edit: Draw<'_>) {
    let (what, at) = (edit.byte(), edit.below(new.len() + 1));
    let end = (at + edit.below(LONGEST)).min(new.len());
    match what % 8 {
        0 => drop(new.drain(at..end)),
        1 => new[at..end].fill(what),
        2 => drop(new.splice(at..end, noise(what.into(), edit.below(4000)))),
        3 => relink(&mut new[at..end], usize::from(edit.byte())),
        4 => {
            let start = edit.below(old.len());
            let piece = &old[start..(start + edit.below(LONGEST)).min(old.len())];
            drop(new.splice(at..at, piece.iter().copied()));
        }
        5 => {
            let piece = edit.rest();
            drop(new.splice(at..at, piece.iter().copied()));
        }
        6 => new.rotate_left(at),
        _ => new[at..end].reverse(),
    }
}

/// What a reader makes of covers, differences and what no cover holds.
fn rebuilt(old: &[u8], new: &[u8], covers: &[Cover]) -> Vec<u8> {
    let mut out = Vec::new();
    for cover in covers {
        assert!(cover.len > 0 && cover.start >= out.len(), "covers ascend and are disjoint");
        assert!(cover.end() <= new.len() && cover.old_end() <= old.len(), "covers lie inside");
        out.extend(&new[out.len()..cover.start]);
        let pairs = new[cover.start..cover.end()].iter().zip(&old[cover.from..cover.old_end()]);
        let differences: Vec<u8> = pairs.map(|(new, old)| new.wrapping_sub(*old)).collect();
        let copied = old[cover.from..cover.old_end()].iter().zip(differences);
        out.extend(copied.map(|(old, difference)| old.wrapping_add(difference)));
    }
    out.extend(&new[out.len()..]);
    out
}
