//! Memory that running a delta takes for its re-encodes.

use super::feed;
use super::{RecreatedPiece, TargetNode};
use crate::format::{Delta, NONE, Node, StreamKind, content_of};

/// Bytes that a value of a control stream becomes while a re-encode waits for its content.
const VALUE_LEN: u64 = 8;

/// The most memory that encoders of the delta take at one time, and the pieces that they wait with,
/// in bytes: what the delta declares of the former, and what its tables say of the latter.
pub fn re_encode_memory(delta: &Delta) -> u64 {
    let header = delta.header();
    let mut own = vec![0_u64; header.nodes.len()];
    for group in &header.groups {
        for part in &group.parts {
            let row = part.node as usize;
            if content_of(&header.nodes[row]).is_none() {
                continue;
            }
            let carried = group.streams.iter().zip(&part.taken).map(|(stream, taken)| {
                let each = match StreamKind::from_number(stream.kind) {
                    Ok(StreamKind::Literals(_)) => 1,
                    // An encoder has its own copy.
                    Ok(StreamKind::Corrections) => 2,
                    _ => VALUE_LEN,
                };
                taken.saturating_mul(each)
            });
            own[row] = carried.fold(own[row], u64::saturating_add);
        }
    }
    most_at_once(&header.nodes, own).saturating_add(header.declared.encoder_memory)
}

/// The most memory that the encoders of a target take at one time, in bytes. `made` are the last
/// of `nodes`, as the target has them.
pub(super) fn encoder_memory<'a>(
    nodes: &[Node],
    made: impl ExactSizeIterator<Item = &'a TargetNode<'a>>,
) -> u64 {
    let memory = |node: &TargetNode<'_>| {
        let pieces = node.recreation.iter().flat_map(|recreation| &recreation.pieces);
        feed::encoder_memory(pieces.filter_map(|piece| match piece {
            RecreatedPiece::Encoded(run) => Some(run),
            RecreatedPiece::Raw(_) => None,
        }))
    };
    let mut own = vec![0; nodes.len() - made.len()];
    own.extend(made.map(memory));
    most_at_once(nodes, own)
}

/// A re-encode inside a content that is itself encoded runs together with the one around it.
fn most_at_once(nodes: &[Node], mut own: Vec<u64>) -> u64 {
    // Parents have greater numbers: from the last node down, each finds what is open around it.
    let mut most = 0;
    for (row, node) in nodes.iter().enumerate().rev() {
        if node.parent != NONE {
            let around = own[node.parent as usize];
            own[row] = own[row].saturating_add(around);
        }
        most = most.max(own[row]);
    }
    most
}
