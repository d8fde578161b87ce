//! Going through the window: whether the match before or the one here is taken.

#![expect(clippy::cast_possible_truncation, reason = "lengths and distances are below 2^16")]

use super::super::super::flate::symbols::MAX_MATCH;
use super::super::super::flate::window::common_len;
use super::super::blocks::{Blocks, Ending};
use super::search::{Found, find};
use super::{AHEAD, Lazy, MAX_TOKENS, NONE, SHORTEST, WINDOW};

impl Lazy {
    /// Makes tokens as long as enough bytes are ahead, or of all that is left.
    pub(super) fn encode(&mut self, ending: Ending, blocks: &mut Blocks, out: &mut Vec<u8>) {
        if self.effort.weighs() && self.at < self.end {
            self.prices.set(&self.window[self.at..self.end]);
        }
        let mut output = Output { ending, blocks, out };
        let least = if ending == Ending::Closed { 1 } else { AHEAD };
        while self.end - self.at >= least {
            self.step(&mut output);
        }
        if ending == Ending::Closed {
            if std::mem::take(&mut self.owes_literal) {
                self.tokens.push_literal(self.window[self.at - 1]);
            }
            if !self.tokens.is_empty() {
                self.write_block(&mut output);
            }
        }
    }

    /// Looks at the next position.
    fn step(&mut self, output: &mut Output) {
        let ahead = self.end - self.at;
        let head = self.insert(self.at);
        let previous = std::mem::replace(&mut self.pending, NONE);
        if head >= self.chains.mark(self.at.saturating_sub(WINDOW))
            && ahead > previous.len
            && previous.len < self.effort.lazy
        {
            let window = (&*self.window, self.end);
            self.pending = find(window, &self.chains, self.at, head, self.effort, &self.prices)
                .unwrap_or(NONE);
        }
        if previous.len >= SHORTEST && self.pending.len <= previous.len {
            self.take(previous, output);
        } else {
            self.postpone(output);
        }
    }

    /// Adds the match that starts at the byte before.
    fn take(&mut self, previous: Found, output: &mut Output) {
        let Found { len, distance } = if self.era.improves_matches() {
            self.look_at_end(previous, output)
        } else {
            self.look_near_end(previous)
        };
        self.tokens.push_match(len as u32, distance as u32);
        let next = self.at + len - 1;
        for at in self.at + 1..next.min(self.insertable()) {
            self.insert(at);
        }
        self.at = next;
        self.owes_literal = false;
        self.pending = NONE;
        self.literals = 0;
        self.write_full_block(output);
    }

    /// Goes on to the next byte; the one before, which no match starts at, becomes a literal.
    fn postpone(&mut self, output: &mut Output) {
        if self.pending.len >= SHORTEST {
            self.literals = 0;
        }
        if self.owes_literal {
            self.literals = self.literals.wrapping_add(1);
            self.push_literal_before(output);
            self.at += 1;
            self.skip(output);
        } else {
            self.at += 1;
            self.owes_literal = true;
        }
    }

    /// After many literals, makes more of them without looking for matches.
    fn skip(&mut self, output: &mut Output) {
        let many = usize::from(self.literals).saturating_sub(self.effort.chain);
        if many == 0 {
            return;
        }
        for _ in 0..=many / 64 {
            if self.at + 1 >= self.end {
                break;
            }
            self.push_literal_before(output);
            self.insert(self.at);
            self.at += 1;
        }
        self.push_literal_before(output);
        self.owes_literal = false;
    }

    /// Looks for a longer match than the one before, by the last place where what follows that one
    /// occurred; its first bytes may become literals.
    fn look_at_end(&mut self, previous: Found, output: &mut Output) -> Found {
        const SKIPPED: usize = 2;
        let Found { len, distance } = previous;
        let (start, end) = (self.at - 1, self.at - 1 + len);
        if len >= MAX_MATCH - SKIPPED || end >= self.insertable() {
            return previous;
        }
        let last = self.chains.last(&self.window, end);
        let oldest = self.at.saturating_sub(WINDOW);
        let behind = last.and_then(|last| last.checked_sub(len));
        let Some(behind) = behind.filter(|at| *at > oldest + SKIPPED && start - at != distance)
        else {
            return previous;
        };
        let longest = (self.end - self.at).min(MAX_MATCH + SKIPPED);
        let len = self.equal_len(start + SKIPPED, behind + SKIPPED, longest - SKIPPED);
        if len <= previous.len {
            return previous;
        }
        let mut best = Found { len, distance: start - behind };
        for skipped in (0..SKIPPED).rev() {
            if best.len < MAX_MATCH && self.window[start + skipped] == self.window[behind + skipped]
            {
                best.len += 1;
                continue;
            }
            for _ in 0..=skipped {
                self.push_literal_before(output);
                self.at += 1;
                self.insert(self.at);
            }
            break;
        }
        best
    }

    /// The same as it was first: the match starts where the one before does.
    fn look_near_end(&self, previous: Found) -> Found {
        const BACK: usize = 2;
        let (start, end) = (self.at - 1, self.at - 1 + previous.len);
        if end + BACK >= self.insertable() {
            return previous;
        }
        let last = self.chains.last(&self.window, end - BACK);
        let oldest = self.at.saturating_sub(WINDOW);
        let behind = last.and_then(|last| (last + BACK).checked_sub(previous.len));
        let Some(behind) = behind.filter(|at| *at > oldest) else { return previous };
        let longest = (self.end - self.at).min(MAX_MATCH);
        let len = self.equal_len(start, behind, longest);
        if len > previous.len { Found { len, distance: start - behind } } else { previous }
    }

    /// How many bytes are equal, up to a limit of no more than the longest match.
    fn equal_len(&self, at: usize, behind: usize, limit: usize) -> usize {
        common_len(&*self.window, at, behind).min(limit)
    }

    /// Adds a position to the chains, where it has 4 bytes.
    #[inline]
    fn insert(&mut self, at: usize) -> u32 {
        if at < self.insertable() { self.chains.add(&self.window, at) } else { 0 }
    }

    /// Adds the byte before as a literal.
    fn push_literal_before(&mut self, output: &mut Output) {
        self.tokens.push_literal(self.window[self.at - 1]);
        self.write_full_block(output);
    }

    fn write_full_block(&mut self, output: &mut Output) {
        if self.tokens.len() == MAX_TOKENS {
            self.write_block(output);
        }
    }

    fn write_block(&mut self, output: &mut Output) {
        let content = self.block.map(|start| &self.window[start..self.at]);
        output.blocks.put_tokens(&self.tokens, content, output.ending, output.out);
        self.tokens.clear();
        self.block = Some(self.at);
    }
}

/// Where blocks go.
struct Output<'a> {
    ending: Ending,
    blocks: &'a mut Blocks,
    out: &'a mut Vec<u8>,
}
