//! How many words of a best Huffman code have each length, when no word may be longer than a limit.
//!
//! Package-merge makes one list for each length, sorted by weight: the leaves, merged with the
//! pairs of neighbours in the list before it. The first 2n - 2 items of the last list are the
//! nodes of the tree without its root; the pairs among them say how many items of the list before
//! are in the tree, and so on down. A leaf that is in the tree in k lists has a word of k bits.
//!
//! Where the tree without any limit is low enough, all lists agree in the items that count: these
//! are the nodes in the order in which Huffman's algorithm takes them. So that one list is made
//! first, which is nearly always enough, and the others only where the tree is too high.

/// How many symbols a code of deflate has at most.
pub(super) const MAX_SYMBOLS: usize = 286;

/// How long a word of deflate is at most, in bits.
pub(super) const MAX_LIMIT: usize = 15;

/// How many words there are of each length, in bits.
pub(super) type ByLen = [u16; MAX_LIMIT + 1];

/// How many leaves are among the first items of a list, for each number of items.
type LeavesAmong = [u16; 2 * MAX_SYMBOLS];

/// Weights in ascending order, [`END`] behind the last.
type Row = [u32; MAX_SYMBOLS + 1];

/// Above every weight.
const END: u32 = u32::MAX;

/// How often each symbol occurs that is to get a word, ascending.
pub(super) struct Weights {
    leaves: Row,
    len: u16,
}

impl Weights {
    /// Of at most [`MAX_SYMBOLS`] symbols.
    pub(super) fn new(ascending: impl Iterator<Item = u32>) -> Self {
        let mut weights = Self { leaves: [END; MAX_SYMBOLS + 1], len: 0 };
        for (leaf, weight) in weights.leaves.iter_mut().zip(ascending) {
            *leaf = weight;
            weights.len += 1;
        }
        weights
    }

    /// Nodes of a tree with these leaves, without its root.
    fn nodes(&self) -> usize {
        2 * usize::from(self.len) - 2
    }
}

/// Returns how many words have each length; the lightest leaves are to get the longest ones.
///
/// There are at least three leaves, at most 2^`limit`, and the sum of all weights is below 2^27.
pub(super) fn word_lens(weights: &Weights, limit: usize) -> ByLen {
    let list = unlimited_list(weights);
    count_words(weights, std::iter::repeat_n(&list, limit)).unwrap_or_else(|| {
        let lists = limited_lists(weights, limit);
        count_words(weights, lists[..limit].iter().rev()).expect("the lowest list has no pairs")
    })
}

/// Goes down the lists; nothing when the last one still has pairs in the tree.
fn count_words<'a>(
    weights: &Weights,
    lists: impl Iterator<Item = &'a LeavesAmong>,
) -> Option<ByLen> {
    let mut by_len = ByLen::default();
    by_len[0] = weights.len;
    let mut items = weights.nodes();
    for (len, list) in (1..).zip(lists) {
        let leaves = list[items];
        by_len[len - 1] -= leaves;
        by_len[len] = leaves;
        let pairs = items - usize::from(leaves);
        if pairs == 0 {
            return Some(by_len);
        }
        items = 2 * pairs;
    }
    None
}

/// The list that is merged with its own pairs.
fn unlimited_list(weights: &Weights) -> LeavesAmong {
    let mut list = [0; 2 * MAX_SYMBOLS];
    let mut pairs = [END; MAX_SYMBOLS + 1];
    let mut merge = Merge::default();
    for pair in 0..weights.nodes() / 2 {
        let first = merge.next(&weights.leaves, &pairs);
        list[2 * pair + 1] = merge.leaves;
        let second = merge.next(&weights.leaves, &pairs);
        list[2 * pair + 2] = merge.leaves;
        pairs[pair] = first + second;
    }
    list
}

#[expect(clippy::large_stack_arrays, reason = "tens of KiB, for each block of a stream")]
/// The lists for each length up to `limit`, the first of them leaves alone.
fn limited_lists(weights: &Weights, limit: usize) -> [LeavesAmong; MAX_LIMIT] {
    let mut lists = [[0; 2 * MAX_SYMBOLS]; MAX_LIMIT];
    let mut below = [END; MAX_SYMBOLS + 1];
    for list in &mut lists[..limit] {
        let mut pairs = [END; MAX_SYMBOLS + 1];
        let mut merge = Merge::default();
        for pair in 0..weights.nodes() / 2 {
            let first = merge.next(&weights.leaves, &below);
            list[2 * pair + 1] = merge.leaves;
            let second = merge.next(&weights.leaves, &below);
            list[2 * pair + 2] = merge.leaves;
            if second == END {
                break;
            }
            pairs[pair] = first + second;
        }
        below = pairs;
    }
    lists
}

/// How much of the leaves and of the pairs has been taken.
#[derive(Default)]
struct Merge {
    leaves: u16,
    pairs: u16,
}

impl Merge {
    /// Takes the lighter one of the next leaf and the next pair, the pair where they are equal.
    fn next(&mut self, leaves: &Row, pairs: &Row) -> u32 {
        let leaf = leaves[usize::from(self.leaves)];
        let pair = pairs[usize::from(self.pairs)];
        let takes_leaf = u16::from(leaf < pair);
        self.leaves += takes_leaf;
        // Behind the last of both stands END for good.
        self.pairs += 1 - takes_leaf;
        leaf.min(pair)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn where_the_limit_does_not_bind_all_lists_give_what_the_first_one_gives(
            mut counts in prop::collection::vec(prop_oneof![1..4_u32, 1..3000_u32], 3..=286),
        ) {
            counts.sort_unstable();
            let weights = Weights::new(counts.into_iter());
            let list = unlimited_list(&weights);
            let free = count_words(&weights, std::iter::repeat_n(&list, MAX_LIMIT));
            let lists = limited_lists(&weights, MAX_LIMIT);
            let limited = count_words(&weights, lists.iter().rev());
            prop_assert!(limited.is_some());
            if free.is_some() {
                prop_assert_eq!(free, limited);
            }
        }
    }
}
