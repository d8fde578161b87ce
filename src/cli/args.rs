//! Every command and option, as clap reads them.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

use chunkdelta::create::{self, DEFAULT_LEVEL};
use chunkdelta::delta::{Level, Stage};
use chunkdelta::fault::{Class, Explain};
use chunkdelta::units::Size;
use clap::{Args, ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use super::progress::Talk;
use super::version;

/// Reads the arguments; colours in help and errors as `color` says.
pub(super) fn parse(argv: Vec<OsString>, color: ColorChoice) -> Result<Arguments, clap::Error> {
    let mut command = Arguments::command().color(color);
    let matches = command.try_get_matches_from_mut(argv)?;
    Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

const OVERVIEW: &str = "\
Where both images are:
  docker save app:1 -o app-1.tar
  docker save app:2 -o app-2.tar
  chunkdelta create app-1.tar app-2.tar -o app.ckd

Where only the first is:
  chunkdelta apply app-1.tar app.ckd -o - | docker load

An image is a FILE or DIRECTORY in any form that docker, podman or skopeo write, or one of
docker-archive:FILE[:REF], oci-archive:FILE[:REF], oci:DIR[:REF], dir:DIR, docker-daemon:NAME[:TAG];
@N after an archive is its Nth image; - is standard input, once per command.

Exit codes: 0 done; 1 failed; 2 usage; 3 the base does not match; 4 an input is damaged;
5 unsupported; 7 a limit was reached, or no space; 130, 143 interrupted.";

const CREATE_EXAMPLE: &str = "\
Example:
  chunkdelta create app-1.tar app-2.tar -o app.ckd -19

Least memory by level:";

/// An example, and what `--memory` must allow at each level.
fn create_help() -> String {
    let mut ranges: Vec<(u8, u8, Size)> = Vec::new();
    for level in 1..=22 {
        let wanted = create::least_memory(level.into());
        match ranges.last_mut() {
            Some((_, last, size)) if *size == wanted => *last = level,
            _ => ranges.push((level, level, wanted)),
        }
    }
    let line = |(first, last, size): (u8, u8, Size)| {
        let levels = if first == last { first.to_string() } else { format!("{first} to {last}") };
        format!("\n  {levels:<9}{}", size.short())
    };
    CREATE_EXAMPLE.to_owned() + &ranges.into_iter().map(line).collect::<String>()
}

const APPLY_EXAMPLE: &str = "\
Example:
  chunkdelta apply app-1.tar app.ckd -o app-2.tar";

const INSPECT_EXAMPLE: &str = "\
Example:
  chunkdelta inspect app.ckd";

const VERIFY_EXAMPLE: &str = "\
Example:
  chunkdelta verify app.ckd app-1.tar";

/// Ships container images as small deltas and gives the target back byte for byte
#[derive(Debug, Parser)]
#[command(
    name = "chunkdelta",
    version = version::text(),
    after_help = OVERVIEW,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten, next_help_heading = "What is told")]
    pub(super) talk: TalkArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a delta that turns BASE into TARGET
    #[command(after_help = create_help())]
    Create(CreateArgs),
    /// Give the target back from BASE and DELTA
    #[command(after_help = APPLY_EXAMPLE)]
    Apply(ApplyArgs),
    /// Show what a delta or an image holds
    #[command(after_help = INSPECT_EXAMPLE)]
    Inspect(InspectArgs),
    /// Check a delta; with BASE, that it gives the target back
    #[command(after_help = VERIFY_EXAMPLE)]
    Verify(VerifyArgs),
}

impl Command {
    /// OUT, where the command has one.
    pub(super) fn output(&self) -> Option<&Path> {
        match self {
            Self::Create(args) => Some(&args.output.output),
            Self::Apply(args) => Some(&args.output.output),
            Self::Inspect(_) | Self::Verify(_) => None,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Image that is there already
    pub(super) base: OsString,
    /// Image, or any file or directory, that should be given back
    pub(super) target: OsString,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) effort: EffortArgs,
    #[command(flatten)]
    pub(super) work: WorkArgs,
    /// Publish the delta without proving that it gives the target back
    #[arg(long)]
    pub(super) no_self_check: bool,
    /// Carry compressed layers that BASE has unchanged, for bases compressed otherwise
    #[arg(long)]
    pub(super) portable: bool,
    /// Leave a stage out, to see what it is worth; may be given more than once
    #[arg(long, value_name = "STAGE", value_parser = stage)]
    pub(super) disable: Vec<Stage>,
    /// Give TARGET back with uncompressed layers: other bytes, other manifest digests
    #[arg(long)]
    pub(super) content_only: bool,
    #[command(flatten)]
    pub(super) images: ImageArgs,
}

/// Reads the name of a stage; says which there are.
fn stage(name: &str) -> Result<Stage, String> {
    Stage::from_name(name)
        .ok_or_else(|| format!("stages are {}", Stage::ALL.map(Stage::name).join(", ")))
}

#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    /// Image that the delta was made against, in any form
    pub(super) base: OsString,
    /// Delta that `chunkdelta create` made
    pub(super) delta: OsString,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) work: WorkArgs,
}

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// Delta or image
    #[arg(value_name = "DELTA|IMAGE")]
    pub(super) subject: OsString,
    #[command(flatten)]
    pub(super) work: WorkArgs,
    #[command(flatten)]
    pub(super) images: ImageArgs,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Delta that `chunkdelta create` made
    pub(super) delta: OsString,
    /// Image that the delta was made against
    pub(super) base: Option<OsString>,
    #[command(flatten)]
    pub(super) work: WorkArgs,
}

#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// Where the result appears, complete or not at all; - is standard output
    #[arg(short, long, value_name = "OUT")]
    pub(super) output: PathBuf,
    /// Replace OUT where it exists
    #[arg(short, long)]
    pub(super) force: bool,
}

#[derive(Debug, Args)]
#[group(id = "effort", multiple = false)]
pub(super) struct EffortArgs {
    /// Compression level, 1 to 22; -19 works too
    #[arg(short, long, value_name = "N", default_value_t = DEFAULT_LEVEL,
        value_parser = clap::value_parser!(u8).range(1..=22))]
    level: u8,
    /// As -l 1
    #[arg(long)]
    fast: bool,
    /// As -l 22, with what no level uses
    #[arg(long)]
    best: bool,
}

/// Not a documentation comment, which would want backticks.
const COLOR_HELP: &str = "When to use colours; NO_COLOR is heeded";

impl EffortArgs {
    pub(super) fn level(&self) -> Level {
        match (self.fast, self.best) {
            (true, _) => 1.into(),
            (_, true) => Level::BEST,
            _ => self.level.into(),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct WorkArgs {
    /// Threads; 0, as where it is not given, is as many as there are cores
    #[arg(
        short,
        long,
        visible_short_alias = 'T',
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true
    )]
    jobs: usize,
    /// Memory to stay within, as 600MB or 1g
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory: Option<Size>,
    /// Directory for temporary files [default: $TMPDIR, else /var/tmp]
    #[arg(long, value_name = "DIR")]
    tmpdir: Option<PathBuf>,
}

/// What a run may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) jobs: NonZeroUsize,
    pub(super) memory: Option<Size>,
    pub(super) tmpdir: Option<PathBuf>,
}

impl From<WorkArgs> for Work {
    fn from(args: WorkArgs) -> Self {
        let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            jobs: NonZeroUsize::new(args.jobs).unwrap_or_else(cores),
            memory: args.memory,
            tmpdir: args.tmpdir,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ImageArgs {
    /// Go on where a manifest names a layer that is not there
    #[arg(long)]
    pub(super) allow_missing: bool,
}

#[derive(Debug, Args)]
pub(super) struct TalkArgs {
    /// Print one JSON object, errors included
    #[arg(long, global = true)]
    json: bool,
    /// Print errors and nothing else
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Trace how each layer was found and what became of it; twice for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[arg(long, global = true, help = COLOR_HELP, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
}

impl TalkArgs {
    pub(super) fn talk(&self) -> Talk {
        match (self.quiet, self.verbose) {
            (true, _) => Talk::Quiet,
            (_, 0) => Talk::Usual,
            (_, 1) => Talk::Layers,
            _ => Talk::Steps,
        }
    }
}

fn size(text: &str) -> Result<Size, &'static str> {
    Size::parse(text).ok_or("expected a number with or without a unit: 600MB, 48MiB, 1g")
}

/// Two arguments want to be standard input.
#[derive(Debug, thiserror::Error)]
#[error("{first} and {second} cannot both be standard input")]
pub(super) struct StdinTwice {
    first: &'static str,
    second: &'static str,
}

impl Explain for StdinTwice {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("name a file for one of them".to_owned())
    }
}

/// Refuses where both of two named arguments are `-`.
pub(super) fn one_stdin(
    first: (&'static str, &OsStr),
    second: (&'static str, &OsStr),
) -> Result<(), StdinTwice> {
    if first.1 == "-" && second.1 == "-" {
        return Err(StdinTwice { first: first.0, second: second.0 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn efforts_are_what_they_are_said_to_be() {
        let effort = |extra: &[&str]| {
            let words = ["chunkdelta", "create", "a", "b", "-o", "c"].iter().chain(extra);
            let arguments = parse(words.map(OsString::from).collect(), ColorChoice::Never);
            let Command::Create(args) = arguments.expect("lawful").command else {
                panic!("not create");
            };
            args.effort.level()
        };
        assert_eq!(effort(&[]), DEFAULT_LEVEL.into());
        assert_eq!(effort(&["-l", "22"]), 22.into());
        assert_eq!(effort(&["--fast"]), 1.into());
        assert_eq!(effort(&["--best"]), Level::BEST);
    }
}
