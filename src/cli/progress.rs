//! What a person sees while a run is on: a bar on a terminal, now and then a line elsewhere.
//!
//! The run only adds to counters; a thread of its own looks at them and draws, so that drawing
//! never slows the work and begins after half a second even when the work reports nothing.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chunkdelta::fault::{Class, Explain};
use chunkdelta::observer::{Counter, Detail, Observer, Stage};
use chunkdelta::units::Size;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Runs shorter than this show no bar.
const PATIENCE: Duration = Duration::from_millis(500);

/// Time between two looks at the counters while a bar is shown.
const REDRAW: Duration = Duration::from_millis(100);

/// Time between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// How much a person wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Talk {
    /// Errors and nothing else.
    Quiet,
    /// Progress, warnings and the result.
    Usual,
    /// How each layer was found and what became of it, too.
    Layers,
    /// Every step.
    Steps,
}

/// No thread could be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start a thread")]
pub(super) struct ThreadError(#[from] io::Error);

impl Explain for ThreadError {
    fn class(&self) -> Class {
        Class::Limit
    }
}

/// Shows a run on standard error.
#[derive(Debug)]
pub(super) struct Terminal {
    shared: Arc<Shared>,
    talk: Talk,
    drawer: Option<(Sender<()>, JoinHandle<()>)>,
}

#[derive(Debug)]
struct Shared {
    bar: ProgressBar,
    done: AtomicU64,
    stage: Mutex<Option<Running>>,
}

/// The stage that is on.
#[derive(Debug, Clone, Copy)]
struct Running {
    number: u64,
    stage: Stage,
    total: Option<u64>,
    since: Instant,
}

impl Shared {
    fn stage(&self) -> MutexGuard<'_, Option<Running>> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a line above the bar. Standard error is the last resort: where it fails, so be it.
    fn say(&self, line: &str) {
        self.bar.suspend(|| io::stderr().lock().write_all(line.as_bytes()).ok());
    }
}

impl Terminal {
    /// Starts to show what `talk` asks for.
    pub(super) fn new(talk: Talk) -> Result<Self, ThreadError> {
        let shared = Arc::new(Shared {
            bar: ProgressBar::hidden(),
            done: AtomicU64::new(0),
            stage: Mutex::new(None),
        });
        let is_terminal = io::stderr().is_terminal();
        let is_wanted = talk > Talk::Usual || (talk == Talk::Usual && is_terminal);
        let drawer = if is_wanted { Some(start(&shared, is_terminal)?) } else { None };
        Ok(Self { shared, talk, drawer })
    }

    /// Says how long a stage took that has ended, where every step is wanted.
    fn ended(&self, stage: Option<Running>) {
        if let Some(last) = stage.filter(|_| self.talk == Talk::Steps) {
            let seconds = last.since.elapsed().as_secs_f64();
            self.shared.say(&format!("{}: {seconds:.3} s\n", last.stage));
        }
    }
}

impl Drop for Terminal {
    /// Takes the bar away, so that what follows begins on a line of its own.
    fn drop(&mut self) {
        let last = *self.shared.stage();
        self.ended(last);
        if let Some((stop, drawer)) = self.drawer.take() {
            drop(stop);
            // A drawer that panicked has nothing left to take away.
            drawer.join().ok();
        }
    }
}

impl Observer for Terminal {
    fn stage(&self, stage: Stage, total: Option<u64>) {
        let mut running = self.shared.stage();
        self.ended(*running);
        let number = running.map_or(0, |running| running.number + 1);
        *running = Some(Running { number, stage, total, since: Instant::now() });
        self.shared.done.store(0, Ordering::Relaxed);
    }

    fn advance(&self, bytes: u64) {
        self.shared.done.fetch_add(bytes, Ordering::Relaxed);
    }

    fn note(&self, detail: Detail, text: fmt::Arguments<'_>) {
        let needed = match detail {
            Detail::Usual => Talk::Usual,
            Detail::Layers => Talk::Layers,
            Detail::Steps => Talk::Steps,
        };
        if self.talk >= needed {
            self.shared.say(&format!("{text}\n"));
        }
    }

    fn warn(&self, text: fmt::Arguments<'_>) {
        if self.talk > Talk::Quiet {
            self.shared.say(&format!("chunkdelta: warning: {text}\n"));
        }
    }

    fn count(&self, _counter: Counter, _by: u64) {}
}

/// Starts the thread that draws until the sender is dropped.
fn start(shared: &Arc<Shared>, is_terminal: bool) -> io::Result<(Sender<()>, JoinHandle<()>)> {
    let (stop, stopped) = mpsc::channel::<()>();
    let shared = Arc::clone(shared);
    let wait = move |time| stopped.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
    let draw = move || {
        if is_terminal { draw_bar(&shared, wait) } else { draw_lines(&shared, wait) }
    };
    Ok((stop, thread::Builder::new().name("progress".to_owned()).spawn(draw)?))
}

fn draw_bar(shared: &Shared, wait: impl Fn(Duration) -> bool) {
    if !wait(PATIENCE) {
        return;
    }
    shared.bar.set_draw_target(ProgressDrawTarget::stderr());
    let mut shown = None;
    loop {
        if let Some(running) = *shared.stage() {
            if shown != Some(running.number) {
                shown = Some(running.number);
                shared.bar.reset();
                shared.bar.set_style(style(running.total.is_some()));
                shared.bar.set_message(running.stage.to_string());
                running
                    .total
                    .map_or_else(|| shared.bar.unset_length(), |len| shared.bar.set_length(len));
            }
            shared.bar.set_position(shared.done.load(Ordering::Relaxed));
            shared.bar.tick();
        }
        if !wait(REDRAW) {
            break;
        }
    }
    shared.bar.finish_and_clear();
}

fn style(has_total: bool) -> ProgressStyle {
    let template = if has_total {
        "{msg:18} {wide_bar} {binary_bytes:>11} of {binary_total_bytes:11} {binary_bytes_per_sec:>13} {eta:>4}"
    } else {
        "{msg:18} {spinner} {binary_bytes:>11} {binary_bytes_per_sec:>13}"
    };
    ProgressStyle::with_template(template).expect("the template is a constant that a test reads")
}

fn draw_lines(shared: &Shared, wait: impl Fn(Duration) -> bool) {
    while wait(LINE_INTERVAL) {
        let running = *shared.stage();
        if let Some(running) = running {
            let done = shared.done.load(Ordering::Relaxed);
            shared.say(&line(&running, done, running.since.elapsed()));
        }
    }
}

/// `matching: 120.0 MiB of 500.0 MiB, 12.0 MiB/s, 32 s left`
fn line(running: &Running, done: u64, elapsed: Duration) -> String {
    let millis = elapsed.as_millis().max(1);
    let rate = u64::try_from(u128::from(done) * 1000 / millis).unwrap_or(u64::MAX);
    let of = running.total.map(|total| format!(" of {}", Size(total).short()));
    let speed = (rate > 0).then(|| format!(", {}/s", Size(rate).short()));
    let left = running.total.and_then(|total| total.checked_sub(done)).filter(|_| rate > 0);
    let left = left.map(|left| format!(", {} s left", left.div_ceil(rate)));
    let [of, speed, left] = [of, speed, left].map(Option::unwrap_or_default);
    format!("{}: {}{of}{speed}{left}\n", running.stage, Size(done).short())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(total: Option<u64>) -> Running {
        Running { number: 0, stage: Stage::Match, total, since: Instant::now() }
    }

    #[test]
    fn a_line_has_bytes_rate_and_time_left() {
        let ten = Duration::from_secs(10);
        assert_eq!(
            line(&running(Some(500 << 20)), 120 << 20, ten),
            "matching: 120.0 MiB of 500.0 MiB, 12.0 MiB/s, 32 s left\n"
        );
        assert_eq!(line(&running(None), 120 << 20, ten), "matching: 120.0 MiB, 12.0 MiB/s\n");
        assert_eq!(line(&running(Some(7)), 0, ten), "matching: 0 bytes of 7 bytes\n");
    }

    #[test]
    fn both_templates_are_lawful() {
        drop((style(true), style(false)));
    }
}
