//! What a writer of the zlib family would write next.

use super::chains::{Chains, Match, Search, View};
use super::settings::{Effort, Ends, Settings};
use crate::compression::encoders::flate::codes::Token;
use crate::compression::encoders::flate::symbols::{
    DISTANCE_EXTRA_LENS, MIN_MATCH, distance_symbol,
};

/// Furthest that zlib takes a match of three bytes from when it looks ahead.
pub(super) const FAR_FOR_THREE: usize = 4096;

/// The next literal or match.
#[derive(Debug)]
pub(super) struct Guesses {
    chains: Chains,
    effort: Effort,
    takes_far_threes: bool,
    /// The place where the last look ahead was, and what it found.
    seen_ahead: Option<(u64, Match)>,
}

impl Guesses {
    pub(super) fn new(settings: &Settings) -> Self {
        let Settings { hash_bits, window_bits, reaches_through, takes_far_threes, .. } = *settings;
        Self {
            chains: Chains::new(hash_bits, window_bits, reaches_through),
            effort: settings.effort(),
            takes_far_threes,
            seen_ahead: None,
        }
    }

    pub(super) fn chains(&self) -> &Chains {
        &self.chains
    }

    /// The match that begins at `place`, or nothing for a literal.
    pub(super) fn next(&mut self, view: View<'_>, place: u64) -> Option<Match> {
        let Effort { good, lazy, chain, looks_ahead, .. } = self.effort;
        let found = match self.seen_ahead.take() {
            Some((at, found)) if at == place => found,
            _ => self.search(view, place, MIN_MATCH - 1, chain)?,
        };
        if looks_ahead && found.len < lazy {
            let chain = if found.len >= good { chain / 4 } else { chain };
            if let Some(better) = self.search(view, place + 1, found.len, chain) {
                self.seen_ahead = Some((place + 1, better));
                return None;
            }
        }
        Some(found)
    }

    fn search(&mut self, view: View<'_>, place: u64, over: usize, chain: u32) -> Option<Match> {
        self.chains.put_before(view, place);
        let search = Search { over, nice: self.effort.nice, chain };
        let found = self.chains.longest(view, view.index(place), search)?;
        let is_poor = found.len == MIN_MATCH
            && found.distance > FAR_FOR_THREE
            && self.effort.looks_ahead
            && !self.takes_far_threes;
        (!is_poor).then_some(found)
    }

    /// A match of `len` bytes at `place` was written. (All of a literal may begin a match.)
    pub(super) fn matched(&mut self, view: View<'_>, place: u64, len: usize) {
        if !self.effort.looks_ahead && len > self.effort.lazy {
            self.chains.put_before(view, place + 1);
            self.chains.leave_out_before(place + len as u64);
        }
    }
}

/// Where a block ends.
#[derive(Debug)]
pub(super) struct BlockEnds {
    ends: Ends,
    level: u8,
    /// Where the block began.
    start: u64,
    symbols: u32,
    matches: u32,
    /// Bits of the matches as gzip estimates them.
    bits: u64,
}

/// Literals and matches of a block of gzip, one more than there can be.
const GZIP_SYMBOLS: u32 = 1 << 15;

/// After so many of them gzip looks at how the block goes.
const GZIP_CHECK: u32 = 1 << 12;

impl BlockEnds {
    pub(super) fn new(settings: &Settings) -> Self {
        let (ends, level) = (settings.ends, settings.level);
        Self { ends, level, start: 0, symbols: 0, matches: 0, bits: 0 }
    }

    pub(super) fn begin(&mut self, place: u64) {
        self.start = place;
        (self.symbols, self.matches, self.bits) = (0, 0, 0);
    }

    /// Counts what is written for the bytes from `place` on; would it be the last of a block?
    pub(super) fn is_last(&mut self, place: u64, token: Token) -> bool {
        self.symbols += 1;
        if token.byte().is_none() {
            self.matches += 1;
            let extra = DISTANCE_EXTRA_LENS[distance_symbol(token.distance())];
            self.bits += 5 + u64::from(extra);
        }
        match self.ends {
            Ends::After(symbols) => self.symbols >= symbols,
            Ends::LikeGzip => self.symbols >= GZIP_SYMBOLS - 1 || self.gzip_gives_up(place),
        }
    }

    /// gzip ends a block early that is mostly literals and has come out short: one that begins
    /// now may do even better.
    fn gzip_gives_up(&self, place: u64) -> bool {
        if self.level <= 2 || !self.symbols.is_multiple_of(GZIP_CHECK) {
            return false;
        }
        // Where it looks ahead it has read one byte more by then.
        let content = place - self.start + u64::from(self.level >= 4);
        let stored = (8 * u64::from(self.symbols) + self.bits) / 8;
        self.matches < self.symbols / 2 && stored < content / 2
    }
}
