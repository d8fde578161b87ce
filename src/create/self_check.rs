//! Runs a delta that was just made against the target it was made from.

use std::collections::HashMap;
use std::fs::File;
use std::io;

use super::target::Plan;
use crate::delta::{ApplyError, ApplyOptions, BaseContent, Origin, Sink, apply};
use crate::digest::Digest;
use crate::error::Error;
use crate::format::Delta;
use crate::source::{FileSource, ReadAt, Scratch};
use crate::units::ByteRange;

/// Proves that the delta in `file` gives back the target of `plan`, byte for byte.
///
/// The applier runs it as a site would, from the contents of the base; its sink compares instead
/// of writing, so that no digest has to be computed again. Where the delta carries what sites with
/// another form of the base need, it runs as on one of them as well.
pub(super) fn prove(
    file: &File,
    plan: &Plan<'_>,
    contents: &[BaseContent<'_>],
    kept: Option<&dyn Scratch>,
) -> Result<(), Error> {
    let blobs = |digest: &Digest| plan.held.get(digest).copied();
    let has_alternatives = plan.target.nodes.iter().any(|node| node.origin == Origin::GivenOrMade);
    let prove = || {
        let file = file.try_clone().and_then(FileSource::new).map_err(ApplyError::Output)?;
        let delta = Delta::open(&file)?;
        prove_with(&delta, &file, plan, contents, &blobs, kept)?;
        if has_alternatives {
            prove_with(&delta, &file, plan, contents, &|_| None, kept)?;
        }
        Ok(())
    };
    prove().map_err(|error| Error::SelfCheck(as_difference(error)))
}

/// Runs the delta on a base with these contents and blobs.
fn prove_with<'a>(
    delta: &Delta,
    file: &FileSource,
    plan: &Plan<'a>,
    contents: &[BaseContent<'a>],
    blobs: &dyn Fn(&Digest) -> Option<&'a [u8]>,
    kept: Option<&dyn Scratch>,
) -> Result<(), ApplyError> {
    let contents: HashMap<Digest, &[u8]> =
        contents.iter().map(|content| (content.digest, content.bytes)).collect();
    let source = |row: u32| -> Option<Box<dyn ReadAt + '_>> {
        let digest = delta.digest(row);
        let bytes = contents.get(&digest).copied().or_else(|| blobs(&digest));
        bytes.map(|bytes| Box::new(bytes) as Box<dyn ReadAt>)
    };
    let sources: Vec<_> = delta.header().nodes.iter().map(|node| source(node.digest)).collect();
    let outputs = plan.target.outputs.iter();
    let expected =
        outputs.map(|output| output.node.map_or(&[][..], |node| plan.target.nodes[node].bytes));
    let mut sink = Compare { expected: expected.collect(), done: 0 };
    let total = plan.output_len();
    let options = ApplyOptions { is_unverified: true, scratch: None, kept };
    apply(delta, file, &sources, &mut sink, options)?;
    if sink.done == total { Ok(()) } else { Err(ApplyError::Different { offset: sink.done }) }
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
