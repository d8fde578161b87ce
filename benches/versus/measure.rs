//! Runs programs on one pair, in turn, and compares every file that comes back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::failure::{At as _, Failure};
use crate::machine::available_memory;
use crate::process::{self, Memory, Usage};
use crate::programs::{
    COMPARE, COPY, HASH, LEAST_MEMORY, Places, Program, SYNC, Sent, Shelf, bita_archive_len,
    bita_fetched,
};
use crate::statistics::Samples;

/// A command that takes longer than this many seconds is run once: noise matters less in it, and
/// three runs of it keep the machine for too long.
pub(crate) const ONCE_ABOVE: f64 = 200.0;

/// How everything is run.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) shelf: Shelf,
    pub(crate) runs: usize,
    /// An empty directory on a disk, for what comes back there.
    pub(crate) disk: PathBuf,
    /// An empty directory on a tmpfs, for deltas and for what comes back there.
    pub(crate) tmpfs: PathBuf,
}

/// The files that programs are run on.
#[derive(Debug)]
pub(crate) struct Inputs {
    pub(crate) base: PathBuf,
    pub(crate) target: PathBuf,
}

/// What one program did.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// What has to be sent, in bytes.
    pub(crate) delta_len: u64,
    /// Seconds to make a delta, without trying it and with.
    pub(crate) create: Samples,
    pub(crate) checked: Samples,
    /// Seconds of processor time to make a delta without trying it.
    pub(crate) create_cpu: Samples,
    pub(crate) create_memory: Memory,
    /// Seconds until the target was there: on a tmpfs, and synced on a disk.
    pub(crate) apply: Samples,
    pub(crate) apply_on_disk: Samples,
    /// Of the runs on a disk: what lies on a tmpfs would count as memory where a program maps it.
    pub(crate) apply_memory: Memory,
    /// The same on a tmpfs, of chunkdelta in as little memory as it can be told.
    pub(crate) lean_apply: Samples,
    pub(crate) lean_memory: Memory,
}

/// A program, and its figures or why there are none.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) program: Program,
    pub(crate) outcome: Result<Figures, String>,
}

/// What all programs did with one pair.
#[derive(Debug)]
pub(crate) struct Pair {
    /// Lengths of base and target, in bytes.
    pub(crate) base_len: u64,
    pub(crate) target_len: u64,
    pub(crate) rows: Vec<Row>,
    /// Seconds to hash the target.
    pub(crate) hash: Samples,
    /// Seconds to copy the target on a disk and sync it.
    pub(crate) copy: Samples,
}

impl Row {
    pub(crate) fn figures(&self) -> Option<&Figures> {
        self.outcome.as_ref().ok()
    }

    /// Does the next thing with a program that did well so far. One that fails is out; what fails the
    /// benchmark, fails it.
    fn go_on(
        &mut self,
        step: impl FnOnce(&Program, &mut Figures) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Ok(figures) = &mut self.outcome else { return Ok(()) };
        match step(&self.program, figures) {
            Err(failure) => {
                let Failure::Command { status, .. } = &failure else { return Err(failure) };
                eprintln!("{}: {failure}", self.program.name);
                self.outcome = Err(format!("failed: {status}"));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

impl Bench {
    /// Runs all of `programs` on one pair.
    ///
    /// # Errors
    ///
    /// When a program gives back another file than the target, and when the machine itself fails. A
    /// program that fails has a row that says so.
    pub(crate) fn measure(&self, programs: &[Program], inputs: &Inputs) -> Result<Pair, Failure> {
        // So that nobody pays for reading them first.
        let base_len = warm(&inputs.base)?;
        let target_len = warm(&inputs.target)?;
        let rows = programs.iter().map(|program| self.enter(*program, base_len)).collect();
        let (hash, copy) = Default::default();
        let mut pair = Pair { base_len, target_len, rows, hash, copy };
        for round in 0..self.runs {
            self.round(inputs, &mut pair, round, |run, row| {
                row.go_on(|program, figures| run.create(program, figures, round))
            })?;
        }
        for round in 0..self.runs {
            self.round(inputs, &mut pair, round, |run, row| {
                row.go_on(|program, figures| run.apply(program, figures, round))
            })?;
            let run = Run { bench: self, inputs, base_len, number: 0 };
            pair.copy
                .push(run.command(COPY, &self.disk)?.wall + run.command(SYNC, &self.disk)?.wall);
            take_away(&self.disk)?;
        }
        for number in 0..pair.rows.len() {
            let delta = Run { bench: self, inputs, base_len, number }.delta();
            if delta.exists() {
                fs::remove_file(&delta).at(&delta)?;
            }
        }
        Ok(pair)
    }

    /// A row for a program that can be run, or one that says why not.
    fn enter(&self, program: Program, base_len: u64) -> Row {
        let missing = program.executables().find(|name| self.shelf.find(name).is_none());
        let wanted = program.memory_per_base_byte.saturating_mul(base_len);
        let outcome = match missing {
            Some(name) => Err(format!("not run: {name} is not installed")),
            None if wanted > available_memory() => {
                Err(format!("not run: needs {} MB of memory", wanted / 1_000_000))
            }
            None => Ok(Figures::default()),
        };
        Row { program, outcome }
    }

    /// Hashes the target and lets each program do `step` once.
    fn round(
        &self,
        inputs: &Inputs,
        pair: &mut Pair,
        round: usize,
        step: impl Fn(&Run, &mut Row) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let run = |number| Run { bench: self, inputs, base_len: pair.base_len, number };
        pair.hash.push(run(0).command(HASH, &self.disk)?.wall);
        for (number, row) in pair.rows.iter_mut().enumerate() {
            eprintln!("round {}: {}", round + 1, row.program.name);
            step(&run(number), row)?;
        }
        Ok(())
    }
}

/// One program's turn.
struct Run<'a> {
    bench: &'a Bench,
    inputs: &'a Inputs,
    base_len: u64,
    /// The program's, which names its delta.
    number: usize,
}

impl Run<'_> {
    fn create(
        &self,
        program: &Program,
        figures: &mut Figures,
        round: usize,
    ) -> Result<(), Failure> {
        if round == 0 || figures.create.min() < Some(ONCE_ABOVE) {
            let usage = self.made(program)?;
            figures.create.push(usage.wall);
            figures.create_cpu.push(usage.cpu);
            figures.create_memory = figures.create_memory.or_more(usage.memory);
            if let Some(checked) = program.checked {
                figures.checked.push(self.command(checked, &self.bench.tmpfs)?.wall);
            }
            let delta = self.delta();
            figures.delta_len = fs::metadata(&delta).at(&delta)?.len();
        }
        Ok(())
    }

    /// Makes a delta. bita 0.15.0 may end before its archive is written to the end, and then does it
    /// again.
    fn made(&self, program: &Program) -> Result<Usage, Failure> {
        let mut usage = self.command(program.create, &self.bench.tmpfs)?;
        for _ in 0..TRIES {
            if program.sent == Sent::File || self.archive_is_whole()? {
                break;
            }
            usage = self.command(program.create, &self.bench.tmpfs)?;
        }
        Ok(usage)
    }

    fn archive_is_whole(&self) -> Result<bool, Failure> {
        let (delta, log) = (self.delta(), self.bench.disk.join(LOG));
        let said = fs::read_to_string(&log).at(&log)?;
        Ok(bita_archive_len(&said) == Some(fs::metadata(&delta).at(&delta)?.len()))
    }

    fn apply(&self, program: &Program, figures: &mut Figures, round: usize) -> Result<(), Failure> {
        if round == 0 || figures.apply.min() < Some(ONCE_ABOVE) {
            let Bench { disk, tmpfs, .. } = self.bench;
            figures.apply.push(self.applied(program, program.apply, tmpfs)?.wall);
            if program.sent == Sent::BitaFetched {
                figures.delta_len = self.fetched(program)?;
            }
            let on_disk = self.applied(program, program.apply, disk)?;
            figures.apply_on_disk.push(on_disk.wall);
            figures.apply_memory = figures.apply_memory.or_more(on_disk.memory);
            if program.is_own() {
                let lean = format!("{} {LEAST_MEMORY}", program.apply);
                let usage = self.applied(program, &lean, tmpfs)?;
                figures.lean_apply.push(usage.wall);
                figures.lean_memory = figures.lean_memory.or_more(usage.memory);
            }
        }
        Ok(())
    }

    /// Gives the target back in `dir`, until it is synced where that is the disk, and compares it.
    fn applied(&self, program: &Program, command: &str, dir: &Path) -> Result<Usage, Failure> {
        let mut usage = self.command(command, dir)?;
        if dir == self.bench.disk {
            usage.wall += self.command(SYNC, dir)?.wall;
        }
        // bita says in its log what it fetched; cmp's would take its place.
        self.logged(COMPARE, dir, "compare.log").map_err(|_| Failure::Mismatch {
            program: program.name.to_owned(),
            target: self.inputs.target.clone(),
        })?;
        take_away(dir)?;
        Ok(usage)
    }

    fn fetched(&self, program: &Program) -> Result<u64, Failure> {
        let (delta, log) = (self.delta(), self.bench.disk.join(LOG));
        let (archive, said) = (fs::read(&delta).at(&delta)?, fs::read_to_string(&log).at(&log)?);
        let strange = || io::Error::other(format!("{} did not say what it fetched", program.name));
        bita_fetched(&archive, &said).ok_or_else(strange).at(&log)
    }

    fn command(&self, command: &str, dir: &Path) -> Result<Usage, Failure> {
        self.logged(command, dir, LOG)
    }

    fn logged(&self, command: &str, dir: &Path, log: &str) -> Result<Usage, Failure> {
        let places = Places {
            base: &self.inputs.base,
            base_len: self.base_len,
            target: &self.inputs.target,
            delta: &self.delta(),
            out: &dir.join(OUT),
        };
        process::run(&self.bench.shelf.words(command, &places), &self.bench.disk.join(log))
    }

    fn delta(&self) -> PathBuf {
        self.bench.tmpfs.join(format!("{}.delta", self.number))
    }
}

/// Times that something which fails by chance is done anew.
const TRIES: usize = 20;
const OUT: &str = "out";
const LOG: &str = "said.log";

/// Reads a file once, and tells its length.
fn warm(path: &Path) -> Result<u64, Failure> {
    let mut file = fs::File::open(path).at(path)?;
    io::copy(&mut file, &mut io::sink()).at(path)
}

fn take_away(dir: &Path) -> Result<(), Failure> {
    let out = dir.join(OUT);
    fs::remove_file(&out).at(&out)
}
