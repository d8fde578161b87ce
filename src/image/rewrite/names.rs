//! Names that hold digests, and what becomes of each member and file.

use std::collections::{BTreeMap, BTreeSet};

use super::{Dropped, Place, Plan};
use crate::digest::Digest;
use crate::image::shelf::clean;
use crate::image::{Layout, assembly};

/// What becomes of a member of an archive or a file of a directory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate<'a> {
    /// It stays.
    Kept,
    /// It goes with what cited it, or something equal stands in its place.
    Gone,
    /// It goes, and that is worth a word.
    Dropped(Dropped),
    /// A document with another text, under that name.
    Document(Vec<u8>, &'a [u8]),
    /// The content of that blob, under that name.
    Content(Vec<u8>, usize),
}

/// Hands out fates in the order of the image.
pub(crate) struct Fates<'a> {
    plan: &'a Plan,
    /// Names that are taken.
    taken: BTreeSet<Vec<u8>>,
}

impl Plan {
    /// The fates of all that has these names.
    pub(crate) fn fates<'b>(&self, names: impl Iterator<Item = &'b [u8]>) -> Fates<'_> {
        let names = names.filter_map(clean);
        let with_digest = names.filter(|name| digest_in(self.layout, name).is_some());
        let stay = with_digest.filter(|name| self.new_name(name).is_none());
        Fates { plan: self, taken: stay.collect() }
    }

    /// The name that something named after a digest that changes will have.
    pub(super) fn new_name(&self, name: &[u8]) -> Option<Vec<u8>> {
        renamed(self.layout, name, &self.renamed)
    }

    /// Does a link lead to something whose name changes?
    pub(super) fn moves_target(&self, link: &[u8]) -> bool {
        let mut words = link.windows(Digest::HEX_LEN).filter_map(Digest::parse_hex);
        words.any(|digest| self.renamed.contains_key(&digest))
    }

    /// A signature that lies beside a manifest of a `dir:` directory.
    fn broken_signature(&self, name: &[u8]) -> Option<Dropped> {
        if self.layout != Layout::Dir {
            return None;
        }
        let digest = match name.strip_prefix(b"signature-") {
            Some(_) if self.has_new_root => None,
            Some(_) => return None,
            None => {
                let hex = name.get(..Digest::HEX_LEN)?;
                name.get(Digest::HEX_LEN..)?.strip_prefix(b".signature-")?;
                Some(Digest::parse_hex(hex).filter(|digest| self.affected.contains(digest))?)
            }
        };
        let name = String::from_utf8_lossy(name).into_owned();
        Some(Dropped { what: "signature", name, digest })
    }
}

impl<'a> Fates<'a> {
    /// What becomes of that; `place` is where its bytes lie, if it has any of its own.
    pub(crate) fn of(&mut self, name: &[u8], place: Option<Place>) -> Fate<'a> {
        let Self { plan, taken } = self;
        let cleaned = clean(name).unwrap_or_default();
        if let Some(dropped) = plan.broken_signature(&cleaned) {
            return Fate::Dropped(dropped);
        }
        let Some(place) = place else { return Fate::Kept };
        if plan.gone.contains(&place) {
            return Fate::Gone;
        }
        let (text, blob) = (plan.documents.get(&place), plan.contents.get(&place));
        let new_name = plan.new_name(name);
        if let Some(new_name) = &new_name {
            // A name that is there twice: the one before is nothing that anybody sees.
            let is_seen = text.is_some() || blob.is_some();
            if !is_seen || !taken.insert(clean(new_name).unwrap_or_default()) {
                return Fate::Gone;
            }
        }
        let name = new_name.unwrap_or_else(|| name.to_vec());
        match (text, blob) {
            (Some(text), _) => Fate::Document(name, text),
            (None, Some(blob)) => Fate::Content(name, *blob),
            (None, None) => Fate::Kept,
        }
    }
}

/// The name with the digest that takes the place of the one in it; of the same length.
pub(super) fn renamed(
    layout: Layout,
    name: &[u8],
    digests: &BTreeMap<Digest, Digest>,
) -> Option<Vec<u8>> {
    let old = digest_in(layout, &clean(name)?)?;
    let new = digests.get(&old)?;
    let at = find(name, &old.to_hex())?;
    let mut name = name.to_vec();
    name.get_mut(at..at + Digest::HEX_LEN)?.copy_from_slice(&new.to_hex());
    Some(name)
}

/// The digest that a name claims.
fn digest_in(layout: Layout, cleaned: &[u8]) -> Option<Digest> {
    let stem = cleaned.strip_suffix(b".manifest.json").filter(|_| layout == Layout::Dir);
    assembly::digest_in_name(layout, stem.unwrap_or(cleaned))
}

/// Where `hex` begins in `bytes`.
pub(super) fn find(bytes: &[u8], hex: &[u8; Digest::HEX_LEN]) -> Option<usize> {
    bytes.windows(Digest::HEX_LEN).position(|window| window == hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_claim_a_digest_follow_it() {
        let (old, new) = (Digest::of(b"old"), Digest::of(b"new"));
        let digests = BTreeMap::from([(old, new)]);
        let text = |digest: Digest| String::from_utf8(digest.to_hex().to_vec()).expect("ASCII");
        for (layout, name, follows) in [
            (Layout::Oci, "./blobs/sha256/OLD", true),
            (Layout::Docker, "blobs/sha256/OLD", true),
            (Layout::Docker, "sha256:OLD", true),
            (Layout::Docker, "OLD.tar.gz", false),
            (Layout::Docker, "OLD/layer.tar", false),
            (Layout::Oci, "OLD", false),
            (Layout::Dir, "OLD", true),
            (Layout::Dir, "OLD.manifest.json", true),
            (Layout::Dir, "OLD.signature-1", false),
        ] {
            let found = renamed(layout, name.replace("OLD", &text(old)).as_bytes(), &digests);
            let expected = follows.then(|| name.replace("OLD", &text(new)).into_bytes());
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(renamed(Layout::Oci, b"../x", &digests), None);
    }
}
