//! Images built member by member, in memory; what is in common here, the tests by form below.

mod archive;
mod directory;
mod docker;
mod document;
mod oci;

use serde_json::{Value, json};

use super::*;
use crate::digest::Digest;
use crate::fault::{Class, Explain as _};
use crate::limits;

/// A member by name: bytes, or a link and where it leads.
enum Put {
    Bytes(Vec<u8>),
    Link(tar::EntryType, &'static str),
}

fn archive<N: AsRef<str>>(members: Vec<(N, Put)>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, put) in members {
        let mut header = tar::Header::new_ustar();
        let name = name.as_ref().as_bytes();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        let bytes = match put {
            Put::Bytes(bytes) => bytes,
            Put::Link(kind, target) => {
                header.set_entry_type(kind);
                header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
                Vec::new()
            }
        };
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        builder.append(&header, bytes.as_slice()).expect("in memory");
    }
    builder.into_inner().expect("in memory")
}

fn read(bytes: Vec<u8>) -> Result<Image, ImageError> {
    Image::from_archive(Box::new(bytes), false)
}

fn refused(bytes: Vec<u8>) -> (String, Class) {
    let error = read(bytes).expect_err("must be refused");
    (error.to_string(), error.class())
}

/// What an OCI layout or a Docker archive is built from.
#[derive(Default)]
struct Layout {
    members: Vec<(String, Put)>,
}

impl Layout {
    fn put(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.members.push((name.into(), Put::Bytes(bytes.into())));
    }

    /// Puts a blob and returns a descriptor of it.
    fn blob(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes).to_string();
        self.put(format!("blobs/sha256/{}", &digest[7..]), bytes);
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    }

    fn config(&mut self, layers: &[&[u8]]) -> Value {
        let config = config(layers);
        self.blob("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes())
    }

    /// Puts an image with these plain layers and returns a descriptor of its manifest.
    fn image(&mut self, layers: &[&[u8]]) -> Value {
        let config = self.config(layers);
        let layers: Vec<Value> = layers.iter().map(|layer| self.layer(layer)).collect();
        self.manifest(&json!({ "schemaVersion": 2, "config": config, "layers": layers }))
    }

    fn layer(&mut self, bytes: &[u8]) -> Value {
        self.blob("application/vnd.oci.image.layer.v1.tar", bytes)
    }

    fn manifest(&mut self, manifest: &Value) -> Value {
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        self.blob(media_type, manifest.to_string().as_bytes())
    }

    fn index(&mut self, manifests: &[Value]) -> Value {
        let index = json!({ "schemaVersion": 2, "manifests": manifests });
        self.blob("application/vnd.oci.image.index.v1+json", index.to_string().as_bytes())
    }

    /// Ends the layout with an index.json.
    fn finish(mut self, manifests: &[Value]) -> Vec<u8> {
        let index = json!({ "schemaVersion": 2, "manifests": manifests });
        self.put("index.json", index.to_string());
        archive(self.members)
    }

    /// Ends the archive with a manifest.json.
    fn finish_docker(mut self, manifest: &Value) -> Vec<u8> {
        self.put("manifest.json", manifest.to_string());
        archive(self.members)
    }
}

fn config(layers: &[&[u8]]) -> Value {
    let diff_ids: Vec<String> = layers.iter().map(|layer| Digest::of(layer).to_string()).collect();
    json!({ "os": "linux", "architecture": "amd64", "rootfs": { "diff_ids": diff_ids } })
}

/// A Docker archive of one image with one layer at `path`.
fn docker_image(path: &str, layers: Vec<(&str, Put)>) -> Vec<u8> {
    let mut layout = Layout::default();
    layout.put("c.json", config(&[b"layer"]).to_string());
    layout.members.extend(layers.into_iter().map(|(name, put)| (name.to_owned(), put)));
    layout.finish_docker(&json!([{ "Config": "c.json", "RepoTags": null, "Layers": [path] }]))
}

fn layer() -> Put {
    Put::Bytes(b"layer".to_vec())
}

fn kinds(image: &Image) -> Vec<RoleKind> {
    image.roles.iter().map(|role| role.kind).collect()
}

fn absent(media_type: &str) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::of(b"absent").to_string(), "size": 6 })
}
