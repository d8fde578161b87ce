//! Runs a delta that was just made against the target it was made from.

use std::fs::File;
use std::io;

use super::target::Plan;
use crate::delta::{ApplyError, ApplyOptions, BaseContent, Sink, apply};
use crate::error::Error;
use crate::format::Delta;
use crate::source::{FileSource, ReadAt};
use crate::units::ByteRange;

/// Proves that the delta in `file` gives back the target of `plan`, byte for byte.
///
/// The applier runs it as a site would, from the contents of the base; its sink compares instead
/// of writing, so that no digest has to be computed again.
pub(super) fn prove(
    file: &File,
    plan: &Plan<'_>,
    contents: &[BaseContent<'_>],
) -> Result<(), Error> {
    let prove = || {
        let file = file.try_clone().and_then(FileSource::new).map_err(ApplyError::Output)?;
        let delta = Delta::open(&file)?;
        let source = |row: u32| -> Option<Box<dyn ReadAt + '_>> {
            let digest = delta.digest(row);
            let content = contents.iter().find(|content| content.digest == digest);
            let bytes =
                content.map(|content| content.bytes).or_else(|| plan.held.get(&digest).copied());
            bytes.map(|bytes| Box::new(bytes) as Box<dyn ReadAt>)
        };
        let sources: Vec<_> = delta.header().nodes.iter().map(|node| source(node.digest)).collect();
        let outputs = plan.target.outputs.iter();
        let expected =
            outputs.map(|output| output.node.map_or(&[][..], |node| plan.target.nodes[node].bytes));
        let mut sink = Compare { expected: expected.collect(), done: 0 };
        let total = plan.output_len();
        let options = ApplyOptions { is_unverified: true, scratch: None };
        apply(&delta, &file, &sources, &mut sink, options)?;
        if sink.done == total { Ok(()) } else { Err(ApplyError::Different { offset: sink.done }) }
    };
    prove().map_err(|error| Error::SelfCheck(as_difference(error)))
}

/// Takes out the difference that [`Compare`] reports by way of the applier.
fn as_difference(error: ApplyError) -> ApplyError {
    match error {
        ApplyError::Output(error) => match error.downcast::<Different>() {
            Ok(Different(offset)) => ApplyError::Different { offset },
            Err(error) => ApplyError::Output(error),
        },
        error => error,
    }
}

/// A sink that knows what should come.
struct Compare<'a> {
    expected: Vec<&'a [u8]>,
    done: u64,
}

impl Sink for Compare<'_> {
    fn write(&mut self, output: usize, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let range = ByteRange::new(offset, bytes.len() as u64);
        if range.and_then(|range| range.of(self.expected[output])) != Some(bytes) {
            let expected =
                self.expected[output].get(usize::try_from(offset).unwrap_or(usize::MAX)..);
            let same = bytes.iter().zip(expected.unwrap_or_default()).take_while(|(a, b)| a == b);
            return Err(io::Error::other(Different(offset + same.count() as u64)));
        }
        self.done += bytes.len() as u64;
        Ok(())
    }

    fn read(&self, output: usize, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.expected[output].read_exact_at(buf, offset)
    }
}

/// Where the first difference is.
#[derive(Debug, thiserror::Error)]
#[error("the first difference is at offset {0}")]
struct Different(u64);
