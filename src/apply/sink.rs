//! Where the target is built: an unnamed file, a directory beside its name, or scratch space.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::delta::Sink;
use crate::error::Error;
use crate::format::{Delta, OutputKind};
use crate::observer::Observer;
use crate::publish::{Output, Staged, StagedDirectory};
use crate::spool::Spooler;

/// The outputs of a delta before they appear.
pub(super) enum Destination {
    /// One file.
    File(Staged),
    /// A directory; of its files, by the order of the outputs, one is open at a time.
    Directory { staged: StagedDirectory, paths: Vec<Vec<u8>>, open: RefCell<Option<(usize, File)>> },
    /// Nothing will appear; all outputs lie one after the other in scratch space.
    Nowhere { file: File, starts: Vec<u64>, dir: PathBuf },
}

impl Destination {
    /// Starts the outputs of `delta` where `output` says, after a look at the free space.
    pub(super) fn stage(output: Output, delta: &Delta, spooler: &Spooler) -> Result<Self, Error> {
        let header = delta.header();
        let len = Some(delta.needs().output_len);
        if let [single] = header.outputs.as_slice()
            && single.path.is_empty()
        {
            return Ok(Self::File(output.stage_file(spooler, len)?));
        }
        let staged = output.stage_directory(len)?;
        for output in &header.outputs {
            if output.kind == OutputKind::File.number() {
                staged.create_file(&output.path)?;
            } else {
                staged.create_directory(&output.path)?;
            }
        }
        let paths = header.outputs.iter().map(|output| output.path.clone()).collect();
        Ok(Self::Directory { staged, paths, open: RefCell::default() })
    }

    /// Space to build the outputs in where only the proof is wanted.
    pub(super) fn nowhere(delta: &Delta, spooler: &Spooler) -> Result<Self, Error> {
        let header = delta.header();
        let mut end = 0;
        let starts = header.outputs.iter().map(|output| {
            let start = end;
            end += header.nodes.get(output.node as usize).map_or(0, |node| node.length);
            start
        });
        let starts = starts.collect();
        let file = spooler.create(Some(delta.needs().output_len))?;
        Ok(Self::Nowhere { file, starts, dir: spooler.dir().to_owned() })
    }

    /// What the outputs are called in messages.
    pub(super) fn named(&self) -> &Path {
        match self {
            Self::File(staged) => staged.named_as(),
            Self::Directory { staged, .. } => staged.named_as(),
            Self::Nowhere { dir, .. } => dir,
        }
    }

    /// Makes the outputs appear.
    pub(super) fn publish(self) -> Result<(), Error> {
        match self {
            Self::File(staged) => staged.publish()?,
            Self::Directory { staged, .. } => staged.publish()?,
            Self::Nowhere { .. } => {}
        }
        Ok(())
    }

    /// Uses the file that holds an output, and the offset at which it begins there.
    fn with<T>(
        &self,
        output: usize,
        run: impl FnOnce(&File, u64) -> io::Result<T>,
    ) -> io::Result<T> {
        match self {
            Self::File(staged) => run(staged.file(), 0),
            Self::Directory { staged, paths, open } => {
                let mut open = open.borrow_mut();
                let file = match open.take().filter(|(number, _)| *number == output) {
                    Some((_, file)) => file,
                    None => staged.open_file(&paths[output])?,
                };
                let result = run(&file, 0);
                *open = Some((output, file));
                result
            }
            Self::Nowhere { file, starts, .. } => run(file, starts[output]),
        }
    }
}

/// A destination whose progress is told.
pub(super) struct Counted<'a> {
    pub(super) destination: &'a mut Destination,
    pub(super) observer: &'a dyn Observer,
}

impl Sink for Counted<'_> {
    fn write(&mut self, output: usize, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.destination.with(output, |file, start| file.write_all_at(bytes, start + offset))?;
        self.observer.advance(bytes.len() as u64);
        Ok(())
    }

    fn read(&self, output: usize, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.destination.with(output, |file, start| file.read_exact_at(buf, start + offset))
    }
}
