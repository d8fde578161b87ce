//! Jobs of known length for several threads.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

/// Does each of `jobs` by `work`, at most `workers` at once on the threads of the current rayon pool;
/// returns what came of them in the order of the jobs.
///
/// Who is free takes the longest by `len` that is left, so that nobody ends alone with a long one.
pub(crate) fn longest_first<J: Sync, R: Send>(
    jobs: &[J],
    workers: usize,
    len: impl Fn(&J) -> usize,
    work: impl Fn(&J) -> R + Sync,
) -> Vec<R> {
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|job| Reverse(len(&jobs[*job])));
    let next = AtomicUsize::new(0);
    let take = |_| {
        let mut done = Vec::new();
        while let Some(job) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((*job, work(&jobs[*job])));
        }
        done
    };
    let mut done: Vec<(usize, R)> =
        (0..workers).into_par_iter().with_max_len(1).map(take).flatten_iter().collect();
    done.sort_unstable_by_key(|(job, _)| *job);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_jobs_and_the_longest_is_done_first() {
        let jobs = ["a", "four", "", "two", "long-est"];
        for workers in 1..4 {
            let begun = Mutex::new(Vec::new());
            let done = longest_first(
                &jobs,
                workers,
                |job| job.len(),
                |job| {
                    begun.lock().expect("no panic").push(*job);
                    job.to_uppercase()
                },
            );
            assert_eq!(done, ["A", "FOUR", "", "TWO", "LONG-EST"]);
            if workers == 1 {
                let begun = begun.into_inner().expect("no panic");
                assert_eq!(begun, ["long-est", "four", "two", "a", ""]);
            }
        }
    }
}
