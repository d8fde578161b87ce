//! What a delta runs on in memory, watching that the applier keeps its promises.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use chunkdelta::delta::{ApplyError, ApplyOptions, Scratch, Sink, apply, missing_nodes};
use chunkdelta::digest::Digest;
use chunkdelta::format::{Delta, NONE, content_of};
use chunkdelta::source::ReadAt;

/// Outputs, and decoded streams, longer than this are not run: they would only take time.
const LONGEST: u64 = 1 << 20;

/// Outputs that refuse, by a panic, what the applier promises never to do.
struct Watched {
    outputs: Vec<Vec<u8>>,
    lengths: Vec<u64>,
    is_complete: bool,
    read: AtomicU64,
}

impl Watched {
    fn new(delta: &Delta, is_complete: bool) -> Self {
        let header = delta.header();
        let length = |node: u32| header.nodes.get(node as usize).map_or(0, |node| node.length);
        let lengths: Vec<u64> = header.outputs.iter().map(|output| length(output.node)).collect();
        let outputs = vec![Vec::new(); lengths.len()];
        Self { outputs, lengths, is_complete, read: AtomicU64::new(0) }
    }
}

impl Sink for Watched {
    fn write(&mut self, output: usize, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if !self.is_complete && offset != self.outputs[output].len() as u64 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        assert_eq!(self.outputs[output].len() as u64, offset, "bytes of an output come in order");
        let end = offset + bytes.len() as u64;
        assert!(end <= self.lengths[output], "an output gets no more than is declared");
        self.outputs[output].extend(bytes);
        Ok(())
    }

    fn read(&self, output: usize, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.read.fetch_add(buf.len() as u64, Ordering::Relaxed);
        let result = self.outputs[output].read_exact_at(buf, offset);
        assert!(result.is_ok() || !self.is_complete, "only what was written is read back");
        result
    }
}

/// A content of the base that counts what is read of it.
struct Counted<'a> {
    bytes: &'a [u8],
    read: &'a AtomicU64,
}

impl ReadAt for Counted<'_> {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.read.fetch_add(buf.len() as u64, Ordering::Relaxed);
        self.bytes.read_exact_at(buf, offset)
    }
}

/// Scratch space no longer than the delta's longest group, or what it declares as kept.
struct Bounded {
    bytes: Mutex<Vec<u8>>,
    longest: u64,
}

impl ReadAt for Bounded {
    fn len(&self) -> u64 {
        self.bytes.lock().expect("nothing panics here").len() as u64
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.bytes.lock().expect("nothing panics here").read_exact_at(buf, offset)
    }
}

impl Scratch for Bounded {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let end = offset + bytes.len() as u64;
        assert!(end <= self.longest, "scratch space holds what is declared");
        let mut held = self.bytes.lock().expect("nothing panics here");
        let (start, end) = (as_index(offset), as_index(end));
        let len = held.len().max(end);
        held.resize(len, 0);
        held[start..end].copy_from_slice(bytes);
        Ok(())
    }
}

fn as_index(offset: u64) -> usize {
    usize::try_from(offset).expect("it is in memory")
}

/// Contents by digest.
pub(super) type Base = BTreeMap<Digest, Vec<u8>>;

/// How a delta is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mode {
    pub(super) is_unverified: bool,
    pub(super) is_spooled: bool,
}

/// Opens and runs a delta, and holds the applier to what it promises. `Ok(None)` where the delta is
/// too long to be run here.
pub(super) fn run_watched(
    bytes: &[u8],
    base: &Base,
    mode: Mode,
) -> Result<Option<Vec<Vec<u8>>>, ApplyError> {
    let delta = Delta::open(&bytes)?;
    let needs = delta.needs();
    if needs.made_len.max(needs.output_len).max(needs.stream_len) > LONGEST {
        return Ok(None);
    }
    let from_base = AtomicU64::new(0);
    let sources: Vec<Option<Box<dyn ReadAt + '_>>> = delta
        .header()
        .nodes
        .iter()
        .map(|node| {
            let bytes = base.get(&delta.digest(node.digest))?;
            let is_whole = bytes.len() as u64 == node.length;
            is_whole.then(|| Box::new(Counted { bytes, read: &from_base }) as Box<dyn ReadAt>)
        })
        .collect();
    // Who runs a delta whose nodes are missing gets an error, at best; no more is promised then.
    let is_complete = missing_nodes(&delta, &sources).is_empty();
    let mut sink = Watched::new(&delta, is_complete);
    let scratch = Bounded { bytes: Mutex::default(), longest: needs.largest_group };
    let kept_peak = delta.header().declared.kept_peak;
    let kept = Bounded { bytes: Mutex::default(), longest: kept_peak };
    let options = ApplyOptions {
        is_unverified: mode.is_unverified,
        scratch: mode.is_spooled.then_some(&scratch as &dyn Scratch),
        kept: mode.is_spooled.then_some(&kept as &dyn Scratch),
    };
    let result = apply(&delta, &bytes, &sources, &mut sink, options);
    let read = from_base.load(Ordering::Relaxed) + sink.read.load(Ordering::Relaxed);
    // A content that is there is read once more by each re-encode of it; an output that repeats
    // another one is read from that.
    let nodes = &delta.header().nodes;
    let length = |content: u32| nodes.get(content as usize).map_or(0, |node| node.length);
    let encoded = nodes
        .iter()
        .filter_map(content_of)
        .fold(0, |sum: u64, content| sum.saturating_add(length(content)));
    let most = needs.made_len.saturating_add(needs.output_len).saturating_add(encoded);
    assert!(read <= most, "what is read makes something (read {read})");
    result?;
    if is_complete {
        check_outputs(&delta, &sink, mode);
    }
    Ok(Some(sink.outputs))
}

fn check_outputs(delta: &Delta, sink: &Watched, mode: Mode) {
    let header = delta.header();
    for (row, output) in header.outputs.iter().enumerate().filter(|(_, row)| row.node != NONE) {
        assert_eq!(sink.outputs[row].len() as u64, sink.lengths[row], "an output is whole");
        let expected = delta.digest(header.nodes[output.node as usize].digest);
        let found = Digest::of(&sink.outputs[row]);
        assert!(mode.is_unverified || found == expected, "an output has its digest");
    }
}
