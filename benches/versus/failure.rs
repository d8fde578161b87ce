//! Why the benchmark, or one row of it, came to nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// Why something was not measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{words}: {status}: {said}")]
    Command { words: String, status: ExitStatus, said: String },
    #[error("{program} did not give {} back", target.display())]
    Mismatch { program: String, target: PathBuf },
    #[error("{} is no archive with a manifest.json and uncompressed layers: {missing}", path.display())]
    NotSaved { path: PathBuf, missing: String },
    #[error("{said} is not a size such as 8GB")]
    Size { said: String },
    #[error("no PAIR-1.tar with its PAIR-2.tar in {}", dir.display())]
    NoPairs { dir: PathBuf },
}

/// Says of which file an error is.
pub(crate) trait At<T> {
    /// The same with the file's name.
    ///
    /// # Errors
    ///
    /// As it was.
    fn at(self, path: &Path) -> Result<T, Failure>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T, Failure> {
        self.map_err(|source| Failure::Io { path: path.to_owned(), source })
    }
}
