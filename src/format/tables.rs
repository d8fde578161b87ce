//! The header's tables, field for field as docs/format.md section 4 lists them.
//!
//! The structs are what bincode reads and writes; [`super::check`] says whether they hold
//! together. Numbers stay numbers here, so that an unknown one can be refused by name.

use bincode::{Decode, Encode};

/// A citation of no row.
pub const NONE: u32 = u32::MAX;

/// The whole header.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Header {
    /// What cannot be added up from the tables.
    pub declared: Declared,
    /// Digests, ascending, each once.
    pub digests: Vec<[u8; 32]>,
    /// Nodes; a row is a node's number.
    pub nodes: Vec<Node>,
    /// What the delta makes, ascending by path.
    pub outputs: Vec<Output>,
    /// What the image documents say about the nodes, parents first.
    pub roles: Vec<Role>,
    /// The body's groups, in its order.
    pub groups: Vec<Group>,
    /// SHA-256 of each 256 KiB of the body.
    pub blocks: Vec<[u8; 32]>,
}

/// What cannot be added up from the tables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Declared {
    /// Greatest number of bytes kept at once outside the output.
    pub kept_peak: u64,
    /// The most memory that encoders which run at one time are reckoned to take, in bytes.
    pub encoder_memory: u64,
    /// Reserved; 0.
    pub inline_count: u64,
    /// Reserved; 0.
    pub inline_longest: u64,
    /// Reserved; 0.
    pub inline_live: u64,
    /// Reserved; 0.
    pub inline_depth: u32,
}

/// A run of bytes that is made or used.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Node {
    /// Length in bytes.
    pub length: u64,
    /// Row of its SHA-256.
    pub digest: u32,
    /// The node that it is placed in first, or [`NONE`].
    pub parent: u32,
    /// Where in the parent its first byte lies.
    pub parent_offset: u64,
    /// Greatest group that copies from it or places it, or [`NONE`].
    pub last_group: u32,
    /// The ways to get it, in order of preference.
    pub ways: Vec<Way>,
}

/// One way to get a node.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Way {
    /// A [`WayKind`].
    pub kind: u32,
    /// For a node given as content: the 1 MiB blocks that are used, ascending, not touching.
    pub used: Vec<Run>,
    /// Parameters of the kind: of re-encode, [`ReEncodeParameters`]; of the others none.
    pub parameters: Vec<u8>,
}

/// What a way of kind re-encode says in its parameters (docs/format.md section 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReEncodeParameters {
    /// The node that is put through encoders.
    pub content: u32,
    /// Numbers of the encoders, ascending.
    pub encoders: Vec<u32>,
}

impl ReEncodeParameters {
    /// The parameters as bytes.
    pub fn encode(&self) -> Vec<u8> {
        std::iter::once(&self.content).chain(&self.encoders).flat_map(|n| n.to_le_bytes()).collect()
    }

    /// Reads parameters; `None` where they are no list of at least two numbers.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (numbers, rest) = bytes.as_chunks::<4>();
        let mut numbers = numbers.iter().map(|number| u32::from_le_bytes(*number));
        let content = numbers.next().filter(|_| rest.is_empty())?;
        Some(Self { content, encoders: numbers.collect() })
    }
}

/// A run of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Run {
    /// First block.
    pub first: u32,
    /// Number of blocks.
    pub count: u32,
}

/// One file or empty directory that the delta makes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Output {
    /// Which target; 0.
    pub target: u32,
    /// Relative path; empty for the one file of a target that is a file.
    pub path: Vec<u8>,
    /// An [`OutputKind`].
    pub kind: u32,
    /// The node with its bytes, [`NONE`] for a directory.
    pub node: u32,
}

/// What a node is in the image.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Role {
    /// The role that names this one, or [`NONE`].
    pub parent: u32,
    /// A [`RoleKind`].
    pub role: u32,
    /// The node, or [`NONE`] where the target lawfully lacks it.
    pub node: u32,
    /// Row of the diff ID, or [`NONE`].
    pub diff_id: u32,
    /// Media type as the documents give it.
    pub media_type: String,
    /// Platform as `os/architecture/variant`.
    pub platform: String,
    /// Names of the image.
    pub names: Vec<String>,
}

/// Streams and the parts that take from them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Group {
    /// Streams, ascending by kind.
    pub streams: Vec<Stream>,
    /// Parts in the order they run.
    pub parts: Vec<Part>,
}

/// A stream of a group.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Stream {
    /// A [`super::StreamKind`].
    pub kind: u32,
    /// A [`super::Codec`].
    pub codec: u32,
    /// Its frames in order.
    pub frames: Vec<FrameRow>,
}

/// A frame's lengths and window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct FrameRow {
    /// Bytes in the body.
    pub encoded: u32,
    /// Bytes when decoded.
    pub decoded: u32,
    /// Binary logarithm of the decoder's window; 0 for stored.
    pub window_log: u32,
}

/// A run of instructions that makes the next bytes of a node.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Part {
    /// The node.
    pub node: u32,
    /// Which of the node's ways.
    pub way: u32,
    /// Bytes that the part makes.
    pub made: u64,
    /// Bytes that it takes from each stream of its group.
    pub taken: Vec<u64>,
}

impl Stream {
    /// Decoded length in bytes.
    pub fn decoded_len(&self) -> u64 {
        self.frames.iter().map(|frame| u64::from(frame.decoded)).sum()
    }

    /// Encoded length in bytes.
    pub fn encoded_len(&self) -> u64 {
        self.frames.iter().map(|frame| u64::from(frame.encoded)).sum()
    }
}

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident, $what:literal: $($(#[$item_doc:meta])* $item:ident = $number:literal),* $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$item_doc])* $item,)* }

        impl $name {
            /// The number that stands for it in a delta.
            pub const fn number(self) -> u32 {
                match self { $(Self::$item => $number,)* }
            }

            /// Reads a number from a delta; one that is not given out is unsupported.
            pub fn from_number(number: u32) -> Result<Self, super::FormatError> {
                match number {
                    $($number => Ok(Self::$item),)*
                    _ => Err(super::FormatError::Unsupported { what: $what, number: number.into() }),
                }
            }
        }
    };
}
pub(super) use numbered;

numbered! {
    /// The ways to get a node (docs/format.md 10.1).
    WayKind, "way":
    /// The base holds it as a layer's content or a config.
    GivenContent = 0,
    /// The base holds it as a stored blob.
    GivenBlob = 1,
    /// Instructions make it.
    Recipe = 2,
    /// Another node is put through encoders.
    ReEncode = 3,
}

numbered! {
    /// The encoders whose numbers are given out (docs/format.md 10.8).
    EncoderKind, "encoder":
    /// None: takes content and makes nothing.
    Nothing = 0,
    /// Go's compress/flate, 1.8 to 1.26.
    GoFlate = 1,
    /// klauspost/compress's flate, 1.15.12 to 1.15.14.
    KlauspostFlate1 = 2,
    /// klauspost/compress's flate, 1.15.15 up to a change of level 4.
    KlauspostFlate2 = 3,
    /// klauspost/compress's flate from there up to 1.18.0.
    KlauspostFlate3 = 4,
    /// klauspost/compress's flate from 1.18.2 on, and Go's compress/flate from 1.27 on.
    KlauspostFlate4 = 5,
    /// klauspost/compress's zstd.
    KlauspostZstd = 6,
    /// zlib, alone or in pigz's blocks.
    Zlib = 7,
    /// libzstd.
    Libzstd = 8,
    /// Any deflate stream, with corrections.
    Predicted = 9,
    /// The table of contents of zstd:chunked or eStargz.
    Table = 10,
}

numbered! {
    /// What an output is (docs/format.md 10.3).
    OutputKind, "kind of output":
    /// A regular file.
    File = 0,
    /// A directory that holds nothing.
    Directory = 1,
}

numbered! {
    /// What a node is in the image (docs/format.md 10.4).
    RoleKind, "role":
    /// An image index.
    Index = 0,
    /// An image manifest.
    Manifest = 1,
    /// An image config.
    Config = 2,
    /// A layer.
    Layer = 3,
    /// An attestation about an image.
    Attestation = 4,
    /// Any other blob.
    Other = 5,
}
