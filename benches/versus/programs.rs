//! What is compared, and by which commands. The commands are printed with the results as they stand
//! here.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::process::find;

/// The peer that ratios refer to.
pub(crate) const YARDSTICK: &str = "hdiffz -m zstd";

/// Hashing, which a site's check of what it got cannot do without.
pub(crate) const HASH: &str = "openssl dgst -sha256 TARGET";

/// What it costs to have the target on a disk at all; with `SYNC` after it.
pub(crate) const COPY: &str = "cp TARGET OUT";

/// Waits until OUT is on the disk.
pub(crate) const SYNC: &str = "sync OUT";

/// Fails where OUT is not TARGET.
pub(crate) const COMPARE: &str = "cmp TARGET OUT";

/// Options of chunkdelta's apply in as little memory as it can be told.
pub(crate) const LEAST_MEMORY: &str = "--memory 48MiB";

/// How the length of what has to be sent is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The whole delta.
    File,
    /// Of bita's archive, which holds the whole target, what `apply` fetched, and its header.
    BitaFetched,
}

/// One way to make deltas and to use them.
///
/// Commands are words with blanks between them, in which BASE, TARGET, DELTA and OUT stand for files,
/// and WINDOW for a power of two of at least BASE's length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// Makes a delta without trying it.
    pub(crate) create: &'static str,
    /// The same, but the delta is tried on BASE, where the program can.
    pub(crate) checked: Option<&'static str>,
    pub(crate) apply: &'static str,
    /// Threads that `create` and `apply` use at most.
    pub(crate) threads: (usize, usize),
    pub(crate) sent: Sent,
    /// Memory that `create` takes for each byte of BASE, where that may be more than there is.
    pub(crate) memory_per_base_byte: u64,
}

impl Program {
    pub(crate) fn is_own(&self) -> bool {
        self.create.starts_with("chunkdelta ")
    }

    /// The executables that its commands start, by name.
    pub(crate) fn executables(&self) -> impl Iterator<Item = &'static str> {
        [self.create, self.apply].into_iter().filter_map(|command| command.split(' ').next())
    }
}

const fn own(name: &'static str, create: &'static str, checked: &'static str) -> Program {
    let apply = "chunkdelta apply -q -f -j 2 BASE DELTA -o OUT";
    Program { checked: Some(checked), threads: (2, 2), ..peer(name, create, apply, (2, 2)) }
}

const fn peer(
    name: &'static str,
    create: &'static str,
    apply: &'static str,
    threads: (usize, usize),
) -> Program {
    Program {
        name,
        create,
        checked: None,
        apply,
        threads,
        sent: Sent::File,
        memory_per_base_byte: 0,
    }
}

const ZSTD_APPLY: &str = "zstd -q -f -d --long=31 --patch-from=BASE DELTA -o OUT";
const HDIFF_APPLY: &str = "hpatchz -f -p-2 BASE DELTA OUT";

/// Everything that is compared, in the order of the tables. hdiffz tries what it made unless it is
/// told `-d`: so that is what stands beside the others.
pub(crate) const PROGRAMS: [Program; 15] = [
    own(
        "chunkdelta -l 1",
        "chunkdelta create -q -f -l 1 -j 2 --no-self-check BASE TARGET -o DELTA",
        "chunkdelta create -q -f -l 1 -j 2 BASE TARGET -o DELTA",
    ),
    own(
        "chunkdelta",
        "chunkdelta create -q -f -j 2 --no-self-check BASE TARGET -o DELTA",
        "chunkdelta create -q -f -j 2 BASE TARGET -o DELTA",
    ),
    own(
        "chunkdelta -l 9",
        "chunkdelta create -q -f -l 9 -j 2 --no-self-check BASE TARGET -o DELTA",
        "chunkdelta create -q -f -l 9 -j 2 BASE TARGET -o DELTA",
    ),
    own(
        "chunkdelta -l 19",
        "chunkdelta create -q -f -l 19 -j 2 --no-self-check BASE TARGET -o DELTA",
        "chunkdelta create -q -f -l 19 -j 2 BASE TARGET -o DELTA",
    ),
    own(
        "chunkdelta --best",
        "chunkdelta create -q -f --best -j 2 --no-self-check BASE TARGET -o DELTA",
        "chunkdelta create -q -f --best -j 2 BASE TARGET -o DELTA",
    ),
    Program {
        checked: Some("hdiffz -f -m -SD -c-zstd-21-24 -p-2 BASE TARGET DELTA"),
        ..peer(
            YARDSTICK,
            "hdiffz -f -d -m -SD -c-zstd-21-24 -p-2 BASE TARGET DELTA",
            HDIFF_APPLY,
            (2, 2),
        )
    },
    Program {
        checked: Some("hdiffz -f -m -SD -c-lzma2-9-16m -p-2 BASE TARGET DELTA"),
        ..peer(
            "hdiffz -m lzma2",
            "hdiffz -f -d -m -SD -c-lzma2-9-16m -p-2 BASE TARGET DELTA",
            HDIFF_APPLY,
            (2, 2),
        )
    },
    Program {
        checked: Some("hdiffz -f -s-64 -SD -c-zstd-21-24 -p-2 BASE TARGET DELTA"),
        ..peer(
            "hdiffz -s-64 zstd",
            "hdiffz -f -d -s-64 -SD -c-zstd-21-24 -p-2 BASE TARGET DELTA",
            HDIFF_APPLY,
            (2, 2),
        )
    },
    peer(
        "zstd -3 -T2 --patch-from",
        "zstd -q -f -3 -T2 --long=31 --patch-from=BASE TARGET -o DELTA",
        ZSTD_APPLY,
        (2, 1),
    ),
    peer(
        "zstd -19 -T2 --patch-from",
        "zstd -q -f -19 -T2 --long=31 --patch-from=BASE TARGET -o DELTA",
        ZSTD_APPLY,
        (2, 1),
    ),
    peer(
        "zstd -22 --single-thread --patch-from",
        "zstd -q -f --ultra -22 --single-thread --long=31 --zstd=targetLength=4096,chainLog=30 --patch-from=BASE TARGET -o DELTA",
        ZSTD_APPLY,
        (1, 1),
    ),
    peer(
        "xdelta3 -9 lzma",
        "xdelta3 -e -q -f -9 -S lzma -B WINDOW -s BASE TARGET DELTA",
        "xdelta3 -d -q -f -B WINDOW -s BASE DELTA OUT",
        (1, 1),
    ),
    Program {
        memory_per_base_byte: 17,
        ..peer("bsdiff", "bsdiff BASE TARGET DELTA", "bspatch BASE OUT DELTA", (1, 1))
    },
    Program {
        sent: Sent::BitaFetched,
        ..peer(
            "bita, brotli",
            "bita compress --force-create --input TARGET DELTA",
            "bita clone --force-create --seed BASE DELTA OUT",
            (2, 2),
        )
    },
    peer(
        "zstd -19 -T2 alone",
        "zstd -q -f -19 -T2 --long=31 TARGET -o DELTA",
        "zstd -q -f -d --long=31 DELTA -o OUT",
        (2, 1),
    ),
];

/// Files for which a command's words stand.
#[derive(Debug)]
pub(crate) struct Places<'a> {
    pub(crate) base: &'a Path,
    /// Length of `base`, in bytes.
    pub(crate) base_len: u64,
    pub(crate) target: &'a Path,
    pub(crate) delta: &'a Path,
    pub(crate) out: &'a Path,
}

/// Where executables are looked for.
#[derive(Debug)]
pub(crate) struct Shelf {
    own: PathBuf,
    dirs: Vec<PathBuf>,
}

impl Shelf {
    /// chunkdelta is the one at `own`; all others are looked for in `dirs`, in that order.
    pub(crate) fn new(own: PathBuf, dirs: Vec<PathBuf>) -> Self {
        Self { own, dirs }
    }

    pub(crate) fn find(&self, name: &str) -> Option<PathBuf> {
        if name == "chunkdelta" { Some(self.own.clone()) } else { find(name, &self.dirs) }
    }

    /// `command` with an executable and files in it. A program that is nowhere stays a name.
    pub(crate) fn words(&self, command: &str, places: &Places) -> Vec<OsString> {
        let mut words = command.split(' ');
        let name = words.next().unwrap_or_default();
        let executable = self.find(name).unwrap_or_else(|| name.into()).into();
        std::iter::once(executable).chain(words.map(|word| places.fill(word))).collect()
    }
}

impl Places<'_> {
    fn fill(&self, word: &str) -> OsString {
        let (option, name) = match word.rsplit_once('=') {
            Some((option, name)) => (format!("{option}="), name),
            None => (String::new(), word),
        };
        let value: &OsStr = match name {
            "BASE" => self.base.as_ref(),
            "TARGET" => self.target.as_ref(),
            "DELTA" => self.delta.as_ref(),
            "OUT" => self.out.as_ref(),
            "WINDOW" => return self.base_len.next_power_of_two().to_string().into(),
            _ => return word.into(),
        };
        let mut filled = OsString::from(option);
        filled.push(value);
        filled
    }
}

/// How many bytes a client gets from a bita archive, header `archive_start` and on, that it clones with
/// what it said in `log`: the header, and the chunks that the base does not have.
pub(crate) fn bita_fetched(archive_start: &[u8], log: &str) -> Option<u64> {
    // The magic, the dictionary's length, the dictionary, the chunks' offset, a checksum.
    let length = archive_start.strip_prefix(b"BITA1\0")?.first_chunk()?;
    let header = u64::from_le_bytes(*length).checked_add(6 + 8 + 8 + 64)?;
    let line = log.lines().find_map(|line| line.split_once("Fetched "));
    header.checked_add(exact(line?.1.split_once(" from archive")?.0)?)
}

/// How long bita says, in `log`, that an archive is.
pub(crate) fn bita_archive_len(log: &str) -> Option<u64> {
    exact(log.lines().find_map(|line| line.split_once("Archive size: "))?.1)
}

/// The bytes of a size as bita writes it: `1.1 KiB (1127 bytes)`, `12 bytes`.
fn exact(size: &str) -> Option<u64> {
    let bytes = size.rsplit_once('(').map_or(size, |(_, bytes)| bytes);
    bytes.split(' ').next()?.parse().ok()
}
