//! The one task that waits for a resource to change.

use crate::sys::contained;
use std::cell::Cell;
use std::task::{Context, Waker};

/// A place for a waker. The waker stays there over many waits, so that a connection that is read
/// again and again does not clone one each time.
#[derive(Default)]
pub(crate) struct Waiter {
    waker: Cell<Option<Waker>>,
    waiting: Cell<bool>,
}

impl Waiter {
    /// From now on the task of `cx` waits.
    pub(crate) fn wait(&self, cx: &Context<'_>) {
        self.waiting.set(true);
        let kept = match self.waker.take() {
            Some(waker) if waker.will_wake(cx.waker()) => waker,
            _ => cx.waker().clone(),
        };
        self.waker.set(Some(kept));
    }

    /// Wakes the task, if one waits.
    pub(crate) fn wake(&self) {
        if !self.waiting.replace(false) {
            return;
        }
        // Out of the cell while foreign code runs: it may come back and wait again.
        if let Some(waker) = self.waker.take() {
            contained(|| {
                waker.wake_by_ref();
                if let Some(newer) = self.waker.take() {
                    self.waker.set(Some(newer));
                } else {
                    self.waker.set(Some(waker));
                }
            });
        }
    }

    /// Forgets whoever waits: the resource is being dropped.
    pub(crate) fn clear(&self) {
        self.waiting.set(false);
        drop(self.waker.take());
    }
}
