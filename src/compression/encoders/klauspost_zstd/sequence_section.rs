//! The section of sequences of a compressed block.

#![expect(clippy::cast_possible_truncation, reason = "a block has 2^15 sequences at most")]

use super::bits::BitWriter;
use super::codes::{self, Kind};
use super::fse::{Table, table_log};
use super::sequences::Sequence;

/// The largest table that is made, as a power of two.
const LOG_MAX: u32 = 8;

/// Codes sequences, block after block.
#[derive(Debug)]
pub(super) struct SequenceCoder {
    /// By [`Kind`]: the table that a block may use again, as the former used it.
    former: [Option<Table>; 3],
    /// By [`Kind`]: what the block that was coded last used.
    used: [Used; 3],
    /// Codes of each sequence, by [`Kind`].
    codes: Vec<[u8; 3]>,
}

/// Where a block has a table from, numbered as the format numbers it, and the table if it is new.
#[derive(Debug)]
enum Used {
    Predefined,
    /// All codes are this one.
    One(u8, Table),
    New(Table),
    Former,
}

impl Used {
    fn mode(&self) -> u8 {
        match self {
            Self::Predefined => 0,
            Self::One(..) => 1,
            Self::New(_) => 2,
            Self::Former => 3,
        }
    }
}

impl SequenceCoder {
    pub(super) fn new() -> Self {
        Self {
            former: [const { None }; 3],
            used: [const { Used::Predefined }; 3],
            codes: Vec::new(),
        }
    }

    pub(super) fn restart(&mut self) {
        self.former = [const { None }; 3];
    }

    /// Appends sequences, one at least; says whether they could be coded.
    pub(super) fn code(&mut self, sequences: &[Sequence], out: &mut Vec<u8>) -> bool {
        let counts = self.count(sequences);
        for kind in Kind::ALL {
            let (counts, former) = (&counts[kind as usize], self.former[kind as usize].as_ref());
            let Some(used) = choose(kind, counts, sequences.len() as u32, former) else {
                return false;
            };
            self.used[kind as usize] = used;
        }
        write_count(sequences.len(), out);
        let modes = self.used.iter().fold(0, |modes, used| modes << 2 | used.mode());
        out.push(modes << 2);
        for used in &self.used {
            match used {
                Used::One(code, _) => out.push(*code),
                Used::New(table) => table.header(out),
                Used::Predefined | Used::Former => {}
            }
        }
        self.write(sequences, out);
        true
    }

    /// The block was kept as it was coded: what it used is what the next may use.
    pub(super) fn keep(&mut self) {
        for (former, used) in self.former.iter_mut().zip(&mut self.used) {
            match std::mem::replace(used, Used::Predefined) {
                Used::New(table) => *former = Some(table),
                Used::Predefined | Used::One(..) => *former = None,
                Used::Former => {}
            }
        }
    }

    /// Finds the codes, and how often each occurs.
    fn count(&mut self, sequences: &[Sequence]) -> [[u32; 64]; 3] {
        let mut counts = [[0; 64]; 3];
        self.codes.clear();
        self.codes.extend(sequences.iter().map(|sequence| {
            let codes = [
                codes::literal_code(sequence.literal_len),
                codes::offset_code(sequence.offset),
                codes::match_code(sequence.match_len),
            ];
            for (counts, code) in counts.iter_mut().zip(codes) {
                counts[usize::from(code & 63)] += 1;
            }
            codes
        }));
        counts
    }

    fn table(&self, kind: Kind) -> &Table {
        match (&self.used[kind as usize], &self.former[kind as usize]) {
            (Used::One(_, table) | Used::New(table), _) | (Used::Former, Some(table)) => table,
            _ => codes::predefined(kind),
        }
    }

    /// Sequences are read from the end, so the last comes first.
    fn write(&self, sequences: &[Sequence], out: &mut Vec<u8>) {
        let (literals, offsets, matches) =
            (self.table(Kind::LiteralLen), self.table(Kind::Offset), self.table(Kind::MatchLen));
        let mut all = sequences.iter().zip(&self.codes).rev();
        let Some((last, codes)) = all.next() else { return };
        let [literal_code, offset_code, match_code] = codes.map(usize::from);
        let mut literal_state = literals.start(literal_code);
        let mut offset_state = offsets.start(offset_code);
        let mut match_state = matches.start(match_code);
        out.reserve(sequences.len() * 4);
        let mut bits = BitWriter::new(out);
        write_extra(last, *codes, &mut bits);
        for (sequence, codes) in all {
            let [literal_code, offset_code, match_code] = codes.map(usize::from);
            offsets.code(&mut offset_state, offset_code, &mut bits);
            matches.code(&mut match_state, match_code, &mut bits);
            literals.code(&mut literal_state, literal_code, &mut bits);
            // 24 bits of states and 32 of lengths fit.
            write_extra(sequence, *codes, &mut bits);
        }
        matches.end(match_state, &mut bits);
        offsets.end(offset_state, &mut bits);
        literals.end(literal_state, &mut bits);
        bits.mark();
    }
}

/// Writes the bits that say which of the numbers with a code are meant.
#[inline]
fn write_extra(sequence: &Sequence, codes: [u8; 3], bits: &mut BitWriter<'_>) {
    let [literal_code, offset_code, match_code] = codes;
    for (kind, code, number) in [
        (Kind::LiteralLen, literal_code, sequence.literal_len),
        (Kind::MatchLen, match_code, sequence.match_len),
    ] {
        let count = codes::extra_bits(kind, code);
        bits.add(u64::from(number) & ((1 << count) - 1), count);
    }
    bits.flush();
    let count = codes::extra_bits(Kind::Offset, offset_code);
    bits.add(u64::from(sequence.offset) & ((1 << count) - 1), count);
    bits.flush();
}

fn write_count(count: usize, out: &mut Vec<u8>) {
    let count = count as u32;
    match count {
        ..128 => out.extend_from_slice(&count.to_le_bytes()[..1]),
        128..0x7f00 => {
            let [low, high, ..] = count.to_le_bytes();
            out.extend_from_slice(&[high + 128, low]);
        }
        _ => {
            let [low, high, ..] = (count - 0x7f00).to_le_bytes();
            out.extend_from_slice(&[255, low, high]);
        }
    }
}

/// Chooses a table for codes that occur so often, `total` altogether; None where there is none.
fn choose(kind: Kind, counts: &[u32; 64], total: u32, former: Option<&Table>) -> Option<Used> {
    let highest = counts.iter().rposition(|count| *count > 0)?;
    if counts[highest] == total {
        return Some(Used::One(highest as u8, Table::of_one()));
    }
    let counts = &counts[..=highest];
    let log = table_log(total, highest as u32, total.ilog2() + 1, LOG_MAX);
    let new = Table::of_counts(counts, total, log)?;
    let new_cost = new.cost(counts).unwrap_or(u32::MAX).saturating_add(new.header_cost());
    let predefined_cost = codes::predefined(kind).cost(counts).unwrap_or(u32::MAX);
    let former_cost = former.and_then(|table| table.cost(counts)).unwrap_or(u32::MAX);
    // A new table must be better by a sixteenth, and two bytes.
    let new_cost = new_cost.saturating_add((new_cost.saturating_add(256)) >> 4);
    if predefined_cost <= former_cost && predefined_cost <= new_cost {
        return Some(Used::Predefined);
    }
    Some(if former_cost <= new_cost { Used::Former } else { Used::New(new) })
}
