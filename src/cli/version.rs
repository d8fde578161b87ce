//! What `--version` says: everything that decides the bytes of a delta.

use std::sync::LazyLock;

/// Newest version of the delta format that this program reads, and the one it writes.
const FORMAT_VERSION: u32 = 1;

/// Pinned in Cargo.toml, since its cut points decide the bytes of a delta.
const FASTCDC_VERSION: &str = "5.0.0";

/// As Cargo.toml asks for at least; chunk IDs are the same in all versions.
const BLAKE3_VERSION: &str = "1.8";

/// Version of the program, of the format and of the libraries, without the program's name.
pub(super) fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        format!(
            "{}\ndelta format {FORMAT_VERSION}\nzstd {}, fastcdc {FASTCDC_VERSION}, blake3 {BLAKE3_VERSION}",
            env!("CARGO_PKG_VERSION"),
            zstd::zstd_safe::version_string(),
        )
    });
    &TEXT
}
