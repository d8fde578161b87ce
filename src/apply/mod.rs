//! `apply`: a base and a delta in, the target out, every blob proved before it appears.
//!
//! ```text
//! DELTA -> every block checked -> Delta -> needs -+-> memory? space? -> (limit)
//! BASE  -> Image -> what its documents claim -----+-> all there?     -> (base mismatch)
//!                     inflate what copies need -> sources -> delta::apply -> OUT
//! ```
//!
//! The base's digests are believed until something does not come out right; then the layers that
//! were used are hashed and the wrong one is named.

mod base;
mod input;
mod sink;
mod trace;

use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use base::{Base, Names};
pub use input::{DeltaFile, open_delta};
use sink::Destination;

use crate::delta::{self, ApplyError, ApplyOptions as RunOptions, ApplyStats};
use crate::error::Error;
use crate::fault::FileError;
use crate::format::{Delta, Needs};
use crate::image::{self, Image, OpenOptions, Reference};
use crate::observer::{Detail, Observer, Stage};
use crate::publish::{Input, Output};
use crate::scratch::ScratchFile;
use crate::source::Scratch;
use crate::spool::Spooler;
use crate::units::Size;

/// How a delta is applied.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// Threads; hashing has one for each open node beside them.
    pub jobs: NonZeroUsize,
    /// Memory to stay within.
    pub memory: Size,
    /// Where temporary files go; `None` for the usual place.
    pub tmpdir: Option<PathBuf>,
    /// Replace an existing output.
    pub may_replace: bool,
}

/// What the command does where nothing is said.
impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            jobs: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            memory: Size(200_000_000),
            tmpdir: None,
            may_replace: false,
        }
    }
}

/// What `apply` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyReport {
    /// Bytes of all outputs.
    pub output_len: u64,
    /// Outputs: files and empty directories.
    pub outputs: u64,
    /// Bytes of the delta.
    pub delta_len: u64,
    /// Bytes by where they came from.
    pub stats: ApplyStats,
}

/// Memory that applying takes besides decoders' windows: pieces on their way to hashers, buffers
/// of streams, tables of a decoder for each stream.
const FIXED_MEMORY: u64 = 24 << 20;

/// Rebuilds the target of `delta` from `base` and publishes it as `output`.
///
/// # Errors
/// [`Error`], and then nothing has appeared.
pub fn apply(
    base: &OsStr,
    delta: &OsStr,
    output: &Path,
    options: &ApplyOptions,
    observer: &dyn Observer,
) -> Result<ApplyReport, Error> {
    let output = prepare(base, delta, output, options.may_replace)?;
    let job = Job::open(base, delta, options, observer)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.jobs.get()).build()?;
    let mut destination = Destination::stage(output, &job.delta, &job.spooler)?;
    let stats = pool.install(|| job.run(&mut destination))?;
    observer.stage(Stage::Publish, None);
    destination.publish()?;
    Ok(job.report(stats))
}

/// Does everything that [`apply`] does but writing an output.
///
/// # Errors
/// As [`apply`].
pub fn verify(
    delta: &OsStr,
    base: &OsStr,
    options: &ApplyOptions,
    observer: &dyn Observer,
) -> Result<ApplyReport, Error> {
    let job = Job::open(base, delta, options, observer)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.jobs.get()).build()?;
    let mut destination = Destination::nowhere(&job.delta, &job.spooler)?;
    let stats = pool.install(|| job.run(&mut destination))?;
    Ok(job.report(stats))
}

fn prepare(base: &OsStr, delta: &OsStr, output: &Path, may_replace: bool) -> Result<Output, Error> {
    let base =
        Reference::parse(base, Path::exists).map_err(Error::image(&base.to_string_lossy()))?;
    let mut inputs = Vec::new();
    match &base.location {
        image::Location::Path(path) => inputs.push(Input::replaceable("BASE", path)),
        image::Location::Stdin => inputs.push(Input::replaceable("BASE", Input::stdin())),
        image::Location::Daemon(_) => {}
    }
    let delta = if delta == "-" { Input::stdin() } else { Path::new(delta) };
    inputs.push(Input::kept("DELTA", delta));
    Ok(Output::prepare(output, may_replace, &inputs)?)
}

/// A delta and a base that fit each other.
struct Job<'a> {
    options: &'a ApplyOptions,
    observer: &'a dyn Observer,
    spooler: Spooler,
    file: DeltaFile,
    delta: Delta,
    delta_name: String,
    base_name: String,
    base: Image,
}

impl<'a> Job<'a> {
    /// Opens and judges the delta, then this machine, then the base.
    fn open(
        base: &OsStr,
        delta: &OsStr,
        options: &'a ApplyOptions,
        observer: &'a dyn Observer,
    ) -> Result<Self, Error> {
        let spooler = Spooler::new(options.tmpdir.clone());
        let delta_name = delta.to_string_lossy().into_owned();
        let (file, delta) = open_delta(delta, &spooler, observer)?;
        check_memory(delta.needs(), delta::re_encode_memory(&delta), options.memory)?;
        observer.stage(Stage::ReadBase, None);
        let base_name = base.to_string_lossy().into_owned();
        let reference = Reference::parse(base, Path::exists).map_err(Error::image(&base_name))?;
        let image = image::open(
            &reference,
            &OpenOptions {
                spooler: &spooler,
                // What the base lacks matters only where the delta needs it.
                allow_missing: true,
                is_mapped: false,
                observer,
            },
        )?;
        for note in &image.notes {
            observer.note(Detail::Layers, format_args!("{base_name}: {note}"));
        }
        Ok(Self { options, observer, spooler, file, delta, delta_name, base_name, base: image })
    }

    fn run(&self, destination: &mut Destination) -> Result<ApplyStats, Error> {
        let names = Names { base: &self.base_name, delta: &self.delta_name };
        let base = Base::new(&self.delta, &self.base, names);
        base.check_complete()?;
        let sources = base.sources(&self.spooler, self.observer);
        if sources.is_err() {
            self.check_unchanged()?;
        }
        let sources = sources?;
        let needs = self.delta.needs();
        let encoders = delta::re_encode_memory(&self.delta);
        let scratch = if fits_at_once(needs, encoders, self.options.memory) {
            None
        } else {
            Some(ScratchFile::create(&self.spooler, needs.largest_group)?)
        };
        let kept = match self.delta.header().declared.kept_peak {
            0 => None,
            peak => Some(ScratchFile::create(&self.spooler, peak)?),
        };
        self.observer.stage(Stage::Rebuild, Some(needs.output_len));
        let options = RunOptions {
            is_unverified: false,
            scratch: scratch.as_ref().map(|scratch| scratch as &dyn Scratch),
            kept: kept.as_ref().map(|kept| kept as &dyn Scratch),
        };
        let mut sink = sink::Counted { destination, observer: self.observer };
        let result = delta::apply(&self.delta, &self.file, &sources, &mut sink, options);
        self.check_unchanged()?;
        let stats = result.map_err(|error| match error {
            ApplyError::Output(error) => FileError::at("write", destination.named())(error).into(),
            ApplyError::Scratch(error) => {
                FileError::at("write a temporary file in", self.spooler.dir())(error).into()
            }
            error => base.blame(error),
        })?;
        let encoders = trace::Encoders::new(&self.delta, &self.file);
        for line in trace::trace(&self.delta, &base, &encoders) {
            self.observer.note(Detail::Layers, format_args!("{line}"));
        }
        Ok(stats)
    }

    /// Who changes an input while it is read causes other errors, none of which says why.
    fn check_unchanged(&self) -> Result<(), Error> {
        self.file.check_unchanged()?;
        self.base.check_unchanged().map_err(Error::image(&self.base_name))
    }

    fn report(&self, stats: ApplyStats) -> ApplyReport {
        ApplyReport {
            output_len: self.delta.needs().output_len,
            outputs: self.delta.header().outputs.len() as u64,
            delta_len: self.delta.file_len(),
            stats,
        }
    }
}

/// All streams of a group open at once, or one after the other?
fn fits_at_once(needs: &Needs, encoders: u64, memory: Size) -> bool {
    needs.window_sum.saturating_add(encoders).saturating_add(FIXED_MEMORY) <= memory.0
}

fn check_memory(needs: &Needs, encoders: u64, memory: Size) -> Result<(), Error> {
    let least = needs.largest_window.saturating_add(encoders).saturating_add(FIXED_MEMORY);
    if least <= memory.0 {
        return Ok(());
    }
    let what = "applying this delta".to_owned();
    Err(Error::Memory { what, wanted: Size(least), limit: memory })
}
