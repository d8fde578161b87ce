//! `create`: two images in, a delta out, proved before it appears.
//!
//! This is the only place that sees images, the encoder and files together:
//!
//! ```text
//! BASE   -> Image -> contents (mapped, inflated) -> base index -+
//! TARGET -> Image -> nodes    (mapped, stretches) --------------+-> encode -> body
//!                    digests  (claimed)           -> hashed beside that, verified last
//!                                                                    head + body -> OUT
//!                                              apply against TARGET  <- self-check
//! ```

mod alone;
mod claims;
mod content_only;
mod contents;
mod inflate;
mod named;
mod recreate;
mod report;
mod self_check;
mod shares;
mod stretches;
mod target;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Seek as _, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

pub use alone::ZstdLen;
use claims::Digests;
use contents::Held;
use inflate::LayerInflater;
use named::Named;
use recreate::{TargetContents, Wrapper};

pub use report::{CreateReport, ImageReport, LayerReport, Outcome};
pub use shares::Shares;

use crate::chunker::ChunkerParams;
use crate::delta::{self, BaseContent, EncodeOptions, Encoded, Level, Stages, Workers};
use crate::error::Error;
use crate::fault::FileError;
use crate::format::{check, encode_head};
use crate::image::{self, Image, Location, OpenOptions, Reference};
use crate::observer::{Counter, Detail, Observer, Stage};
use crate::publish::{Input, Output, Staged};
use crate::scratch::ScratchFile;
use crate::source::Scratch;
use crate::spool::Spooler;
use crate::units::Size;

/// How a delta is made.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each one is a switch of the command line")]
pub struct CreateOptions {
    /// How small the delta is to become.
    pub level: Level,
    /// Threads.
    pub jobs: NonZeroUsize,
    /// Memory to stay within.
    pub memory: Size,
    /// Where temporary files go; `None` for the usual place.
    pub tmpdir: Option<PathBuf>,
    /// Prove the delta before it appears.
    pub has_self_check: bool,
    /// What looks for the target's bytes in the base.
    pub stages: Stages,
    /// Carry what would be held, for bases that are compressed otherwise.
    pub is_portable: bool,
    /// Make the delta against the target with plain layers.
    pub is_content_only: bool,
    /// Go on where an image lacks a layer.
    pub allow_missing: bool,
    /// Replace an existing output.
    pub may_replace: bool,
}

/// The level where none is given: a delta of a usual update takes seconds, and is hardly larger than at
/// any other level.
pub const DEFAULT_LEVEL: u8 = 9;

/// What the command does where nothing is said.
impl Default for CreateOptions {
    fn default() -> Self {
        Self {
            level: DEFAULT_LEVEL.into(),
            jobs: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            memory: Size(600_000_000),
            tmpdir: None,
            has_self_check: true,
            stages: Stages::ALL,
            is_portable: false,
            is_content_only: false,
            allow_missing: false,
            may_replace: false,
        }
    }
}

/// Memory that `create` takes besides its coders: index, instructions, buffers. 8 GB of base take
/// 17 MB of index; the rest is what a run on the largest corpus pair was seen to take.
const FIXED_MEMORY: u64 = 96 << 20;

/// The least memory that [`create`] works with at a level.
pub fn least_memory(level: Level) -> Size {
    let one = Workers::within(level, 0, 1).err();
    Size(one.unwrap_or(0).saturating_add(FIXED_MEMORY))
}

/// Makes a delta that turns the image `base` into the image `target` and publishes it as `output`.
///
/// # Errors
/// [`Error`], and then nothing has appeared.
pub fn create(
    base: &OsStr,
    target: &OsStr,
    output: &Path,
    options: &CreateOptions,
    observer: &dyn Observer,
) -> Result<CreateReport, Error> {
    let memory = options.memory.0.saturating_sub(FIXED_MEMORY);
    let workers = Workers::within(options.level, memory, options.jobs.get());
    let workers = workers.map_err(|_| Error::Memory {
        what: format!("create at level {}", options.level.number()),
        wanted: least_memory(options.level),
        limit: options.memory,
    })?;
    let names = Names::parse(base, target)?;
    let output = names.prepare(output, options.may_replace)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.jobs.get()).build()?;
    pool.install(|| Run { names: &names, options, workers, observer }.create(output))
}

/// What the user named.
struct Names {
    base: Reference,
    target: Reference,
    base_text: String,
    target_text: String,
}

impl Names {
    fn parse(base: &OsStr, target: &OsStr) -> Result<Self, Error> {
        let parse = |text: &OsStr| {
            let shown = text.to_string_lossy().into_owned();
            Reference::parse(text, Path::exists)
                .map_err(Error::image(&shown))
                .map(|name| (name, shown))
        };
        let (base, base_text) = parse(base)?;
        let (target, target_text) = parse(target)?;
        if target.selector.is_some() {
            return Err(Error::TargetSelector { target: target.location.to_string() });
        }
        Ok(Self { base, target, base_text, target_text })
    }

    fn prepare(&self, output: &Path, may_replace: bool) -> Result<Output, Error> {
        let mut inputs = Vec::new();
        for (role, reference) in [("BASE", &self.base), ("TARGET", &self.target)] {
            match &reference.location {
                Location::Path(path) => inputs.push(Input::kept(role, path)),
                Location::Stdin => inputs.push(Input::kept(role, Input::stdin())),
                Location::Daemon(_) => {}
            }
        }
        Ok(Output::prepare(output, may_replace, &inputs)?)
    }
}

struct Run<'a> {
    names: &'a Names,
    options: &'a CreateOptions,
    workers: Workers,
    observer: &'a dyn Observer,
}

impl Run<'_> {
    fn create(&self, output: Output) -> Result<CreateReport, Error> {
        let spooler = Spooler::new(self.options.tmpdir.clone());
        let base = self.open(&self.names.base, &spooler, Stage::ReadBase)?;
        let target = self.open(&self.names.target, &spooler, Stage::ReadTarget)?;
        let target = self.content_only(target, &spooler)?;
        let unchanged = || {
            base.check_unchanged().map_err(Error::image(&self.names.base_text))?;
            target.check_unchanged().map_err(Error::image(&self.names.target_text))
        };
        // One thread or the other is idle now and then: then it finds the second job.
        let (made, zstd) = rayon::join(
            || self.make(&base, &target, output, &spooler),
            || alone::zstd_len(&target).ok(),
        );
        // Who changes an input while it is read causes other errors, none of which says why.
        unchanged()?;
        let (staged, report) = made?;
        let report = CreateReport { zstd, ..report };
        self.observer.stage(Stage::Publish, None);
        staged.publish()?;
        Ok(report)
    }

    /// The target with plain layers, where that is wanted.
    fn content_only(&self, target: Image, spooler: &Spooler) -> Result<Image, Error> {
        if !self.options.is_content_only {
            return Ok(target);
        }
        let rewriter = content_only::Rewriter {
            name: &self.names.target_text,
            spooler,
            inflater: &LayerInflater::new(spooler, self.options.memory.0),
            allow_missing: self.options.allow_missing,
            observer: self.observer,
        };
        rewriter.rewrite(target)
    }

    /// Makes the delta and proves it.
    fn make(
        &self,
        base: &Image,
        target: &Image,
        output: Output,
        spooler: &Spooler,
    ) -> Result<(Staged, CreateReport), Error> {
        let base = Named { image: base, name: &self.names.base_text };
        let target = Named { image: target, name: &self.names.target_text };
        // Nothing else that takes much memory is there yet.
        let inflater = LayerInflater::new(spooler, self.options.memory.0);
        let base_inflated = inflater.keep(base, &|_| true, self.observer)?;
        let contents =
            TargetContents::new(target, base.image, &base_inflated, &inflater, self.observer)?;
        let held = Held::new(base, &base_inflated);
        inflate::verify(base, base_inflated.iter().map(Option::as_ref))?;
        inflate::verify(target, contents.all())?;
        rayon::scope(|scope| {
            self.observer.stage(Stage::Index, Some(held.pool_len()));
            let digests = Digests::new(base, target, held.plain(), scope);
            let mut pool = held.contents();
            self.observer.stage(Stage::Recognise, None);
            let is_portable = self.options.is_portable;
            let recreations = contents.recreations(target.image, is_portable);
            let wrapper = Wrapper::of(target.image);
            let compressed = target::Compressed {
                contents: &contents,
                recreations: &recreations,
                wrapper: wrapper.as_ref(),
                is_portable,
            };
            let mut plan = target::plan(target.image, &digests, &held, compressed);
            let options = self.encode_options(held.pool_len());
            let mut body = spooler.create(None)?;
            let made = self.encode(&mut pool, &mut plan, options, (&mut body, output), spooler);
            self.observer.stage(Stage::Verify, None);
            // A false claim explains whatever else went wrong.
            digests.verify()?;
            let (staged, encoded, len) = made?;
            let report = self.report(base.image, target.image, &plan, &encoded, len);
            Ok((staged, report))
        })
    }

    /// Encodes what was planned by way of `body`, and proves it; returns what is to appear with its length.
    fn encode(
        &self,
        pool: &mut [BaseContent<'_>],
        plan: &mut target::Plan<'_>,
        options: EncodeOptions,
        (body, output): (&mut File, Output),
        spooler: &Spooler,
    ) -> Result<(Staged, Encoded, u64), Error> {
        self.observer.stage(Stage::Encode, None);
        let encoded = delta::encode(pool, plan.give_target(), options, body)
            .map_err(FileError::at("write a temporary file in", spooler.dir()))?;
        let (staged, len) = stage(&encoded, body, output, spooler)?;
        if self.options.has_self_check {
            self.self_check(&staged, &encoded, plan, pool, spooler)?;
        }
        Ok((staged, encoded, len))
    }

    fn encode_options(&self, pool_len: u64) -> EncodeOptions {
        EncodeOptions {
            level: self.options.level,
            params: ChunkerParams::for_pool(pool_len),
            workers: self.workers,
            stages: self.options.stages,
        }
    }

    fn self_check(
        &self,
        staged: &Staged,
        encoded: &Encoded,
        plan: &target::Plan<'_>,
        pool: &[BaseContent<'_>],
        spooler: &Spooler,
    ) -> Result<(), Error> {
        self.observer.stage(Stage::SelfCheck, Some(plan.output_len()));
        let kept = match encoded.header.declared.kept_peak {
            0 => None,
            peak => Some(ScratchFile::create(spooler, peak)?),
        };
        let kept = kept.as_ref().map(|kept| kept as &dyn Scratch);
        self_check::prove(staged.file(), plan, pool, kept)
    }

    fn open(&self, reference: &Reference, spooler: &Spooler, stage: Stage) -> Result<Image, Error> {
        self.observer.stage(stage, None);
        let image = image::open(
            reference,
            &OpenOptions {
                spooler,
                allow_missing: self.options.allow_missing,
                is_mapped: true,
                observer: self.observer,
            },
        )?;
        for note in &image.notes {
            self.observer.note(Detail::Layers, format_args!("{}: {note}", reference.location));
        }
        Ok(image)
    }

    fn report(
        &self,
        base: &Image,
        target: &Image,
        plan: &target::Plan<'_>,
        encoded: &Encoded,
        delta_len: u64,
    ) -> CreateReport {
        let report = report::report(base, target, plan, encoded, delta_len);
        for layer in &report.layers {
            self.observer.note(Detail::Layers, format_args!("{layer}"));
            self.count(layer.outcome);
        }
        report
    }

    fn count(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Reused => Counter::ReusedLayers,
            Outcome::Held => Counter::HeldLayers,
            Outcome::Rebuilt(_) => Counter::RebuiltLayers,
            Outcome::Stored => Counter::StoredLayers,
        };
        self.observer.count(counter, 1);
        if let Outcome::Rebuilt(stats) = outcome {
            self.observer.count(Counter::Copies, stats.copies);
            self.observer.count(Counter::CopiedBytes, stats.base_bytes);
            self.observer.count(Counter::OwnCopiedBytes, stats.target_bytes);
            self.observer.count(Counter::ZeroBytes, stats.zero_bytes);
            self.observer.count(Counter::LiteralBytes, stats.literal_bytes);
        }
    }
}

/// Writes the delta where it will appear; returns that with its length.
fn stage(
    encoded: &Encoded,
    body: &mut File,
    output: Output,
    spooler: &Spooler,
) -> Result<(Staged, u64), Error> {
    // A delta that breaks a ceiling is found here, whether or not it is checked afterwards.
    check(&encoded.header, encoded.body_len).map_err(Error::TooLarge)?;
    let head = encode_head(&encoded.header, encoded.body_len)
        .map_err(FileError::at("write", Path::new("the header")))?;
    let len = head.len() as u64 + encoded.body_len;
    let staged = output.stage_file(spooler, Some(len))?;
    assemble(staged.file(), &head, body).map_err(FileError::at("write", Path::new("the delta")))?;
    Ok((staged, len))
}

/// Writes head and body where the delta will appear.
fn assemble(mut out: &File, head: &[u8], body: &mut File) -> io::Result<()> {
    body.rewind()?;
    out.write_all(head)?;
    io::copy(body, &mut out)?;
    Ok(())
}
