//! [`Limiter`]: so many at a time of each kind.

use crate::event_loop::{budgeted, is_cancelled};
use crate::sys::{contained, lock};
use std::collections::btree_map::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

/// Lets so many at a time through for each key, first come, first served: four look-ups a host, one
/// writer a file. Cheap to clone.
///
/// A [`Permit`] may travel into a job, and is given back where it is dropped. With `()` for a key
/// it is one limit for all.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::blocking::{Limiter, spawn_blocking};
///
/// let per_host = Limiter::new(4);
/// ringmill::block_on(async {
///     let permit = per_host.acquire("example.org").await;
///     let job = spawn_blocking(move || {
///         let _permit = permit;
///         // At most four of these at a time for one host.
///     });
///     job.await.unwrap();
///     assert_eq!(per_host.in_use(&"example.org"), 0);
/// })?;
/// # Ok(())
/// # }
/// ```
pub struct Limiter<K> {
    shared: Arc<Shared<K>>,
}

struct Shared<K> {
    most: usize,
    keys: Mutex<HashMap<K, Line>>,
}

/// Those who use and those who want one key. There is one while there is anybody.
#[derive(Default)]
struct Line {
    in_use: usize,
    next_ticket: u64,
    /// Who waits, in the order of their coming.
    waiting: BTreeMap<u64, Waker>,
}

impl Line {
    /// Those whose turn it is.
    fn next(&self, most: usize) -> Vec<Waker> {
        // Some of them may have been woken before, and be about to come: one wake-up too many.
        let room = most - self.in_use;
        self.waiting.values().take(room).cloned().collect()
    }

    fn is_over(&self) -> bool {
        self.in_use == 0 && self.waiting.is_empty()
    }
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// So many at a time for each key.
    ///
    /// # Panics
    ///
    /// If that is 0.
    pub fn new(most: usize) -> Self {
        assert!(most > 0, "a limit of 0 lets nobody through");
        let keys = Mutex::default();
        Limiter {
            shared: Arc::new(Shared { most, keys }),
        }
    }

    /// Waits for one's turn. Whose turn it is and who does not come, as its future is kept and not
    /// polled, keeps those behind it waiting.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives up the place in the line.
    pub fn acquire(&self, key: K) -> Acquire<K> {
        Acquire {
            shared: self.shared.clone(),
            key: Some(key),
            ticket: None,
        }
    }

    /// A permit, if that needs no waiting.
    pub fn try_acquire(&self, key: K) -> Option<Permit<K>> {
        let mut keys = self.shared.keys();
        let line = keys.entry(key.clone()).or_default();
        if line.in_use == self.shared.most || !line.waiting.is_empty() {
            return None;
        }
        line.in_use += 1;
        drop(keys);
        Some(Permit {
            shared: self.shared.clone(),
            key: Some(key),
        })
    }

    /// How many permits are out for a key.
    pub fn in_use(&self, key: &K) -> usize {
        self.shared.keys().get(key).map_or(0, |line| line.in_use)
    }

    /// How many wait for a key.
    pub fn waiting(&self, key: &K) -> usize {
        let keys = self.shared.keys();
        keys.get(key).map_or(0, |line| line.waiting.len())
    }

    /// The limit.
    pub fn most(&self) -> usize {
        self.shared.most
    }
}

impl<K: Hash + Eq> Shared<K> {
    fn keys(&self) -> MutexGuard<'_, HashMap<K, Line>> {
        lock(&self.keys)
    }

    /// Changes a line, wakes whom that makes room for, and forgets the line if it is over.
    fn change<R>(&self, key: K, change: impl FnOnce(&mut Line) -> R) -> R {
        let mut keys = self.keys();
        let Entry::Occupied(mut entry) = keys.entry(key) else {
            unreachable!("a line is there while somebody uses its key or waits for it")
        };
        let changed = change(entry.get_mut());
        let next = entry.get().next(self.most);
        if entry.get().is_over() {
            entry.remove();
        }
        drop(keys);
        for waker in next {
            contained(|| waker.wake());
        }
        changed
    }
}

impl<K> Clone for Limiter<K> {
    fn clone(&self) -> Self {
        Limiter {
            shared: self.shared.clone(),
        }
    }
}

impl<K> fmt::Debug for Limiter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("most", &self.shared.most)
            .finish_non_exhaustive()
    }
}

/// Somebody who waits for a turn; see [`Limiter::acquire`].
#[must_use = "futures do nothing unless polled"]
pub struct Acquire<K: Hash + Eq + Clone> {
    shared: Arc<Shared<K>>,
    /// `None` once the permit is out.
    key: Option<K>,
    ticket: Option<u64>,
}

impl<K: Hash + Eq + Clone> Unpin for Acquire<K> {}

impl<K: Hash + Eq + Clone> Future for Acquire<K> {
    type Output = Permit<K>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit<K>> {
        let polled = budgeted(cx, |cx| self.poll_permit(cx));
        if polled.is_pending() && is_cancelled() {
            // It will not come for its turn, and may stay for long where something is shielded.
            self.leave();
        }
        polled
    }
}

impl<K: Hash + Eq + Clone> Acquire<K> {
    fn poll_permit(&mut self, cx: &Context<'_>) -> Poll<Permit<K>> {
        let key = self.key.clone().expect("the permit is out already");
        // Cloned before the lock is taken, the old one dropped after: a waker's code is foreign.
        let waker = cx.waker().clone();
        let mut keys = self.shared.keys();
        let line = keys.entry(key).or_default();
        let room = self.shared.most - line.in_use;
        let before = match self.ticket {
            Some(ticket) => line.waiting.range(..ticket).count(),
            None => line.waiting.len(),
        };
        if before < room {
            line.in_use += 1;
            let own = self.ticket.take();
            let old = own.and_then(|ticket| line.waiting.remove(&ticket));
            drop(keys);
            drop((old, waker));
            return Poll::Ready(Permit {
                shared: self.shared.clone(),
                key: self.key.take(),
            });
        }
        let next = &mut line.next_ticket;
        let ticket = *self.ticket.get_or_insert_with(|| {
            *next += 1;
            *next
        });
        let old = line.waiting.insert(ticket, waker);
        drop(keys);
        drop(old);
        Poll::Pending
    }

    /// Gives up the place in the line.
    fn leave(&mut self) {
        if let (Some(key), Some(ticket)) = (&self.key, self.ticket.take()) {
            let remove = |line: &mut Line| line.waiting.remove(&ticket);
            let old = self.shared.change(key.clone(), remove);
            drop(old);
        }
    }
}

impl<K: Hash + Eq + Clone> Drop for Acquire<K> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Leave for one, given back when it is dropped.
#[must_use = "it is given back when it is dropped"]
pub struct Permit<K: Hash + Eq> {
    shared: Arc<Shared<K>>,
    /// `None` only while it is dropped.
    key: Option<K>,
}

impl<K: Hash + Eq> Drop for Permit<K> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.shared.change(key, |line| line.in_use -= 1);
        }
    }
}

impl<K: Hash + Eq> fmt::Debug for Permit<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}
