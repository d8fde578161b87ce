//! A delta made from one form of an image applies to every other form of it, and gives every form
//! of the target back.
//!
//! Which cells of the matrix must fail is computed here from nothing but the digests of the files
//! in the archives: a target's compressed blob that create's base has too is held, and apply's base
//! must have it as well.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::{Read as _, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use chunkdelta::apply::{ApplyOptions, ApplyReport, apply};
use chunkdelta::create::{CreateOptions, CreateReport, Outcome, create};
use chunkdelta::delta::{NodeStats, Stages};
use chunkdelta::digest::Digest;
use chunkdelta::error::Error;
use chunkdelta::fault::{Class, Explain as _};
use chunkdelta::observer::{Counter, NoObserver, Recorder};
use chunkdelta::units::Size;
use rayon::prelude::*;
use tempfile::TempDir;

mod support;

use support::fixture;

/// Files by path, directories without bytes.
type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// One form of one version.
struct Form {
    name: String,
    path: PathBuf,
    tree: Tree,
    /// Digests of the compressed files in it.
    blobs: BTreeSet<Digest>,
    /// Diff IDs that the configs in it name.
    diff_ids: BTreeSet<Digest>,
}

impl Form {
    fn new(name: &str, path: PathBuf) -> Self {
        let tree = tree(&path);
        let mut form = Self {
            name: name.to_owned(),
            path,
            tree,
            blobs: BTreeSet::new(),
            diff_ids: BTreeSet::new(),
        };
        let files: Vec<Vec<u8>> = if let Some(Some(archive)) = form.tree.get(Path::new("")) {
            let inside = inflated(archive);
            members(inside.as_deref().unwrap_or(archive))
        } else {
            form.tree.values().flatten().cloned().collect()
        };
        for file in files {
            if is_compressed(&file) {
                form.blobs.insert(Digest::of(&file));
            } else if let Ok(json) = serde_json::from_slice::<serde_json::Value>(&file) {
                let diff_ids = json["rootfs"]["diff_ids"].as_array().into_iter().flatten();
                let texts = diff_ids.map(|diff_id| diff_id.as_str().expect("a text"));
                form.diff_ids.extend(texts.map(|text| text.parse::<Digest>().expect("sha256")));
            }
        }
        assert!(!form.diff_ids.is_empty(), "{name}: no config");
        form
    }
}

fn is_compressed(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

/// What a wrapper holds.
fn inflated(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut inside = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(bytes).read_to_end(&mut inside).expect("gzip");
    } else if is_compressed(bytes) {
        inside = zstd::decode_all(bytes).expect("zstd");
    } else {
        return None;
    }
    Some(inside)
}

/// The regular files in an archive.
fn members(archive: &[u8]) -> Vec<Vec<u8>> {
    let mut archive = tar::Archive::new(archive);
    let mut files = Vec::new();
    for entry in archive.entries().expect("a tar") {
        let mut entry = entry.expect("a tar");
        if entry.header().entry_type().is_file() {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("whole");
            files.push(bytes);
        }
    }
    files
}

/// Everything at `path`; a single file has the empty path.
fn tree(path: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(relative) = pending.pop() {
        let path =
            if relative.as_os_str().is_empty() { path.to_owned() } else { path.join(&relative) };
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("readable");
            let names = entries.map(|entry| entry.expect("readable").file_name());
            pending.extend(names.map(|name| relative.join(name)));
            tree.insert(relative, None);
        } else {
            tree.insert(relative, Some(fs::read(&path).expect("readable")));
        }
    }
    tree
}

const FIXTURES: [&str; 14] = [
    "docker20-1.tar",
    "docker20-3.tar",
    "docker26-1.tar",
    "docker26-containerd-1.tar",
    "podman-oci-1.tar",
    "registry-dir-1",
    "registry-oci-layout-1",
    "registry-oci-layout-3",
    "skopeo-docker-1.tar",
    "skopeo-oci-gzip-1.tar",
    "skopeo-oci-zstd-1.tar",
    "skopeo-oci-zstd-3.tar",
    "skopeo18-oci-gzip-1.tar",
    "skopeo18-oci-zstdchunked-1.tar",
];

struct Lab {
    dir: TempDir,
    /// Forms of versions 1, 2 and 3.
    versions: [Vec<Form>; 3],
}

impl Lab {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("writable");
        let versions = [1, 2, 3].map(|version| forms(version, dir.path()));
        assert_eq!([14, 14, 4], [0, 1, 2].map(|version: usize| versions[version].len()));
        Self { dir, versions }
    }

    fn forms(&self, version: usize) -> &[Form] {
        &self.versions[version - 1]
    }

    /// A path below the lab's directory that nothing has.
    fn fresh(&self) -> PathBuf {
        let dir = tempfile::Builder::new().tempdir_in(self.dir.path()).expect("writable");
        dir.keep().join("out")
    }
}

/// All forms of a version: those that tools wrote, a docker archive unpacked, and wrapped ones.
fn forms(version: u32, dir: &Path) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    for name in FIXTURES {
        let (before, after) =
            name.split_once("-1").or_else(|| name.split_once("-3")).expect("has a version");
        let name = format!("{before}-{version}{after}");
        let path = fixture_or_none(&name);
        if let Some(path) = path.filter(|_| forms.iter().all(|form| form.name != name)) {
            forms.push(Form::new(&name, path));
        }
    }
    let docker = fixture(&format!("docker20-{version}.tar"));
    let name = format!("docker20-{version}.tar.gz");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&fs::read(docker).expect("readable")).expect("in memory");
    fs::write(dir.join(&name), gzip.finish().expect("in memory")).expect("writable");
    forms.push(Form::new(&name, dir.join(&name)));
    if version < 3 {
        let oci = fixture(&format!("skopeo-oci-gzip-{version}.tar"));
        let name = format!("skopeo-oci-gzip-{version}.tar.zst");
        let bytes = zstd::encode_all(&*fs::read(oci).expect("readable"), 3).expect("in memory");
        fs::write(dir.join(&name), bytes).expect("writable");
        forms.push(Form::new(&name, dir.join(&name)));
        let name = format!("docker26-{version}");
        let packed = fs::File::open(fixture(&format!("docker26-{version}.tar")));
        tar::Archive::new(packed.expect("readable")).unpack(dir.join(&name)).expect("a tar");
        forms.push(Form::new(&name, dir.join(&name)));
    }
    forms
}

fn fixture_or_none(name: &str) -> Option<PathBuf> {
    let any = fixture("docker20-1.tar");
    Some(any.with_file_name(name)).filter(|path| path.exists())
}

fn create_options(is_portable: bool) -> CreateOptions {
    CreateOptions {
        level: 3.into(),
        jobs: NonZeroUsize::MIN,
        memory: Size(600_000_000),
        tmpdir: None,
        has_self_check: false,
        stages: Stages::ALL,
        is_portable,
        is_content_only: false,
        allow_missing: false,
        may_replace: false,
    }
}

fn apply_options() -> ApplyOptions {
    ApplyOptions {
        jobs: NonZeroUsize::MIN,
        memory: Size(200_000_000),
        tmpdir: None,
        may_replace: false,
    }
}

/// Deltas for one target that are equal byte for byte, and the bases they were made from.
struct Delta<'a> {
    path: PathBuf,
    bases: Vec<&'a Form>,
}

/// What the site lacks, or the report of what it did.
fn apply_to(lab: &Lab, base: &Form, delta: &Path, target: &Form) -> Result<ApplyReport, Error> {
    let out = lab.fresh();
    let result =
        apply(base.path.as_os_str(), delta.as_os_str(), &out, &apply_options(), &NoObserver);
    match &result {
        Ok(_) => assert!(tree(&out) == target.tree, "{} to {}", base.name, target.name),
        Err(_) => assert!(!out.exists(), "{} to {}", base.name, target.name),
    }
    fs::remove_dir_all(out.parent().expect("below the lab")).expect("removable");
    result
}

/// The blobs of `target` that a delta from `base` holds.
fn held(base: &Form, target: &Form) -> BTreeSet<Digest> {
    target.blobs.intersection(&base.blobs).copied().collect()
}

fn check_layers(base: &Form, target: &Form, report: &CreateReport) {
    let name = format!("{} to {}", base.name, target.name);
    assert_eq!(report.layers.len(), target.diff_ids.len(), "{name}: every layer once");
    for layer in &report.layers {
        let is_compressed = target.blobs.contains(&layer.digest);
        let expected = if is_compressed {
            if base.blobs.contains(&layer.digest) { "held" } else { "rebuilt" }
        } else if base.diff_ids.contains(&layer.digest) {
            "reused"
        } else {
            "rebuilt"
        };
        // A tiny zstd:chunked layer is mostly its table of contents, and cheaper as it is.
        let is_tiny = is_compressed && layer.len < 4096 && layer.outcome.name() == "stored";
        assert!(layer.outcome.name() == expected || is_tiny, "{name}: {layer}");
    }
}

/// What all rebuilt layers came from, and their length.
fn rebuilt(report: &CreateReport) -> (NodeStats, u64) {
    let mut sum = (NodeStats::default(), 0);
    for layer in &report.layers {
        if let Outcome::Rebuilt(stats) = layer.outcome {
            sum.0.base_bytes += stats.base_bytes;
            sum.0.target_bytes += stats.target_bytes;
            sum.0.zero_bytes += stats.zero_bytes;
            sum.0.header_bytes += stats.header_bytes;
            sum.0.literal_bytes += stats.literal_bytes;
            sum.0.copies += stats.copies;
            sum.1 += layer.content_len;
        }
    }
    sum
}

/// Makes the deltas from every base to `target`, each once.
fn deltas<'a>(lab: &Lab, bases: &'a [Form], target: &Form, is_portable: bool) -> Vec<Delta<'a>> {
    let mut unique: BTreeMap<Digest, Delta<'a>> = BTreeMap::new();
    for (number, base) in bases.iter().enumerate() {
        let path = lab.fresh();
        let mut options = create_options(is_portable);
        options.has_self_check = number % 4 == 0;
        let made =
            create(base.path.as_os_str(), target.path.as_os_str(), &path, &options, &NoObserver);
        let report =
            made.unwrap_or_else(|error| panic!("{} to {}: {error:?}", base.name, target.name));
        check_layers(base, target, &report);
        let bytes = fs::read(&path).expect("published");
        assert_eq!(report.delta_len, bytes.len() as u64);
        let delta = Delta { path, bases: Vec::new() };
        unique.entry(Digest::of(&bytes)).or_insert(delta).bases.push(base);
    }
    unique.into_values().collect()
}

/// Runs the whole matrix for two versions; returns how many cells came back and how many lacked a
/// blob without `--portable`.
fn run(lab: &Lab, from: usize, to: usize) -> (usize, usize) {
    let bases = lab.forms(from);
    let cells: Vec<(&Form, bool)> =
        lab.forms(to).iter().flat_map(|target| [(target, true), (target, false)]).collect();
    let counts: Vec<(usize, usize)> = cells
        .par_iter()
        .with_max_len(1)
        .map(|(target, is_portable)| {
            let mut counts = (0, 0);
            for delta in deltas(lab, bases, target, *is_portable) {
                for site in bases {
                    let result = apply_to(lab, site, &delta.path, target);
                    for base in &delta.bases {
                        let name = format!("{} to {} on {}", base.name, target.name, site.name);
                        let mut missing = held(base, target);
                        missing.retain(|blob| !is_portable && !site.blobs.contains(blob));
                        check_cell(&name, &result, &missing, target);
                        if missing.is_empty() {
                            counts.0 += 1;
                        } else {
                            counts.1 += 1;
                        }
                    }
                }
            }
            counts
        })
        .collect();
    counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1))
}

fn check_cell(
    name: &str,
    result: &Result<ApplyReport, Error>,
    missing: &BTreeSet<Digest>,
    target: &Form,
) {
    match result {
        Ok(report) => {
            assert!(missing.is_empty(), "{name}: applied without {missing:?}");
            let len: usize = target.tree.values().flatten().map(Vec::len).sum();
            assert_eq!(report.output_len, len as u64, "{name}");
            let stats = report.stats;
            let made = stats.base_bytes + stats.target_bytes + stats.zero_bytes;
            let made = made + stats.literal_bytes + stats.placed_bytes;
            // Contents that are encoded are made besides, but where the base gives them whole.
            let is_encoded = stats.encoded_bytes > 0;
            assert!(made == len as u64 || is_encoded, "{name}: {made} of {len}");
            assert!(made + stats.encoded_bytes >= len as u64, "{name}: {made} of {len}");
        }
        Err(error @ Error::BaseLacks { missing: named, .. }) => {
            assert_eq!(error.class(), Class::BaseMismatch, "{name}");
            assert!(named.iter().all(|named| named.is_blob), "{name}: {error}");
            let digests: BTreeSet<Digest> = named.iter().map(|named| named.digest).collect();
            assert_eq!(&digests, missing, "{name}: {error}");
            let text = error.to_string();
            assert!(digests.iter().all(|digest| text.contains(&digest.to_string())), "{text}");
            let hint = error.hint().expect("a next step");
            assert!(hint.contains("--portable"), "{name}: {hint}");
        }
        Err(error) => panic!("{name}: {error:?}"),
    }
}

#[test]
fn every_form_of_version_1_gives_every_form_of_version_2_on_every_form() {
    // No two versions share a compressed blob, so that nothing is held.
    assert_eq!(run(&Lab::new(), 1, 2), (14 * 14 * 14 * 2, 0));
}

#[test]
fn every_form_of_version_2_gives_every_form_of_version_1_on_every_form() {
    assert_eq!(run(&Lab::new(), 2, 1), (14 * 14 * 14 * 2, 0));
}

#[test]
fn every_form_of_version_1_gives_every_form_of_version_3_on_every_form() {
    let lab = Lab::new();
    let (whole, lacking) = run(&lab, 1, 3);
    assert_eq!(whole + lacking, 14 * 4 * 14 * 2);
    // In zstd, version 3 has blobs of that one form of version 1; as the registry has it, those of
    // three forms.
    assert_eq!(lacking, 13 + 3 * 11);
}

#[test]
fn every_form_gives_every_other_form_of_the_same_version_and_itself() {
    let lab = Lab::new();
    let (whole, lacking) = run(&lab, 1, 1);
    assert_eq!(whole + lacking, 14 * 14 * 14 * 2);
    // Targets, bases with the same blobs, sites without: the two kinds of zstd have theirs alone;
    // three forms have the registry's gzip; three and a wrapped one have that of skopeo.
    assert_eq!(lacking, 13 + 13 + 3 * 3 * 11 + 4 * 4 * 10);
}

/// Makes a delta and returns its report with what the observer counted.
fn counted(lab: &Lab, base: &Path, target: &Path) -> (PathBuf, CreateReport) {
    let path = lab.fresh();
    let recorder = Recorder::default();
    let options = create_options(false);
    let report = create(base.as_os_str(), target.as_os_str(), &path, &options, &recorder);
    let report = report.expect("two images");
    let recording = recorder.finish();
    let (stats, _) = rebuilt(&report);
    let outcomes = |name| {
        let layers = report.layers.iter().filter(|layer| layer.outcome.name() == name);
        layers.count() as u64
    };
    let expected = [
        (Counter::ReusedLayers, outcomes("reused")),
        (Counter::HeldLayers, outcomes("held")),
        (Counter::RebuiltLayers, outcomes("rebuilt")),
        (Counter::StoredLayers, outcomes("stored")),
        (Counter::Copies, stats.copies),
        (Counter::CopiedBytes, stats.base_bytes),
        (Counter::OwnCopiedBytes, stats.target_bytes),
        (Counter::ZeroBytes, stats.zero_bytes),
        (Counter::LiteralBytes, stats.literal_bytes),
    ];
    for (counter, expected) in expected {
        assert_eq!(recording.count(counter), expected, "{counter:?}");
    }
    (path, report)
}

/// Layers by outcome, in the order of the report.
fn outcomes(report: &CreateReport) -> Vec<&'static str> {
    report.layers.iter().map(|layer| layer.outcome.name()).collect()
}

#[test]
fn a_rebuilt_image_is_copied_to_nine_tenths_and_apply_copies_what_create_counted() {
    let lab = Lab::new();
    for name in ["docker20", "docker26", "skopeo-docker"] {
        for (from, to) in [(1, 2), (2, 1)] {
            let base = fixture(&format!("{name}-{from}.tar"));
            let target = fixture(&format!("{name}-{to}.tar"));
            let (delta, report) = counted(&lab, &base, &target);
            assert_eq!(outcomes(&report), ["rebuilt"; 4], "{name}");
            let (stats, len) = rebuilt(&report);
            assert!(stats.base_bytes >= len / 10 * 9, "{name}: {stats:?} of {len}");
            let carried =
                stats.target_bytes + stats.zero_bytes + stats.header_bytes + stats.literal_bytes;
            assert_eq!(stats.base_bytes + carried, len, "{name}");
            let form = Form::new(name, target);
            let base = Form::new(name, base);
            let applied = apply_to(&lab, &base, &delta, &form).expect("it fits");
            assert_eq!(applied.stats.base_bytes, stats.base_bytes, "{name}");
        }
    }
}

#[test]
fn the_layers_of_version_1_reach_version_3_as_digests_alone() {
    let lab = Lab::new();
    for (base, target, outcome) in [
        ("docker20-1.tar", "docker20-3.tar", "reused"),
        ("podman-oci-1.tar", "docker20-3.tar", "reused"),
        ("skopeo-oci-zstd-1.tar", "skopeo-oci-zstd-3.tar", "held"),
        ("registry-oci-layout-1", "registry-oci-layout-3", "held"),
        ("registry-dir-1", "registry-oci-layout-3", "held"),
    ] {
        let (_, report) = counted(&lab, &fixture(base), &fixture(target));
        let mut sorted = outcomes(&report);
        sorted.sort_unstable();
        // Five layers, of which one occurs twice, and the new one.
        let mut expected = vec![outcome; 4];
        expected.push("rebuilt");
        expected.sort_unstable();
        assert_eq!(sorted, expected, "{base} to {target}");
        // 20 kB of it are version 3's own layer.
        assert!(report.delta_len < 24 << 10, "{base} to {target}: {}", report.delta_len);
    }
}

/// Archives of versions 1 and 2 together.
const PAIRS: [&str; 4] = ["docker20-multi.tar", "docker26-multi.tar", "oci-index", "oci-index.tar"];

/// `PREFIX:FILE:SELECTOR`, as a person narrows a base.
fn narrowed(pair: &str, selector: &str) -> OsString {
    let path = fixture(pair);
    let prefix = match (pair.starts_with("docker"), path.is_dir()) {
        (true, _) => "docker-archive",
        (false, true) => "oci",
        (false, false) => "oci-archive",
    };
    format!("{prefix}:{}:{selector}", path.display()).into()
}

/// Makes a delta from a base that holds several images.
fn create_from(lab: &Lab, base: &OsString, target: &Form) -> PathBuf {
    let path = lab.fresh();
    let options = CreateOptions { has_self_check: true, ..create_options(true) };
    create(base, target.path.as_os_str(), &path, &options, &NoObserver)
        .unwrap_or_else(|error| panic!("{}: {error:?}", base.display()));
    path
}

#[test]
fn a_base_narrowed_to_one_image_is_any_form_of_that_image() {
    let lab = Lab::new();
    let selectors = [
        ("docker20-multi.tar", "@0"),
        ("docker20-multi.tar", "fixture/hello:1"),
        ("docker26-multi.tar", "@0"),
        ("docker26-multi.tar", "docker.io/fixture/hello:1"),
        ("oci-index", "@0"),
        ("oci-index.tar", "@0"),
    ];
    selectors.par_iter().with_max_len(1).for_each(|(pair, selector)| {
        for target in [&lab.forms(2)[0], &lab.forms(3)[0], &lab.forms(2)[2]] {
            let delta = create_from(&lab, &narrowed(pair, selector), target);
            for site in lab.forms(1) {
                apply_to(&lab, site, &delta, target)
                    .unwrap_or_else(|error| panic!("{pair} {selector}: {error:?}"));
            }
            let error = apply_to(&lab, &lab.forms(2)[5], &delta, target);
            if target.name.contains("-3") {
                let error = error.expect_err("version 2 has none of these layers");
                assert_eq!(error.class(), Class::BaseMismatch);
            }
        }
    });
}

#[test]
fn a_base_of_two_images_needs_a_base_with_both() {
    let lab = Lab::new();
    let pairs = PAIRS.map(|name| Form::new(name, fixture(name)));
    let docker = &pairs[..2];
    let both: BTreeSet<Digest> = docker[0].diff_ids.clone();
    assert!(pairs.iter().all(|pair| pair.diff_ids == both));
    for base in &pairs {
        for target in docker {
            let delta = create_from(&lab, &base.path.clone().into_os_string(), target);
            for site in &pairs {
                apply_to(&lab, site, &delta, target)
                    .unwrap_or_else(|error| panic!("{} on {}: {error:?}", base.name, site.name));
            }
            for site in lab.forms(1).iter().chain(lab.forms(2)) {
                match apply_to(&lab, site, &delta, target) {
                    Err(error @ Error::BaseLacks { .. }) => {
                        let Error::BaseLacks { missing, .. } = &error else { unreachable!() };
                        let named: BTreeSet<_> = missing.iter().map(|named| named.digest).collect();
                        let lacking = both.difference(&site.diff_ids).copied().collect();
                        assert_eq!(named, lacking, "{} on {}", base.name, site.name);
                        assert_eq!(error.class(), Class::BaseMismatch);
                    }
                    other => panic!("{} on {}: {other:?}", base.name, site.name),
                }
            }
        }
    }
}
