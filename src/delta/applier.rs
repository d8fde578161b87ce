//! Runs a delta: parts in order, every byte through one buffer to the output and the hashers.
//!
//! The applier owns no file. What the base gives is read through [`ReadAt`], what is made goes to a
//! [`Sink`]. It believes nothing but the header's tables, which [`crate::format::check`] passed.

use super::execution::Execution;
use super::keep::Keep;
use super::lanes::{Lanes, Mismatch};
use super::outlet::Outlet;
use super::{ApplyError, Sink};
use crate::format::{Delta, WayKind, content_of};
use crate::source::{ReadAt, Scratch};

/// What the base gives for each node, by number; `None` where it does not have it. What stands here
/// for a node that has no way *given* is not used.
pub type Sources<'a> = [Option<Box<dyn ReadAt + 'a>>];

/// How a delta is run.
#[derive(Clone, Copy, Default)]
pub struct ApplyOptions<'a> {
    /// Do not hash and compare every node: for a sink that compares every byte itself.
    pub is_unverified: bool,
    /// Space to decode a group's streams into, one after the other; without it all are open.
    pub scratch: Option<&'a dyn Scratch>,
    /// Space for what is needed again but lies in no output; without it, memory is taken.
    pub kept: Option<&'a dyn Scratch>,
}

impl std::fmt::Debug for ApplyOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApplyOptions")
            .field("is_unverified", &self.is_unverified)
            .field("is_spooled", &self.scratch.is_some())
            .field("has_kept", &self.kept.is_some())
            .finish()
    }
}

/// What running a delta did, in bytes made by each kind of instruction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApplyStats {
    /// Copied from contents of the base.
    pub base_bytes: u64,
    /// Copied from what the delta itself made.
    pub target_bytes: u64,
    /// Zeros.
    pub zero_bytes: u64,
    /// Taken from the delta.
    pub literal_bytes: u64,
    /// Whole nodes of the base that were placed.
    pub placed_bytes: u64,
    /// Made by encoders.
    pub encoded_bytes: u64,
}

/// Returns the nodes for which no way is at hand, by number: the base does not give them, no
/// recipe makes them, and what they could be encoded from is missing too.
pub fn missing_nodes(delta: &Delta, sources: &Sources<'_>) -> Vec<u32> {
    let nodes = &delta.header().nodes;
    let mut is_there = vec![false; nodes.len()];
    // A way uses only smaller numbers.
    for (row, node) in nodes.iter().enumerate() {
        let has_recipe = node.ways.iter().any(|way| way.kind == WayKind::Recipe.number());
        let content = content_of(node).and_then(|content| is_there.get(content as usize));
        is_there[row] = sources.get(row).is_some_and(Option::is_some)
            || has_recipe
            || content.is_some_and(|is_there| *is_there);
    }
    let missing = is_there.iter().enumerate().filter(|(_, is_there)| !**is_there);
    missing.filter_map(|(row, _)| u32::try_from(row).ok()).collect()
}

/// Makes the outputs of `delta`, whose bytes lie in `file`, from `sources` into `sink`.
///
/// On success every node made or placed had its digest (unless told otherwise), and the sink has
/// got every byte of every output once.
///
/// # Errors
/// The first fault met; then the sink holds nothing that may be used.
pub fn apply(
    delta: &Delta,
    file: &dyn ReadAt,
    sources: &Sources<'_>,
    sink: &mut dyn Sink,
    options: ApplyOptions<'_>,
) -> Result<ApplyStats, ApplyError> {
    std::thread::scope(|scope| {
        let lanes = Lanes::new(scope, !options.is_unverified);
        let keep = Keep::new(options.kept, delta.header().declared.kept_peak);
        let mut run = Execution::new(delta, sources, Outlet::new(sink, lanes, keep));
        let result = run.groups(file, options).and_then(|()| run.given_outputs());
        let (stats, mismatch) = run.finish();
        // A wrong digest explains whatever else went wrong after it.
        match mismatch {
            Some(Mismatch { expected, found, .. }) => {
                Err(ApplyError::DigestMismatch { expected, found })
            }
            None => result.map(|()| stats),
        }
    })
}
