//! The receiving end.

use super::shared::Shared;
use super::{Lagged, RecvError, TryRecvError};
use crate::channel::wait_queue::Place;
use crate::channel::{budgeted, park};
use crate::sys::atomics::Arc;
use futures_core::Stream;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A receiving end of a [`channel`](super::channel). It is also a [`Stream`] of the messages, with a
/// [`Lagged`] in the place of those it has missed.
///
/// A clone goes on from the same message. What the channel keeps is dropped with the last receiver.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The number of the message to come.
    next: u64,
    /// The place among those who wait, of the poll forms; futures have their own.
    ticket: Option<u64>,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Arc<Shared<T>>, next: u64) -> Self {
        Receiver {
            shared,
            next,
            ticket: None,
        }
    }

    /// How many messages there are to take; more than the capacity if some have been missed.
    pub fn len(&self) -> usize {
        (self.shared.end().count - self.next) as usize
    }

    /// Whether there is no message to take.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many messages are kept for receivers that come late.
    pub fn capacity(&self) -> usize {
        self.shared.capacity()
    }

    /// Whether nothing is sent any more: all senders are gone, or one has closed the channel.
    pub fn is_closed(&self) -> bool {
        self.shared.end().closed
    }

    /// Another receiver, for all that is sent from now on.
    pub fn resubscribe(&self) -> Self {
        self.shared.add_receiver();
        Receiver::new(self.shared.clone(), self.shared.end().count)
    }
}

impl<T: Clone> Receiver<T> {
    /// Receives the next message.
    ///
    /// # Errors
    ///
    /// [`Lagged`](RecvError::Lagged) if messages were missed: the next call goes on behind them.
    /// [`Closed`](RecvError::Closed) if none is left and none will come.
    ///
    /// # Cancel safety
    ///
    /// No message is lost by dropping it.
    pub async fn recv(&mut self) -> Result<T, RecvError> {
        let (shared, next) = (&*self.shared, &mut self.next);
        let mut place = Place::new(&shared.waiting);
        poll_fn(|cx| budgeted(cx, |cx| poll(shared, next, &mut place.ticket, cx))).await
    }

    /// Receives the next message if it is there.
    ///
    /// # Errors
    ///
    /// As [`recv`](Receiver::recv), and [`Empty`](TryRecvError::Empty) if there is none now.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        attempt(&self.shared, &mut self.next)
    }

    /// Receives the next message on a plain thread, which it blocks.
    ///
    /// # Errors
    ///
    /// As [`recv`](Receiver::recv).
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Result<T, RecvError> {
        let mut place = Place::new(&self.shared.waiting);
        park::block_on(|cx| poll(&self.shared, &mut self.next, &mut place.ticket, cx))
    }
}

fn attempt<T: Clone>(shared: &Shared<T>, next: &mut u64) -> Result<T, TryRecvError> {
    // An entry that was found has a message: the number of an empty slot is nobody's.
    shared.look(next)?.message().ok_or(TryRecvError::Empty)
}

fn poll<T: Clone>(
    shared: &Shared<T>,
    next: &mut u64,
    ticket: &mut Option<u64>,
    cx: &Context<'_>,
) -> Poll<Result<T, RecvError>> {
    for announced in [false, true] {
        if announced {
            shared.waiting.announce(ticket, cx.waker());
        }
        let failed = match attempt(shared, next) {
            Ok(message) => return Poll::Ready(Ok(message)),
            Err(TryRecvError::Closed) => RecvError::Closed,
            Err(TryRecvError::Lagged(missed)) => RecvError::Lagged(missed),
            Err(TryRecvError::Empty) => continue,
        };
        return Poll::Ready(Err(failed));
    }
    Poll::Pending
}

impl<T: Clone> Stream for Receiver<T> {
    type Item = Result<T, Lagged>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let polled = budgeted(cx, |cx| {
            poll(&this.shared, &mut this.next, &mut this.ticket, cx)
        });
        polled.map(|received| match received {
            Ok(message) => Some(Ok(message)),
            Err(RecvError::Lagged(missed)) => Some(Err(Lagged(missed))),
            Err(RecvError::Closed) => None,
        })
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.add_receiver();
        Receiver::new(self.shared.clone(), self.next)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // All who wait are woken, so there is no turn to pass on.
        let _ = self.shared.waiting.leave(&mut self.ticket);
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
