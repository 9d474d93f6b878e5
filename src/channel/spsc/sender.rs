//! The sending end.

use super::ring::{Publish, Ring, Wait};
use crate::channel::{Closed, SendError, TrySendError, budgeted, park, pause};
use crate::sys::atomics::Arc;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::task::{Context, Poll};

/// The sending end of a [`channel`](super::channel).
pub struct Sender<T> {
    ring: Arc<Ring<T>>,
    /// Messages sent: the count in the tail word, which nobody else moves.
    sent: u64,
    /// Messages received, as far as was looked: looking costs a cache line's journey.
    received: u64,
}

impl<T> Sender<T> {
    pub(super) fn new(ring: Arc<Ring<T>>) -> Self {
        Sender {
            ring,
            sent: 0,
            received: 0,
        }
    }

    /// Sends a message, and waits for room where there is none.
    ///
    /// # Errors
    ///
    /// If the receiver is gone or has closed the channel; the message is in the error.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped before it is ready nothing was sent, and the message is dropped with it. To
    /// keep it, use [`try_send`](Sender::try_send) or [`send_many`](Sender::send_many).
    pub async fn send(&mut self, message: T) -> Result<(), SendError<T>> {
        let mut message = Some(message);
        poll_fn(|cx| budgeted(cx, |cx| self.poll_send(&mut message, cx))).await
    }

    /// Sends all messages of `batch`, the first first, and waits for room where there is none. What
    /// there is room for is sent at once.
    ///
    /// # Errors
    ///
    /// If the receiver is gone or has closed the channel; what was not sent is still in `batch`.
    ///
    /// # Cancel safety
    ///
    /// No message is lost by dropping it: what was not sent is still in `batch`.
    pub async fn send_many(&mut self, batch: &mut VecDeque<T>) -> Result<(), Closed> {
        poll_fn(|cx| budgeted(cx, |cx| self.poll_send_many(batch, cx))).await
    }

    /// Sends a message if there is room.
    ///
    /// # Errors
    ///
    /// [`Full`](TrySendError::Full) if there is none, [`Closed`](TrySendError::Closed) if nobody
    /// will receive it.
    #[inline]
    pub fn try_send(&mut self, message: T) -> Result<(), TrySendError<T>> {
        if self.room() == 0 {
            return Err(if self.is_closed() {
                TrySendError::Closed(message)
            } else {
                TrySendError::Full(message)
            });
        }
        // SAFETY: the ring's rule 1: there is room, so the slot is the sender's and empty.
        unsafe { self.ring.write(self.sent, message) };
        match self.ring.publish(self.sent, self.sent + 1) {
            Publish::Sent => {
                self.sent += 1;
                Ok(())
            }
            // SAFETY: rule 2: the slot is the sender's still; it was filled just now.
            Publish::Closed => Err(TrySendError::Closed(unsafe { self.ring.read(self.sent) })),
        }
    }

    /// Sends as many messages of `batch` as there is room for, the first first, and says how many.
    ///
    /// # Errors
    ///
    /// If the receiver is gone or has closed the channel; `batch` is as it was.
    pub fn try_send_many(&mut self, batch: &mut VecDeque<T>) -> Result<usize, Closed> {
        let fits = self.room().min(batch.len() as u64);
        if fits == 0 {
            return if self.is_closed() { Err(Closed) } else { Ok(0) };
        }
        let end = self.sent + fits;
        for (index, message) in (self.sent..end).zip(batch.drain(..fits as usize)) {
            // SAFETY: the ring's rule 1: there is room for so many.
            unsafe { self.ring.write(index, message) };
        }
        match self.ring.publish(self.sent, end) {
            Publish::Sent => {
                self.sent = end;
                Ok(fits as usize)
            }
            Publish::Closed => {
                for index in (self.sent..end).rev() {
                    // SAFETY: rule 2: the slots are the sender's still; they were filled just now.
                    batch.push_front(unsafe { self.ring.read(index) });
                }
                Err(Closed)
            }
        }
    }

    /// Sends a message from a plain thread, and blocks it until there is room.
    ///
    /// # Errors
    ///
    /// If the receiver is gone or has closed the channel; the message is in the error.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_send(&mut self, message: T) -> Result<(), SendError<T>> {
        let mut message = Some(message);
        park::block_on(|cx| self.poll_send(&mut message, cx))
    }

    /// Sends all messages of `batch` from a plain thread, and blocks it until there is room; see
    /// [`send_many`](Sender::send_many).
    ///
    /// # Errors
    ///
    /// If the receiver is gone or has closed the channel; what was not sent is still in `batch`.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_send_many(&mut self, batch: &mut VecDeque<T>) -> Result<(), Closed> {
        park::block_on(|cx| self.poll_send_many(batch, cx))
    }

    /// How many more messages fit; looks at the receiver's count only when none does by the last.
    #[inline]
    fn room(&mut self) -> u64 {
        let capacity = self.ring.capacity();
        if self.sent - self.received == capacity {
            self.received = self.ring.received();
        }
        capacity - (self.sent - self.received)
    }

    fn poll_send(
        &mut self,
        message: &mut Option<T>,
        cx: &Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        let mut paused = false;
        while let Some(unsent) = message.take() {
            let back = match self.try_send(unsent) {
                Ok(()) => break,
                Err(TrySendError::Closed(back)) => return Poll::Ready(Err(SendError(back))),
                Err(TrySendError::Full(back)) => back,
            };
            if !mem::replace(&mut paused, true) {
                pause();
                *message = Some(back);
                continue;
            }
            match self.ring.wait_for_room(self.received, cx.waker()) {
                Wait::Moved => *message = Some(back),
                Wait::Closed => return Poll::Ready(Err(SendError(back))),
                Wait::Announced => {
                    *message = Some(back);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_send_many(
        &mut self,
        batch: &mut VecDeque<T>,
        cx: &Context<'_>,
    ) -> Poll<Result<(), Closed>> {
        let mut paused = false;
        loop {
            if let Err(closed) = self.try_send_many(batch) {
                return Poll::Ready(Err(closed));
            }
            if batch.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if self.room() > 0 {
                continue;
            }
            if !mem::replace(&mut paused, true) {
                pause();
                continue;
            }
            match self.ring.wait_for_room(self.received, cx.waker()) {
                Wait::Moved => {}
                Wait::Closed => return Poll::Ready(Err(Closed)),
                Wait::Announced => return Poll::Pending,
            }
        }
    }

    /// Lets no message in any more. The receiver takes what is queued, then gets `None`; so it does
    /// when the sender is dropped.
    pub fn close(&mut self) {
        self.ring.close();
    }

    /// Whether nothing can be sent any more: the receiver is gone, or the channel was closed.
    pub fn is_closed(&self) -> bool {
        self.ring.sent().1
    }

    /// How many messages are queued.
    pub fn len(&self) -> usize {
        (self.sent - self.ring.received()) as usize
    }

    /// Whether no message is queued.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many messages fit.
    pub fn capacity(&self) -> usize {
        self.ring.capacity() as usize
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.ring.close();
        self.ring.forget_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish()
    }
}
