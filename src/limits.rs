//! Every ceiling on what comes from outside, in one place, each with its reason.

/// Largest JSON document of an image that is parsed, in bytes. containerd reads manifests up to
/// 20 MiB; nothing larger was ever seen in use.
pub const JSON_LEN: u64 = 20 << 20;

/// Deepest nesting of a JSON document; `serde_json`'s own ceiling, stated here because a test holds
/// it: image documents nest four deep.
pub const JSON_DEPTH: usize = 128;

/// Layers of one image. The engines refuse images of more than 128.
pub const LAYERS: usize = 4096;

/// Images in one archive, manifests in all its indexes together.
pub const IMAGES: usize = 4096;

/// Members of an archive, files of a directory. A member costs about 200 bytes of memory here.
pub const MEMBERS: usize = 1 << 20;

/// Nested image indexes, counted from `index.json`.
pub const INDEX_DEPTH: usize = 8;

/// Links followed from a name to the regular member that holds its bytes.
pub const LINK_HOPS: usize = 8;

/// A name inside an archive, in bytes: PAX and GNU long names are read up to here.
pub const NAME_LEN: u64 = 64 << 10;

/// Decoded length over stored length that a compressed blob may have, plus [`INFLATE_SLACK`].
/// Deflate reaches 1032 and zstd about 32,700 on zeros, which an empty disk image may well be; a
/// bomb past it costs work but never space, since what it yields is hashed, not kept.
pub const INFLATE_RATIO: u64 = 1 << 15;

/// Added to the allowance of [`INFLATE_RATIO`], for tiny blobs.
pub const INFLATE_SLACK: u64 = 1 << 20;

/// Header of a delta as encoded, in bytes: room for the block digests of a body of 100 GiB.
pub const HEADER_LEN: u64 = 16 << 20;

/// Header of a delta when decoded, in bytes: what a small machine can hold.
pub const HEADER_DECODED_LEN: u64 = 64 << 20;

/// A node, and all outputs together, in bytes: the largest file of the common file systems.
pub const NODE_LEN: u64 = 1 << 44;

/// Rows of a table of a delta: nodes, outputs, roles, frames, parts, each. Images have thousands.
pub const ROWS: u64 = 1 << 20;

/// Ways of a node.
pub const WAYS: u64 = 8;

/// Groups of a delta.
pub const GROUPS: u64 = 1 << 16;

/// Decoded bytes of a group: what a reader spools when memory is short.
pub const GROUP_LEN: u64 = 256 << 20;

/// Window of a zstd frame as a binary logarithm: 16 MiB for each open stream.
pub const WINDOW_LOG: u32 = 24;

/// Parents above a node.
pub const DEPTH: u32 = 16;

/// Instructions that a delta may have beyond one for each eight bytes made.
pub const FREE_INSTRUCTIONS: u64 = 65_536;

/// Work (bytes made, decoded and used of the base) for each byte of output and used base.
pub const WORK_RATIO: u64 = 64;

/// Literals, headers and corrections of a re-encode part, in bytes: a reader holds them while the
/// content comes. Corrections of a layer of some gigabytes are a tenth of that.
pub const CARRIED_LEN: u64 = 64 << 20;

/// Each control stream of a re-encode part, in bytes; a reader holds eight bytes for each of them.
pub const PIECES_LEN: u64 = 1 << 20;

/// Streams that say what is kept, in bytes over a whole delta; a range costs a reader some 25 bytes
/// for each.
pub const KEPT_RANGES_LEN: u64 = 1 << 20;

/// Path of an output, in bytes: `PATH_MAX` of Linux.
pub const PATH_LEN: u64 = 4096;

/// PAX records of one member, in bytes; Go's reader stops at the same. They hold extended
/// attributes, of 64 KiB each at most.
pub const PAX_LEN: u64 = 1 << 20;

/// Largest window of a zstd frame in an image, as a power of two: 128 MiB, what every decoder
/// accepts unasked and what bounds the memory of one.
pub const ZSTD_WINDOW_LOG: u32 = 27;

/// Decoded length over stored length of a whole archive that is compressed, plus
/// [`INFLATE_SLACK`]. What such a wrapper yields is kept in a file, so a bomb would cost space:
/// deflate's own ceiling is enough for archives.
pub const WRAPPER_RATIO: u64 = 1032;

/// Roles of one input: manifests, configs and layers of all its images together. 4096 images of
/// 128 layers would pass it, nothing seen in use comes near; a role costs about 300 bytes.
pub const ROLES: usize = 1 << 17;

/// Entries of a directory's path below the directory itself.
pub const DIRECTORY_DEPTH: usize = 32;

/// A name, media type or platform in a document, in bytes. Registries take names of 255.
pub const TEXT_LEN: usize = 4096;

/// A line that tells how an image was read, in bytes.
pub const NOTE_LEN: usize = 1000;

/// A block of pgzip, in bytes: each thread holds two of the usual ones of 1 MiB, or one that is
/// longer; longer ones than these were never seen.
pub const PGZIP_BLOCK_LEN: usize = 16 << 20;

/// A text of a table of contents, in bytes, which is held until it is whole: some fifty thousand
/// files.
pub const TABLE_LEN: u64 = 64 << 20;

/// Chunks of one file that a table tells of: files of four gigabytes as zstd:chunked cuts them.
pub const TABLE_CHUNKS: usize = 1 << 16;

/// What is guessed of one file's entries in a table, in bytes, before its chunks are left out.
pub const TABLE_FILE_LEN: u64 = 8 << 20;

/// The shortest chunks of eStargz that are guessed, in bytes: what is guessed at once follows from
/// their number.
pub const TABLE_CHUNK_LEN: u64 = 4 << 10;

/// Bytes between two files that a table repeats, at most: records of [`PAX_LEN`] and more.
pub const TABLE_SEGMENT_LEN: usize = 2 << 20;
