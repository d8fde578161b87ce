//! The rewritten archive, as runs of bytes that are there already and a few new ones.

use super::{Dropped, Fate, Plan, RewriteError};
use crate::source::ReadAt;
use crate::units::ByteRange;
use crate::walker::{Entry, EntryKind, Walker, with_member};

/// A run of bytes of the new archive.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// Bytes of the old archive.
    Old(ByteRange),
    /// Bytes that are new.
    New(Vec<u8>),
    /// The content of a blob.
    Content(usize),
}

/// What an archive will be, and what else is left out of it.
pub(crate) type Layout = (Vec<Run>, Vec<Dropped>);

/// Lays the new archive out. Members keep their order; `content_len` is the length of the content
/// of a blob. What follows the last member is kept as it is.
///
/// # Errors
/// [`RewriteError`] naming a member whose header cannot say what it has to.
pub(crate) fn lay_out(
    old: &dyn ReadAt,
    plan: &Plan,
    content_len: impl Fn(usize) -> u64,
) -> Result<Layout, RewriteError> {
    let mut walker = Walker::new(old);
    let entries: Vec<Entry> = walker.by_ref().collect();
    let tail = walker.finish().at;
    let mut fates = plan.fates(entries.iter().map(|entry| entry.name.as_slice()));
    let (mut runs, mut dropped) = (Vec::new(), Vec::new());
    let ends = entries.iter().skip(1).map(|entry| entry.header.start()).chain([tail]);
    for (entry, end) in entries.iter().zip(ends) {
        refuse_moved_link(entry, plan)?;
        let has_bytes = entry.kind == EntryKind::Regular;
        let fate = fates.of(&entry.name, has_bytes.then_some((0, entry.data.start())));
        let (name, len, data) = match fate {
            Fate::Gone => continue,
            Fate::Dropped(what) => {
                dropped.push(what);
                continue;
            }
            Fate::Kept => {
                keep(&mut runs, entry.header.start(), end);
                continue;
            }
            Fate::Document(name, text) => (name, text.len() as u64, Run::New(text.to_vec())),
            Fate::Content(name, blob) => (name, content_len(blob), Run::Content(blob)),
        };
        runs.push(Run::New(header(old, entry, &name, len)?));
        runs.push(data);
        runs.push(Run::New(padding(len)));
    }
    keep(&mut runs, tail, old.len());
    Ok((runs, dropped))
}

/// Adds old bytes; runs that follow one another are one.
fn keep(runs: &mut Vec<Run>, start: u64, end: u64) {
    if let Some(Run::Old(last)) = runs.last_mut()
        && last.end() == start
        && let Some(both) = ByteRange::new(last.start(), end - last.start())
    {
        *last = both;
    } else if let Some(range) = end.checked_sub(start).and_then(|len| ByteRange::new(start, len)) {
        runs.push(Run::Old(range));
    }
}

fn padding(len: u64) -> Vec<u8> {
    let rest = usize::try_from(len % 512).unwrap_or(0);
    vec![0; (512 - rest) % 512]
}

/// The header blocks of a member with another name of the same length, and another length.
fn header(old: &dyn ReadAt, entry: &Entry, name: &[u8], len: u64) -> Result<Vec<u8>, RewriteError> {
    let refused = || RewriteError::Header { name: entry.name.clone() };
    let mut blocks = vec![0; usize::try_from(entry.header.len()).map_err(|_| refused())?];
    old.read_exact_at(&mut blocks, entry.header.start()).map_err(|_| refused())?;
    with_member(blocks, &entry.name, name, len).ok_or_else(refused)
}

fn refuse_moved_link(entry: &Entry, plan: &Plan) -> Result<(), RewriteError> {
    let is_link = matches!(entry.kind, EntryKind::HardLink | EntryKind::SymLink);
    if is_link && (plan.moves_target(&entry.link) || plan.new_name(&entry.name).is_some()) {
        let (name, target) = (entry.name.clone(), entry.link.clone());
        return Err(RewriteError::Link { name, target });
    }
    Ok(())
}
