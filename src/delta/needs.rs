//! Memory that running a delta takes for its re-encodes.

use crate::compression::encoders;
use crate::format::{Delta, NONE, ReEncodeParameters, StreamKind, WayKind, content_of};

/// Bytes that a value of a control stream becomes while a re-encode waits for its content.
const VALUE_LEN: u64 = 8;

/// The most memory that encoders and the pieces they wait with take at one time, in bytes.
///
/// A re-encode inside a content that is itself encoded runs together with the one around it.
pub fn encoder_memory(delta: &Delta) -> u64 {
    let header = delta.header();
    let mut own = vec![0_u64; header.nodes.len()];
    for (row, node) in header.nodes.iter().enumerate() {
        for way in node.ways.iter().filter(|way| way.kind == WayKind::ReEncode.number()) {
            let parameters = ReEncodeParameters::decode(&way.parameters);
            let encoders = parameters.iter().flat_map(|parameters| &parameters.encoders);
            let encoder = encoders.map(|number| encoders::memory(*number)).max();
            own[row] = own[row].max(encoder.unwrap_or(0));
        }
    }
    for group in &header.groups {
        for part in &group.parts {
            let row = part.node as usize;
            if content_of(&header.nodes[row]).is_none() {
                continue;
            }
            let carried = group.streams.iter().zip(&part.taken).map(|(stream, taken)| {
                let each = match StreamKind::from_number(stream.kind) {
                    Ok(StreamKind::Literals(_) | StreamKind::Corrections) => 1,
                    _ => VALUE_LEN,
                };
                taken.saturating_mul(each)
            });
            own[row] += carried.sum::<u64>();
        }
    }
    // Parents have greater numbers: from the last node down, each finds what is open around it.
    let mut most = 0;
    for (row, node) in header.nodes.iter().enumerate().rev() {
        if node.parent != NONE {
            let around = own[node.parent as usize];
            own[row] = own[row].saturating_add(around);
        }
        most = most.max(own[row]);
    }
    most
}
