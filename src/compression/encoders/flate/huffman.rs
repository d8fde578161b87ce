//! Huffman codes of limited length, the very ones that Go's and klauspost's encoders make.
//!
//! Of the codes with the least bits, the order of symbols decides which one it is: by count, then
//! by number, and a pair of nodes comes before a symbol of the same count. The last symbols of the
//! order get the shortest words; words of one length ascend with the symbols, as deflate wants it.

use super::word_lens::{ByLen, MAX_LIMIT, MAX_SYMBOLS, Weights, word_lens};

/// A code word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Word {
    /// The word; its bit that is written first is the lowest.
    pub bits: u16,
    /// How many bits it has; 0 where the symbol has no word.
    pub len: u8,
}

impl Word {
    /// The word that has this number among those of `len` bits, as RFC 1951 counts.
    #[inline]
    pub const fn new(number: u16, len: u8) -> Self {
        Self { bits: number.reverse_bits() >> (16 - len), len }
    }
}

/// A code for the symbols below `N`, at most the 286 that deflate has.
#[derive(Debug, Clone)]
pub struct Code<const N: usize> {
    words: [Word; N],
}

impl<const N: usize> Code<N> {
    /// A code without words.
    ///
    /// # Panics
    /// For more symbols than deflate has.
    pub const fn empty() -> Self {
        assert!(N <= MAX_SYMBOLS, "more symbols than deflate has");
        Self { words: [Word { bits: 0, len: 0 }; N] }
    }

    /// Makes the best code for symbols that occur `counts` times, with words of at most `limit`
    /// bits, at most 15; a symbol that does not occur or has no count gets no word.
    ///
    /// One or two symbols get words of one bit. The sum of the counts is below 2^23, and no more
    /// than 2^`limit` symbols occur.
    pub fn build<C: Copy + Into<u32>>(&mut self, counts: &[C], limit: usize) {
        const SYMBOL_BITS: u32 = 9;
        self.words = [Word::default(); N];
        // Count and symbol in one number: the order of the numbers is the order of the symbols.
        let mut order = [0_u32; MAX_SYMBOLS];
        let mut len = 0;
        for (symbol, &count) in (0..).zip(counts) {
            let count = count.into();
            if count > 0 {
                order[len] = count << SYMBOL_BITS | symbol;
                len += 1;
            }
        }
        let order = &mut order[..len];
        let symbol_of = |key: u32| (key & ((1 << SYMBOL_BITS) - 1)) as usize;
        if len <= 2 {
            for (bits, &key) in (0..).zip(&*order) {
                self.words[symbol_of(key)] = Word { bits, len: 1 };
            }
            return;
        }

        order.sort_unstable();
        let by_len = word_lens(&Weights::new(order.iter().map(|key| key >> SYMBOL_BITS)), limit);
        let mut heaviest_first = order.iter().rev();
        for (len, &count) in (0..).zip(&by_len) {
            for &key in heaviest_first.by_ref().take(usize::from(count)) {
                self.words[symbol_of(key)].len = len;
            }
        }
        self.number(&by_len);
    }

    /// The code whose words have these lengths, 15 bits at most; `None` where there are not so many
    /// words of them.
    pub fn of_lens(lens: &[u8; N]) -> Option<Self> {
        let mut code = Self::empty();
        let mut by_len = ByLen::default();
        let mut taken = 0;
        for (word, &len) in code.words.iter_mut().zip(lens).filter(|(_, len)| **len > 0) {
            taken += 1_u32 << MAX_LIMIT.checked_sub(len.into())?;
            *by_len.get_mut(usize::from(len))? += 1;
            word.len = len;
        }
        if taken > 1 << MAX_LIMIT {
            return None;
        }
        code.number(&by_len);
        Some(code)
    }

    /// Numbers the words; their lengths stand already, and there are `by_len` of each.
    fn number(&mut self, by_len: &ByLen) {
        let mut next = ByLen::default();
        let mut first = 0;
        for (next, &count) in next.iter_mut().zip(by_len) {
            first <<= 1;
            *next = first;
            first += count;
        }
        for word in self.words.iter_mut().filter(|word| word.len > 0) {
            let next = &mut next[usize::from(word.len)];
            *word = Word::new(*next, word.len);
            *next += 1;
        }
    }

    /// The word of each symbol.
    pub const fn words(&self) -> &[Word; N] {
        &self.words
    }

    /// How many bits the words take of symbols that occur `counts` times.
    pub fn cost<C: Copy + Into<u32>>(&self, counts: &[C]) -> u32 {
        self.words.iter().zip(counts).map(|(word, &count)| u32::from(word.len) * count.into()).sum()
    }
}

impl<const N: usize> From<[Word; N]> for Code<N> {
    fn from(words: [Word; N]) -> Self {
        Self { words }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use proptest::prelude::*;

    use super::*;

    fn lens_of<const N: usize>(counts: [u32; N], limit: usize) -> [u8; N] {
        let mut code = Code::<N>::empty();
        code.build(&counts, limit);
        code.words().map(|word| word.len)
    }

    #[test]
    fn one_or_two_symbols_get_one_bit_each() {
        assert_eq!(lens_of([0, 0, 0], 15), [0, 0, 0]);
        assert_eq!(lens_of([0, 7, 0], 15), [0, 1, 0]);
        let mut code = Code::<3>::empty();
        code.build(&[9_u32, 0, 1], 15);
        let words = [(0, 1), (0, 0), (1, 1)].map(|(bits, len)| Word { bits, len });
        assert_eq!(*code.words(), words);
    }

    #[test]
    fn lengths_alone_make_the_same_code() {
        let mut code = Code::<6>::empty();
        code.build(&[1_u32, 0, 2, 9, 4, 1], 15);
        let lens = code.words().map(|word| word.len);
        assert_eq!(Code::of_lens(&lens).expect("a code").words(), code.words());
        assert_eq!(Code::of_lens(&[0, 1, 0]).expect("one word").words()[1], Word::new(0, 1));
        assert!(Code::of_lens(&[1, 1, 1]).is_none());
        assert!(Code::of_lens(&[16]).is_none());
    }

    #[test]
    fn of_equal_counts_the_last_symbols_get_the_shortest_words() {
        assert_eq!(lens_of([5, 5, 5], 15), [2, 2, 1]);
        assert_eq!(lens_of([1, 1, 1, 1, 1], 15), [3, 3, 2, 2, 2]);
    }

    #[test]
    fn a_pair_comes_before_a_symbol_of_the_same_count() {
        // The pair of ones is taken with the third symbol, not the third with the fourth.
        assert_eq!(lens_of([1, 1, 2, 2], 15), [3, 3, 2, 1]);
    }

    #[test]
    fn no_word_is_longer_than_the_limit() {
        let fibonacci = [1, 1, 2, 3, 5, 8, 13, 21, 34, 55];
        assert_eq!(lens_of(fibonacci, 9), [9, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
        // Not the best code below five bits, but Go's.
        assert_eq!(lens_of(fibonacci, 5), [5, 5, 5, 5, 4, 4, 3, 3, 2, 2]);
        assert_eq!(lens_of(fibonacci, 4), [4, 4, 4, 4, 4, 4, 4, 4, 2, 2]);
    }

    /// What the best code without a limit costs.
    fn least_cost(counts: &[u32]) -> u32 {
        let mut heap: BinaryHeap<_> =
            counts.iter().filter(|c| **c > 0).map(|c| Reverse(*c)).collect();
        let mut cost = 0;
        while let (Some(Reverse(first)), Some(Reverse(second))) = (heap.pop(), heap.pop()) {
            cost += first + second;
            heap.push(Reverse(first + second));
        }
        cost
    }

    proptest! {
        #[test]
        fn codes_are_complete_and_nearly_the_best(
            counts in prop::collection::vec(
                prop_oneof![3 => Just(0), 3 => 1..4_u32, 2 => 1..300_u32, 1 => 1..9000_u32],
                3..=286,
            ),
        ) {
            let symbols = counts.iter().filter(|count| **count > 0).count();
            prop_assume!(symbols > 2);
            let mut code = Code::<286>::empty();
            code.build(&counts, 15);
            let sum: u32 = code.words().iter().filter(|word| word.len > 0).map(|word| 1 << (15 - word.len)).sum();
            prop_assert_eq!(sum, 1 << 15);
            let least = least_cost(&counts);
            prop_assert!((least..=least + least / 20).contains(&code.cost(&counts)));
            let tight = usize::BITS - (symbols - 1).leading_zeros();
            code.build(&counts, tight as usize);
            let sum: u32 = code.words().iter().filter(|word| word.len > 0).map(|word| 1 << (15 - word.len)).sum();
            prop_assert_eq!(sum, 1 << 15);
        }
    }
}
