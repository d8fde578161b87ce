//! What becomes of an error: a message, a hint, an exit code.
//!
//! As text, on standard error:
//!
//! ```text
//! chunkdelta: error: cannot read app.tar: permission denied
//! hint: ...
//! ```
//!
//! As JSON, where results go: one object with `schema_version` and `error`.

use std::error::Error;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use chunkdelta::fault::{Class, Explain, FileError};
use clap::error::ErrorKind;
use serde_json::{Map, Value, json};

use super::argv::Manner;

/// The shape of all JSON that the command prints; grows when a field changes its meaning.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// Any error of the library or of this command.
#[derive(Debug)]
pub(super) struct Failure(Box<dyn Explain>);

impl<E: Explain + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl Failure {
    /// Tells the user, and returns the exit code.
    pub(super) fn report(&self, manner: Manner) -> ExitCode {
        let error = &*self.0;
        if !error.is_silent() {
            Told {
                class: error.class(),
                message: chain(error),
                hint: error.hint(),
                mismatch: error.mismatch(),
            }
            .tell(manner);
        }
        ExitCode::from(error.class().exit_code())
    }
}

/// The error and its causes, outermost first, each once.
fn chain(error: &dyn Explain) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = Error::source(cause);
    }
    text
}

/// Tells what clap has to say: help, the version, or a usage error.
pub(super) fn usage(error: &clap::Error, manner: Manner) -> ExitCode {
    if !error.use_stderr() {
        // Help and version; a reader that closes early has read what it wanted.
        return match error.print() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(Class::Failed.exit_code()),
        };
    }
    let is_bare = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if is_bare && !manner.is_json {
        // Where this cannot be written nobody can be told.
        error.print().ok();
    } else {
        usage_error(&error.render().to_string(), is_bare).tell(manner);
    }
    ExitCode::from(Class::Usage.exit_code())
}

/// Takes apart what clap renders: `error: MESSAGE`, perhaps over lines, then paragraphs with tips,
/// usage and a pointer to the help.
fn usage_error(rendered: &str, is_bare: bool) -> Told {
    let mut paragraphs = rendered.split("\n\n").map(str::trim);
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = paragraphs.next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let hint = paragraphs.find_map(|paragraph| {
        paragraph
            .strip_prefix("tip: ")
            .map(one_line)
            .or_else(|| Some(format!("usage: {}", one_line(paragraph.strip_prefix("Usage: ")?))))
    });
    Told {
        class: Class::Usage,
        message: if is_bare { "no command given".to_owned() } else { one_line(message) },
        hint: hint.or_else(|| Some("see chunkdelta --help".to_owned())),
        mismatch: None,
    }
}

/// What a person or a script gets to know.
#[derive(Debug)]
struct Told {
    class: Class,
    message: String,
    hint: Option<String>,
    mismatch: Option<(String, String)>,
}

impl Told {
    /// Writes it where it belongs; where that fails the exit code must do.
    fn tell(&self, manner: Manner) {
        if manner.is_json {
            print_json(&self.json(), manner).ok();
        } else {
            io::stderr().lock().write_all(self.text(manner.has_color()).as_bytes()).ok();
        }
    }

    fn text(&self, has_color: bool) -> String {
        let (red, bold, plain) =
            if has_color { ("\x1b[1;31m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
        let mut lines = vec![format!("chunkdelta: {red}error:{plain} {}\n", self.message)];
        let mut say = |word: &str, said: &str| lines.push(format!("{bold}{word}:{plain} {said}\n"));
        if let Some((expected, found)) = &self.mismatch {
            // A message that names both needs no lines for them.
            if !(self.message.contains(expected) && self.message.contains(found)) {
                say("expected", expected);
                say("found", found);
            }
        }
        if let Some(hint) = &self.hint {
            say("hint", hint);
        }
        lines.concat()
    }

    fn json(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".to_owned(), self.class.exit_code().into());
        error.insert("kind".to_owned(), self.class.kind().into());
        error.insert("message".to_owned(), self.message.as_str().into());
        if let Some((expected, found)) = &self.mismatch {
            error.insert("expected".to_owned(), expected.as_str().into());
            error.insert("found".to_owned(), found.as_str().into());
        }
        if let Some(hint) = &self.hint {
            error.insert("hint".to_owned(), hint.as_str().into());
        }
        json!({ "schema_version": SCHEMA_VERSION, "error": error })
    }
}

/// Prints one object where results go: on standard output, or on standard error where the output
/// itself takes that.
pub(super) fn print_json(value: &Value, manner: Manner) -> Result<(), FileError> {
    print(&format!("{value}\n"), manner)
}

/// Tells a person what was done, unless nothing is to be told.
pub(super) fn tell(text: &str, manner: Manner) -> Result<(), FileError> {
    if manner.is_quiet { Ok(()) } else { print(&format!("{text}\n"), manner) }
}

/// Prints text where results go.
pub(super) fn print(text: &str, manner: Manner) -> Result<(), FileError> {
    let written = if manner.is_output_stdout {
        io::stderr().lock().write_all(text.as_bytes())
    } else {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
    };
    let name = if manner.is_output_stdout { "standard error" } else { "standard output" };
    written.map_err(FileError::at("write", Path::new(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the base is another image")]
    struct OtherBase(#[source] io::Error);

    impl Explain for OtherBase {
        fn class(&self) -> Class {
            Class::BaseMismatch
        }

        fn hint(&self) -> Option<String> {
            Some("name the image that the delta was made against".to_owned())
        }

        fn mismatch(&self) -> Option<(String, String)> {
            Some(("sha256:aa".to_owned(), "sha256:bb".to_owned()))
        }
    }

    fn told() -> Told {
        let error = OtherBase(io::Error::other("inner"));
        let (message, hint) = (chain(&error), error.hint());
        Told { class: error.class(), message, hint, mismatch: error.mismatch() }
    }

    #[test]
    fn a_person_gets_the_chain_the_digests_and_a_hint() {
        assert_eq!(
            told().text(false),
            "chunkdelta: error: the base is another image: inner\n\
             expected: sha256:aa\nfound: sha256:bb\n\
             hint: name the image that the delta was made against\n"
        );
        assert!(told().text(true).starts_with("chunkdelta: \x1b[1;31merror:\x1b[0m the base"));
    }

    #[test]
    fn a_script_gets_one_object() {
        assert_eq!(
            told().json().to_string(),
            "{\"schema_version\":1,\"error\":{\"code\":3,\"kind\":\"base-mismatch\",\
             \"message\":\"the base is another image: inner\",\"expected\":\"sha256:aa\",\
             \"found\":\"sha256:bb\",\"hint\":\"name the image that the delta was made against\"}}"
        );
    }

    #[test]
    fn a_cause_that_the_message_repeats_is_told_once() {
        let error = FileError {
            action: "read",
            path: "a".into(),
            source: io::Error::other(io::Error::other("b")),
        };
        assert_eq!(chain(&error), "cannot read a: b");
    }
}
