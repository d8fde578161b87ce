//! Comparing bytes, eight at a time.

/// The eight bytes at `at`, or `None` where fewer are left.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// How many bytes at the start of both are equal.
pub(super) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let mut same = 0;
    let words = a.chunks_exact(8).zip(b.chunks_exact(8));
    for (x, y) in words {
        let differ = word_of(x) ^ word_of(y);
        if differ != 0 {
            return same + (differ.trailing_zeros() / 8) as usize;
        }
        same += 8;
    }
    same + a[same..].iter().zip(&b[same..]).take_while(|(x, y)| x == y).count()
}

/// How many bytes at the end of both are equal.
pub(super) fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count()
}

/// The shortest length within `limit` over which more than `allowed` bytes differ; where one of the
/// two ends, every byte differs.
pub(super) fn differing_within(a: &[u8], b: &[u8], allowed: usize, limit: usize) -> Option<usize> {
    let (mut at, mut seen) = (0, 0);
    let (a, b) = (&a[..a.len().min(limit)], &b[..b.len().min(limit)]);
    for (x, y) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        let here = differing_bytes(word_of(x) ^ word_of(y));
        if seen + here > allowed {
            break;
        }
        seen += here;
        at += 8;
    }
    for (x, y) in a[at..].iter().zip(&b[at..]) {
        at += 1;
        seen += usize::from(x != y);
        if seen > allowed {
            return Some(at);
        }
    }
    let at = at + allowed + 1 - seen;
    (at <= limit).then_some(at)
}

fn word_of(eight: &[u8]) -> u64 {
    u64::from_le_bytes(eight.try_into().expect("BUG: chunks of eight"))
}

/// How many bytes of `x` are not zero.
fn differing_bytes(x: u64) -> usize {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    ((((x & LOW) + LOW) | x) & !LOW).count_ones() as usize
}
