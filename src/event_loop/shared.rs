//! The part of a loop that every thread sees, and how a task finds its way back to its loop.

use super::activity::{Activity, Doing};
use super::metrics::{LoopStats, Metrics};
use super::{Siblings, context};
use crate::driver::{Counters, Signal};
use crate::op;
use crate::sys::thread::ThreadId;
use crate::task::{Inbox, Pushed, ReadyQueue, Schedule, Scheduled};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// What other threads know of a loop.
pub(crate) struct LoopShared {
    index: usize,
    name: String,
    pub(super) inbox: Inbox,
    /// The driver keeps it: a waker or a handle that outlives the loop keeps no descriptor open.
    signal: Weak<Signal>,
    counters: Arc<Counters>,
    pub(super) metrics: Metrics,
    pub(super) activity: Activity,
    pub(super) siblings: Arc<Siblings>,
    stop: AtomicBool,
    drew: AtomicBool,
}

impl LoopShared {
    pub(super) fn new(
        index: usize,
        name: String,
        signal: &Arc<Signal>,
        counters: Arc<Counters>,
        siblings: Arc<Siblings>,
    ) -> Self {
        LoopShared {
            index,
            name,
            inbox: Inbox::new(),
            signal: Arc::downgrade(signal),
            counters,
            metrics: Metrics::default(),
            activity: Activity::default(),
            siblings,
            stop: AtomicBool::new(false),
            drew: AtomicBool::new(false),
        }
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn stats(&self) -> LoopStats {
        LoopStats::read(self, &self.metrics, &self.counters)
    }

    /// Processor time that the loop has worked for, in nanoseconds.
    pub(crate) fn busy_nanos(&self) -> u64 {
        self.metrics.busy_nanos()
    }

    /// How often the loop has ticked, and what it is doing: at that tick, or at a later one.
    pub(crate) fn doing(&self) -> (u64, Doing) {
        (self.metrics.ticks.get(), self.activity.now())
    }

    /// The thread that the loop runs on, or ran on last.
    pub(crate) fn thread(&self) -> ThreadId {
        self.activity.thread()
    }

    /// Processor time of the loop's thread, in nanoseconds; `None` if the loop does not run.
    pub(crate) fn thread_nanos(&self) -> Option<u64> {
        self.metrics.thread_nanos()
    }

    /// The loop stands still; only who watches it may say so.
    pub(crate) fn count_stall(&self) {
        self.metrics.stalls.add(1);
    }

    /// So long, at least, did it stand still; only who watches it may say so.
    pub(crate) fn stalled_for(&self, nanos: u64) {
        let longest = &self.metrics.longest_stall;
        longest.set(longest.get().max(nanos));
    }

    /// The loop has handed a connection over; only its own thread may say so.
    pub(crate) fn count_hand_over(&self) {
        self.metrics.handed_over.add(1);
    }

    /// A task of the loop has drawn a random number.
    pub(super) fn note_draw(&self) {
        self.drew.store(true, Ordering::Relaxed);
    }

    /// Whether a task of the loop has drawn random numbers.
    pub(crate) fn has_drawn(&self) -> bool {
        self.drew.load(Ordering::Relaxed)
    }

    /// Tells the loop's thread to come to an end.
    pub(crate) fn request_stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        // The nudge orders the flag before the loop's next look at it (see `Inbox::nudge`).
        if self.inbox.nudge() == Pushed::Closed {
            return;
        }
        // By the eventfd, and whatever the nudge says: the caller is about to wait for the loop's
        // end, so a wake-up that rides on the next enter of a loop on this very thread, this one
        // or one that was promised for an earlier push, might never leave.
        if let Some(signal) = self.signal.upgrade() {
            signal.eventfd.signal();
        }
    }

    pub(super) fn stop_requested(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Lets no more tasks in, and gives those that have arrived. What any loop may take goes to the
    /// others.
    pub(super) fn close(&self) -> ReadyQueue {
        let arrived = self.inbox.close();
        self.siblings.leave(self.index);
        self.siblings.pass_on(self.index);
        arrived
    }

    /// Wakes the loop if it sleeps; whether it did, and was not woken by somebody else.
    pub(super) fn wake_if_asleep(&self) -> bool {
        let woken = self.inbox.is_asleep() && self.inbox.nudge() == Pushed::WakeOwner;
        if woken {
            self.wake();
        }
        woken
    }

    /// Has the loop look around, at once and whoever asks; see [`Inbox::nudge`].
    #[cfg(feature = "test-util")]
    pub(super) fn rouse(&self) {
        if self.inbox.nudge() == Pushed::WakeOwner
            && let Some(signal) = self.signal.upgrade()
        {
            signal.eventfd.signal();
        }
    }

    /// Queues a task from anywhere but the loop itself.
    pub(crate) fn send(&self, entry: Scheduled) {
        match self.inbox.push(entry) {
            Pushed::WakeOwner => self.wake(),
            // Awake or told already; or gone, and then the entry was dropped, which tells whoever
            // waits for the task.
            Pushed::Queued | Pushed::Closed => {}
        }
    }

    /// Ends the loop's park: by a post to its ring that rides on the sending loop's next enter,
    /// or, from a plain thread, by its eventfd.
    fn wake(&self) {
        let Some(signal) = self.signal.upgrade() else {
            // The loop is gone: there is nobody to wake.
            return;
        };
        match context::try_current() {
            Some(here) => {
                here.shared().metrics.wakes_sent.add(1);
                op::wake_other(here.driver(), &signal);
            }
            None => signal.eventfd.signal(),
        }
    }
}

/// A task's way back to its loop.
#[derive(Clone)]
pub(crate) struct Scheduler(pub(crate) Arc<LoopShared>);

impl Schedule for Scheduler {
    fn schedule(&self, entry: Scheduled) {
        let mut entry = Some(entry);
        context::with_current(|current| {
            if let Some(current) = current
                && Arc::ptr_eq(&current.shared, &self.0)
                && let Some(entry) = entry.take()
            {
                current.ready.push_back(entry);
            }
        });
        if let Some(entry) = entry {
            self.0.send(entry);
        }
    }
}

/// The way back of a task to the loop that first ran it.
#[derive(Default)]
pub(crate) struct Unbound(OnceLock<Scheduler>);

impl Schedule for Unbound {
    fn schedule(&self, entry: Scheduled) {
        match self.0.get() {
            Some(scheduler) => scheduler.schedule(entry),
            None => unreachable!("a task is not scheduled again before its first run"),
        }
    }

    fn adopted(&self) {
        context::with_current(|current| {
            if let Some(current) = current {
                // It happens once.
                let _ = self.0.set(Scheduler(current.shared.clone()));
            }
        });
    }
}
