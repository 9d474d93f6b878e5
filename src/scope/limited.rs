//! [`Limited`]: children of a scope, but only so many at a time.

use super::{Child, Outcome, Scope};
use crate::event_loop::{budgeted, is_cancelled};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::panic::Location;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

impl<'scope, 'env, E> Scope<'scope, 'env, E> {
    /// A way to start children of which at most `most` run at a time. Those that were started
    /// otherwise do not count.
    ///
    /// ```
    /// use ringmill::scope::scope;
    /// use std::{cell::Cell, convert::Infallible, time::Duration};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (now, most) = (Cell::new(0), Cell::new(0));
    /// ringmill::block_on(scope(async |s| {
    ///     let few = s.limited(3);
    ///     for _ in 0..20 {
    ///         few.spawn(async {
    ///             now.set(now.get() + 1);
    ///             most.set(most.get().max(now.get()));
    ///             ringmill::time::sleep(Duration::from_millis(1)).await;
    ///             now.set(now.get() - 1);
    ///         })
    ///         .await;
    ///     }
    ///     Ok::<_, Infallible>(())
    /// }))??;
    /// assert_eq!((now.get(), most.get()), (0, 3));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If `most` is 0.
    pub fn limited(&'scope self, most: usize) -> Limited<'scope, 'env, E> {
        assert_ne!(most, 0, "room for no child at all");
        Limited {
            scope: self,
            room: Rc::new(Room(RefCell::new(State {
                free: most,
                last_ticket: 0,
                waiting: BTreeMap::new(),
            }))),
        }
    }
}

/// Starts children of a scope, but only so many at a time: see [`Scope::limited`]. Clones share the
/// room.
pub struct Limited<'scope, 'env: 'scope, E> {
    scope: &'scope Scope<'scope, 'env, E>,
    room: Rc<Room>,
}

impl<'scope, 'env, E> Limited<'scope, 'env, E> {
    /// Waits for room, and starts a child as [`Scope::spawn`] does. Those who wait have their turns in
    /// the order in which they came.
    ///
    /// A child that waits here itself keeps its own place meanwhile: if all do, none gets on. Let
    /// the body start them, or use [`try_spawn`](Self::try_spawn).
    ///
    /// # Cancel safety
    ///
    /// Dropped before there was room, the child is not started, and somebody else has its turn.
    #[allow(
        clippy::async_yields_async,
        reason = "the child has begun; it may be awaited or not"
    )]
    #[track_caller]
    pub fn spawn<F>(
        &self,
        future: F,
    ) -> impl Future<Output = Child<<F::Output as Outcome<E>>::Value>> + use<'scope, 'env, F, E>
    where
        F: Future + 'scope,
        F::Output: Outcome<E>,
    {
        let spawned_at = Location::caller();
        let (scope, room) = (self.scope, self.room.clone());
        async move {
            let place = room.enter().await;
            scope.spawn_at(place.around(future), spawned_at)
        }
    }

    /// Starts a child if there is room.
    ///
    /// # Errors
    ///
    /// The future, if there is none.
    #[track_caller]
    pub fn try_spawn<F>(&self, future: F) -> Result<Child<<F::Output as Outcome<E>>::Value>, F>
    where
        F: Future + 'scope,
        F::Output: Outcome<E>,
    {
        let spawned_at = Location::caller();
        match Room::try_enter(&self.room) {
            Some(place) => Ok(self.scope.spawn_at(place.around(future), spawned_at)),
            None => Err(future),
        }
    }

    /// How many children there is room for at the moment.
    pub fn room(&self) -> usize {
        self.room.0.borrow().free
    }
}

impl<E> Clone for Limited<'_, '_, E> {
    fn clone(&self) -> Self {
        Limited {
            scope: self.scope,
            room: self.room.clone(),
        }
    }
}

impl<E> fmt::Debug for Limited<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limited")
            .field("room", &self.room())
            .finish_non_exhaustive()
    }
}

struct Room(RefCell<State>);

struct State {
    /// Places that nobody has, and so nobody waits for.
    free: usize,
    last_ticket: u64,
    /// Those who wait, in order; a place that is given up goes to the first of them, whose waker is
    /// taken.
    waiting: BTreeMap<u64, Option<Waker>>,
}

impl Room {
    fn try_enter(this: &Rc<Room>) -> Option<Place> {
        let mut state = this.0.borrow_mut();
        state.free = state.free.checked_sub(1)?;
        Some(Place(this.clone()))
    }

    async fn enter(self: &Rc<Room>) -> Place {
        let mut turn = Turn {
            room: self,
            ticket: None,
        };
        poll_fn(|cx| {
            let polled = budgeted(cx, |cx| turn.poll(cx));
            if polled.is_pending() && is_cancelled() {
                // It will not come for its turn, and may stay for long where something is shielded.
                turn.leave();
            }
            polled
        })
        .await
    }

    fn leave(&self) {
        let mut state = self.0.borrow_mut();
        let first = state.waiting.values_mut().find_map(Option::take);
        if first.is_none() {
            state.free += 1;
        }
        drop(state);
        if let Some(waker) = first {
            waker.wake();
        }
    }
}

/// Somebody who waits for a place.
struct Turn<'a> {
    room: &'a Rc<Room>,
    ticket: Option<u64>,
}

impl Turn<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Place> {
        let Some(ticket) = self.ticket else {
            if let Some(place) = Room::try_enter(self.room) {
                return Poll::Ready(place);
            }
            let waker = cx.waker().clone();
            let mut state = self.room.0.borrow_mut();
            state.last_ticket += 1;
            let ticket = state.last_ticket;
            state.waiting.insert(ticket, Some(waker));
            self.ticket = Some(ticket);
            return Poll::Pending;
        };
        let waker = cx.waker().clone();
        let mut state = self.room.0.borrow_mut();
        let old = match state.waiting.get_mut(&ticket) {
            Some(Some(known)) => std::mem::replace(known, waker),
            // Its turn has come.
            _ => {
                state.waiting.remove(&ticket);
                self.ticket = None;
                return Poll::Ready(Place(self.room.clone()));
            }
        };
        drop(state);
        drop(old);
        Poll::Pending
    }

    /// Gives up the place in the line.
    fn leave(&mut self) {
        let Some(ticket) = self.ticket.take() else {
            return;
        };
        let left = self.room.0.borrow_mut().waiting.remove(&ticket);
        if let Some(None) = left {
            // It had its turn, and passes it on.
            self.room.leave();
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A place in the room, until it is dropped.
struct Place(Rc<Room>);

impl Place {
    async fn around<F: Future>(self, future: F) -> F::Output {
        let _place = self;
        future.await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.leave();
    }
}
