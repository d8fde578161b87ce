use super::scan::Index;
use super::{Cover, Effort, covers};
use proptest::prelude::*;

const LEVELS: [u8; 4] = [1, 6, 12, 22];

/// Bytes without any pattern, the same for the same seed.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
    .take(len)
    .collect()
}

/// What a reader makes of covers, differences and literals.
fn rebuilt(old: &[u8], new: &[u8], covers: &[Cover]) -> Vec<u8> {
    let mut out = Vec::new();
    for cover in covers {
        assert!(cover.len > 0 && cover.start >= out.len(), "ascending, disjoint: {cover:?}");
        out.extend_from_slice(&new[out.len()..cover.start]);
        let pairs = new[cover.start..cover.end()].iter().zip(&old[cover.from..cover.old_end()]);
        let differences: Vec<u8> = pairs.map(|(new, old)| new.wrapping_sub(*old)).collect();
        let copied = old[cover.from..cover.old_end()].iter().zip(differences);
        out.extend(copied.map(|(old, difference)| old.wrapping_add(difference)));
    }
    out.extend_from_slice(&new[out.len()..]);
    out
}

fn at_every_level(old: &[u8], new: &[u8], check: impl Fn(&[Cover])) {
    for level in LEVELS {
        let found = covers(old, new, Effort::for_level(level));
        assert_eq!(rebuilt(old, new, &found), new);
        check(&found);
    }
}

#[test]
fn identical_files_are_one_cover() {
    let old = noise(50_000, 1);
    at_every_level(&old, &old, |found| {
        assert_eq!(found, [Cover { start: 0, from: 0, len: old.len() }]);
    });
}

#[test]
fn a_long_file_has_the_covers_of_a_short_one() {
    let old = noise(5 << 20, 20);
    let new = [&old[..3_000_000], &noise(100, 21), &old[3_000_000..]].concat();
    at_every_level(&old, &new, |found| {
        let rest = Cover { start: 3_000_100, from: 3_000_000, len: old.len() - 3_000_000 };
        assert_eq!(found, [Cover { start: 0, from: 0, len: 3_000_000 }, rest]);
    });
}

/// Parts of a long file are looked at by themselves: what changed lies around their edges.
#[test]
fn a_long_file_that_changed_where_its_parts_meet_comes_back_on_any_number_of_threads() {
    const EDGE: usize = 2 << 20;
    let old = noise(3 * EDGE, 22);
    let mut new = old.clone();
    new[EDGE - 40..EDGE + 40].iter_mut().step_by(9).for_each(|byte| *byte ^= 0x55);
    new.splice(2 * EDGE - 50..2 * EDGE + 10, noise(1000, 23));
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    for level in LEVELS {
        let found = covers(&old, &new, Effort::for_level(level));
        assert_eq!(rebuilt(&old, &new, &found), new);
        assert_eq!(found.len(), 2, "level {level}");
        assert_eq!(alone.install(|| covers(&old, &new, Effort::for_level(level))), found);
    }
}

#[test]
fn a_block_that_moved_is_found() {
    let old = noise(50_000, 2);
    let new = [&old[30_000..], &old[..30_000]].concat();
    at_every_level(&old, &new, |found| {
        let first = Cover { start: 0, from: 30_000, len: 20_000 };
        assert_eq!(found, [first, Cover { start: 20_000, from: 0, len: 30_000 }]);
    });
}

/// Where the cover lies that holds the `len` bytes at 12,345 of old, moved deep into unrelated bytes.
fn moved(len: usize, level: u8) -> Option<usize> {
    let old = noise(20_000, 3);
    let mut new = noise(200_000, 4);
    let block = 170_001..170_001 + len;
    new[block.clone()].copy_from_slice(&old[12_345..12_345 + len]);
    let found = covers(&old, &new, Effort::for_level(level));
    assert_eq!(rebuilt(&old, &new, &found), new);
    let cover =
        found.iter().find(|cover| cover.start <= block.start && cover.end() >= block.end)?;
    Some(cover.from + block.start - cover.start)
}

#[test]
fn a_short_block_is_found_far_from_everything_by_level() {
    for (len, from_level) in [(24, 13), (64, 6), (600, 1)] {
        for level in LEVELS.into_iter().filter(|level| *level >= from_level) {
            assert_eq!(moved(len, level), Some(12_345), "{len} bytes at level {level}");
        }
    }
}

#[test]
fn a_byte_that_differs_every_fifty_leaves_one_cover() {
    let old = noise(50_000, 5);
    let mut new = old.clone();
    new.iter_mut().step_by(50).for_each(|byte| *byte ^= 0x55);
    at_every_level(&old, &new, |found| assert_eq!(found.len(), 1));
}

#[test]
fn an_insertion_costs_two_covers_that_meet_around_it() {
    let old = noise(50_000, 6);
    let new = [&old[..25_000], &noise(100, 7), &old[25_000..]].concat();
    at_every_level(&old, &new, |found| {
        let first = Cover { start: 0, from: 0, len: 25_000 };
        assert_eq!(found, [first, Cover { start: 25_100, from: 25_000, len: 25_000 }]);
    });
}

#[test]
fn files_without_a_common_byte_have_no_cover() {
    at_every_level(&vec![0; 5_000], &vec![1; 5_000], |found| assert_eq!(found, []));
}

#[test]
fn empty_and_short_files_are_no_special_case() {
    for (old, new) in [("", ""), ("", "new"), ("old", ""), ("a", "a"), ("abcdefg", "abcdefgh")] {
        at_every_level(old.as_bytes(), new.as_bytes(), |_| ());
    }
}

#[test]
fn no_periodic_input_makes_a_scan_compare_more_than_its_bound() {
    let len = 20_000;
    let of_period = |period: usize, seed: u64| noise(period, seed).repeat(len / period + 1);
    let spoilt = |mut bytes: Vec<u8>, every: usize| {
        bytes.iter_mut().step_by(every).for_each(|byte| *byte ^= 0x80);
        bytes
    };
    let mut inputs = vec![vec![0; len], vec![0; len / 2], spoilt(vec![0; len], 300)];
    for period in [2, 3, 7, 8, 64, 500] {
        inputs.push(of_period(period, 8));
        inputs.push(spoilt(of_period(period, 8), 41));
        inputs.push(spoilt(of_period(period, 8), 257));
    }
    for old in &inputs {
        for new in &inputs {
            for level in LEVELS {
                let index = Index::new(old, new, Effort::for_level(level));
                let (_, compared) = index.anchors(0..new.len());
                assert!(compared <= 128 * new.len(), "{compared} at level {level}");
            }
        }
    }
}

/// A file and another one, made of pieces of it, changed here and there.
fn pairs() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let old = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..4_000),
        proptest::collection::vec(0u8..3, 0..4_000),
    ];
    let piece = (any::<prop::sample::Index>(), 0usize..600, any::<Option<u8>>());
    (old, proptest::collection::vec(piece, 0..12)).prop_map(|(old, pieces)| {
        let mut new = Vec::new();
        for (place, len, other) in pieces {
            let from = if old.is_empty() { 0 } else { place.index(old.len()) };
            let begin = new.len();
            new.extend_from_slice(&old[from..(from + len).min(old.len())]);
            if let Some(other) = other {
                new[begin..].iter_mut().step_by(1 + usize::from(other)).for_each(|b| *b ^= other);
            }
        }
        (old, new)
    })
}

proptest! {
    #[test]
    fn covers_differences_and_literals_give_the_new_file_back((old, new) in pairs()) {
        at_every_level(&old, &new, |_| ());
    }

    #[test]
    fn the_same_input_gives_the_same_covers((old, new) in pairs()) {
        let found = covers(&old, &new, Effort::for_level(12));
        prop_assert_eq!(covers(&old, &new, Effort::for_level(12)), found);
    }
}
