//! Which member of the base a member of the target probably comes from.
//!
//! All layers of the base are one list, the topmost last. [`by_name`] asks names, from the same path
//! down to a like name of about the same size; [`Votes`] ask where the base holds runs of a member's
//! bytes; [`by_sketch`] compares what a sample of the bytes says, without names and equal chunks.
//! That is also the order in which they are asked: votes where no name is sure ([`By::is_sure`]), the
//! sketch where there are none, and where that finds nothing either, what name there is.
//!
//! Every answer is a guess: it decides how small a delta becomes and how long that takes, never
//! whether it is right. Names may be any bytes. Equal members give equal answers.

mod by_name;
mod by_sketch;
mod candidates;
mod names;
mod votes;

pub use self::by_name::by_name;
pub use self::by_sketch::by_sketch;
pub use self::votes::{Run, Votes};

/// A file of a layer, of the base or of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name as the layer has it, any bytes.
    pub name: &'a [u8],
    /// Number of the content that holds it, in its pool.
    pub content: usize,
    /// First byte of its data in that content.
    pub start: u64,
    /// Length of its data in bytes.
    pub len: u64,
}

/// A member of the base, and why it was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Its place in the list of the base's members.
    pub base: usize,
    /// What told.
    pub by: By,
}

/// What told that two members belong together, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// The same path.
    Path,
    /// The same path but for versions, numbers and digests in the names of directories.
    FoldedDirectory,
    /// The same path but for versions, numbers and digests.
    FoldedPath,
    /// The same name, in a directory whose name begins with the same word.
    Name,
    /// The base holds runs of its bytes there.
    Votes,
    /// A sample of its bytes is like a sample of those.
    Sketch,
    /// The same directory, and first word and extension of the name: libx-2.so.1 and libx.so.2.
    Stem,
    /// The same name somewhere else.
    NameElsewhere,
}

impl By {
    /// Is it a name that no bytes should overrule? The others are worth a look for what
    /// [`Votes`] or [`by_sketch`] say.
    pub fn is_sure(self) -> bool {
        self < Self::Votes
    }
}
