//! Numbers, coded bit by bit with a chance for each.

use super::coder::{Chance, Coder};

/// Numbers of any size, mostly small: how many bits they have, then the bits.
#[derive(Debug, Clone, Default)]
pub(super) struct Number {
    lens: [Chance; 32],
    /// For each length, those of the first bits after the highest one; the last for all others.
    bits: [[Chance; 4]; 32],
}

impl Number {
    /// A number below 2^31.
    pub(super) fn code(&mut self, coder: &mut impl Coder, number: u32) -> u32 {
        let value = number + 1;
        let mut len = 0;
        while len < 31 && coder.bit(value.ilog2() > len, &mut self.lens[len as usize]) {
            len += 1;
        }
        let mut found = 1;
        for place in 0..len {
            let bit = value >> (len - 1 - place) & 1 == 1;
            let chance = &mut self.bits[len as usize][place.min(3) as usize];
            found = found << 1 | u32::from(coder.bit(bit, chance));
        }
        found - 1
    }
}

/// Numbers below `N`, a power of two, each as likely as it was so far.
#[derive(Debug, Clone)]
pub(super) struct Symbol<const N: usize>([Chance; N]);

impl<const N: usize> Default for Symbol<N> {
    fn default() -> Self {
        Self([Chance::default(); N])
    }
}

impl<const N: usize> Symbol<N> {
    pub(super) fn code(&mut self, coder: &mut impl Coder, symbol: usize) -> usize {
        let mut node = 1;
        for place in (0..N.ilog2()).rev() {
            let bit = coder.bit(symbol >> place & 1 == 1, &mut self.0[node]);
            node = node << 1 | usize::from(bit);
        }
        node - N
    }
}
