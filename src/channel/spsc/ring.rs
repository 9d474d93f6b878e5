//! The ring: slots, and two words that say how far each end has come and whether it waits.
//!
//! ```text
//!           head word                                     tail word
//!   ┌───────────────────┬─┬─────────┐             ┌───────────────────┬─┬─────────┐
//!   │ messages received │ │ sender  │             │ messages sent     │C│receiver │
//!   │ (62 bits)         │ │ waits   │             │ (62 bits)         │ │ waits   │
//!   └───────────────────┴─┴─────────┘             └───────────────────┴─┴─────────┘
//!     written by the receiver                        written by the sender
//!             │                                              │
//!             ▼                                              ▼
//!   ┌──────┬──────┬──────┬──────┬──────┬──────┬──────┬──────┐
//!   │ free │ free │ msg  │ msg  │ msg  │ free │ free │ free │   slot = count mod size
//!   └──────┴──────┴──────┴──────┴──────┴──────┴──────┴──────┘
//! ```
//!
//! C closes the channel, from either end. Each word is changed by read-modify-writes alone, and has
//! the flag of whoever waits for its count to move. So publishing a message and learning whether
//! the receiver waits (or has closed) is one operation, and so is announcing a wait and learning
//! that there is something after all: neither needs a fence, and a batch needs one of them.
//!
//! 1. Slots `received..sent` belong to the receiver, all others to the sender.
//! 2. The sender fills its slots, then moves `sent`, unless C is set: then it takes them back. So a
//!    message is either sent before the close, and can be received, or back with its sender.
//! 3. The receiver empties its slots, then moves `received`.
//! 4. Who waits sets its flag in the other's word if that has not moved, after leaving a waker. Who
//!    moves a word that has the flag takes the flag away, and wakes.
//! 5. Closing sets C, then takes the waiting flag of the sender in a read-modify-write of the head
//!    word, whether it is there or not: a sender that sets it later sees C behind it.

use crate::channel::waker_slot::WakerSlot;
use crate::sys::atomics::{AtomicU64, Ordering, UnsafeCell};
use crate::sys::contained;
use crossbeam_utils::CachePadded;
use std::mem::MaybeUninit;
use std::task::Waker;

/// Somebody waits for this word's count to move.
const WAITS: u64 = 1;
/// C, in the tail word.
const CLOSED: u64 = 2;
/// The counts begin here.
const ONE: u64 = 4;

fn count(word: u64) -> u64 {
    word / ONE
}

pub(super) struct Ring<T> {
    tail: CachePadded<AtomicU64>,
    head: CachePadded<AtomicU64>,
    receiver: CachePadded<WakerSlot>,
    sender: CachePadded<WakerSlot>,
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
    capacity: u64,
}

// SAFETY: rule 1: each slot belongs to one end at a time, and messages change hands by the words'
// release and acquire. The ends may be on different threads, which is why messages must be `Send`.
unsafe impl<T: Send> Sync for Ring<T> {}
// SAFETY: it owns its messages.
unsafe impl<T: Send> Send for Ring<T> {}

/// What an end finds when it is about to wait.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// It will be woken.
    Announced,
    /// The other end has moved: there is something to do.
    Moved,
    /// The channel is closed.
    Closed,
}

/// Whether what was written can be received.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Publish {
    Sent,
    /// The channel is closed: the slots are the sender's still, and full.
    Closed,
}

impl<T> Ring<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let slots = (0..capacity.next_power_of_two())
            .map(|_| UnsafeCell::new(MaybeUninit::uninit()))
            .collect();
        Ring {
            tail: CachePadded::new(AtomicU64::new(0)),
            head: CachePadded::new(AtomicU64::new(0)),
            receiver: CachePadded::new(WakerSlot::new()),
            sender: CachePadded::new(WakerSlot::new()),
            slots,
            capacity: capacity as u64,
        }
    }

    pub(super) fn capacity(&self) -> u64 {
        self.capacity
    }

    fn slot(&self, index: u64) -> &UnsafeCell<MaybeUninit<T>> {
        &self.slots[(index & (self.slots.len() as u64 - 1)) as usize]
    }

    /// Messages received so far, whose slots are free.
    #[inline]
    pub(super) fn received(&self) -> u64 {
        count(self.head.load(Ordering::Acquire))
    }

    /// Messages sent so far, and whether there will be no more.
    #[inline]
    pub(super) fn sent(&self) -> (u64, bool) {
        let word = self.tail.load(Ordering::Acquire);
        (count(word), word & CLOSED != 0)
    }

    /// Writes a message to a slot.
    ///
    /// # Safety
    /// Rule 1: the caller is the sender, and the slot is its own and empty.
    #[inline]
    pub(super) unsafe fn write(&self, index: u64, message: T) {
        self.slot(index).with_mut(|slot| {
            // SAFETY: the caller's contract: nobody else looks at the slot.
            unsafe { (*slot).write(message) };
        });
    }

    /// Takes the message out of a slot.
    ///
    /// # Safety
    /// Rule 1: the slot is the caller's own and full; it counts as empty from now on.
    #[inline]
    pub(super) unsafe fn read(&self, index: u64) -> T {
        self.slot(index).with(|slot| {
            // SAFETY: the caller's contract: it is initialised, and is read this once.
            unsafe { (*slot).assume_init_read() }
        })
    }

    /// Rule 2: the slots `from..to` are full. The sender alone.
    #[inline]
    pub(super) fn publish(&self, from: u64, to: u64) -> Publish {
        let mut word = from * ONE;
        loop {
            // Release: the messages. Acquire: the waker, and what was behind the close.
            let (then, order) = (to * ONE, Ordering::AcqRel);
            match self
                .tail
                .compare_exchange_weak(word, then, order, Ordering::Acquire)
            {
                Ok(_) if word & WAITS != 0 => {
                    self.receiver.wake();
                    return Publish::Sent;
                }
                Ok(_) => return Publish::Sent,
                Err(now) if now & CLOSED != 0 => return Publish::Closed,
                Err(now) => word = now,
            }
        }
    }

    /// Rule 3: the slots up to `to` are empty. The receiver alone.
    #[inline]
    pub(super) fn consumed(&self, from: u64, to: u64) {
        let mut word = from * ONE;
        loop {
            let (then, order) = (to * ONE, Ordering::AcqRel);
            match self
                .head
                .compare_exchange_weak(word, then, order, Ordering::Acquire)
            {
                Ok(_) if word & WAITS != 0 => return self.sender.wake(),
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Rule 4: the receiver, which has come to `received`, waits for a message.
    pub(super) fn wait_for_message(&self, received: u64, waker: &Waker) -> Wait {
        self.receiver.put(waker);
        let mut word = received * ONE;
        loop {
            let (then, order) = (word | WAITS, Ordering::AcqRel);
            match self
                .tail
                .compare_exchange_weak(word, then, order, Ordering::Acquire)
            {
                Ok(_) => return Wait::Announced,
                Err(now) if count(now) != received => return Wait::Moved,
                Err(now) if now & CLOSED != 0 => return Wait::Closed,
                Err(now) => word = now,
            }
        }
    }

    /// Rule 4: the sender, which knows of `received` messages received, waits for room.
    pub(super) fn wait_for_room(&self, received: u64, waker: &Waker) -> Wait {
        self.sender.put(waker);
        let mut word = received * ONE;
        loop {
            let (then, order) = (word | WAITS, Ordering::AcqRel);
            match self
                .head
                .compare_exchange_weak(word, then, order, Ordering::Acquire)
            {
                // Rule 5.
                Ok(_) if self.sent().1 => return Wait::Closed,
                Ok(_) => return Wait::Announced,
                Err(now) if count(now) != received => return Wait::Moved,
                Err(now) => word = now,
            }
        }
    }

    /// Rule 5: nothing is sent any more. Either end.
    pub(super) fn close(&self) {
        let word = self.tail.fetch_or(CLOSED, Ordering::AcqRel);
        if word & CLOSED != 0 {
            return;
        }
        if word & WAITS != 0 {
            self.receiver.wake();
        }
        if self.head.fetch_and(!WAITS, Ordering::AcqRel) & WAITS != 0 {
            self.sender.wake();
        }
    }

    /// An end is gone, and its waker with it.
    pub(super) fn forget_receiver(&self) {
        self.receiver.clear();
    }

    /// An end is gone, and its waker with it.
    pub(super) fn forget_sender(&self) {
        self.sender.clear();
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        let (sent, _) = self.sent();
        for index in self.received()..sent {
            // SAFETY: rule 1: both ends are gone, and these slots are full.
            let message = unsafe { self.read(index) };
            contained(|| drop(message));
        }
    }
}
