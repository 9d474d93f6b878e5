//! The sending end of a bounded channel.

use super::shared::{Place, Shared};
use crate::channel::{SendError, TrySendError, budgeted, is_cancelled, park};
use crate::sys::atomics::Arc;
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

/// The sending end of a [`channel`](super::channel). Clones send to the same receiver, which gets
/// its `None` when the last of them is gone.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Sender { shared }
    }

    /// Sends a message, and waits for room where there is none.
    ///
    /// # Errors
    ///
    /// If the receiver is gone or has closed the channel; the message is in the error.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped before it is ready nothing was sent, and the message is dropped with it; its
    /// turn goes to the next sender that waits. To keep the message, use
    /// [`try_send`](Sender::try_send).
    pub async fn send(&self, message: T) -> Result<(), SendError<T>> {
        let mut message = Some(message);
        let mut place = Place::new(&*self.shared);
        poll_fn(|cx| {
            let polled = budgeted(cx, |cx| self.poll_send(&mut message, &mut place, cx));
            if polled.is_pending() && is_cancelled() {
                // It will not come for the room, and may stay for long where something is shielded.
                place.leave();
            }
            polled
        })
        .await
    }

    fn poll_send(
        &self,
        message: &mut Option<T>,
        place: &mut Place<'_, T>,
        cx: &Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        let sent = self.shared.poll_send(message, place, cx);
        sent.map_err(|error| SendError(error.into_inner()))
    }

    /// Sends a message if there is room.
    ///
    /// It does not wait behind senders that do.
    ///
    /// # Errors
    ///
    /// [`Full`](TrySendError::Full) if there is none, [`Closed`](TrySendError::Closed) if nobody
    /// will receive it.
    #[inline]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.shared.try_send(message)
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
    pub fn blocking_send(&self, message: T) -> Result<(), SendError<T>> {
        let mut message = Some(message);
        let mut place = Place::new(&*self.shared);
        park::block_on(|cx| self.poll_send(&mut message, &mut place, cx))
    }

    /// Whether nobody will receive what is sent: the receiver is gone or has closed the channel.
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

    /// How many messages fit.
    pub fn capacity(&self) -> usize {
        self.shared.capacity().unwrap_or(usize::MAX)
    }

    /// Whether both send to the same receiver.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.add_sender();
        Sender::new(self.shared.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.drop_sender();
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
