//! Where bytes like those at a position occurred last.

#![expect(clippy::cast_possible_truncation, reason = "a hash has at most 17 bits")]

use super::super::super::flate::window::zeros;
use super::history::Renewal;

/// The last mark for each hash.
#[derive(Debug)]
pub(super) struct Marks<const N: usize>(Box<[u32; N]>);

/// The last two marks for each hash.
#[derive(Debug)]
pub(super) struct MarkPairs<const N: usize>(Box<[u64; N]>);

impl<const N: usize> Marks<N> {
    pub(super) fn new() -> Self {
        const { assert!(N.is_power_of_two(), "a hash is masked") };
        Self(zeros())
    }

    #[inline]
    pub(super) fn get(&self, hash: u32) -> u32 {
        self.0[hash as usize & (N - 1)]
    }

    #[inline]
    pub(super) fn set(&mut self, hash: u32, mark: u32) {
        self.0[hash as usize & (N - 1)] = mark;
    }

    /// Sets a mark and returns the one before.
    #[inline]
    pub(super) fn replace(&mut self, hash: u32, mark: u32) -> u32 {
        std::mem::replace(&mut self.0[hash as usize & (N - 1)], mark)
    }

    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }

    pub(super) fn renew(&mut self, renewal: Renewal) {
        for mark in self.0.iter_mut() {
            *mark = renewal.of(*mark);
        }
    }
}

/// The last mark and the one before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) last: u32,
    pub(super) before: u32,
}

impl<const N: usize> MarkPairs<N> {
    pub(super) fn new() -> Self {
        const { assert!(N.is_power_of_two(), "a hash is masked") };
        Self(zeros())
    }

    #[inline]
    pub(super) fn get(&self, hash: u32) -> Pair {
        Pair::unpack(self.0[hash as usize & (N - 1)])
    }

    /// Adds a mark and returns the two before.
    #[inline]
    pub(super) fn push(&mut self, hash: u32, mark: u32) -> Pair {
        let pair = &mut self.0[hash as usize & (N - 1)];
        let before = *pair;
        *pair = before << 32 | u64::from(mark);
        Pair::unpack(before)
    }

    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }

    pub(super) fn renew(&mut self, renewal: Renewal) {
        for packed in self.0.iter_mut() {
            let pair = Pair::unpack(*packed);
            *packed = u64::from(renewal.of(pair.before)) << 32 | u64::from(renewal.of(pair.last));
        }
    }
}

impl Pair {
    #[inline]
    const fn unpack(packed: u64) -> Self {
        Self { last: (packed & 0xffff_ffff) as u32, before: (packed >> 32) as u32 }
    }
}

/// The hash of the lowest 4 bytes, of `bits` bits.
#[inline]
pub(super) const fn hash4(bytes: u64, bits: u32) -> u32 {
    ((bytes & 0xffff_ffff) as u32).wrapping_mul(2_654_435_761) >> (32 - bits)
}

/// The hash of the lowest 5 bytes.
#[inline]
pub(super) const fn hash5(bytes: u64, bits: u32) -> u32 {
    ((bytes << 24).wrapping_mul(889_523_592_379) >> (64 - bits)) as u32
}

/// The hash of the lowest 7 bytes.
#[inline]
pub(super) const fn hash7(bytes: u64, bits: u32) -> u32 {
    ((bytes << 8).wrapping_mul(58_295_818_150_454_627) >> (64 - bits)) as u32
}
