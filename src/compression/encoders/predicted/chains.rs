//! Places of the content by a hash of their three bytes, the last place first, as zlib keeps them.

#![expect(clippy::cast_possible_truncation, reason = "places are told apart modulo 2^32")]

use crate::compression::encoders::flate::symbols::{MAX_DISTANCE, MAX_MATCH, MIN_MATCH};

/// A stretch of the content, up to the last byte that is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) bytes: &'a [u8],
    /// Where in the content its first byte is.
    pub(super) start: u64,
}

impl View<'_> {
    /// Where a place of the content lies in the stretch.
    pub(super) fn index(&self, place: u64) -> usize {
        // A stretch is in memory, and no place before it is asked for.
        (place - self.start) as usize
    }

    fn place(&self, at: usize) -> u32 {
        (self.start as u32).wrapping_add(at as u32)
    }
}

/// A repeat of bytes before: 3 to 258 of them, from 1 to 32,768 bytes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) len: usize,
    pub(super) distance: usize,
}

/// What a search is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search {
    /// Only longer matches count.
    pub(super) over: usize,
    /// A match of this length is good enough.
    pub(super) nice: usize,
    /// Places to look at, at least 1.
    pub(super) chain: u32,
}

/// Places by their hash. Place 0 is none: zlib never refers to it.
#[derive(Debug)]
pub(super) struct Chains {
    /// The last place of each hash.
    heads: Vec<u32>,
    /// For each place of the window, the one before it of the same hash.
    links: Vec<u32>,
    hash_bits: u32,
    /// Furthest that a match reaches back.
    reach: usize,
    reaches_through: bool,
    /// No place before this one is put in any more.
    next: u64,
}

/// Places that a rank among all matches can be looked for in.
const RANKED: usize = 4096;

/// Bytes that zlib has ahead of where it searches, until the content ends.
pub(super) const AHEAD: usize = MAX_MATCH + MIN_MATCH + 1;

impl Chains {
    pub(super) fn new(hash_bits: u8, window_bits: u8, reaches_through: bool) -> Self {
        let window = 1 << window_bits;
        Self {
            heads: vec![0; 1 << hash_bits],
            links: vec![0; window],
            hash_bits: hash_bits.into(),
            reach: if reaches_through { window } else { window - AHEAD },
            reaches_through,
            next: 0,
        }
    }

    /// Of the first three bytes.
    #[inline]
    fn hash(&self, bytes: &[u8]) -> Option<usize> {
        let &[first, second, third] = bytes.first_chunk()?;
        let shift = self.hash_bits.div_ceil(3);
        let hash = usize::from(first) << (2 * shift) ^ usize::from(second) << shift;
        Some((hash ^ usize::from(third)) & (self.heads.len() - 1))
    }

    /// Puts in all places before `end`.
    pub(super) fn put_before(&mut self, view: View<'_>, end: u64) {
        while self.next < end {
            let at = view.index(self.next);
            let Some(hash) = self.hash(&view.bytes[at..]) else { return };
            let place = view.place(at);
            let slot = place as usize & (self.links.len() - 1);
            self.links[slot] = self.heads[hash];
            self.heads[hash] = place;
            self.next += 1;
        }
    }

    /// Leaves out all places before `next` that are not in yet.
    pub(super) fn leave_out_before(&mut self, next: u64) {
        self.next = next;
    }

    /// Searches as zlib does.
    pub(super) fn longest(&self, view: View<'_>, at: usize, search: Search) -> Option<Match> {
        let ahead = view.bytes.get(at..)?;
        let ahead = &ahead[..ahead.len().min(MAX_MATCH)];
        let Search { mut over, nice, mut chain } = search;
        let nice = nice.min(ahead.len());
        let mut places = self.places(view, at, ahead)?;
        // What follows the last place is compared as zlib does it: one byte less far.
        let reach = self.reach - usize::from(!self.reaches_through);
        let is_early = view.start + at as u64 <= self.reach as u64;
        let mut distance = places.next().filter(|distance| *distance <= self.reach)?;
        let mut found = None;
        while over < ahead.len() {
            let before = &view.bytes[at.checked_sub(distance)?..];
            if before[over] == ahead[over] && before[over - 1] == ahead[over - 1] {
                let len = common_len(before, ahead);
                if len > over {
                    over = len;
                    found = Some(Match { len, distance });
                    if len >= nice {
                        break;
                    }
                }
            }
            chain -= 1;
            let next = places.next().filter(|next| is_early || *next <= reach);
            match next {
                Some(next) if chain > 0 => distance = next,
                _ => break,
            }
        }
        found
    }

    /// Distances of places where `len` bytes are as at `at`, the nearest first.
    pub(super) fn matches(
        &self,
        view: View<'_>,
        at: usize,
        len: usize,
    ) -> impl Iterator<Item = usize> {
        let ahead = view.bytes.get(at..at + len).unwrap_or_default();
        let places = self.places(view, at, ahead).into_iter().flatten().take(RANKED);
        places.take_while(|distance| *distance <= MAX_DISTANCE).filter(move |distance| {
            let before = at.checked_sub(*distance).and_then(|at| view.bytes.get(at..));
            before.is_some_and(|before| common_len(before, ahead) == len)
        })
    }

    /// Distances of the places with the hash of what is ahead, ascending, at most the window.
    #[inline]
    fn places(
        &self,
        view: View<'_>,
        at: usize,
        ahead: &[u8],
    ) -> Option<impl Iterator<Item = usize>> {
        let here = view.place(at);
        let mut place = self.heads[self.hash(ahead)?];
        let mut last = 0;
        Some(std::iter::from_fn(move || {
            loop {
                if place == 0 {
                    return None;
                }
                let distance = here.wrapping_sub(place) as usize;
                if distance > self.links.len() || distance < last {
                    return None;
                }
                place = self.links[place as usize & (self.links.len() - 1)];
                if distance > last {
                    last = distance;
                    return Some(distance);
                }
                if last > 0 {
                    return None;
                }
                // The place itself, which may be in already.
            }
        }))
    }
}

/// How many of the first bytes are the same, at most all of `ahead`, which is never longer.
#[inline]
fn common_len(before: &[u8], ahead: &[u8]) -> usize {
    let mut len = 0;
    while let (Some(one), Some(other)) = (before[len..].first_chunk(), ahead[len..].first_chunk()) {
        let difference = u64::from_le_bytes(*one) ^ u64::from_le_bytes(*other);
        if difference != 0 {
            return len + (difference.trailing_zeros() / 8) as usize;
        }
        len += 8;
    }
    len + before[len..].iter().zip(&ahead[len..]).take_while(|(one, other)| one == other).count()
}
