//! Whether the zlib in this build is the stock one.

use std::sync::LazyLock;

use flate2::{Crc, FlushCompress};

use super::Deflate;

/// CRC-32 of what stock zlib makes of a [`sample`] at levels 1, 4 and 9, one after the other.
const EXPECTED: u32 = 0xe6ff_d985;

/// Whether deflating gives the bytes of stock zlib here.
///
/// Features of a crate are those of all its users, so a program with this library in it may have
/// put another zlib in the place of the stock one. That one must not make a blob.
pub(super) fn is_linked() -> bool {
    static IS_LINKED: LazyLock<bool> = LazyLock::new(|| sum() == EXPECTED);
    *IS_LINKED
}

fn sum() -> u32 {
    let mut out = Vec::new();
    for level in [1, 4, 9] {
        Deflate::new(level).run(&sample(), FlushCompress::Finish, &mut out);
    }
    let mut crc = Crc::new();
    crc.update(&out);
    crc.sum()
}

/// Numbers as text: matches of many lengths and distances.
fn sample() -> Vec<u8> {
    (0..2000).flat_map(|n: u32| format!("{} ", n * n % 1009).into_bytes()).collect()
}
