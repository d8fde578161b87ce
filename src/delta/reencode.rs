//! A re-encode part's work: its pieces are read, then its content goes through them.

use super::ApplyError;
use super::execution::{Execution, broken, clamp};
use super::feed::{Carried, Feed};
use super::outlet::PIECE_LEN;
use super::streams::GroupStreams;
use crate::compression::encoders;
use crate::format::{EncodeRun, PartReader, Piece, ReEncodeParameters, Way, is_fed};

impl Execution<'_, '_, '_> {
    /// Runs the one part of a re-encode: at once where the content is there, otherwise when it
    /// comes.
    pub(super) fn re_encode(
        &mut self,
        node: u32,
        way: &Way,
        reader: &mut PartReader<'_, GroupStreams<'_>>,
        group: usize,
    ) -> Result<(), ApplyError> {
        if self.awaited.take().is_some() {
            return Err(broken("a child is placed as soon as it is complete", group));
        }
        let parameters = ReEncodeParameters::decode(&way.parameters);
        let parameters = parameters.ok_or(broken("a re-encode has a content", group))?;
        let pieces = carried(reader, &parameters.encoders)?;
        let length = self.node(node).length;
        let content = parameters.content;
        let source = self.header_node(content, group)?;
        self.check_lengths(&pieces, source.length)?;
        let feed = Feed::new(pieces, length, self.outlet.idle.take())?;
        let memory = self.outlet.encoder_memory().saturating_add(feed.memory());
        if memory > self.delta.header().declared.encoder_memory {
            return Err(broken("encoders take no more memory than is declared", group));
        }
        let is_inside = source.parent == node && is_fed(self.delta.header(), content as usize);
        if is_inside {
            self.is_placed[content as usize] = true;
        }
        let comes =
            is_inside && !self.is_given(content) && self.made[content as usize] < source.length;
        self.stats.encoded_bytes += length;
        if comes {
            self.hungry = Some(feed);
            return Ok(());
        }
        self.feed_at_once(content, source.length, feed)?;
        self.made[node as usize] = length;
        self.complete()
    }

    fn check_lengths(&self, pieces: &[Carried], content_len: u64) -> Result<(), ApplyError> {
        let lengths = pieces.iter().filter_map(|piece| match piece {
            Carried::Encode(run) => Some(&run.lengths),
            Carried::Literal(_) => None,
        });
        let sum = lengths.flatten().try_fold(0_u64, |sum, length| sum.checked_add(*length));
        if sum == Some(content_len) {
            return Ok(());
        }
        Err(broken("pieces take all of the content", self.open.len()))
    }

    /// Puts a content that the base gives, or that was made before, through a feed.
    fn feed_at_once(
        &mut self,
        content: u32,
        length: u64,
        mut feed: Feed,
    ) -> Result<(), ApplyError> {
        let (mut buf, mut out) = (vec![0; PIECE_LEN], Vec::new());
        feed.begin(&mut out)?;
        self.outlet.put(&out)?;
        let mut done = 0;
        while done < length {
            let now = clamp(length - done).min(PIECE_LEN);
            self.read_node(content, done, &mut buf[..now])?;
            out.clear();
            feed.write(&buf[..now], &mut out)?;
            self.outlet.put(&out)?;
            done += now as u64;
        }
        self.outlet.idle = feed.end()?;
        Ok(())
    }

    /// Reads bytes of a node that the base gives or that is complete.
    fn read_node(&self, node: u32, offset: u64, buf: &mut [u8]) -> Result<(), ApplyError> {
        let row = node as usize;
        if self.is_given(node) {
            let content = self.digest(node);
            let source = self.sources[row].as_ref().expect("BUG: what is given has a source");
            let read = source.read_exact_at(buf, offset);
            return read.map_err(|source| ApplyError::Base { content, source });
        }
        let landing = self.landings[row].filter(|_| self.made[row] == self.node(node).length);
        let landing = landing.ok_or(broken("a content is complete or follows", row))?;
        self.outlet.written().read(landing, offset, buf)
    }
}

/// All pieces of a part with the bytes that they carry, which the tables' ceilings bound.
fn carried(
    reader: &mut PartReader<'_, GroupStreams<'_>>,
    encoders: &[u32],
) -> Result<Vec<Carried>, ApplyError> {
    let mut pieces = Vec::new();
    while let Some(piece) = reader.piece()? {
        pieces.push(match piece {
            Piece::Literal { class, length } => {
                Carried::Literal(reader.literal_bytes(class, length)?)
            }
            Piece::Encode(run) if !is_named(&run, encoders) => {
                return Err(broken("a re-encode names its encoders", pieces.len()));
            }
            Piece::Encode(run) => Carried::Encode(run),
        });
    }
    Ok(pieces)
}

/// Are all encoders that a run needs among these?
fn is_named(run: &EncodeRun, encoders: &[u32]) -> bool {
    encoders::all(run.encoder, &run.parameters).iter().all(|number| encoders.contains(number))
}
