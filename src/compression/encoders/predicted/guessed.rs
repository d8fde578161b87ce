//! Guesses how the writer of a stream was set, by the start of the stream.

use super::blocks::{Block, Blocks};
use super::chains::{AHEAD, Match, View};
use super::guesses::{BlockEnds, FAR_FOR_THREE, Guesses};
use super::settings::{Ends, HASH_BITS, Settings, WINDOW_BITS};
use super::walk::Kind;
use crate::compression::encoders::flate::codes::Token;
use crate::compression::encoders::flate::symbols::{MAX_DISTANCE, MIN_MATCH};

/// Content by which settings are told apart, in bytes: it takes no more than a third of a second
/// to try them all. The sample ends with a block.
const SAMPLE_LEN: usize = 192 << 10;

/// The levels, those that are asked for most first: of two as good the first one is taken.
const LEVELS: [u8; 9] = [6, 9, 1, 8, 7, 5, 4, 3, 2];

/// The settings with the fewest wrong guesses; `None` where there is no whole block.
pub(super) fn settings(deflate: &[u8], content: &[u8]) -> Option<Settings> {
    let sample = Sample::new(deflate, content)?;
    let mut best = Best { settings: Settings::default(), wrong: u64::MAX };
    for level in LEVELS {
        best.or(&sample, Settings { level, ..best.settings });
    }
    let traits = sample.traits();
    if traits.has_far_threes {
        best.or(&sample, Settings { takes_far_threes: true, ..best.settings });
    }
    if traits.distance > MAX_DISTANCE - AHEAD {
        best.or(&sample, Settings { reaches_through: true, ..best.settings });
    }
    best.or(&sample, Settings { hash_bits: traits.hash_bits(), ..best.settings });
    best.or(&sample, Settings { window_bits: traits.window_bits(), ..best.settings });
    let most = traits.symbols.clamp(1, Ends::MOST_SYMBOLS);
    let ends = [Settings::default().ends, Ends::LikeGzip, Ends::After(most)];
    let ends = ends.map(|ends| Settings { ends, ..best.settings });
    ends.into_iter().min_by_key(|settings| sample.wrong_ends(settings))
}

/// The best settings so far.
struct Best {
    settings: Settings,
    wrong: u64,
}

impl Best {
    /// These ones if they are better.
    fn or(&mut self, sample: &Sample<'_>, settings: Settings) {
        if let Some(wrong) = sample.wrong(&settings, self.wrong) {
            *self = Self { settings, wrong };
        }
    }
}

/// The start of a stream.
struct Sample<'a> {
    view: View<'a>,
    blocks: Vec<Block>,
}

/// What settings show in.
#[derive(Default)]
struct Traits {
    /// Most literals and matches of a block.
    symbols: u32,
    /// Furthest distance of a match.
    distance: usize,
    has_far_threes: bool,
}

impl Traits {
    /// zlib's `memLevel` sets both the symbols of a block and the hash.
    fn hash_bits(&self) -> u8 {
        let bits = u8::try_from(self.symbols.checked_ilog2().unwrap_or(0)).unwrap_or(u8::MAX);
        bits.saturating_add(2).clamp(*HASH_BITS.start(), *HASH_BITS.end())
    }

    fn window_bits(&self) -> u8 {
        let fits = |bits: &u8| (1 << bits) - AHEAD >= self.distance;
        WINDOW_BITS.into_iter().find(fits).unwrap_or(*WINDOW_BITS.end())
    }
}

impl<'a> Sample<'a> {
    fn new(deflate: &[u8], content: &'a [u8]) -> Option<Self> {
        let mut from = Blocks::new(deflate, content);
        let mut blocks = vec![from.next()?];
        while from.content_len() < SAMPLE_LEN
            && let Some(block) = from.next()
        {
            blocks.push(block);
        }
        let view = View { bytes: &content[..from.content_len()], start: 0 };
        Some(Self { view, blocks })
    }

    fn traits(&self) -> Traits {
        let mut traits = Traits::default();
        for block in &self.blocks {
            traits.symbols = traits.symbols.max(u32::try_from(block.tokens.len()).unwrap_or(0));
            for Match { len, distance } in block.tokens.iter().filter_map(|t| Match::of_token(*t)) {
                traits.distance = traits.distance.max(distance);
                traits.has_far_threes |= len == MIN_MATCH && distance > FAR_FOR_THREE;
            }
        }
        traits
    }

    /// How many guesses of literals and matches are wrong; `None` if not fewer than `most`.
    fn wrong(&self, settings: &Settings, most: u64) -> Option<u64> {
        let mut guesses = Guesses::new(settings);
        let mut place = 0;
        let mut wrong = 0;
        for block in &self.blocks {
            for token in &block.tokens {
                let guess = guesses.next(self.view, place);
                let actual = Match::of_token(*token);
                wrong += u64::from(guess != actual);
                if wrong >= most {
                    return None;
                }
                let len = actual.map_or(1, |actual| actual.len);
                guesses.matched(self.view, place, len);
                place += len as u64;
            }
            // Of what is stored it is not known what the writer had found.
            place += block.stored_len as u64;
        }
        (wrong < most).then_some(wrong)
    }

    /// How many guesses of ends of blocks are wrong.
    fn wrong_ends(&self, settings: &Settings) -> usize {
        let mut ends = BlockEnds::new(settings);
        let mut place = 0;
        let mut wrong = 0;
        for block in self.blocks.iter().filter(|block| block.kind != Kind::Stored) {
            ends.begin(place);
            for (number, token) in (1..).zip(&block.tokens) {
                // The last block ends with the content.
                let is_last = number == block.tokens.len() && !block.is_last;
                wrong += usize::from(ends.is_last(place, *token) != is_last);
                place += length(*token) as u64;
            }
        }
        wrong
    }
}

fn length(token: Token) -> usize {
    Match::of_token(token).map_or(1, |found| found.len)
}
