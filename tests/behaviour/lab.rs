//! A directory to run the command in, and another one for its temporary files.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chunkdelta::digest::Digest;
use tempfile::TempDir;

use crate::archive::{self, Compress, Members};
use crate::support::fixture;

/// Names with length, inode, and the digest of a file.
pub(crate) type State = BTreeMap<PathBuf, (u64, u64, Option<Digest>)>;

/// Where a test runs the command.
pub(crate) struct Lab {
    root: TempDir,
    spools: TempDir,
}

/// What a run said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Told {
    pub(crate) fn stdout(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("UTF-8")
    }

    /// Everything went well.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn has(&self, words: &[&str]) {
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in: {}", self.stderr);
        }
    }
}

impl Lab {
    /// An empty directory.
    pub(crate) fn new() -> Self {
        let fresh = || tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("writable");
        Self { root: fresh(), spools: fresh() }
    }

    /// Two versions of the fixture image, `base.tar` and `target.tar`.
    pub(crate) fn with_images() -> Self {
        Self::with_pair("docker26-1.tar", "docker26-2.tar")
    }

    /// Two fixtures as `base.tar` and `target.tar`.
    pub(crate) fn with_pair(base: &str, target: &str) -> Self {
        let lab = Self::new();
        fs::copy(fixture(base), lab.path("base.tar")).expect("writable");
        fs::copy(fixture(target), lab.path("target.tar")).expect("writable");
        lab
    }

    /// The same, and `delta` from one to the other.
    pub(crate) fn with_delta() -> Self {
        let lab = Self::with_images();
        lab.create(&[]);
        lab
    }

    /// Two built images of a few layers of `len` bytes each, gzip-compressed where wanted, and the
    /// delta between them.
    pub(crate) fn with_built(len: usize, compress: Option<Compress>) -> Self {
        let lab = Self::new();
        for (name, layers) in ["base.tar", "target.tar"].iter().zip(archive::versions(len)) {
            let members = match compress {
                Some(compress) => Members::oci("app:1", &layers, compress),
                None => Members::docker("app:1", &layers),
            };
            lab.write(name, &members.pack());
        }
        lab
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn spools(&self) -> &Path {
        self.spools.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).expect("writable");
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    #[track_caller]
    pub(crate) fn assert_same(&self, name: &str, other: &str) {
        assert!(self.read(name) == self.read(other), "{name} is not {other}");
    }

    /// A command as it is run here, with nothing around it that changes what it says.
    pub(crate) fn command(&self, arguments: &[&str]) -> assert_cmd::Command {
        assert_cmd::Command::from_std(self.std_command(arguments))
    }

    pub(crate) fn std_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chunkdelta"));
        command
            .args(arguments)
            .current_dir(self.root())
            .env("TMPDIR", self.spools())
            .env_remove("NO_COLOR");
        command
    }

    /// The same as a user who owns nothing here; only root can become another one.
    pub(crate) fn command_as_nobody(&self, arguments: &[&str]) -> assert_cmd::Command {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
            .arg(env!("CARGO_BIN_EXE_chunkdelta"))
            .args(arguments)
            .current_dir(self.root())
            .env("TMPDIR", self.spools())
            .env_remove("NO_COLOR");
        assert_cmd::Command::from_std(command)
    }

    /// Runs it with nothing to read.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Told {
        self.finish(&mut self.command(arguments))
    }

    /// Runs it with `input` on a pipe as standard input.
    #[track_caller]
    pub(crate) fn run_with(&self, arguments: &[&str], input: Vec<u8>) -> Told {
        self.finish(self.command(arguments).write_stdin(input))
    }

    #[track_caller]
    pub(crate) fn finish(&self, command: &mut assert_cmd::Command) -> Told {
        let output = command.timeout(Duration::from_secs(120)).output().expect("runs");
        self.assert_no_spool();
        Told {
            code: output.status.code().expect("no signal"),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// No temporary file is left.
    #[track_caller]
    pub(crate) fn assert_no_spool(&self) {
        let left = fs::read_dir(self.spools()).expect("there").count();
        assert_eq!(left, 0, "a temporary file stayed");
    }

    /// Starts it in the background; both outputs are pipes.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.std_command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("starts")
    }

    /// Waits for what [`Lab::spawn`] started. A signal that came before the process could handle
    /// it counts as its shell would tell it.
    #[track_caller]
    pub(crate) fn wait(&self, child: Child) -> Told {
        let output = child.wait_with_output().expect("ends");
        self.assert_no_spool();
        let signal = || 128 + output.status.signal().expect("an end");
        Told {
            code: output.status.code().unwrap_or_else(signal),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Makes `delta` from `base.tar` to `target.tar`.
    #[track_caller]
    pub(crate) fn create(&self, more: &[&str]) -> Told {
        self.run(&[&["create", "base.tar", "target.tar", "-o", "delta"], more].concat()).ok()
    }

    /// Runs what must be refused with `code`: nothing appears, nothing goes, nothing stays, and
    /// standard output is empty. Returns what was said.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, arguments: &[&str]) -> Told {
        self.refusal(code, &mut self.command(arguments))
    }

    #[track_caller]
    pub(crate) fn refused_with(&self, code: i32, arguments: &[&str], input: Vec<u8>) -> Told {
        self.refusal(code, self.command(arguments).write_stdin(input))
    }

    #[track_caller]
    pub(crate) fn refusal(&self, code: i32, command: &mut assert_cmd::Command) -> Told {
        let before = self.state();
        let told = self.finish(command);
        assert_eq!(told.code, code, "{}", told.stderr);
        assert_eq!(told.stdout(), "", "{}", told.stderr);
        let errors = told.stderr.lines().filter(|line| line.starts_with("chunkdelta: error: "));
        assert_eq!(errors.count(), 1, "{}", told.stderr);
        assert_eq!(self.state(), before, "the directory changed: {}", told.stderr);
        told
    }

    /// What is in the directory: every name with length, inode and digest.
    pub(crate) fn state(&self) -> State {
        let mut state = BTreeMap::new();
        let mut pending = vec![self.root().to_owned()];
        while let Some(directory) = pending.pop() {
            for entry in fs::read_dir(&directory).expect("there") {
                let path = entry.expect("there").path();
                let metadata = path.symlink_metadata().expect("there");
                let digest =
                    metadata.is_file().then(|| Digest::of(&fs::read(&path).expect("readable")));
                if metadata.is_dir() {
                    pending.push(path.clone());
                }
                state.insert(path, (metadata.len(), metadata.ino(), digest));
            }
        }
        state
    }

    /// Names in the directory itself, in order.
    pub(crate) fn listing(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root()).expect("there");
        let name = |entry: io::Result<fs::DirEntry>| {
            entry.expect("there").file_name().into_string().expect("ASCII")
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }
}

/// Two trees hold the same directories and the same files with the same bytes.
#[track_caller]
pub(crate) fn assert_same_tree(one: &Path, other: &Path) {
    let tree = |root: &Path| {
        let mut found = BTreeMap::new();
        let mut pending = vec![root.to_owned()];
        while let Some(directory) = pending.pop() {
            for entry in fs::read_dir(&directory).expect("there") {
                let path = entry.expect("there").path();
                let name = path.strip_prefix(root).expect("below").to_owned();
                if path.is_dir() {
                    found.insert(name, None);
                    pending.push(path);
                } else {
                    found.insert(name, Some(Digest::of(&fs::read(&path).expect("readable"))));
                }
            }
        }
        found
    };
    assert_eq!(tree(one), tree(other));
}

/// Copies a directory.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("writable");
    for entry in fs::read_dir(from).expect("there") {
        let path = entry.expect("there").path();
        let to = to.join(path.file_name().unwrap_or(OsStr::new("")));
        if path.is_dir() {
            copy_tree(&path, &to);
        } else {
            fs::copy(&path, &to).expect("writable");
        }
    }
}

/// Is this the user that may do everything? A test that needs it leaves itself out otherwise.
pub(crate) fn is_root(test: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        left_out(test, "is not root");
    }
    is_root
}

/// Says that a test was left out, or fails under `CHUNKDELTA_REQUIRE_ENGINE`, which promises a
/// machine that can do all of them.
pub(crate) fn left_out(test: &str, why: &str) {
    let is_required = std::env::var_os("CHUNKDELTA_REQUIRE_ENGINE").is_some();
    assert!(!is_required, "{test} cannot run here, and it is required: this user {why}");
    let line = format!("left out, since this user {why}: {test}\n");
    io::stderr().write_all(line.as_bytes()).expect("writable");
}
