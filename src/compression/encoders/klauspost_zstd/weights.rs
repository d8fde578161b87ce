//! A Huffman code in its stored form: weights, coded or half a byte each.

#![expect(clippy::cast_possible_truncation, reason = "there are 256 weights at most")]

use super::bits::BitWriter;
use super::fse::{Table, table_log};

/// The largest table for weights, as a power of two.
const LOG_MAX: u32 = 6;

/// The most weights that are stored without a code.
const PLAIN_MAX: usize = 128;

/// Appends code lengths, of which the last is not 0 and is left to the reader to find out; says
/// whether they can be stored.
pub(super) fn write(lengths: &[u8], longest: u32, out: &mut Vec<u8>) -> bool {
    let [lengths @ .., _] = lengths else { return false };
    let weights: Vec<u8> = lengths
        .iter()
        .map(|length| if *length == 0 { 0 } else { longest as u8 + 1 - length })
        .collect();
    let mut coded = Vec::with_capacity(128);
    if code(&weights, &mut coded).is_some()
        && coded.len() < weights.len()
        && coded.len() < weights.len().div_ceil(2)
    {
        out.push(coded.len() as u8);
        out.append(&mut coded);
        return true;
    }
    if weights.len() > PLAIN_MAX {
        return false;
    }
    out.push(127 + weights.len() as u8);
    out.extend(weights.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&0)));
    true
}

/// Codes weights by two states that take turns; None where it cannot be done.
fn code(weights: &[u8], out: &mut Vec<u8>) -> Option<()> {
    if weights.len() <= 2 {
        return None;
    }
    let mut counts = [0_u32; 16];
    for weight in weights {
        counts[usize::from(*weight)] += 1;
    }
    let most = counts.iter().copied().max()? as usize;
    if most == weights.len() || most == 1 || most < weights.len() >> 7 {
        return None;
    }
    let highest = counts.iter().rposition(|count| *count > 0)?;
    let len = weights.len() as u32;
    let log = table_log(len, highest as u32, (len - 1).ilog2() + 1, LOG_MAX);
    let table = Table::of_counts(&counts[..=highest], len, log)?;
    table.header(out);

    let mut bits = BitWriter::new(out);
    let [first @ .., a, b] = weights else { return None };
    // The state of even places, and that of odd ones.
    let mut states = [table.start(usize::from(*a)), table.start(usize::from(*b))];
    if weights.len() % 2 == 1 {
        states.reverse();
    }
    for (at, weight) in first.iter().enumerate().rev() {
        table.code(&mut states[at % 2], usize::from(*weight), &mut bits);
        bits.flush();
    }
    table.end(states[1], &mut bits);
    table.end(states[0], &mut bits);
    bits.mark();
    Some(())
}
