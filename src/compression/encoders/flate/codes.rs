//! What a block is made of, how often each symbol of it occurs, and the words that stand for it.

use super::bits::Piece;
use super::huffman::{Code, Word};
use super::symbols::{
    DISTANCE_EXTRA_LENS, DISTANCES, END_OF_BLOCK, FIRST_LENGTH, LENGTH_EXTRA_LENS, LITERALS,
    MAX_WORD_LEN, distance_symbol, length_symbol,
};

/// A literal or a match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Token(u32);

impl Token {
    const MATCH: u32 = 1 << 31;

    /// A byte.
    #[inline]
    pub const fn literal(byte: u8) -> Self {
        Self(byte as u32)
    }

    /// A match; its length is counted from 3, its distance from 1 (up to 32,767).
    #[inline]
    pub const fn matched(length: u8, distance: u16) -> Self {
        Self(Self::MATCH | (length as u32) << 16 | distance as u32)
    }

    /// The byte, or nothing for a match.
    #[inline]
    pub const fn byte(self) -> Option<u8> {
        if self.0 & Self::MATCH == 0 { Some((self.0 & 0xff) as u8) } else { None }
    }

    /// The length of a match, counted from 3.
    #[inline]
    pub const fn length(self) -> u8 {
        (self.0 >> 16 & 0xff) as u8
    }

    /// The distance of a match, counted from 1.
    #[inline]
    pub const fn distance(self) -> u16 {
        (self.0 & 0x7fff) as u16
    }
}

/// How often each symbol occurs in a block, its end among them.
#[derive(Debug, Clone)]
pub struct Counts {
    /// Of literals, the end of a block and lengths.
    pub literals: [u32; LITERALS],
    /// Of distances.
    pub distances: [u32; DISTANCES],
}

impl Counts {
    /// Those of a block without content.
    fn new() -> Self {
        let mut counts = Self { literals: [0; LITERALS], distances: [0; DISTANCES] };
        counts.literals[END_OF_BLOCK] = 1;
        counts
    }

    /// Those of a block of `tokens`.
    pub fn of_tokens(tokens: &[Token]) -> Self {
        let mut counts = Self::new();
        for token in tokens {
            if let Some(byte) = token.byte() {
                counts.literals[usize::from(byte)] += 1;
            } else {
                counts.literals[FIRST_LENGTH + length_symbol(token.length())] += 1;
                counts.distances[distance_symbol(token.distance())] += 1;
            }
        }
        counts
    }

    /// Those of a block that has each byte of `content` as a literal.
    pub fn of_bytes(content: &[u8]) -> Self {
        // Two neighbours are often equal: counted apart, the second does not wait for the first.
        let (mut even, mut odd) = ([0; 256], [0; 256]);
        let pairs = content.chunks_exact(2);
        for byte in pairs.remainder() {
            even[usize::from(*byte)] += 1;
        }
        for pair in pairs {
            even[usize::from(pair[0])] += 1;
            odd[usize::from(pair[1])] += 1;
        }
        let mut counts = Self::new();
        for (count, (even, odd)) in counts.literals.iter_mut().zip(even.iter().zip(odd)) {
            *count = even + odd;
        }
        counts
    }

    /// How many extra bits follow lengths and distances.
    pub fn extra_bits(&self) -> u32 {
        let sum = |counts: &[u32], lens: &[u8]| -> u32 {
            counts.iter().zip(lens).map(|(count, len)| count * u32::from(*len)).sum()
        };
        sum(&self.literals[FIRST_LENGTH..], &LENGTH_EXTRA_LENS)
            + sum(&self.distances, &DISTANCE_EXTRA_LENS)
    }
}

/// The two codes of a block.
#[derive(Debug, Clone)]
pub struct Codes {
    /// Of literals, the end of a block and lengths.
    pub literals: Code<LITERALS>,
    /// Of distances.
    pub distances: Code<DISTANCES>,
}

impl Codes {
    /// Codes without words.
    pub const fn empty() -> Self {
        Self { literals: Code::empty(), distances: Code::empty() }
    }

    /// The codes that need no header.
    pub fn fixed() -> Self {
        let mut literals = [Word::default(); LITERALS];
        for (symbol, word) in (0..).zip(&mut literals) {
            *word = match symbol {
                0..144 => Word::new(0x30 + symbol, 8),
                144..256 => Word::new(0x190 + (symbol - 144), 9),
                256..280 => Word::new(symbol - 256, 7),
                _ => Word::new(0xc0 + (symbol - 280), 8),
            };
        }
        let mut distances = [Word::default(); DISTANCES];
        for (symbol, word) in (0..).zip(&mut distances) {
            *word = Word::new(symbol, 5);
        }
        Self { literals: literals.into(), distances: distances.into() }
    }

    /// Makes the best codes for what occurs `counts` times.
    pub fn build(&mut self, counts: &Counts) {
        self.literals.build(&counts.literals, MAX_WORD_LEN);
        self.distances.build(&counts.distances, MAX_WORD_LEN);
    }

    /// How many bits the words of a block take, extra bits not counted.
    pub fn cost(&self, counts: &Counts) -> u32 {
        self.literals.cost(&counts.literals) + self.distances.cost(&counts.distances)
    }

    /// What stands for a token.
    #[inline]
    pub fn piece(&self, token: Token) -> Piece {
        let (literals, distances) = (self.literals.words(), self.distances.words());
        if let Some(byte) = token.byte() {
            return literals[usize::from(byte)].into();
        }
        let (length, distance) = (token.length(), token.distance());
        let symbol = length_symbol(length);
        let word = Piece::from(literals[FIRST_LENGTH + symbol]);
        let extra = Piece::lowest(u32::from(length), u32::from(LENGTH_EXTRA_LENS[symbol]));
        let symbol = distance_symbol(distance);
        let far_word = Piece::from(distances[symbol]);
        let far_extra = Piece::lowest(u32::from(distance), u32::from(DISTANCE_EXTRA_LENS[symbol]));
        word.then(extra).then(far_word).then(far_extra)
    }

    /// What stands for some literals one after the other, three at most.
    #[inline]
    pub fn literal_piece(&self, bytes: &[u8]) -> Piece {
        let words = self.literals.words();
        let piece_of = |byte: &u8| Piece::from(words[usize::from(*byte)]);
        bytes.iter().map(piece_of).fold(Piece::default(), Piece::then)
    }

    /// What ends a block.
    pub fn end(&self) -> Piece {
        self.literals.words()[END_OF_BLOCK].into()
    }
}
