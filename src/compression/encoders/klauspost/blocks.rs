//! How a block is written: stored, with the fixed codes, with codes of its own, or with those of
//! the block before it, which then simply goes on.

use super::super::flate::bits::{BitWriter, Piece};
use super::super::flate::codes::{Codes, Counts};
use super::super::flate::header::Header;
use super::super::flate::huffman::Code;
use super::super::flate::symbols::{END_OF_BLOCK, MAX_WORD_LEN};
use super::Era;
use super::estimate::estimated_bits;
use super::phrases::Phrases;
use super::tokens::Tokens;

/// Longest content of a stored block, in bytes.
pub(super) const MAX_STORED: usize = 65_535;

/// Tokens below which the fixed codes are considered.
const FEW_TOKENS: usize = 250;

/// What a header is taken to cost before it is known, in bits.
const USUAL_HEADER: u32 = 70 * 8;

/// What begins a block with the fixed codes.
const FIXED: Piece = Piece { bits: 0b010, len: 3 };

/// The same for the last block.
const FIXED_LAST: Piece = Piece { bits: 0b011, len: 3 };

/// Where tokens end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The block may go on.
    Open,
    /// A flush or the end of the content follows.
    Closed,
}

/// A block whose end is not written yet.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// What its header took, in bits.
    header: u32,
    /// It has codes for matches, too.
    has_matches: bool,
}

/// Writes blocks one after the other.
#[derive(Debug)]
pub(super) struct Blocks {
    era: Era,
    /// A guess is raised by its 2^-`penalty`.
    penalty: u32,
    bits: BitWriter,
    open: Option<Open>,
    /// Those of the open block.
    codes: Codes,
    fixed: Codes,
}

impl Blocks {
    pub(super) fn new(era: Era, penalty: u32) -> Self {
        let bits = BitWriter::default();
        Self { era, penalty, bits, open: None, codes: Codes::empty(), fixed: Codes::fixed() }
    }

    /// Starts a new stream.
    pub(super) fn clear(&mut self) {
        (self.bits, self.open) = (BitWriter::default(), None);
    }

    /// Ends the open block, if there is one.
    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_some() {
            self.bits.put_all([self.codes.end()], out);
        }
    }

    /// Writes a stored block of at most [`MAX_STORED`] bytes; an empty one is a flush.
    pub(super) fn store(&mut self, content: &[u8], out: &mut Vec<u8>) {
        self.close(out);
        self.bits.put_stored(content, false, out);
    }

    /// Ends the stream.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.close(out);
        self.bits.put_all([FIXED_LAST, self.fixed.end()], out);
        self.bits.align(out);
    }

    /// Writes at most [`MAX_STORED`] bytes as literals, or stored where that saves too little.
    pub(super) fn put_literals(&mut self, content: &[u8], ending: Ending, out: &mut Vec<u8>) {
        let counts = Counts::of_bytes(content);
        if content.len() > 1024 && is_noise(&counts, content.len()) {
            return self.store(content, out);
        }
        let mut code = Code::empty();
        code.build(&counts.literals, MAX_WORD_LEN);
        let header = self.open.map_or(USUAL_HEADER, |open| open.header);
        let fresh = self.penalized(code.cost(&counts.literals) + header);
        if stored_bits(content) <= fresh {
            return self.store(content, out);
        }

        let literals = &counts.literals[..END_OF_BLOCK];
        let known = &self.codes.literals;
        if !can_write(known, literals) || fresh < known.cost(literals) {
            self.close(out);
        }
        if self.open.is_none() {
            self.codes.literals = code;
            // The header must tell some code of distances.
            self.codes.distances.build(&[1_u32], MAX_WORD_LEN);
            let header = Header::new(&self.codes);
            header.put(false, &mut self.bits, out);
            self.open = Some(Open { header: header.cost(), has_matches: false });
        }
        let pieces = content.chunks(3).map(|bytes| self.codes.literal_piece(bytes));
        self.bits.put_all(pieces, out);
        if ending == Ending::Closed {
            self.close(out);
        }
    }

    /// Writes tokens; `content` is what they stand for, where it is at hand.
    pub(super) fn put_tokens(
        &mut self,
        tokens: &Tokens,
        content: Option<&[u8]>,
        ending: Ending,
        out: &mut Vec<u8>,
    ) {
        let mut block = Block::new(tokens, content, ending);
        if !self.open.is_some_and(|open| open.has_matches && block.fits(&self.codes)) {
            self.close(out);
        }
        if ending == Ending::Open && !self.era.trims_headers() {
            block.counts.literals[END_OF_BLOCK] = 0;
        } else {
            block.count_some_distance();
        }
        let form = self.reused(&block, out).unwrap_or_else(|| self.fresh(&mut block));
        match form {
            Form::Stored => return self.store(content.unwrap_or_default(), out),
            Form::Fixed => {
                self.close(out);
                self.bits.put_all([FIXED], out);
                put_tokens(&mut self.bits, &self.fixed, tokens, out);
                self.bits.put_all([self.fixed.end()], out);
                return;
            }
            Form::Fresh(header) => {
                header.put(false, &mut self.bits, out);
                self.open = Some(Open { header: header.cost(), has_matches: true });
            }
            Form::Reused => {}
        }
        put_tokens(&mut self.bits, &self.codes, tokens, out);
        if ending == Ending::Closed {
            self.close(out);
        }
    }

    /// Decides whether the open block goes on; it is ended where that does not pay. Nothing is
    /// decided where no block is open (any more).
    fn reused(&mut self, block: &Block, out: &mut Vec<u8>) -> Option<Form> {
        let open = self.open?;
        let guess = open.header + estimated_bits(&block.counts, block.tokens);
        let fresh = self.penalized(guess) + self.codes.end().len;
        let reused = self.codes.cost(&block.counts) + block.extra_bits;
        if fresh < reused {
            self.close(out);
        }
        let bits = fresh.min(reused);
        let fixed = block.fixed_bits(&self.fixed).map(|bits| bits + 7);
        if block.stored_bits.is_some_and(|stored| stored <= bits) {
            Some(Form::Stored)
        } else if fixed.is_some_and(|fixed| fixed < bits) {
            Some(Form::Fixed)
        } else {
            self.open.map(|_| Form::Reused)
        }
    }

    /// Decides what to write where no block is open, and makes the codes for it.
    fn fresh(&mut self, block: &mut Block) -> Form {
        block.counts.literals[END_OF_BLOCK] = 1;
        self.codes.build(&block.counts);
        let header = if block.ending == Ending::Closed || self.era.trims_headers() {
            Header::new(&self.codes)
        } else {
            Header::untrimmed(&self.codes)
        };
        let mut bits = header.cost() + self.codes.cost(&block.counts) + block.extra_bits;
        let mut form = Form::Fresh(Box::new(header));
        if let Some(fixed) = block.fixed_bits(&self.fixed).filter(|fixed| *fixed <= bits) {
            bits = fixed;
            form = Form::Fixed;
        }
        if block.stored_bits.is_some_and(|stored| stored <= bits) { Form::Stored } else { form }
    }

    /// Raises a guess: it is one for the best code there could be, and a new code costs time.
    const fn penalized(&self, bits: u32) -> u32 {
        bits + (bits >> self.penalty)
    }
}

/// How a block is written.
enum Form {
    Stored,
    Fixed,
    /// With the codes of the open block.
    Reused,
    /// With codes of its own.
    Fresh(Box<Header>),
}

/// What decides about a block.
struct Block {
    ending: Ending,
    /// How many there are, the end among them where it is written.
    tokens: usize,
    counts: Counts,
    extra_bits: u32,
    /// Nothing where the block cannot be stored.
    stored_bits: Option<u32>,
}

impl Block {
    fn new(tokens: &Tokens, content: Option<&[u8]>, ending: Ending) -> Self {
        let counts = tokens.counts();
        Self {
            ending,
            tokens: tokens.len() + usize::from(ending == Ending::Closed),
            extra_bits: counts.extra_bits(),
            stored_bits: content.filter(|content| content.len() <= MAX_STORED).map(stored_bits),
            counts,
        }
    }

    /// Whether there is a word for everything.
    fn fits(&self, codes: &Codes) -> bool {
        can_write(&codes.literals, &self.counts.literals)
            && can_write(&codes.distances, &self.counts.distances)
    }

    /// A code of distances must have some word, so that one is counted where there is no match.
    fn count_some_distance(&mut self) {
        if self.counts.distances.iter().all(|count| *count == 0) {
            self.counts.distances[0] = 1;
        }
    }

    /// What the block takes with the fixed codes, which only a small one may use.
    fn fixed_bits(&self, fixed: &Codes) -> Option<u32> {
        (self.tokens < FEW_TOKENS).then(|| 3 + fixed.cost(&self.counts) + self.extra_bits)
    }
}

fn put_tokens(bits: &mut BitWriter, codes: &Codes, tokens: &Tokens, out: &mut Vec<u8>) {
    let phrases = Phrases::new(codes);
    bits.put_all(tokens.as_slice().iter().map(|token| phrases.piece(*token)), out);
}

fn can_write<const N: usize>(code: &Code<N>, counts: &[u32]) -> bool {
    code.words().iter().zip(counts).all(|(word, count)| *count == 0 || word.len > 0)
}

/// What a stored block is taken to cost, in bits.
fn stored_bits(content: &[u8]) -> u32 {
    (u32::try_from(content.len()).unwrap_or(u32::MAX / 16) + 5) * 8
}

/// Whether bytes occur so evenly that no code can pay.
fn is_noise(counts: &Counts, len: usize) -> bool {
    let len = f64::from(u32::try_from(len).unwrap_or(u32::MAX));
    let (average, limit) = (len / 256.0, len * 2.0);
    let mut sum = 0.0;
    for count in &counts.literals[..END_OF_BLOCK] {
        let difference = f64::from(*count) - average;
        sum += difference * difference;
    }
    sum < limit
}
