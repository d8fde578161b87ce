//! Blobs that nothing leads to any more once some entries are gone.

use std::collections::{BTreeMap, BTreeSet};

use super::affected::Affected;
use super::documents::Documents;
use crate::digest::Digest;

/// Blobs that only dropped entries lead to. What nothing cited before is not among them.
pub(super) fn orphans(documents: &Documents<'_>, affected: &Affected) -> BTreeSet<usize> {
    if affected.dropped.is_empty() && affected.unlisted.is_empty() {
        return BTreeSet::new();
    }
    let (mut live, mut dead) = (Reach::new(documents), Reach::new(documents));
    // What cites all others comes last.
    live.documents.extend(documents.all.len().checked_sub(1));
    for (number, at) in &affected.dropped {
        dead.digest(documents.all[*number].entries[*at].digest);
    }
    for (number, listed) in documents.list.iter().enumerate() {
        let blobs = listed.layers.iter().filter_map(|(_, blob)| *blob).chain(listed.config);
        let reach = if affected.unlisted.contains(&number) { &mut dead } else { &mut live };
        reach.blobs.extend(blobs);
    }
    let live = live.follow(|entry| !affected.dropped.contains(&entry));
    let dead = dead.follow(|_| true);
    dead.difference(&live).copied().collect()
}

struct Reach<'a, 'b> {
    all: &'b Documents<'a>,
    by_digest: BTreeMap<Digest, usize>,
    blobs: BTreeSet<usize>,
    documents: Vec<usize>,
}

impl<'a, 'b> Reach<'a, 'b> {
    fn new(all: &'b Documents<'a>) -> Self {
        let digests = all.all.iter().enumerate();
        let by_digest =
            digests.filter_map(|(number, document)| Some((document.digest?, number))).collect();
        Self { all, by_digest, blobs: BTreeSet::new(), documents: Vec::new() }
    }

    fn digest(&mut self, digest: Option<Digest>) {
        if let Some(blob) = self.all.blob(digest)
            && self.blobs.insert(blob)
        {
            self.documents.extend(digest.and_then(|digest| self.by_digest.get(&digest)));
        }
    }

    /// Follows everything that is cited, entries only where `is_followed`.
    fn follow(mut self, is_followed: impl Fn((usize, usize)) -> bool) -> BTreeSet<usize> {
        let all = self.all;
        while let Some(number) = self.documents.pop() {
            let document = &all.all[number];
            self.digest(document.config);
            document.layers.iter().for_each(|(_, digest)| self.digest(*digest));
            for (at, entry) in document.entries.iter().enumerate() {
                if is_followed((number, at)) {
                    self.digest(entry.digest);
                }
            }
        }
        self.blobs
    }
}
