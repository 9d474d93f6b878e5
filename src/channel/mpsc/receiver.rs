//! The receiving end, of either kind of channel.

use super::shared::Shared;
use crate::channel::{TryRecvError, budgeted, park};
use crate::sys::atomics::Arc;
use futures_core::Stream;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The receiving end of a [`channel`](super::channel) or an [`unbounded`](super::unbounded()) one.
/// It is also a [`Stream`] of the messages.
///
/// What is queued is dropped with it.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// Received in a row without waiting.
    streak: u32,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Receiver { shared, streak: 0 }
    }

    /// Receives the next message; `None` if none is left and none will come, because all senders are
    /// gone or the channel was [closed](Receiver::close).
    ///
    /// # Cancel safety
    ///
    /// No message is lost by dropping it.
    pub async fn recv(&mut self) -> Option<T> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Receives the next message, by polling; `None` at the end. The latest poll's task is woken.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        budgeted(cx, |cx| {
            self.shared
                .poll_received(cx, &mut self.streak, Shared::try_recv)
        })
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
            let attempt = |shared: &Shared<T>| shared.try_recv_many(into, limit);
            let received = self.shared.poll_received(cx, &mut self.streak, attempt);
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
        self.shared.try_recv()
    }

    /// Receives the next message on a plain thread, which it blocks; `None` at the end.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Option<T> {
        park::block_on(|cx| {
            self.shared
                .poll_received(cx, &mut self.streak, Shared::try_recv)
        })
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
            let attempt = |shared: &Shared<T>| shared.try_recv_many(into, limit);
            self.shared.poll_received(cx, &mut self.streak, attempt)
        })
        .unwrap_or_default()
    }

    /// Lets no message in any more: senders fail, also those that wait. What is queued can still be
    /// received, then comes `None`.
    pub fn close(&mut self) {
        self.shared.close();
    }

    /// Whether no message comes in any more.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// How many messages are queued.
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether no message is queued.
    pub fn is_empty(&self) -> bool {
        self.shared.is_empty()
    }

    /// How many messages fit; `None` where there is no bound.
    pub fn capacity(&self) -> Option<usize> {
        self.shared.capacity()
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
        self.shared.drop_receiver();
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
