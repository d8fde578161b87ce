//! How a person names an image.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::ImageError;

/// A parsed name of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where it lies.
    pub location: Location,
    /// Which of several images is meant; `None` for all of them.
    pub selector: Option<Selector>,
}

/// Where an image lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// Standard input.
    Stdin,
    /// A file or a directory.
    Path(PathBuf),
    /// An image of the Docker engine, by name.
    Daemon(String),
}

/// Which of several images is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The image of that name, tag or digest.
    Name(String),
    /// `@N`: the image of that number, from 0.
    Index(usize),
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Index(index) => write!(f, "@{index}"),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::fault::Shown;
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::Path(path) => Shown(path).fmt(f),
            Self::Daemon(name) => write!(f, "docker-daemon:{}", Shown(name.as_str())),
        }
    }
}

/// Prefixes that name files here.
const FILE_PREFIXES: [&str; 3] = ["docker-archive:", "oci-archive:", "oci:"];

/// Prefixes that other tools know and that are not read.
const FOREIGN_PREFIXES: [&str; 9] = [
    "docker://",
    "containers-storage:",
    "ostree:",
    "atomic:",
    "sif:",
    "tarball:",
    "nerdctl:",
    "http://",
    "https://",
];

impl Reference {
    /// Reads what a person wrote. `exists` tells whether a path is there: a file whose name holds a
    /// `:` wins over a prefix or a `:REF`.
    ///
    /// # Errors
    /// [`ImageError::Transport`] for a known prefix that is not read, [`ImageError::Reference`]
    /// for a name or path that is empty.
    pub fn parse(text: &OsStr, exists: impl Fn(&Path) -> bool) -> Result<Self, ImageError> {
        if text == "-" {
            return Ok(Self { location: Location::Stdin, selector: None });
        }
        let bytes = text.as_bytes();
        let fault = |reason| ImageError::Reference {
            reference: text.to_string_lossy().into_owned(),
            reason,
        };
        if bytes.is_empty() {
            return Err(fault("it is empty"));
        }
        if exists(Path::new(text)) {
            return Ok(Self::path(bytes, None));
        }
        if let Some(name) = bytes.strip_prefix(b"docker-daemon:") {
            let name = std::str::from_utf8(name).map_err(|_| fault("the name is not text"))?;
            if name.is_empty() {
                return Err(fault("no name follows the prefix"));
            }
            return Ok(Self { location: Location::Daemon(name.to_owned()), selector: None });
        }
        for transport in FOREIGN_PREFIXES {
            if bytes.starts_with(transport.as_bytes()) {
                let reference = text.to_string_lossy().into_owned();
                return Err(ImageError::Transport { transport, reference });
            }
        }
        if let Some(path) = bytes.strip_prefix(b"dir:") {
            return non_empty(Self::path(path, None)).ok_or_else(|| fault("no path follows it"));
        }
        for prefix in FILE_PREFIXES {
            if let Some(rest) = bytes.strip_prefix(prefix.as_bytes()) {
                let reference = Self::with_selector(rest, &exists);
                return non_empty(reference).ok_or_else(|| fault("no path follows it"));
            }
        }
        Ok(Self::bare(bytes, &exists))
    }

    fn path(path: &[u8], selector: Option<Selector>) -> Self {
        let path = PathBuf::from(OsStr::from_bytes(path));
        Self { location: Location::Path(path), selector }
    }

    /// `FILE[:REF]`: the longest path that exists, else what stands before the first colon.
    fn with_selector(rest: &[u8], exists: &impl Fn(&Path) -> bool) -> Self {
        let is_there = |path: &[u8]| exists(Path::new(OsStr::from_bytes(path)));
        if is_there(rest) {
            return Self::path(rest, None);
        }
        let colons = || rest.iter().enumerate().filter(|(_, byte)| **byte == b':');
        let colon = colons().map(|(at, _)| at).rfind(|at| is_there(&rest[..*at]));
        let Some(at) = colon.or_else(|| colons().map(|(at, _)| at).next()) else {
            return Self::path(rest, None);
        };
        Self::path(&rest[..at], selector(&rest[at + 1..]))
    }

    /// A bare path, of which only a trailing `@N` or `:@N` can be split off.
    fn bare(path: &[u8], exists: &impl Fn(&Path) -> bool) -> Self {
        if let Some(at) = path.iter().rposition(|byte| *byte == b'@')
            && let Some(index @ Selector::Index(_)) = selector(&path[at..])
        {
            let file = path[..at].strip_suffix(b":").unwrap_or(&path[..at]);
            if exists(Path::new(OsStr::from_bytes(file))) {
                return Self::path(file, Some(index));
            }
        }
        Self::path(path, None)
    }
}

fn non_empty(reference: Reference) -> Option<Reference> {
    (reference.location != Location::Path(PathBuf::new())).then_some(reference)
}

fn selector(text: &[u8]) -> Option<Selector> {
    let text = String::from_utf8_lossy(text).into_owned();
    if text.is_empty() {
        return None;
    }
    let index = text.strip_prefix('@').and_then(|digits| digits.parse().ok());
    Some(index.map_or(Selector::Name(text), Selector::Index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Class, Explain as _};

    fn parse(text: &str, there: &[&str]) -> Result<Reference, ImageError> {
        Reference::parse(OsStr::new(text), |path| there.iter().any(|name| path == Path::new(name)))
    }

    fn path(path: &str, selector: Option<Selector>) -> Reference {
        Reference { location: Location::Path(path.into()), selector }
    }

    fn name(name: &str) -> Selector {
        Selector::Name(name.to_owned())
    }

    #[test]
    fn every_spelling_is_read() {
        for (text, reference) in [
            ("a.tar", path("a.tar", None)),
            ("dir:d", path("d", None)),
            ("dir:d:x", path("d:x", None)),
            ("oci:d", path("d", None)),
            ("oci:/x/d:v1", path("/x/d", Some(name("v1")))),
            ("docker-archive:a.tar:r.io:5000/n:v", path("a.tar", Some(name("r.io:5000/n:v")))),
            ("docker-archive:a.tar:@2", path("a.tar", Some(Selector::Index(2)))),
            ("oci-archive:a.tar:@x", path("a.tar", Some(name("@x")))),
            ("oci-archive:a.tar:", path("a.tar", None)),
            ("a.tar@1", path("a.tar", Some(Selector::Index(1)))),
            ("a.tar:@1", path("a.tar", Some(Selector::Index(1)))),
            ("none.tar@1", path("none.tar@1", None)),
            ("host:file", path("host:file", None)),
        ] {
            assert_eq!(parse(text, &["a.tar"]).expect("lawful"), reference, "{text}");
        }
        let stdin = parse("-", &["-"]).expect("lawful");
        assert_eq!(stdin.location, Location::Stdin);
        let daemon = parse("docker-daemon:n:v", &[]).expect("lawful");
        assert_eq!(daemon.location, Location::Daemon("n:v".to_owned()));
    }

    #[test]
    fn an_existing_file_with_a_colon_in_its_name_wins() {
        for text in ["oci:d", "docker://x", "docker-daemon:x", "a:b@1"] {
            assert_eq!(parse(text, &[text]).expect("lawful"), path(text, None));
        }
        let split = parse("docker-archive:a:b:c", &["a:b", "a"]).expect("lawful");
        assert_eq!(split, path("a:b", Some(name("c"))));
        let whole = parse("docker-archive:a:b:c", &["a:b:c", "a:b"]).expect("lawful");
        assert_eq!(whole, path("a:b:c", None));
    }

    #[test]
    fn other_transports_are_named_with_what_helps() {
        let error = parse("docker://alpine:3", &[]).expect_err("not read");
        assert_eq!(error.to_string(), "docker:// is not read here (reference=docker://alpine:3)");
        assert_eq!(error.class(), Class::Unsupported);
        assert_eq!(
            error.hint().expect("has one"),
            "fetch it first with `skopeo copy docker://alpine:3 docker-archive:image.tar`"
        );
    }

    #[test]
    fn an_empty_name_is_a_usage_error() {
        for text in ["", "oci:", "dir:", "docker-daemon:", "oci-archive::v"] {
            assert_eq!(parse(text, &[]).expect_err("empty").class(), Class::Usage, "{text:?}");
        }
    }
}
