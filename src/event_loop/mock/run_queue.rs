//! The tasks that a loop is about to run: in the order in which they came, or in one drawn by lot.

use crate::task::{ReadyQueue, Scheduled};
use fastrand::Rng;
use std::cell::RefCell;

pub(in crate::event_loop) struct RunQueue {
    arrived: ReadyQueue,
    lots: Option<RefCell<Lots>>,
}

/// What is ready, in no order.
struct Lots {
    bag: Vec<Scheduled>,
    random: Rng,
}

impl RunQueue {
    /// With a seed each task is drawn from all that are ready then.
    pub(in crate::event_loop) fn new(seed: Option<u64>) -> Self {
        let lots = |seed| {
            RefCell::new(Lots {
                bag: Vec::new(),
                random: Rng::with_seed(seed),
            })
        };
        RunQueue {
            arrived: ReadyQueue::new(),
            lots: seed.map(lots),
        }
    }

    #[inline]
    pub(in crate::event_loop) fn push_back(&self, entry: Scheduled) {
        self.arrived.push_back(entry);
    }

    #[inline]
    pub(in crate::event_loop) fn push_front(&self, entry: Scheduled) {
        self.arrived.push_front(entry);
    }

    #[inline]
    pub(in crate::event_loop) fn append(&self, other: &ReadyQueue) {
        self.arrived.append(other);
    }

    #[inline]
    pub(in crate::event_loop) fn pop_front(&self) -> Option<Scheduled> {
        match &self.lots {
            None => self.arrived.pop_front(),
            Some(lots) => lots.borrow_mut().draw(&self.arrived),
        }
    }

    #[inline]
    pub(in crate::event_loop) fn is_empty(&self) -> bool {
        let is_drawn = |lots: &RefCell<Lots>| lots.borrow().bag.is_empty();
        self.arrived.is_empty() && self.lots.as_ref().is_none_or(is_drawn)
    }
}

impl Lots {
    fn draw(&mut self, arrived: &ReadyQueue) -> Option<Scheduled> {
        while let Some(entry) = arrived.pop_front() {
            self.bag.push(entry);
        }
        let count = self.bag.len();
        (count > 0).then(|| self.bag.swap_remove(self.random.usize(..count)))
    }
}
