//! Archives in the form that `docker save` wrote before Docker 25, with plain layers: read by their
//! manifest.json, written front to back.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chunkdelta::digest::{Digest, Hasher};
use serde_json::{Value, json};

use crate::failure::{At as _, Failure};

/// Length of a header.
const BLOCK: usize = 512;

/// What data is padded to a multiple of.
const PADDED: u64 = 512;

/// Bytes of an archive's member.
#[derive(Debug, Clone, Copy)]
struct Extent {
    start: u64,
    len: u64,
}

/// The first image of an archive.
#[derive(Debug)]
pub(crate) struct SavedImage {
    path: PathBuf,
    layers: Vec<Extent>,
    config: Value,
    /// The config as it is stored.
    config_text: Vec<u8>,
}

impl SavedImage {
    /// # Errors
    ///
    /// When the archive cannot be read, names what it does not have, or has compressed layers.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let missing = |what: &str| Failure::NotSaved { path: path.into(), missing: what.into() };
        let members = members(path).at(path)?;
        let find = |name: &str| members.get(name).copied().ok_or_else(|| missing(name));
        let text = |name: &str| -> Result<Vec<u8>, Failure> { read(path, find(name)?).at(path) };
        let parse = |text: &[u8], what: &str| {
            serde_json::from_slice::<Value>(text).map_err(|_| missing(what))
        };
        let manifest = parse(&text("manifest.json")?, "manifest.json")?;
        let config_name = manifest[0]["Config"].as_str().ok_or_else(|| missing("Config"))?;
        let config_text = text(config_name)?;
        let names = manifest[0]["Layers"].as_array().ok_or_else(|| missing("Layers"))?;
        let layers = names.iter().map(|name| find(name.as_str().unwrap_or_default()));
        let layers = layers.collect::<Result<Vec<_>, _>>()?;
        let config = parse(&config_text, config_name)?;
        let image = Self { path: path.into(), layers, config, config_text };
        for index in 0..image.layers.len() {
            let mut header = [0; BLOCK];
            image.layer(index)?.read_exact(&mut header).at(path)?;
            if !header[257..].starts_with(b"ustar") {
                return Err(missing("a plain layer"));
            }
        }
        Ok(image)
    }

    pub(crate) fn layer_count(&self) -> usize {
        self.layers.len()
    }

    /// The content of a layer, counted from the lowest.
    pub(crate) fn layer(&self, index: usize) -> Result<impl Read + use<>, Failure> {
        let Extent { start, len } = self.layers[index];
        let mut file = File::open(&self.path).at(&self.path)?;
        file.seek(SeekFrom::Start(start)).at(&self.path)?;
        Ok(BufReader::with_capacity(1 << 20, file.take(len)))
    }

    pub(crate) fn config(&self) -> &Value {
        &self.config
    }

    pub(crate) fn config_text(&self) -> &[u8] {
        &self.config_text
    }
}

/// Where each regular member's bytes lie; a symbolic link counts as what it leads to.
fn members(path: &Path) -> io::Result<BTreeMap<String, Extent>> {
    let mut members = BTreeMap::new();
    let mut links = Vec::new();
    for entry in tar::Archive::new(File::open(path)?).entries_with_seek()? {
        let entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let extent = Extent { start: entry.raw_file_position(), len: entry.size() };
        // Docker links `<id>/layer.tar` to `../<other id>/layer.tar`.
        let link = entry.link_name_bytes();
        match link.map(|link| String::from_utf8_lossy(&link).replace("../", "")) {
            Some(link) => links.push((name, link)),
            None => drop(members.insert(name, extent)),
        }
    }
    for (name, link) in links {
        if let Some(extent) = members.get(&link).copied() {
            members.insert(name, extent);
        }
    }
    Ok(members)
}

fn read(path: &Path, extent: Extent) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(extent.start))?;
    let mut bytes = Vec::new();
    file.take(extent.len).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes an image: its layers, from the lowest, then its documents.
#[derive(Debug)]
pub(crate) struct ImageWriter {
    file: BufWriter<File>,
    names: Vec<String>,
    diff_ids: Vec<String>,
}

impl ImageWriter {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        Ok(Self { file, names: Vec::new(), diff_ids: Vec::new() })
    }

    /// Adds what `write` writes as a layer. Its header follows when its length is known.
    pub(crate) fn layer(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let start = self.file.stream_position()?;
        self.file.write_all(&[0; BLOCK])?;
        let mut content = Hashed { file: &mut self.file, hasher: Hasher::new(), len: 0 };
        write(&mut content)?;
        let (diff_id, len) = (content.hasher.finish().to_string(), content.len);
        let id = hex(Digest::of(diff_id.as_bytes()));
        let name = format!("{id}/layer.tar");
        if self.names.contains(&name) {
            // It is there already, and an archive has no blob twice.
            self.file.seek(SeekFrom::Start(start))?;
            self.file.get_ref().set_len(start)?;
        } else {
            self.pad(len)?;
            self.file.seek(SeekFrom::Start(start))?;
            self.file.write_all(header(&name, len)?.as_bytes())?;
            self.file.seek(SeekFrom::End(0))?;
        }
        self.names.push(name);
        self.diff_ids.push(diff_id);
        Ok(())
    }

    /// Adds `config`, with these layers instead of its own, and the manifest.
    pub(crate) fn finish(mut self, config: &Value, tag: &str) -> io::Result<()> {
        let mut config = config.clone();
        let history = config["history"].as_array().cloned().unwrap_or_default();
        let is_of_a_layer = |entry: &&Value| entry["empty_layer"] != true;
        let of_layers: Vec<Value> = history.iter().filter(is_of_a_layer).cloned().collect();
        if !of_layers.is_empty() {
            let history = of_layers.iter().cycle().take(self.diff_ids.len());
            config["history"] = history.cloned().collect();
        }
        config["rootfs"]["diff_ids"] = json!(self.diff_ids);
        let config = config.to_string();
        let config_name = format!("{}.json", hex(Digest::of(config.as_bytes())));
        let manifest =
            json!([{ "Config": config_name, "RepoTags": [tag], "Layers": self.names }]).to_string();
        self.document(&config_name, config.as_bytes())?;
        self.document("manifest.json", manifest.as_bytes())?;
        self.file.write_all(&[0; 2 * BLOCK])?;
        self.file.flush()
    }

    fn document(&mut self, name: &str, text: &[u8]) -> io::Result<()> {
        let len = u64::try_from(text.len()).map_err(io::Error::other)?;
        self.file.write_all(header(name, len)?.as_bytes())?;
        self.file.write_all(text)?;
        self.pad(len)
    }

    fn pad(&mut self, len: u64) -> io::Result<()> {
        let padding = len.next_multiple_of(PADDED) - len;
        io::copy(&mut io::repeat(0).take(padding), &mut self.file).map(drop)
    }
}

fn header(name: &str, len: u64) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_gnu();
    header.set_path(name)?;
    header.set_size(len);
    header.set_mode(0o644);
    header.set_cksum();
    Ok(header)
}

fn hex(digest: Digest) -> String {
    String::from_utf8_lossy(&digest.to_hex()).into_owned()
}

/// Passes bytes on, hashed and counted.
struct Hashed<'a> {
    file: &'a mut BufWriter<File>,
    hasher: Hasher,
    len: u64,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.len += u64::try_from(written).map_err(io::Error::other)?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
