//! The receiving end.

use super::Ref;
use super::shared::Shared;
use crate::channel::wait_queue::Place;
use crate::channel::{RecvError, budgeted, park, proceed};
use crate::sys::atomics::Arc;
use futures_core::Stream;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A receiving end of a [`channel`](super::channel). It is also a [`Stream`] of the latest values,
/// from the next one that it has not seen.
///
/// A clone has seen what the original has.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
    /// The place among those who wait, of the stream; futures have their own.
    ticket: Option<u64>,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        let seen = shared.load().version;
        Receiver {
            shared,
            seen,
            ticket: None,
        }
    }

    /// The latest value. It stays as it is while it is borrowed, whatever is sent meanwhile, and
    /// does not count as seen by this.
    pub fn borrow(&self) -> Ref<T> {
        Ref(self.shared.load())
    }

    /// The latest value, which counts as seen from now on.
    pub fn borrow_and_update(&mut self) -> Ref<T> {
        let latest = self.shared.load();
        self.seen = latest.version;
        Ref(latest)
    }

    /// Waits until there is a value that was not seen, and counts it as seen; at once if there is
    /// one.
    ///
    /// # Errors
    ///
    /// If there is none, and all senders are gone.
    ///
    /// # Cancel safety
    ///
    /// Nothing counts as seen by dropping it.
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        let (shared, seen) = (&*self.shared, &mut self.seen);
        let mut place = Place::new(&shared.waiting);
        poll_fn(|cx| budgeted(cx, |cx| poll(shared, seen, &mut place.ticket, cx))).await
    }

    /// Waits until `accept` says yes to the latest value, gives that and counts it as seen; at once
    /// if the value that is there will do.
    ///
    /// # Errors
    ///
    /// If the last value will not do, and all senders are gone.
    ///
    /// # Cancel safety
    ///
    /// Values that `accept` refused count as seen.
    pub async fn wait_for(
        &mut self,
        mut accept: impl FnMut(&T) -> bool,
    ) -> Result<Ref<T>, RecvError> {
        proceed().await;
        loop {
            let latest = self.borrow_and_update();
            if accept(&latest) {
                return Ok(latest);
            }
            drop(latest);
            self.changed().await?;
        }
    }

    /// Waits on a plain thread, which it blocks, until there is a value that was not seen.
    ///
    /// # Errors
    ///
    /// If there is none, and all senders are gone.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_changed(&mut self) -> Result<(), RecvError> {
        let mut place = Place::new(&self.shared.waiting);
        park::block_on(|cx| poll(&self.shared, &mut self.seen, &mut place.ticket, cx))
    }

    /// Whether there is a value that was not seen.
    pub fn has_changed(&self) -> bool {
        self.shared.load().version != self.seen
    }

    /// Whether all senders are gone.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }
}

/// Some if there is an answer: a value that was not seen (which is seen now), or the end.
fn attempt<T>(shared: &Shared<T>, seen: &mut u64) -> Option<Result<(), RecvError>> {
    let closed = shared.is_closed();
    let version = shared.load().version;
    if version != *seen {
        *seen = version;
        return Some(Ok(()));
    }
    closed.then_some(Err(RecvError))
}

fn poll<T>(
    shared: &Shared<T>,
    seen: &mut u64,
    ticket: &mut Option<u64>,
    cx: &Context<'_>,
) -> Poll<Result<(), RecvError>> {
    if let Some(answer) = attempt(shared, seen) {
        return Poll::Ready(answer);
    }
    shared.waiting.announce(ticket, cx.waker());
    match attempt(shared, seen) {
        Some(answer) => Poll::Ready(answer),
        None => Poll::Pending,
    }
}

impl<T: Clone> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        let polled = budgeted(cx, |cx| {
            poll(&this.shared, &mut this.seen, &mut this.ticket, cx)
        });
        polled.map(|changed| match changed {
            Ok(()) => Some(this.borrow_and_update().clone()),
            Err(RecvError) => None,
        })
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.add_receiver();
        Receiver {
            shared: self.shared.clone(),
            seen: self.seen,
            ticket: None,
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // All who wait are woken, so there is no turn to pass on.
        let _ = self.shared.waiting.leave(&mut self.ticket);
        self.shared.drop_receiver();
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("value", &*self.borrow())
            .field("seen", &!self.has_changed())
            .finish()
    }
}
