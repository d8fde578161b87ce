//! Blobs, roles and images while an image is being read.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::document::{self, Config};
use super::shelf::{Found, Shelf};
use super::{
    Blob, BlobKind, Form, Image, ImageEntry, ImageError, Layout, Role, RoleKind, docker, oci,
    rewrite::Lists,
};
use crate::compression::{Compression, Foreign, MAGIC_LEN};
use crate::digest::{BlobDigest, DiffId, Digest};
use crate::fault::Shown;
use crate::limits;

/// What is known so far.
pub(super) struct Assembly<'a> {
    pub(super) shelf: &'a Shelf,
    pub(super) layout: Layout,
    /// Go on where something is absent that must not be.
    pub(super) allow_missing: bool,
    pub(super) blobs: Vec<Blob>,
    pub(super) roles: Vec<Role>,
    pub(super) images: Vec<ImageEntry>,
    pub(super) notes: Vec<String>,
    by_place: BTreeMap<(usize, u64), usize>,
    configs: BTreeMap<usize, Rc<ConfigFacts>>,
}

/// What a config says.
#[derive(Debug, Default)]
pub(super) struct ConfigFacts {
    /// `None` where it has no `rootfs`, as the config of an artifact.
    pub(super) diff_ids: Option<Vec<DiffId>>,
    pub(super) platform: String,
}

/// Reads the image that `shelf` holds.
pub(super) fn assemble(
    shelf: Shelf,
    is_archive: bool,
    allow_missing: bool,
) -> Result<Image, ImageError> {
    let manifest = shelf.find(b"manifest.json", "it is the list of images")?;
    let manifest = match manifest {
        Some(found) => Some((shelf.read_document(&found)?, found)),
        None => None,
    };
    let index = shelf.find(b"index.json", "it is the index")?;
    let has_layout_file = shelf.find(b"oci-layout", "it names the layout")?.is_some();
    let is_list = manifest.as_ref().is_some_and(|(bytes, _)| document::is_array(bytes));
    let layout = match (&manifest, &index) {
        (Some(_), _) if is_list => Layout::Docker,
        (_, Some(_)) => Layout::Oci,
        (_, None) if has_layout_file => {
            let needed_by = "oci-layout says that there is one".to_owned();
            return Err(ImageError::Missing { name: b"index.json".to_vec(), needed_by });
        }
        (Some(_), None) => Layout::Dir,
        (None, None) => return Err(ImageError::NotAnImage),
    };
    let mut assembly = Assembly::new(&shelf, layout, allow_missing);
    let index = index.filter(|_| layout != Layout::Dir);
    let from_index = match &index {
        Some(index) => oci::read_index(&mut assembly, index)?,
        None => oci::Tree::default(),
    };
    match &manifest {
        Some((bytes, found)) if layout == Layout::Docker => {
            docker::read_manifest(&mut assembly, found, bytes, from_index)?;
        }
        Some((_, found)) if layout == Layout::Dir => {
            let tree = oci::read_single(&mut assembly, found)?;
            assembly.adopt(tree, b"manifest.json")?;
        }
        _ => assembly.adopt(from_index, b"index.json")?,
    }
    assembly.add_uncited()?;
    let Assembly { blobs, roles, images, notes, .. } = assembly;
    let (blobs, roles) = in_storage_order(blobs, roles);
    let manifest = manifest.filter(|_| layout != Layout::Oci).map(|(_, found)| found);
    Ok(Image {
        lists: Lists { index, manifest },
        form: Form { layout, is_archive },
        wrapper: Compression::Plain,
        files: shelf.files,
        blobs,
        roles,
        images,
        notes,
        origins: Vec::new(),
        wrapped: None,
    })
}

/// Sorts blobs by file and start and lets the roles follow.
fn in_storage_order(blobs: Vec<Blob>, mut roles: Vec<Role>) -> (Vec<Blob>, Vec<Role>) {
    let mut order: Vec<(usize, Blob)> = blobs.into_iter().enumerate().collect();
    order.sort_by_key(|(_, blob)| (blob.file, blob.range));
    let mut moved = vec![0; order.len()];
    for (new, (old, _)) in order.iter().enumerate() {
        moved[*old] = new;
    }
    for role in &mut roles {
        role.blob = role.blob.map(|old| moved[old]);
    }
    (order.into_iter().map(|(_, blob)| blob).collect(), roles)
}

impl<'a> Assembly<'a> {
    fn new(shelf: &'a Shelf, layout: Layout, allow_missing: bool) -> Self {
        Self {
            shelf,
            layout,
            allow_missing,
            blobs: Vec::new(),
            roles: Vec::new(),
            images: Vec::new(),
            notes: Vec::new(),
            by_place: BTreeMap::new(),
            configs: BTreeMap::new(),
        }
    }

    /// Takes the images of an index as the images of the input: one must be complete.
    fn adopt(&mut self, tree: oci::Tree, name: &[u8]) -> Result<(), ImageError> {
        if !self.allow_missing && !tree.images.iter().any(|image| image.is_complete) {
            let nothing = || ImageError::NoImage { name: name.to_vec() };
            return Err(tree.first_missing.unwrap_or_else(nothing));
        }
        self.images = tree.images;
        Ok(())
    }

    /// Adds a line for `-v`. Names from outside stand in it, so it is kept short; past a number
    /// that no image needs, nothing is added.
    pub(super) fn note(&mut self, mut note: String) {
        if note.len() > limits::NOTE_LEN {
            let end = (0..=limits::NOTE_LEN).rev().find(|at| note.is_char_boundary(*at));
            note.truncate(end.unwrap_or(0));
            note.push_str("...");
        }
        if self.notes.len() < limits::ROLES {
            self.notes.push(note);
        }
    }

    /// Adds those names to a role that it has not yet.
    pub(super) fn name_role(&mut self, role: usize, names: Vec<String>) -> Result<(), ImageError> {
        for name in names {
            check_text(&name)?;
            let known = &mut self.roles[role].names;
            if known.len() == limits::IMAGES {
                let (what, name, limit) = ("names", name.into_bytes(), limits::IMAGES);
                return Err(ImageError::TooMany { what, name, limit });
            }
            if !known.contains(&name) {
                known.push(name);
            }
        }
        Ok(())
    }

    /// Adds a role and returns its index.
    pub(super) fn add_role(&mut self, mut role: Role) -> Result<usize, ImageError> {
        check_text(&role.media_type)?;
        check_text(&role.platform)?;
        let names = std::mem::take(&mut role.names);
        if self.roles.len() == limits::ROLES {
            let name = b"the manifests".to_vec();
            return Err(ImageError::TooMany { what: "roles", name, limit: limits::ROLES });
        }
        self.roles.push(role);
        let index = self.roles.len() - 1;
        self.name_role(index, names).map(|()| index)
    }

    /// Adds a found member as a blob, or finds the blob that it already is. What is said about one
    /// blob twice must agree.
    pub(super) fn add_blob(
        &mut self,
        found: &Found,
        kind: BlobKind,
        cited: Option<BlobDigest>,
    ) -> Result<usize, ImageError> {
        let claimed = cited.or_else(|| digest_in_name(self.layout, &found.name).map(BlobDigest));
        let place = (found.file, found.range.start());
        if let Some(index) = self.by_place.get(&place).copied() {
            return merge(&mut self.blobs[index], kind, claimed).map(|()| index);
        }
        let mut blob = Blob {
            file: found.file,
            range: found.range,
            compression: Compression::Plain,
            claimed,
            kind,
            name: found.name.clone(),
        };
        if matches!(kind, BlobKind::Layer { .. } | BlobKind::Other) {
            let first = self.shelf.read_start(found, MAGIC_LEN as u64)?;
            blob.compression = Compression::detect(&first);
            if let Some(foreign) = Foreign::detect(&first) {
                let name = Shown(found.name.as_slice());
                self.note(format!("{name} is a {foreign} file and stays as it is"));
            }
        }
        self.blobs.push(blob);
        self.by_place.insert(place, self.blobs.len() - 1);
        Ok(self.blobs.len() - 1)
    }

    /// Is it compressed in a way that can be named but not undone?
    pub(super) fn is_foreign(&self, found: &Found) -> Result<bool, ImageError> {
        let first = self.shelf.read_start(found, MAGIC_LEN as u64)?;
        Ok(Foreign::detect(&first).is_some())
    }

    /// Reads a config, each once.
    pub(super) fn config_facts(
        &mut self,
        blob: usize,
        found: &Found,
    ) -> Result<Rc<ConfigFacts>, ImageError> {
        if let Some(facts) = self.configs.get(&blob) {
            return Ok(Rc::clone(facts));
        }
        let facts = Rc::new(read_config(&found.name, &self.shelf.read_document(found)?)?);
        self.configs.insert(blob, Rc::clone(&facts));
        Ok(facts)
    }

    /// Blobs that only their name makes blobs.
    fn add_uncited(&mut self) -> Result<(), ImageError> {
        let names = self.shelf;
        for found in names.regular_members() {
            let is_blob = match self.layout {
                Layout::Dir => digest_in_name(self.layout, &found.name).is_some(),
                _ => {
                    found.name.starts_with(b"blobs/")
                        && digest_in_name(self.layout, &found.name).is_some()
                }
            };
            if is_blob && !self.by_place.contains_key(&(found.file, found.range.start())) {
                self.note(format!("nothing cites {}", Shown(found.name.as_slice())));
                self.add_blob(&found, BlobKind::Other, None)?;
            }
        }
        Ok(())
    }
}

/// What a name claims by itself: `blobs/sha256/HEX` anywhere, `HEX` in a `dir:` directory,
/// `HEX.json` and `sha256:HEX` for the configs of Docker's form.
pub(super) fn digest_in_name(layout: Layout, name: &[u8]) -> Option<Digest> {
    let hex = match layout {
        Layout::Oci => name.strip_prefix(b"blobs/sha256/")?,
        Layout::Dir => name,
        Layout::Docker => name
            .strip_prefix(b"blobs/sha256/")
            .or_else(|| name.strip_suffix(b".json"))
            .or_else(|| name.strip_prefix(b"sha256:"))?,
    };
    Digest::parse_hex(hex)
}

/// Names, media types and platforms are short, or they are no such thing.
fn check_text(text: &str) -> Result<(), ImageError> {
    if text.len() <= limits::TEXT_LEN {
        return Ok(());
    }
    let name = text.bytes().take(64).collect();
    Err(ImageError::TooMany { what: "bytes", name, limit: limits::TEXT_LEN })
}

fn merge(blob: &mut Blob, kind: BlobKind, claimed: Option<BlobDigest>) -> Result<(), ImageError> {
    let name = || blob.name.clone();
    match (blob.claimed, claimed) {
        (Some(first), Some(second)) if first != second => {
            return Err(ImageError::TwoDigests { name: name(), first, second });
        }
        (None, Some(_)) => blob.claimed = claimed,
        _ => {}
    }
    match (blob.kind, kind) {
        (BlobKind::Layer { diff_id: Some(first) }, BlobKind::Layer { diff_id: Some(second) })
            if first != second =>
        {
            return Err(ImageError::TwoDiffIds { name: blob.name.clone(), first, second });
        }
        (BlobKind::Other, _) | (BlobKind::Layer { diff_id: None }, BlobKind::Layer { .. }) => {
            blob.kind = kind;
        }
        _ => {}
    }
    Ok(())
}

/// Reads what matters of a config.
pub(super) fn read_config(name: &[u8], bytes: &[u8]) -> Result<ConfigFacts, ImageError> {
    let config: Config = document::parse(name, bytes)?;
    let parse = |text: &String| {
        text.parse::<DiffId>().map_err(|_| ImageError::BadDigest {
            name: name.to_vec(),
            digest: text.chars().take(200).collect(),
        })
    };
    let diff_ids = config.rootfs.map(|rootfs| rootfs.diff_ids.0.iter().map(parse).collect());
    let platform = platform_name(&config.os, &config.architecture, &config.variant);
    Ok(ConfigFacts { diff_ids: diff_ids.transpose()?, platform })
}

/// `os/architecture[/variant]`, or nothing where both are unknown.
pub(super) fn platform_name(os: &str, architecture: &str, variant: &str) -> String {
    let parts = [os, architecture, variant].into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("/")
}

/// A role of which nothing is known but its kind and place.
pub(super) fn role(kind: RoleKind, parent: Option<usize>) -> Role {
    Role {
        parent,
        kind,
        blob: None,
        digest: None,
        diff_id: None,
        media_type: String::new(),
        platform: String::new(),
        names: Vec::new(),
    }
}

/// ` through LINK -> LINK`, or nothing.
pub(super) fn trail(found: &Found) -> String {
    let links = found.links.iter().skip(1).map(|link| Shown(link.as_slice()).to_string());
    let member = std::iter::once(Shown(found.name.as_slice()).to_string());
    if found.links.is_empty() {
        return String::new();
    }
    let hops: Vec<String> = links.chain(member).collect();
    format!(", a link to {}", hops.join(", then to "))
}
