//! What a driver counts about itself.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter that one thread writes and any thread reads: a plain load and a plain store.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds; only the owner's thread may call it.
    pub(crate) fn add(&self, count: u64) {
        // Two relaxed halves instead of a locked addition: there is one writer.
        let value = self.0.load(Ordering::Relaxed).wrapping_add(count);
        self.0.store(value, Ordering::Relaxed);
    }

    /// Replaces the value; only the owner's thread may call it.
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts of one driver, since its start.
#[derive(Default)]
pub(crate) struct Counters {
    /// Calls of `io_uring_enter`, or of `epoll_pwait2`.
    pub(crate) enters: Counter,
    /// Submissions written, or requests carried out.
    pub(crate) sqes: Counter,
    /// Completions delivered.
    pub(crate) cqes: Counter,
    /// Enters after which completions were left that had found the queue full.
    pub(crate) overflows: Counter,
    /// Multishot operations armed again after they ended by themselves.
    pub(crate) rearms: Counter,
    /// Receives that found the pool empty.
    pub(crate) enobufs: Counter,
    /// Slots in use.
    pub(crate) slots: Counter,
    /// Buffers in users' hands.
    pub(crate) leased: Counter,
    /// Wake-up signals taken.
    pub(crate) wakes_received: Counter,
}
