//! [`Gate`]: how many jobs may wait for a thread.

use crate::channel::WaitQueue;
use crossbeam_utils::CachePadded;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

/// Jobs that may wait where a pool does not say.
pub(super) const BOUND: usize = 16_384;

/// The count of the jobs that wait, and the callers that wait for one of them to start.
pub(super) struct Gate {
    waiting: CachePadded<AtomicUsize>,
    bound: usize,
    room: WaitQueue,
}

impl Gate {
    pub(super) fn new(bound: usize) -> Self {
        Gate {
            waiting: CachePadded::new(AtomicUsize::new(0)),
            bound,
            room: WaitQueue::new(),
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Counts a job, if there is room for it.
    pub(super) fn try_enter(&self) -> bool {
        // Not added and taken back: of two that come for the last place one would be turned away
        // by the other's attempt, and might wait for ever.
        let more = |waiting: usize| (waiting < self.bound).then_some(waiting + 1);
        self.waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }

    /// Counts a job, and waits for room where there is none. Those that wait are woken in the order
    /// of their coming; who finds room at once does not queue behind them.
    pub(super) fn poll_enter(&self, ticket: &mut Option<u64>, cx: &Context<'_>) -> Poll<()> {
        if !self.try_enter() {
            self.room.announce(ticket, cx.waker());
            if !self.try_enter() {
                return Poll::Pending;
            }
        }
        self.leave_queue(ticket);
        Poll::Ready(())
    }

    /// Gives up a caller's place among those that wait for room.
    pub(super) fn leave_queue(&self, ticket: &mut Option<u64>) {
        if ticket.is_some() && self.room.leave(ticket) && self.waiting() < self.bound {
            // It was woken, and there is room for the next as well.
            self.room.notify(1);
        }
    }

    /// A job no longer waits.
    pub(super) fn leave(&self) {
        if self.waiting.fetch_sub(1, Ordering::Relaxed) == 1 {
            // The last: nobody else will wake those that wait, and the first of them may be somebody
            // who does not come (a job that is kept and not awaited).
            self.room.notify_all();
        } else {
            self.room.notify(1);
        }
    }

    /// Nobody needs to wait for room any more.
    pub(super) fn open(&self) {
        self.room.notify_all();
    }
}
