//! The least that one task needs to wake another of the same thread.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// A count, and the waker of the one task that waits for it to go up.
#[derive(Default)]
pub struct Turn {
    count: Cell<u64>,
    waker: Cell<Option<Waker>>,
}

impl Turn {
    /// Waits until the count is `count`.
    pub async fn reaches(&self, count: u64) {
        poll_fn(|cx| {
            if self.count.get() >= count {
                return Poll::Ready(());
            }
            // As channels do: one is cloned only if it is another task's.
            let waker = match self.waker.take() {
                Some(waker) if waker.will_wake(cx.waker()) => waker,
                _ => cx.waker().clone(),
            };
            self.waker.set(Some(waker));
            Poll::Pending
        })
        .await;
    }

    /// Counts one, and wakes who waits.
    pub fn pass(&self) {
        self.count.set(self.count.get() + 1);
        if let Some(waker) = self.waker.take() {
            waker.wake_by_ref();
            self.waker.set(Some(waker));
        }
    }
}
