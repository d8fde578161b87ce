//! Bytes that differ from those that they are made from (docs/format.md section 8.4).

use super::{FormatError, PartReader, StreamBytes};

/// The differences of one instruction while its bytes are made, front to back.
#[derive(Debug)]
pub struct Differences {
    /// Bytes that the instruction has still to make.
    left: u64,
    /// Of these, how many come before the next differing one; `None` before that was read.
    gap: Option<u64>,
    has_any: bool,
}

impl Differences {
    /// Those of an instruction that makes `length` bytes.
    pub fn new(length: u64) -> Self {
        Self { left: length, gap: None, has_any: false }
    }

    /// Puts the differences into the next bytes, which are as in the source until then.
    ///
    /// # Errors
    /// Damage for differences behind the instruction's end and for such that are none.
    pub fn apply<S: StreamBytes>(
        &mut self,
        bytes: &mut [u8],
        reader: &mut PartReader<'_, S>,
    ) -> Result<(), FormatError> {
        let mut at = 0;
        while at < bytes.len() {
            let gap = match self.gap {
                Some(gap) => gap,
                None => reader.gap(self.left)?,
            };
            let equal = usize::try_from(gap).unwrap_or(usize::MAX).min(bytes.len() - at);
            at += equal;
            self.left = self.left.saturating_sub(equal as u64);
            let gap = gap - equal as u64;
            self.gap = Some(gap);
            if let Some(byte) = bytes.get_mut(at).filter(|_| gap == 0) {
                *byte = byte.wrapping_add(reader.difference()?);
                at += 1;
                self.left = self.left.saturating_sub(1);
                (self.gap, self.has_any) = (None, true);
            }
        }
        Ok(())
    }

    /// Was there a difference so far?
    pub fn has_any(&self) -> bool {
        self.has_any
    }
}
