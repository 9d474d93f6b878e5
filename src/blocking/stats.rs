//! [`PoolStats`]: what a pool has done.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The counters of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Threads there are.
    pub threads: usize,
    /// How many of them have nothing to do.
    pub idle: usize,
    /// Jobs that wait for a thread.
    pub waiting: usize,
    /// Jobs run, to their end or to their panic.
    pub ran: u64,
    /// Jobs turned away by `try_spawn` as the queue was full.
    pub rejected: u64,
    /// Threads that could not be started.
    pub failed_starts: u64,
    /// How long all jobs together have waited for a thread.
    pub queue_wait: Duration,
    /// The longest that one waited.
    pub longest_wait: Duration,
    /// How long all jobs together ran.
    pub run_time: Duration,
    /// The longest that one ran.
    pub longest_run: Duration,
}

/// In nanoseconds, where they are times.
#[derive(Default)]
pub(super) struct Counters {
    ran: AtomicU64,
    rejected: AtomicU64,
    failed_starts: AtomicU64,
    queue_wait: AtomicU64,
    longest_wait: AtomicU64,
    run_time: AtomicU64,
    longest_run: AtomicU64,
}

impl Counters {
    pub(super) fn ran(&self, waited: Duration, ran: Duration) {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let (waited, ran) = (nanos(waited), nanos(ran));
        self.ran.fetch_add(1, Ordering::Relaxed);
        self.queue_wait.fetch_add(waited, Ordering::Relaxed);
        self.run_time.fetch_add(ran, Ordering::Relaxed);
        // A record is rare: most of the time only the load is paid for.
        if waited > self.longest_wait.load(Ordering::Relaxed) {
            self.longest_wait.fetch_max(waited, Ordering::Relaxed);
        }
        if ran > self.longest_run.load(Ordering::Relaxed) {
            self.longest_run.fetch_max(ran, Ordering::Relaxed);
        }
    }

    pub(super) fn reject(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn fail(&self) {
        self.failed_starts.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self, threads: usize, idle: usize, waiting: usize) -> PoolStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let time = |counter: &AtomicU64| Duration::from_nanos(get(counter));
        PoolStats {
            threads,
            idle,
            waiting,
            ran: get(&self.ran),
            rejected: get(&self.rejected),
            failed_starts: get(&self.failed_starts),
            queue_wait: time(&self.queue_wait),
            longest_wait: time(&self.longest_wait),
            run_time: time(&self.run_time),
            longest_run: time(&self.longest_run),
        }
    }
}
