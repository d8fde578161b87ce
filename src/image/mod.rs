//! Container images in every form that tools write, as blobs in files.
//!
//! The form is recognised by content: [`Image::from_archive`] and [`Image::from_directory`] take
//! bytes and know no files, [`open`] takes what a person names. Reading an image finds its blobs,
//! says what each is for, and believes every digest; whoever uses a blob verifies it.

mod archive;
mod assembly;
mod cited;
pub mod daemon;
mod directory;
mod docker;
mod document;
mod error;
mod oci;
mod open;
mod reference;
pub(crate) mod rewrite;
mod select;
mod shelf;

use std::fmt;

use crate::compression::{Compression, CompressionError, Inflater};
use crate::digest::{BlobDigest, DiffId};
use crate::source::{ReadAt, Section, Sequential};
use crate::units::ByteRange;

pub use error::{ImageError, OpenError};
pub use open::{OpenOptions, open, open_file};
pub use reference::{Location, Reference, Selector};
pub use rewrite::RewriteError;

/// The first bytes of a delta, known here only to say that one stands where an image belongs.
pub const DELTA_MAGIC: [u8; 8] = crate::format::MAGIC;

/// Bytes that an image lies in.
pub type Source = Box<dyn ReadAt + Send>;

/// One input with all images in it.
#[derive(Debug)]
pub struct Image {
    /// Which form it has.
    pub form: Form,
    /// How the whole archive was compressed; all ranges are ranges of what was inside.
    pub wrapper: Compression,
    /// The compressed bytes of the whole archive, where it has a wrapper.
    pub wrapped: Option<Wrapped>,
    /// The archive, or all files and directories of a directory, sorted by the bytes of their path.
    pub files: Vec<ImageFile>,
    /// Sorted by file and start, disjoint; a member is there once, however many names it has.
    pub blobs: Vec<Blob>,
    /// What blobs are for, parents before their children.
    pub roles: Vec<Role>,
    /// Images as `@N` counts them: in the order of manifest.json, then of the index.
    pub images: Vec<ImageEntry>,
    /// How each layer was found, and what is odd, for `-v`.
    pub notes: Vec<String>,
    lists: rewrite::Lists,
    origins: Vec<open::Origin>,
}

/// The bytes of an archive that is compressed as a whole.
pub struct Wrapped(pub Source);

impl fmt::Debug for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wrapped({} bytes)", self.0.len())
    }
}

/// Which tool's way an image is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Form {
    /// What holds it together.
    pub layout: Layout,
    /// Is it in an archive? Otherwise it is a directory.
    pub is_archive: bool,
}

/// What holds the files of an image together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// `docker save`: manifest.json is a list of images.
    Docker,
    /// An OCI image layout: index.json.
    Oci,
    /// skopeo's `dir:`: manifest.json is a registry's manifest.
    Dir,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.layout, self.is_archive) {
            (Layout::Docker, true) => "docker-archive",
            (Layout::Docker, false) => "docker-archive (unpacked)",
            (Layout::Oci, true) => "oci-archive",
            (Layout::Oci, false) => "oci",
            (Layout::Dir, true) => "dir (packed)",
            (Layout::Dir, false) => "dir",
        })
    }
}

/// A file or directory of an image.
pub struct ImageFile {
    /// Relative path; empty for a single archive.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: FileKind,
    /// Its bytes; none for a directory.
    pub source: Source,
}

impl fmt::Debug for ImageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageFile")
            .field("path", &String::from_utf8_lossy(&self.path))
            .field("kind", &self.kind)
            .field("len", &self.source.len())
            .finish()
    }
}

/// What an [`ImageFile`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory, itself without bytes.
    Directory,
}

/// Bytes with a meaning of their own inside a file of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Index of its file in [`Image::files`].
    pub file: usize,
    /// Its stored bytes inside that file.
    pub range: ByteRange,
    /// What its stored bytes are to its content, by their first bytes.
    pub compression: Compression,
    /// What it should hash to, as a descriptor or its name has it.
    pub claimed: Option<BlobDigest>,
    /// What it is.
    pub kind: BlobKind,
    /// Name of the member or file that holds it, cleaned.
    pub name: Vec<u8>,
}

/// What a blob is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobKind {
    /// An image index below index.json.
    Index,
    /// A manifest.
    Manifest,
    /// A config.
    Config,
    /// A layer, or what stands in a layer's place in an artifact.
    Layer {
        /// What its content should hash to, where a config says so.
        diff_id: Option<DiffId>,
    },
    /// Anything else; blobs that nothing cites among them.
    Other,
}

/// A place in the tree of images that a blob fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Index of the role above, smaller than its own.
    pub parent: Option<usize>,
    /// What the place is for.
    pub kind: RoleKind,
    /// Index of the blob; `None` where it is lawfully absent or where nothing holds it, as with
    /// the images of manifest.json.
    pub blob: Option<usize>,
    /// Its digest as cited.
    pub digest: Option<BlobDigest>,
    /// Digest of a layer's content.
    pub diff_id: Option<DiffId>,
    /// Media type as cited, possibly empty.
    pub media_type: String,
    /// `os/architecture[/variant]`, or empty.
    pub platform: String,
    /// Names that the image is known by, verbatim.
    pub names: Vec<String>,
}

/// What a place in the tree is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoleKind {
    /// A nested index.
    Index,
    /// An image or an artifact.
    Manifest,
    /// A config.
    Config,
    /// A layer.
    Layer,
    /// The manifest of statements about an image.
    Attestation,
    /// Anything else.
    Other,
}

/// One image of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageEntry {
    /// Index of its manifest role.
    pub role: usize,
    /// Is everything there that must be there?
    pub is_complete: bool,
}

/// The stored bytes of a blob.
pub type BlobSource<'a> = Section<&'a (dyn ReadAt + Send)>;

impl Image {
    /// The stored bytes of a blob of this image.
    ///
    /// # Panics
    /// If `blob` is of another image and lies outside the files of this one.
    pub fn stored(&self, blob: &Blob) -> BlobSource<'_> {
        let source: &(dyn ReadAt + Send) = &*self.files[blob.file].source;
        Section::new(source, blob.range).expect("a blob lies inside its file")
    }

    /// The content of a blob of this image.
    pub fn content(
        &self,
        blob: &Blob,
    ) -> Result<Inflater<Sequential<BlobSource<'_>>>, CompressionError> {
        Inflater::open(self.stored(blob), blob.compression)
    }

    /// All layers, each once, in storage order.
    pub fn layers(&self) -> impl Iterator<Item = &Blob> {
        self.blobs.iter().filter(|blob| matches!(blob.kind, BlobKind::Layer { .. }))
    }

    /// The roles below `role`, in order.
    pub fn children(&self, role: usize) -> impl Iterator<Item = &Role> {
        self.roles.iter().filter(move |child| child.parent == Some(role))
    }

    /// The layer roles of an image, lowest first.
    pub fn layers_of(&self, image: &ImageEntry) -> impl Iterator<Item = &Role> {
        self.children(image.role).filter(|role| role.kind == RoleKind::Layer)
    }

    /// Names of an image, with those of the indexes above it.
    pub fn names(&self, image: &ImageEntry) -> Vec<&str> {
        let mut names = Vec::new();
        let mut role = Some(image.role);
        while let Some(index) = role {
            names.extend(self.roles[index].names.iter().map(String::as_str));
            role = self.roles[index].parent;
        }
        names
    }

    /// Is one of the files it was opened from another one by now (device, inode, length or time)?
    pub fn check_unchanged(&self) -> Result<(), ImageError> {
        self.origins.iter().try_for_each(open::Origin::check_unchanged)
    }
}

#[cfg(test)]
mod tests;
