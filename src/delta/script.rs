//! A made node as operations: copies, places of children, and in the gaps zeros, digests in hex
//! and literals.

use std::collections::BTreeSet;
use std::ops::Range;

use super::find::{Joined, Match, Source, join};
use super::{BaseContent, Child, Target, TargetNode};
use crate::digest::Digest;
use crate::format::{Class, TAR_BLOCK, data_len};
use crate::index::{extend_forward, zero_run};

/// Shortest run of zeros that is an instruction; the literal coders deal well with shorter ones.
const MIN_ZEROS: usize = 4096;

/// Longest literal or copy with differences of one operation, so that a group can be closed between
/// two; parts merge them.
const MAX_OPERATION: usize = 8 << 20;

/// An instruction before nodes have numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    Copy {
        source: Source,
        offset: usize,
        len: usize,
    },
    /// Bytes of the node itself that are like others.
    Patch {
        source: Source,
        offset: usize,
        range: Range<usize>,
    },
    /// The same, from a tar header on.
    Members {
        source: Source,
        offset: usize,
        range: Range<usize>,
    },
    /// A tar header of the node itself.
    Header {
        start: usize,
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

/// Where copies come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'a> {
    pub(super) base: &'a [BaseContent<'a>],
    pub(super) target: &'a Target<'a>,
}

impl<'a> Bytes<'a> {
    /// All bytes of a source.
    pub(super) fn of(&self, source: Source) -> &'a [u8] {
        match source {
            Source::Base(content) => self.base[content].bytes,
            Source::Target(node) => self.target.nodes[node].bytes,
        }
    }
}

/// Writes a node as operations that make it from front to back.
///
/// `digests` are those that the header has anyway; `has_headers` lets headers be made of others.
pub(super) fn script(
    node: &TargetNode<'_>,
    found: &[Match],
    bytes: Bytes<'_>,
    digests: &BTreeSet<Digest>,
    has_headers: bool,
) -> Vec<Operation> {
    let mut script = Script {
        node,
        bytes,
        digests,
        has_headers,
        stretch: 0,
        member: 0,
        at: 0,
        operations: Vec::new(),
    };
    let mut children = node.children.iter().peekable();
    for joined in join(found) {
        while let Some(child) = children.next_if(|child| in_slice(child.offset) < joined.start) {
            script.child(child);
        }
        script.gap(joined.start);
        script.copy(&joined);
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
    bytes: Bytes<'a>,
    digests: &'a BTreeSet<Digest>,
    has_headers: bool,
    /// The member whose header lies at or behind `at`, or an earlier one.
    member: usize,
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

    /// Covers what is like other bytes, as what it needs to be.
    fn copy(&mut self, joined: &Joined) {
        let Joined { start, len, source, offset, is_members } = *joined;
        let end = start + len;
        let made = &self.node.bytes[start..end];
        let same = extend_forward(made, &self.bytes.of(source)[offset..offset + len]);
        if same == len {
            self.operations.push(Operation::Copy { source, offset, len });
        } else if is_members {
            self.operations.push(Operation::Members { source, offset, range: start..end });
        } else {
            for from in (start..end).step_by(MAX_OPERATION) {
                let range = from..end.min(from + MAX_OPERATION);
                let offset = offset + (from - start);
                let other = &self.bytes.of(source)[offset..offset + range.len()];
                let is_equal = self.node.bytes[range.clone()] == *other;
                self.operations.push(if is_equal {
                    Operation::Copy { source, offset, len: range.len() }
                } else {
                    Operation::Patch { source, offset, range }
                });
            }
        }
        self.at = end;
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
            if class == Class::TAR_HEADER && self.has_headers {
                self.headers(until);
            }
            self.literals(class, until);
        }
    }

    /// Covers the bytes up to `end` between which there are blocks of headers.
    fn headers(&mut self, end: usize) {
        let members = &self.node.members;
        while let Some(member) = members.get(self.member).filter(|member| member.header.start < end)
        {
            // Members may be said to lie anywhere.
            let header = member.header.start.max(self.at)..member.header.end.min(end);
            for start in header.step_by(TAR_BLOCK).filter(|start| start + TAR_BLOCK <= end) {
                let block = self.node.bytes.get(start..).and_then(|bytes| bytes.first_chunk());
                if start >= self.at && block.is_some_and(|block| data_len(block).is_some()) {
                    self.literals(Class::TAR_HEADER, start);
                    self.operations.push(Operation::Header { start });
                    self.at = start + TAR_BLOCK;
                }
            }
            if member.header.end > end {
                break;
            }
            self.member += 1;
        }
    }

    /// Covers the bytes up to `end`, all of one class.
    fn literals(&mut self, class: Class, end: usize) {
        while self.at < end {
            let start = self.at;
            let bytes = &self.node.bytes[start..end];
            if zero_run(bytes) == bytes.len() {
                // An instruction either way.
                self.operations.push(Operation::Zero { len: bytes.len() });
                self.at = end;
            } else if let Some(zeros) = find_zeros(bytes) {
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
            let until = end.min(self.at + MAX_OPERATION);
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
