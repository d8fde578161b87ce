//! Contents that are the same everywhere: made by rules, named by kind and length.

/// Every kind of content.
pub(crate) const KINDS: [&str; 4] = ["zeros", "noise", "text", "mixed"];

/// Lengths around which block-wise compressors change what they do.
pub(crate) const LENS: [usize; 14] = [
    0,
    1,
    65_534,
    65_535,
    65_536,
    100_000,
    131_072,
    262_145,
    (1 << 20) - 16,
    1 << 20,
    (1 << 20) + 16,
    (16 << 20) - 1,
    16 << 20,
    (16 << 20) + 1,
];

/// Lengths above this are left to the slow tests.
pub(crate) const FAST_LEN: usize = (1 << 20) + 16;

/// The content of a kind and length; shorter ones are starts of longer ones.
pub(crate) fn input(kind: &str, len: usize) -> Vec<u8> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut bytes = Vec::with_capacity(len + 4096);
    while bytes.len() < len {
        match kind {
            "zeros" => bytes.resize(len, 0),
            "noise" => bytes.extend(random.next().to_le_bytes()),
            "text" => text(&mut random, &mut bytes),
            "mixed" => mixed(&mut random, &mut bytes),
            _ => panic!("no such kind of input: {kind}"),
        }
    }
    bytes.truncate(len);
    bytes
}

/// A line of words; frequent words are short.
fn text(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(12) {
        let rank = random.below(400).min(random.below(400));
        let mut word = rank + 7;
        while word > 0 {
            bytes.push(b'a' + u8::try_from(word % 26).expect("below 26"));
            word /= 11;
        }
        bytes.push(b' ');
    }
    bytes.push(b'\n');
}

/// What a layer has: zeros, noise, text, repeats from near and far, records.
fn mixed(random: &mut Random, bytes: &mut Vec<u8>) {
    let len = 1 + random.below(3000);
    match random.below(6) {
        0 => bytes.resize(bytes.len() + len, 0),
        1 => (0..len / 8).for_each(|_| bytes.extend(random.next().to_le_bytes())),
        2 => (0..len / 40).for_each(|_| text(random, bytes)),
        3 if !bytes.is_empty() => {
            let start = random.below(bytes.len());
            let end = bytes.len().min(start + len);
            bytes.extend_from_within(start..end);
        }
        4 if bytes.len() > 40_000 => {
            let start = bytes.len() - 1 - random.below(40_000);
            let end = bytes.len().min(start + len);
            bytes.extend_from_within(start..end);
        }
        _ => (0..len / 16).for_each(|record| {
            bytes.extend(u32::try_from(record).expect("few").to_le_bytes());
            bytes.extend([0x7f, 0, 0x48, 0x8b, 0, 0, 0]);
            bytes.extend(&random.next().to_le_bytes()[..5]);
        }),
    }
}

/// xorshift64*: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("64 bits");
        usize::try_from((self.next() >> 11) % end).expect("below a usize")
    }
}
