//! The documents of an image with what they cite and where they say so.

use std::collections::{BTreeMap, BTreeSet};

use super::descriptor::plain_type;
use super::json::Value;
use super::{Place, RewriteError};
use crate::compression::Compression;
use crate::digest::{BlobDigest, Digest};
use crate::image::shelf::Found;
use crate::image::{BlobKind, Image, Layout, RoleKind};

/// Words in the type of an artifact that is worthless without what it is about.
const STATEMENTS: [&str; 5] = ["signature", "sigstore", "cosign", "attestation", "in-toto"];

/// An index or a manifest.
pub(super) struct Document<'a> {
    pub(super) name: &'a [u8],
    pub(super) place: Place,
    pub(super) blob: Option<usize>,
    /// What cites it; `None` of index.json.
    pub(super) digest: Option<Digest>,
    pub(super) root: Value<'a>,
    /// Of an index.
    pub(super) entries: Vec<Entry<'a>>,
    /// Of a manifest: descriptor and digest.
    pub(super) layers: Vec<(Value<'a>, Option<Digest>)>,
    pub(super) config: Option<Digest>,
    pub(super) subject: Option<Digest>,
    /// A signature or an attestation by its type.
    pub(super) is_statement: bool,
}

/// An entry of an index.
pub(super) struct Entry<'a> {
    pub(super) value: Value<'a>,
    pub(super) digest: Option<Digest>,
    pub(super) about: About,
    /// What it is if it is not about itself.
    pub(super) what: &'static str,
    pub(super) name: Option<String>,
}

/// What an entry of an index is about, where it is an attestation or a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// It is neither.
    Itself,
    /// That manifest or index, as an annotation or its own name says.
    Other(Digest),
    /// Which of the entries beside it, it does not say.
    Siblings,
}

/// An image of Docker's manifest.json.
pub(super) struct Listed<'a> {
    pub(super) value: Value<'a>,
    /// Path of each layer and its blob.
    pub(super) layers: Vec<(Value<'a>, Option<usize>)>,
    /// `LayerSources`: descriptor and digest.
    pub(super) sources: Vec<(Value<'a>, Option<Digest>)>,
    pub(super) config: Option<usize>,
    /// What all its names say that it is about.
    pub(super) about: Option<Digest>,
    pub(super) name: Option<String>,
}

/// All documents of an image.
pub(super) struct Documents<'a> {
    pub(super) image: &'a Image,
    /// Indexes and manifests, those that an index cites before it.
    pub(super) all: Vec<Document<'a>>,
    /// manifest.json of Docker's form.
    pub(super) list: Vec<Listed<'a>>,
    by_digest: BTreeMap<Digest, usize>,
}

impl<'a> Documents<'a> {
    pub(super) fn read(image: &'a Image) -> Result<Self, RewriteError> {
        let mut by_digest: BTreeMap<Digest, usize> = BTreeMap::new();
        for (number, blob) in image.blobs.iter().enumerate() {
            let Some(BlobDigest(digest)) = blob.claimed else { continue };
            let first = *by_digest.entry(digest).or_insert(number);
            if image.blobs[first].kind == BlobKind::Other {
                by_digest.insert(digest, number);
            }
        }
        let mut documents = Self { image, all: Vec::new(), list: Vec::new(), by_digest };
        let lists = &image.lists;
        if let Some(index) = &lists.index {
            documents.read_tree(index, false)?;
        }
        if let Some(manifest) = &lists.manifest {
            match image.form.layout {
                Layout::Docker => documents.list = documents.read_list(manifest)?,
                _ => documents.read_tree(manifest, true)?,
            }
        }
        Ok(documents)
    }

    /// The blob with a digest; of several one that something cites.
    pub(super) fn blob(&self, digest: Option<Digest>) -> Option<usize> {
        self.by_digest.get(&digest?).copied()
    }

    /// Reads a document and what it leads to, without recursion: a hostile image may nest indexes
    /// deeper than it says.
    fn read_tree(&mut self, root: &'a Found, is_blob: bool) -> Result<(), RewriteError> {
        let text = text(self.image, root.file, root.range);
        let digest = is_blob.then(|| Digest::of(text));
        let place = (root.file, root.range.start());
        let is_it = |blob: &crate::image::Blob| (blob.file, blob.range.start()) == place;
        let blob = self.image.blobs.iter().position(is_it);
        let first = document(&root.name, text, place, blob, digest)?;
        let mut seen = BTreeSet::new();
        let mut stack = vec![(first, 0)];
        while let Some((document, next)) = stack.last_mut() {
            let Some(entry) = document.entries.get(*next) else {
                self.all.extend(stack.pop().map(|(document, _)| document));
                continue;
            };
            *next += 1;
            let digest = entry.digest;
            let is_document = |blob: &usize| {
                matches!(self.image.blobs[*blob].kind, BlobKind::Index | BlobKind::Manifest)
            };
            if let Some(number) = self.blob(digest).filter(is_document)
                && seen.insert(number)
            {
                stack.push((self.read_blob(number, digest)?, 0));
            }
        }
        Ok(())
    }

    fn read_blob(
        &self,
        number: usize,
        digest: Option<Digest>,
    ) -> Result<Document<'a>, RewriteError> {
        let blob = &self.image.blobs[number];
        let text = text(self.image, blob.file, blob.range);
        document(&blob.name, text, (blob.file, blob.range.start()), Some(number), digest)
    }

    fn read_list(&self, found: &'a Found) -> Result<Vec<Listed<'a>>, RewriteError> {
        let root = root(&found.name, text(self.image, found.file, found.range))?;
        let listed = |(value, entry): (Value<'a>, &crate::image::ImageEntry)| {
            let blobs = self.image.layers_of(entry).map(|role| role.blob);
            let paths = value.get("Layers").into_iter().flat_map(|list| list.elements());
            let tags: Vec<String> = value
                .get("RepoTags")
                .into_iter()
                .flat_map(|list| list.elements())
                .filter_map(|tag| tag.string())
                .collect();
            let mut abouts = tags.iter().map(|tag| about_tag(tag));
            let about =
                abouts.next().flatten().filter(|first| abouts.all(|next| next == Some(*first)));
            let is_config = |role: &&crate::image::Role| role.kind == RoleKind::Config;
            Listed {
                value,
                layers: paths.zip(blobs).collect(),
                sources: value
                    .get("LayerSources")
                    .into_iter()
                    .flat_map(|sources| sources.items())
                    .map(|item| (item.value, digest_of(item.value)))
                    .collect(),
                config: self.image.children(entry.role).find(is_config).and_then(|role| role.blob),
                about,
                name: tags.into_iter().next(),
            }
        };
        Ok(root.elements().zip(&self.image.images).map(listed).collect())
    }

    /// Compressed layers that all who cite them can cite as plain; and those that cannot be, with
    /// the reason.
    pub(super) fn layers(&self) -> (BTreeSet<usize>, BTreeMap<usize, &'static str>) {
        let mut all = BTreeSet::new();
        let mut kept = BTreeMap::new();
        let is_compressed = |blob: &usize| {
            let blob = &self.image.blobs[*blob];
            matches!(blob.kind, BlobKind::Layer { .. }) && blob.compression != Compression::Plain
        };
        let own = self.all.iter().flat_map(|document| &document.layers);
        let sources = self.list.iter().flat_map(|listed| &listed.sources);
        for (value, digest) in own.chain(sources) {
            let Some(blob) = self.blob(*digest).filter(is_compressed) else { continue };
            all.insert(blob);
            if plain_type(&value.string_at("mediaType").unwrap_or_default()).is_none() {
                kept.insert(blob, "its media type has no plain form");
            } else if value.get("urls").is_some_and(|urls| urls.items().next().is_some()) {
                kept.insert(blob, "it has urls, which lead to the compressed bytes");
            }
        }
        let listed = self.list.iter().flat_map(|listed| &listed.layers);
        all.extend(listed.filter_map(|(_, blob)| *blob).filter(is_compressed));
        let changeable: BTreeSet<usize> =
            self.all.iter().filter_map(|document| document.blob).collect();
        let images = self.image.images.iter().take(self.list.len());
        let listed: BTreeSet<usize> = images.map(|image| image.role).collect();
        for role in self.image.roles.iter().filter(|role| role.kind == RoleKind::Layer) {
            let Some(blob) = role.blob.filter(is_compressed) else { continue };
            all.insert(blob);
            let is_known = role.parent.is_some_and(|parent| {
                let document = self.image.roles[parent].blob;
                listed.contains(&parent) || document.is_some_and(|blob| changeable.contains(&blob))
            });
            if !is_known {
                kept.insert(blob, "what cites it cannot be changed");
            }
        }
        for document in &self.all {
            if let Some(blob) = self.blob(document.config).filter(is_compressed) {
                kept.insert(blob, "it is a config too");
            }
        }
        for (number, blob) in self.image.blobs.iter().enumerate() {
            if is_compressed(&number) && blob.claimed.is_none() && self.is_cited_otherwise(number) {
                kept.insert(number, "its digest is no sha256");
            }
        }
        all.retain(|blob| !kept.contains_key(blob));
        (all, kept)
    }

    /// Does a manifest cite a blob by a digest of another algorithm?
    fn is_cited_otherwise(&self, blob: usize) -> bool {
        let listed = self.list.iter().flat_map(|listed| &listed.layers);
        let mut listed = listed.filter_map(|(_, blob)| *blob);
        let roles = self.image.roles.iter();
        let mut by_manifest = roles.filter(|role| {
            role.blob == Some(blob)
                && role.kind == RoleKind::Layer
                && role.parent.is_some_and(|parent| self.image.roles[parent].blob.is_some())
        });
        by_manifest.next().is_some() || !listed.any(|listed| listed == blob)
    }
}

fn text(image: &Image, file: usize, range: crate::units::ByteRange) -> &[u8] {
    let file = image.files.get(file).and_then(|file| file.source.in_memory());
    file.and_then(|file| range.of(file)).unwrap_or_default()
}

fn root<'a>(name: &[u8], text: &'a [u8]) -> Result<Value<'a>, RewriteError> {
    Value::document(text).ok_or_else(|| RewriteError::Document { name: name.to_vec() })
}

fn document<'a>(
    name: &'a [u8],
    text: &'a [u8],
    place: Place,
    blob: Option<usize>,
    digest: Option<Digest>,
) -> Result<Document<'a>, RewriteError> {
    let root = root(name, text)?;
    let list = |key: &str| root.get(key).into_iter().flat_map(|list| list.elements());
    let config = root.get("config");
    let types =
        [root.string_at("artifactType"), config.and_then(|config| config.string_at("mediaType"))];
    Ok(Document {
        name,
        place,
        blob,
        digest,
        root,
        entries: list("manifests").map(entry).collect(),
        layers: list("layers").map(|layer| (layer, digest_of(layer))).collect(),
        config: config.and_then(digest_of),
        subject: root.get("subject").and_then(digest_of),
        is_statement: types
            .iter()
            .flatten()
            .any(|text| STATEMENTS.iter().any(|word| text.contains(word))),
    })
}

fn entry(value: Value<'_>) -> Entry<'_> {
    let annotations = value.get("annotations");
    let annotation = |key: &str| annotations.and_then(|annotations| annotations.string_at(key));
    let names: Vec<String> = ["io.containerd.image.name", "org.opencontainers.image.ref.name"]
        .into_iter()
        .filter_map(annotation)
        .collect();
    let is_unknown = value.get("platform").is_some_and(|platform| {
        let is = |key: &str| platform.string_at(key).as_deref() == Some("unknown");
        is("os") && is("architecture")
    });
    let is_attestation = is_unknown
        || annotation("vnd.docker.reference.type").as_deref() == Some("attestation-manifest");
    let of_tag = names.iter().find_map(|name| about_tag(name));
    let of_annotation = || annotation("vnd.docker.reference.digest")?.parse().ok();
    let about = match of_tag.or_else(of_annotation) {
        Some(digest) => About::Other(digest),
        None if is_attestation => About::Siblings,
        None => About::Itself,
    };
    let name = names.into_iter().next();
    let is_of_cosign = name.as_ref().is_some_and(|name| name.rsplit('.').next() == Some("att"));
    let is_attestation = is_attestation || is_of_cosign;
    let what = if is_attestation { "attestation" } else { "signature" };
    Entry { value, digest: digest_of(value), about, what, name }
}

fn digest_of(descriptor: Value<'_>) -> Option<Digest> {
    descriptor.string_at("digest")?.parse().ok()
}

/// What `REPOSITORY:sha256-HEX.sig` and the like are about: signatures of cosign, and lists of
/// referrers for registries that do not know them.
fn about_tag(name: &str) -> Option<Digest> {
    let tag = name.rsplit(['/', ':']).next()?;
    Digest::parse_hex(tag.strip_prefix("sha256-")?.as_bytes().get(..Digest::HEX_LEN)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_of_cosign_says_what_it_is_about() {
        let digest = Digest::of(b"image");
        let hex = digest.to_string().replace("sha256:", "");
        for name in [
            format!("sha256-{hex}.sig"),
            format!("r:5000/a/b:sha256-{hex}"),
            format!("a:sha256-{hex}.att"),
        ] {
            assert_eq!(about_tag(&name), Some(digest), "{name}");
        }
        for name in ["v1", "sha256-ab.sig", "a:latest", ""] {
            assert_eq!(about_tag(name), None, "{name}");
        }
    }

    #[test]
    fn an_attestation_is_about_what_it_names_or_its_siblings() {
        let about = |text: &str| entry(Value::document(text.as_bytes()).expect("an object")).about;
        let digest = Digest::of(b"image");
        let named = format!(
            r#"{{"annotations":{{"vnd.docker.reference.digest":"{digest}"}},"platform":{{"os":"unknown","architecture":"unknown"}}}}"#
        );
        assert_eq!(about(&named), About::Other(digest));
        assert_eq!(
            about(r#"{"annotations":{"vnd.docker.reference.type":"attestation-manifest"}}"#),
            About::Siblings
        );
        assert_eq!(about(r#"{"platform":{"os":"linux","architecture":"unknown"}}"#), About::Itself);
    }
}
