//! The receiving end.

use super::ring::{Ring, Wait};
use crate::channel::{STREAK, TryRecvError, budgeted, park, pause};
use crate::sys::atomics::Arc;
use crate::sys::contained;
use futures_core::Stream;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The receiving end of a [`channel`](super::channel). It is also a [`Stream`] of the messages.
///
/// What is queued is dropped with it.
pub struct Receiver<T> {
    ring: Arc<Ring<T>>,
    /// Messages received: the count in the head word, which nobody else moves.
    received: u64,
    /// Messages sent, as far as was looked: looking costs a cache line's journey.
    sent: u64,
    /// Received in a row without waiting.
    streak: u32,
}

impl<T> Receiver<T> {
    pub(super) fn new(ring: Arc<Ring<T>>) -> Self {
        Receiver {
            ring,
            received: 0,
            sent: 0,
            streak: 0,
        }
    }

    /// Receives the next message; `None` if none is left and none will come, because the sender is
    /// gone or the channel was closed.
    ///
    /// # Cancel safety
    ///
    /// No message is lost by dropping it.
    pub async fn recv(&mut self) -> Option<T> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Receives the next message, by polling; `None` at the end. The latest poll's task is woken.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        budgeted(cx, |cx| self.poll_received(cx, Self::try_recv))
    }

    /// Receives up to `limit` messages at once, appends them to `into`, and says how many; waits for
    /// the first only. 0 if none is left and none will come (or `limit` is 0).
    ///
    /// # Cancel safety
    ///
    /// No message is lost by dropping it: until it is ready `into` is as it was.
    pub async fn recv_many(&mut self, into: &mut Vec<T>, limit: usize) -> usize {
        poll_fn(|cx| self.poll_recv_many(cx, into, limit)).await
    }

    /// As [`recv_many`](Receiver::recv_many), by polling.
    pub fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        budgeted(cx, |cx| {
            let attempt = |this: &mut Self| this.try_recv_many(into, limit);
            let received = self.poll_received(cx, attempt);
            received.map(Option::unwrap_or_default)
        })
    }

    /// Receives a message if there is one.
    ///
    /// # Errors
    ///
    /// [`Empty`](TryRecvError::Empty) if there is none now, [`Closed`](TryRecvError::Closed) if none
    /// will come either.
    #[inline]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.look()?;
        // SAFETY: the ring's rule 1: it was sent and not received.
        let message = unsafe { self.ring.read(self.received) };
        self.ring.consumed(self.received, self.received + 1);
        self.received += 1;
        Ok(message)
    }

    /// Receives up to `limit` messages if there are any, appends them to `into`, and says how many.
    ///
    /// # Errors
    ///
    /// [`Empty`](TryRecvError::Empty) if there is none now, [`Closed`](TryRecvError::Closed) if none
    /// will come either.
    pub fn try_recv_many(
        &mut self,
        into: &mut Vec<T>,
        limit: usize,
    ) -> Result<usize, TryRecvError> {
        if limit == 0 {
            return Ok(0);
        }
        // What has come since is worth the look: a batch pays for it once.
        self.sent = self.ring.sent().0;
        let ready = self.look()?.min(limit as u64);
        into.reserve(ready as usize);
        let end = self.received + ready;
        for index in self.received..end {
            // SAFETY: the ring's rule 1: it was sent and not received. Nothing in this loop panics.
            into.push(unsafe { self.ring.read(index) });
        }
        self.ring.consumed(self.received, end);
        self.received = end;
        Ok(ready as usize)
    }

    /// Receives the next message on a plain thread, which it blocks; `None` at the end.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Option<T> {
        park::block_on(|cx| self.poll_received(cx, Self::try_recv))
    }

    /// Receives up to `limit` messages at once on a plain thread, which it blocks until there is
    /// one; see [`recv_many`](Receiver::recv_many).
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_recv_many(&mut self, into: &mut Vec<T>, limit: usize) -> usize {
        park::block_on(|cx| {
            let attempt = |this: &mut Self| this.try_recv_many(into, limit);
            self.poll_received(cx, attempt)
        })
        .unwrap_or_default()
    }

    /// How many messages are ready, at least one.
    #[inline]
    fn look(&mut self) -> Result<u64, TryRecvError> {
        if self.sent == self.received {
            let (sent, closed) = self.ring.sent();
            self.sent = sent;
            if sent == self.received {
                return Err(if closed {
                    TryRecvError::Closed
                } else {
                    TryRecvError::Empty
                });
            }
        }
        Ok(self.sent - self.received)
    }

    fn poll_received<R>(
        &mut self,
        cx: &Context<'_>,
        mut attempt: impl FnMut(&mut Self) -> Result<R, TryRecvError>,
    ) -> Poll<Option<R>> {
        loop {
            match attempt(self) {
                Ok(received) => {
                    self.streak = self.streak.saturating_add(1);
                    return Poll::Ready(Some(received));
                }
                Err(TryRecvError::Closed) => return Poll::Ready(None),
                Err(TryRecvError::Empty) => {}
            }
            if std::mem::take(&mut self.streak) >= STREAK {
                pause();
                continue;
            }
            match self.ring.wait_for_message(self.received, cx.waker()) {
                Wait::Moved => {}
                Wait::Closed => return Poll::Ready(None),
                Wait::Announced => return Poll::Pending,
            }
        }
    }

    /// Lets no message in any more: the sender fails, also one that waits. What is queued can still
    /// be received, then comes `None`.
    pub fn close(&mut self) {
        self.ring.close();
    }

    /// Whether no message comes in any more.
    pub fn is_closed(&self) -> bool {
        self.ring.sent().1
    }

    /// How many messages are queued.
    pub fn len(&self) -> usize {
        (self.ring.sent().0 - self.received) as usize
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

impl<T> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.ring.close();
        self.ring.forget_receiver();
        while let Ok(message) = self.try_recv() {
            contained(|| drop(message));
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish()
    }
}
