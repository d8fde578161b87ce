//! Docker's manifest.json: a list of images, each a config and the paths of its layers.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use super::assembly::{self, Assembly, ConfigFacts};
use super::document::{self, DockerImage, DockerManifest};
use super::oci::Tree;
use super::shelf::Found;
use super::{BlobKind, ImageEntry, ImageError, Role, RoleKind};
use crate::digest::DiffId;
use crate::fault::Shown;

/// Reads manifest.json. What `tree`, from index.json, says of the same images is joined to them;
/// where the two disagree, manifest.json decides.
pub(super) fn read_manifest(
    assembly: &mut Assembly<'_>,
    manifest: &Found,
    bytes: &[u8],
    tree: Tree,
) -> Result<(), ImageError> {
    let DockerManifest(images) = document::parse(&manifest.name, bytes)?;
    if images.is_empty() && !assembly.allow_missing {
        return Err(ImageError::NoImage { name: manifest.name.clone() });
    }
    let known = KnownImages::new(assembly, &tree);
    for (index, image) in images.iter().enumerate() {
        let entry = read_image(assembly, &known, index, image)?;
        assembly.images.push(entry);
    }
    let listed: HashSet<usize> = assembly.images.iter().map(|image| image.role).collect();
    assembly.images.extend(tree.images.into_iter().filter(|image| !listed.contains(&image.role)));
    Ok(())
}

/// A layer as manifest.json lists it.
struct Layer {
    blob: Option<usize>,
    diff_id: Option<DiffId>,
}

fn read_image(
    assembly: &mut Assembly<'_>,
    known: &KnownImages,
    index: usize,
    image: &DockerImage,
) -> Result<ImageEntry, ImageError> {
    let label = image
        .repo_tags
        .0
        .first()
        .map_or_else(|| format!("image @{index}"), |name| Shown(name.as_str()).to_string());
    let mut is_complete = true;
    let needed_by = format!("it is the config of {label}");
    let config = assembly.shelf.find(image.config.as_bytes(), &needed_by)?;
    let config = match config {
        Some(found) => {
            let blob = assembly.add_blob(&found, BlobKind::Config, None)?;
            Some((blob, assembly.config_facts(blob, &found)?))
        }
        None if assembly.allow_missing => {
            is_complete = false;
            assembly.note(format!("the config of {label} is absent"));
            None
        }
        None => {
            let name = image.config.clone().into_bytes();
            return Err(ImageError::Missing { name, needed_by });
        }
    };
    let diff_ids = match &config {
        Some((_, facts)) => diff_ids_for(image, facts)?,
        None => vec![None; image.layers.0.len()],
    };
    let mut layers = Vec::new();
    for (number, (path, diff_id)) in image.layers.0.iter().zip(diff_ids).enumerate() {
        let needed_by = format!("it is layer {number} of {label}");
        let found = assembly.shelf.find(path.as_bytes(), &needed_by)?;
        let Some(found) = found else {
            is_complete &= absent_layer(assembly, image, path, diff_id, needed_by)?;
            layers.push(Layer { blob: None, diff_id });
            continue;
        };
        let is_foreign = assembly.is_foreign(&found)?;
        let readable = diff_id.filter(|_| !is_foreign);
        let blob = assembly.add_blob(&found, BlobKind::Layer { diff_id: readable }, None)?;
        assembly.note(format!(
            "layer {number} of {label}: manifest.json names {}{}",
            Shown(path.as_str()),
            assembly::trail(&found)
        ));
        layers.push(Layer { blob: Some(blob), diff_id });
    }
    let role = match known.find(config.as_ref().map(|(blob, _)| *blob), &layers) {
        Some(role) => role,
        None => add_roles(assembly, config.as_ref(), layers)?,
    };
    assembly.name_role(role, image.repo_tags.0.clone())?;
    Ok(ImageEntry { role, is_complete })
}

fn diff_ids_for(
    image: &DockerImage,
    facts: &ConfigFacts,
) -> Result<Vec<Option<DiffId>>, ImageError> {
    let diff_ids = facts.diff_ids.as_deref().unwrap_or(&[]);
    let (expected, found) = (diff_ids.len(), image.layers.0.len());
    if expected != found {
        let config = image.config.clone().into_bytes();
        return Err(ImageError::LayerCount { config, expected, found });
    }
    Ok(diff_ids.iter().copied().map(Some).collect())
}

/// Is it lawful that a layer is absent? An error where it is not and was not allowed.
fn absent_layer(
    assembly: &mut Assembly<'_>,
    image: &DockerImage,
    path: &str,
    diff_id: Option<DiffId>,
    needed_by: String,
) -> Result<bool, ImageError> {
    let diff_id = diff_id.map(|diff_id| diff_id.to_string());
    let is_elsewhere = diff_id.is_some_and(|id| image.layer_sources.with_urls.contains(&id));
    if !is_elsewhere && !assembly.allow_missing {
        return Err(ImageError::Missing { name: path.as_bytes().to_vec(), needed_by });
    }
    let why = if is_elsewhere { "kept elsewhere (urls)" } else { "absent" };
    assembly.note(format!("layer {} is {why}", Shown(path)));
    Ok(is_elsewhere)
}

fn add_roles(
    assembly: &mut Assembly<'_>,
    config: Option<&(usize, Rc<ConfigFacts>)>,
    layers: Vec<Layer>,
) -> Result<usize, ImageError> {
    let platform = config.map(|(_, facts)| facts.platform.clone()).unwrap_or_default();
    let manifest = Role { platform, ..assembly::role(RoleKind::Manifest, None) };
    let parent = assembly.add_role(manifest)?;
    if let Some((blob, _)) = config.cloned() {
        let digest = assembly.blobs[blob].claimed;
        let role = assembly::role(RoleKind::Config, Some(parent));
        assembly.add_role(Role { blob: Some(blob), digest, ..role })?;
    }
    for Layer { blob, diff_id } in layers {
        let digest = blob.and_then(|blob| assembly.blobs[blob].claimed);
        let role = assembly::role(RoleKind::Layer, Some(parent));
        assembly.add_role(Role { blob, digest, diff_id, ..role })?;
    }
    Ok(parent)
}

/// The images of index.json by the blobs that they are made of.
struct KnownImages(BTreeMap<Vec<Option<usize>>, usize>);

impl KnownImages {
    fn new(assembly: &Assembly<'_>, tree: &Tree) -> Self {
        let mut parts: BTreeMap<usize, Vec<Option<usize>>> =
            tree.images.iter().map(|image| (image.role, Vec::new())).collect();
        for role in &assembly.roles {
            if let Some(parts) = role.parent.and_then(|parent| parts.get_mut(&parent)) {
                parts.push(role.blob);
            }
        }
        Self(parts.into_iter().rev().map(|(role, parts)| (parts, role)).collect())
    }

    fn find(&self, config: Option<usize>, layers: &[Layer]) -> Option<usize> {
        config?;
        let parts: Vec<Option<usize>> =
            std::iter::once(config).chain(layers.iter().map(|layer| layer.blob)).collect();
        self.0.get(&parts).copied()
    }
}
