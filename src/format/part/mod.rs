//! A part's instructions to and from the streams they lie in (docs/format.md sections 7.3 and 8).

mod reader;
mod writer;

use std::collections::HashMap;

use super::TAR_BLOCK;
pub use reader::{PartReader, StreamBytes};
pub use writer::{PartWriter, put_kept_ranges};

/// A block of a tar archive.
type Block = [u8; TAR_BLOCK];

/// Where the copies of a part left off: node -> end of its last copy in this part.
#[derive(Debug, Default)]
struct CopyEnds {
    /// The node of the last copy: that of the next one, mostly.
    last: (u32, u64),
    others: HashMap<u32, u64>,
}

impl CopyEnds {
    fn of(&self, node: u32) -> u64 {
        let (last, end) = self.last;
        if node == last { end } else { self.others.get(&node).copied().unwrap_or(0) }
    }

    fn set(&mut self, node: u32, end: u64) {
        let (last, before) = std::mem::replace(&mut self.last, (node, end));
        if last != node {
            self.others.insert(last, before);
        }
    }
}
