//! The `chunkdelta` command; what it does is in [`cli`], how it is done in the library.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    cli::run(std::env::args_os().collect())
}
