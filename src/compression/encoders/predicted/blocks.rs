//! The blocks of a deflate stream whose content is at hand.

use super::bits_read::{BitReader, WordTable};
use super::chains::Match;
use super::header::{FEWEST_STEP_LENS, Header, Lens, ORDER, STEPS, Step, StepLens};
use super::walk::Kind;
use crate::compression::encoders::flate::codes::{Codes, Token};
use crate::compression::encoders::flate::huffman::Code;
use crate::compression::encoders::flate::symbols::{
    DISTANCE_EXTRA_LENS, DISTANCES, END_OF_BLOCK, FIRST_LENGTH, LENGTH_EXTRA_LENS, LITERALS,
    MAX_DISTANCE, MAX_MATCH, MIN_MATCH,
};

/// Literals and matches of a block, at most: they are in memory until it ends. Writers were seen
/// with 300,000.
pub(super) const MOST_TOKENS: usize = 1 << 20;

/// One block.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) is_last: bool,
    /// Of a block with codes of its own.
    pub(super) header: Option<Header>,
    /// Of a block that is not stored.
    pub(super) tokens: Vec<Token>,
    /// Bytes of a stored block.
    pub(super) stored_len: usize,
}

/// The blocks of a stream, in order.
#[derive(Debug)]
pub(super) struct Blocks<'a> {
    reader: BitReader<'a>,
    content: &'a [u8],
    /// The next byte of the content.
    at: usize,
    is_done: bool,
}

impl<'a> Blocks<'a> {
    pub(super) const fn new(deflate: &'a [u8], content: &'a [u8]) -> Self {
        Self { reader: BitReader::new(deflate), content, at: 0, is_done: false }
    }

    /// Bytes of content that the blocks so far have.
    pub(super) const fn content_len(&self) -> usize {
        self.at
    }

    /// Whether the last block has been, and nothing of stream and content is left.
    pub(super) fn are_all(&self) -> bool {
        self.is_done && self.reader.is_at_end() && self.at == self.content.len()
    }

    /// The next block; `None` after the last one, and before one that is damaged, has not this
    /// content, or that cannot be told: with set bits where there is nothing, too many symbols, or
    /// the longest match by the wrong symbol.
    pub(super) fn next(&mut self) -> Option<Block> {
        if self.is_done {
            return None;
        }
        self.reader.fill();
        let is_last = self.reader.take(1)? == 1;
        let kind = match self.reader.take(2)? {
            0 => Kind::Stored,
            1 => Kind::Fixed,
            2 => Kind::Dynamic,
            _ => return None,
        };
        let mut block = Block { kind, is_last, header: None, tokens: Vec::new(), stored_len: 0 };
        match kind {
            Kind::Stored => block.stored_len = self.stored()?,
            Kind::Fixed => block.tokens = self.tokens(&Codes::fixed())?,
            Kind::Dynamic => {
                let header = self.header()?;
                let literals = Code::of_lens(&header.lens.literals)?;
                let distances = Code::of_lens(&header.lens.distances)?;
                block.tokens = self.tokens(&Codes { literals, distances })?;
                block.header = Some(header);
            }
        }
        if is_last {
            self.reader.align()?;
            self.is_done = true;
        }
        Some(block)
    }

    fn stored(&mut self) -> Option<usize> {
        self.reader.align()?;
        let len = self.reader.take(16)?;
        if len != !self.reader.take(16)? {
            return None;
        }
        let bytes = self.reader.bytes(len.into())?;
        self.passes(&bytes)?;
        Some(bytes.len())
    }

    /// Goes on behind these bytes of the content.
    fn passes(&mut self, bytes: &[u8]) -> Option<()> {
        self.content.get(self.at..)?.starts_with(bytes).then(|| self.at += bytes.len())
    }

    fn tokens(&mut self, codes: &Codes) -> Option<Vec<Token>> {
        let literals = WordTable::new(&codes.literals);
        let distances = WordTable::new(&codes.distances);
        let mut tokens = Vec::new();
        loop {
            self.reader.fill();
            let token = match literals.symbol(&mut self.reader)? {
                END_OF_BLOCK => return Some(tokens),
                length @ FIRST_LENGTH.. => self.matched(length - FIRST_LENGTH, &distances)?,
                byte => {
                    let byte = u8::try_from(byte).ok()?;
                    self.passes(&[byte])?;
                    Token::literal(byte)
                }
            };
            if tokens.len() == MOST_TOKENS {
                return None;
            }
            tokens.push(token);
        }
    }

    fn matched(&mut self, length: usize, distances: &WordTable) -> Option<Token> {
        let extra = self.reader.take(*LENGTH_EXTRA_LENS.get(length)?)?;
        let len = MIN_MATCH + usize::from(FIRST_LENGTHS[length]) + usize::from(extra);
        if len == MAX_MATCH && length + 1 < LENGTH_EXTRA_LENS.len() {
            return None;
        }
        let distance = distances.symbol(&mut self.reader)?;
        let extra = self.reader.take(*DISTANCE_EXTRA_LENS.get(distance)?)?;
        let distance = 1 + usize::from(FIRST_DISTANCES[distance]) + usize::from(extra);
        let before = self.content.get(self.at.checked_sub(distance)?..)?;
        let found = Match { len, distance };
        let ahead = self.content.get(self.at..self.at + len)?;
        if before.get(..len)? != ahead {
            return None;
        }
        self.at += len;
        Some(found.token())
    }

    fn header(&mut self) -> Option<Header> {
        let literals_told = usize::from(self.reader.take(5)?) + FIRST_LENGTH;
        let distances_told = usize::from(self.reader.take(5)?) + 1;
        let told = usize::from(self.reader.take(4)?) + FEWEST_STEP_LENS;
        if literals_told > LITERALS || distances_told > DISTANCES {
            return None;
        }
        let mut step_lens = StepLens { lens: [0; STEPS], told };
        for step in &ORDER[..told] {
            self.reader.fill();
            step_lens.lens[*step] = u8::try_from(self.reader.take(3)?).ok()?;
        }
        let words = WordTable::new(&Code::of_lens(&step_lens.lens)?);
        let mut told = Vec::with_capacity(LITERALS + DISTANCES);
        let mut steps = Vec::new();
        while told.len() < literals_told + distances_told {
            let step = self.step(&words)?;
            let len = match step {
                Step::Len(len) => len,
                Step::Again(_) => *told.last()?,
                Step::ShortGap(_) | Step::LongGap(_) => 0,
            };
            told.resize(told.len() + usize::from(step.symbols()), len);
            steps.push(step);
        }
        let mut lens = Lens {
            literals: [0; LITERALS],
            distances: [0; DISTANCES],
            literals_told,
            distances_told,
        };
        let (literals, distances) = told.split_at(literals_told);
        lens.literals[..literals_told].copy_from_slice(literals);
        // A run that goes on behind the last symbol is none that a decoder takes.
        lens.distances.get_mut(..distances_told)?.copy_from_slice(distances.get(..distances_told)?);
        (distances.len() == distances_told).then_some(Header { lens, steps, step_lens })
    }

    fn step(&mut self, words: &WordTable) -> Option<Step> {
        self.reader.fill();
        let reader = &mut self.reader;
        let symbol = words.symbol(reader)?;
        let mut run = |fewest: u8, len| Some(fewest + u8::try_from(reader.take(len)?).ok()?);
        match symbol {
            16 => Some(Step::Again(run(3, 2)?)),
            17 => Some(Step::ShortGap(run(3, 3)?)),
            18 => Some(Step::LongGap(run(11, 7)?)),
            len => Some(Step::Len(u8::try_from(len).ok()?)),
        }
    }
}

/// The shortest length of each symbol, counted from [`MIN_MATCH`].
const FIRST_LENGTHS: [u8; LENGTH_EXTRA_LENS.len()] = {
    let mut firsts = [0; LENGTH_EXTRA_LENS.len()];
    let mut symbol = 1;
    while symbol < firsts.len() - 1 {
        firsts[symbol] = firsts[symbol - 1] + (1 << LENGTH_EXTRA_LENS[symbol - 1]);
        symbol += 1;
    }
    firsts[symbol] = u8::MAX;
    firsts
};

/// The shortest distance of each symbol, counted from 1.
const FIRST_DISTANCES: [u16; DISTANCES] = {
    let mut firsts = [0; DISTANCES];
    let mut symbol = 1;
    while symbol < DISTANCES {
        firsts[symbol] = firsts[symbol - 1] + (1 << DISTANCE_EXTRA_LENS[symbol - 1]);
        symbol += 1;
    }
    assert!(firsts[DISTANCES - 1] as usize + (1 << 13) == MAX_DISTANCE, "all distances");
    firsts
};
