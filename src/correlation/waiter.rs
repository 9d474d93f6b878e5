//! [`Waiter`]: the future of one reply.

use super::WaitError;
use super::shard::{Left, Look};
use super::waiters::Shared;
use crate::event_loop::{poll_proceed, refund};
use crate::sys::{contained, lock};
use crate::time::{Instant, Sleep};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A future for the reply to one request: what [`Waiters::register`](super::Waiters::register)
    /// returns.
    ///
    /// It looks for the reply first and at the time after, so a reply that has come wins over a
    /// deadline that has passed, too. While nobody polls it, no time passes for it.
    ///
    /// The future holds its own timer and belongs to the loop that polls it first.
    ///
    /// # Errors
    ///
    /// [`WaitError`]: the deadline came first, or the wait was cancelled.
    ///
    /// # Panics
    ///
    /// The first poll panics on a thread that runs no loop, unless the wait has ended. When polled
    /// again after it has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping it ends the wait: the id is free, and a reply that comes later is late. One that has
    /// come already goes to the registry's hook. Await `&mut waiter`, pinned, to keep it.
    #[must_use = "dropping it ends the wait"]
    pub struct Waiter<K, V>
    where
        K: Eq,
        K: Hash,
    {
        ticket: Ticket<K, V>,
        #[pin]
        deadline: Sleep,
    }
}

/// A waiter's place in the registry, which it leaves when this is dropped.
struct Ticket<K: Eq + Hash, V> {
    shared: Arc<Shared<K, V>>,
    shard: usize,
    place: Place,
}

#[derive(Clone, Copy)]
enum Place {
    At(usize),
    /// The registry was closed before.
    Refused,
    /// The result was returned.
    Left,
}

impl<K: Eq + Hash, V> Waiter<K, V> {
    pub(super) fn new(
        shared: Arc<Shared<K, V>>,
        shard: usize,
        place: Option<usize>,
        deadline: Sleep,
    ) -> Self {
        let place = place.map_or(Place::Refused, Place::At);
        Waiter {
            ticket: Ticket {
                shared,
                shard,
                place,
            },
            deadline,
        }
    }

    /// When the wait will be given up.
    pub fn deadline(&self) -> Instant {
        self.deadline.deadline()
    }
}

impl<K: Eq + Hash, V> Future for Waiter<K, V> {
    type Output = Result<V, WaitError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(poll_proceed(cx));
        let this = self.project();
        let mut polled = this.ticket.poll_reply(cx);
        if polled.is_pending() && this.deadline.poll_free(cx).is_ready() {
            polled = Poll::Ready(this.ticket.time_out());
        }
        match polled {
            Poll::Ready(_) => this.ticket.place = Place::Left,
            Poll::Pending => refund(),
        }
        polled
    }
}

impl<K: Eq + Hash, V> Ticket<K, V> {
    fn poll_reply(&self, cx: &Context<'_>) -> Poll<Result<V, WaitError>> {
        let place = match self.place {
            Place::At(place) => place,
            Place::Refused => return Poll::Ready(Err(WaitError::Cancelled)),
            Place::Left => panic!("a Waiter was polled after it had ended"),
        };
        let shard = self.shared.shard(self.shard);
        loop {
            let looked = lock(shard).look(place, cx.waker());
            match looked {
                Look::Ended(result) => return Poll::Ready(result),
                Look::Waits => return Poll::Pending,
                Look::WakerMissing => {}
            }
            // Foreign code may make wakers, and drop them: not under the lock.
            let waker = cx.waker().clone();
            let before = lock(shard).leave_waker(place, waker);
            drop(before);
        }
    }

    fn time_out(&self) -> Result<V, WaitError> {
        match self.place {
            Place::At(place) => {
                let (result, waker) = lock(self.shared.shard(self.shard)).time_out(place);
                contained(|| drop(waker));
                result
            }
            Place::Refused | Place::Left => Err(WaitError::Cancelled),
        }
    }
}

impl<K: Eq + Hash, V> Drop for Ticket<K, V> {
    fn drop(&mut self) {
        let Place::At(place) = self.place else {
            return;
        };
        let left = lock(self.shared.shard(self.shard)).leave(place);
        match left {
            Left::Nothing(waker) => contained(|| drop(waker)),
            Left::Untaken(id, value) => self.shared.untaken(&id, value),
        }
    }
}

impl<K: Eq + Hash, V> fmt::Debug for Waiter<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter")
            .field("deadline", &self.deadline())
            .finish_non_exhaustive()
    }
}
