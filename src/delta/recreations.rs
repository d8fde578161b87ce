//! Which encoders a delta's re-encodes use, with their parameters, without running it.

use super::ApplyError;
use super::streams::GroupStreams;
use crate::format::{Delta, PartReader, Piece, STREAM_KINDS, StreamKind, WayKind};
use crate::source::ReadAt;

/// An encoder that makes pieces of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeEncoder {
    /// Number of the node.
    pub node: u32,
    /// Number of the encoder.
    pub encoder: u32,
    /// Its parameters.
    pub parameters: Vec<u64>,
}

/// Reads the re-encode parts of the delta in `file`: the encoders of each node, each once, in the
/// order of their first pieces.
///
/// # Errors
/// What the body or a broken part gives; nothing is said of parts that are not looked at.
pub fn encoders_of(delta: &Delta, file: &dyn ReadAt) -> Result<Vec<NodeEncoder>, ApplyError> {
    let body = delta.body(file);
    let nodes = &delta.header().nodes;
    let mut found: Vec<NodeEncoder> = Vec::new();
    for (number, group) in delta.header().groups.iter().enumerate() {
        let is_re_encode = |node: u32, way: u32| {
            nodes[node as usize].ways[way as usize].kind == WayKind::ReEncode.number()
        };
        let last = group.parts.iter().rposition(|part| is_re_encode(part.node, part.way));
        let Some(last) = last else { continue };
        let mut bytes = GroupStreams::open(delta, &body, number, None)?;
        for part in &group.parts[..=last] {
            let mut taken = [0; STREAM_KINDS];
            for (stream, count) in group.streams.iter().zip(&part.taken) {
                taken[StreamKind::from_number(stream.kind)?.slot()] = *count;
            }
            let mut reader = PartReader::new(&mut bytes, taken);
            if !is_re_encode(part.node, part.way) {
                reader.skip()?;
                continue;
            }
            reader.kept_ranges(part.made)?;
            while let Some(piece) = reader.piece()? {
                match piece {
                    Piece::Literal { class, length } => drop(reader.literal_bytes(class, length)?),
                    Piece::Encode(run) => {
                        let (node, encoder, parameters) = (part.node, run.encoder, run.parameters);
                        let encoder = NodeEncoder { node, encoder, parameters };
                        if !found.contains(&encoder) {
                            found.push(encoder);
                        }
                    }
                }
            }
        }
    }
    Ok(found)
}
