//! Short reads of the base by way of a buffer: most copies follow each other closely, and a call to
//! the system for each of them would take longer than all else.

use std::io;

use crate::format::BASE_BLOCK_LEN;
use crate::source::ReadAt;

/// Reads from this length on go past the buffer, in bytes.
const LONG: usize = 16 << 10;
/// What is read at once where reads follow each other, in bytes.
const AHEAD: u64 = 64 << 10;
/// What is read at once otherwise, in bytes: hardly more costly than a few.
const APART: u64 = 4 << 10;

/// The bytes around the last short read.
#[derive(Debug, Default)]
pub(super) struct Near {
    node: u32,
    start: u64,
    bytes: Vec<u8>,
}

impl Near {
    /// Fills `buf` from `offset` of `source`, which is what the base gives for a node.
    ///
    /// Never reads outside the 1 MiB blocks that hold `buf`: of a compressed layer only those are
    /// there that the delta names.
    pub(super) fn read(
        &mut self,
        node: u32,
        source: &dyn ReadAt,
        offset: u64,
        buf: &mut [u8],
    ) -> io::Result<()> {
        if buf.len() >= LONG || source.in_memory().is_some() {
            return source.read_exact_at(buf, offset);
        }
        if let Some(bytes) = self.get(node, offset, buf.len()) {
            buf.copy_from_slice(bytes);
            return Ok(());
        }
        let end = self.start + self.bytes.len() as u64;
        let follows = node == self.node && (self.start..end + AHEAD).contains(&offset);
        let wanted = (if follows { AHEAD } else { APART }).max(buf.len() as u64);
        let needed_end = offset.saturating_add(buf.len() as u64);
        let block_end = needed_end.next_multiple_of(BASE_BLOCK_LEN).min(source.len());
        let len = wanted.min(block_end.saturating_sub(offset)).max(buf.len() as u64);
        self.bytes.resize(usize::try_from(len).unwrap_or(usize::MAX), 0);
        (self.node, self.start) = (node, offset);
        if let Err(error) = source.read_exact_at(&mut self.bytes, offset) {
            self.bytes.clear();
            return Err(error);
        }
        buf.copy_from_slice(&self.bytes[..buf.len()]);
        Ok(())
    }

    fn get(&self, node: u32, offset: u64, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.bytes.get(start..start.checked_add(len)?).filter(|_| node == self.node)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::Mutex;

    use super::*;
    use crate::chunker::samples;

    /// A medium that is not in memory, and what was read of it.
    struct Medium(Vec<u8>, Mutex<RefCell<Vec<(u64, usize)>>>);

    impl ReadAt for Medium {
        fn len(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
            let reads = self.1.lock().expect("one thread");
            reads.borrow_mut().push((offset, buf.len()));
            self.0.read_exact_at(buf, offset)
        }
    }

    fn medium(len: usize) -> Medium {
        Medium(samples::random(3, len), Mutex::default())
    }

    fn reads(medium: Medium) -> Vec<(u64, usize)> {
        medium.1.into_inner().expect("one thread").into_inner()
    }

    #[test]
    fn reads_that_follow_each_other_are_few_and_right() {
        let medium = medium(500_000);
        let mut near = Near::default();
        let mut buf = [0; 100];
        for offset in (0..400_000).step_by(150) {
            near.read(1, &medium, offset as u64, &mut buf).expect("memory");
            assert_eq!(buf[..], medium.0[offset..][..100]);
        }
        assert!(reads(medium).len() < 12);
    }

    #[test]
    fn a_read_reaches_into_no_other_block_and_never_past_the_end() {
        let medium = medium((1 << 20) + 700);
        let mut near = Near::default();
        let mut buf = [0; 100];
        for offset in [(1 << 20) - 150, (1 << 20) - 50, (1 << 20) + 600] {
            near.read(1, &medium, offset as u64, &mut buf).expect("memory");
            assert_eq!(buf[..], medium.0[offset..][..100]);
        }
        assert_eq!(reads(medium), [((1 << 20) - 150, 150), ((1 << 20) - 50, 750)]);
    }

    #[test]
    fn nodes_are_told_apart_and_a_failed_read_leaves_nothing() {
        let (one, other) = (medium(1000), Medium(vec![7; 1000], Mutex::default()));
        let mut near = Near::default();
        let mut buf = [0; 10];
        near.read(1, &one, 0, &mut buf).expect("memory");
        near.read(2, &other, 0, &mut buf).expect("memory");
        assert_eq!(buf, [7; 10]);
        near.read(2, &other, 995, &mut buf).expect_err("past the end");
        near.read(1, &one, 5, &mut buf).expect("memory");
        assert_eq!(buf[..], one.0[5..15]);
    }

    #[test]
    fn long_reads_go_past_the_buffer() {
        let medium = medium(100_000);
        let mut near = Near::default();
        let mut buf = vec![0; LONG];
        near.read(1, &medium, 10, &mut buf).expect("memory");
        assert_eq!(buf[..], medium.0[10..][..LONG]);
        assert_eq!(reads(medium), [(10, LONG)]);
    }
}
