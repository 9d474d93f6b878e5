//! One message's way: a place for it, and a word that says what has become of it.
//!
//! ```text
//!                send                                  VALUE   the message is there: the receiver's
//!   (nothing) ─────────▶ VALUE                         CLOSED  an end is gone, or has closed
//!       │                  │                           and, beside them,
//!       │ close            │ close                     RECEIVER_WAITS, SENDER_WAITS: a waker is left
//!       ▼                  ▼
//!    CLOSED           VALUE CLOSED
//! ```
//!
//! 1. Until VALUE the place belongs to the sender, from then on to the receiver.
//! 2. VALUE is never set after CLOSED: the sender keeps its message then.
//! 3. Who waits leaves its waker, then sets its flag, and looks at what was there before. Who sets
//!    VALUE or CLOSED looks at what was there before, and wakes. One of the two is first.

use crate::channel::waker_slot::WakerSlot;
use crate::sys::atomics::{AtomicU32, Ordering, UnsafeCell};
use std::task::Waker;

const VALUE: u32 = 1;
const CLOSED: u32 = 2;
const RECEIVER_WAITS: u32 = 4;
const SENDER_WAITS: u32 = 8;

pub(super) struct Cell<T> {
    state: AtomicU32,
    message: UnsafeCell<Option<T>>,
    receiver: WakerSlot,
    sender: WakerSlot,
}

// SAFETY: rule 1: the message belongs to one end at a time, and changes hands by the word's release
// and acquire.
unsafe impl<T: Send> Sync for Cell<T> {}
// SAFETY: it owns its message.
unsafe impl<T: Send> Send for Cell<T> {}

/// What the receiver finds.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The message, which is the receiver's.
    Value,
    Closed,
    Nothing,
}

fn found(state: u32) -> Found {
    match state {
        _ if state & VALUE != 0 => Found::Value,
        _ if state & CLOSED != 0 => Found::Closed,
        _ => Found::Nothing,
    }
}

impl<T> Cell<T> {
    pub(super) fn new() -> Self {
        Cell {
            state: AtomicU32::new(0),
            message: UnsafeCell::new(None),
            receiver: WakerSlot::new(),
            sender: WakerSlot::new(),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Sends the message, or gives it back.
    ///
    /// # Safety
    /// Rule 1: the caller is the sender, and has not sent.
    pub(super) unsafe fn send(&self, message: T) -> Result<(), T> {
        self.message.with_mut(|place| {
            // SAFETY: the caller's contract: VALUE is not set, so the receiver keeps away.
            unsafe { *place = Some(message) };
        });
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if state & CLOSED != 0 {
                // SAFETY: rule 2: VALUE will never be set.
                let message = self.message.with_mut(|place| unsafe { (*place).take() });
                return message.map_or(Ok(()), Err);
            }
            match self.state.compare_exchange_weak(
                state,
                state | VALUE,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        if state & RECEIVER_WAITS != 0 {
            self.receiver.wake();
        }
        Ok(())
    }

    /// Nothing is sent any more, from either end. What was there before.
    pub(super) fn close(&self) -> Found {
        let state = self.state.fetch_or(CLOSED, Ordering::AcqRel);
        if state & CLOSED == 0 {
            if state & RECEIVER_WAITS != 0 {
                self.receiver.wake();
            }
            if state & SENDER_WAITS != 0 {
                self.sender.wake();
            }
        }
        found(state)
    }

    pub(super) fn look(&self) -> Found {
        found(self.state.load(Ordering::Acquire))
    }

    /// Rule 3, for the receiver: `Nothing` if it will be woken.
    pub(super) fn wait_for_message(&self, waker: &Waker) -> Found {
        self.receiver.put(waker);
        found(self.state.fetch_or(RECEIVER_WAITS, Ordering::AcqRel))
    }

    /// Rule 3, for the sender: `Nothing` if it will be woken.
    pub(super) fn wait_for_close(&self, waker: &Waker) -> Found {
        self.sender.put(waker);
        found(self.state.fetch_or(SENDER_WAITS, Ordering::AcqRel))
    }

    /// Takes the message; `None` if that was done before.
    ///
    /// # Safety
    /// Rule 1: the caller is the receiver, and has found `Value`.
    pub(super) unsafe fn take(&self) -> Option<T> {
        // SAFETY: the caller's contract: the sender keeps away.
        self.message.with_mut(|place| unsafe { (*place).take() })
    }

    /// The receiver is gone, and its waker with it.
    pub(super) fn forget_receiver(&self) {
        self.receiver.clear();
    }

    /// The sender is gone, and its waker with it.
    pub(super) fn forget_sender(&self) {
        self.sender.clear();
    }
}
