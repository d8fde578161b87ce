//! Numbers for nodes and rows for digests, as docs/format.md section 5 orders them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::find::Source;
use super::script::Operation;
use super::{BaseContent, Target, TargetNode};
use crate::digest::Digest;

/// Which numbers the nodes of a delta have.
#[derive(Debug)]
pub(super) struct Numbering {
    /// All digests, ascending: row = place.
    pub(super) digests: Vec<Digest>,
    /// Digests and lengths of the nodes that no part makes, by number.
    pub(super) unmade: Vec<(Digest, u64)>,
    /// Nodes of the target that parts make, in the order in which they are completed; the first
    /// one's number follows the last unmade one's.
    pub(super) made: Vec<usize>,
    numbers: BTreeMap<Digest, u32>,
    rows: BTreeMap<Digest, u32>,
}

impl Numbering {
    /// Numbers the nodes that outputs need and operations cite; `made` is the order of completion.
    pub(super) fn new(
        base: &[BaseContent<'_>],
        target: &Target<'_>,
        made: Vec<usize>,
        scripts: &[Vec<Operation>],
    ) -> Self {
        let mut unmade = BTreeMap::new();
        for node in &target.nodes {
            if !node.is_made() {
                unmade.insert(node.digest(), node.bytes.len() as u64);
            }
        }
        for operation in scripts.iter().flatten() {
            if let Operation::Copy { source: Source::Base(content), .. }
            | Operation::Patch { source: Source::Base(content), .. }
            | Operation::Members { source: Source::Base(content), .. } = operation
            {
                let content = &base[*content];
                unmade.insert(content.digest, content.bytes.len() as u64);
            }
        }
        let digests = digests(target).into_iter().chain(unmade.keys().copied());
        let digests: Vec<Digest> = digests.collect::<BTreeSet<_>>().into_iter().collect();
        let all =
            unmade.keys().copied().chain(made.iter().map(|node| target.nodes[*node].digest()));
        Self {
            numbers: all.zip(0..).collect(),
            rows: digests.iter().copied().zip(0..).collect(),
            unmade: unmade.into_iter().collect(),
            digests,
            made,
        }
    }

    /// Number of the node with this digest, which operations or outputs cite.
    pub(super) fn number(&self, digest: Digest) -> u32 {
        self.numbers[&digest]
    }

    /// Number of the node with this digest, unless it lies in nothing but a node that the base gives.
    pub(super) fn find(&self, digest: Digest) -> Option<u32> {
        self.numbers.get(&digest).copied()
    }

    /// Row of a digest.
    pub(super) fn row(&self, digest: Digest) -> u32 {
        self.rows[&digest]
    }
}

/// Digests that the header has whatever is copied: those of nodes and of roles.
pub(super) fn digests(target: &Target<'_>) -> BTreeSet<Digest> {
    let nodes = target.nodes.iter().map(TargetNode::digest);
    let diff_ids = target.roles.iter().filter_map(|role| role.diff_id.map(|diff_id| diff_id.0));
    nodes.chain(diff_ids).collect()
}

/// The nodes that parts make, in the order in which a site completes them: outputs in order, before
/// each one those inside it that are outputs themselves (no two are open at once), then its children
/// as they lie or its content, then itself.
pub(super) fn completion_order(target: &Target<'_>) -> Vec<usize> {
    let roots: Vec<usize> = target.outputs.iter().filter_map(|output| output.node).collect();
    let outputs = roots.iter().copied().collect();
    let mut order = Order { target, outputs, seen: HashSet::new(), completed: Vec::new() };
    for root in roots {
        order.output(root);
    }
    order.completed
}

struct Order<'a> {
    target: &'a Target<'a>,
    outputs: HashSet<usize>,
    seen: HashSet<usize>,
    completed: Vec<usize>,
}

impl Order<'_> {
    fn output(&mut self, node: usize) {
        self.inner_outputs(node);
        self.visit(node);
    }

    fn inner_outputs(&mut self, node: usize) {
        let target = self.target;
        for inner in target.nodes[node].inner() {
            if self.outputs.contains(&inner) {
                self.output(inner);
            } else {
                self.inner_outputs(inner);
            }
        }
    }

    fn visit(&mut self, node: usize) {
        if !self.seen.insert(node) {
            return;
        }
        let row: &TargetNode<'_> = &self.target.nodes[node];
        row.inner().for_each(|inner| self.visit(inner));
        if row.is_made() {
            self.completed.push(node);
        }
    }
}
