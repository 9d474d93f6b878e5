//! [`Drain`]: how a server learns that it is time to finish.
//!
//! A runtime has one [`DrainSignal`], which any thread may start, and each server one of its own,
//! which follows it; each loop's part of a server has a [`Drain`], which stays on the loop, so that
//! a connection asks and waits without a lock.

use crate::event_loop::budgeted;
use crate::sys::{contained, lock};
use crate::task::WaitList;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// A signal to finish, of a runtime or a server; heard by one task a loop, not by each connection.
#[derive(Default)]
pub(super) struct DrainSignal {
    started: AtomicBool,
    waiting: Mutex<WaitList>,
}

impl DrainSignal {
    pub(super) fn start(&self) {
        let waiting = {
            let mut waiting = lock(&self.waiting);
            self.started.store(true, Ordering::Release);
            waiting.take()
        };
        for waker in waiting {
            contained(|| waker.wake());
        }
    }

    /// Waits until the signal is started, by `key` in the table of waiters.
    pub(super) fn poll_started(&self, key: &mut Option<usize>, cx: &mut Context<'_>) -> Poll<()> {
        if self.started.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let mut waiting = lock(&self.waiting);
        // Again under the lock, which `start` takes as well: no start is missed.
        if self.started.load(Ordering::Acquire) {
            drop(waiting);
            return Poll::Ready(());
        }
        let old = waiting.enter(key, waker);
        drop(waiting);
        drop(old);
        Poll::Pending
    }

    pub(super) fn leave(&self, key: Option<usize>) {
        let waker = lock(&self.waiting).leave(key);
        drop(waker);
    }
}

/// Tells a connection's handler that its server is finishing.
///
/// A handler that keeps connections open between requests should end them at the next good moment
/// once [`is_started`](Drain::is_started); what is left at the server's deadline is cancelled.
#[derive(Clone, Default)]
pub struct Drain {
    inner: Rc<Inner>,
}

#[derive(Default)]
struct Inner {
    started: Cell<bool>,
    waiting: RefCell<WaitList>,
}

impl Drain {
    /// Tells everyone who has a clone of this. A server that is made by [`serve`](crate::serve)
    /// does so by itself; this is for servers that accept by other means, with a drain of their own
    /// from `Drain::default`.
    pub fn start(&self) {
        self.inner.started.set(true);
        let waiting = self.inner.waiting.borrow_mut().take();
        for waker in waiting {
            waker.wake();
        }
    }

    /// Whether the server is finishing.
    pub fn is_started(&self) -> bool {
        self.inner.started.get()
    }

    /// Waits until the server is finishing.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it.
    pub fn started(&self) -> DrainStarted {
        DrainStarted {
            drain: self.clone(),
            key: None,
        }
    }
}

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain")
            .field("started", &self.is_started())
            .finish()
    }
}

/// The future of [`Drain::started`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct DrainStarted {
    drain: Drain,
    key: Option<usize>,
}

impl Future for DrainStarted {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        budgeted(cx, |cx| self.poll_started(cx))
    }
}

impl DrainStarted {
    fn poll_started(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.drain.is_started() {
            return Poll::Ready(());
        }
        let mut key = self.key;
        if self.drain.inner.waiting.borrow().knows(key, cx.waker()) {
            return Poll::Pending;
        }
        let waker = cx.waker().clone();
        let old = self.drain.inner.waiting.borrow_mut().enter(&mut key, waker);
        drop(old);
        self.key = key;
        Poll::Pending
    }
}

impl Drop for DrainStarted {
    fn drop(&mut self) {
        let waker = self.drain.inner.waiting.borrow_mut().leave(self.key);
        drop(waker);
    }
}
