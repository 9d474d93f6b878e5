//! The queue entry: the right to run a task once.

use std::mem;
use std::panic::Location;

use super::cell::RawTask;
use super::harness;
use super::join::AbortHandle;
use super::state::Start;

/// A task that wants to be run, on its way through a queue.
///
/// There is one for each time that SCHEDULED goes from 0 to 1, and never two of a task at a time
/// (rule 2). It goes into a [`ReadyQueue`](super::ReadyQueue) or an [`Inbox`](super::Inbox), and
/// ends in [`OwnedTasks::run`](super::OwnedTasks::run).
///
/// Dropping it is right only where nobody will run it any more, as its loop is gone. What that
/// means depends on the task: a living one is no longer scheduled, and left to its owner to cancel;
/// one that never arrived at an owner is cancelled on the spot, and its closure dropped; of a
/// complete one the entry's reference is released.
#[must_use = "a dropped entry is a lost wake"]
pub(crate) struct Scheduled(RawTask);

// SAFETY: what an entry can do away from the owner's thread is to be queued and to be dropped, and
// neither touches a future: `run` insists on the owner, who never changes its thread, and a task
// without an owner still holds its closure, which is `Send` (rule 4).
unsafe impl Send for Scheduled {}

impl Scheduled {
    /// # Safety
    /// The task is SCHEDULED, and this is its only entry (rule 2).
    #[inline]
    pub(super) unsafe fn from_raw(task: RawTask) -> Self {
        Self(task)
    }

    /// The task, for a queue or an owner that takes the entry over.
    #[inline]
    pub(super) fn into_raw(self) -> RawTask {
        let task = self.0;
        mem::forget(self);
        task
    }

    /// The task, for a look at it.
    #[inline]
    pub(super) fn raw(&self) -> RawTask {
        self.0
    }

    /// A handle to the task.
    pub(crate) fn abort_handle(&self) -> AbortHandle {
        // Rule 5: the entry stands for a reference, the owner's or its own.
        AbortHandle::new(Some(self.0))
    }

    /// Where the task was spawned.
    #[inline]
    pub(crate) fn spawned_at(&self) -> &'static Location<'static> {
        // SAFETY: rule 1: the entry keeps the cell.
        unsafe { self.0.header() }.spawned_at
    }

    /// Whether the task was made for another loop and has not run yet: no owner has adopted it.
    #[inline]
    pub(crate) fn is_new(&self) -> bool {
        // SAFETY: rule 4: the entry is here.
        unsafe { self.0.owner() }.is_none()
    }
}

impl Drop for Scheduled {
    fn drop(&mut self) {
        let task = self.0;
        if self.is_new() {
            // SAFETY: rule 4: without an owner the entry stands in for it, and the closure may be
            // dropped anywhere. That is also why the entry's own reference, which `complete` leaves
            // to it, still keeps the cell below.
            unsafe {
                harness::cancel_anywhere(task);
                harness::complete(task);
            }
        }
        // SAFETY: rule 1: the entry keeps the cell, by the owner's reference or by the one passed
        // on (rule 5).
        match unsafe { task.header() }.state.start() {
            // SAFETY: rule 5: the reference that was passed on.
            Start::Complete => unsafe { task.release() },
            Start::Poll | Start::Cancel => {}
        }
    }
}
