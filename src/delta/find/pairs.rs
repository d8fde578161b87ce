//! Which piece of the base each one of the target comes from, and which need not be looked for.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::pieces::Piece;
use super::{Finder, Match, Matches, Source};
use crate::delta::Stage;
use crate::index::indexed_id;
use crate::pairing::{self, By, Member, Run, Votes};

/// What is known of a piece before its bytes are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its data are those of its pair, by number.
    Equal(usize),
    /// An earlier piece of this number has its data, and is not equal to its own pair.
    Repeat(usize),
    /// It has to be looked for.
    Sought,
}

impl Finder<'_, '_> {
    /// The base's piece that each one comes from, by its name, and what of the name told.
    pub(super) fn pairs_by_name(&self) -> Vec<Option<(usize, By)>> {
        let mut pairs = vec![None; self.pieces.len()];
        if self.has(Stage::Pairs) {
            let (base_numbers, base) = members(self.of_base);
            let (numbers, target) = members(self.pieces);
            for (number, pair) in numbers.iter().zip(pairing::by_name(&base, &target)) {
                pairs[*number] = pair.map(|pair| (base_numbers[pair.base], pair.by));
            }
        }
        pairs
    }

    /// Compares each piece with its pair, and those that are not equal with each other.
    pub(super) fn fates(&self, pairs: &[Option<usize>]) -> Vec<Fate> {
        let fate = |(piece, pair): (&Piece<'_>, &Option<usize>)| {
            let equal = pair.filter(|pair| piece.data() == self.of_base[*pair].data());
            equal.map_or(Fate::Sought, Fate::Equal)
        };
        let mut fates: Vec<Fate> = self.pieces.par_iter().zip(pairs).map(fate).collect();
        if self.has(Stage::Repeats) {
            let sought = fates.par_iter().enumerate().filter(|(_, fate)| **fate == Fate::Sought);
            let key = |(piece, _): (usize, &Fate)| {
                let Piece { owner, .. } = self.pieces[piece];
                (self.rank[owner], piece, indexed_id(self.pieces[piece].data()))
            };
            let mut keys: Vec<_> = sought.map(key).collect();
            keys.sort_unstable_by_key(|(rank, piece, _)| (*rank, *piece));
            let mut firsts = HashMap::new();
            for (_, piece, id) in keys {
                let Some(id) = id else { continue };
                let first = *firsts.entry(id).or_insert(piece);
                if first != piece && self.pieces[first].data() == self.pieces[piece].data() {
                    fates[piece] = Fate::Repeat(first);
                }
            }
        }
        fates
    }

    /// Pairs those that no name paired for sure: by the chunks that were found, then by likeness.
    pub(super) fn pair_by_bytes(
        &self,
        which: &[usize],
        by_name: &[Option<(usize, By)>],
        matches: &[Matches],
        pairs: &mut [Option<usize>],
    ) {
        let is_open = |piece: &usize| {
            let piece = *piece;
            !self.pieces[piece].data.is_empty()
                && by_name[piece].is_none_or(|(_, by)| !by.is_sure())
        };
        let open: Vec<usize> = which.iter().copied().filter(is_open).collect();
        if open.is_empty() || !self.has(Stage::Likeness) {
            return;
        }
        let (base_numbers, base) = members(self.of_base);
        let votes = Votes::new(&base);
        let mut unknown = Vec::new();
        for piece in open {
            let len = self.pieces[piece].len as u64;
            match votes.pair(len, &runs(&matches[piece].found)) {
                Some(pair) => pairs[piece] = Some(base_numbers[pair.base]),
                None => unknown.push(piece),
            }
        }
        let target: Vec<&[u8]> = unknown.iter().map(|piece| self.pieces[*piece].data()).collect();
        let is_taken: HashSet<usize> = pairs.iter().flatten().copied().collect();
        let is_free =
            |piece: usize| !is_taken.contains(&piece) && !self.is_kept[self.of_base[piece].owner];
        let free = base_numbers.iter().enumerate().filter(|(_, piece)| is_free(**piece));
        let free: Vec<(usize, &[u8])> =
            free.map(|(at, piece)| (at, self.of_base[*piece].data())).collect();
        for (piece, pair) in unknown.iter().zip(pairing::by_sketch(&free, &target)) {
            if let Some(pair) = pair {
                pairs[*piece] = Some(base_numbers[pair.base]);
            }
        }
    }
}

/// Matches as the votes want them.
fn runs(found: &[Match]) -> Vec<Run> {
    let run = |found: &Match| match found.source {
        Source::Base(content) => {
            Some(Run { content, offset: found.offset as u64, len: found.len as u64 })
        }
        Source::Target(_) => None,
    };
    found.iter().filter_map(run).collect()
}

/// The pieces that have names, as the pairing wants them, with their numbers.
fn members<'a>(pieces: &'a [Piece<'_>]) -> (Vec<usize>, Vec<Member<'a>>) {
    let named = pieces.iter().enumerate().filter_map(|(number, piece)| {
        let member = Member {
            name: piece.name?,
            content: piece.owner,
            start: piece.data.start as u64,
            len: piece.len as u64,
        };
        Some((number, member))
    });
    named.unzip()
}
