//! How each node of a delta came, for `-v`: read off the tables and the base's documents, which the
//! run has proved by then.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt;

use super::base::{Base, Giver};
use crate::compression::encoders;
use crate::delta::{NodeEncoder, encoders_of};
use crate::digest::Digest;
use crate::fault::Shown;
use crate::format::{
    Delta, Header, NONE, RoleKind, StreamKind, WayKind, content_of, is_fed, used_len,
};
use crate::source::ReadAt;
use crate::units::Size;

/// A node of the output, or a content of the base that it was copied from.
pub(super) struct Trace<'a> {
    what: &'static str,
    digest: Digest,
    len: u64,
    fate: Fate<'a>,
}

enum Fate<'a> {
    /// The base's content, placed whole.
    Reused(Giver<'a>),
    /// The base's content, of which pieces were copied.
    Used(Giver<'a>, u64),
    /// The base's blob as it is stored.
    Held(Giver<'a>),
    /// Made from what the delta says.
    Made(Made),
    /// Made of its content.
    Again(Again<'a>),
}

/// What the parts of a node take from the streams.
#[derive(Clone, Copy, Default)]
struct Made {
    instructions: u64,
    literals: u64,
}

/// How a node is compressed again.
struct Again<'a> {
    row: u32,
    content: Digest,
    encoders: &'a Encoders<'a>,
    /// What encoders do not make.
    carried: u64,
}

/// The encoders of all nodes. To read them means to decode bodies again, and is not done before they
/// are wanted.
pub(super) struct Encoders<'a> {
    delta: &'a Delta,
    file: &'a dyn ReadAt,
    found: OnceCell<Vec<NodeEncoder>>,
}

impl<'a> Encoders<'a> {
    pub(super) fn new(delta: &'a Delta, file: &'a dyn ReadAt) -> Self {
        Self { delta, file, found: OnceCell::new() }
    }

    /// Those of a node, in words.
    fn names(&self, row: u32) -> String {
        // The run has read the same bytes; where that fails now, the line lacks them.
        let found = || encoders_of(self.delta, self.file).unwrap_or_default();
        let own = self.found.get_or_init(found).iter().filter(|encoder| encoder.node == row);
        let names = own.map(|own| encoders::name(own.encoder, &own.parameters));
        names.collect::<Vec<_>>().join(", ")
    }
}

/// One line for each node, in the order of the delta.
pub(super) fn trace<'a>(
    delta: &'a Delta,
    base: &Base<'a>,
    encoders: &'a Encoders<'a>,
) -> Vec<Trace<'a>> {
    let header = delta.header();
    let givers: HashMap<u32, Giver<'a>> =
        base.givers().map(|giver| (giver.node.digest, giver)).collect();
    let made = made(header);
    let words = words(header);
    let again = |row: u32, made: &Made| {
        let content = content_of(&header.nodes[row as usize])? as usize;
        let content = delta.digest(header.nodes[content].digest);
        Some(Again { row, content, encoders, carried: made.literals })
    };
    let rows = (0..).zip(&header.nodes).zip(made).zip(words);
    rows.map(|(((row, node), made), word)| {
        let fate = match givers.get(&node.digest) {
            Some(giver) if giver.way == WayKind::GivenBlob => Fate::Held(*giver),
            Some(giver) if word.is_some() || node.parent != NONE => Fate::Reused(*giver),
            Some(giver) => Fate::Used(*giver, used_len(&node.ways[0].used, node.length)),
            None => again(row, &made).map_or(Fate::Made(made), Fate::Again),
        };
        let what = match fate {
            Fate::Used(..) => "content",
            _ if word.is_none() && is_fed(header, row as usize) => "content",
            _ => word.unwrap_or("blob"),
        };
        Trace { what, digest: delta.digest(node.digest), len: node.length, fate }
    })
    .collect()
}

/// What each node's parts take, by row.
fn made(header: &Header) -> Vec<Made> {
    let mut made = vec![Made::default(); header.nodes.len()];
    for group in &header.groups {
        for part in &group.parts {
            let made = &mut made[part.node as usize];
            for (stream, taken) in group.streams.iter().zip(&part.taken) {
                match StreamKind::from_number(stream.kind) {
                    // One byte for each.
                    Ok(StreamKind::Instructions) => made.instructions += taken,
                    Ok(StreamKind::Literals(_) | StreamKind::Corrections) => made.literals += taken,
                    _ => {}
                }
            }
        }
    }
    made
}

/// What each node is in the target, by row; `None` where nothing says so.
fn words(header: &Header) -> Vec<Option<&'static str>> {
    let mut words = vec![None; header.nodes.len()];
    for output in header.outputs.iter().filter(|output| output.node != NONE) {
        words[output.node as usize] = Some("file");
    }
    for role in header.roles.iter().rev().filter(|role| role.node != NONE) {
        let word = match RoleKind::from_number(role.role) {
            Ok(RoleKind::Index) => "index",
            Ok(RoleKind::Manifest) => "manifest",
            Ok(RoleKind::Config) => "config",
            Ok(RoleKind::Layer) => "layer",
            Ok(RoleKind::Attestation) => "attestation",
            _ => "blob",
        };
        words[role.node as usize] = Some(word);
    }
    words
}

impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, digest, len, fate } = self;
        write!(f, "{what} {digest} ({}): ", Size(*len).short())?;
        match fate {
            Fate::Reused(giver) => write!(f, "reused, the content of {}", name(giver)),
            Fate::Used(giver, used) => {
                write!(f, "copied from, {} of it in {}", Size(*used).short(), name(giver))
            }
            Fate::Held(giver) => write!(f, "held, copied from {}", name(giver)),
            Fate::Made(made) if made.literals == *len => f.write_str("carried by the delta"),
            Fate::Made(Made { instructions, literals }) => {
                let literals = Size(*literals).short();
                write!(f, "rebuilt, {instructions} instructions, {literals} literals")
            }
            Fate::Again(Again { row, content, encoders, carried }) => {
                let carried = Size(*carried).short();
                write!(f, "compressed again by {}, from {content}", encoders.names(*row))?;
                write!(f, ", {carried} literals")
            }
        }
    }
}

/// The member or file of the base, and what was done to it.
fn name(giver: &Giver<'_>) -> String {
    let how = if giver.is_inflated() { ", inflated" } else { "" };
    format!("{}{how}", Shown(giver.blob.name.as_slice()))
}
