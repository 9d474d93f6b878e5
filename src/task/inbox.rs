//! Tasks from other threads: the wakes and the spawns that a loop receives, and whether it sleeps.
//!
//! One word holds both, so that they cannot disagree:
//!
//! ```text
//!  null      the owner is awake, nothing has arrived
//!  SLEEPING  the owner blocks, or is about to; nothing has arrived
//!  CLOSED    the owner is gone
//!  a task    a stack of tasks, linked through `queue_next`, the newest first;
//!            the owner is awake, or somebody has been told to wake it
//!
//!            push                     push: wake the owner
//!  null ───────────────▶ a stack ◀─────────────────────────── SLEEPING
//!   ▲  ◀───────────────     │                                  │    ▲
//!   │         take          │ push                             │    │ try_sleep, from null
//!   │                       └──▶ a stack                       │    │
//!   └──────────────────────────────────────────────────────────┴────┘
//!                        awake; nudge: wake the owner
//! ```
//!
//! Why no wake is lost: all changes are read-modify-writes of the one word, so they have one order,
//! and in it each push is either before the owner's `try_sleep`, which then finds a stack and does
//! not sleep, or after it, and then the first such push finds SLEEPING, and is told to wake the
//! owner. There is no second flag to be out of step with the list, hence nothing for a SeqCst fence
//! to do. A signal may come late, when the owner has been woken by something else and has emptied
//! the inbox: it then wakes an owner that has nothing to do, and no harm is done.
//!
//! The stack is only ever taken whole, so a pusher whose compare-exchange succeeds upon a head that
//! has left and come back (ABA) links to what is really there.

use std::ptr;

use super::cell::{Header, RawTask};
use super::{ReadyQueue, Scheduled};
use crate::sys::atomics::{AtomicPtr, Ordering};

/// What a pusher must do next.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Nothing: the owner is awake, or someone else has been told to wake it.
    Queued,
    /// Wake the owner, which sleeps: nobody else will.
    WakeOwner,
    /// Nothing: the owner is gone, and the entry was dropped, which cancelled a task that was new.
    Closed,
}

/// Whether the owner may block.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sleep {
    /// From now on the next pusher wakes the owner.
    Announced,
    /// Something has arrived (or the inbox is closed).
    HasWork,
}

/// A queue of tasks from any thread to one owner, which also knows whether that owner sleeps.
///
/// It drops what is left in it with it.
pub(crate) struct Inbox {
    head: AtomicPtr<Header>,
}

/// Neither is the address of anything, see below.
const SLEEPING: *mut Header = ptr::without_provenance_mut(1);
const CLOSED: *mut Header = ptr::without_provenance_mut(2);

const _: () = assert!(
    align_of::<Header>() > 2,
    "a header could lie at a sentinel's address"
);

impl Inbox {
    /// An empty inbox with an owner that is awake.
    pub(crate) fn new() -> Self {
        Self {
            head: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Queues a task. Any thread.
    pub(crate) fn push(&self, entry: Scheduled) -> Pushed {
        let task = entry.into_raw();
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            if head == CLOSED {
                // SAFETY: rule 2: it came in as an entry, and is in no queue.
                drop(unsafe { Scheduled::from_raw(task) });
                return Pushed::Closed;
            }
            // SAFETY: rule 2: the entry is here until the exchange succeeds.
            unsafe { task.set_queue_next(stacked(head)) };
            // Release: the link, and all of a new task. (What a waker did before it woke is
            // published by the state word.)
            match self.head.compare_exchange_weak(
                head,
                task.as_ptr().as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) if head == SLEEPING => return Pushed::WakeOwner,
                Ok(_) => return Pushed::Queued,
                Err(now) => head = now,
            }
        }
    }

    /// Makes the owner look around, without a task: for flags that live elsewhere. Any thread.
    ///
    /// The caller sets its flag first, then nudges; the owner announces its sleep first, then looks
    /// at the flag, and does not block if it is set. Of the two read-modify-writes one comes first:
    /// if the owner's, the nudge finds SLEEPING and the owner is woken; if the nudge's, the owner's
    /// acquires what it released, the flag. (That is why a nudge writes even when there is nothing
    /// to change.)
    pub(crate) fn nudge(&self) -> Pushed {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            let next = match head {
                CLOSED => return Pushed::Closed,
                SLEEPING => ptr::null_mut(),
                unchanged => unchanged,
            };
            match self
                .head
                .compare_exchange_weak(head, next, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) if head == SLEEPING => return Pushed::WakeOwner,
                Ok(_) => return Pushed::Queued,
                Err(now) => head = now,
            }
        }
    }

    /// Whether the owner has announced its sleep, as far as a glance can tell. Any thread.
    pub(crate) fn is_asleep(&self) -> bool {
        self.head.load(Ordering::Relaxed) == SLEEPING
    }

    /// Takes all that has arrived, the oldest first. The owner alone.
    #[inline]
    pub(crate) fn take(&self) -> ReadyQueue {
        if self.is_empty() {
            return ReadyQueue::new();
        }
        // Only the owner, who is here, replaces a stack by something else.
        fifo(stacked(self.head.swap(ptr::null_mut(), Ordering::Acquire)))
    }

    /// Whether nothing has arrived, as far as a glance can tell: for a loop that spins, and as the
    /// cheap first question of each tick. What it misses `try_sleep` does not.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        stacked(self.head.load(Ordering::Relaxed)).is_none()
    }

    /// Announces that the owner is about to block, unless something has arrived. The owner alone,
    /// who afterwards calls [`awake`](Self::awake), whether it has blocked or not.
    pub(crate) fn try_sleep(&self) -> Sleep {
        match self.head.compare_exchange(
            ptr::null_mut(),
            SLEEPING,
            Ordering::Acquire,
            Ordering::Acquire,
        ) {
            Ok(_) => Sleep::Announced,
            Err(_) => Sleep::HasWork,
        }
    }

    /// Takes the announcement back, if nobody has acted upon it yet. The owner alone.
    pub(crate) fn awake(&self) {
        // Either way the owner goes on to look at everything: acquire what the nudge was about.
        let _ = self.head.compare_exchange(
            SLEEPING,
            ptr::null_mut(),
            Ordering::Acquire,
            Ordering::Acquire,
        );
    }

    /// Lets nothing in any more, and takes what has arrived. The owner alone.
    pub(crate) fn close(&self) -> ReadyQueue {
        fifo(stacked(self.head.swap(CLOSED, Ordering::Acquire)))
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        drop(self.close());
    }
}

/// The newest task of a stack, if the word is one.
#[inline]
fn stacked(head: *mut Header) -> Option<RawTask> {
    match head {
        SLEEPING | CLOSED => None,
        head => ptr::NonNull::new(head).map(RawTask::from_ptr),
    }
}

/// Turns a stack, which the caller has taken, around.
fn fifo(mut newest: Option<RawTask>) -> ReadyQueue {
    let queue = ReadyQueue::new();
    while let Some(task) = newest {
        // SAFETY: rule 2: whoever took the stack holds the entries of all that is in it.
        unsafe {
            newest = task.queue_next();
            queue.push_front(Scheduled::from_raw(task));
        }
    }
    queue
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

    fn entry(tasks: &OwnedTasks) -> Scheduled {
        tasks.spawn(async {}, Nowhere, Location::caller()).0
    }

    #[test]
    fn an_inbox_gives_back_the_oldest_first() {
        let (tasks, inbox) = (OwnedTasks::new(), Inbox::new());
        assert!(inbox.is_empty() && inbox.take().is_empty());
        let sent = [entry(&tasks), entry(&tasks), entry(&tasks)].map(|entry| {
            let task = entry.raw();
            assert_eq!(inbox.push(entry), Pushed::Queued);
            task
        });
        assert!(!inbox.is_empty());
        let taken = inbox.take();
        assert_eq!(taken.len(), 3);
        assert!(inbox.is_empty());
        let taken: Vec<_> = std::iter::from_fn(|| taken.pop_front())
            .map(|entry| entry.raw())
            .collect();
        assert_eq!(taken, sent);
    }

    #[test]
    fn only_the_first_push_to_a_sleeper_wakes_it() {
        let (tasks, inbox) = (OwnedTasks::new(), Inbox::new());
        assert_eq!(inbox.try_sleep(), Sleep::Announced);
        assert!(inbox.is_empty() && inbox.take().is_empty());
        assert_eq!(inbox.push(entry(&tasks)), Pushed::WakeOwner);
        assert_eq!(inbox.push(entry(&tasks)), Pushed::Queued);
        inbox.awake();
        assert_eq!(inbox.try_sleep(), Sleep::HasWork);
        inbox.awake();
        assert_eq!(inbox.take().len(), 2);
        assert_eq!(inbox.try_sleep(), Sleep::Announced);
        inbox.awake();
        assert_eq!(inbox.push(entry(&tasks)), Pushed::Queued);
    }

    #[test]
    fn a_nudge_wakes_a_sleeper_once_and_leaves_tasks_alone() {
        let (tasks, inbox) = (OwnedTasks::new(), Inbox::new());
        assert_eq!(inbox.nudge(), Pushed::Queued);
        assert_eq!(inbox.try_sleep(), Sleep::Announced);
        assert_eq!(inbox.nudge(), Pushed::WakeOwner);
        assert_eq!(inbox.nudge(), Pushed::Queued);
        inbox.awake();
        assert_eq!(inbox.push(entry(&tasks)), Pushed::Queued);
        assert_eq!(inbox.nudge(), Pushed::Queued);
        assert_eq!(inbox.take().len(), 1);
    }

    #[test]
    fn a_closed_inbox_lets_nothing_in() {
        let (tasks, inbox) = (OwnedTasks::new(), Inbox::new());
        assert_eq!(inbox.push(entry(&tasks)), Pushed::Queued);
        assert_eq!(inbox.close().len(), 1);
        assert_eq!(inbox.push(entry(&tasks)), Pushed::Closed);
        assert_eq!(inbox.nudge(), Pushed::Closed);
        assert_eq!(inbox.try_sleep(), Sleep::HasWork);
        inbox.awake();
        assert!(inbox.take().is_empty() && inbox.close().is_empty());
        assert_eq!(inbox.push(entry(&tasks)), Pushed::Closed);
    }
}
