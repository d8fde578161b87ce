//! Each instruction's work.

use super::ApplyError;
use super::execution::{Execution, broken};
use super::outlet::{Landing, Written};
use super::streams::GroupStreams;
use crate::digest::Digest;
use crate::format::{
    BASE_BLOCK_LEN, Class, Differences, Instruction, NONE, PartReader, Run, TAR_BLOCK, WayKind,
    is_whole, padded_len,
};

/// Bytes of a node that a copy takes.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// Number of the node.
    from: u32,
    offset: u64,
    length: u64,
}

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
                let span = Span { from, offset, length };
                self.admit_copy(node, span, group)?;
                self.fill_from(node, span, |_| Ok(()))
            }
            Instruction::Patch { node: from, offset, length } => {
                fits(length)?;
                self.patch(node, Span { from, offset, length }, reader, group)
            }
            Instruction::Members { node: from, offset, length } => {
                fits(length)?;
                self.members(node, Span { from, offset, length }, reader, group)
            }
            Instruction::Header => {
                fits(TAR_BLOCK as u64)?;
                let block = reader.header(None)?;
                self.stats.literal_bytes += TAR_BLOCK as u64;
                self.put(node, &block)
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
                self.put(node, &hex)
            }
            Instruction::Literal { class, length } => {
                fits(length)?;
                self.literal(node, class, length, reader)
            }
        }
    }

    /// Makes the next bytes of `node`: these.
    fn put(&mut self, node: u32, bytes: &[u8]) -> Result<(), ApplyError> {
        self.outlet.put(bytes)?;
        self.made[node as usize] += bytes.len() as u64;
        Ok(())
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

    /// Refuses a copy of bytes that may not be copied here; counts any other.
    fn admit_copy(&mut self, node: u32, span: Span, group: usize) -> Result<(), ApplyError> {
        let Span { from, offset, length } = span;
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
        } else {
            self.stats.target_bytes += length;
        }
        Ok(())
    }

    fn patch(
        &mut self,
        node: u32,
        span: Span,
        reader: &mut PartReader<'_, GroupStreams<'_>>,
        group: usize,
    ) -> Result<(), ApplyError> {
        self.admit_copy(node, span, group)?;
        let mut differences = Differences::new(span.length);
        self.fill_from(node, span, |bytes| Ok(differences.apply(bytes, reader)?))?;
        if differences.has_any() {
            Ok(())
        } else {
            Err(broken("a copy with differences has one", group))
        }
    }

    /// Walks the source as a tar archive: what its headers say decides where the next one lies.
    fn members(
        &mut self,
        node: u32,
        span: Span,
        reader: &mut PartReader<'_, GroupStreams<'_>>,
        group: usize,
    ) -> Result<(), ApplyError> {
        self.admit_copy(node, span, group)?;
        let mut differences = Differences::new(span.length);
        let mut done = 0;
        while done < span.length {
            let mut left = Span { offset: span.offset + done, length: span.length - done, ..span };
            if left.length >= TAR_BLOCK as u64 {
                let source = self.read_block(left)?;
                let mut block = reader.header(Some(&source))?;
                differences.apply(&mut block, reader)?;
                self.put(node, &block)?;
                done += TAR_BLOCK as u64;
                left.offset += TAR_BLOCK as u64;
                left.length -= TAR_BLOCK as u64;
                // What is no header has no next one.
                left.length = padded_len(&source).unwrap_or(left.length).min(left.length);
            }
            self.fill_from(node, left, |bytes| Ok(differences.apply(bytes, reader)?))?;
            done += left.length;
        }
        Ok(())
    }

    /// The first block of a span that [`Execution::admit_copy`] passed.
    fn read_block(&mut self, span: Span) -> Result<[u8; TAR_BLOCK], ApplyError> {
        let mut block = [0; TAR_BLOCK];
        if self.is_given(span.from) {
            if let Some(source) = self.sources[span.from as usize].as_ref() {
                let content = self.digest(span.from);
                self.near
                    .read(span.from, source.as_ref(), span.offset, &mut block)
                    .map_err(|source| ApplyError::Base { content, source })?;
            }
        } else {
            // What is read back must have left the piece.
            self.outlet.flush()?;
            let landing = self.landing(span.from)?;
            self.outlet.written().read(landing, span.offset, &mut block)?;
        }
        Ok(block)
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
            (false, false) => {
                self.copy_made(node, Span { from: child, offset: 0, length }, |_| Ok(()))
            }
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
        self.give_changed(node, Span { from, offset, length }, |_| Ok(()))
    }

    fn give_changed(
        &mut self,
        node: u32,
        span: Span,
        mut change: impl FnMut(&mut [u8]) -> Result<(), ApplyError>,
    ) -> Result<(), ApplyError> {
        let content = self.digest(span.from);
        let Some(source) = self.sources[span.from as usize].as_ref().filter(|_| span.length > 0)
        else {
            return Ok(());
        };
        let near = &mut self.near;
        self.outlet.fill(span.length, |_, done, buf| {
            near.read(span.from, source.as_ref(), span.offset + done, buf)
                .map_err(|source| ApplyError::Base { content, source })?;
            change(buf)
        })?;
        self.made[node as usize] += span.length;
        Ok(())
    }

    /// Makes the next bytes of `node` from bytes that were made before.
    fn copy_made(
        &mut self,
        node: u32,
        span: Span,
        mut change: impl FnMut(&mut [u8]) -> Result<(), ApplyError>,
    ) -> Result<(), ApplyError> {
        if span.from == node {
            // What is read back must have left the piece.
            self.outlet.flush()?;
        }
        let landing = self.landing(span.from)?;
        self.fill(node, span.length, |written, done, buf| {
            written.read(landing, span.offset + done, buf)?;
            change(buf)
        })
    }

    /// Makes the next bytes of `node` from a span that [`Execution::admit_copy`] passed; `change`
    /// gets them piece by piece.
    fn fill_from(
        &mut self,
        node: u32,
        span: Span,
        change: impl FnMut(&mut [u8]) -> Result<(), ApplyError>,
    ) -> Result<(), ApplyError> {
        if self.is_given(span.from) {
            self.give_changed(node, span, change)
        } else {
            self.copy_made(node, span, change)
        }
    }

    fn landing(&self, node: u32) -> Result<Landing, ApplyError> {
        self.landings[node as usize].ok_or(broken("a copy reaches only bytes that are there", 0))
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
