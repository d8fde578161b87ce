//! Images that tests make themselves, and the way through create and apply.
#![allow(dead_code, reason = "each test crate uses its own part of this")]

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use chunkdelta::apply::{ApplyOptions, apply};
use chunkdelta::create::{CreateOptions, CreateReport, create};
use chunkdelta::delta::Stages;
use chunkdelta::digest::Digest;
use chunkdelta::observer::NoObserver;
use chunkdelta::units::Size;
use serde_json::{Value, json};

/// A docker archive in the making.
pub(crate) struct Built {
    /// What stands in manifest.json.
    pub(crate) repo_tags: Value,
    /// Name of the member, stored bytes, content.
    pub(crate) layers: Vec<(String, Vec<u8>, Vec<u8>)>,
    /// Members that nothing cites.
    pub(crate) others: Vec<(String, Vec<u8>)>,
}

impl Built {
    /// An image of plain layers.
    pub(crate) fn of(layers: &[&[u8]]) -> Self {
        let layer = |(number, bytes): (usize, &&[u8])| {
            (format!("{number}/layer.tar"), bytes.to_vec(), bytes.to_vec())
        };
        Self {
            repo_tags: json!(["built/image:latest"]),
            layers: layers.iter().enumerate().map(layer).collect(),
            others: Vec::new(),
        }
    }

    /// The archive, with two end blocks.
    pub(crate) fn archive(&self) -> Vec<u8> {
        let diff_ids = self.layers.iter().map(|layer| Digest::of(&layer.2).to_string());
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "rootfs": { "type": "layers", "diff_ids": diff_ids.collect::<Vec<_>>() },
        });
        let config = config.to_string().into_bytes();
        let hex = Digest::of(&config).to_string().replace("sha256:", "");
        let manifest = json!([{
            "Config": format!("{hex}.json"),
            "RepoTags": self.repo_tags,
            "Layers": self.layers.iter().map(|layer| &layer.0).collect::<Vec<_>>(),
        }]);
        let mut members: Vec<(String, Vec<u8>)> = vec![(format!("{hex}.json"), config)];
        for (name, stored, _) in &self.layers {
            if members.iter().all(|member| member.0 != *name) {
                members.push((name.clone(), stored.clone()));
            }
        }
        members.extend(self.others.iter().cloned());
        members.push(("manifest.json".to_owned(), manifest.to_string().into_bytes()));
        let members: Vec<_> =
            members.iter().map(|(name, bytes)| (name.as_bytes(), bytes.as_slice())).collect();
        tar_of(&members)
    }
}

/// A tar of regular files with two end blocks.
pub(crate) fn tar_of(files: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in files {
        out.extend(header(name, bytes.len(), b'0'));
        out.extend(*bytes);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

/// One header block, whatever bytes the name has.
pub(crate) fn header(name: &[u8], len: usize, kind: u8) -> [u8; 512] {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_mode(0o644);
    header.set_size(len as u64);
    header.set_mtime(1_700_000_000);
    header.set_cksum();
    *header.as_bytes()
}

/// Bytes that do not compress, the same for the same seed.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend(state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    out.truncate(len);
    out
}

/// Text of 4,065 words, some of which are much more frequent than others, in lines.
pub(crate) fn text(seed: u64, len: usize) -> Vec<u8> {
    let word = |number: u64| {
        let noise = noise(number, 12);
        let letters = noise[1..].iter().map(|byte| b"etaoinshrdlucmfw"[usize::from(byte % 16)]);
        letters.take(2 + usize::from(noise[0] % 8)).collect::<Vec<u8>>()
    };
    let words: Vec<Vec<u8>> = (0..=255 * 255 / 16).map(word).collect();
    let mut out = Vec::with_capacity(len + 16);
    for pair in noise(seed, len).chunks_exact(2) {
        // A product of two numbers is more often small than large.
        let number = usize::from(pair[0]) * usize::from(pair[1]) / 16;
        out.extend(&words[number]);
        out.push(if number % 11 == 0 { b'\n' } else { b' ' });
        if out.len() >= len {
            break;
        }
    }
    out.truncate(len);
    out
}

pub(crate) fn create_options(level: u8) -> CreateOptions {
    CreateOptions {
        level: level.into(),
        jobs: NonZeroUsize::new(2).expect("not zero"),
        memory: Size(1_000_000_000),
        tmpdir: None,
        has_self_check: true,
        stages: Stages::ALL,
        is_portable: false,
        is_content_only: false,
        allow_missing: false,
        may_replace: true,
    }
}

pub(crate) fn apply_options() -> ApplyOptions {
    ApplyOptions {
        jobs: NonZeroUsize::new(2).expect("not zero"),
        memory: Size(200_000_000),
        tmpdir: None,
        may_replace: false,
    }
}

/// Makes a delta between two archives, applies it, and compares.
pub(crate) fn round_trip(name: &str, base: &[u8], target: &[u8]) -> CreateReport {
    round_trip_within(apply_options().memory, name, base, target)
}

/// The same where applying may take that memory.
pub(crate) fn round_trip_within(
    memory: Size,
    name: &str,
    base: &[u8],
    target: &[u8],
) -> CreateReport {
    let dir = tempfile::tempdir().expect("writable");
    let path = |name| dir.path().join(name);
    fs::write(path("base"), base).expect("writable");
    fs::write(path("target"), target).expect("writable");
    let made = make(&path("base"), &path("target"), &path("delta"), &create_options(3));
    let (base, delta, out) = (path("base"), path("delta"), path("out"));
    let options = ApplyOptions { memory, ..apply_options() };
    let applied = apply(base.as_os_str(), delta.as_os_str(), &out, &options, &NoObserver);
    applied.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    assert!(fs::read(&out).expect("published") == target, "{name}: not byte for byte");
    made
}

/// Makes a delta between two images that are there.
pub(crate) fn make(
    base: &Path,
    target: &Path,
    delta: &Path,
    options: &CreateOptions,
) -> CreateReport {
    create(base.as_os_str(), target.as_os_str(), delta, options, &NoObserver)
        .unwrap_or_else(|error| panic!("{} to {}: {error:?}", base.display(), target.display()))
}
