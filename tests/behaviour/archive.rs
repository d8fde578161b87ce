//! Small images, written member by member so that a test can spoil any of them.

use std::io::Write as _;
use std::path::Path;

use chunkdelta::digest::Digest;
use serde_json::{Value, json};

/// Bytes that do not compress, the same for the same seed.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// A tar in the making.
pub(crate) struct Tar(tar::Builder<Vec<u8>>);

impl Tar {
    pub(crate) fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    pub(crate) fn file(mut self, name: &str, bytes: &[u8]) -> Self {
        let mut header = header(tar::EntryType::Regular, bytes.len());
        self.0.append_data(&mut header, name, bytes).expect("memory");
        self
    }

    pub(crate) fn directory(mut self, name: &str) -> Self {
        let mut header = header(tar::EntryType::Directory, 0);
        self.0.append_data(&mut header, name, &[][..]).expect("memory");
        self
    }

    pub(crate) fn link(mut self, kind: tar::EntryType, name: &str, target: &str) -> Self {
        self.0.append_link(&mut header(kind, 0), name, target).expect("memory");
        self
    }

    /// A member whose name no safe writer would take.
    pub(crate) fn named(mut self, name: &[u8], bytes: &[u8]) -> Self {
        let mut header = header(tar::EntryType::Regular, bytes.len());
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_cksum();
        self.0.append(&header, bytes).expect("memory");
        self
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0.into_inner().expect("memory")
    }
}

fn header(kind: tar::EntryType, len: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(len as u64);
    header
}

/// A layer with one file in it.
pub(crate) fn layer(name: &str, bytes: &[u8]) -> Vec<u8> {
    Tar::new().file(name, bytes).finish()
}

/// Members of an image as name and bytes, in the order of the archive.
#[derive(Clone)]
pub(crate) struct Members(pub(crate) Vec<(String, Vec<u8>)>);

impl Members {
    /// As `docker save` writes it: manifest.json, a config, `N/layer.tar` for each layer.
    pub(crate) fn docker(name: &str, layers: &[Vec<u8>]) -> Self {
        let config = config(layers).into_bytes();
        let config_name = format!("{}.json", hex(&config));
        let paths: Vec<String> =
            (0..layers.len()).map(|number| format!("{number}/layer.tar")).collect();
        let manifest = json!([{ "Config": config_name, "RepoTags": [name], "Layers": paths }]);
        let mut members: Vec<_> = paths.into_iter().zip(layers.iter().cloned()).collect();
        members.push((config_name, config));
        members.push(("manifest.json".to_owned(), manifest.to_string().into_bytes()));
        Self(members)
    }

    /// An OCI layout whose layers are put through `compress`.
    pub(crate) fn oci(name: &str, layers: &[Vec<u8>], compress: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        let mut members =
            vec![("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec())];
        let mut add = |media_type: &str, bytes: Vec<u8>| {
            let descriptor = json!({
                "mediaType": media_type, "digest": Digest::of(&bytes).to_string(), "size": bytes.len(),
            });
            members.push((format!("blobs/sha256/{}", hex(&bytes)), bytes));
            descriptor
        };
        let rows: Vec<Value> = layers
            .iter()
            .map(|layer| add("application/vnd.oci.image.layer.v1.tar+gzip", compress(layer)))
            .collect();
        let config = add("application/vnd.oci.image.config.v1+json", config(layers).into_bytes());
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": rows }).to_string();
        let mut row = add("application/vnd.oci.image.manifest.v1+json", manifest.into_bytes());
        row["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        let index = json!({ "schemaVersion": 2, "manifests": [row] }).to_string();
        members.push(("index.json".to_owned(), index.into_bytes()));
        Self(members)
    }

    /// The bytes of a member.
    pub(crate) fn bytes(&mut self, name: &str) -> &mut Vec<u8> {
        let found = self.0.iter_mut().find(|(other, _)| other == name);
        &mut found.unwrap_or_else(|| panic!("no member {name}")).1
    }

    /// Takes a member out.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.bytes(name);
        self.0.retain(|(other, _)| other != name);
        self
    }

    /// Names of the blobs of an OCI layout: layers first, then config, then manifest.
    pub(crate) fn blobs(&self) -> Vec<String> {
        let names = self.0.iter().map(|(name, _)| name.clone());
        names.filter(|name| name.starts_with("blobs/")).collect()
    }

    pub(crate) fn pack(&self) -> Vec<u8> {
        let members = self.0.iter();
        members.fold(Tar::new(), |tar, (name, bytes)| tar.file(name, bytes)).finish()
    }

    /// Writes them below `root`.
    pub(crate) fn unpack(&self, root: &Path) {
        for (name, bytes) in &self.0 {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().expect("below root")).expect("writable");
            std::fs::write(path, bytes).expect("writable");
        }
    }
}

fn config(layers: &[Vec<u8>]) -> String {
    let diff_ids: Vec<String> = layers.iter().map(|layer| Digest::of(layer).to_string()).collect();
    json!({
        "architecture": "amd64", "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    })
    .to_string()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    Digest::of(bytes).to_hex().iter().map(|byte| char::from(*byte)).collect()
}

/// A way to compress a layer.
pub(crate) type Compress = fn(&[u8]) -> Vec<u8>;

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// By a level of libzstd that is not made again.
pub(crate) fn fast_zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, -5).expect("memory")
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory")
}

/// zstd that does not say how long its content is.
pub(crate) fn streamed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).expect("memory");
    encoder.write_all(bytes).expect("memory");
    encoder.flush().expect("memory");
    encoder.finish().expect("memory")
}

/// Two versions of one image: the first layer is the same, the second differs in the middle, the
/// third is new.
pub(crate) fn versions(len: usize) -> [Vec<Vec<u8>>; 2] {
    let (first, old) = (noise(1, len), noise(2, len));
    let mut new = old.clone();
    new.splice(len / 2..len / 2 + 100, noise(3, 50));
    [
        vec![layer("first", &first), layer("second", &old)],
        vec![layer("first", &first), layer("second", &new), layer("third", &noise(4, 3000))],
    ]
}
