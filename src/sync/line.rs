//! [`Line`]: those who wait, in the order of their coming, each in a place of its own.
//!
//! Plain data, to be kept under whatever lock its owner has. Places are linked through a table, so
//! that coming, being served and going away from the middle cost the same however long the line is,
//! and nothing is allocated once the table has grown to the most that have ever waited.
//!
//! Who is served keeps the place until it has come for what it was given, or has gone away: so what
//! was given to somebody who went away can be found, and passed on.
//!
//! event-listener has such a list, too. It wakes whom an event is for and leaves it to them to get
//! there first, and each waiter is an allocation; here the event itself is handed over, under the
//! lock that orders them.

use crate::sys::contained;
use slab::Slab;
use std::task::Waker;

/// Room in the table that is kept when nobody waits.
const KEPT: usize = 64;

/// The end of the line, either end.
const NOBODY: usize = usize::MAX;

/// A line of those who want `N`, and get `G`.
pub(crate) struct Line<N, G> {
    places: Slab<Place<N, G>>,
    first: usize,
    last: usize,
    /// How many have not been served.
    waiting: usize,
}

struct Place<N, G> {
    state: State<N, G>,
    before: usize,
    behind: usize,
}

enum State<N, G> {
    Waits { need: N, waker: Waker },
    Served(G),
}

/// What somebody in the line finds.
#[must_use]
pub(crate) enum Found<G> {
    /// It was served; its place is gone.
    Served(G),
    /// It waits, and will be woken. The waker that was there is to be dropped outside of the lock.
    Waits(Option<Waker>),
    /// It waits with another waker: one is to be cloned outside of the lock and brought along.
    WakerNeeded,
}

/// Where somebody was who left the line.
#[must_use]
pub(crate) enum Left<G> {
    Waiting(Waker),
    Served(G),
}

impl<N, G> Line<N, G> {
    pub(crate) const fn new() -> Self {
        Line {
            places: Slab::new(),
            first: NOBODY,
            last: NOBODY,
            waiting: 0,
        }
    }

    /// Stands in the line's end, and gives the key of the place.
    pub(crate) fn join(&mut self, need: N, waker: Waker) -> usize {
        let key = self.places.insert(Place {
            state: State::Waits { need, waker },
            before: self.last,
            behind: NOBODY,
        });
        match self.places.get_mut(self.last) {
            Some(last) => last.behind = key,
            None => self.first = key,
        }
        self.last = key;
        self.waiting += 1;
        key
    }

    /// How many wait and have not been served.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// What the first of those who wait needs.
    pub(crate) fn first(&self) -> Option<&N> {
        match &self.places.get(self.first)?.state {
            State::Waits { need, .. } => Some(need),
            State::Served(_) => None,
        }
    }

    /// Serves the first of those who wait, who is then to be woken.
    pub(crate) fn serve_first(&mut self, given: G) -> Option<(N, Waker)> {
        let key = self.first;
        let place = self.places.get_mut(key)?;
        let before = std::mem::replace(&mut place.state, State::Served(given));
        self.unlink(key);
        match before {
            State::Waits { need, waker } => Some((need, waker)),
            State::Served(_) => None,
        }
    }

    /// Looks whether the place `key` was served, and otherwise sees to it that `waker` is the one to
    /// be woken; `fresh` is a clone of it, if there is one already.
    pub(crate) fn look(
        &mut self,
        key: usize,
        waker: &Waker,
        fresh: &mut Option<Waker>,
    ) -> Found<G> {
        if let State::Waits { waker: known, .. } = &mut self.places[key].state {
            return match fresh.take() {
                Some(fresh) => Found::Waits(Some(std::mem::replace(known, fresh))),
                None if known.will_wake(waker) => Found::Waits(None),
                None => Found::WakerNeeded,
            };
        }
        match self.collect(key) {
            Some(given) => Found::Served(given),
            None => unreachable!("it was served"),
        }
    }

    /// Whether the place `key` was served.
    pub(crate) fn is_served(&self, key: usize) -> bool {
        matches!(self.places[key].state, State::Served(_))
    }

    /// What the place `key` was served, which is gone then; `None` if it still waits, as before.
    pub(crate) fn collect(&mut self, key: usize) -> Option<G> {
        if !self.is_served(key) {
            return None;
        }
        match self.leave(key) {
            Left::Served(given) => Some(given),
            Left::Waiting(_) => unreachable!("it was served"),
        }
    }

    /// Gives the place `key` up.
    pub(crate) fn leave(&mut self, key: usize) -> Left<G> {
        if matches!(self.places[key].state, State::Waits { .. }) {
            self.unlink(key);
        }
        let place = self.places.remove(key);
        if self.places.is_empty() && self.places.capacity() > KEPT {
            self.places = Slab::new();
        }
        match place.state {
            State::Waits { waker, .. } => Left::Waiting(waker),
            State::Served(given) => Left::Served(given),
        }
    }

    fn unlink(&mut self, key: usize) {
        let (before, behind) = (self.places[key].before, self.places[key].behind);
        match self.places.get_mut(before) {
            Some(place) => place.behind = behind,
            None => self.first = behind,
        }
        match self.places.get_mut(behind) {
            Some(place) => place.before = before,
            None => self.last = before,
        }
        self.waiting -= 1;
    }
}

/// As many as are woken at a time, between two holds of the lock.
const BATCH: usize = 16;

/// Those who were served under a lock, and are woken after it.
pub(crate) struct Batch {
    wakers: [Option<Waker>; BATCH],
    len: usize,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Batch {
            wakers: [const { None }; BATCH],
            len: 0,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len == BATCH
    }

    pub(crate) fn push(&mut self, waker: Waker) {
        self.wakers[self.len] = Some(waker);
        self.len += 1;
    }

    /// Wakes them in order.
    pub(crate) fn wake(self) {
        for waker in self.wakers.into_iter().take(self.len).flatten() {
            contained(|| waker.wake());
        }
    }
}
