//! A block in its stored form: raw, one byte again and again, or compressed.

#![expect(clippy::cast_possible_truncation, reason = "blocks have 2^17 bytes at most")]

use super::huffman::Huffman;
use super::literals::{self, Literals};
use super::parameters::{Era, Level};
use super::sequence_section::SequenceCoder;
use super::sequences::Parsed;

/// Blocks below this are not worth a code for their literals.
const CODED_MIN: usize = 32;

/// What the level and the era decide about blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// A block without matches still gets a code for its literals.
    codes_plain: bool,
    /// But a full one does not.
    keeps_full: Option<usize>,
    /// A block must save this part of its length, as a power of two.
    margin: u32,
    /// More literals than this are worth a code.
    few_literals: usize,
    /// Coded literals that save next to nothing are not kept.
    weighs_literals: bool,
    /// A match that repeats one byte over the whole block is not a match.
    has_runs: bool,
}

impl Rules {
    pub(super) fn new(level: Level, era: Era, full_block_len: u32) -> Self {
        let is_old = era < Era::V1_16_4;
        Self {
            codes_plain: level > if is_old { Level::Fastest } else { Level::Default },
            keeps_full: is_old.then_some(full_block_len as usize),
            margin: if is_old { 5 } else { 6 },
            few_literals: if era < Era::V1_17_0 { 32 } else { 16 },
            weighs_literals: era >= Era::V1_17_0,
            has_runs: era >= Era::V1_17_8,
        }
    }
}

/// How a block is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Raw = 0,
    Run = 1,
    Compressed = 2,
}

/// Codes blocks, each with what the former ones of its frame left.
#[derive(Debug)]
pub(super) struct BlockCoder {
    rules: Rules,
    huffman: Huffman,
    sequences: SequenceCoder,
    /// A compressed block on its way.
    body: Vec<u8>,
}

impl BlockCoder {
    pub(super) fn new(rules: Rules) -> Self {
        let (huffman, sequences) = (Huffman::new(), SequenceCoder::new());
        Self { rules, huffman, sequences, body: Vec::new() }
    }

    /// Forgets what the former frame left.
    pub(super) fn restart(&mut self, rules: Rules) {
        self.rules = rules;
        self.huffman.restart();
        self.sequences.restart();
    }

    /// Appends a block with a content that was taken apart.
    pub(super) fn code(
        &mut self,
        content: &[u8],
        parsed: &mut Parsed,
        is_last: bool,
        out: &mut Vec<u8>,
    ) {
        if self.rules.has_runs && is_run(parsed) {
            header(content.len(), Form::Run, is_last, out);
            out.push(content[0]);
            return;
        }
        let literals = parsed.literals.len();
        let least = (content.len() >> self.rules.margin) + 16;
        if parsed.sequences.is_empty() || content.len() < literals + least {
            let is_full = self.rules.keeps_full == Some(content.len());
            let is_plain = parsed.sequences.is_empty() && is_full || !self.rules.codes_plain;
            self.code_plain(content, is_plain, is_last, out);
            return;
        }
        self.body.clear();
        self.code_literals(&parsed.literals);
        let is_coded = self.sequences.code(&parsed.sequences, &mut self.body);
        if is_coded && self.body.len() < content.len() {
            self.sequences.keep();
            header(self.body.len(), Form::Compressed, is_last, out);
            out.extend_from_slice(&self.body);
        } else {
            self.huffman.forbid_repeat();
            raw(content, is_last, out);
        }
    }

    /// Appends a block without matches.
    fn code_plain(&mut self, content: &[u8], is_plain: bool, is_last: bool, out: &mut Vec<u8>) {
        if is_plain || content.len() < CODED_MIN {
            raw(content, is_last, out);
            return;
        }
        self.body.clear();
        let mut coded = self.code_or_not(content);
        // The compressor takes a code that it then does not write for one that may be repeated. A
        // frame where that happens is broken, and so is this one.
        let sizes = literals::coded_header_len(self.body.len(), content.len());
        if self.rules.weighs_literals
            && matches!(coded, Literals::Coded { .. })
            && self.body.len() + sizes >= content.len()
        {
            coded = Literals::Raw;
        }
        match coded {
            Literals::Raw => raw(content, is_last, out),
            Literals::Run => {
                header(content.len(), Form::Run, is_last, out);
                out.push(content[0]);
            }
            Literals::Coded { is_repeated } => {
                self.huffman.allow_repeat();
                // The last byte says that there are no sequences.
                header(self.body.len() + sizes + 1, Form::Compressed, is_last, out);
                literals::coded_header(self.body.len(), content.len(), is_repeated, out);
                out.extend_from_slice(&self.body);
                out.push(0);
            }
        }
    }

    /// Puts the section of literals into the body.
    fn code_literals(&mut self, bytes: &[u8]) {
        let mut coded = self.code_or_not(bytes);
        let coded_len = self.body.len() + literals::coded_header_len(self.body.len(), bytes.len());
        if self.rules.weighs_literals
            && matches!(coded, Literals::Coded { .. })
            && coded_len >= bytes.len() + literals::plain_header_len(bytes.len())
        {
            coded = Literals::Raw;
        }
        match coded {
            Literals::Raw => {
                self.body.clear();
                literals::plain_header(bytes.len(), false, &mut self.body);
                self.body.extend_from_slice(bytes);
            }
            Literals::Run => {
                self.body.clear();
                literals::plain_header(bytes.len(), true, &mut self.body);
                self.body.push(bytes[0]);
            }
            Literals::Coded { is_repeated } => {
                self.huffman.allow_repeat();
                let mut head = Vec::with_capacity(5);
                literals::coded_header(self.body.len(), bytes.len(), is_repeated, &mut head);
                self.body.splice(..0, head);
            }
        }
    }

    /// Codes literals into the body, which is empty, if there are enough.
    fn code_or_not(&mut self, bytes: &[u8]) -> Literals {
        if bytes.len() <= self.rules.few_literals {
            return Literals::Raw;
        }
        self.huffman.code(bytes, &mut self.body)
    }
}

/// Is it one byte again and again, or the byte before the block?
fn is_run(parsed: &Parsed) -> bool {
    let [sequence] = parsed.sequences[..] else { return false };
    let literals = parsed.literals.len();
    literals <= 1 && sequence.literal_len as usize == literals && sequence.offset == 1 + 3
}

/// Appends a block as it is.
pub(super) fn raw(content: &[u8], is_last: bool, out: &mut Vec<u8>) {
    header(content.len(), Form::Raw, is_last, out);
    out.extend_from_slice(content);
}

fn header(len: usize, form: Form, is_last: bool, out: &mut Vec<u8>) {
    let header = (len as u32) << 3 | (form as u32) << 1 | u32::from(is_last);
    out.extend_from_slice(&header.to_le_bytes()[..3]);
}
