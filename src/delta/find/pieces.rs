//! The target's and the base's bytes as pieces: what is looked for by itself.

use std::ops::Range;

use crate::delta::{BaseContent, Member, TargetNode};
use crate::format::TAR_BLOCK;

/// Longest piece that has no name, in bytes: where no tar says where things begin, threads share a
/// node by such pieces. Matches that touch at an edge become one again.
const PLAIN_LEN: usize = 4 << 20;

/// A run of bytes that is looked for, or found, as a whole: a member of a tar archive, or what lies
/// between members.
#[derive(Debug, Clone)]
pub(super) struct Piece<'a> {
    /// Index of the node of the target, or of the content of the base.
    pub(super) owner: usize,
    /// Bytes of the owner.
    pub(super) bytes: &'a [u8],
    /// The name of a member; `None` for what is none.
    pub(super) name: Option<&'a [u8]>,
    /// Header blocks; empty where there are none.
    pub(super) header: Range<usize>,
    /// Data without padding, for names and sizes.
    pub(super) len: usize,
    /// Data, with the padding behind them.
    pub(super) data: Range<usize>,
}

impl<'a> Piece<'a> {
    /// Data and padding.
    pub(super) fn data(&self) -> &'a [u8] {
        &self.bytes[self.data.clone()]
    }
}

/// The pieces of all nodes whose bytes are looked for, in order.
pub(super) fn of_target<'a>(nodes: &'a [TargetNode<'_>], is_sought: &[bool]) -> Vec<Piece<'a>> {
    let sought = nodes.iter().zip(is_sought).enumerate().filter(|(_, (_, is_sought))| **is_sought);
    let all = sought.flat_map(|(owner, (node, _))| pieces(owner, node.bytes, &node.members));
    exactly(all.collect())
}

/// The pieces of all contents of the base, in order.
pub(super) fn of_base<'a>(base: &'a [BaseContent<'_>]) -> Vec<Piece<'a>> {
    let contents = base.iter().enumerate();
    let all = contents.flat_map(|(owner, content)| pieces(owner, content.bytes, &content.members));
    exactly(all.collect())
}

/// Without the room that was left to grow: there is a piece or two for each file of an image.
fn exactly(mut pieces: Vec<Piece<'_>>) -> Vec<Piece<'_>> {
    pieces.shrink_to_fit();
    pieces
}

fn pieces<'a>(owner: usize, bytes: &'a [u8], members: &'a [Member]) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    let plain = |from: usize, until: usize, pieces: &mut Vec<Piece<'a>>| {
        for start in (from..until).step_by(PLAIN_LEN) {
            let data = start..until.min(start + PLAIN_LEN);
            let (len, header) = (data.len(), start..start);
            pieces.push(Piece { owner, bytes, name: None, header, len, data });
        }
    };
    for (number, member) in members.iter().enumerate() {
        let Member { name: _, header, data } = member;
        let is_one = at <= header.start && header.start <= header.end && header.end == data.start;
        if !is_one || data.start > data.end || data.end > bytes.len() {
            // Members that overlap, or lie outside, are no members.
            continue;
        }
        plain(at, member.header.start, &mut pieces);
        // The padding is the member's, as long as the next header follows it or the content ends.
        let padded = member.data.end.next_multiple_of(TAR_BLOCK).min(bytes.len());
        let next = members.get(number + 1).map_or(padded, |next| next.header.start);
        at = if next >= member.data.end { padded.min(next) } else { member.data.end };
        pieces.push(Piece {
            owner,
            bytes,
            name: Some(&member.name),
            header: member.header.clone(),
            len: member.data.len(),
            data: member.data.start..at,
        });
    }
    plain(at, bytes.len(), &mut pieces);
    pieces
}
