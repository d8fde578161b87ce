//! pgzip's framing: blocks of one length, each a stream of its own that knows the end of the block
//! before, so that they can be made at once.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::stream::Stream;
use super::{Era, Level};
use crate::compression::encoders::Encoder;

/// What a block knows of the one before, in bytes; a block is longer.
pub(super) const TAIL_LEN: usize = 16 << 10;

/// Content that waits in blocks for each thread, in bytes: two of the usual blocks.
const WAITING_LEN: usize = 2 << 20;

/// Compresses blocks on all threads of the rayon pool it is used in, while the content comes.
pub(super) struct Pgzip {
    block_len: usize,
    /// The block that is filled, behind the tail of the one before.
    gathered: Vec<u8>,
    /// Bytes of `gathered` that are that tail.
    tail_len: usize,
    /// Blocks that did not yet leave, in order.
    blocks: VecDeque<Arc<Block>>,
    maker: Arc<Maker>,
}

impl Pgzip {
    /// With blocks longer than [`TAIL_LEN`].
    pub(super) fn new(era: Era, level: Level, block_len: usize) -> Self {
        let maker = Arc::new(Maker { era, level, idle: Mutex::default() });
        Self { block_len, gathered: Vec::new(), tail_len: 0, blocks: VecDeque::new(), maker }
    }

    /// How many blocks may wait: none where there is no thread that would make them meanwhile.
    fn most_waiting(&self) -> usize {
        let others = rayon::current_num_threads() - 1;
        let wanted = WAITING_LEN * (others + 1) / self.block_len;
        if others == 0 { 0 } else { wanted.max(others) }
    }

    /// What was gathered is a block.
    fn end_block(&mut self, is_last: bool) {
        let mut tail = Vec::with_capacity(TAIL_LEN + self.block_len);
        tail.extend(&self.gathered[self.gathered.len().saturating_sub(TAIL_LEN)..]);
        let content = std::mem::replace(&mut self.gathered, tail);
        let start = std::mem::replace(&mut self.tail_len, self.gathered.len());
        let block = Arc::new(Block::new(Job { content, start, is_last }));
        if self.most_waiting() > 0 {
            let (block, maker) = (Arc::clone(&block), Arc::clone(&self.maker));
            rayon::spawn(move || {
                block.make(&maker);
            });
        }
        self.blocks.push_back(block);
    }

    /// Appends the bytes of blocks until only `count` of them wait.
    fn give_out(&mut self, count: usize, out: &mut Vec<u8>) {
        while self.blocks.len() > count
            && let Some(block) = self.blocks.pop_front()
        {
            block.make(&self.maker);
            // Another thread is at it: there is no use in waiting while others have nobody.
            while !block.is_made() && self.blocks.iter().any(|other| other.make(&self.maker)) {}
            out.extend_from_slice(&block.wait());
        }
    }
}

impl Encoder for Pgzip {
    fn write(&mut self, content: &[u8], out: &mut Vec<u8>) {
        let mut rest = content;
        while !rest.is_empty() {
            let room = self.tail_len + self.block_len - self.gathered.len();
            let (now, later) = rest.split_at(rest.len().min(room));
            self.gathered.extend_from_slice(now);
            rest = later;
            if now.len() == room {
                // A whole block is never the last one: an empty one follows where content ends.
                self.end_block(false);
                self.give_out(self.most_waiting(), out);
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.end_block(true);
        self.give_out(0, out);
    }
}

impl Drop for Pgzip {
    /// What nobody has begun is not begun any more.
    fn drop(&mut self) {
        for block in &self.blocks {
            block.take();
        }
    }
}

/// One block, from its content to its bytes.
struct Block {
    state: Mutex<State>,
    has_changed: Condvar,
}

enum State {
    Waiting(Job),
    /// Somebody is at it, or has what became of it.
    Taken,
    Made(Vec<u8>),
}

struct Job {
    content: Vec<u8>,
    /// Where the block begins, behind what it knows of the one before.
    start: usize,
    is_last: bool,
}

impl Block {
    fn new(job: Job) -> Self {
        Self { state: Mutex::new(State::Waiting(job)), has_changed: Condvar::new() }
    }

    /// Makes it, if nobody else has begun; returns whether that was so.
    fn make(&self, maker: &Maker) -> bool {
        let Some(job) = self.take() else { return false };
        let bytes = maker.make(&job);
        *self.state() = State::Made(bytes);
        self.has_changed.notify_all();
        true
    }

    fn take(&self) -> Option<Job> {
        let mut state = self.state();
        if !matches!(*state, State::Waiting(_)) {
            return None;
        }
        match std::mem::replace(&mut *state, State::Taken) {
            State::Waiting(job) => Some(job),
            State::Taken | State::Made(_) => None,
        }
    }

    fn is_made(&self) -> bool {
        matches!(*self.state(), State::Made(_))
    }

    /// Its bytes, which somebody has begun to make. That needs no other thread to end.
    fn wait(&self) -> Vec<u8> {
        let mut state = self.state();
        loop {
            match std::mem::replace(&mut *state, State::Taken) {
                State::Made(bytes) => return bytes,
                other => *state = other,
            }
            state = self.has_changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes blocks of one kind.
struct Maker {
    era: Era,
    level: Level,
    /// Streams that wait for a block.
    idle: Mutex<Vec<Stream>>,
}

impl Maker {
    fn make(&self, job: &Job) -> Vec<u8> {
        let idle = self.idle().pop();
        let mut stream = idle.unwrap_or_else(|| Stream::new(self.era, self.level));
        let (tail, block) = job.content.split_at(job.start);
        if !tail.is_empty() {
            stream.prime(tail);
        }
        let mut out = Vec::with_capacity(block.len() / 2);
        stream.write(block, &mut out);
        stream.flush(&mut out);
        if job.is_last {
            stream.finish(&mut out);
        }
        stream.clear();
        self.idle().push(stream);
        out
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Stream>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
