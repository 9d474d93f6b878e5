//! Where the one task that may wait for an event leaves its waker; and [`Waiter`], a slot with a
//! flag that says whether somebody waits.

use crate::sys::atomics::{AtomicBool, Mutex, Ordering, fence, lock};
use crate::sys::contained;
use std::task::Waker;

/// A place for one waker. The lock is taken only by who waits and by who has been told that
/// somebody does; no foreign code runs under it.
pub(super) struct WakerSlot(Mutex<Option<Waker>>);

impl WakerSlot {
    pub(super) fn new() -> Self {
        WakerSlot(Mutex::new(None))
    }

    /// Leaves a waker, in place of the one before.
    pub(super) fn put(&self, waker: &Waker) {
        let known = lock(&self.0).as_ref().is_some_and(|w| w.will_wake(waker));
        if !known {
            let new = waker.clone();
            let old = lock(&self.0).replace(new);
            drop(old);
        }
    }

    /// Wakes who left a waker, if one is there.
    pub(super) fn wake(&self) {
        let waker = lock(&self.0).take();
        if let Some(waker) = waker {
            contained(|| waker.wake());
        }
    }

    /// Forgets the waker.
    pub(super) fn clear(&self) {
        let waker = lock(&self.0).take();
        drop(waker);
    }
}

/// The only receiver of a channel, as its senders see it: rules 1 to 3 of the module above.
pub(super) struct Waiter {
    waits: AtomicBool,
    slot: WakerSlot,
}

impl Waiter {
    pub(super) fn new() -> Self {
        Waiter {
            waits: AtomicBool::new(false),
            slot: WakerSlot::new(),
        }
    }

    /// Rule 1: announces that somebody waits. The caller then looks again at what it waits for.
    pub(super) fn announce(&self, waker: &Waker) {
        self.slot.put(waker);
        // All changes are read-modify-writes, so that each comes behind the one before it for
        // whoever sees it.
        self.waits.swap(true, Ordering::AcqRel);
        fence(Ordering::SeqCst);
    }

    /// The second look found something.
    pub(super) fn retract(&self) {
        self.waits.swap(false, Ordering::AcqRel);
    }

    /// Rule 2: wakes who waits, after the event.
    #[inline]
    pub(super) fn notify(&self) {
        fence(Ordering::SeqCst);
        if self.waits.load(Ordering::Relaxed) && self.waits.swap(false, Ordering::AcqRel) {
            self.slot.wake();
        }
    }

    /// Nobody waits any more.
    pub(super) fn clear(&self) {
        self.retract();
        self.slot.clear();
    }
}
