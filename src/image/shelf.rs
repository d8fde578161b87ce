//! The files of an image by name, whether an archive or a directory holds them.

use std::collections::BTreeMap;

use super::{ImageError, ImageFile};
use crate::limits;
use crate::units::ByteRange;

/// Everything that has a name, and where its bytes lie.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) files: Vec<ImageFile>,
    names: BTreeMap<Vec<u8>, Member>,
}

/// What a name stands for.
#[derive(Debug)]
pub(super) enum Member {
    Bytes {
        file: usize,
        range: ByteRange,
    },
    /// `target` as stored.
    SymLink {
        target: Vec<u8>,
    },
    HardLink {
        target: Vec<u8>,
    },
    Sparse,
    NoFile,
}

/// A member found by name.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) file: usize,
    pub(super) range: ByteRange,
    /// Cleaned name of the member that holds the bytes.
    pub(super) name: Vec<u8>,
    /// Cleaned names of the links on the way, if any.
    pub(super) links: Vec<Vec<u8>>,
}

impl Shelf {
    /// Adds a member under its name as stored. The last of a name counts; names that lead outside
    /// are kept out, since nothing can lawfully ask for them.
    pub(super) fn insert(&mut self, name: &[u8], member: Member) {
        if let Some(name) = clean(name) {
            self.names.insert(name, member);
        }
    }

    /// Every name that stands for bytes of its own, in the order of the names.
    pub(super) fn regular_members(&self) -> impl Iterator<Item = Found> {
        self.names.iter().filter_map(|(name, member)| match member {
            Member::Bytes { file, range } => {
                Some(Found { file: *file, range: *range, name: name.clone(), links: Vec::new() })
            }
            _ => None,
        })
    }

    /// Finds what `path` stands for, through links if need be; `None` where nothing has that name.
    pub(super) fn find(&self, path: &[u8], needed_by: &str) -> Result<Option<Found>, ImageError> {
        let needed_by = || needed_by.to_owned();
        let lawful = path.len() as u64 <= limits::NAME_LEN;
        let mut name = clean(path)
            .filter(|_| lawful)
            .ok_or_else(|| ImageError::BadName { name: path.to_vec(), needed_by: needed_by() })?;
        let mut links: Vec<Vec<u8>> = Vec::new();
        loop {
            let (link, target) = match self.names.get(&name) {
                Some(Member::Bytes { file, range }) => {
                    return Ok(Some(Found { file: *file, range: *range, name, links }));
                }
                Some(Member::Sparse) => return Err(ImageError::Sparse { name }),
                Some(Member::NoFile) => {
                    return Err(ImageError::NotAFile { name, needed_by: needed_by() });
                }
                Some(Member::SymLink { target }) => (name.clone(), target),
                Some(Member::HardLink { target }) => {
                    let next = clean(target);
                    let lost = |reason| link_error(&name, target, reason);
                    let next = next.ok_or_else(|| lost("it leads outside"))?;
                    self.check_hop(&links, &next, &lost)?;
                    links.push(std::mem::replace(&mut name, next));
                    continue;
                }
                None => match self.linked_parent(&name) {
                    Some(found) => found,
                    None => return Ok(None),
                },
            };
            let lost = |reason| link_error(&link, target, reason);
            let rest = &name[link.len()..];
            let next = join(&link, target, rest).ok_or_else(|| lost("it leads outside"))?;
            self.check_hop(&links, &next, &lost)?;
            links.push(link);
            name = next;
        }
    }

    fn check_hop(
        &self,
        links: &[Vec<u8>],
        next: &[u8],
        lost: &dyn Fn(&'static str) -> ImageError,
    ) -> Result<(), ImageError> {
        if links.len() == limits::LINK_HOPS {
            return Err(lost("there are more than 8 links on the way"));
        }
        if !self.names.contains_key(next) && self.linked_parent(next).is_none() {
            return Err(lost("nothing is there"));
        }
        Ok(())
    }

    /// The nearest directory above `name` that is a symbolic link.
    fn linked_parent(&self, name: &[u8]) -> Option<(Vec<u8>, &Vec<u8>)> {
        let slashes = name.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/');
        slashes.map(|(at, _)| &name[..at]).find_map(|parent| match self.names.get(parent) {
            Some(Member::SymLink { target }) => Some((parent.to_vec(), target)),
            _ => None,
        })
    }

    /// Reads a found document, unless it is too long to be one.
    pub(super) fn read_document(&self, found: &Found) -> Result<Vec<u8>, ImageError> {
        let (len, limit) = (found.range.len(), limits::JSON_LEN);
        if len > limit {
            return Err(ImageError::JsonTooLong { name: found.name.clone(), len, limit });
        }
        self.read_start(found, limit)
    }

    /// Reads the first bytes of a found member, `most` at most.
    pub(super) fn read_start(&self, found: &Found, most: u64) -> Result<Vec<u8>, ImageError> {
        let len = usize::try_from(found.range.len().min(most)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; len];
        let source = &self.files[found.file].source;
        source.read_exact_at(&mut bytes, found.range.start()).map_err(ImageError::Read)?;
        Ok(bytes)
    }
}

fn link_error(name: &[u8], target: &[u8], reason: &'static str) -> ImageError {
    ImageError::Link { name: name.to_vec(), target: target.to_vec(), reason }
}

/// The one spelling of a relative path: no `.`, no empty component. `None` for what is absolute or
/// empty or has `..` or NUL.
pub(super) fn clean(path: &[u8]) -> Option<Vec<u8>> {
    if path.starts_with(b"/") || path.contains(&0) {
        return None;
    }
    let components = path.split(|byte| *byte == b'/');
    let components: Vec<&[u8]> =
        components.filter(|component| !matches!(*component, b"" | b".")).collect();
    let lawful = !components.is_empty() && !components.contains(&&b".."[..]);
    lawful.then(|| components.join(&b'/'))
}

/// Where a symbolic link at `link` with `target` leads, with `rest` behind it; `..` is taken
/// lexically. `None` where that is outside or the archive itself.
fn join(link: &[u8], target: &[u8], rest: &[u8]) -> Option<Vec<u8>> {
    if target.starts_with(b"/") || target.is_empty() || target.contains(&0) {
        return None;
    }
    let parent = &link[..link.iter().rposition(|byte| *byte == b'/').unwrap_or(0)];
    let mut components: Vec<&[u8]> = Vec::new();
    for part in [parent, target, rest] {
        for component in part.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => drop(components.pop()?),
                _ => components.push(component),
            }
        }
    }
    (!components.is_empty()).then(|| components.join(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(members: Vec<(&str, Member)>) -> Shelf {
        let mut shelf = Shelf::default();
        for (name, member) in members {
            shelf.insert(name.as_bytes(), member);
        }
        shelf
    }

    fn bytes(start: u64) -> Member {
        Member::Bytes { file: 0, range: ByteRange::new(start, 1).expect("small") }
    }

    fn symlink(target: &str) -> Member {
        Member::SymLink { target: target.into() }
    }

    fn hardlink(target: &str) -> Member {
        Member::HardLink { target: target.into() }
    }

    #[test]
    fn names_are_cleaned_and_the_last_of_a_name_counts() {
        let shelf = shelf(vec![("./a//b", bytes(1)), ("a/./b/", bytes(2)), ("../a", bytes(3))]);
        let found = shelf.find(b"a/b", "test").expect("lawful").expect("there");
        assert_eq!((found.range.start(), found.name.as_slice()), (2, &b"a/b"[..]));
        assert!(shelf.find(b"a", "test").expect("lawful").is_none());
        for path in ["../a", "/a", "a/../b", "", ".", "a\0"] {
            let error = shelf.find(path.as_bytes(), "test").expect_err("unlawful");
            assert!(matches!(error, ImageError::BadName { .. }), "{path:?}");
        }
    }

    #[test]
    fn links_of_both_kinds_and_linked_directories_are_followed() {
        let shelf = shelf(vec![
            ("x/layer.tar", bytes(7)),
            ("y/layer.tar", symlink("../x/./layer.tar")),
            ("z", hardlink("./y/layer.tar")),
            ("dir", symlink("x")),
        ]);
        for (path, links) in [("y/layer.tar", 1), ("z", 2), ("dir/layer.tar", 1)] {
            let found = shelf.find(path.as_bytes(), "test").expect("lawful").expect("there");
            assert_eq!((found.range.start(), found.links.len()), (7, links), "{path}");
        }
        assert!(shelf.find(b"dir/none", "test").is_err());
    }

    #[test]
    fn a_link_cycle_is_refused() {
        let shelf = shelf(vec![("a", symlink("b")), ("b", hardlink("a"))]);
        assert_eq!(
            shelf.find(b"a", "test").expect_err("a cycle").to_string(),
            "the link a does not lead to a file of the archive (target=b): \
             there are more than 8 links on the way"
        );
    }

    #[test]
    fn eight_links_are_followed_and_nine_are_not() {
        let name = |index: usize| format!("l{index}");
        let mut shelf = shelf(vec![("l0", bytes(1))]);
        for index in 1..=9 {
            shelf.insert(name(index).as_bytes(), symlink(&name(index - 1)));
        }
        assert!(shelf.find(b"l8", "test").expect("lawful").is_some());
        assert!(shelf.find(b"l9", "test").is_err());
    }

    #[test]
    fn a_link_that_leaves_the_archive_or_leads_nowhere_is_refused() {
        for (target, reason) in [
            ("../../etc/passwd", "it leads outside"),
            ("/etc/passwd", "it leads outside"),
            ("none", "nothing is there"),
            ("..", "it leads outside"),
        ] {
            let shelf = shelf(vec![("a/b", symlink(target))]);
            let message = shelf.find(b"a/b", "test").expect_err("refused").to_string();
            assert!(message.ends_with(reason), "{message}");
        }
    }

    #[test]
    fn a_link_to_a_directory_is_no_file() {
        let shelf = shelf(vec![("d", Member::NoFile), ("l", symlink("d")), ("s", Member::Sparse)]);
        assert!(matches!(shelf.find(b"l", "t"), Err(ImageError::NotAFile { .. })));
        assert!(matches!(shelf.find(b"s", "t"), Err(ImageError::Sparse { .. })));
    }
}
