//! [`WaitList`]: the wakers of those who wait for one event, each in a place of its own.
//!
//! A waker's clone and drop are foreign code, so the list does neither: it takes wakers that were
//! cloned before, and hands back those to be dropped after, whatever lock or borrow it is kept in.

use slab::Slab;
use std::task::Waker;

#[derive(Default)]
pub(crate) struct WaitList(Slab<Waker>);

impl WaitList {
    pub(crate) const fn new() -> Self {
        WaitList(Slab::new())
    }

    /// Puts a waker in the place that `key` names, or in a new one, which `key` names from then on.
    /// Gives back the waker that was there.
    #[must_use = "to be dropped outside of locks and borrows"]
    pub(crate) fn enter(&mut self, key: &mut Option<usize>, waker: Waker) -> Option<Waker> {
        match key.and_then(|key| self.0.get_mut(key)) {
            Some(known) => Some(std::mem::replace(known, waker)),
            None => {
                *key = Some(self.0.insert(waker));
                None
            }
        }
    }

    /// Whether the waker in the place that `key` names wakes the same task.
    pub(crate) fn knows(&self, key: Option<usize>, waker: &Waker) -> bool {
        key.and_then(|key| self.0.get(key))
            .is_some_and(|known| known.will_wake(waker))
    }

    /// Gives a place up.
    #[must_use = "to be dropped outside of locks and borrows"]
    pub(crate) fn leave(&mut self, key: Option<usize>) -> Option<Waker> {
        self.0.try_remove(key?)
    }

    /// Clones of all wakers; everyone keeps the place.
    pub(crate) fn wakers(&self) -> Vec<Waker> {
        self.0.iter().map(|(_, waker)| waker.clone()).collect()
    }

    /// All wakers, for an event that comes once; their places are gone.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Waker> + use<> {
        std::mem::take(&mut self.0)
            .into_iter()
            .map(|(_, waker)| waker)
    }
}
