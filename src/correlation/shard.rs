//! [`Shard`]: the part of a registry that is under one lock. It wakes nobody, and drops
//! neither replies nor wakers.
//!
//! ```text
//!  ids                         waits                      recent
//!  id ─► Waiting(place) ─────► Waiting, its waker
//!        │                       │ reply, cancel
//!        ▼                       ▼
//!  id ─► Ended(number) ◄─────┐ Replied, the reply         (id, number), the oldest first:
//!        │                   │ Cancelled                  forgotten when there are too many
//!        ▼                   │   │ the waiter looks         │
//!  nothing ◄─────────────────│───│──────────────────────────┘
//!                            └── nothing: the waiter has ended it, by its deadline or its drop
//! ```
//!
//! Who ends a wait moves its id from `Waiting` to `Ended`: that is what happens once. The place in
//! `waits` is the waiter's and remains until it has looked, or is dropped.

use super::{UnclaimedReason, WaitError, WaitersStats};
use slab::Slab;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::task::Waker;

pub(super) struct Shard<K, V> {
    ids: HashMap<K, Id>,
    waits: Slab<Wait<K, V>>,
    /// The ids that ended last, with the numbers of their ends.
    recent: VecDeque<(K, u64)>,
    /// How many may be in there.
    most_recent: usize,
    /// Numbers the ends.
    ends: u64,
    closed: bool,
    /// Without those in flight.
    counts: WaitersStats,
    in_flight: usize,
}

enum Id {
    /// In this place.
    Waiting(usize),
    /// It may have been used and have ended before: this is the last time.
    Ended { number: u64, replied: bool },
}

struct Wait<K, V> {
    id: K,
    /// The order of registration.
    turn: u64,
    state: State<V>,
}

enum State<V> {
    /// The waker is there from the first poll on.
    Waiting(Option<Waker>),
    Replied(V),
    Cancelled,
}

/// What came of a registration.
#[must_use]
pub(super) enum Registered {
    At(usize),
    AlreadyWaiting,
    Closed,
}

/// What a waiter finds.
#[must_use]
pub(super) enum Look<V> {
    Ended(Result<V, WaitError>),
    /// Nothing, and its waker is there.
    Waits,
    /// Nothing, and it should leave a waker.
    WakerMissing,
}

/// What a waiter leaves behind.
#[must_use]
pub(super) enum Left<K, V> {
    /// No reply. Its waker is to be dropped outside of the lock.
    Nothing(Option<Waker>),
    Untaken(K, V),
}

impl<K: Eq + Hash, V> Shard<K, V> {
    pub(super) fn new(most_recent: usize) -> Self {
        Shard {
            ids: HashMap::new(),
            waits: Slab::new(),
            recent: VecDeque::new(),
            most_recent,
            ends: 0,
            closed: false,
            counts: WaitersStats::default(),
            in_flight: 0,
        }
    }

    pub(super) fn stats(&self) -> WaitersStats {
        WaitersStats {
            in_flight: self.in_flight,
            ..self.counts
        }
    }

    pub(super) fn register(&mut self, id: K, turn: u64) -> Registered
    where
        K: Clone,
    {
        if self.closed {
            self.counts.cancelled += 1;
            return Registered::Closed;
        }
        // First what may panic, the id's own code.
        let place = self.waits.vacant_key();
        match self.ids.entry(id.clone()) {
            Entry::Occupied(entry) if matches!(entry.get(), Id::Waiting(_)) => {
                return Registered::AlreadyWaiting;
            }
            Entry::Occupied(mut entry) => {
                entry.insert(Id::Waiting(place));
            }
            Entry::Vacant(entry) => {
                entry.insert(Id::Waiting(place));
            }
        }
        let state = State::Waiting(None);
        self.waits.insert(Wait { id, turn, state });
        self.in_flight += 1;
        Registered::At(place)
    }

    /// Ends the wait for `id` with a reply, and gives whom to wake.
    ///
    /// # Errors
    ///
    /// Gives both back if nobody waits.
    pub(super) fn reply(
        &mut self,
        id: K,
        value: V,
    ) -> Result<Option<Waker>, (K, V, UnclaimedReason)> {
        let reason = match self.ids.get_mut(&id) {
            Some(entry @ &mut Id::Waiting(place)) => {
                self.ends += 1;
                *entry = Id::Ended {
                    number: self.ends,
                    replied: true,
                };
                self.counts.replied += 1;
                self.remember(id);
                return Ok(self.turn_into(place, State::Replied(value)));
            }
            Some(Id::Ended { replied: true, .. }) => UnclaimedReason::Duplicate,
            Some(Id::Ended { replied: false, .. }) => UnclaimedReason::Late,
            None => UnclaimedReason::Unknown,
        };
        self.counts.count(reason);
        Err((id, value, reason))
    }

    /// Cancels the wait for `id`, and gives whom to wake; `None` if nobody waits.
    pub(super) fn cancel(&mut self, id: &K) -> Option<Option<Waker>>
    where
        K: Clone,
    {
        let Some(&Id::Waiting(place)) = self.ids.get(id) else {
            return None;
        };
        self.counts.cancelled += 1;
        self.end(id.clone());
        Some(self.turn_into(place, State::Cancelled))
    }

    /// Cancels all waits, now and from now on, and gives whom to wake, with their turns.
    pub(super) fn close(&mut self) -> Vec<(u64, Waker)>
    where
        K: Clone,
    {
        self.closed = true;
        let mut waiting: Vec<(u64, usize)> = Vec::with_capacity(self.in_flight);
        for (place, wait) in &self.waits {
            if let State::Waiting(_) = wait.state {
                waiting.push((wait.turn, place));
            }
        }
        waiting.sort_unstable();
        let mut wakers = Vec::new();
        for (turn, place) in waiting {
            let id = self.waits[place].id.clone();
            self.counts.cancelled += 1;
            self.end(id);
            let waker = self.turn_into(place, State::Cancelled);
            wakers.extend(waker.map(|waker| (turn, waker)));
        }
        wakers
    }

    /// The waiter at `place` looks; its place is gone if it has ended.
    pub(super) fn look(&mut self, place: usize, waker: &Waker) -> Look<V> {
        match &self.waits[place].state {
            State::Waiting(Some(left)) if left.will_wake(waker) => Look::Waits,
            State::Waiting(_) => Look::WakerMissing,
            State::Replied(_) | State::Cancelled => Look::Ended(self.take(place)),
        }
    }

    /// The waiter at `place`, which has just looked, leaves its waker; the one before comes back.
    pub(super) fn leave_waker(&mut self, place: usize, waker: Waker) -> Option<Waker> {
        match &mut self.waits[place].state {
            State::Waiting(left) => left.replace(waker),
            // It looks once more.
            State::Replied(_) | State::Cancelled => Some(waker),
        }
    }

    /// The deadline of the waiter at `place` has come: its place is gone, however it has ended. With
    /// the result comes its waker, to be dropped outside of the lock.
    pub(super) fn time_out(&mut self, place: usize) -> (Result<V, WaitError>, Option<Waker>) {
        if !matches!(self.waits[place].state, State::Waiting(_)) {
            return (self.take(place), None);
        }
        self.counts.timed_out += 1;
        let wait = self.waits.remove(place);
        self.in_flight -= 1;
        self.end(wait.id);
        let waker = match wait.state {
            State::Waiting(waker) => waker,
            State::Replied(_) | State::Cancelled => unreachable!("looked at above"),
        };
        (Err(WaitError::TimedOut), waker)
    }

    /// The waiter at `place` is dropped.
    pub(super) fn leave(&mut self, place: usize) -> Left<K, V> {
        let wait = self.waits.remove(place);
        match wait.state {
            State::Waiting(waker) => {
                self.counts.dropped += 1;
                self.in_flight -= 1;
                self.end(wait.id);
                Left::Nothing(waker)
            }
            State::Replied(value) => {
                self.counts.count(UnclaimedReason::Untaken);
                Left::Untaken(wait.id, value)
            }
            State::Cancelled => Left::Nothing(None),
        }
    }

    fn take(&mut self, place: usize) -> Result<V, WaitError> {
        match self.waits.remove(place).state {
            State::Replied(value) => Ok(value),
            State::Cancelled | State::Waiting(_) => Err(WaitError::Cancelled),
        }
    }

    /// Ends a wait for its waiter, and gives whom to wake.
    fn turn_into(&mut self, place: usize, ended: State<V>) -> Option<Waker> {
        self.in_flight -= 1;
        match std::mem::replace(&mut self.waits[place].state, ended) {
            State::Waiting(waker) => waker,
            State::Replied(_) | State::Cancelled => unreachable!("a wait ended twice"),
        }
    }

    /// The wait for `id` has ended without a reply.
    fn end(&mut self, id: K) {
        self.ends += 1;
        if let Some(entry) = self.ids.get_mut(&id) {
            *entry = Id::Ended {
                number: self.ends,
                replied: false,
            };
        }
        self.remember(id);
    }

    /// Keeps the id that has just ended, for a while, and forgets the oldest.
    fn remember(&mut self, id: K) {
        if self.most_recent == 0 {
            self.ids.remove(&id);
            return;
        }
        if self.recent.len() == self.most_recent
            && let Some((oldest, number)) = self.recent.pop_front()
            && let Entry::Occupied(entry) = self.ids.entry(oldest)
            // Not if it was used again since.
            && matches!(entry.get(), Id::Ended { number: last, .. } if *last == number)
        {
            entry.remove();
        }
        self.recent.push_back((id, self.ends));
    }
}
