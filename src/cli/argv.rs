//! Arguments before clap reads them: spellings that clap does not know, and the few options that
//! also say how its own errors are told.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal as _};

use clap::ColorChoice;

/// Rewrites the level as zstd spells it, `-19`, as `--level=19`, for `create`.
pub(super) fn spell_out(argv: Vec<OsString>) -> Vec<OsString> {
    let mut is_create = false;
    let mut is_literal = false;
    let spell = |argument: OsString| {
        is_create |= argument == "create";
        is_literal |= argument == "--";
        match level(&argument) {
            Some(level) if is_create && !is_literal => format!("--level={level}").into(),
            _ => argument,
        }
    };
    argv.into_iter().map(spell).collect()
}

/// The digits of `-19`.
fn level(argument: &OsStr) -> Option<&str> {
    let digits = argument.to_str()?.strip_prefix('-')?;
    let is_level = (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    is_level.then_some(digits)
}

/// How errors are told; known even where the arguments make no sense otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Manner {
    /// As one JSON object.
    pub(super) is_json: bool,
    /// The output itself takes standard output, so that results go to standard error.
    pub(super) is_output_stdout: bool,
    /// Nothing but errors; known once the arguments are read.
    pub(super) is_quiet: bool,
    wish: Wish,
}

/// What `--color` asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Wish {
    #[default]
    Auto,
    Always,
    Never,
}

impl Manner {
    /// Looks for `--json`, `--color` and `-o -`.
    pub(super) fn of(argv: &[OsString]) -> Self {
        let mut manner = Self::default();
        let mut arguments = argv.iter().skip(1).filter_map(|argument| argument.to_str());
        while let Some(argument) = arguments.next() {
            match argument {
                "--" => break,
                "--json" => manner.is_json = true,
                "-o-" | "-o=-" | "--output=-" => manner.is_output_stdout = true,
                "-o" | "--output" => manner.is_output_stdout = arguments.next() == Some("-"),
                "--color" => manner.wish = Wish::parse(arguments.next().unwrap_or_default()),
                _ => {
                    if let Some(when) = argument.strip_prefix("--color=") {
                        manner.wish = Wish::parse(when);
                    }
                }
            }
        }
        manner
    }

    /// The same for clap, which heeds `NO_COLOR` itself.
    pub(super) fn color(self) -> ColorChoice {
        match self.wish {
            Wish::Auto => ColorChoice::Auto,
            Wish::Always => ColorChoice::Always,
            Wish::Never => ColorChoice::Never,
        }
    }

    /// Is what goes to standard error coloured?
    pub(super) fn has_color(self) -> bool {
        match self.wish {
            Wish::Always => true,
            Wish::Never => false,
            Wish::Auto => {
                let is_refused =
                    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                !is_refused && io::stderr().is_terminal()
            }
        }
    }
}

impl Wish {
    fn parse(when: &str) -> Self {
        match when {
            "always" => Self::Always,
            "never" => Self::Never,
            _ => Self::Auto,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_level_is_understood_as_zstd_spells_it_and_only_by_create() {
        for (given, read) in [
            ("ckd create a b -19 -o c", "ckd create a b --level=19 -o c"),
            ("ckd -v create -1 a b", "ckd -v create --level=1 a b"),
            ("ckd create -123 -- -19", "ckd create -123 -- -19"),
            ("ckd create -T2 - -x9", "ckd create -T2 - -x9"),
            ("ckd apply a b -19", "ckd apply a b -19"),
        ] {
            assert_eq!(spell_out(words(given)), words(read));
        }
    }

    #[test]
    fn the_manner_is_known_from_arguments_that_make_no_sense() {
        let manner = |text| Manner::of(&words(text));
        assert!(manner("ckd frob --json").is_json);
        assert!(!manner("ckd frob -- --json").is_json);
        assert!(manner("ckd apply a b -o -").is_output_stdout);
        assert!(!manner("ckd apply a - -o b").is_output_stdout);
        assert!(manner("ckd --color always").has_color());
        assert!(!manner("ckd --color=never").has_color());
    }
}
