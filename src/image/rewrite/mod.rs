//! An image with plain layers in the place of compressed ones.
//!
//! Documents in, edits out: [`Rewrite`] reads what the documents cite and says which layers can be
//! replaced; given their contents' digests and lengths it makes a [`Plan`], which knows of every
//! member of an archive and every file of a directory what becomes of it. Texts are changed at
//! the places of the values that change and nowhere else.

mod affected;
mod archive;
mod descriptor;
mod documents;
mod edits;
mod error;
mod json;
mod names;
mod reached;

use std::collections::{BTreeMap, BTreeSet};

use affected::{Affected, affected};
use documents::{Document, Documents, Listed};
use edits::Edits;

use super::shelf::Found;
use super::{Image, ImageError, Layout, Source};
use crate::digest::Digest;

pub(crate) use archive::{Run, lay_out};
pub(crate) use descriptor::NewBlob;
pub use error::RewriteError;
pub(crate) use names::Fate;

/// A file of an image and an offset in it.
type Place = (usize, u64);

/// Where the documents lie that cite everything else.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// index.json.
    pub(super) index: Option<Found>,
    /// manifest.json.
    pub(super) manifest: Option<Found>,
}

/// An image that is about to be rewritten.
pub(crate) struct Rewrite<'a> {
    documents: Documents<'a>,
    layers: BTreeSet<usize>,
    kept: BTreeMap<usize, &'static str>,
}

/// What becomes of an image.
#[derive(Debug)]
pub(crate) struct Plan {
    layout: Layout,
    /// New texts of documents.
    documents: BTreeMap<Place, Vec<u8>>,
    /// Blobs whose content takes their place.
    contents: BTreeMap<Place, usize>,
    /// Blobs that go with what cited them.
    gone: BTreeSet<Place>,
    /// Digests in names.
    renamed: BTreeMap<Digest, Digest>,
    /// Documents that change or go; signatures beside a `dir:` image go with them.
    affected: BTreeSet<Digest>,
    has_new_root: bool,
    /// Manifests and indexes that change.
    pub(crate) changed: Vec<Changed>,
    /// What is left out.
    pub(crate) dropped: Vec<Dropped>,
}

/// A manifest or an index with another digest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    /// Names of its image, possibly none.
    pub(crate) names: Vec<String>,
    /// `manifest` or `index`.
    pub(crate) what: &'static str,
    /// `os/architecture[/variant]`, or empty.
    pub(crate) platform: String,
    pub(crate) old: Digest,
    pub(crate) new: Digest,
}

/// Something that a rewritten image does not have any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// `attestation`, `signature` or `subject`.
    pub(crate) what: &'static str,
    /// By which it is known, or where it lies.
    pub(crate) name: String,
    /// Its digest; of a subject, that which it led to.
    pub(crate) digest: Option<Digest>,
}

impl<'a> Rewrite<'a> {
    /// Reads the documents of an image that is in memory.
    ///
    /// # Errors
    /// [`RewriteError::Document`] where a document cannot be changed.
    pub(crate) fn read(image: &'a Image) -> Result<Self, RewriteError> {
        let documents = Documents::read(image)?;
        let (layers, kept) = documents.layers();
        Ok(Self { documents, layers, kept })
    }

    /// Blobs whose content will take their place.
    pub(crate) fn layers(&self) -> &BTreeSet<usize> {
        &self.layers
    }

    /// Compressed layers that stay as they are, with the reason.
    pub(crate) fn kept(&self) -> &BTreeMap<usize, &'static str> {
        &self.kept
    }

    /// Says what changes when the layers have these contents, by number of blob.
    pub(crate) fn plan(&self, contents: &BTreeMap<usize, NewBlob>) -> Plan {
        let Self { documents, .. } = self;
        let image = documents.image;
        let place = |blob: usize| (image.blobs[blob].file, image.blobs[blob].range.start());
        let mut new_layers = BTreeMap::new();
        for (blob, new) in contents {
            if let Some(claimed) = image.blobs[*blob].claimed {
                new_layers.insert(claimed.0, *new);
            }
        }
        let affected = affected(documents, &new_layers.keys().copied().collect());
        let mut plan = Plan {
            layout: image.form.layout,
            documents: BTreeMap::new(),
            contents: contents.keys().map(|blob| (place(*blob), *blob)).collect(),
            gone: reached::orphans(documents, &affected).into_iter().map(place).collect(),
            renamed: new_layers.iter().map(|(old, new)| (*old, new.digest)).collect(),
            affected: affected.digests.clone(),
            has_new_root: false,
            changed: Vec::new(),
            dropped: Vec::new(),
        };
        plan.dropped = self.dropped(&affected, &plan.gone);
        let mut new_documents = BTreeMap::new();
        for (number, document) in documents.all.iter().enumerate() {
            let edits = document_edits(number, document, &affected, &new_layers, &new_documents);
            let Some(text) = edits.apply(document.root.text()) else { continue };
            let new = NewBlob { digest: Digest::of(&text), len: text.len() as u64 };
            if let Some(old) = document.digest.filter(|_| !plan.gone.contains(&document.place)) {
                plan.changed.push(self.changed(document, old, new.digest));
                plan.renamed.insert(old, new.digest);
                new_documents.insert(old, new);
            }
            plan.has_new_root |= number + 1 == documents.all.len();
            plan.documents.insert(document.place, text);
        }
        if let Some((place, text)) = self.list_text(&affected, &plan.renamed, &new_layers) {
            plan.documents.insert(place, text);
        }
        plan
    }

    fn changed(&self, document: &Document<'_>, old: Digest, new: Digest) -> Changed {
        let image = self.documents.image;
        let role =
            image.roles.iter().position(|role| role.blob.is_some() && role.blob == document.blob);
        let entry = role.map(|role| super::ImageEntry { role, is_complete: true });
        let names = entry.map(|entry| image.names(&entry)).unwrap_or_default();
        Changed {
            names: names.into_iter().map(str::to_owned).collect(),
            what: if document.root.get("manifests").is_some() { "index" } else { "manifest" },
            platform: role.map(|role| image.roles[role].platform.clone()).unwrap_or_default(),
            old,
            new,
        }
    }

    fn dropped(&self, affected: &Affected, gone: &BTreeSet<Place>) -> Vec<Dropped> {
        let Self { documents, .. } = self;
        let mut dropped = Vec::new();
        for (number, at) in &affected.dropped {
            let entry = &documents.all[*number].entries[*at];
            let digest = entry.digest.map(|digest| digest.to_string()).unwrap_or_default();
            let name = entry.name.clone().unwrap_or(digest);
            dropped.push(Dropped { what: entry.what, name, digest: entry.digest });
        }
        for number in &affected.unlisted {
            let name = documents.list[*number].name.clone().unwrap_or_default();
            dropped.push(Dropped { what: "signature", name, digest: None });
        }
        for number in &affected.unlinked {
            let document = &documents.all[*number];
            if gone.contains(&document.place) {
                continue;
            }
            let name = String::from_utf8_lossy(document.name).into_owned();
            dropped.push(Dropped { what: "subject", name, digest: document.subject });
        }
        dropped
    }

    /// manifest.json of Docker's form, where it changes.
    fn list_text(
        &self,
        affected: &Affected,
        renamed: &BTreeMap<Digest, Digest>,
        layers: &BTreeMap<Digest, NewBlob>,
    ) -> Option<(Place, Vec<u8>)> {
        let Documents { image, list, .. } = &self.documents;
        let found = image.lists.manifest.as_ref().filter(|_| !list.is_empty())?;
        let mut edits = Edits::default();
        let goes = |number| affected.unlisted.contains(&number);
        let items = list.iter().enumerate();
        edits.remove(
            &items.map(|(number, listed)| (listed.value.range(), goes(number))).collect::<Vec<_>>(),
        );
        for (_, listed) in list.iter().enumerate().filter(|(number, _)| !goes(*number)) {
            list_edits(&mut edits, image.form.layout, listed, renamed, layers);
        }
        let text = list.first().map(|listed| listed.value.text())?;
        Some(((found.file, found.range.start()), edits.apply(text)?))
    }
}

/// What changes in an index or a manifest.
fn document_edits(
    number: usize,
    document: &Document<'_>,
    affected: &Affected,
    layers: &BTreeMap<Digest, NewBlob>,
    documents: &BTreeMap<Digest, NewBlob>,
) -> Edits {
    let mut edits = Edits::default();
    let goes = |at: usize| affected.dropped.contains(&(number, at));
    let entries = document.entries.iter().enumerate();
    let items: Vec<_> = entries.map(|(at, entry)| (entry.value.range(), goes(at))).collect();
    edits.remove(&items);
    for (at, entry) in document.entries.iter().enumerate() {
        let new = entry.digest.and_then(|digest| documents.get(&digest));
        if let Some(new) = new.filter(|_| !goes(at)) {
            descriptor::cite(&mut edits, entry.value, *new);
        }
    }
    for (value, digest) in &document.layers {
        if let Some(new) = digest.and_then(|digest| layers.get(&digest)) {
            descriptor::cite_layer(&mut edits, *value, *new);
        }
    }
    if affected.unlinked.contains(&number) {
        let is_subject = |key: Option<&str>| key == Some("subject");
        let items = document.root.items();
        let items = items.map(|item| (item.range.clone(), is_subject(item.key.as_deref())));
        edits.remove(&items.collect::<Vec<_>>());
    }
    edits
}

/// What changes in an image of manifest.json.
fn list_edits(
    edits: &mut Edits,
    layout: Layout,
    listed: &Listed<'_>,
    renamed: &BTreeMap<Digest, Digest>,
    layers: &BTreeMap<Digest, NewBlob>,
) {
    for (value, _) in &listed.layers {
        let path = value.string().unwrap_or_default();
        if let Some(new) = names::renamed(layout, path.as_bytes(), renamed)
            && let Ok(new) = String::from_utf8(new)
            && let Ok(text) = serde_json::to_string(&new)
        {
            edits.replace(value.range(), text);
        }
    }
    for (value, digest) in &listed.sources {
        if let Some(new) = digest.and_then(|digest| layers.get(&digest)) {
            descriptor::cite_layer(edits, *value, *new);
        }
    }
}

/// Reads the rewritten archive; it stands for the files that the old one came from.
pub(crate) fn archive(
    old: Image,
    source: Source,
    allow_missing: bool,
) -> Result<Image, ImageError> {
    let Image { origins, files, .. } = old;
    drop(files);
    Ok(Image { origins, ..Image::from_archive(source, allow_missing)? })
}

/// Reads an image whose wrapper does not count any more.
pub(crate) fn unwrapped(old: Image) -> Image {
    Image { wrapper: crate::compression::Compression::Plain, wrapped: None, ..old }
}

/// Puts the new files of a directory in the place of the old ones; `content` gives the content of
/// a blob. Returns what else is left out, too.
pub(crate) fn directory(
    old: Image,
    plan: &Plan,
    mut content: impl FnMut(usize) -> Source,
    allow_missing: bool,
) -> Result<(Image, Vec<Dropped>), ImageError> {
    let Image { origins, files, .. } = old;
    let paths: Vec<Vec<u8>> = files.iter().map(|file| file.path.clone()).collect();
    let mut fates = plan.fates(paths.iter().map(Vec::as_slice));
    let mut dropped = Vec::new();
    let mut entries = Vec::new();
    for (number, file) in files.into_iter().enumerate() {
        let is_file = file.kind == super::FileKind::File;
        let place = is_file.then_some((number, 0));
        let (path, source) = match fates.of(&file.path, place) {
            Fate::Kept => (file.path, file.source),
            Fate::Gone => continue,
            Fate::Dropped(what) => {
                dropped.push(what);
                continue;
            }
            Fate::Document(path, text) => (path, Box::new(text.to_vec()) as Source),
            Fate::Content(path, blob) => (path, content(blob)),
        };
        entries.push((path, is_file.then_some(source)));
    }
    Ok((Image { origins, ..Image::from_directory(entries, allow_missing)? }, dropped))
}

#[cfg(test)]
mod tests;
