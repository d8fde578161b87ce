//! How far a change of layers reaches: manifests that cite them, indexes above those, and what is
//! said about either.

use std::collections::{BTreeMap, BTreeSet};

use super::documents::{About, Documents};
use crate::digest::Digest;

/// What becomes of documents when some layers change.
#[derive(Debug, Default)]
pub(super) struct Affected {
    /// Documents that will have other digests, or go.
    pub(super) digests: BTreeSet<Digest>,
    /// Entries of indexes that go: number of the document, number of the entry.
    pub(super) dropped: BTreeSet<(usize, usize)>,
    /// Documents whose `subject` goes.
    pub(super) unlinked: BTreeSet<usize>,
    /// Images of manifest.json that go.
    pub(super) unlisted: BTreeSet<usize>,
}

/// Follows a change of `layers`, blobs by digest.
pub(super) fn affected(documents: &Documents<'_>, layers: &BTreeSet<Digest>) -> Affected {
    let mut follow =
        Follow { links: Links::new(documents), out: Affected::default(), queue: Vec::new() };
    for document in &documents.all {
        let cited = document.layers.iter().filter_map(|(_, digest)| *digest);
        if cited.into_iter().any(|digest| layers.contains(&digest)) {
            follow.mark(document.digest);
        }
    }
    while let Some(digest) = follow.queue.pop() {
        follow.spread(documents, digest);
    }
    for (number, listed) in documents.list.iter().enumerate() {
        if listed.about.is_some_and(|about| follow.out.digests.contains(&about)) {
            follow.out.unlisted.insert(number);
        }
    }
    follow.out
}

/// Who says something about a document, by its digest.
#[derive(Default)]
struct Links {
    /// Entries that cite it.
    entries: BTreeMap<Digest, Vec<(usize, usize)>>,
    /// Entries that are about it.
    about: BTreeMap<Digest, Vec<(usize, usize)>>,
    /// Documents that have it as subject.
    referrers: BTreeMap<Digest, Vec<usize>>,
    /// Entries of a document that are about any of its other entries.
    siblings: BTreeMap<usize, Vec<usize>>,
}

impl Links {
    fn new(documents: &Documents<'_>) -> Self {
        let mut links = Self::default();
        for (number, document) in documents.all.iter().enumerate() {
            if let Some(subject) = document.subject {
                links.referrers.entry(subject).or_default().push(number);
            }
            for (at, entry) in document.entries.iter().enumerate() {
                match (entry.about, entry.digest) {
                    (About::Siblings, _) => links.siblings.entry(number).or_default().push(at),
                    (About::Other(digest), _) => {
                        links.about.entry(digest).or_default().push((number, at));
                    }
                    (About::Itself, _) => {}
                }
                if let Some(digest) = entry.digest {
                    links.entries.entry(digest).or_default().push((number, at));
                }
            }
        }
        links
    }
}

struct Follow {
    links: Links,
    out: Affected,
    queue: Vec<Digest>,
}

impl Follow {
    fn mark(&mut self, digest: Option<Digest>) {
        if let Some(digest) = digest
            && self.out.digests.insert(digest)
        {
            self.queue.push(digest);
        }
    }

    /// Each digest comes here once, and takes its links with it.
    fn spread(&mut self, documents: &Documents<'_>, digest: Digest) {
        for (number, at) in self.links.entries.get(&digest).cloned().unwrap_or_default() {
            self.mark(documents.all[number].digest);
            // A change of an attestation is no reason to drop another one.
            if documents.all[number].entries[at].about == About::Itself {
                for sibling in self.links.siblings.remove(&number).unwrap_or_default() {
                    self.drop_entry(documents, (number, sibling));
                }
            }
        }
        for entry in self.links.about.remove(&digest).unwrap_or_default() {
            self.drop_entry(documents, entry);
        }
        for referrer in self.links.referrers.remove(&digest).unwrap_or_default() {
            let own = documents.all[referrer].digest;
            if documents.all[referrer].is_statement {
                let entries = own.and_then(|own| self.links.entries.get(&own)).cloned();
                for entry in entries.unwrap_or_default() {
                    self.drop_entry(documents, entry);
                }
            } else {
                self.out.unlinked.insert(referrer);
            }
            self.mark(own);
        }
    }

    fn drop_entry(&mut self, documents: &Documents<'_>, (number, at): (usize, usize)) {
        if self.out.dropped.insert((number, at)) {
            self.mark(documents.all[number].digest);
            self.mark(documents.all[number].entries[at].digest);
        }
    }
}
