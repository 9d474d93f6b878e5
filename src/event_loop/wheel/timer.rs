//! A timer as the future that waits sees it. What touches lists is in the wheel, with its rules.

use super::{Link, Place, Timers};
use std::cell::Cell;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// One timer, embedded in the future that waits for it.
pub(crate) struct Timer {
    pub(super) prev: Link,
    pub(super) next: Link,
    pub(super) place: Cell<Place>,
    pub(super) deadline: Cell<u64>,
    /// Whom to wake; present from the first poll until the timer fires.
    pub(super) waker: Cell<Option<Waker>>,
    _pinned: PhantomPinned,
}

impl Timer {
    /// A timer for `deadline`, in ns of the loop's clock; `u64::MAX` never comes. It is armed by
    /// its first poll.
    pub(crate) fn new(deadline: u64) -> Timer {
        Timer::at(Place::Idle, deadline)
    }

    /// A timer whose deadline has come already.
    pub(crate) fn elapsed(deadline: u64) -> Timer {
        Timer::at(Place::Elapsed, deadline)
    }

    fn at(place: Place, deadline: u64) -> Timer {
        Timer {
            prev: Cell::new(None),
            next: Cell::new(None),
            place: Cell::new(place),
            deadline: Cell::new(deadline),
            waker: Cell::new(None),
            _pinned: PhantomPinned,
        }
    }

    /// The deadline in ns.
    pub(crate) fn deadline(&self) -> u64 {
        self.deadline.get()
    }

    /// Whether the timer has fired, or a poll has found it due, since it was made or reset.
    pub(crate) fn is_elapsed(&self) -> bool {
        matches!(self.place.get(), Place::Elapsed)
    }

    /// Ready once the deadline has come; else wakes `cx` then. `timers` gives the wheel to enter
    /// and is asked only if the timer is in none.
    pub(crate) fn poll_elapsed(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        timers: impl FnOnce() -> Rc<Timers>,
    ) -> Poll<()> {
        let this = self.into_ref().get_ref();
        if matches!(this.place.get(), Place::Idle) {
            let timers = timers();
            if timers.has_reached(this.deadline.get()) {
                this.place.set(Place::Elapsed);
            } else {
                this.set_waker(cx.waker());
                timers.insert(this);
            }
        } else if Timers::is_due(this) {
            Timers::remove(this);
            this.place.set(Place::Elapsed);
        } else {
            this.set_waker(cx.waker());
        }
        // Asked at the end, as foreign code in `set_waker` may have fired the timer.
        if this.is_elapsed() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Sets another deadline, in ns. A timer that waits goes on waiting, for the new one; one that
    /// has elapsed, or was never polled, waits from its next poll.
    pub(crate) fn reset(self: Pin<&mut Self>, deadline: u64) {
        let this = self.into_ref().get_ref();
        let before = this.deadline.replace(deadline);
        if this.is_elapsed() {
            this.place.set(Place::Idle);
        } else {
            Timers::rearm(this, deadline >= before);
        }
    }

    fn set_waker(&self, waker: &Waker) {
        let old = self.waker.take();
        if old.as_ref().is_some_and(|old| old.will_wake(waker)) {
            self.waker.set(old);
            return;
        }
        self.waker.set(Some(waker.clone()));
        drop(old);
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        Timers::remove(self);
    }
}
