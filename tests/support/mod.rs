//! What integration tests share: the fixtures, unpacked, and a spool.
#![allow(dead_code, reason = "each test crate uses its own part of this")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use chunkdelta::digest::Hasher;
use chunkdelta::spool::Spooler;

const PACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

/// The archive or directory `name` of tests/fixtures/README.md, unpacked.
pub(crate) fn fixture(name: &str) -> PathBuf {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    let path = ROOT.get_or_init(unpack_all).join(name);
    assert!(path.exists(), "no fixture {name}");
    path
}

/// Unpacks all fixtures into a directory of the build that is named after what they are, so that
/// the next test finds them there.
fn unpack_all() -> PathBuf {
    let mut packed: Vec<PathBuf> =
        fs::read_dir(PACKED).expect("there").map(|entry| entry.expect("readable").path()).collect();
    packed.sort();
    let mut hasher = Hasher::new();
    for path in packed.iter().filter(|path| path.is_file()) {
        hasher.update(path.as_os_str().as_encoded_bytes());
        hasher.update(&fs::read(path).expect("readable"));
    }
    let build = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let digest = hasher.finish().to_string();
    let root = build.join(format!("fixtures-{}", &digest["sha256:".len()..][..16]));
    if !root.exists() {
        let fresh = tempfile::tempdir_in(build).expect("writable");
        for path in &packed {
            unpack(path, fresh.path());
        }
        // Another test process may have been first; its directory is as good.
        if fs::rename(fresh.path(), &root).is_err() {
            assert!(root.exists(), "cannot publish the fixtures");
        }
    }
    root
}

fn unpack(packed: &Path, root: &Path) {
    let name = packed.file_name().and_then(|name| name.to_str()).expect("ASCII names");
    let read = || File::open(packed).expect("readable");
    if let Some(name) = name.strip_suffix(".dir.tar.zst") {
        let decoder = zstd::Decoder::new(read()).expect("zstd");
        tar::Archive::new(decoder).unpack(root.join(name)).expect("a tar of ours");
    } else if let Some(name) = name.strip_suffix(".zst") {
        let mut file = File::create(root.join(name)).expect("writable");
        zstd::stream::copy_decode(read(), &mut file).expect("zstd");
    } else if Path::new(name).extension().is_some_and(|extension| extension == "tar") {
        fs::copy(packed, root.join(name)).expect("writable");
    }
}

/// Spools to unnamed files.
pub(crate) fn spooler() -> &'static Spooler {
    static SPOOLER: OnceLock<Spooler> = OnceLock::new();
    SPOOLER.get_or_init(|| Spooler::new(Some(env!("CARGO_TARGET_TMPDIR").into())))
}
