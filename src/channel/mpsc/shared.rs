//! What both ends of an mpsc channel hold: the queue, who waits on which side, how many send.
//!
//! The queue is `concurrent-queue`'s: an array with a stamp a slot (or linked blocks of slots), a
//! closing bit in the word that senders claim their slots by. So a push is either before the close,
//! and then the receiver pops it, or fails; no message is accepted and never seen.

use crate::channel::wait_queue::WaitQueue;
use crate::channel::waker_slot::Waiter;
use crate::channel::{STREAK, TryRecvError, TrySendError, pause};
use crate::sys::atomics::{AtomicUsize, Ordering};
use crate::sys::contained;
use concurrent_queue::{ConcurrentQueue, PopError, PushError};
use crossbeam_utils::CachePadded;
use std::task::{Context, Poll};

pub(super) struct Shared<T> {
    queue: ConcurrentQueue<T>,
    /// Looked at by senders at each message, written when the receiver waits.
    receiver: CachePadded<Waiter>,
    /// Looked at by the receiver at each message, written when senders wait.
    waiting_senders: CachePadded<WaitQueue>,
    senders: AtomicUsize,
}

impl<T> Shared<T> {
    pub(super) fn bounded(capacity: usize) -> Self {
        Self::over(ConcurrentQueue::bounded(capacity))
    }

    pub(super) fn unbounded() -> Self {
        Self::over(ConcurrentQueue::unbounded())
    }

    fn over(queue: ConcurrentQueue<T>) -> Self {
        Shared {
            queue,
            receiver: CachePadded::new(Waiter::new()),
            waiting_senders: CachePadded::new(WaitQueue::new()),
            senders: AtomicUsize::new(1),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        self.queue.capacity()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    pub(super) fn add_sender(&self) {
        self.senders.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn drop_sender(&self) {
        // AcqRel: the others' messages are before the close.
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.queue.close();
            self.receiver.notify();
        }
    }

    #[inline]
    pub(super) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        match self.queue.push(message) {
            Ok(()) => {
                self.receiver.notify();
                Ok(())
            }
            Err(PushError::Full(message)) => Err(TrySendError::Full(message)),
            Err(PushError::Closed(message)) => Err(TrySendError::Closed(message)),
        }
    }

    /// Tries, and waits for room where there is none. `Full` never comes out.
    pub(super) fn poll_send(
        &self,
        message: &mut Option<T>,
        place: &mut Place<'_, T>,
        cx: &Context<'_>,
    ) -> Poll<Result<(), TrySendError<T>>> {
        for attempt in 0..3 {
            match attempt {
                0 => {}
                1 => pause(),
                _ => self.waiting_senders.announce(&mut place.ticket, cx.waker()),
            }
            let Some(sent) = message.take() else { break };
            match self.try_send(sent) {
                Err(TrySendError::Full(back)) => *message = Some(back),
                done => {
                    place.leave();
                    return Poll::Ready(done);
                }
            }
        }
        Poll::Pending
    }

    /// Takes a message, and wakes a sender that waits for the room.
    #[inline]
    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        let message = self.pop()?;
        self.waiting_senders.notify(1);
        Ok(message)
    }

    #[inline]
    fn pop(&self) -> Result<T, TryRecvError> {
        self.queue.pop().map_err(|error| match error {
            PopError::Empty => TryRecvError::Empty,
            PopError::Closed => TryRecvError::Closed,
        })
    }

    /// Takes up to `limit` messages; how many there were, or why there was none.
    pub(super) fn try_recv_many(
        &self,
        into: &mut Vec<T>,
        limit: usize,
    ) -> Result<usize, TryRecvError> {
        let mut received = 0;
        while received < limit {
            match self.pop() {
                Ok(message) => into.push(message),
                Err(error) if received == 0 => return Err(error),
                Err(_) => break,
            }
            received += 1;
        }
        // Unbounded channels too: nobody waits there, and one fence a batch is cheap.
        self.waiting_senders.notify(received);
        Ok(received)
    }

    /// Waits for what `attempt` finds; `None` at the end of the channel.
    pub(super) fn poll_received<R>(
        &self,
        cx: &Context<'_>,
        streak: &mut u32,
        mut attempt: impl FnMut(&Self) -> Result<R, TryRecvError>,
    ) -> Poll<Option<R>> {
        let mut found = attempt(self);
        if matches!(found, Err(TryRecvError::Empty)) && *streak >= STREAK {
            pause();
            found = attempt(self);
        }
        if matches!(found, Err(TryRecvError::Empty)) {
            *streak = 0;
            self.receiver.announce(cx.waker());
            found = attempt(self);
            if matches!(found, Err(TryRecvError::Empty)) {
                return Poll::Pending;
            }
            self.receiver.retract();
        }
        *streak = streak.saturating_add(1);
        Poll::Ready(found.ok())
    }

    /// No message comes in any more; the receiver may still take what is there.
    pub(super) fn close(&self) {
        if self.queue.close() {
            self.waiting_senders.notify_all();
        }
    }

    /// The receiver goes: so does what is queued.
    pub(super) fn drop_receiver(&self) {
        self.close();
        self.receiver.clear();
        while let Ok(message) = self.queue.pop() {
            contained(|| drop(message));
        }
    }
}

/// A sender's place among those who wait for room. Whoever gives it up after having been woken
/// wakes the next, if there is room: rule 4 of the module above.
pub(super) struct Place<'a, T> {
    shared: &'a Shared<T>,
    ticket: Option<u64>,
}

impl<'a, T> Place<'a, T> {
    pub(super) fn new(shared: &'a Shared<T>) -> Self {
        Place {
            shared,
            ticket: None,
        }
    }

    #[inline]
    pub(super) fn leave(&mut self) {
        if self.ticket.is_some() {
            self.pass_on();
        }
    }

    #[cold]
    fn pass_on(&mut self) {
        let waiting = &self.shared.waiting_senders;
        if waiting.leave(&mut self.ticket) && !self.shared.queue.is_full() {
            waiting.notify(1);
        }
    }
}

impl<T> Drop for Place<'_, T> {
    fn drop(&mut self) {
        self.leave();
    }
}
