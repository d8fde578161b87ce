//! Tables of finite state entropy: shares of symbols, their header, states.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "tables have 256 states and 53 symbols at most, and shares sum up to the states"
)]

use super::bits::BitWriter;

/// The smallest table that is made, as a power of two.
const LOG_MIN: u32 = 5;

/// The largest, likewise.
const LOG_MAX: u32 = 8;

/// Symbols are below this.
pub(super) const SYMBOLS: usize = 53;

/// Shares of a table's states that symbols have; -1 for one state that costs all bits.
type Shares = [i16; SYMBOLS];

/// Codes symbols of known shares.
#[derive(Debug, Clone)]
pub(super) struct Table {
    shares: Shares,
    symbol_count: usize,
    log: u32,
    states: [u16; 1 << LOG_MAX],
    steps: [Step; SYMBOLS],
}

/// How a state changes with a symbol.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    /// The state plus this, shifted right by 16, is the number of bits that it gives off.
    bits: u32,
    /// What is left of the state plus this is the index of the next one.
    state: i16,
}

/// A place in a table, from which symbols are coded.
#[derive(Debug, Clone, Copy)]
pub(super) struct State(u16);

impl Table {
    /// A table of a size for symbols that occur `counts` times, `total` altogether. Two symbols
    /// occur at least.
    ///
    /// None where shares cannot be dealt out; the compressor fails there as well.
    pub(super) fn of_counts(counts: &[u32], total: u32, log: u32) -> Option<Self> {
        let mut shares = [0; SYMBOLS];
        deal(counts, total, log, &mut shares)?;
        Self::of_shares(&shares[..counts.len()], log)
    }

    /// A table with the given shares, if they fill it.
    pub(super) fn of_shares(shares: &[i16], log: u32) -> Option<Self> {
        let size = 1_usize << log;
        let states: i32 = shares.iter().map(|share| i32::from(share.abs())).sum();
        if states != 1 << log || log > LOG_MAX {
            return None;
        }
        let mut table = Self {
            shares: [0; SYMBOLS],
            symbol_count: shares.len(),
            log,
            states: [0; 1 << LOG_MAX],
            steps: [Step::default(); SYMBOLS],
        };
        table.shares[..shares.len()].copy_from_slice(shares);
        let mut next = [0_u16; SYMBOLS];
        let mut first = 0_i16;
        for (symbol, share) in shares.iter().enumerate() {
            next[symbol] = first as u16;
            table.steps[symbol] = Step::of(*share, first, log);
            first += share.abs();
        }
        for (state, symbol) in spread(shares, log)[..size].iter().enumerate() {
            let slot = &mut next[usize::from(*symbol)];
            table.states[usize::from(*slot)] = (size + state) as u16;
            *slot += 1;
        }
        Some(table)
    }

    /// A table for a symbol that is the only one: it codes it with no bits.
    pub(super) fn of_one() -> Self {
        Self {
            shares: [0; SYMBOLS],
            symbol_count: 0,
            log: 0,
            states: [0; 1 << LOG_MAX],
            steps: [Step::default(); SYMBOLS],
        }
    }

    /// The state after the first symbol.
    #[inline]
    pub(super) fn start(&self, symbol: usize) -> State {
        let step = self.steps[symbol];
        let bits = (step.bits + (1 << 15)) >> 16;
        let left = (bits << 16).wrapping_sub(step.bits) >> bits;
        State(self.states[(left as i32 + i32::from(step.state)) as usize])
    }

    /// Codes a symbol.
    #[inline]
    pub(super) fn code(&self, state: &mut State, symbol: usize, out: &mut BitWriter<'_>) {
        let step = self.steps[symbol];
        let bits = (u32::from(state.0) + step.bits) >> 16;
        out.add(u64::from(state.0) & ((1 << bits) - 1), bits);
        let next = i32::from(state.0 >> bits) + i32::from(step.state);
        state.0 = self.states[next as usize];
    }

    /// Writes the last state, with which a reader begins.
    pub(super) fn end(&self, state: State, out: &mut BitWriter<'_>) {
        out.add(u64::from(state.0) & ((1 << self.log) - 1), self.log);
    }

    /// Bits of a symbol, about, with [`COST_POINT`] binary places.
    fn symbol_cost(&self, symbol: usize) -> u32 {
        let bits = self.steps[symbol].bits;
        let least = bits >> 16;
        let missing = ((least + 1) << 16) - (bits + (1 << self.log));
        ((least + 1) << COST_POINT) - ((missing << COST_POINT) >> self.log)
    }

    /// Bits, about, for symbols that occur `counts` times; None where one has no code.
    pub(super) fn cost(&self, counts: &[u32]) -> Option<u32> {
        if self.symbol_count < counts.len() {
            return None;
        }
        let mut cost = 0;
        for (symbol, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            if self.shares[symbol] == 0 {
                return None;
            }
            let each = self.symbol_cost(symbol);
            if each > (self.log + 1) << COST_POINT {
                return None;
            }
            cost += count * each;
        }
        Some(cost >> COST_POINT)
    }

    /// What the header takes at most, in bits.
    pub(super) fn header_cost(&self) -> u32 {
        (((self.symbol_count as u32 * self.log) >> 3) + 3) * 8
    }

    /// Bits that a symbol gives off at least.
    pub(super) fn least_bits(&self, symbol: usize) -> u32 {
        self.steps[symbol].bits >> 16
    }

    /// Appends the shares.
    pub(super) fn header(&self, out: &mut Vec<u8>) {
        let mut bits = BitWriter::new(out);
        bits.add(u64::from(self.log - LOG_MIN), 4);
        let mut left = (1_i32 << self.log) + 1;
        let mut threshold = 1_i32 << self.log;
        let mut width = self.log + 1;
        let mut symbol = 0;
        while left > 1 {
            let share = i32::from(self.shares[symbol]);
            symbol += 1;
            // Small values, of which there cannot be as many as there are numbers, save a bit.
            let short = 2 * threshold - 1 - left;
            left -= share.abs();
            let value = if share + 1 >= threshold { share + 1 + short } else { share + 1 };
            bits.add(value as u64, width - u32::from(value < short));
            bits.flush();
            if share == 0 {
                symbol += skip_zeros(&self.shares[symbol..], &mut bits);
            }
            while left < threshold {
                width -= 1;
                threshold >>= 1;
            }
        }
        bits.pad();
    }
}

/// Binary places of a cost.
const COST_POINT: u32 = 8;

impl Step {
    fn of(share: i16, first: i16, log: u32) -> Self {
        match share {
            0 => Self::default(),
            -1 | 1 => Self { bits: (log << 16) - (1 << log), state: first - 1 },
            _ => {
                let bits = log - (share as u32 - 1).ilog2();
                Self { bits: (bits << 16) - ((share as u32) << bits), state: first - share }
            }
        }
    }
}

/// Gives each state its symbol: rare ones at the end, the others all over the table.
fn spread(shares: &[i16], log: u32) -> [u8; 1 << LOG_MAX] {
    let size = 1_usize << log;
    let mut symbols = [0; 1 << LOG_MAX];
    let mut end = size;
    for (symbol, _) in shares.iter().enumerate().filter(|(_, share)| **share == -1) {
        end -= 1;
        symbols[end] = symbol as u8;
    }
    let step = (size >> 1) + (size >> 3) + 3;
    let mut at = 0;
    for (symbol, share) in shares.iter().enumerate() {
        for _ in 0..*share {
            symbols[at] = symbol as u8;
            at = (at + step) & (size - 1);
            while at >= end && end > 0 {
                at = (at + step) & (size - 1);
            }
        }
    }
    symbols
}

/// Writes how many symbols without share follow one; returns it.
fn skip_zeros(shares: &[i16], bits: &mut BitWriter<'_>) -> usize {
    let zeros = shares.iter().take_while(|share| **share == 0).count();
    for _ in 0..zeros / 3 {
        bits.add(3, 2);
        bits.flush();
    }
    bits.add(zeros as u64 % 3, 2);
    bits.flush();
    zeros
}

/// The size of a table for `len` symbols, as a power of two: two at least, the highest of which is
/// `highest`, that need `least` bits by their number and `log_max` at most.
pub(super) fn table_log(len: u32, highest: u32, least: u32, log_max: u32) -> u32 {
    // Lengths below 4 wrap to large numbers in the compressor, which then do not count.
    let most = (len - 1).ilog2().checked_sub(2).unwrap_or(u32::MAX);
    let least = least.min(highest.ilog2() + 2);
    log_max.min(most).max(least).clamp(LOG_MIN, LOG_MAX)
}

/// Deals a table's states out to symbols by how often they occur.
fn deal(counts: &[u32], total: u32, log: u32, shares: &mut Shares) -> Option<()> {
    // Bits by which a share of 1 to 7 may fall short of the next whole one to become it.
    const ROUND_UP: [u64; 8] = [0, 473_195, 504_333, 520_860, 550_000, 700_000, 750_000, 830_000];
    let point = 62 - log;
    let step = (1_u64 << 62) / u64::from(total);
    let mut left = 1_i32 << log;
    let (mut largest, mut largest_share) = (0, 0);
    for (symbol, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        if *count <= total >> log {
            shares[symbol] = -1;
            left -= 1;
            continue;
        }
        let exact = u64::from(*count) * step;
        let mut share = (exact >> point) as i16;
        if let Some(round_up) = ROUND_UP.get(share as usize) {
            let above = exact - ((share as u64) << point);
            share += i16::from(above > round_up << (point - 20));
        }
        if share > largest_share {
            (largest, largest_share) = (symbol, share);
        }
        shares[symbol] = share;
        left -= i32::from(share);
    }
    if -left >= i32::from(shares[largest] >> 1) {
        return deal_again(counts, total, log, shares);
    }
    shares[largest] += left as i16;
    Some(())
}

/// The other way to deal, for when rounding took too much from the largest share.
fn deal_again(counts: &[u32], total: u32, log: u32, shares: &mut Shares) -> Option<()> {
    const LATER: i16 = -2;
    let mut left = total;
    let mut dealt = 0_u32;
    let low = total >> log;
    let mut low_one = (total * 3) >> (log + 1);
    shares.fill(0);
    for (share, count) in shares.iter_mut().zip(counts).filter(|(_, count)| **count > 0) {
        *share = LATER;
        if *count <= low_one.max(low) {
            *share = if *count <= low { -1 } else { 1 };
            dealt += 1;
            left -= count;
        }
    }
    let mut states = (1_u32 << log).checked_sub(dealt).filter(|states| *states > 0)?;
    if left / states > low_one {
        low_one = left * 3 / (states * 2);
        for (share, count) in shares.iter_mut().zip(counts) {
            if *share == LATER && *count <= low_one {
                *share = 1;
                dealt += 1;
                left -= count;
            }
        }
        states = (1_u32 << log).checked_sub(dealt)?;
    }
    if left == 0 {
        return deal_rest(&mut shares[..counts.len()], states);
    }
    let point = 62 - u64::from(log);
    let middle = (1_u64 << (point - 1)) - 1;
    let step = ((u64::from(states) << point) + middle) / u64::from(left);
    let mut end = middle;
    for (share, count) in shares.iter_mut().zip(counts).filter(|(share, _)| **share == LATER) {
        let start = end;
        end += u64::from(*count) * step;
        *share =
            i16::try_from((end >> point) - (start >> point)).ok().filter(|share| *share > 0)?;
    }
    Some(())
}

/// Deals the states that are left to those that have some, in turn.
fn deal_rest(shares: &mut [i16], mut states: u32) -> Option<()> {
    if shares.iter().all(|share| *share <= 0) && states > 0 {
        return None;
    }
    while states > 0 {
        for share in shares.iter_mut().filter(|share| **share > 0) {
            if states == 0 {
                break;
            }
            *share += 1;
            states -= 1;
        }
    }
    Some(())
}
