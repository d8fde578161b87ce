//! A made node as operations: copies, places of children, and in the gaps zeros, digests in hex
//! and literals.

use std::collections::BTreeSet;
use std::ops::Range;

use super::repeats::{Copied, Source};
use super::{Child, TargetNode};
use crate::digest::Digest;
use crate::format::Class;
use crate::index::zero_run;

/// Shortest run of zeros that is an instruction; the literal coders deal well with shorter ones.
const MIN_ZEROS: usize = 4096;

/// Longest literal operation, so that a group can be closed between two; parts merge them.
const MAX_LITERAL: usize = 8 << 20;

/// An instruction before nodes have numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    Copy {
        source: Source,
        offset: usize,
        len: usize,
    },
    Zero {
        len: usize,
    },
    /// A node of the target, by index.
    Place {
        node: usize,
    },
    HexDigest {
        digest: Digest,
    },
    /// Bytes of the node itself.
    Literal {
        class: Class,
        range: Range<usize>,
    },
}

/// Writes a node as operations that make it from front to back.
///
/// `digests` are those that the header has anyway.
pub(super) fn script(
    node: &TargetNode<'_>,
    copied: &[Copied],
    digests: &BTreeSet<Digest>,
) -> Vec<Operation> {
    let mut script = Script { node, digests, stretch: 0, at: 0, operations: Vec::new() };
    let mut children = node.children.iter().peekable();
    for copy in copied {
        while let Some(child) = children.next_if(|child| in_slice(child.offset) < copy.start) {
            script.child(child);
        }
        script.gap(copy.start);
        let Copied { len, source, offset, .. } = *copy;
        script.operations.push(Operation::Copy { source, offset, len });
        script.at += len;
    }
    children.for_each(|child| script.child(child));
    script.gap(node.bytes.len());
    script.operations
}

fn in_slice(offset: u64) -> usize {
    usize::try_from(offset).expect("BUG: children lie inside a slice")
}

struct Script<'a> {
    node: &'a TargetNode<'a>,
    digests: &'a BTreeSet<Digest>,
    /// The stretch in which `at` lies, or an earlier one.
    stretch: usize,
    at: usize,
    operations: Vec<Operation>,
}

impl Script<'_> {
    fn child(&mut self, child: &Child) {
        self.gap(in_slice(child.offset));
        self.operations.push(Operation::Place { node: child.node });
        self.at = in_slice(child.end);
    }

    /// Covers the bytes up to `end`, which nothing else makes.
    fn gap(&mut self, end: usize) {
        while self.at < end {
            let stretches = &self.node.stretches;
            while stretches.get(self.stretch).is_some_and(|stretch| stretch.end <= self.at as u64) {
                self.stretch += 1;
            }
            let (class, until) = match stretches.get(self.stretch) {
                Some(stretch) => {
                    (stretch.class, usize::try_from(stretch.end).unwrap_or(usize::MAX).min(end))
                }
                None => (Class::OTHER, end),
            };
            self.literals(class, until);
        }
    }

    /// Covers the bytes up to `end`, all of one class.
    fn literals(&mut self, class: Class, end: usize) {
        while self.at < end {
            let start = self.at;
            let bytes = &self.node.bytes[start..end];
            if let Some(zeros) = find_zeros(bytes) {
                self.plain(class, start + zeros.start);
                self.operations.push(Operation::Zero { len: zeros.len() });
                self.at = start + zeros.end;
            } else {
                self.plain(class, end);
            }
        }
    }

    /// Covers the bytes up to `end`, in which there are no long zeros.
    fn plain(&mut self, class: Class, end: usize) {
        if class == Class::ENVELOPE {
            while let Some((start, digest)) =
                find_digest(&self.node.bytes[self.at..end], self.digests)
            {
                self.literal(class, self.at + start);
                self.operations.push(Operation::HexDigest { digest });
                self.at += Digest::HEX_LEN;
            }
        }
        self.literal(class, end);
    }

    fn literal(&mut self, class: Class, end: usize) {
        while self.at < end {
            let until = end.min(self.at + MAX_LITERAL);
            self.operations.push(Operation::Literal { class, range: self.at..until });
            self.at = until;
        }
    }
}

/// The first run of at least [`MIN_ZEROS`] zeros.
fn find_zeros(bytes: &[u8]) -> Option<Range<usize>> {
    // A run that long holds one of these probes whole.
    const PROBE: usize = MIN_ZEROS / 2;
    let mut at = 0;
    while at + PROBE <= bytes.len() {
        if bytes[at..at + 8] == [0; 8] && bytes[at..at + PROBE].iter().all(|byte| *byte == 0) {
            let before = bytes[..at].iter().rev().take_while(|byte| **byte == 0).count();
            let start = at - before;
            let end = start + zero_run(&bytes[start..]);
            if end - start >= MIN_ZEROS {
                return Some(start..end);
            }
            at = end;
        }
        at += PROBE;
    }
    None
}

/// The first run of exactly 64 hex digits that is one of `digests`.
fn find_digest(bytes: &[u8], digests: &BTreeSet<Digest>) -> Option<(usize, Digest)> {
    let mut at = 0;
    for run in bytes.split(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        if let Some(digest) = Digest::parse_hex(run).filter(|digest| digests.contains(digest)) {
            return Some((at, digest));
        }
        at += run.len() + 1;
    }
    None
}
