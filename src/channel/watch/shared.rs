//! What both ends of a watch channel hold: the value with its version, and who waits for the next.
//!
//! The event that receivers wait for is that the version is not the one they have seen, or that no
//! sender is left.

use crate::channel::published::{Loaded, Published, Replaced};
use crate::channel::wait_queue::WaitQueue;
use crate::sys::atomics::{AtomicUsize, Ordering};
use crossbeam_utils::CachePadded;
use std::sync::Arc;

pub(super) struct Versioned<T> {
    pub(super) version: u64,
    pub(super) value: T,
}

pub(super) struct Shared<T> {
    latest: Published<Versioned<T>>,
    pub(super) waiting: CachePadded<WaitQueue>,
    senders: AtomicUsize,
    receivers: AtomicUsize,
}

impl<T> Shared<T> {
    pub(super) fn new(value: T) -> Self {
        Shared {
            latest: Published::new(Arc::new(Versioned { version: 0, value })),
            waiting: CachePadded::new(WaitQueue::new()),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(0),
        }
    }

    pub(super) fn load(&self) -> Loaded<Versioned<T>> {
        self.latest.load()
    }

    pub(super) fn store(&self, value: T) {
        let mut next = Arc::new(Versioned { version: 0, value });
        loop {
            let current = self.latest.load();
            // Nobody else has it before it is published.
            if let Some(next) = Arc::get_mut(&mut next) {
                next.version = current.version + 1;
            }
            if self.latest.replace(&current, next.clone()) == Replaced::Yes {
                break;
            }
        }
        self.waiting.notify_all();
    }

    pub(super) fn modify(&self, change: &mut dyn FnMut(&mut T))
    where
        T: Clone,
    {
        loop {
            let current = self.latest.load();
            let mut value = current.value.clone();
            change(&mut value);
            let version = current.version + 1;
            let next = Arc::new(Versioned { version, value });
            if self.latest.replace(&current, next) == Replaced::Yes {
                break;
            }
        }
        self.waiting.notify_all();
    }

    pub(super) fn receivers(&self) -> usize {
        self.receivers.load(Ordering::Relaxed)
    }

    pub(super) fn add_receiver(&self) {
        self.receivers.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn drop_receiver(&self) {
        self.receivers.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn add_sender(&self) {
        self.senders.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn drop_sender(&self) {
        // AcqRel: the others' values are before the end.
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.waiting.notify_all();
        }
    }

    /// Whether no sender is left. Looked at before the value, it says that the value is the last.
    pub(super) fn is_closed(&self) -> bool {
        self.senders.load(Ordering::Acquire) == 0
    }
}
