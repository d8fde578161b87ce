//! The command line: arguments in, a library call, a report out.
//!
//! Results go to standard output and everything else to standard error; see [`report`] for what
//! becomes of an error and [`signals`] for what becomes of Ctrl-C.

mod apply;
mod args;
mod argv;
mod create;
mod inspect;
mod progress;
mod report;
mod signals;
mod verify;
mod version;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use self::args::{Arguments, Command};
use self::argv::Manner;
use self::progress::{Talk, Terminal};
use self::report::Failure;

/// Runs the command that `argv` asks for, the program's own name first.
pub(crate) fn run(argv: Vec<OsString>) -> ExitCode {
    let argv = argv::spell_out(argv);
    let manner = Manner::of(&argv);
    let arguments = match args::parse(argv, manner.color()) {
        Ok(arguments) => arguments,
        Err(error) => return report::usage(&error, manner),
    };
    let mut manner = manner;
    manner.is_quiet = arguments.talk.talk() == Talk::Quiet;
    // Spelled in a way that only clap understands, as `-fo -`, it counts all the same.
    manner.is_output_stdout = arguments.command.output() == Some(Path::new("-"));
    match execute(arguments, manner) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(manner),
    }
}

fn execute(arguments: Arguments, manner: Manner) -> Result<(), Failure> {
    signals::watch()?;
    let terminal = Terminal::new(arguments.talk.talk())?;
    match arguments.command {
        Command::Create(args) => create::run(&args.try_into()?, &terminal, manner),
        Command::Apply(args) => apply::run(&args.try_into()?, &terminal, manner),
        Command::Inspect(args) => inspect::run(&args.into(), &terminal, manner),
        Command::Verify(args) => verify::run(&args.try_into()?, &terminal, manner),
    }
}
