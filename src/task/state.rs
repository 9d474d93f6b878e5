//! The state word: five flags and the reference count, and every transition between its values.
//!
//! A transition says what it found in an enum that must be looked at. The rules it enforces are
//! numbered in [`task`](super).

use crate::sys::atomics::{AtomicUsize, Ordering};

/// The task is in a queue, or on its way into one.
const SCHEDULED: usize = 1 << 0;
/// The future has been dropped and the stage holds the output.
const COMPLETE: usize = 1 << 1;
/// The task is to be cancelled when it next runs.
const ABORTED: usize = 1 << 2;
/// There is a join handle, and with it somebody who may want the output.
const JOIN_INTEREST: usize = 1 << 3;
/// The joiner's waker is in its slot, and both sides may read it (rule 8).
const JOIN_WAKER: usize = 1 << 4;
/// One reference.
const REFERENCE: usize = 1 << 5;

/// Beyond this a leak of wakers is about to wrap the count around: the process aborts, as `Arc`
/// does.
const MAX_WORD: usize = isize::MAX as usize;

/// A new task is scheduled and is referred to by its loop and by its join handle.
const NEW: usize = SCHEDULED | JOIN_INTEREST | (2 * REFERENCE);

pub(super) struct State(AtomicUsize);

/// What a wake or an abort must do next.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// The flag went from 0 to 1: the caller now holds the task's only queue entry, and must queue
    /// it.
    Enqueue,
    /// It is in a queue already, or complete.
    Nothing,
}

/// What a queue entry that was taken from its queue is good for.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    Poll,
    /// Drop the future, the output is "cancelled".
    Cancel,
    /// The task completed while it was queued: the entry holds a reference, to be released.
    Complete,
}

/// Whether the output is still in its stage when the owner announces completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    Stored,
    Dropped,
}

/// What an owner that completes a task must do next.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Completion {
    /// Nothing was done, as nobody will ever take the output: drop it, then try again.
    Unwanted,
    /// Complete. Wake the joiner, then `joiner_woken`, which releases the owner's reference.
    WakeJoiner,
    /// Complete, and the owner's reference is gone: released, or passed to the queue entry.
    Done,
    /// As `Done`, and it was the last: deallocate.
    Last,
}

/// What an owner that has woken the joiner must do next.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum JoinerWoken {
    /// The owner's reference is released; the waker is the handle's to drop.
    Released,
    /// The handle is gone: drop the waker in the slot, then release the owner's reference.
    DropWaker,
}

/// Whether a reference was the last.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Release {
    Last,
    Others,
}

/// What a handle finds when it asks.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Join {
    /// The output is the handle's.
    Complete,
    /// Not complete, and the slot is empty and the handle's alone.
    Pending,
    /// Not complete, and the slot holds a waker which the handle may compare but not touch.
    PendingWithWaker,
}

/// What a handle that goes away must do next.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Detach {
    /// Nothing was done, as the task is complete: drop the output, then `leave`.
    Complete,
    /// Detached, and the handle's reference is released.
    Done,
    /// Detached: drop the waker in the slot, then release the handle's reference.
    DropWaker,
}

/// What a handle that is done with the output must do next.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// The handle's reference is released. The owner, who is still waking the joiner, drops the
    /// waker.
    Done,
    /// The slot is the handle's: drop what is in it, then release the handle's reference.
    DropWaker,
}

impl State {
    pub(super) fn new() -> Self {
        Self(AtomicUsize::new(NEW))
    }

    /// Sets SCHEDULED.
    ///
    /// Always a read-modify-write, even when the flag is seen set: what the waker wrote before it
    /// woke must be visible to the poll that the wake asks for, and a plain load publishes nothing.
    /// (It may be satisfied while those writes are still in the store buffer; the owner then clears
    /// the flag, polls, misses them, and the wake is lost.)
    #[inline]
    pub(super) fn wake(&self) -> Wake {
        wake_of(self.0.fetch_or(SCHEDULED, Ordering::AcqRel))
    }

    /// Sets ABORTED, and SCHEDULED so that the owner comes to see it.
    pub(super) fn abort(&self) -> Wake {
        wake_of(self.0.fetch_or(SCHEDULED | ABORTED, Ordering::AcqRel))
    }

    /// Sets ABORTED in a task that runs only once; whether it had not begun, and now will not.
    pub(super) fn abort_unstarted(&self) -> bool {
        let word = self.0.fetch_or(ABORTED, Ordering::AcqRel);
        word & (SCHEDULED | COMPLETE) == SCHEDULED
    }

    pub(super) fn is_aborted(&self) -> bool {
        self.0.load(Ordering::Relaxed) & ABORTED != 0
    }

    /// Clears SCHEDULED, in the name of the queue entry.
    #[inline]
    pub(super) fn start(&self) -> Start {
        // The entry is proof that the flag is set; a subtraction is one instruction where
        // `fetch_and` is a loop.
        let word = self.0.fetch_sub(SCHEDULED, Ordering::AcqRel);
        debug_assert!(
            word & SCHEDULED != 0,
            "a queue entry of a task that is not scheduled"
        );
        if word & (COMPLETE | ABORTED) == 0 {
            Start::Poll
        } else if word & COMPLETE != 0 {
            Start::Complete
        } else {
            Start::Cancel
        }
    }

    /// Sets COMPLETE and disposes of the owner's reference, in one step where no joiner has to be
    /// woken.
    #[inline]
    pub(super) fn complete(&self, output: Output) -> Completion {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            debug_assert!(word & COMPLETE == 0, "a task completed twice");
            if word & JOIN_INTEREST == 0 && output == Output::Stored {
                return Completion::Unwanted;
            }
            let (next, found) = if word & JOIN_WAKER != 0 {
                // The owner keeps its own reference while it reads the waker, so an entry needs
                // another.
                let passed_on = if word & SCHEDULED != 0 { REFERENCE } else { 0 };
                ((word | COMPLETE) + passed_on, Completion::WakeJoiner)
            } else if word & SCHEDULED != 0 {
                (word | COMPLETE, Completion::Done)
            } else if references(word) == 1 {
                // Nobody else is left who could look at the word.
                return Completion::Last;
            } else {
                ((word | COMPLETE) - REFERENCE, Completion::Done)
            };
            match self
                .0
                .compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return found,
                Err(now) => word = now,
            }
        }
    }

    /// Gives the joiner's waker back after `Completion::WakeJoiner`.
    pub(super) fn joiner_woken(&self) -> JoinerWoken {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            debug_assert!(word & (COMPLETE | JOIN_WAKER) == COMPLETE | JOIN_WAKER);
            if word & JOIN_INTEREST == 0 {
                return JoinerWoken::DropWaker;
            }
            let next = word - JOIN_WAKER - REFERENCE;
            match self
                .0
                .compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return JoinerWoken::Released,
                Err(now) => word = now,
            }
        }
    }

    /// What the handle may do now.
    #[inline]
    pub(super) fn join(&self) -> Join {
        join_of(self.0.load(Ordering::Acquire))
    }

    /// Lends the slot, into which the handle has put a waker, to the owner. `Pending` is never
    /// returned.
    pub(super) fn lend_join_waker(&self) -> Join {
        self.toggle_join_waker()
    }

    /// Takes the slot back, so that the handle may put another waker in. `PendingWithWaker` is
    /// never returned.
    pub(super) fn reclaim_join_waker(&self) -> Join {
        self.toggle_join_waker()
    }

    /// Flips JOIN_WAKER, unless the task is complete: from then on only the owner may clear it.
    fn toggle_join_waker(&self) -> Join {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            if word & COMPLETE != 0 {
                return Join::Complete;
            }
            let next = word ^ JOIN_WAKER;
            match self
                .0
                .compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return join_of(next),
                Err(now) => word = now,
            }
        }
    }

    /// Clears JOIN_INTEREST, and JOIN_WAKER with it, unless the task is complete.
    #[inline]
    pub(super) fn detach(&self) -> Detach {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            debug_assert!(word & JOIN_INTEREST != 0);
            if word & COMPLETE != 0 {
                return Detach::Complete;
            }
            let (next, found) = if word & JOIN_WAKER != 0 {
                (word & !(JOIN_INTEREST | JOIN_WAKER), Detach::DropWaker)
            } else {
                // Never the last reference: the owner has one until the task is complete.
                ((word & !JOIN_INTEREST) - REFERENCE, Detach::Done)
            };
            match self
                .0
                .compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return found,
                Err(now) => word = now,
            }
        }
    }

    /// The handle of a complete task goes away, the output taken or dropped.
    #[inline]
    pub(super) fn leave(&self) -> Leave {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            debug_assert!(word & (COMPLETE | JOIN_INTEREST) == COMPLETE | JOIN_INTEREST);
            if word & JOIN_WAKER == 0 {
                return Leave::DropWaker;
            }
            // Never the last reference: the owner releases its own after it has cleared JOIN_WAKER.
            let next = (word & !JOIN_INTEREST) - REFERENCE;
            match self
                .0
                .compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return Leave::Done,
                Err(now) => word = now,
            }
        }
    }

    #[inline]
    pub(super) fn is_complete(&self) -> bool {
        self.0.load(Ordering::Acquire) & COMPLETE != 0
    }

    /// Adds a reference to one that the caller has.
    #[inline]
    pub(super) fn retain(&self) {
        // Relaxed: who passes the new reference on to another thread must synchronise with it
        // anyway.
        if self.0.fetch_add(REFERENCE, Ordering::Relaxed) > MAX_WORD {
            std::process::abort();
        }
    }

    /// Gives up a reference that the caller has.
    #[inline]
    pub(super) fn release(&self) -> Release {
        // With a count of one nobody else can raise it: spare the last owner the read-modify-write.
        if references(self.0.load(Ordering::Acquire)) == 1 {
            return Release::Last;
        }
        match references(self.0.fetch_sub(REFERENCE, Ordering::AcqRel)) {
            1 => Release::Last,
            _ => Release::Others,
        }
    }
}

#[inline]
fn references(word: usize) -> usize {
    word / REFERENCE
}

#[inline]
fn wake_of(before: usize) -> Wake {
    match before & (SCHEDULED | COMPLETE) {
        0 => Wake::Enqueue,
        _ => Wake::Nothing,
    }
}

#[inline]
fn join_of(word: usize) -> Join {
    if word & COMPLETE != 0 {
        Join::Complete
    } else if word & JOIN_WAKER != 0 {
        Join::PendingWithWaker
    } else {
        Join::Pending
    }
}
