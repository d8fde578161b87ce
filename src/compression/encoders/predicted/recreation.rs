//! From content and corrections to a deflate stream.

use super::blocks::MOST_TOKENS;
use super::chains::{AHEAD, View};
use super::coder::Reader;
use super::settings::Settings;
use super::told::Headers;
use super::walk::{Kind, Walk};
use crate::compression::encoders::Encoder;
use crate::compression::encoders::flate::bits::BitWriter;
use crate::compression::encoders::flate::codes::{Codes, Counts, Token};
use crate::compression::encoders::flate::huffman::Code;
use crate::compression::encoders::flate::symbols::MAX_DISTANCE;

/// Content that is taken at once, in bytes.
const STEP: usize = 64 << 10;

/// Tokens in the standard's codes that are written at once; they need not wait for the block's end.
const FIXED_TOKENS: usize = 1 << 12;

/// Bytes of a stored block, at most.
const MOST_STORED: usize = 65_535;

/// A stream that is being made.
///
/// Corrections that no writer makes stop the output: a stream that is not whole is not the one
/// that was asked for.
pub(super) struct Recreation {
    walk: Walk,
    headers: Headers,
    coder: Reader,
    /// The content from some place in the window on.
    buffer: Vec<u8>,
    /// Where in the content the buffer begins.
    start: u64,
    has_ended: bool,
    state: State,
    bits: BitWriter,
    fixed: Box<Codes>,
}

/// Where the walk is.
enum State {
    /// Before a block.
    Between,
    Stored {
        is_last: bool,
        bytes: Vec<u8>,
    },
    Coded {
        is_last: bool,
        is_fixed: bool,
        tokens: Vec<Token>,
    },
    /// Behind the last block, or where corrections are wrong.
    Done,
}

impl Recreation {
    /// `None` when the corrections do not begin with settings.
    pub(super) fn new(corrections: &[u8]) -> Option<Self> {
        let mut coder = Reader::new(corrections.to_vec());
        let settings = Settings::default().code(&mut coder)?;
        Some(Self {
            walk: Walk::new(&settings),
            headers: Headers::default(),
            coder,
            buffer: Vec::new(),
            start: 0,
            has_ended: false,
            state: State::Between,
            bits: BitWriter::default(),
            fixed: Box::new(Codes::fixed()),
        })
    }

    /// Walks as far as what is ahead does not depend on content to come.
    fn advance(&mut self, out: &mut Vec<u8>) {
        while !matches!(self.state, State::Done) {
            let ahead = self.start + self.buffer.len() as u64 - self.walk.place();
            if !self.has_ended && ahead < AHEAD as u64 {
                return;
            }
            let state = std::mem::replace(&mut self.state, State::Done);
            let Some(next) = self.step(state, out) else { return };
            self.state = next;
        }
    }

    /// Walks a step; `None` where corrections are wrong.
    fn step(&mut self, state: State, out: &mut Vec<u8>) -> Option<State> {
        let view = View { bytes: &self.buffer, start: self.start };
        match state {
            State::Between => self.begin(out),
            State::Stored { is_last, mut bytes } => {
                let at = view.index(self.walk.place());
                let (len, is_end) = self.walk.stored(&mut self.coder, view, None)?;
                bytes.extend_from_slice(view.bytes.get(at..at + len)?);
                if bytes.len() > MOST_STORED {
                    return None;
                }
                Some(if is_end {
                    self.end_stored(is_last, &bytes, out)
                } else {
                    State::Stored { is_last, bytes }
                })
            }
            State::Coded { is_last, is_fixed, mut tokens } => {
                let (token, is_end) = self.walk.token(&mut self.coder, view, None)?;
                tokens.push(token);
                if is_end {
                    return self.end_coded(is_last, is_fixed, &tokens, out);
                }
                if is_fixed && tokens.len() == FIXED_TOKENS {
                    self.put_tokens(None, &tokens, out);
                    tokens.clear();
                }
                (tokens.len() < MOST_TOKENS).then_some(State::Coded { is_last, is_fixed, tokens })
            }
            State::Done => None,
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) -> Option<State> {
        let view = View { bytes: &self.buffer, start: self.start };
        let (kind, is_last) = self.walk.begin(&mut self.coder, None)?;
        let is_empty = self.walk.is_empty(&mut self.coder, view, false);
        let is_fixed = kind == Kind::Fixed;
        if is_fixed {
            self.bits.put(u32::from(is_last) | 1 << 1, 3, out);
        }
        match (kind, is_empty) {
            (Kind::Stored, true) => Some(self.end_stored(is_last, &[], out)),
            (Kind::Stored, false) => Some(State::Stored { is_last, bytes: Vec::new() }),
            (_, true) => self.end_coded(is_last, is_fixed, &[], out),
            (_, false) => Some(State::Coded { is_last, is_fixed, tokens: Vec::new() }),
        }
    }

    fn end_stored(&mut self, is_last: bool, bytes: &[u8], out: &mut Vec<u8>) -> State {
        self.bits.put_stored(bytes, is_last, out);
        if is_last { State::Done } else { State::Between }
    }

    fn end_coded(
        &mut self,
        is_last: bool,
        is_fixed: bool,
        tokens: &[Token],
        out: &mut Vec<u8>,
    ) -> Option<State> {
        if is_fixed {
            self.put_tokens(None, tokens, out);
            let end = self.fixed.end();
            self.bits.put_all([end], out);
        } else {
            let counts = Counts::of_tokens(tokens);
            let header = self.headers.code(&mut self.coder, &counts, None)?;
            let literals = Code::of_lens(&header.lens.literals)?;
            let distances = Code::of_lens(&header.lens.distances)?;
            let codes = Codes { literals, distances };
            self.bits.put(u32::from(is_last) | 2 << 1, 3, out);
            header.put(&mut self.bits, out)?;
            self.put_tokens(Some(&codes), tokens, out);
            self.bits.put_all([codes.end()], out);
        }
        if !is_last {
            return Some(State::Between);
        }
        self.bits.align(out);
        Some(State::Done)
    }

    /// Writes tokens in these codes, or in the standard's.
    fn put_tokens(&mut self, codes: Option<&Codes>, tokens: &[Token], out: &mut Vec<u8>) {
        let codes = codes.unwrap_or(&self.fixed);
        self.bits.put_all(tokens.iter().map(|token| codes.piece(*token)), out);
    }

    /// Drops what no match reaches any more.
    fn forget(&mut self) {
        let place = usize::try_from(self.walk.place() - self.start);
        let passed = place.unwrap_or(usize::MAX).saturating_sub(2 * MAX_DISTANCE);
        if passed >= 2 * STEP {
            self.buffer.drain(..passed);
            self.start += passed as u64;
        }
    }
}

impl Encoder for Recreation {
    fn write(&mut self, content: &[u8], out: &mut Vec<u8>) {
        for step in content.chunks(STEP) {
            if matches!(self.state, State::Done) {
                return;
            }
            self.buffer.extend_from_slice(step);
            self.advance(out);
            self.forget();
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.has_ended = true;
        self.advance(out);
    }
}
