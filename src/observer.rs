//! What a long run tells about itself while it runs.
//!
//! The library reports to an [`Observer`] and never prints. What is reported decides nothing: the
//! bytes that come out are the same whoever listens.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Listens to a run. Called from any thread, often: an implementation returns at once.
pub trait Observer: Sync {
    /// A stage begins, and the one before has ended; it will handle `total` bytes, where known.
    fn stage(&self, stage: Stage, total: Option<u64>);

    /// The stage has handled `bytes` more.
    fn advance(&self, bytes: u64);

    /// Something that a person can ask to see; formatted only where it is wanted.
    fn note(&self, detail: Detail, text: fmt::Arguments<'_>);

    /// Something that a person should know though the run goes on.
    fn warn(&self, text: fmt::Arguments<'_>);

    /// Something happened `by` times or to `by` bytes.
    fn count(&self, counter: Counter, by: u64);
}

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Copies a stream into a temporary file.
    Spool,
    /// Reads the base: its envelope, its layers.
    ReadBase,
    /// Reads the target.
    ReadTarget,
    /// Builds the base index.
    Index,
    /// Finds what made the target's compressed layers.
    Recognise,
    /// Finds what of the target the base has.
    Match,
    /// Compresses what it has not.
    Encode,
    /// Proves that the delta gives the target back.
    SelfCheck,
    /// Reads a delta and checks it.
    ReadDelta,
    /// Rebuilds the target.
    Rebuild,
    /// Compares digests.
    Verify,
    /// Gives the output its name, or copies it through.
    Publish,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spool => "spooling",
            Self::ReadBase => "reading the base",
            Self::ReadTarget => "reading the target",
            Self::Index => "indexing the base",
            Self::Recognise => "recognising compressors",
            Self::Match => "matching",
            Self::Encode => "compressing",
            Self::SelfCheck => "checking the delta",
            Self::ReadDelta => "reading the delta",
            Self::Rebuild => "rebuilding",
            Self::Verify => "verifying",
            Self::Publish => "writing the output",
        })
    }
}

/// How much a person must ask for to see a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detail {
    /// Nothing (but not `-q`): what a person should know before a long wait.
    Usual,
    /// Once (`-v`): how a layer was found and what became of it.
    Layers,
    /// Twice (`-v -v`): every step.
    Steps,
}

/// What `create` counts of the layers of a target; a name that ends in bytes counts bytes, the
/// numbers are those of its report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// Layers whose content the base has.
    ReusedLayers,
    /// Layers that the base has as they are stored.
    HeldLayers,
    /// Layers rebuilt by a recipe.
    RebuiltLayers,
    /// Layers whose stored bytes the delta carries.
    StoredLayers,
    /// Copy instructions in rebuilt layers.
    Copies,
    /// Bytes that copies take from the base.
    CopiedBytes,
    /// Bytes that copies take from what the target itself produced.
    OwnCopiedBytes,
    /// Bytes made by zero instructions.
    ZeroBytes,
    /// Bytes that literals give, decoded.
    LiteralBytes,
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn stage(&self, _stage: Stage, _total: Option<u64>) {}

    fn advance(&self, _bytes: u64) {}

    fn note(&self, _detail: Detail, _text: fmt::Arguments<'_>) {}

    fn warn(&self, _text: fmt::Arguments<'_>) {}

    fn count(&self, _counter: Counter, _by: u64) {}
}

/// Remembers everything, for tests and reports.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Recording>);

/// What a [`Recorder`] heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    /// Stages in order, each with its announced total and the bytes it handled.
    pub stages: Vec<(Stage, Option<u64>, u64)>,
    /// Notes in the order they came, which with several threads is any.
    pub notes: Vec<(Detail, String)>,
    /// Warnings, likewise.
    pub warnings: Vec<String>,
    /// Sums of all counters that were counted at all.
    pub counters: BTreeMap<Counter, u64>,
}

impl Recorder {
    /// Returns what was heard.
    pub fn finish(self) -> Recording {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, change: impl FnOnce(&mut Recording)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Recording {
    /// The sum of a counter; 0 where it was never counted.
    pub fn count(&self, counter: Counter) -> u64 {
        self.counters.get(&counter).copied().unwrap_or(0)
    }
}

impl Observer for Recorder {
    fn stage(&self, stage: Stage, total: Option<u64>) {
        self.record(|recording| recording.stages.push((stage, total, 0)));
    }

    fn advance(&self, bytes: u64) {
        self.record(|recording| {
            if let Some((_, _, done)) = recording.stages.last_mut() {
                *done = done.saturating_add(bytes);
            }
        });
    }

    fn note(&self, detail: Detail, text: fmt::Arguments<'_>) {
        self.record(|recording| recording.notes.push((detail, text.to_string())));
    }

    fn warn(&self, text: fmt::Arguments<'_>) {
        self.record(|recording| recording.warnings.push(text.to_string()));
    }

    fn count(&self, counter: Counter, by: u64) {
        self.record(|recording| {
            let sum = recording.counters.entry(counter).or_default();
            *sum = sum.saturating_add(by);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorder_remembers_what_it_heard() {
        let recorder = Recorder::default();
        recorder.advance(7);
        recorder.stage(Stage::Index, Some(10));
        recorder.advance(4);
        recorder.advance(6);
        recorder.stage(Stage::Match, None);
        recorder.note(Detail::Layers, format_args!("layer {}", 1));
        recorder.warn(format_args!("careful"));
        recorder.count(Counter::Copies, 2);
        recorder.count(Counter::Copies, 3);
        let recording = recorder.finish();
        assert_eq!(recording.stages, [(Stage::Index, Some(10), 10), (Stage::Match, None, 0)]);
        assert_eq!(recording.notes, [(Detail::Layers, "layer 1".to_owned())]);
        assert_eq!(recording.warnings, ["careful"]);
        assert_eq!(recording.count(Counter::Copies), 5);
        assert_eq!(recording.count(Counter::LiteralBytes), 0);
    }
}
