//! [`Waiters`]: the registry, as its users hold it.

use super::shard::{Registered, Shard};
use super::{AlreadyWaiting, Unclaimed, UnclaimedReason, Waiter, WaitersStats};
use crate::sys::{contained, lock};
use crate::time::{Instant, Sleep, sleep, sleep_until};
use crossbeam_utils::CachePadded;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::Duration;

/// Ended ids that are remembered where the registry does not say: the replies that a peer still has on
/// its way when it is slow, and not a burden (16 bytes and the id, twice, for each).
const RECENT: usize = 4_096;

/// Locks that the ids are spread over where the registry does not say: some for each loop of most
/// machines, so that two loops seldom meet.
const SHARDS: usize = 16;

type Locked<K, V> = CachePadded<Mutex<Shard<K, V>>>;
type Hook<K, V> = dyn Fn(&K, &V, UnclaimedReason) + Send + Sync;

/// A registry of those who wait for replies, by id. Cheap to clone, and for all loops and threads; see
/// the [module](super).
///
/// It closes with the last clone, as no reply can come any more.
pub struct Waiters<K: Eq + Hash + Clone, V>(Arc<Owner<K, V>>);

/// The registry as its users hold it; its waiters hold what is within.
struct Owner<K: Eq + Hash + Clone, V>(Arc<Shared<K, V>>);

pub(super) struct Shared<K, V> {
    shards: Box<[Locked<K, V>]>,
    /// Numbers the registrations.
    turns: CachePadded<AtomicU64>,
    ids: CachePadded<AtomicU64>,
    hook: Option<Box<Hook<K, V>>>,
}

/// Settings of a [`Waiters`].
pub struct WaitersBuilder<K, V> {
    recent: usize,
    shards: usize,
    hook: Option<Box<Hook<K, V>>>,
}

impl<K: Eq + Hash + Clone, V> WaitersBuilder<K, V> {
    /// How many ended ids are remembered to tell late and duplicate replies from unknown ones; 0 for
    /// none. Default 4,096. Each shard remembers its part of them, rounded up.
    pub fn recent(mut self, most: usize) -> Self {
        self.recent = most;
        self
    }

    /// How many locks the ids are spread over, at least 1. Default 16.
    pub fn shards(mut self, number: usize) -> Self {
        self.shards = number.max(1);
        self
    }

    /// Is shown each reply that nobody takes, where it was brought, or where the waiter was dropped
    /// that had it. It may use the registry. A panic in it goes no further.
    ///
    /// ```
    /// use ringmill::correlation::{UnclaimedReason, Waiters};
    /// use std::sync::{Arc, Mutex};
    ///
    /// let lost = Arc::new(Mutex::new(Vec::new()));
    /// let log = lost.clone();
    /// let waiters = Waiters::<u64, &str>::builder()
    ///     .on_unclaimed(move |id, reply, reason| log.lock().unwrap().push((*id, *reply, reason)))
    ///     .build();
    /// let error = waiters.reply(7, "who asked?").unwrap_err();
    /// assert_eq!((error.value, error.reason), ("who asked?", UnclaimedReason::Unknown));
    /// assert_eq!(*lost.lock().unwrap(), [(7, "who asked?", UnclaimedReason::Unknown)]);
    /// ```
    pub fn on_unclaimed(
        mut self,
        hook: impl Fn(&K, &V, UnclaimedReason) + Send + Sync + 'static,
    ) -> Self {
        self.hook = Some(Box::new(hook));
        self
    }

    /// The registry.
    pub fn build(self) -> Waiters<K, V> {
        let recent = self.recent.div_ceil(self.shards);
        let shard = |_| CachePadded::new(Mutex::new(Shard::new(recent)));
        let shared = Shared {
            shards: (0..self.shards).map(shard).collect(),
            turns: CachePadded::default(),
            ids: CachePadded::default(),
            hook: self.hook,
        };
        Waiters(Arc::new(Owner(Arc::new(shared))))
    }
}

impl<K: Eq + Hash + Clone, V> Waiters<K, V> {
    /// A registry with the default settings.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Settings for a registry.
    pub fn builder() -> WaitersBuilder<K, V> {
        WaitersBuilder {
            recent: RECENT,
            shards: SHARDS,
            hook: None,
        }
    }

    /// Waits for the reply with this id, for at most `timeout` from now. It counts as waiting from
    /// this call, and not only from the first poll: register first, then send the request.
    ///
    /// In a closed registry the wait is over at once, as one that was cancelled.
    ///
    /// # Errors
    ///
    /// [`AlreadyWaiting`] if somebody waits for this id.
    pub fn register(&self, id: K, timeout: Duration) -> Result<Waiter<K, V>, AlreadyWaiting<K>> {
        self.register_with(id, sleep(timeout))
    }

    /// Waits for the reply with this id until `deadline`; otherwise as
    /// [`register`](Waiters::register).
    ///
    /// # Errors
    ///
    /// [`AlreadyWaiting`] if somebody waits for this id.
    pub fn register_until(
        &self,
        id: K,
        deadline: Instant,
    ) -> Result<Waiter<K, V>, AlreadyWaiting<K>> {
        self.register_with(id, sleep_until(deadline))
    }

    fn register_with(&self, id: K, deadline: Sleep) -> Result<Waiter<K, V>, AlreadyWaiting<K>> {
        let shared = &self.0.0;
        let turn = shared.turns.fetch_add(1, Ordering::Relaxed);
        let number = shared.shard_of(&id);
        let registered = lock(shared.shard(number)).register(id.clone(), turn);
        let place = match registered {
            Registered::At(place) => Some(place),
            Registered::AlreadyWaiting => return Err(AlreadyWaiting(id)),
            Registered::Closed => None,
        };
        Ok(Waiter::new(shared.clone(), number, place, deadline))
    }

    /// Brings a reply: ends the wait for this id, and wakes who waits, on whatever loop that is.
    ///
    /// # Errors
    ///
    /// [`Unclaimed`] gives the reply back if nobody waits for it, after it was counted and shown to
    /// the hook.
    pub fn reply(&self, id: K, value: V) -> Result<(), Unclaimed<V>> {
        let shared = &self.0.0;
        let replied = lock(shared.shard(shared.shard_of(&id))).reply(id, value);
        match replied {
            Ok(waker) => {
                wake(waker);
                Ok(())
            }
            Err((id, value, reason)) => {
                shared.show(&id, &value, reason);
                Err(Unclaimed { value, reason })
            }
        }
    }

    /// Ends the wait for this id by a cancellation; whether there was one.
    pub fn cancel(&self, id: &K) -> bool {
        let shared = &self.0.0;
        let cancelled = lock(shared.shard(shared.shard_of(id))).cancel(id);
        match cancelled {
            Some(waker) => {
                wake(waker);
                true
            }
            None => false,
        }
    }

    /// Cancels all waits, and those that are registered from now on. Who waits is woken in the order
    /// of registration.
    pub fn close(&self) {
        self.0.0.close();
    }

    /// The counters. Each shard's are of one moment.
    pub fn stats(&self) -> WaitersStats {
        let mut stats = WaitersStats::default();
        for shard in &self.0.0.shards {
            stats += lock(shard).stats();
        }
        stats
    }
}

impl<V> Waiters<u64, V> {
    /// An id that this registry has not given before: 1, 2 and so on.
    pub fn next_id(&self) -> u64 {
        self.0.0.ids.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl<K: Eq + Hash, V> Shared<K, V> {
    /// Which shard an id is in: the same in every run, as it says what is forgotten first.
    fn shard_of(&self, id: &K) -> usize {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        (hasher.finish() % self.shards.len() as u64) as usize
    }

    pub(super) fn shard(&self, number: usize) -> &Mutex<Shard<K, V>> {
        &self.shards[number]
    }

    /// A reply was brought, and its waiter dropped before it looked.
    pub(super) fn untaken(&self, id: &K, value: V) {
        self.show(id, &value, UnclaimedReason::Untaken);
        contained(|| drop(value));
    }

    fn show(&self, id: &K, value: &V, reason: UnclaimedReason) {
        if let Some(hook) = &self.hook {
            contained(|| hook(id, value, reason));
        }
    }
}

impl<K: Eq + Hash + Clone, V> Shared<K, V> {
    fn close(&self) {
        let mut wakers: Vec<(u64, Waker)> = Vec::new();
        for shard in &self.shards {
            wakers.append(&mut lock(shard).close());
        }
        wakers.sort_unstable_by_key(|(turn, _)| *turn);
        for (_, waker) in wakers {
            wake(Some(waker));
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        contained(|| waker.wake());
    }
}

impl<K: Eq + Hash + Clone, V> Drop for Owner<K, V> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<K: Eq + Hash + Clone, V> Default for Waiters<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Eq + Hash + Clone, V> Clone for Waiters<K, V> {
    fn clone(&self) -> Self {
        Waiters(self.0.clone())
    }
}

impl<K: Eq + Hash + Clone, V> fmt::Debug for Waiters<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiters")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl<K, V> fmt::Debug for WaitersBuilder<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitersBuilder")
            .field("recent", &self.recent)
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}
