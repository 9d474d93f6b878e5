//! Tasks that no loop has taken yet: a queue for each loop, from which every loop may take.
//!
//! A loop takes from its own queue as part of its work, and from the others' where it would
//! otherwise sleep. What it takes it runs, so the task stays there; what is queued here therefore
//! holds no future yet (rule 4 of the [task protocol](super)).
//!
//! # The protocol
//! Nobody sleeps while a task waits. Who puts a task in looks *afterwards* whether a loop sleeps, and
//! wakes one; who is about to sleep announces that and looks *afterwards* whether a task waits. Each
//! does the second after a sequentially consistent fence, so at least one of the two sees the
//! other. A loop that was told and finds nothing was forestalled by another that is awake. One that
//! was told and has something else to do first, or ends, tells another.

use super::Scheduled;
use crate::sys::atomics::{AtomicUsize, Ordering, fence};
use concurrent_queue::{ConcurrentQueue, PushError};
use crossbeam_utils::CachePadded;

/// The queues of one runtime's loops.
pub(crate) struct StealQueues {
    queues: Box<[ConcurrentQueue<Scheduled>]>,
    /// Loops that sleep, are about to, or do not know yet that they were woken.
    sleepers: CachePadded<AtomicUsize>,
}

impl StealQueues {
    pub(crate) fn new(loops: usize) -> Self {
        StealQueues {
            queues: (0..loops).map(|_| ConcurrentQueue::unbounded()).collect(),
            sleepers: CachePadded::new(AtomicUsize::new(0)),
        }
    }

    /// Queues a new task at loop `index`, or, if that has ended, at the next that has not. Gives it
    /// back if all have.
    pub(crate) fn push(&self, index: usize, entry: Scheduled) -> Result<(), Scheduled> {
        let mut entry = entry;
        for queue in self.from(index) {
            entry = match queue.push(entry) {
                Ok(()) => return Ok(()),
                Err(PushError::Full(entry) | PushError::Closed(entry)) => entry,
            };
        }
        Err(entry)
    }

    /// Whether a loop may sleep that should be told of what was pushed before.
    pub(crate) fn has_sleepers(&self) -> bool {
        fence(Ordering::SeqCst);
        self.sleepers.load(Ordering::Relaxed) > 0
    }

    /// The oldest task of loop `index`.
    #[inline]
    pub(crate) fn pop(&self, index: usize) -> Option<Scheduled> {
        let queue = &self.queues[index];
        // The queue's own look costs a fence.
        if queue.is_empty() {
            return None;
        }
        queue.pop().ok()
    }

    /// The oldest task of another loop than `index`, its neighbour's first.
    pub(crate) fn steal(&self, index: usize) -> Option<Scheduled> {
        let steps = 1..self.queues.len();
        let others = steps.map(|step| (index + step) % self.queues.len());
        others.into_iter().find_map(|victim| self.pop(victim))
    }

    /// How many tasks wait, here and there.
    pub(crate) fn len(&self) -> usize {
        self.queues.iter().map(ConcurrentQueue::len).sum()
    }

    /// Whether no task waits, as far as a glance can tell: for a loop that spins.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.queues.iter().all(ConcurrentQueue::is_empty)
    }

    /// Counts the caller among the sleepers until the guard is dropped. It announces its sleep
    /// where those who wake it look, then asks [`Sleeper::may_sleep`].
    pub(crate) fn sleeper(&self) -> Sleeper<'_> {
        self.sleepers.fetch_add(1, Ordering::Relaxed);
        Sleeper(self)
    }

    /// Lets nothing more into the queue of loop `index`, and gives what is in it.
    pub(crate) fn close(&self, index: usize) -> impl Iterator<Item = Scheduled> {
        let queue = &self.queues[index];
        queue.close();
        std::iter::from_fn(|| queue.pop().ok())
    }

    /// All queues, that of loop `index` first.
    fn from(&self, index: usize) -> impl Iterator<Item = &ConcurrentQueue<Scheduled>> {
        let (before, from) = self.queues.split_at(index);
        from.iter().chain(before)
    }
}

/// A loop that is about to sleep, or sleeps.
#[must_use = "it is a sleeper until this is dropped"]
pub(crate) struct Sleeper<'a>(&'a StealQueues);

impl Sleeper<'_> {
    /// Whether no task waits that nobody would tell this loop of. Asked after its sleep was
    /// announced.
    pub(crate) fn may_sleep(&self) -> bool {
        fence(Ordering::SeqCst);
        self.0.is_empty()
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.0.sleepers.fetch_sub(1, Ordering::Relaxed);
    }
}
