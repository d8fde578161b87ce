//! Matches that continue each other become one instruction.

use super::{Match, MatchKind, Source};

/// Longest data of a member that are copied together with its neighbours, in bytes: longer ones are
/// worth an instruction of their own, and keep what is made at once short.
const MAX_DATA: usize = 1 << 20;

/// Bytes of members after which an instruction ends with the next header.
const MAX_MEMBERS: usize = 32 << 20;

/// Neighbouring matches at one distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::delta) struct Joined {
    /// First byte in the node.
    pub(in crate::delta) start: usize,
    /// Number of bytes.
    pub(in crate::delta) len: usize,
    /// What they are like.
    pub(in crate::delta) source: Source,
    /// First byte there.
    pub(in crate::delta) offset: usize,
    /// It begins with a tar header.
    pub(in crate::delta) is_members: bool,
}

impl Joined {
    fn begun_by(found: &Match) -> Self {
        let Match { start, len, source, offset, kind, stage: _ } = *found;
        Self { start, len, source, offset, is_members: kind == MatchKind::Header }
    }

    fn is_continued_by(&self, next: &Match) -> bool {
        self.start + self.len == next.start
            && self.source == next.source
            && self.offset + self.len == next.offset
            && match next.kind {
                MatchKind::Header => self.is_members && self.len < MAX_MEMBERS,
                MatchKind::Plain => !self.is_members || next.len <= MAX_DATA,
            }
    }
}

/// Joins matches of a node, which are ascending and disjoint.
pub(in crate::delta) fn join(found: &[Match]) -> Vec<Joined> {
    let mut joined: Vec<Joined> = Vec::new();
    for found in found {
        match joined.last_mut() {
            Some(last) if last.is_continued_by(found) => last.len += found.len,
            _ => joined.push(Joined::begun_by(found)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(start: usize, len: usize, offset: usize, kind: MatchKind) -> Match {
        Match {
            start,
            len,
            source: Source::Base(0),
            offset,
            kind,
            stage: crate::delta::Stage::Pairs,
        }
    }

    fn shape(joined: &[Joined]) -> Vec<(usize, usize, bool)> {
        joined.iter().map(|joined| (joined.start, joined.len, joined.is_members)).collect()
    }

    #[test]
    fn members_are_joined_from_their_first_header_on() {
        let (plain, header) = (MatchKind::Plain, MatchKind::Header);
        let matches = [
            found(0, 100, 50, plain),
            found(100, 512, 150, header),
            found(612, 1000, 662, plain),
            found(1612, 512, 1662, header),
            // At another distance.
            found(2124, 100, 0, plain),
            found(2224, 100, 100, plain),
            // Not at once behind it.
            found(2400, 512, 276, header),
        ];
        assert_eq!(
            shape(&join(&matches)),
            [(0, 100, false), (100, 2024, true), (2124, 200, false), (2400, 512, true)]
        );
    }

    #[test]
    fn long_data_stand_alone_and_long_runs_end() {
        let (plain, header) = (MatchKind::Plain, MatchKind::Header);
        let matches = [found(0, 512, 0, header), found(512, MAX_DATA + 1, 512, plain)];
        assert_eq!(shape(&join(&matches)), [(0, 512, true), (512, MAX_DATA + 1, false)]);
        let mut at = 0;
        let mut many = Vec::new();
        while at < 2 * MAX_MEMBERS {
            many.push(found(at, 512, at, header));
            many.push(found(at + 512, MAX_DATA, at + 512, plain));
            at += 512 + MAX_DATA;
        }
        let joined = join(&many);
        assert!(joined.len() > 1 && joined.iter().all(|joined| joined.is_members));
        assert!(joined.iter().all(|joined| joined.len <= MAX_MEMBERS + MAX_DATA + 512));
    }
}
