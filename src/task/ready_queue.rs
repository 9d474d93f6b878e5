//! The tasks that a loop is about to run: a FIFO through the tasks' own links, for the owner's
//! thread.

use std::cell::Cell;

use super::Scheduled;
use super::cell::RawTask;

/// An intrusive FIFO of queue entries. It allocates nothing, and drops what is left in it with it.
#[derive(Default)]
pub(crate) struct ReadyQueue {
    ends: Cell<Option<Ends>>,
    len: Cell<usize>,
}

/// The first task and the last; the same, if it is the only one. The last one's link is `None`.
#[derive(Clone, Copy)]
struct Ends {
    front: RawTask,
    back: RawTask,
}

impl ReadyQueue {
    pub(crate) const fn new() -> Self {
        Self {
            ends: Cell::new(None),
            len: Cell::new(0),
        }
    }

    #[inline]
    pub(crate) fn push_back(&self, entry: Scheduled) {
        let task = entry.into_raw();
        // SAFETY: rule 2: the queue holds the entries of `task` and of `back`.
        unsafe { task.set_queue_next(None) };
        let front = match self.ends.get() {
            None => task,
            Some(Ends { front, back }) => {
                // SAFETY: as above.
                unsafe { back.set_queue_next(Some(task)) };
                front
            }
        };
        self.ends.set(Some(Ends { front, back: task }));
        self.len.set(self.len.get() + 1);
    }

    /// Puts a task before all others.
    #[inline]
    pub(crate) fn push_front(&self, entry: Scheduled) {
        let task = entry.into_raw();
        let ends = self.ends.get();
        // SAFETY: rule 2: the queue holds the entry.
        unsafe { task.set_queue_next(ends.map(|ends| ends.front)) };
        self.ends.set(Some(Ends {
            front: task,
            back: ends.map_or(task, |ends| ends.back),
        }));
        self.len.set(self.len.get() + 1);
    }

    #[inline]
    pub(crate) fn pop_front(&self) -> Option<Scheduled> {
        let Ends { front, back } = self.ends.get()?;
        // SAFETY: rule 2: the queue holds the entry.
        let next = unsafe { front.queue_next() };
        self.ends.set(next.map(|front| Ends { front, back }));
        self.len.set(self.len.get() - 1);
        // SAFETY: rule 2: it came in as an entry, and is in no queue now.
        Some(unsafe { Scheduled::from_raw(front) })
    }

    /// Moves all of `other` behind what is here, in order and at once.
    pub(crate) fn append(&self, other: &ReadyQueue) {
        let Some(theirs) = other.ends.take() else {
            return;
        };
        let front = match self.ends.get() {
            None => theirs.front,
            Some(ours) => {
                // SAFETY: rule 2: the queue holds the entry of its last task.
                unsafe { ours.back.set_queue_next(Some(theirs.front)) };
                ours.front
            }
        };
        self.ends.set(Some(Ends {
            front,
            back: theirs.back,
        }));
        self.len.set(self.len.get() + other.len.take());
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.ends.get().is_none()
    }

    #[inline]
    #[allow(dead_code, reason = "the depth, for whoever measures or balances")]
    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }
}

impl Drop for ReadyQueue {
    fn drop(&mut self) {
        while let Some(entry) = self.pop_front() {
            drop(entry);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::panic::Location;

    use super::*;
    use crate::task::{OwnedTasks, Schedule};

    struct Nowhere;

    impl Schedule for Nowhere {
        fn schedule(&self, entry: Scheduled) {
            drop(entry);
        }
    }

    fn entries<const N: usize>(tasks: &OwnedTasks) -> [Scheduled; N] {
        std::array::from_fn(|_| tasks.spawn(async {}, Nowhere, Location::caller()).0)
    }

    fn order(queue: &ReadyQueue) -> Vec<RawTask> {
        std::iter::from_fn(|| queue.pop_front())
            .map(|entry| entry.raw())
            .collect()
    }

    #[test]
    fn a_ready_queue_is_first_in_first_out_and_may_be_jumped() {
        let (tasks, queue) = (OwnedTasks::new(), ReadyQueue::new());
        let [a, b, c] = entries::<3>(&tasks);
        let expected = [&c, &a, &b].map(|entry| entry.raw());
        assert!(queue.is_empty() && queue.pop_front().is_none());
        queue.push_back(a);
        queue.push_back(b);
        queue.push_front(c);
        assert!(!queue.is_empty());
        assert_eq!(queue.len(), 3);
        assert_eq!(order(&queue), expected);
        assert_eq!((queue.len(), queue.is_empty()), (0, true));
        queue.push_front(entries::<1>(&tasks).into_iter().next().unwrap());
        assert_eq!(order(&queue).len(), 1);
    }

    #[test]
    fn appending_keeps_both_orders_and_empties_the_other() {
        let tasks = OwnedTasks::new();
        for (here, there) in [(0, 0), (0, 2), (2, 0), (2, 2), (1, 1)] {
            let (queue, other) = (ReadyQueue::new(), ReadyQueue::new());
            let mut expected = Vec::new();
            for (queue, count) in [(&queue, here), (&other, there)] {
                for entry in entries::<2>(&tasks).into_iter().take(count) {
                    expected.push(entry.raw());
                    queue.push_back(entry);
                }
            }
            queue.append(&other);
            assert_eq!((queue.len(), other.len()), (here + there, 0));
            assert!(other.is_empty());
            let [last] = entries::<1>(&tasks);
            expected.push(last.raw());
            queue.push_back(last);
            assert_eq!(order(&queue), expected);
        }
    }
}
