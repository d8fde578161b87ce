//! Images in the engine and the registry, and the programs that the tests run on them.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
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

/// What skopeo makes of a saved archive.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    OciGzip,
    OciZstd,
    OciLayout,
    Directory,
}

impl Form {
    pub(crate) const ALL: [Self; 4] =
        [Self::OciGzip, Self::OciZstd, Self::OciLayout, Self::Directory];

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
pub(crate) struct Image {
    id: String,
    pub(crate) printed: String,
}

/// Two versions of an image, `lab/NAME:1` and `lab/NAME:2`, in the engine that all tests share, and
/// a directory for one test's files. They share no layer with another test's images: each test may
/// remove its own and be sure that the engine has nothing left of them.
pub(crate) struct Lab {
    host: OsString,
    image: String,
    directory: TempDir,
}

impl Lab {
    /// Builds both versions, or says that the test is left out.
    pub(crate) fn open(name: &str) -> Option<Self> {
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

    pub(crate) fn name(&self, version: u8) -> String {
        format!("{}:{version}", self.image)
    }

    /// How chunkdelta is told to take a version from the engine.
    pub(crate) fn in_engine(&self, version: u8) -> PathBuf {
        format!("docker-daemon:{}", self.name(version)).into()
    }

    pub(crate) fn fresh(&self, name: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        assert!(!path.exists(), "{} is used twice", path.display());
        path
    }

    pub(crate) fn docker_command(&self, arguments: &[&str]) -> Command {
        let mut docker = Command::new(DOCKER);
        docker.args(arguments).env("DOCKER_HOST", &self.host);
        docker
    }

    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        run(&mut self.docker_command(arguments))
    }

    pub(crate) fn save(&self, file: &str, versions: &[u8]) -> PathBuf {
        let path = self.fresh(file);
        let names = versions.iter().map(|version| self.name(*version));
        run(self.docker_command(&["save", "--output", text(&path)]).args(names));
        path
    }

    /// The image of that version as the engine has it now, and what it prints when it runs.
    pub(crate) fn image(&self, version: u8) -> Image {
        let name = self.name(version);
        let id = self.docker(&["image", "inspect", "--format", "{{.Id}}", &name]);
        let printed = self.docker(&["run", "--rm", "--network", "none", &name]);
        assert!(printed.starts_with(&format!("version {version}, base ")), "{printed}");
        Image { id, printed }
    }

    pub(crate) fn forget(&self, version: u8) {
        let name = self.name(version);
        let id = self.docker(&["image", "inspect", "--format", "{{.Id}}", &name]);
        self.docker(&["rmi", "--force", &name]);
        let inspect = self.docker_command(&["image", "inspect", id.trim()]).output();
        assert!(!inspect.expect("docker starts").status.success(), "{name} is still there");
    }

    /// chunkdelta, with this engine and Debian's client where it reads `docker-daemon:`.
    pub(crate) fn chunkdelta(&self, arguments: &[&str]) -> Command {
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

    pub(crate) fn create(&self, base: &Path, target: &Path, options: &[&str]) -> PathBuf {
        let delta = self.fresh(&format!("delta-{}", self.count()));
        let mut create = self.chunkdelta(&["create", text(base), text(target), "-o", text(&delta)]);
        run(create.args(options));
        delta
    }

    pub(crate) fn apply(&self, base: &Path, delta: &Path) -> PathBuf {
        let out = self.fresh(&format!("out-{}", self.count()));
        run(&mut self.chunkdelta(&["apply", text(base), text(delta), "-o", text(&out)]));
        out
    }

    pub(crate) fn skopeo(&self) -> Command {
        let mut skopeo = Command::new("skopeo");
        skopeo.arg("--insecure-policy").arg("--tmpdir").arg(self.directory.path());
        skopeo
    }

    pub(crate) fn convert(&self, archive: &Path, form: Form, version: u8) -> PathBuf {
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

    /// What a version is called in the registry that `tests/run` started beside the engine.
    fn in_registry(&self, version: u8) -> String {
        let registry = env::var("CHUNKDELTA_REGISTRY");
        let registry = registry.expect("CHUNKDELTA_REGISTRY names one where there is an engine");
        format!("{registry}/{}", self.name(version))
    }

    pub(crate) fn push(&self, version: u8) {
        let name = self.in_registry(version);
        self.docker(&["tag", &self.name(version), &name]);
        self.docker(&["push", "--quiet", &name]);
        self.docker(&["rmi", &name]);
    }

    /// A copy of what the registry has, its blobs untouched.
    pub(crate) fn pull(&self, version: u8, transport: &str) -> PathBuf {
        let path = self.fresh(&format!("pulled-{}", self.count()));
        let reference = if transport == "oci:" { ":app" } else { "" };
        run(self
            .skopeo()
            .args(["copy", "--quiet", "--src-tls-verify=false"])
            .arg(format!("docker://{}", self.in_registry(version)))
            .arg(prefixed(transport, &path, reference)));
        path
    }

    /// A delta, and what `create --json` said of it.
    pub(crate) fn create_reported(
        &self,
        base: &Path,
        target: &Path,
    ) -> (PathBuf, serde_json::Value) {
        let delta = self.fresh(&format!("delta-{}", self.count()));
        let words = ["create", "--json", text(base), text(target), "-o", text(&delta)];
        let report = run(&mut self.chunkdelta(&words));
        (delta, serde_json::from_str(&report).expect("one object"))
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
pub(crate) fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the command starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?} ended with {status}\n{stdout}{stderr}");
    stdout.into_owned()
}

pub(crate) fn prefixed(prefix: &str, path: &Path, suffix: &str) -> OsString {
    [OsStr::new(prefix), path.as_os_str(), OsStr::new(suffix)].into_iter().collect()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary names are UTF-8")
}

pub(crate) fn size(path: &Path) -> u64 {
    fs::metadata(path).expect("the file is there").len()
}

/// Two files with the same bytes, or two directories with the same names and bytes.
pub(crate) fn assert_same(found: &Path, expected: &Path) {
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
