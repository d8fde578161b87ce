//! A walk over a deflate stream, block by block and token by token: what is guessed, and what is
//! coded where the guess is wrong. Whoever writes corrections and whoever reads them walk alike.

use super::chains::{Match, View};
use super::coder::{Chance, Coder};
use super::guesses::{BlockEnds, Guesses};
use super::numbers::{Number, Symbol};
use super::settings::Settings;
use crate::compression::encoders::flate::codes::Token;
use crate::compression::encoders::flate::symbols::{MAX_DISTANCE, MAX_MATCH, MIN_MATCH};

/// How the content of a block is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As it is.
    Stored,
    /// In the codes that the standard has.
    Fixed,
    /// In codes of its own.
    Dynamic,
}

/// Blocks that a stream may have beyond one for each [`BLOCK_CONTENT`] bytes.
const FREE_BLOCKS: u64 = 1024;

/// Bytes of content of an average block, or more: every block costs work, and needs no content.
const BLOCK_CONTENT: u64 = 16;

/// The first `Option` of what is walked is what there is, for who writes; it is nothing for who
/// reads. What is given back is what there is; `None` is for corrections that no writer makes.
pub(super) struct Walk {
    guesses: Guesses,
    block_ends: BlockEnds,
    /// The next byte of the content.
    place: u64,
    blocks: u64,
    kind: Kind,
    /// Whether the last guesses were right, the latest lowest.
    outcomes: usize,
    chances: Chances,
}

/// What is learned of where guesses are wrong.
#[derive(Default)]
struct Chances {
    kinds: [Symbol<4>; 3],
    is_last_block: Chance,
    /// By what is guessed: no end, an end, nothing as the block has just begun.
    is_end: [Chance; 3],
    /// By the last outcomes, and the length of the match that is guessed.
    is_right: [[Chance; 6]; 4],
    is_match: Chance,
    has_len: Chance,
    lens: [Symbol<256>; 2],
    rank: Number,
    /// In stored blocks, by what is guessed.
    is_end_of_stored: [Chance; 3],
    is_cut: Chance,
    cut: Number,
}

impl Walk {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            guesses: Guesses::new(settings),
            block_ends: BlockEnds::new(settings),
            place: 0,
            blocks: 0,
            kind: Kind::Dynamic,
            outcomes: 0,
            chances: Chances::default(),
        }
    }

    /// The next byte of the content.
    pub(super) fn place(&self) -> u64 {
        self.place
    }

    /// Begins a block: its kind, and whether it is the last one.
    pub(super) fn begin(
        &mut self,
        coder: &mut impl Coder,
        actual: Option<(Kind, bool)>,
    ) -> Option<(Kind, bool)> {
        self.blocks += 1;
        if self.blocks > FREE_BLOCKS + self.place / BLOCK_CONTENT {
            return None;
        }
        let (kind, is_last) = actual.unwrap_or((Kind::Stored, false));
        let kind = match self.chances.kinds[self.kind as usize].code(coder, kind as usize) {
            0 => Kind::Stored,
            1 => Kind::Fixed,
            2 => Kind::Dynamic,
            _ => return None,
        };
        self.kind = kind;
        self.block_ends.begin(self.place);
        Some((kind, coder.bit(is_last, &mut self.chances.is_last_block)))
    }

    /// Whether a block that has just begun is empty.
    pub(super) fn is_empty(
        &mut self,
        coder: &mut impl Coder,
        view: View<'_>,
        actual: bool,
    ) -> bool {
        if self.ahead(view).is_empty() {
            return true;
        }
        let is_end = match self.kind {
            Kind::Stored => &mut self.chances.is_end_of_stored,
            _ => &mut self.chances.is_end,
        };
        coder.bit(actual, &mut is_end[2])
    }

    /// A literal or a match of a block, and whether it is the last one.
    pub(super) fn token(
        &mut self,
        coder: &mut impl Coder,
        view: View<'_>,
        actual: Option<(Token, bool)>,
    ) -> Option<(Token, bool)> {
        let literal = Token::literal(*self.ahead(view).first()?);
        let guess = self.guesses.next(view, self.place);
        let is_guess = |token| token == guess.map_or(literal, Match::token);
        let class = guess.map_or(0, |found| (found.len - 1).ilog2().min(5) as usize);
        let right = &mut self.chances.is_right[self.outcomes][class];
        let is_right = coder.bit(actual.is_some_and(|(token, _)| is_guess(token)), right);
        self.outcomes = (self.outcomes << 1 | usize::from(is_right)) & 3;
        let token = if is_right {
            guess.map_or(literal, Match::token)
        } else {
            let actual = actual.and_then(|(token, _)| Match::of_token(token));
            self.other_token(coder, view, guess, actual)?
        };
        let guesses_end = self.block_ends.is_last(self.place, token);
        self.pass(view, token)?;
        let is_all = self.ahead(view).is_empty();
        let is_end = &mut self.chances.is_end[usize::from(guesses_end)];
        let is_end = is_all || coder.bit(actual.is_some_and(|(_, is_end)| is_end), is_end);
        Some((token, is_end))
    }

    /// What it is when it is not what was guessed; a literal if `actual` is nothing.
    fn other_token(
        &mut self,
        coder: &mut impl Coder,
        view: View<'_>,
        guess: Option<Match>,
        actual: Option<Match>,
    ) -> Option<Token> {
        let literal = Token::literal(*self.ahead(view).first()?);
        if guess.is_some() && !coder.bit(actual.is_some(), &mut self.chances.is_match) {
            return Some(literal);
        }
        let guessed_len = guess.map(|guess| guess.len);
        let actual_len = actual.map(|actual| actual.len);
        let has_len =
            guess.is_some() && coder.bit(actual_len == guessed_len, &mut self.chances.has_len);
        let len = match guessed_len {
            Some(len) if has_len => len,
            _ => {
                let lens = &mut self.chances.lens[usize::from(guess.is_some())];
                lens.code(coder, actual_len.unwrap_or(MIN_MATCH) - MIN_MATCH) + MIN_MATCH
            }
        };
        if len > self.ahead(view).len() {
            return None;
        }
        let distance = self.distance(coder, view, len, actual.map(|actual| actual.distance))?;
        Some(Match { len, distance }.token())
    }

    /// Of a match of `len` bytes: its rank among the matches that zlib would find with more effort,
    /// counted from 1, or 0 and the distance itself.
    fn distance(
        &mut self,
        coder: &mut impl Coder,
        view: View<'_>,
        len: usize,
        actual: Option<usize>,
    ) -> Option<usize> {
        let at = view.index(self.place);
        let mut matches = self.guesses.chains().matches(view, at, len);
        let rank = actual.and_then(|actual| matches.by_ref().position(|found| found == actual));
        let rank = rank.and_then(|rank| u32::try_from(rank + 1).ok()).unwrap_or(0);
        match self.chances.rank.code(coder, rank) {
            0 => {
                let distance = actual.and_then(|distance| u32::try_from(distance - 1).ok());
                let distance = coder.plain(distance.unwrap_or(0), MAX_DISTANCE.ilog2());
                usize::try_from(distance + 1).ok()
            }
            // Who writes has it already.
            rank => actual.or_else(|| matches.nth(rank as usize - 1)),
        }
    }

    /// Goes on behind a token.
    fn pass(&mut self, view: View<'_>, token: Token) -> Option<()> {
        let len = Match::of_token(token).map_or(1, |found| found.len);
        if len > self.ahead(view).len() {
            return None;
        }
        if len > 1 {
            self.guesses.matched(view, self.place, len);
        }
        self.place += len as u64;
        Some(())
    }

    /// Bytes of a stored block that are passed at once, and whether they are the last ones. zlib
    /// looks for matches in them too, and it is behind one that it ends the block.
    ///
    /// `actual` is how many bytes there are up to the end of the block.
    pub(super) fn stored(
        &mut self,
        coder: &mut impl Coder,
        view: View<'_>,
        actual: Option<usize>,
    ) -> Option<(usize, bool)> {
        let literal = Token::literal(*self.ahead(view).first()?);
        let guess = self.guesses.next(view, self.place);
        if let Some(guess) = guess {
            let is_cut = actual.is_some_and(|left| left < guess.len);
            if coder.bit(is_cut, &mut self.chances.is_cut) {
                let left = actual.and_then(|left| u32::try_from(left).ok()).unwrap_or(0);
                let left = self.chances.cut.code(coder, left);
                let left = usize::try_from(left).ok()?;
                self.place += left as u64;
                return (left > 0 && left < guess.len).then_some((left, true));
            }
        }
        let token = guess.map_or(literal, Match::token);
        let guesses_end = self.block_ends.is_last(self.place, token);
        self.pass(view, token)?;
        let len = guess.map_or(1, |guess| guess.len);
        let is_all = self.ahead(view).is_empty();
        let is_end = &mut self.chances.is_end_of_stored[usize::from(guesses_end)];
        let is_end = is_all || coder.bit(actual == Some(len), is_end);
        Some((len, is_end))
    }

    fn ahead<'v>(&self, view: View<'v>) -> &'v [u8] {
        view.bytes.get(view.index(self.place)..).unwrap_or_default()
    }
}

impl Match {
    pub(super) fn token(self) -> Token {
        // The bounds of both are the bounds of a match.
        let length = u8::try_from(self.len.clamp(MIN_MATCH, MAX_MATCH) - MIN_MATCH);
        let distance = u16::try_from(self.distance.clamp(1, MAX_DISTANCE) - 1);
        Token::matched(length.unwrap_or_default(), distance.unwrap_or_default())
    }

    /// `None` for a literal.
    pub(super) fn of_token(token: Token) -> Option<Self> {
        token.byte().is_none().then(|| Self {
            len: usize::from(token.length()) + MIN_MATCH,
            distance: usize::from(token.distance()) + 1,
        })
    }
}
