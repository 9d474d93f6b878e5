//! The ring of a broadcast channel: each slot has the latest message that fell to it, and which one
//! that is.
//!
//! ```text
//!   end: 11 sent, open ─ a sender claims number 11 and moves the end to 12
//!                                    │
//!   ┌─────────┬─────────┬─────────┬──▼──────┐
//!   │ 8, msg  │ 9, msg  │ 10, msg │ 7, msg  │   slot = number mod capacity
//!   └─────────┴─────────┴─────────┴─────────┘
//! ```
//!
//! A receiver at number n looks at n's slot: n is its message; more, and it has been overtaken;
//! less, and the message is to come, or on its way if the end is past it. A sender that was overtaken
//! by a whole lap between its claim and its writing does not write.
//!
//! The event that receivers wait for is that the slot is written, or that the end is closed with no
//! message on its way.

use super::TryRecvError;
use crate::channel::published::{Loaded, Published, Replaced};
use crate::channel::wait_queue::WaitQueue;
use crate::sys::atomics::{AtomicU64, AtomicUsize, Ordering};
use crossbeam_utils::CachePadded;
use std::sync::Arc;

/// Set in the end word when nothing is sent any more; the count is above it.
const CLOSED: u64 = 1;
const ONE: u64 = 2;

pub(super) struct Shared<T> {
    slots: Box<[Published<Entry<T>>]>,
    end: CachePadded<AtomicU64>,
    pub(super) waiting: CachePadded<WaitQueue>,
    senders: AtomicUsize,
    receivers: AtomicUsize,
    /// What an empty slot has.
    nothing: Arc<Entry<T>>,
}

pub(super) struct Entry<T> {
    /// The message's number, plus one; 0 for none.
    stamp: u64,
    message: Option<T>,
}

#[derive(Clone, Copy)]
pub(super) struct End {
    /// How many messages were sent, or are on their way.
    pub(super) count: u64,
    pub(super) closed: bool,
}

impl<T> Shared<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let nothing = Arc::new(Entry {
            stamp: 0,
            message: None,
        });
        let slots = (0..capacity.next_power_of_two()).map(|_| Published::new(nothing.clone()));
        Shared {
            slots: slots.collect(),
            end: CachePadded::new(AtomicU64::new(0)),
            waiting: CachePadded::new(WaitQueue::new()),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(0),
            nothing,
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.slots.len()
    }

    fn slot(&self, number: u64) -> &Published<Entry<T>> {
        &self.slots[(number & (self.slots.len() as u64 - 1)) as usize]
    }

    pub(super) fn end(&self) -> End {
        let word = self.end.load(Ordering::Acquire);
        End {
            count: word / ONE,
            closed: word & CLOSED != 0,
        }
    }

    pub(super) fn send(&self, message: T) -> Result<usize, T> {
        let receivers = self.receivers();
        if receivers == 0 {
            return Err(message);
        }
        let mut word = self.end.load(Ordering::Relaxed);
        loop {
            if word & CLOSED != 0 {
                return Err(message);
            }
            let order = (Ordering::AcqRel, Ordering::Relaxed);
            match self
                .end
                .compare_exchange_weak(word, word + ONE, order.0, order.1)
            {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        let stamp = word / ONE + 1;
        self.write(Arc::new(Entry {
            stamp,
            message: Some(message),
        }));
        self.waiting.notify_all();
        Ok(receivers)
    }

    fn write(&self, entry: Arc<Entry<T>>) {
        let slot = self.slot(entry.stamp - 1);
        loop {
            let current = slot.load();
            if current.stamp > entry.stamp || slot.replace(&current, entry.clone()) == Replaced::Yes
            {
                return;
            }
        }
    }

    pub(super) fn close(&self) {
        if self.end.fetch_or(CLOSED, Ordering::AcqRel) & CLOSED == 0 {
            self.waiting.notify_all();
        }
    }

    pub(super) fn receivers(&self) -> usize {
        self.receivers.load(Ordering::Relaxed)
    }

    pub(super) fn add_receiver(&self) {
        // Acquire: who subscribes after the last one left starts behind what that one cleared.
        self.receivers.fetch_add(1, Ordering::AcqRel);
    }

    /// The last receiver takes what is there along; but not what was sent to the next first one.
    pub(super) fn drop_receiver(&self) {
        let end = self.end().count;
        if self.receivers.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        for slot in &self.slots {
            let current = slot.load();
            if (1..=end).contains(&current.stamp) {
                // If it was overwritten meanwhile, it is gone as well.
                let _: Replaced = slot.replace(&current, self.nothing.clone());
            }
        }
    }

    pub(super) fn add_sender(&self) {
        self.senders.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn drop_sender(&self) {
        // AcqRel: the others' messages are before the close.
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.close();
        }
    }

    /// Looks for message `next`, and moves `next` on behind it or behind what was missed.
    pub(super) fn look(&self, next: &mut u64) -> Result<Loaded<Entry<T>>, TryRecvError> {
        // Before the slot: what was sent before the close is seen.
        let end = self.end();
        let entry = self.slot(*next).load();
        let stamp = *next + 1;
        if entry.stamp == stamp {
            *next += 1;
            return Ok(entry);
        }
        if entry.stamp > stamp {
            let capacity = self.slots.len() as u64;
            // The end has been past `next` by a lap since that entry was claimed.
            let oldest = self.end().count.max(entry.stamp) - capacity;
            let missed = oldest - *next;
            *next = oldest;
            return Err(TryRecvError::Lagged(missed));
        }
        if end.closed && end.count == *next {
            return Err(TryRecvError::Closed);
        }
        Err(TryRecvError::Empty)
    }
}

impl<T: Clone> Entry<T> {
    pub(super) fn message(&self) -> Option<T> {
        self.message.clone()
    }
}
