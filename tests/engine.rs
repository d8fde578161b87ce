//! The way of an image through a real Docker engine: built, saved, sent as a delta, loaded, run.
//!
//! `tests/run` starts the engine and names it in `CHUNKDELTA_DOCKER_HOST`. Without one these tests
//! leave themselves out and say so; under `CHUNKDELTA_REQUIRE_ENGINE` they fail instead.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// The client of Debian's docker.io, which belongs to the engine that runs; the first `docker` in
/// `PATH` may be of another version.
const DOCKER: &str = "/usr/bin/docker";

const RECIPE: &str = "\
FROM scratch
COPY base /base
COPY data /data
COPY hello /hello
ENTRYPOINT [\"/hello\"]
";

/// Prints its version, and a sum over the data files that a wrong byte or a wrong order changes.
const PROGRAM: &str = r#"
use std::fs::read;
fn main() {
    let sum = |path: &str| {
        let bytes = read(path).expect("the image has its data");
        bytes.iter().fold(17_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)))
    };
    println!("version {}, base {:016x}, data {:016x}", env!("VERSION"), sum("/base"), sum("/data"));
}
"#;

#[test]
fn the_engine_loads_and_runs_what_apply_wrote() {
    let Some(lab) = Lab::open("loads-and-runs") else { return };
    let (old, new) = (lab.save("app-1.tar", &[1]), lab.save("app-2.tar", &[2]));
    let before = lab.image(2);

    let delta = lab.create(&old, &new, &[]);
    let out = lab.apply(&old, &delta);
    assert_same(&out, &new);
    assert!(size(&delta) < 64 * 1024, "the delta has {} bytes", size(&delta));

    lab.forget(1);
    lab.forget(2);
    lab.docker(&["load", "--input", text(&out)]);
    assert_eq!(lab.image(2), before);
}

#[test]
fn both_versions_in_one_archive_come_back_together() {
    let Some(lab) = Lab::open("in-one-archive") else { return };
    let (old, both) = (lab.save("app-1.tar", &[1]), lab.save("app-both.tar", &[1, 2]));
    let before = [lab.image(1), lab.image(2)];

    let out = lab.apply(&old, &lab.create(&old, &both, &[]));
    assert_same(&out, &both);

    lab.forget(1);
    lab.forget(2);
    lab.docker(&["load", "--input", text(&out)]);
    assert_eq!([lab.image(1), lab.image(2)], before);
}

#[test]
fn an_archive_of_both_versions_serves_as_base() {
    let Some(lab) = Lab::open("both-as-base") else { return };
    let (both, new) = (lab.save("app-both.tar", &[1, 2]), lab.save("app-2.tar", &[2]));

    let delta = lab.create(&both, &new, &[]);
    assert_same(&lab.apply(&both, &delta), &new);
    assert!(size(&delta) < 16 * 1024, "the delta has {} bytes", size(&delta));
}

#[test]
fn the_engine_loads_from_the_pipe_that_apply_writes() {
    let Some(lab) = Lab::open("from-a-pipe") else { return };
    let (old, new) = (lab.save("app-1.tar", &[1]), lab.save("app-2.tar", &[2]));
    let before = lab.image(2);
    let delta = lab.create(&old, &new, &[]);
    lab.forget(2);

    let mut apply = lab
        .chunkdelta(&["apply", text(&old), text(&delta), "-o", "-"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("chunkdelta starts");
    let pipe = apply.stdout.take().expect("standard output is a pipe");
    run(lab.docker_command(&["load"]).stdin(pipe));
    assert!(apply.wait().expect("chunkdelta ends").success());
    assert_eq!(lab.image(2), before);
}

#[test]
fn images_are_read_from_the_engine_by_name() {
    let Some(lab) = Lab::open("by-name") else { return };
    let new = lab.save("app-2.tar", &[2]);
    let (old_name, new_name) = (lab.in_engine(1), lab.in_engine(2));

    let delta = lab.create(&old_name, &new_name, &[]);
    assert_same(&lab.apply(&old_name, &delta), &new);
}

#[test]
fn skopeo_reads_what_apply_wrote() {
    let Some(lab) = Lab::open("skopeo-reads") else { return };
    let (old, new) = (lab.save("app-1.tar", &[1]), lab.save("app-2.tar", &[2]));
    let out = lab.apply(&old, &lab.create(&old, &new, &[]));

    let inspect = |archive: &Path| {
        run(lab.skopeo().arg("inspect").arg(prefixed("docker-archive:", archive, "")))
    };
    assert_eq!(inspect(&out), inspect(&new));
    for form in Form::ALL {
        let copy = lab.convert(&out, form, 2);
        assert!(copy.exists(), "{form:?}");
    }
}

#[test]
fn a_plain_target_can_be_applied_to_its_base_in_every_form() {
    let Some(lab) = Lab::open("base-in-every-form") else { return };
    let (old, new) = (lab.save("app-1.tar", &[1]), lab.save("app-2.tar", &[2]));
    let mut bases: Vec<PathBuf> =
        Form::ALL.iter().map(|form| lab.convert(&old, *form, 1)).collect();
    bases.push(old);

    for creator in &bases {
        let delta = lab.create(creator, &new, &[]);
        for applier in &bases {
            assert_same(&lab.apply(applier, &delta), &new);
        }
    }
}

#[test]
fn every_form_that_skopeo_writes_comes_back_from_a_base_in_its_own_form() {
    let Some(lab) = Lab::open("own-form") else { return };
    let (old, new) = (lab.save("app-1.tar", &[1]), lab.save("app-2.tar", &[2]));

    for form in Form::ALL {
        let (base, target) = (lab.convert(&old, form, 1), lab.convert(&new, form, 2));
        assert_same(&lab.apply(&base, &lab.create(&base, &target, &[])), &target);
    }
}

#[test]
fn a_portable_delta_of_every_form_can_be_applied_to_what_the_engine_saved() {
    let Some(lab) = Lab::open("portable") else { return };
    let (old, new) = (lab.save("app-1.tar", &[1]), lab.save("app-2.tar", &[2]));

    for form in Form::ALL {
        let (base, target) = (lab.convert(&old, form, 1), lab.convert(&new, form, 2));
        let delta = lab.create(&base, &target, &["--portable"]);
        assert_same(&lab.apply(&old, &delta), &target);
    }
}

#[test]
fn an_image_that_travelled_in_the_oci_form_runs() {
    let Some(lab) = Lab::open("travelled-as-oci") else { return };
    let (old, new) = (lab.save("app-1.tar", &[1]), lab.save("app-2.tar", &[2]));
    let before = lab.image(2);
    let (base, target) = (lab.convert(&old, Form::OciGzip, 1), lab.convert(&new, Form::OciGzip, 2));
    let out = lab.apply(&base, &lab.create(&base, &target, &[]));

    lab.forget(1);
    lab.forget(2);
    let back = lab.fresh("back.tar");
    run(lab.skopeo().arg("copy").arg(prefixed("oci-archive:", &out, "")).arg(prefixed(
        "docker-archive:",
        &back,
        &format!(":{}", lab.name(2)),
    )));
    lab.docker(&["load", "--input", text(&back)]);
    assert_eq!(lab.image(2).printed, before.printed);
}

/// What skopeo makes of a saved archive.
#[derive(Clone, Copy, Debug)]
enum Form {
    OciGzip,
    OciZstd,
    OciLayout,
    Directory,
}

impl Form {
    const ALL: [Self; 4] = [Self::OciGzip, Self::OciZstd, Self::OciLayout, Self::Directory];

    /// The transport's prefix, the reference behind the path, and the layers' compression.
    fn spelled(self) -> (&'static str, &'static str, Option<&'static str>) {
        match self {
            Self::OciGzip => ("oci-archive:", ":app", Some("gzip")),
            Self::OciZstd => ("oci-archive:", ":app", Some("zstd")),
            Self::OciLayout => ("oci:", ":app", None),
            Self::Directory => ("dir:", "", None),
        }
    }
}

/// An image in the engine: what it is and what it does.
#[derive(Debug, PartialEq)]
struct Image {
    id: String,
    printed: String,
}

/// Two versions of an image, `lab/NAME:1` and `lab/NAME:2`, in the engine that all tests share, and
/// a directory for one test's files. They share no layer with another test's images: each test may
/// remove its own and be sure that the engine has nothing left of them.
struct Lab {
    host: OsString,
    image: String,
    directory: TempDir,
}

impl Lab {
    /// Builds both versions, or says that the test is left out.
    fn open(name: &str) -> Option<Self> {
        let Some(host) = env::var_os("CHUNKDELTA_DOCKER_HOST") else {
            assert!(
                env::var_os("CHUNKDELTA_REQUIRE_ENGINE").is_none(),
                "an engine is required, but CHUNKDELTA_DOCKER_HOST names none"
            );
            // Past the capture of the test harness, which shows nothing of a test that passes.
            let note = format!("left out: {name} (needs a Docker engine, tests/run starts one)\n");
            io::stderr().write_all(note.as_bytes()).expect("standard error is open");
            return None;
        };
        let directory = tempfile::tempdir().expect("a temporary directory");
        let lab = Self { host, image: format!("lab/{name}"), directory };
        lab.build(1);
        lab.build(2);
        Some(lab)
    }

    fn build(&self, version: u8) {
        let context = self.directory.path().join(format!("context-{version}"));
        fs::create_dir(&context).expect("a directory for the build");
        let put = |name: &str, bytes: &[u8]| fs::write(context.join(name), bytes).expect(name);
        put("Dockerfile", RECIPE.as_bytes());
        put("base", &noise(&format!("{} base", self.image), 2 << 20));
        put("data", &data(&self.image, version));
        let program = programs().join(format!("hello-{version}"));
        fs::copy(program, context.join("hello")).expect("the program is compiled");
        let name = self.name(version);
        run(self
            .docker_command(&["build", "--quiet", "--network", "none", "--tag", &name])
            .arg(&context)
            .env("DOCKER_BUILDKIT", "0"));
    }

    fn name(&self, version: u8) -> String {
        format!("{}:{version}", self.image)
    }

    /// How chunkdelta is told to take a version from the engine.
    fn in_engine(&self, version: u8) -> PathBuf {
        format!("docker-daemon:{}", self.name(version)).into()
    }

    fn fresh(&self, name: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        assert!(!path.exists(), "{} is used twice", path.display());
        path
    }

    fn docker_command(&self, arguments: &[&str]) -> Command {
        let mut docker = Command::new(DOCKER);
        docker.args(arguments).env("DOCKER_HOST", &self.host);
        docker
    }

    fn docker(&self, arguments: &[&str]) -> String {
        run(&mut self.docker_command(arguments))
    }

    fn save(&self, file: &str, versions: &[u8]) -> PathBuf {
        let path = self.fresh(file);
        let names = versions.iter().map(|version| self.name(*version));
        run(self.docker_command(&["save", "--output", text(&path)]).args(names));
        path
    }

    /// The image of that version as the engine has it now, and what it prints when it runs.
    fn image(&self, version: u8) -> Image {
        let name = self.name(version);
        let id = self.docker(&["image", "inspect", "--format", "{{.Id}}", &name]);
        let printed = self.docker(&["run", "--rm", "--network", "none", &name]);
        assert!(printed.starts_with(&format!("version {version}, base ")), "{printed}");
        Image { id, printed }
    }

    fn forget(&self, version: u8) {
        let name = self.name(version);
        let id = self.docker(&["image", "inspect", "--format", "{{.Id}}", &name]);
        self.docker(&["rmi", "--force", &name]);
        let inspect = self.docker_command(&["image", "inspect", id.trim()]).output();
        assert!(!inspect.expect("docker starts").status.success(), "{name} is still there");
    }

    /// chunkdelta, with this engine and Debian's client where it reads `docker-daemon:`.
    fn chunkdelta(&self, arguments: &[&str]) -> Command {
        let inherited = env::var_os("PATH").unwrap_or_default();
        let debian = Path::new(DOCKER).parent().map(PathBuf::from);
        let path = env::join_paths(debian.into_iter().chain(env::split_paths(&inherited)));
        let mut chunkdelta = Command::new(env!("CARGO_BIN_EXE_chunkdelta"));
        chunkdelta
            .args(arguments)
            .env("PATH", path.expect("PATH can be joined"))
            .env("DOCKER_HOST", &self.host);
        chunkdelta
    }

    fn create(&self, base: &Path, target: &Path, options: &[&str]) -> PathBuf {
        let delta = self.fresh(&format!("delta-{}", self.count()));
        let mut create = self.chunkdelta(&["create", text(base), text(target), "-o", text(&delta)]);
        run(create.args(options));
        delta
    }

    fn apply(&self, base: &Path, delta: &Path) -> PathBuf {
        let out = self.fresh(&format!("out-{}", self.count()));
        run(&mut self.chunkdelta(&["apply", text(base), text(delta), "-o", text(&out)]));
        out
    }

    fn skopeo(&self) -> Command {
        let mut skopeo = Command::new("skopeo");
        skopeo.arg("--insecure-policy").arg("--tmpdir").arg(self.directory.path());
        skopeo
    }

    fn convert(&self, archive: &Path, form: Form, version: u8) -> PathBuf {
        let (prefix, reference, compression) = form.spelled();
        let path = self.fresh(&format!("{form:?}-{version}"));
        let mut copy = self.skopeo();
        copy.args(["copy", "--quiet"]);
        if let Some(compression) = compression {
            copy.args(["--dest-compress-format", compression]);
        }
        run(copy
            .arg(prefixed("docker-archive:", archive, ""))
            .arg(prefixed(prefix, &path, reference)));
        path
    }

    /// The number of files so far, for names that nothing has yet.
    fn count(&self) -> usize {
        fs::read_dir(self.directory.path()).expect("the directory is there").count()
    }
}

/// Both versions of the program, compiled once: static, so that an image needs nothing else.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<TempDir> = OnceLock::new();
    let directory = PROGRAMS.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let source = directory.path().join("hello.rs");
        fs::write(&source, PROGRAM).expect("the source can be written");
        for version in ["1", "2"] {
            run(Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
                .args(["--edition", "2024", "-O", "-C", "strip=symbols"])
                .args(["-C", "target-feature=+crt-static", "-o"])
                .arg(directory.path().join(format!("hello-{version}")))
                .arg(&source)
                .env("VERSION", version));
        }
        directory
    });
    directory.path()
}

/// A few megabytes that version 2 changes a little: bytes overwritten, inserted and deleted.
fn data(image: &str, version: u8) -> Vec<u8> {
    let mut data = noise(&format!("{image} data"), 3 << 20);
    if version == 2 {
        data[100_000..100_100].fill(0);
        data.splice(1_000_000..1_000_000, *b"inserted in version 2");
        data.drain(2_000_000..2_000_777);
    }
    data
}

/// Bytes that do not compress, the same for the same seed.
fn noise(seed: &str, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length);
    let mut output = blake3::Hasher::new().update(seed.as_bytes()).finalize_xof();
    bytes.resize(length, 0);
    output.fill(&mut bytes);
    bytes
}

/// Runs a command that must succeed and gives back what it printed.
fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the command starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?} ended with {status}\n{stdout}{stderr}");
    stdout.into_owned()
}

fn prefixed(prefix: &str, path: &Path, suffix: &str) -> OsString {
    [OsStr::new(prefix), path.as_os_str(), OsStr::new(suffix)].into_iter().collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary names are UTF-8")
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).expect("the file is there").len()
}

/// Two files with the same bytes, or two directories with the same names and bytes.
fn assert_same(found: &Path, expected: &Path) {
    if expected.is_dir() {
        assert_eq!(names(found), names(expected), "names in {}", found.display());
        for name in names(expected) {
            assert_same(&found.join(&name), &expected.join(&name));
        }
    } else {
        let read = |path: &Path| fs::read(path).expect("the file can be read");
        assert!(read(found) == read(expected), "{} is not {}", found.display(), expected.display());
    }
}

fn names(directory: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(directory).expect("the directory can be read");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry can be read").file_name()).collect();
    names.sort();
    names
}
