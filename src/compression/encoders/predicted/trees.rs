//! The lengths of code words as zlib chooses them (RFC 1951 leaves them to the writer).

/// Symbols of an alphabet, at most.
const SYMBOLS: usize = 286;

/// Leaves and pairs of a tree.
const NODES: usize = 2 * SYMBOLS;

/// A tree that is being made: nodes below the number of symbols are leaves.
struct Tree {
    counts: [u32; NODES],
    depths: [u8; NODES],
    parents: [u16; NODES],
    /// What is not yet in a pair; from 1 on, the least first, no node before its two children.
    heap: Vec<u16>,
}

impl Tree {
    /// Whether a node is taken before another one; it may be when they are of one rank.
    fn is_less(&self, one: u16, other: u16) -> bool {
        let rank = |node: u16| (self.counts[usize::from(node)], self.depths[usize::from(node)]);
        rank(one) <= rank(other)
    }

    /// Moves the node at a place of the heap down to where it belongs.
    fn sift_down(&mut self, mut hole: usize) {
        let node = self.heap[hole];
        loop {
            let mut child = 2 * hole;
            if child >= self.heap.len() {
                break;
            }
            if child + 1 < self.heap.len() && self.is_less(self.heap[child + 1], self.heap[child]) {
                child += 1;
            }
            if self.is_less(node, self.heap[child]) {
                break;
            }
            self.heap[hole] = self.heap[child];
            hole = child;
        }
        self.heap[hole] = node;
    }
}

/// Lengths of the words for symbols that occur `counts` times, none above `limit`; the second is
/// the number of symbols up to the last that has a word. There are always two words.
pub(super) fn word_lens<const N: usize>(counts: &[u32; N], limit: u8) -> ([u8; N], usize) {
    let mut tree = Tree {
        counts: [0; NODES],
        depths: [0; NODES],
        parents: [0; NODES],
        heap: Vec::with_capacity(N + 1),
    };
    tree.counts[..N].copy_from_slice(counts);
    // The place 0 stays empty.
    tree.heap.push(0);
    tree.heap.extend((0..).zip(counts).filter(|(_, count)| **count > 0).map(|(node, _)| node));
    let mut last = tree.heap[1..].last().copied();
    while tree.heap.len() <= 2 {
        let forced = match last {
            Some(symbol) if symbol >= 2 => 0,
            other => *last.insert(other.map_or(0, |symbol| symbol + 1)),
        };
        tree.counts[usize::from(forced)] = 1;
        tree.heap.push(forced);
    }
    let order = tree.pair_all(N);
    let mut lens = [0; N];
    tree.limit(&order, limit, &mut lens);
    (lens, usize::from(last.expect("two symbols")) + 1)
}

impl Tree {
    /// Makes pairs of the least two until one node is left; returns all nodes, the root first.
    fn pair_all(&mut self, leaves: usize) -> Vec<u16> {
        for hole in (1..=(self.heap.len() - 1) / 2).rev() {
            self.sift_down(hole);
        }
        let mut taken = Vec::with_capacity(2 * self.heap.len());
        let mut pair = u16::try_from(leaves).expect("few");
        while self.heap.len() > 2 {
            let one = self.heap[1];
            self.heap[1] = self.heap.pop().expect("three places");
            self.sift_down(1);
            let other = self.heap[1];
            taken.extend([one, other]);
            let (first, second) = (usize::from(one), usize::from(other));
            self.counts[usize::from(pair)] = self.counts[first] + self.counts[second];
            self.depths[usize::from(pair)] = self.depths[first].max(self.depths[second]) + 1;
            self.parents[first] = pair;
            self.parents[second] = pair;
            self.heap[1] = pair;
            self.sift_down(1);
            pair += 1;
        }
        taken.push(self.heap[1]);
        taken.reverse();
        taken
    }

    /// Gives every leaf the length of its word: its depth, and where that is above the limit what
    /// zlib does about it. `order` has the root first and every pair before its children.
    fn limit(&self, order: &[u16], limit: u8, lens: &mut [u8]) {
        let mut depths = [0_u8; NODES];
        let mut by_len = [0_u16; 16];
        let mut above = 0_i32;
        for node in &order[1..] {
            let depth = depths[usize::from(self.parents[usize::from(*node)])] + 1;
            above += i32::from(depth > limit);
            let depth = depth.min(limit);
            depths[usize::from(*node)] = depth;
            if let Some(len) = lens.get_mut(usize::from(*node)) {
                *len = depth;
                by_len[usize::from(depth)] += 1;
            }
        }
        if above == 0 {
            return;
        }
        let (limit, symbols) = (usize::from(limit), lens.len());
        while above > 0 {
            let len = (1..limit).rev().find(|len| by_len[*len] > 0).expect("a shorter word");
            by_len[len] -= 1;
            by_len[len + 1] += 2;
            by_len[limit] -= 1;
            above -= 2;
        }
        let nodes = order.iter().rev().map(|node| usize::from(*node));
        let mut leaves = nodes.filter(|node| *node < symbols);
        for len in (1..=limit).rev() {
            for leaf in leaves.by_ref().take(by_len[len].into()) {
                lens[leaf] = u8::try_from(len).expect("a limit");
            }
        }
    }
}
