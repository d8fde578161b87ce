//! What the benchmark prints: tables of a pair, of the small cases and by length, and the document
//! that has them all.

use crate::measure::{Figures, ONCE_ABOVE, Pair, Row};
use crate::plot::Point;
use crate::programs::{COPY, HASH, LEAST_MEMORY, PROGRAMS, SYNC, YARDSTICK};
use crate::statistics::{Samples, decimal, grouped, mebibytes, percent, ratio, real};
use crate::table::Table;

/// What stands above all sections.
pub(crate) fn introduction() -> String {
    format!(
        "# chunkdelta and its peers, side by side\n\n\
         Everything here is what `cargo bench --bench versus` printed; each section says on which \
         machine, with which versions and by which command. Programs took turns, and times are the \
         least of all runs of one; \"slowest\" is by how much the slowest run took longer (a dash: one \
         run, as one that takes more than {ONCE_ABOVE} s is not repeated). Compare times of one section \
         only. Sizes are exact. Inputs were in the page cache, deltas went to a tmpfs. Every file that \
         came back was compared with the target.\n\n\
         \"create\" is without trying the delta on the base, which is what \"self-check\" adds: hdiffz \
         does it too, unless told `-d`. \"anonymous\" is memory that the kernel cannot take back \
         (RssAnon + RssShmem at its peak, looked at every 2 ms), \"max RSS\" has mapped files in it. \
         Threads are at most so many; xdelta3 and bsdiff know only one.\n\n"
    )
}

/// The commands of all tables, which are those that were run.
pub(crate) fn commands() -> String {
    let mut text = String::from(
        "WINDOW is the power of two at or above the base's length. Where a program can try its delta, \
         the second line is with that.\n\n```\n",
    );
    for program in &PROGRAMS {
        for command in std::iter::once(program.create).chain(program.checked).chain([program.apply])
        {
            text += command;
            text.push('\n');
        }
        text.push('\n');
    }
    text + &format!("{HASH}\n{COPY} && {SYNC}\n```\n")
}

/// The tables of a pair.
pub(crate) fn pair(pair: &Pair) -> String {
    let hash = decimal(pair.hash.min(), 3);
    let copy = decimal(pair.copy.min(), 3);
    format!(
        "Base {} bytes, target {} bytes.\n\n{}\n{}\n\
         `{HASH}` takes {hash} s ({}), `{COPY} && {SYNC}` {copy} s ({}).\n\n\
         chunkdelta's apply with `{LEAST_MEMORY}`, on a tmpfs:\n\n{}",
        grouped(pair.base_len),
        grouped(pair.target_len),
        create_table(&pair.rows),
        apply_table(pair),
        percent(pair.hash.spread()),
        percent(pair.copy.spread()),
        lean_table(pair),
    )
}

/// Seconds at best, and how much longer the slowest run took.
fn timed(samples: &Samples) -> [String; 2] {
    [decimal(samples.min(), 3), percent(samples.spread())]
}

/// What the self-check adds to a time without it.
fn self_check(figures: &Figures) -> String {
    let parts = figures.checked.min().zip(figures.create.min());
    percent(parts.map(|(with, without)| with / without - 1.0))
}

fn create_table(rows: &[Row]) -> Table {
    let best = rows.iter().find(|row| row.program.name == YARDSTICK).and_then(Row::figures);
    let mut table = Table::new([
        "create",
        "threads",
        "delta, bytes",
        "/ hdiffz -m zstd",
        "create, s",
        "slowest",
        "/ hdiffz -m zstd",
        "CPU, s",
        "with self-check, s",
        "self-check",
        "anonymous, MiB",
        "max RSS, MiB",
    ]);
    for row in rows {
        let figures = match &row.outcome {
            Ok(figures) => figures,
            Err(why) => {
                table.empty_row(row.program.name, why);
                continue;
            }
        };
        let size = |figures: &Figures| real(figures.delta_len);
        let [seconds, slowest] = timed(&figures.create);
        table.row(&[
            row.program.name.to_owned(),
            row.program.threads.0.to_string(),
            grouped(figures.delta_len),
            ratio(Some(size(figures)), best.map(size)),
            seconds,
            slowest,
            ratio(figures.create.min(), best.and_then(|best| best.create.min())),
            decimal(figures.create_cpu.min(), 2),
            decimal(figures.checked.min(), 3),
            self_check(figures),
            mebibytes(figures.create_memory.anonymous),
            mebibytes(figures.create_memory.resident),
        ]);
    }
    table
}

fn apply_table(pair: &Pair) -> Table {
    let mut table = Table::new([
        "apply",
        "threads",
        "on tmpfs, s",
        "slowest",
        "/ openssl sha256",
        "on disk with fsync, s",
        "slowest",
        "/ cp + sync",
        "anonymous, MiB",
        "max RSS, MiB",
    ]);
    for row in &pair.rows {
        let Some(figures) = row.figures() else {
            table.empty_row(row.program.name, "not run");
            continue;
        };
        let [seconds, slowest] = timed(&figures.apply);
        let [disk_seconds, disk_slowest] = timed(&figures.apply_on_disk);
        table.row(&[
            row.program.name.to_owned(),
            row.program.threads.1.to_string(),
            seconds,
            slowest,
            ratio(figures.apply.min(), pair.hash.min()),
            disk_seconds,
            disk_slowest,
            ratio(figures.apply_on_disk.min(), pair.copy.min()),
            mebibytes(figures.apply_memory.anonymous),
            mebibytes(figures.apply_memory.resident),
        ]);
    }
    table
}

fn lean_table(pair: &Pair) -> Table {
    let heads = ["apply", "s", "slowest", "/ openssl sha256", "anonymous, MiB", "max RSS, MiB"];
    let mut table = Table::new(heads);
    for row in pair.rows.iter().filter(|row| row.program.is_own()) {
        let Some(figures) = row.figures() else {
            table.empty_row(row.program.name, "not run");
            continue;
        };
        let [seconds, slowest] = timed(&figures.lean_apply);
        table.row(&[
            row.program.name.to_owned(),
            seconds,
            slowest,
            ratio(figures.lean_apply.min(), pair.hash.min()),
            mebibytes(figures.lean_memory.anonymous),
            mebibytes(figures.lean_memory.resident),
        ]);
    }
    table
}

/// One small case: what it is, what a delta should stay below in bytes, and what happened.
#[derive(Debug)]
pub(crate) struct SmallCase {
    pub(crate) what: &'static str,
    pub(crate) bound: f64,
    pub(crate) pair: Pair,
}

/// The table of small cases.
pub(crate) fn small(cases: &[SmallCase]) -> String {
    let mut table = Table::new([
        "case",
        "program",
        "delta, bytes",
        "bound, bytes",
        "create, s",
        "slowest",
        "/ openssl sha256",
        "self-check",
        "apply, s",
        "/ openssl sha256",
    ]);
    for SmallCase { what, bound, pair } in cases {
        for row in &pair.rows {
            let figures = match &row.outcome {
                Ok(figures) => figures,
                Err(why) => {
                    table.empty_row(what, &format!("{}: {why}", row.program.name));
                    continue;
                }
            };
            let [seconds, slowest] = timed(&figures.create);
            table.row(&[
                (*what).to_owned(),
                row.program.name.to_owned(),
                grouped(figures.delta_len),
                decimal(Some(*bound), 0),
                seconds,
                slowest,
                ratio(figures.create.min(), pair.hash.min()),
                self_check(figures),
                decimal(figures.apply.min(), 3),
                ratio(figures.apply.min(), pair.hash.min()),
            ]);
        }
    }
    format!(
        "Small cases, of the pair's base. The bound is 2 KB, the compressed config, and 150 bytes for \
         each layer; for one changed file a tenth more, and the file compressed.\n\n{table}"
    )
}

/// The tables by length.
pub(crate) fn scale(pairs: &[Pair]) -> String {
    format!(
        "chunkdelta at its default level, outputs on a disk with fsync; longer inputs may not fit in \
         the page cache. \"a byte, of the first\" is time for each byte against the first length's.\n\n\
         {}\n{}",
        scale_create_table(pairs),
        scale_apply_table(pairs),
    )
}

fn scale_create_table(pairs: &[Pair]) -> Table {
    let mut table = Table::new([
        "target, bytes",
        "delta, bytes",
        "create, s",
        "slowest",
        "MB/s",
        "a byte, of the first",
        "CPU, s",
        "self-check",
        "anonymous, MiB",
        "max RSS, MiB",
    ]);
    for (pair, row) in only_rows(pairs) {
        let figures = match &row.outcome {
            Ok(figures) => figures,
            Err(why) => {
                table.empty_row(&grouped(pair.target_len), why);
                continue;
            }
        };
        let [seconds, slowest] = timed(&figures.create);
        let [rate, part] = by_length(pairs, pair, |figures| &figures.create);
        table.row(&[
            grouped(pair.target_len),
            grouped(figures.delta_len),
            seconds,
            slowest,
            rate,
            part,
            decimal(figures.create_cpu.min(), 2),
            self_check(figures),
            mebibytes(figures.create_memory.anonymous),
            mebibytes(figures.create_memory.resident),
        ]);
    }
    table
}

fn scale_apply_table(pairs: &[Pair]) -> Table {
    let mut table = Table::new([
        "target, bytes",
        "apply, s",
        "slowest",
        "MB/s",
        "a byte, of the first",
        "/ openssl sha256",
        "anonymous, MiB",
        "max RSS, MiB",
        "s in 48 MiB",
        "anonymous, MiB",
    ]);
    for (pair, row) in only_rows(pairs) {
        let Some(figures) = row.figures() else {
            table.empty_row(&grouped(pair.target_len), "not run");
            continue;
        };
        let [seconds, slowest] = timed(&figures.apply);
        let [rate, part] = by_length(pairs, pair, |figures| &figures.apply);
        table.row(&[
            grouped(pair.target_len),
            seconds,
            slowest,
            rate,
            part,
            ratio(figures.apply.min(), pair.hash.min()),
            mebibytes(figures.apply_memory.anonymous),
            mebibytes(figures.apply_memory.resident),
            decimal(figures.lean_apply.min(), 3),
            mebibytes(figures.lean_memory.anonymous),
        ]);
    }
    table
}

/// Each pair with the one program that it was measured with.
fn only_rows(pairs: &[Pair]) -> impl Iterator<Item = (&Pair, &Row)> {
    pairs.iter().filter_map(|pair| Some((pair, pair.rows.first()?)))
}

/// MB/s of a pair's target, and time for each byte against the first pair's.
fn by_length(pairs: &[Pair], pair: &Pair, samples: fn(&Figures) -> &Samples) -> [String; 2] {
    let a_byte = |pair: &Pair| {
        let seconds = samples(pair.rows.first()?.figures()?).min()?;
        Some(seconds / real(pair.target_len))
    };
    let rate = a_byte(pair).map(|seconds| 1e-6 / seconds);
    [decimal(rate, 0), ratio(a_byte(pair), pairs.first().and_then(a_byte))]
}

/// Points of the plots of a pair: size against create time, and memory against time of apply.
pub(crate) fn size_points(pair: &Pair) -> Vec<Point> {
    let point = |row: &Row| {
        let figures = row.figures()?;
        let x_with = figures.checked.min().filter(|_| row.program.is_own());
        plotted(row, figures.create.min()?, real(figures.delta_len) / 1e6, x_with)
    };
    pair.rows.iter().filter_map(point).collect()
}

/// Memory of create against its time.
pub(crate) fn create_memory_points(pair: &Pair) -> Vec<Point> {
    let point = |row: &Row| {
        let figures = row.figures()?;
        let memory = real(figures.create_memory.anonymous) / real(1 << 20);
        plotted(row, figures.create.min()?, memory, None)
    };
    pair.rows.iter().filter_map(point).collect()
}

/// Memory of apply against its time on a tmpfs.
pub(crate) fn apply_points(pair: &Pair) -> Vec<Point> {
    let point = |row: &Row| {
        let figures = row.figures()?;
        let memory = real(figures.apply_memory.anonymous) / real(1 << 20);
        plotted(row, figures.apply.min()?, memory, None)
    };
    pair.rows.iter().filter_map(point).collect()
}

/// A point, where both figures can be on a logarithmic axis.
fn plotted(row: &Row, x: f64, y: f64, x_with: Option<f64>) -> Option<Point> {
    let name = row.program.name.to_owned();
    let point = Point { name, x, y, x_with, is_own: row.program.is_own() };
    Some(point).filter(|point| point.x > 0.0 && point.y > 0.0)
}

/// `document` with `introduction` at its top and each of `sections`, a heading and a text, in the place
/// of the one with that heading, or at the end. All else stays.
pub(crate) fn with_sections(
    document: &str,
    introduction: &str,
    sections: &[(String, String)],
) -> String {
    let mut parts: Vec<(&str, &str)> = document
        .split("\n## ")
        .skip(1)
        .map(|part| part.split_once('\n').unwrap_or((part, "")))
        .map(|(heading, text)| (heading, text.trim_matches('\n')))
        .collect();
    for (heading, text) in sections {
        let text = text.trim_matches('\n');
        match parts.iter_mut().find(|(other, _)| other == heading) {
            Some(part) => part.1 = text,
            None => parts.push((heading, text)),
        }
    }
    let mut whole = format!("{}\n", introduction.trim_end());
    for (heading, text) in parts {
        whole.extend(["\n## ", heading, "\n\n", text, "\n"]);
    }
    whole
}
