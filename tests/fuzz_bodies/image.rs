//! Images in every form: raw bytes, and archives and directories whose documents cite each other.

use std::collections::BTreeSet;
use std::io::Read as _;

use chunkdelta::digest::Digest;
use chunkdelta::fault::Explain as _;
use chunkdelta::image::{Image, ImageError, Selector, Source};
use serde_json::{Value, json};

use super::draw::Draw;
use super::walker::seal;

const MOST_OPERATIONS: usize = 40;

/// The first byte chooses: raw bytes with or without checksums put right, or operations that put
/// members together.
pub(super) fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let choice = draw.byte();
    let allow_missing = choice & 0x80 != 0;
    let archive = |bytes: Vec<u8>| drop(check(Image::from_archive(Box::new(bytes), allow_missing)));
    match choice % 4 {
        0 => archive(draw.rest().to_vec()),
        1 => {
            let mut bytes = draw.rest().to_vec();
            bytes.chunks_exact_mut(512).for_each(seal);
            archive(bytes);
        }
        _ => built(draw, allow_missing),
    }
}

fn built(mut draw: Draw<'_>, allow_missing: bool) {
    let mut builder = Builder::default();
    for _ in 0..MOST_OPERATIONS {
        if draw.is_empty() {
            break;
        }
        builder.operation(&mut draw);
    }
    let members = builder.members;
    // A directory has every file under one name in one spelling.
    let is_clean = |name: &[u8]| !name.starts_with(b"./") && !name.ends_with(b"/");
    let is_plain = members.iter().all(|member| member.kind == b'0' && is_clean(&member.name));
    let distinct: BTreeSet<&Vec<u8>> = members.iter().map(|member| &member.name).collect();
    let is_distinct = distinct.len() == members.len();
    let archive = members.iter().flat_map(Member::to_tar).chain([0; 1024]).collect::<Vec<u8>>();
    let packed = check(Image::from_archive(Box::new(archive), allow_missing));
    let entry = |member: Member| {
        let source = (member.kind == b'0').then(|| Box::new(member.bytes) as Source);
        (member.name, source)
    };
    let entries = members.into_iter().map(entry).collect();
    let unpacked = check(Image::from_directory(entries, allow_missing));
    if is_plain && is_distinct {
        // In an archive and in a directory the same files are the same image.
        let roles = |image: Option<Image>| {
            let roles = image?.roles.into_iter();
            let facts = roles.map(|role| (role.kind, role.parent, role.digest, role.names));
            Some(facts.collect::<Vec<_>>())
        };
        assert_eq!(roles(packed), roles(unpacked), "an archive is a directory that is packed");
    }
}

fn check(result: Result<Image, ImageError>) -> Option<Image> {
    let mut image = match result {
        Ok(image) => image,
        Err(error) => {
            assert!(error.to_string().len() < 100_000, "a message is short");
            let told = (error.class(), error.hint(), error.mismatch());
            drop(told);
            return None;
        }
    };
    check_blobs(&image);
    check_roles(&image);
    // The decoders have a target of their own.
    for blob in image.blobs.iter().take(3) {
        let Ok(content) = image.content(blob) else { continue };
        let mut first = Vec::new();
        if content.take(64 << 10).read_to_end(&mut first).is_ok() {
            assert!(first.len() <= 64 << 10);
        }
    }
    let images = image.images.clone();
    for entry in &images {
        assert!(image.names(entry).len() < 100_000);
    }
    let selector = Selector::Index(images.len());
    assert!(image.narrow(&selector).is_err(), "there is no image behind the last");
    let mut narrowed = None;
    if let Some(last) = images.len().checked_sub(1) {
        let before = (image.blobs.len(), image.roles.len());
        image.narrow(&Selector::Index(last)).expect("the image is there");
        check_blobs(&image);
        check_roles(&image);
        assert!((image.blobs.len(), image.roles.len()) <= before);
        narrowed = Some(image);
    }
    narrowed
}

fn check_blobs(image: &Image) {
    for pair in image.blobs.windows(2) {
        let (left, right) = (&pair[0], &pair[1]);
        assert!((left.file, left.range) <= (right.file, right.range), "blobs are sorted");
        let is_behind = left.file < right.file || left.range.end() <= right.range.start();
        assert!(is_behind, "blobs are disjoint");
    }
    for blob in &image.blobs {
        assert!(blob.range.end() <= image.files[blob.file].source.len(), "a blob lies inside");
    }
    assert!(image.files.windows(2).all(|pair| pair[0].path <= pair[1].path), "files are sorted");
}

fn check_roles(image: &Image) {
    for (row, role) in image.roles.iter().enumerate() {
        assert!(role.parent.is_none_or(|parent| parent < row), "parents stand first");
        assert!(role.blob.is_none_or(|blob| blob < image.blobs.len()), "a role's blob is there");
    }
    for entry in &image.images {
        assert!(entry.role < image.roles.len(), "an image's role is there");
        assert!(image.children(entry.role).count() <= image.roles.len());
    }
}

struct Member {
    name: Vec<u8>,
    kind: u8,
    bytes: Vec<u8>,
    link: Vec<u8>,
}

impl Member {
    fn to_tar(&self) -> Vec<u8> {
        let mut block = [0; 512];
        put(&mut block[..100], &self.name);
        block[124..136].copy_from_slice(format!("{:011o}\0", self.bytes.len()).as_bytes());
        block[156] = self.kind;
        put(&mut block[157..257], &self.link);
        block[257..265].copy_from_slice(b"ustar\x0000");
        seal(&mut block);
        let mut bytes = [&block[..], &self.bytes].concat();
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }
}

fn put(field: &mut [u8], text: &[u8]) {
    let len = text.len().min(field.len());
    field[..len].copy_from_slice(&text[..len]);
}

#[derive(Default)]
struct Builder {
    members: Vec<Member>,
    /// Descriptors, configs and layers that later documents cite.
    cited: Vec<Value>,
    layers: Vec<Vec<u8>>,
    paths: Vec<String>,
}

const NAMES: [&str; 6] =
    ["manifest.json", "index.json", "oci-layout", "layer.tar", "a/b", "version"];

impl Builder {
    fn operation(&mut self, draw: &mut Draw<'_>) {
        match draw.byte() % 14 {
            0 | 1 => self.layer(draw),
            2 => self.config(draw),
            3 => self.manifest(draw),
            4 => self.index(draw),
            5 => self.top(draw, "index.json"),
            6 => self.docker(draw),
            7 => self.top(draw, "manifest.json"),
            8 => self.link(draw),
            9 => self.raw(draw),
            10 => self.edit_cited(draw),
            11 => self.damage(draw),
            12 => self.add("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#),
            _ => self.rename(draw),
        }
    }

    fn add(&mut self, name: String, bytes: &[u8]) {
        let (name, bytes) = (name.into_bytes(), bytes.to_vec());
        self.members.push(Member { name, kind: b'0', bytes, link: Vec::new() });
    }

    /// Puts a blob where one of the forms has it, and keeps a descriptor of it.
    fn blob(&mut self, draw: &mut Draw<'_>, media_type: &str, bytes: &[u8]) {
        let digest = match draw.byte() % 8 {
            0 => Digest::of(b"another"),
            _ => Digest::of(bytes),
        };
        let text = digest.to_string();
        let hex = text.trim_start_matches("sha256:");
        let name = match draw.byte() % 8 {
            0 => hex.to_owned(),
            1 => format!("{hex}.json"),
            2 => format!("{hex}/layer.tar"),
            3 => String::new(),
            _ => format!("blobs/sha256/{hex}"),
        };
        let media_type = if draw.byte().is_multiple_of(8) { "" } else { media_type };
        let size = bytes.len() + usize::from(draw.byte().is_multiple_of(8));
        self.cited.push(json!({ "mediaType": media_type, "digest": text, "size": size }));
        if !name.is_empty() {
            self.paths.push(name.clone());
            self.add(name, bytes);
        }
    }

    fn layer(&mut self, draw: &mut Draw<'_>) {
        let magic: &[u8] = match draw.byte() % 6 {
            0 => b"\x1f\x8b\x08",
            1 => b"\x28\xb5\x2f\xfd",
            2 => b"\xfd7zXZ\0",
            _ => b"",
        };
        let len = usize::from(draw.byte() % 32);
        let bytes = [magic, draw.bytes(len)].concat();
        self.layers.push(bytes.clone());
        self.blob(draw, "application/vnd.oci.image.layer.v1.tar", &bytes);
    }

    fn config(&mut self, draw: &mut Draw<'_>) {
        let count = usize::from(draw.byte() % 4);
        let diff_ids = (0..count).filter_map(|_| {
            let layer = self.layers.get(draw.below(self.layers.len()))?;
            Some(Digest::of(layer).to_string())
        });
        let diff_ids: Vec<String> = diff_ids.collect();
        let mut config = json!({ "os": "linux", "architecture": "arm", "variant": "v7" });
        if !draw.byte().is_multiple_of(8) {
            config["rootfs"] = json!({ "type": "layers", "diff_ids": diff_ids });
        }
        self.blob(draw, "application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    }

    /// Some of the newest descriptors; `null` now and then.
    fn some_cited(&self, draw: &mut Draw<'_>) -> Vec<Value> {
        let count = usize::from(draw.byte() % 4);
        let pick = |_| {
            let back = usize::from(draw.byte() % 8) + 1;
            self.cited.len().checked_sub(back).map_or(Value::Null, |at| self.cited[at].clone())
        };
        (0..count).map(pick).collect()
    }

    fn manifest_document(&self, draw: &mut Draw<'_>) -> Value {
        let config = self.some_cited(draw).into_iter().next();
        let layers = self.some_cited(draw);
        let mut manifest = json!({ "schemaVersion": 2, "layers": layers });
        if let Some(config) = config {
            manifest["config"] = config;
        }
        match draw.byte() % 16 {
            0 => manifest["schemaVersion"] = json!(1),
            1 => manifest["subject"] = json!({}),
            2 => manifest["fsLayers"] = json!([]),
            3 => {
                let kind = "application/vnd.docker.attestation.manifest.v1+json";
                manifest["artifactType"] = json!(kind);
            }
            4 => manifest["manifests"] = json!(self.some_cited(draw)),
            _ => {}
        }
        manifest
    }

    fn index_document(&self, draw: &mut Draw<'_>) -> Value {
        json!({ "schemaVersion": 2, "manifests": self.some_cited(draw) })
    }

    fn manifest(&mut self, draw: &mut Draw<'_>) {
        let manifest = self.manifest_document(draw).to_string();
        self.blob(draw, "application/vnd.oci.image.manifest.v1+json", manifest.as_bytes());
    }

    fn index(&mut self, draw: &mut Draw<'_>) {
        let index = self.index_document(draw).to_string();
        self.blob(draw, "application/vnd.oci.image.index.v1+json", index.as_bytes());
    }

    fn top(&mut self, draw: &mut Draw<'_>, name: &str) {
        let is_manifest = draw.flag();
        let document =
            if is_manifest { self.manifest_document(draw) } else { self.index_document(draw) };
        self.add(name.to_owned(), document.to_string().as_bytes());
    }

    fn docker(&mut self, draw: &mut Draw<'_>) {
        let path = |draw: &mut Draw<'_>| {
            let back = usize::from(draw.byte() % 8) + 1;
            let at = self.paths.len().checked_sub(back);
            at.map_or_else(|| "a/b".to_owned(), |at| self.paths[at].clone())
        };
        let image = |draw: &mut Draw<'_>| {
            let layers: Vec<String> = (0..draw.byte() % 4).map(|_| path(draw)).collect();
            let tags =
                if draw.flag() { json!(["a:b", "docker.io/library/a:b"]) } else { json!(null) };
            let mut image = json!({ "Config": path(draw), "RepoTags": tags, "Layers": layers });
            if draw.byte().is_multiple_of(8) {
                let layer = self.layers.first().map_or(&[][..], Vec::as_slice);
                let source = json!({ Digest::of(layer).to_string(): { "urls": ["x"] } });
                image["LayerSources"] = source;
            }
            image
        };
        let images: Vec<Value> = (0..=draw.byte() % 2).map(|_| image(draw)).collect();
        self.add("manifest.json".to_owned(), json!(images).to_string().as_bytes());
    }

    /// A name that means something, or a path that a blob has.
    fn some_name(&self, draw: &mut Draw<'_>) -> Vec<u8> {
        let back = usize::from(draw.byte());
        match self.paths.len().checked_sub(back % 8 + 1) {
            Some(at) if back >= 64 => self.paths[at].clone().into_bytes(),
            _ => NAMES[back % NAMES.len()].as_bytes().to_vec(),
        }
    }

    fn link(&mut self, draw: &mut Draw<'_>) {
        let (name, mut link) = (self.some_name(draw), self.some_name(draw));
        let kind = draw.byte();
        match kind / 8 % 4 {
            0 => drop(link.splice(..0, *b"../")),
            1 => link = draw.bytes(6).to_vec(),
            _ => {}
        }
        let kind = *b"12S5".get(usize::from(kind % 4)).expect("below four");
        self.members.push(Member { name, kind, bytes: Vec::new(), link });
    }

    fn raw(&mut self, draw: &mut Draw<'_>) {
        let name = self.some_name(draw);
        let len = usize::from(draw.byte());
        let bytes = draw.bytes(len).to_vec();
        self.members.push(Member { name, kind: b'0', bytes, link: Vec::new() });
    }

    /// Gives the newest descriptor what descriptors may have.
    fn edit_cited(&mut self, draw: &mut Draw<'_>) {
        let Some(cited) = self.cited.last_mut().filter(|cited| cited.is_object()) else { return };
        let reference = "org.opencontainers.image.ref.name";
        let kind = "vnd.docker.reference.type";
        match draw.byte() % 10 {
            0 => cited["urls"] = json!(["http://x"]),
            1 => cited["annotations"] = json!({ reference: "a:b" }),
            2 => cited["annotations"] = json!({ kind: "attestation-manifest" }),
            3 => cited["platform"] = json!({ "os": "linux", "architecture": "amd64" }),
            4 => cited["platform"] = json!({ "os": "unknown", "architecture": "unknown" }),
            5 => cited["data"] = json!("e30="),
            6 => cited["digest"] = json!("sha512:00ff"),
            7 => cited["digest"] = json!(String::from_utf8_lossy(draw.bytes(8))),
            8 => cited["mediaType"] = json!("application/x+encrypted"),
            _ => cited["artifactType"] = json!(null),
        }
    }

    fn damage(&mut self, draw: &mut Draw<'_>) {
        let at = draw.below(self.members.len());
        let Some(Member { bytes, .. }) = self.members.get_mut(at) else { return };
        let at = draw.below(bytes.len() + 1);
        match (draw.byte() % 3, bytes.get_mut(at)) {
            (0, Some(byte)) => *byte = draw.byte(),
            (1, _) => bytes.truncate(at),
            _ => drop(bytes.splice(at..at, draw.bytes(4).to_vec())),
        }
    }

    fn rename(&mut self, draw: &mut Draw<'_>) {
        let name = self.some_name(draw);
        if let Some(member) = self.members.last_mut() {
            match draw.byte() % 4 {
                0 => drop(member.name.splice(..0, *b"./")),
                1 => member.name.extend(b"/"),
                _ => member.name = name,
            }
        }
    }
}
