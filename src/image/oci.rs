//! Indexes and manifests as the OCI image specification and Docker's registries have them.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::assembly::{self, Assembly, ConfigFacts};
use super::cited::Cited;
use super::document::{self, Annotations, Descriptor, Manifest, Platform, decode_base64};
use super::shelf::Found;
use super::{BlobKind, ImageEntry, ImageError, Layout, Role, RoleKind};
use crate::digest::{BlobDigest, DiffId};
use crate::fault::Shown;
use crate::limits;

/// Media type of the manifests that newer `BuildKit` writes for attestations.
const ATTESTATION_TYPE: &str = "application/vnd.docker.attestation.manifest.v1+json";

const CONFIG_TYPES: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

/// What an index holds.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) images: Vec<ImageEntry>,
    /// What the first image that is not complete lacks.
    pub(super) first_missing: Option<ImageError>,
    /// Role of each manifest or index blob that was read, so that each is read once.
    seen: BTreeMap<usize, usize>,
}

/// Reads index.json and all that it leads to.
pub(super) fn read_index(assembly: &mut Assembly<'_>, index: &Found) -> Result<Tree, ImageError> {
    let manifest = parse_manifest(&index.name, &assembly.shelf.read_document(index)?)?;
    let mut walk = Walk { assembly, tree: Tree::default(), entries: 0 };
    // An index.json that is a manifest itself breaks the layout's rules; its keys decide anyway.
    walk.contents(None, &index.name, &manifest, 0)?;
    Ok(walk.tree)
}

/// Reads the manifest of a `dir:` directory, which is a blob itself.
pub(super) fn read_single(assembly: &mut Assembly<'_>, found: &Found) -> Result<Tree, ImageError> {
    let mut walk = Walk { assembly, tree: Tree::default(), entries: 0 };
    let bytes = walk.assembly.shelf.read_document(found)?;
    let manifest = parse_manifest(&found.name, &bytes)?;
    if manifest.manifests.is_none() && manifest.config.is_none() && manifest.layers.is_none() {
        return Err(ImageError::NotAnImage);
    }
    walk.document(None, found, &bytes, &Descriptor::default(), None, 0)?;
    Ok(walk.tree)
}

struct Walk<'a, 'b> {
    assembly: &'a mut Assembly<'b>,
    tree: Tree,
    /// Entries of all indexes so far; one manifest may be listed any number of times.
    entries: usize,
}

impl Walk<'_, '_> {
    /// Finds the blob that a descriptor cites.
    fn find(
        &mut self,
        name: &[u8],
        descriptor: &Descriptor,
    ) -> Result<(Option<BlobDigest>, Option<Found>), ImageError> {
        let cited = Cited::parse(name, &descriptor.digest)?;
        if cited.sha256().is_none() {
            self.assembly.note(format!("{} is not verified by it", descriptor.digest));
        }
        let needed_by = format!("{} cites it", Shown(name));
        for path in cited.paths(self.assembly.layout) {
            if let Some(found) = self.assembly.shelf.find(path.as_bytes(), &needed_by)? {
                self.note_length(descriptor, &found);
                return Ok((cited.sha256(), Some(found)));
            }
        }
        Ok((cited.sha256(), None))
    }

    /// A wrong length is damage that the digest will show; here it is only worth a word.
    fn note_length(&mut self, descriptor: &Descriptor, found: &Found) {
        if let Some(expected) = descriptor.size.filter(|size| *size != found.range.len()) {
            self.assembly.note(format!(
                "{} has not the length that is cited (expected_len={expected}, len={})",
                Shown(found.name.as_slice()),
                found.range.len()
            ));
        }
    }

    /// Reads what an index or a manifest cites.
    fn contents(
        &mut self,
        parent: Option<usize>,
        name: &[u8],
        manifest: &Manifest,
        depth: usize,
    ) -> Result<(), ImageError> {
        if depth > limits::INDEX_DEPTH {
            let (name, limit) = (name.to_vec(), limits::INDEX_DEPTH);
            return Err(ImageError::TooMany { what: "nested indexes", name, limit });
        }
        for descriptor in manifest.manifests.iter().flat_map(|list| &list.0) {
            self.entries += 1;
            if self.entries > limits::ROLES || self.tree.images.len() > limits::IMAGES {
                let (name, limit) = (name.to_vec(), limits::IMAGES);
                return Err(ImageError::TooMany { what: "images", name, limit });
            }
            self.entry(parent, name, descriptor, depth)?;
        }
        Ok(())
    }

    /// Reads one entry of an index.
    fn entry(
        &mut self,
        parent: Option<usize>,
        name: &[u8],
        descriptor: &Descriptor,
        depth: usize,
    ) -> Result<(), ImageError> {
        let (digest, found) = self.find(name, descriptor)?;
        let Some(found) = found else {
            return self.absent_entry(parent, name, descriptor, digest);
        };
        let kind = match entry_kind(descriptor, None) {
            RoleKind::Index => BlobKind::Index,
            _ => BlobKind::Manifest,
        };
        let blob = self.assembly.add_blob(&found, kind, digest)?;
        if let Some(role) = self.tree.seen.get(&blob).copied() {
            return self.assembly.name_role(role, names(&descriptor.annotations));
        }
        let bytes = self.assembly.shelf.read_document(&found)?;
        self.document(parent, &found, &bytes, descriptor, digest, depth)
    }

    /// Reads an index or manifest that is there.
    fn document(
        &mut self,
        parent: Option<usize>,
        found: &Found,
        bytes: &[u8],
        descriptor: &Descriptor,
        digest: Option<BlobDigest>,
        depth: usize,
    ) -> Result<(), ImageError> {
        let manifest = parse_manifest(&found.name, bytes)?;
        let kind = entry_kind(descriptor, Some(&manifest));
        let blob_kind = if kind == RoleKind::Index { BlobKind::Index } else { BlobKind::Manifest };
        let blob = self.assembly.add_blob(found, blob_kind, digest)?;
        let role = self.assembly.add_role(Role {
            blob: Some(blob),
            media_type: first_of(&descriptor.media_type, &manifest.media_type),
            ..entry_role(kind, parent, descriptor, digest)
        })?;
        self.tree.seen.insert(blob, role);
        match kind {
            RoleKind::Index => self.contents(Some(role), &found.name, &manifest, depth + 1),
            _ => self.manifest(role, &found.name, &manifest),
        }
    }

    /// An entry whose document is nowhere, unless the descriptor embeds it.
    fn absent_entry(
        &mut self,
        parent: Option<usize>,
        name: &[u8],
        descriptor: &Descriptor,
        digest: Option<BlobDigest>,
    ) -> Result<(), ImageError> {
        let kind = entry_kind(descriptor, None);
        let role = self.assembly.add_role(entry_role(kind, parent, descriptor, digest))?;
        if let Some(bytes) = descriptor.data.as_deref().and_then(decode_base64) {
            let manifest = parse_manifest(name, &bytes)?;
            if manifest.manifests.is_none() {
                return self.manifest(role, name, &manifest);
            }
        }
        let note = format!("{} cites {}, which is absent", Shown(name), descriptor.digest);
        self.assembly.note(note);
        if kind != RoleKind::Attestation {
            self.image_lacks(role, name, &descriptor.digest);
        }
        Ok(())
    }

    fn image_lacks(&mut self, role: usize, name: &[u8], digest: &str) {
        self.tree.images.push(ImageEntry { role, is_complete: false });
        self.tree.first_missing.get_or_insert_with(|| missing(name, digest));
    }

    /// Reads the config and the layers of a manifest.
    fn manifest(
        &mut self,
        role: usize,
        name: &[u8],
        manifest: &Manifest,
    ) -> Result<(), ImageError> {
        let is_attestation = self.assembly.roles[role].kind == RoleKind::Attestation;
        let first_child = self.assembly.roles.len();
        let mut lacks = None;
        let facts = match &manifest.config {
            Some(config) => self.config(role, name, config, &mut lacks)?,
            None => None,
        };
        let layers = manifest.layers.as_ref().map_or(&[][..], |layers| &layers.0);
        let diff_ids = facts.as_deref().and_then(|facts| facts.diff_ids.as_deref());
        if let Some(expected) = diff_ids.map(<[DiffId]>::len)
            && expected != layers.len()
            && !is_attestation
        {
            let config = manifest.config.as_ref().map_or("", |config| &config.digest);
            let error = ImageError::LayerCount {
                config: config.as_bytes().to_vec(),
                expected,
                found: layers.len(),
            };
            if self.assembly.layout != Layout::Docker {
                return Err(error);
            }
            // Docker 25.0.0 wrote manifests without layers; manifest.json has them.
            self.assembly.roles.truncate(first_child);
            self.assembly.note(format!("{error}: manifest.json decides"));
            return Ok(());
        }
        for (index, layer) in layers.iter().enumerate() {
            let diff_id = diff_ids.filter(|_| !is_attestation).and_then(|ids| ids.get(index));
            self.layer(role, name, layer, diff_id.copied(), &mut lacks)?;
        }
        if let Some(facts) = &facts
            && self.assembly.roles[role].platform.is_empty()
        {
            self.assembly.roles[role].platform.clone_from(&facts.platform);
        }
        if !is_attestation {
            self.tree.images.push(ImageEntry { role, is_complete: lacks.is_none() });
            if self.tree.first_missing.is_none() {
                self.tree.first_missing = lacks;
            }
        }
        Ok(())
    }

    fn config(
        &mut self,
        parent: usize,
        name: &[u8],
        descriptor: &Descriptor,
        lacks: &mut Option<ImageError>,
    ) -> Result<Option<Rc<ConfigFacts>>, ImageError> {
        let (digest, found) = self.find(name, descriptor)?;
        let mut role = entry_role(RoleKind::Config, Some(parent), descriptor, digest);
        role.names.clear();
        let embedded = descriptor.data.as_deref().and_then(decode_base64);
        let is_image_config = CONFIG_TYPES.contains(&descriptor.media_type.as_str())
            || descriptor.media_type.is_empty();
        let facts = match (&found, embedded) {
            (Some(found), _) => {
                let blob = self.assembly.add_blob(found, BlobKind::Config, digest)?;
                role.blob = Some(blob);
                // Another config may be no JSON at all.
                if is_image_config { Some(self.assembly.config_facts(blob, found)?) } else { None }
            }
            (None, Some(bytes)) if is_image_config => {
                Some(Rc::new(assembly::read_config(descriptor.digest.as_bytes(), &bytes)?))
            }
            (None, Some(_)) => None,
            (None, None) => {
                self.note_absence(name, "config", descriptor);
                lacks.get_or_insert_with(|| missing(name, &descriptor.digest));
                None
            }
        };
        self.assembly.add_role(role)?;
        Ok(facts)
    }

    fn layer(
        &mut self,
        parent: usize,
        name: &[u8],
        descriptor: &Descriptor,
        diff_id: Option<DiffId>,
        lacks: &mut Option<ImageError>,
    ) -> Result<(), ImageError> {
        let (digest, found) = self.find(name, descriptor)?;
        // What is encrypted has a content that nobody here can see.
        let diff_id = diff_id.filter(|_| !descriptor.media_type.ends_with("+encrypted"));
        let is_statement = self.assembly.roles[parent].kind == RoleKind::Attestation;
        let kind = if is_statement { RoleKind::Other } else { RoleKind::Layer };
        let mut role = Role { diff_id, ..entry_role(kind, Some(parent), descriptor, digest) };
        role.names.clear();
        match found {
            Some(found) => {
                let is_foreign = self.assembly.is_foreign(&found)?;
                let diff_id = diff_id.filter(|_| !is_foreign);
                let kind = if is_statement { BlobKind::Other } else { BlobKind::Layer { diff_id } };
                role.blob = Some(self.assembly.add_blob(&found, kind, digest)?);
                let member = Shown(found.name.as_slice());
                let trail = assembly::trail(&found);
                self.assembly.note(format!("{} cites {member}{trail}", Shown(name)));
            }
            None if descriptor.data.is_some() => {}
            None if !descriptor.urls.0.is_empty() => {
                let digest = &descriptor.digest;
                self.assembly.note(format!("layer {digest} is kept elsewhere (urls)"));
            }
            None => {
                self.note_absence(name, "layer", descriptor);
                lacks.get_or_insert_with(|| missing(name, &descriptor.digest));
            }
        }
        self.assembly.add_role(role).map(drop)
    }

    fn note_absence(&mut self, name: &[u8], what: &str, descriptor: &Descriptor) {
        let digest = &descriptor.digest;
        self.assembly.note(format!("{what} {digest} of {} is absent", Shown(name)));
    }
}

fn missing(name: &[u8], digest: &str) -> ImageError {
    let needed_by = format!("{} cites it", Shown(name));
    ImageError::Missing { name: digest.as_bytes().to_vec(), needed_by }
}

fn parse_manifest(name: &[u8], bytes: &[u8]) -> Result<Manifest, ImageError> {
    let manifest: Manifest = document::parse(name, bytes)?;
    let is_known = manifest.manifests.is_some() || manifest.config.is_some();
    if manifest.fs_layers.is_some() || (manifest.schema_version == Some(1) && !is_known) {
        return Err(ImageError::Schema1 { name: name.to_vec() });
    }
    Ok(manifest)
}

/// What an entry of an index is: its document's keys before its descriptor's words.
fn entry_kind(descriptor: &Descriptor, manifest: Option<&Manifest>) -> RoleKind {
    let artifact_types = [
        descriptor.artifact_type.as_str(),
        manifest.map_or("", |manifest| manifest.artifact_type.as_str()),
    ];
    let is_index = match manifest {
        Some(manifest) => manifest.manifests.is_some(),
        None => {
            descriptor.media_type.contains("image.index")
                || descriptor.media_type.contains("manifest.list")
        }
    };
    if is_index {
        RoleKind::Index
    } else if descriptor.annotations.reference_type.as_deref() == Some("attestation-manifest")
        || descriptor.platform.as_ref().is_some_and(Platform::is_unknown)
        || artifact_types.contains(&ATTESTATION_TYPE)
    {
        RoleKind::Attestation
    } else {
        RoleKind::Manifest
    }
}

fn entry_role(
    kind: RoleKind,
    parent: Option<usize>,
    descriptor: &Descriptor,
    digest: Option<BlobDigest>,
) -> Role {
    let platform = descriptor.platform.as_ref().map(|platform| {
        assembly::platform_name(&platform.os, &platform.architecture, &platform.variant)
    });
    Role {
        digest,
        media_type: descriptor.media_type.clone(),
        platform: platform.unwrap_or_default(),
        names: names(&descriptor.annotations),
        ..assembly::role(kind, parent)
    }
}

fn first_of(first: &str, second: &str) -> String {
    if first.is_empty() { second.to_owned() } else { first.to_owned() }
}

/// Names that an index gives its entry.
fn names(annotations: &Annotations) -> Vec<String> {
    let both = [&annotations.containerd_name, &annotations.ref_name];
    both.into_iter().flatten().cloned().collect()
}
