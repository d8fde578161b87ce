//! How far two slices agree, from the front and from the back, at the speed of memory.
//!
//! A block that differs is narrowed down to eight bytes and there to one by the position of the
//! first differing bit. Most matches end within a few bytes or go on for kilobytes, so the first
//! word is looked at before whole blocks are.

const BLOCK: usize = 128;
const WORD: usize = 8;

/// Returns the length of the common prefix of `a` and `b`, in bytes.
pub fn extend_forward(a: &[u8], b: &[u8]) -> usize {
    let len = a.len().min(b.len());
    let (a, b) = (&a[..len], &b[..len]);
    if let (Some(x), Some(y)) = (a.first_chunk(), b.first_chunk())
        && x != y
    {
        return prefix_of_words(*x, *y);
    }
    let equal = a.as_chunks::<BLOCK>().0.iter().zip(b.as_chunks::<BLOCK>().0);
    let same = BLOCK * equal.take_while(|(x, y)| x == y).count();
    same + prefix_by_words(&a[same..], &b[same..])
}

/// The common prefix of slices of equal length that differ early, or are short.
fn prefix_by_words(a: &[u8], b: &[u8]) -> usize {
    let words = a.as_chunks::<WORD>().0.iter().zip(b.as_chunks::<WORD>().0);
    let mut same = 0;
    for (x, y) in words {
        if x != y {
            return same + prefix_of_words(*x, *y);
        }
        same += WORD;
    }
    same + a[same..].iter().zip(&b[same..]).take_while(|(x, y)| x == y).count()
}

fn prefix_of_words(x: [u8; WORD], y: [u8; WORD]) -> usize {
    let differing = u64::from_le_bytes(x) ^ u64::from_le_bytes(y);
    (differing.trailing_zeros() / 8) as usize
}

/// Returns the length of the common suffix of `a` and `b`, in bytes.
pub fn extend_backward(a: &[u8], b: &[u8]) -> usize {
    let len = a.len().min(b.len());
    let (a, b) = (&a[a.len() - len..], &b[b.len() - len..]);
    if let (Some(x), Some(y)) = (a.last_chunk(), b.last_chunk())
        && x != y
    {
        return suffix_of_words(*x, *y);
    }
    let equal = a.as_rchunks::<BLOCK>().1.iter().rev().zip(b.as_rchunks::<BLOCK>().1.iter().rev());
    let same = BLOCK * equal.take_while(|(x, y)| x == y).count();
    same + suffix_by_words(&a[..len - same], &b[..len - same])
}

/// The common suffix of slices of equal length that differ late, or are short.
fn suffix_by_words(a: &[u8], b: &[u8]) -> usize {
    let words = a.as_rchunks::<WORD>().1.iter().rev().zip(b.as_rchunks::<WORD>().1.iter().rev());
    let mut same = 0;
    for (x, y) in words {
        if x != y {
            return same + suffix_of_words(*x, *y);
        }
        same += WORD;
    }
    let rest = a.len() - same;
    let pairs = a[..rest].iter().rev().zip(b[..rest].iter().rev());
    same + pairs.take_while(|(x, y)| x == y).count()
}

fn suffix_of_words(x: [u8; WORD], y: [u8; WORD]) -> usize {
    let differing = u64::from_le_bytes(x) ^ u64::from_le_bytes(y);
    (differing.leading_zeros() / 8) as usize
}

/// Returns how many zero bytes `bytes` begins with.
pub fn zero_run(bytes: &[u8]) -> usize {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    if bytes.first() != Some(&0) {
        return 0;
    }
    let same = BLOCK * bytes.as_chunks().0.iter().take_while(|&block| *block == ZEROS).count();
    let rest = &bytes[same..];
    same + prefix_by_words(&rest[..rest.len().min(BLOCK)], &ZEROS[..rest.len().min(BLOCK)])
}

/// Do `bytes` repeat a single value? True for none and for one.
pub fn is_one_value(bytes: &[u8]) -> bool {
    bytes.is_empty() || bytes[1..] == bytes[..bytes.len() - 1]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chunker::samples;

    fn prefix(a: &[u8], b: &[u8]) -> usize {
        a.iter().zip(b).take_while(|(x, y)| x == y).count()
    }

    fn suffix(a: &[u8], b: &[u8]) -> usize {
        a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count()
    }

    proptest! {
        #[test]
        fn extension_agrees_with_the_naive_loop(
            seed in 1..u64::MAX,
            same in 0_usize..1000,
            a_more in 0_usize..300,
            b_more in 0_usize..300,
        ) {
            let shared = samples::random(seed, same);
            let a = [&shared[..], &samples::random(seed ^ 1 | 2, a_more)].concat();
            let b = [&shared[..], &samples::random(seed ^ 8 | 2, b_more)].concat();
            prop_assert_eq!(extend_forward(&a, &b), prefix(&a, &b));
            prop_assert!(extend_forward(&a, &b) >= same);
            let a: Vec<u8> = a.into_iter().rev().collect();
            let b: Vec<u8> = b.into_iter().rev().collect();
            prop_assert_eq!(extend_backward(&a, &b), suffix(&a, &b));
        }

        #[test]
        fn extension_agrees_with_the_naive_loop_on_few_values(
            a in prop::collection::vec(0_u8..2, 0..40),
            b in prop::collection::vec(0_u8..2, 0..40),
        ) {
            prop_assert_eq!(extend_forward(&a, &b), prefix(&a, &b));
            prop_assert_eq!(extend_backward(&a, &b), suffix(&a, &b));
        }
    }

    #[test]
    fn every_place_of_a_difference_is_found_from_both_sides() {
        let a = samples::random(9, 400);
        for place in 0..a.len() {
            for bit in [0, 7] {
                let mut b = a.clone();
                b[place] ^= 1 << bit;
                assert_eq!(extend_forward(&a, &b), place);
                assert_eq!(extend_backward(&a, &b), a.len() - 1 - place);
            }
        }
        assert_eq!(extend_forward(&a, &a), a.len());
        assert_eq!(extend_backward(&a, &a[3..]), a.len() - 3);
        assert_eq!(extend_forward(&a, &[]), 0);
    }

    #[test]
    fn a_run_of_zeros_ends_at_the_first_other_byte() {
        for len in 0..400 {
            let mut bytes = vec![0; len];
            assert_eq!(zero_run(&bytes), len);
            bytes.extend([1, 0, 0]);
            assert_eq!(zero_run(&bytes), len);
            bytes[len] = 0x80;
            assert_eq!(zero_run(&bytes), len);
        }
    }

    #[test]
    fn one_value_is_told_from_two() {
        assert!(is_one_value(b"") && is_one_value(b"a") && is_one_value(&[7; 333]));
        assert!(!is_one_value(b"ab") && !is_one_value(b"aab") && !is_one_value(b"baaaa"));
    }
}
