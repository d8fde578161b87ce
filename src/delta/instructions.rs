//! Each instruction's work.

use super::ApplyError;
use super::execution::{Execution, broken, clamp, is_whole};
use super::outlet::Written;
use super::streams::GroupStreams;
use crate::digest::Digest;
use crate::format::{BASE_BLOCK_LEN, Class, Instruction, NONE, PartReader, Run, WayKind};

impl Execution<'_, '_, '_> {
    /// Does one instruction of a part of `node` that ends when the node has `end` bytes.
    pub(super) fn instruction(
        &mut self,
        node: u32,
        instruction: Instruction,
        reader: &mut PartReader<'_, GroupStreams<'_>>,
        end: u64,
        group: usize,
    ) -> Result<(), ApplyError> {
        if self
            .awaited
            .take()
            .is_some_and(|child| instruction != Instruction::Place { node: child })
        {
            return Err(broken("a child is placed as soon as it is complete", group));
        }
        let room = end - self.made[node as usize];
        let fits = |length: u64| {
            if length <= room {
                Ok(())
            } else {
                Err(broken("a part makes no more than it declares", group))
            }
        };
        match instruction {
            Instruction::Copy { node: from, offset, length } => {
                fits(length)?;
                self.copy(node, from, offset, length, group)
            }
            Instruction::Zero { length } => {
                fits(length)?;
                self.stats.zero_bytes += length;
                self.fill(node, length, |_, _, buf| {
                    buf.fill(0);
                    Ok(())
                })
            }
            Instruction::Place { node: child } => {
                let length = self.header_node(child, group)?.length;
                fits(length)?;
                self.place(node, child, group)
            }
            Instruction::HexDigest { digest } => {
                fits(Digest::HEX_LEN as u64)?;
                let known = self.delta.header().digests.get(digest as usize);
                let digest = known.ok_or(broken("an instruction cites a digest", group))?;
                let hex = Digest::from_bytes(*digest).to_hex();
                self.stats.literal_bytes += hex.len() as u64;
                self.fill(node, hex.len() as u64, |_, done, buf| {
                    buf.copy_from_slice(&hex[clamp(done)..][..buf.len()]);
                    Ok(())
                })
            }
            Instruction::Literal { class, length } => {
                fits(length)?;
                self.literal(node, class, length, reader)
            }
        }
    }

    fn literal(
        &mut self,
        node: u32,
        class: Class,
        length: u64,
        reader: &mut PartReader<'_, GroupStreams<'_>>,
    ) -> Result<(), ApplyError> {
        self.stats.literal_bytes += length;
        self.fill(node, length, |_, _, buf| Ok(reader.literal(class, buf)?))
    }

    fn copy(
        &mut self,
        node: u32,
        from: u32,
        offset: u64,
        length: u64,
        group: usize,
    ) -> Result<(), ApplyError> {
        let source = self.header_node(from, group)?;
        let available = if from == node { self.made[node as usize] } else { source.length };
        if from > node || offset.checked_add(length).is_none_or(|end| end > available) {
            return Err(broken("a copy reaches only bytes that are there", group));
        }
        let way = &source.ways[0];
        if way.kind == WayKind::GivenContent.number() && !is_used(&way.used, offset, length) {
            return Err(broken("a copy stays within the blocks that are declared", group));
        }
        if way.kind == WayKind::GivenBlob.number() && source.ways.len() == 1 {
            return Err(broken("a node given as blob alone is not copied from", group));
        }
        if from != node && !self.is_given(from) && self.made[from as usize] < source.length {
            return Err(broken("a node that is copied from is complete", group));
        }
        if self.is_given(from) {
            self.stats.base_bytes += length;
            self.give(node, from, offset, length)
        } else {
            self.stats.target_bytes += length;
            self.copy_made(node, from, offset, length)
        }
    }

    fn place(&mut self, node: u32, child: u32, group: usize) -> Result<(), ApplyError> {
        let row = self.header_node(child, group)?;
        let length = row.length;
        if child >= node || length == 0 {
            return Err(broken("a node is placed whole, complete and not empty", group));
        }
        if !is_whole(row) {
            return Err(broken("all blocks of a placed node are declared", group));
        }
        if !self.is_given(child) && self.made[child as usize] < length {
            return Err(broken("a node that is placed is complete", group));
        }
        let lands = row.parent == node && row.parent_offset == self.made[node as usize];
        let is_output = row.parent == NONE && self.landings[child as usize].is_some();
        // Parts that are not run may have placed it first.
        let is_unseen = row.parent != NONE && self.is_given(row.parent) && self.is_given(child);
        let is_first = !std::mem::replace(&mut self.is_placed[child as usize], true);
        if is_first && !lands && !is_output && !is_unseen {
            return Err(broken("a node is placed where it says", group));
        }
        match (lands, self.is_given(child)) {
            (true, true) => {
                self.stats.placed_bytes += length;
                self.begin(child)?;
                self.give(child, child, 0, length)?;
                self.close()?;
                self.made[node as usize] += length;
                Ok(())
            }
            // Its parts made it where it stands.
            (true, false) => {
                self.made[node as usize] += length;
                Ok(())
            }
            (false, true) => {
                self.stats.placed_bytes += length;
                self.give(node, child, 0, length)
            }
            (false, false) => self.copy_made(node, child, 0, length),
        }
    }

    /// Makes the next bytes of `node` from what the base gives for `from`.
    pub(super) fn give(
        &mut self,
        node: u32,
        from: u32,
        offset: u64,
        length: u64,
    ) -> Result<(), ApplyError> {
        let content = self.digest(from);
        let Some(source) = self.sources[from as usize].as_ref().filter(|_| length > 0) else {
            return Ok(());
        };
        self.fill(node, length, |_, done, buf| {
            source
                .read_exact_at(buf, offset + done)
                .map_err(|source| ApplyError::Base { content, source })
        })
    }

    /// Makes the next bytes of `node` from bytes that were made before.
    fn copy_made(
        &mut self,
        node: u32,
        from: u32,
        offset: u64,
        length: u64,
    ) -> Result<(), ApplyError> {
        if from == node {
            // What is read back must have left the piece.
            self.outlet.flush()?;
        }
        let Some(landing) = self.landings[from as usize] else {
            return Err(broken("a copy reaches only bytes that are there", 0));
        };
        self.fill(node, length, |written, done, buf| written.read(landing, offset + done, buf))
    }

    /// Makes the next `length` bytes of `node`, the innermost open one; see [`Outlet::fill`].
    fn fill(
        &mut self,
        node: u32,
        length: u64,
        read: impl FnMut(&Written<'_, '_>, u64, &mut [u8]) -> Result<(), ApplyError>,
    ) -> Result<(), ApplyError> {
        self.outlet.fill(length, read)?;
        self.made[node as usize] += length;
        Ok(())
    }
}

/// Do the runs hold all blocks of [offset, offset + length)? The caller checked that it ends.
fn is_used(runs: &[Run], offset: u64, length: u64) -> bool {
    let first = offset / BASE_BLOCK_LEN;
    let last = (offset + length - 1) / BASE_BLOCK_LEN;
    let before = runs.partition_point(|run| u64::from(run.first) <= first);
    before
        .checked_sub(1)
        .map(|row| runs[row])
        .is_some_and(|run| last < u64::from(run.first) + u64::from(run.count))
}
