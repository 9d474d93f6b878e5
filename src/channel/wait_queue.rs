//! [`WaitQueue`]: many who wait, woken in the order of their coming, one for each event or all.
//!
//! A ticket is a place in the queue. Who is woken keeps the ticket and leaves the table; if there
//! was nothing for it after all (somebody overtook it), it comes back to the same place. Who goes
//! away after having been woken, served or not, passes its turn on.

use crate::sys::atomics::{AtomicUsize, Mutex, Ordering, fence, lock};
use crate::sys::contained;
use std::collections::BTreeMap;
use std::task::Waker;

pub(crate) struct WaitQueue {
    /// How many are in the table: written under its lock, read without.
    waiting: AtomicUsize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next_ticket: u64,
    /// Those who wait and have not been woken, by ticket.
    wakers: BTreeMap<u64, Waker>,
}

impl WaitQueue {
    pub(crate) fn new() -> Self {
        WaitQueue {
            waiting: AtomicUsize::new(0),
            table: Mutex::new(Table::default()),
        }
    }

    /// Rule 1: announces that somebody waits. The caller then looks again at what it waits for.
    pub(crate) fn announce(&self, ticket: &mut Option<u64>, waker: &Waker) {
        let waker = waker.clone();
        let mut table = lock(&self.table);
        let ticket = *ticket.get_or_insert_with(|| {
            table.next_ticket += 1;
            table.next_ticket
        });
        let old = table.wakers.insert(ticket, waker);
        self.waiting.store(table.wakers.len(), Ordering::Relaxed);
        drop(table);
        drop(old);
        fence(Ordering::SeqCst);
    }

    /// Gives a place up; true if its owner had been woken, and so has a turn to pass on.
    #[must_use]
    pub(crate) fn leave(&self, ticket: &mut Option<u64>) -> bool {
        let Some(ticket) = ticket.take() else {
            return false;
        };
        let mut table = lock(&self.table);
        let waker = table.wakers.remove(&ticket);
        self.waiting.store(table.wakers.len(), Ordering::Relaxed);
        drop(table);
        waker.is_none()
    }

    /// Rule 2: after `events` events, wakes as many of those who wait, the first first.
    #[inline]
    pub(crate) fn notify(&self, events: usize) {
        fence(Ordering::SeqCst);
        for _ in 0..events {
            if self.waiting.load(Ordering::Relaxed) == 0 {
                break;
            }
            self.wake_first();
        }
    }

    #[cold]
    fn wake_first(&self) {
        let mut table = lock(&self.table);
        let first = table.wakers.pop_first();
        self.waiting.store(table.wakers.len(), Ordering::Relaxed);
        drop(table);
        if let Some((_, waker)) = first {
            contained(|| waker.wake());
        }
    }

    /// Rule 2, for an event that concerns everybody.
    #[inline]
    pub(crate) fn notify_all(&self) {
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) != 0 {
            self.wake_all();
        }
    }

    #[cold]
    fn wake_all(&self) {
        let mut table = lock(&self.table);
        let wakers = std::mem::take(&mut table.wakers);
        self.waiting.store(0, Ordering::Relaxed);
        drop(table);
        for waker in wakers.into_values() {
            contained(|| waker.wake());
        }
    }
}

/// A place in a [`WaitQueue`] that is left when this is dropped, for those whose turn is nobody
/// else's: receivers that are all woken.
pub(super) struct Place<'a> {
    queue: &'a WaitQueue,
    pub(super) ticket: Option<u64>,
}

impl<'a> Place<'a> {
    pub(super) fn new(queue: &'a WaitQueue) -> Self {
        Place {
            queue,
            ticket: None,
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // All were woken, or none: there is no turn to pass on.
        let _ = self.queue.leave(&mut self.ticket);
    }
}
