//! [`Limiter`]: so many at a time of each kind.

use crate::event_loop::{budgeted, is_cancelled};
use crate::sync::{Found, Left, Line};
use crate::sys::{contained, lock};
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
/// A limit for each of many keys, which come and go, is what sets it apart from a
/// [`Semaphore`](crate::sync::Semaphore); where it matters who the borrower is, or the limit changes,
/// there is [`CapacityLimiter`](crate::sync::CapacityLimiter).
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
    keys: Mutex<HashMap<K, Use>>,
}

/// Those who use and those who want one key. There is one while there is anybody.
struct Use {
    in_use: usize,
    line: Line<(), ()>,
}

impl Default for Use {
    fn default() -> Self {
        Use {
            in_use: 0,
            line: Line::new(),
        }
    }
}

impl Use {
    /// A permit for who comes now; nobody overtakes those who wait.
    fn admit(&mut self, most: usize) -> bool {
        let admitted = self.in_use < most && self.line.waiting() == 0;
        self.in_use += usize::from(admitted);
        admitted
    }

    /// Takes a permit back, or hands it to the first who waits, who is then to be woken.
    fn give_back(&mut self) -> Option<Waker> {
        let next = self.line.serve_first(());
        if next.is_none() {
            self.in_use -= 1;
        }
        next.map(|(_, waker)| waker)
    }

    fn is_over(&self) -> bool {
        self.in_use == 0 && self.line.waiting() == 0
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
            place: None,
        }
    }

    /// A permit, if that needs no waiting.
    pub fn try_acquire(&self, key: K) -> Option<Permit<K>> {
        let mut keys = self.shared.keys();
        if !keys.entry(key.clone()).or_default().admit(self.shared.most) {
            return None;
        }
        drop(keys);
        Some(Permit {
            shared: self.shared.clone(),
            key: Some(key),
        })
    }

    /// How many permits are out for a key.
    pub fn in_use(&self, key: &K) -> usize {
        self.shared.keys().get(key).map_or(0, |used| used.in_use)
    }

    /// How many wait for a key.
    pub fn waiting(&self, key: &K) -> usize {
        let keys = self.shared.keys();
        keys.get(key).map_or(0, |used| used.line.waiting())
    }

    /// The limit.
    pub fn most(&self) -> usize {
        self.shared.most
    }
}

impl<K: Hash + Eq> Shared<K> {
    fn keys(&self) -> MutexGuard<'_, HashMap<K, Use>> {
        lock(&self.keys)
    }

    /// Changes the use of a key, and forgets it if it is over.
    fn change<R>(&self, key: K, change: impl FnOnce(&mut Use) -> R) -> R {
        let mut keys = self.keys();
        let Entry::Occupied(mut entry) = keys.entry(key) else {
            unreachable!("it is there while somebody uses its key or waits for it")
        };
        let changed = change(entry.get_mut());
        if entry.get().is_over() {
            entry.remove();
        }
        changed
    }

    /// Gives a permit back.
    fn give_back(&self, key: K) {
        if let Some(next) = self.change(key, Use::give_back) {
            contained(|| next.wake());
        }
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
    /// The place in the line.
    place: Option<usize>,
}

impl<K: Hash + Eq + Clone> Unpin for Acquire<K> {}

impl<K: Hash + Eq + Clone> Future for Acquire<K> {
    type Output = Permit<K>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit<K>> {
        let this = &mut *self;
        let polled = budgeted(cx, |cx| this.poll_turn(cx));
        if polled.is_pending() && is_cancelled() {
            // It will not come for its turn, and may stay for long where something is shielded.
            this.leave();
        }
        polled.map(|()| Permit {
            shared: this.shared.clone(),
            key: this.key.take(),
        })
    }
}

impl<K: Hash + Eq + Clone> Acquire<K> {
    fn poll_turn(&mut self, cx: &Context<'_>) -> Poll<()> {
        let key = self.key.as_ref().expect("the permit is out already");
        // Cloned before the lock is taken, the old one dropped after: a waker's code is foreign.
        let mut fresh = None;
        loop {
            let mut keys = self.shared.keys();
            let used = keys.entry(key.clone()).or_default();
            let Some(place) = self.place else {
                if used.admit(self.shared.most) {
                    return Poll::Ready(());
                }
                if let Some(fresh) = fresh.take() {
                    self.place = Some(used.line.join((), fresh));
                    return Poll::Pending;
                }
                drop(keys);
                fresh = Some(cx.waker().clone());
                continue;
            };
            let found = used.line.look(place, cx.waker(), &mut fresh);
            drop(keys);
            match found {
                Found::Served(()) => {
                    self.place = None;
                    return Poll::Ready(());
                }
                Found::Waits(old) => {
                    drop(old);
                    return Poll::Pending;
                }
                Found::WakerNeeded => fresh = Some(cx.waker().clone()),
            }
        }
    }

    /// Gives up the place in the line.
    fn leave(&mut self) {
        let (Some(key), Some(place)) = (&self.key, self.place.take()) else {
            return;
        };
        let left = self
            .shared
            .change(key.clone(), |used| used.line.leave(place));
        match left {
            Left::Waiting(waker) => drop(waker),
            Left::Served(()) => self.shared.give_back(key.clone()),
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
            self.shared.give_back(key);
        }
    }
}

impl<K: Hash + Eq> fmt::Debug for Permit<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}
