//! chunkdelta and its peers on the same pairs, side by side.
//!
//!     benches/peers                                                installs the peers
//!     cargo bench --bench versus -- DIR [PAIR...]                  DIR/PAIR-1.tar and DIR/PAIR-2.tar
//!     cargo bench --bench versus -- scale DIR PAIR SIZE...         chunkdelta by length: 1GB 2GB
//!     cargo bench --bench versus -- grow DIR PAIR SIZE OUT         only writes such a pair
//!
//! Paths are seen from the project's directory. Tables and plots go to benches/RESULTS.md and
//! benches/results, or into the directory that --out names; a run replaces the sections that it has
//! measured and leaves the others. RUNS is how often everything is run, 3 unless set. `--only TEXT`
//! keeps to programs whose names have TEXT in them. A peer that is not there has a row that says so.
//! A file that comes back with other bytes ends the run, with exit code 1.
#![allow(missing_docs, reason = "a program, not a library")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "prints its tables")]

mod failure;
mod grow;
mod image;
mod machine;
mod measure;
mod members;
mod plot;
mod process;
mod programs;
mod report;
mod small;
mod statistics;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chunkdelta::units::Size;
use clap::{Parser, Subcommand};

use crate::failure::{At as _, Failure};
use crate::grow::{Layers, grow, repetitions};
use crate::image::SavedImage;
use crate::measure::{Bench, Inputs};
use crate::plot::{Titles, svg};
use crate::programs::{PROGRAMS, Program, Shelf};
use crate::report::SmallCase;

/// Runs chunkdelta and its peers on the same pairs
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    #[command(subcommand)]
    mode: Option<Mode>,
    /// Directory with PAIR-1.tar and PAIR-2.tar
    #[arg(required = true)]
    dir: Option<PathBuf>,
    /// Pairs, all of DIR where none is named
    pairs: Vec<String>,
    #[command(flatten)]
    setting: Setting,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// Run chunkdelta on longer and longer images
    Scale {
        #[command(flatten)]
        grown: Grown,
        /// Lengths, as 1GB
        #[arg(required = true)]
        sizes: Vec<String>,
        #[command(flatten)]
        setting: Setting,
    },
    /// Write a pair of about that length
    Grow {
        #[command(flatten)]
        grown: Grown,
        /// Length, as 8GB
        size: String,
        /// Directory for PAIR-SIZE-1.tar and PAIR-SIZE-2.tar
        out: PathBuf,
    },
}

/// Of what images are grown.
#[derive(Debug, clap::Args)]
struct Grown {
    /// Directory with PAIR-1.tar and PAIR-2.tar
    dir: PathBuf,
    /// Pair that is repeated
    pair: String,
    /// Put everything into one layer
    #[arg(long)]
    one_layer: bool,
}

#[derive(Debug, clap::Args)]
struct Setting {
    /// Only programs with this text in their name; more than once for more
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Where benches/peers put the peers
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/../peers"))]
    peers: PathBuf,
    /// Directory for RESULTS.md and results
    #[arg(long, value_name = "DIR", default_value = "benches")]
    out: PathBuf,
    /// Directory on a disk for what is made on the way
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_TARGET_TMPDIR"))]
    work: PathBuf,
    /// Directory on a tmpfs
    #[arg(long, value_name = "DIR", default_value = "/dev/shm")]
    tmpfs: PathBuf,
}

fn main() -> ExitCode {
    // cargo passes --bench.
    let words = std::env::args_os().filter(|word| word != "--bench");
    let arguments = Arguments::parse_from(words);
    let done = match arguments.mode {
        None => compare(&arguments.dir.unwrap_or_default(), arguments.pairs, &arguments.setting),
        Some(Mode::Scale { grown, sizes, setting }) => scale(&grown, &sizes, &setting),
        Some(Mode::Grow { grown, size, out }) => write_grown(&grown, &size, &out).map(drop),
    };
    let Err(failure) = done else { return ExitCode::SUCCESS };
    let cause = std::error::Error::source(&failure).map(|cause| format!(": {cause}"));
    eprintln!("{failure}{}", cause.unwrap_or_default());
    ExitCode::FAILURE
}

/// chunkdelta and its peers on each pair, then chunkdelta on its small cases.
fn compare(dir: &Path, mut pairs: Vec<String>, setting: &Setting) -> Result<(), Failure> {
    if pairs.is_empty() {
        pairs = pairs_in(dir)?;
    }
    let programs = setting.programs();
    for name in pairs {
        let (disk, tmpfs) = (temporary(&setting.work)?, temporary(&setting.tmpfs)?);
        let bench = setting.bench(disk.path(), tmpfs.path());
        let inputs = Inputs::of(dir, &name);
        let pair = bench.measure(&programs, &inputs)?;
        let plots = setting.draw(&name, &pair)?;
        let small = small_cases(&bench, &programs, &inputs)?;
        let text = format!("{plots}\n{}\n{small}", report::pair(&pair));
        setting.publish(&bench, &format!("Pair {name}"), &format!("DIR {name}"), &text)?;
    }
    Ok(())
}

fn small_cases(bench: &Bench, programs: &[Program], inputs: &Inputs) -> Result<String, Failure> {
    let own: Vec<Program> = programs.iter().copied().filter(Program::is_own).collect();
    if own.is_empty() {
        return Ok(String::new());
    }
    let made = SavedImage::open(&inputs.base).and_then(|image| small::make(&image, &bench.disk));
    let images = match made {
        Ok(images) => images,
        Err(failure @ Failure::NotSaved { .. }) => {
            return Ok(format!("No small cases: {failure}."));
        }
        Err(failure) => return Err(failure),
    };
    let case = |what, target: &Path, bound| -> Result<SmallCase, Failure> {
        let inputs = Inputs { base: images.base.clone(), target: target.to_owned() };
        Ok(SmallCase { what, bound, pair: bench.measure(&own, &inputs)? })
    };
    let cases = [
        case("identical", &images.same, images.same_bound)?,
        case("one small file changed", &images.changed, images.changed_bound)?,
    ];
    Ok(report::small(&cases))
}

/// chunkdelta at its default level on images of `sizes`, made one after the other.
fn scale(grown: &Grown, sizes: &[String], setting: &Setting) -> Result<(), Failure> {
    let default: Vec<Program> =
        PROGRAMS.into_iter().filter(|program| program.name == "chunkdelta").collect();
    // What comes back may be too long for a tmpfs.
    let (disk, inputs_dir) = (temporary(&setting.work)?, temporary(&setting.work)?);
    let bench = setting.bench(disk.path(), disk.path());
    let mut pairs = Vec::new();
    for size in sizes {
        let inputs = write_grown(grown, size, inputs_dir.path())?;
        pairs.push(bench.measure(&default, &inputs)?);
        for path in [&inputs.base, &inputs.target] {
            fs::remove_file(path).at(path)?;
        }
    }
    let (layers, option) =
        if grown.one_layer { ("one layer", " --one-layer") } else { ("several layers", "") };
    let heading = format!("By length: {}, {layers}", grown.pair);
    let command = format!("scale{option} DIR {} {}", grown.pair, sizes.join(" "));
    setting.publish(&bench, &heading, &command, &report::scale(&pairs))
}

/// Writes a pair of about `size` bytes into the directory `out`.
fn write_grown(grown: &Grown, size: &str, out: &Path) -> Result<Inputs, Failure> {
    let Some(Size(wanted)) = Size::parse(size) else {
        return Err(Failure::Size { said: size.to_owned() });
    };
    let originals = Inputs::of(&grown.dir, &grown.pair);
    let inputs = Inputs::of(out, &format!("{}-{size}", grown.pair));
    let target_len = fs::metadata(&originals.target).at(&originals.target)?.len();
    let repetitions = repetitions(target_len, wanted);
    let layers = if grown.one_layer { Layers::One } else { Layers::Several };
    for (original, path) in [(&originals.base, &inputs.base), (&originals.target, &inputs.target)] {
        eprintln!("writing {}", path.display());
        grow(&SavedImage::open(original)?, repetitions, layers, path)?;
    }
    Ok(inputs)
}

impl Inputs {
    fn of(dir: &Path, pair: &str) -> Self {
        let path = |version: u8| dir.join(format!("{pair}-{version}.tar"));
        Self { base: path(1), target: path(2) }
    }
}

/// Names of all pairs in `dir`, sorted.
fn pairs_in(dir: &Path) -> Result<Vec<String>, Failure> {
    let mut pairs = Vec::new();
    for entry in fs::read_dir(dir).at(dir)? {
        let name = entry.at(dir)?.file_name();
        let pair = name.to_str().and_then(|name| name.strip_suffix("-1.tar"));
        pairs.extend(pair.filter(|pair| Inputs::of(dir, pair).target.exists()).map(str::to_owned));
    }
    pairs.sort();
    if pairs.is_empty() { Err(Failure::NoPairs { dir: dir.to_owned() }) } else { Ok(pairs) }
}

fn temporary(dir: &Path) -> Result<tempfile::TempDir, Failure> {
    tempfile::Builder::new().prefix("versus.").tempdir_in(dir).at(dir)
}

impl Setting {
    fn programs(&self) -> Vec<Program> {
        let is_wanted = |program: &Program| {
            self.only.is_empty() || self.only.iter().any(|text| program.name.contains(&**text))
        };
        PROGRAMS.into_iter().filter(is_wanted).collect()
    }

    fn bench(&self, disk: &Path, tmpfs: &Path) -> Bench {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let dirs = std::iter::once(self.peers.join("bin")).chain(std::env::split_paths(&path));
        let programs = Shelf::new(env!("CARGO_BIN_EXE_chunkdelta").into(), dirs.collect());
        let runs = std::env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(3);
        Bench { shelf: programs, runs, disk: disk.to_owned(), tmpfs: tmpfs.to_owned() }
    }

    /// Draws a pair's plots, and gives what shows them in the document.
    fn draw(&self, name: &str, pair: &measure::Pair) -> Result<String, Failure> {
        let dir = self.out.join("results");
        fs::create_dir_all(&dir).at(&dir)?;
        let plots = [
            (
                "size",
                "size against create time",
                "create, s",
                "delta, MB",
                report::size_points(pair),
            ),
            (
                "create-memory",
                "memory against create time",
                "create, s",
                "peak of anonymous memory, MiB",
                report::create_memory_points(pair),
            ),
            (
                "apply",
                "memory against apply time",
                "apply on a tmpfs, s",
                "peak of anonymous memory, MiB",
                report::apply_points(pair),
            ),
        ];
        let mut shown = String::new();
        for (kind, what, x, y, points) in plots {
            let file = format!("{name}-{kind}.svg");
            let title = format!("{name}: {what}");
            let path = dir.join(&file);
            fs::write(&path, svg(Titles { title: &title, x, y }, &points)).at(&path)?;
            shown.extend(["![", &title, "](results/", &file, ")\n"]);
        }
        Ok(shown)
    }

    /// Prints a section, and puts it into the document.
    fn publish(
        &self,
        bench: &Bench,
        heading: &str,
        command: &str,
        text: &str,
    ) -> Result<(), Failure> {
        let text = format!(
            "{}; {}.\n`RUNS={} cargo bench --bench versus -- {command}{}`\n\n{text}",
            machine::machine(),
            machine::versions(&bench.shelf).join("; "),
            bench.runs,
            self.only.iter().flat_map(|text| [" --only '", text, "'"]).collect::<String>(),
        );
        println!("## {heading}\n\n{text}");
        fs::create_dir_all(&self.out).at(&self.out)?;
        let path = self.out.join("RESULTS.md");
        let old = fs::read_to_string(&path).unwrap_or_default();
        let sections = [("Commands".to_owned(), report::commands()), (heading.to_owned(), text)];
        let whole = report::with_sections(&old, &report::introduction(), &sections);
        fs::write(&path, whole).at(&path)
    }
}
