//! Tasks: a future, its state, and everyone who holds on to it. Knows no ring and no loop.
//!
//! A task is one allocation ([`cell`]). Its **owner** ([`OwnedTasks`]) lives on one thread and
//! polls and drops the future there; its **wakers**, **abort handles** and its **join handle** live
//! anywhere. Where an entry is queued is for the [`Schedule`] to say: a [`ReadyQueue`] on the
//! owner's thread, its [`Inbox`] from others.
//!
//! # The protocol
//!
//! The state word has the flags SCHEDULED, COMPLETE, ABORTED, JOIN_INTEREST and JOIN_WAKER, and the
//! reference count. There is no RUNNING flag: who polls is settled by the thread. The rules, which
//! the `SAFETY` comments cite:
//!
//! 1. **The cell lives as long as somebody may look at it.** The owner has a reference until it has
//!    completed the task; the join handle, each waker and each abort handle have one. The waker
//!    that a poll lends to the future has none (the owner's outlives it). Who releases the last one
//!    deallocates, on any thread; by then the future and the output are gone.
//! 2. **SCHEDULED is the queue entry.** Whoever sets it from 0 to 1 makes the one [`Scheduled`] and
//!    queues it; a new task is born with it. The link `queue_next` belongs to who holds the entry:
//!    a thread, or one queue. The owner clears the flag as it takes the entry, *before* it polls,
//!    so a wake during the poll makes a new entry, and every wake is followed by the beginning of a
//!    poll that sees what was written before the wake.
//! 3. **Only the owner, on its thread, polls, cancels and drops the future**, one at a time and
//!    never nested. [`OwnedTasks`] is not `Send` and runs no task of another owner.
//! 4. **Until a task has an owner, its entry stands in for it.** A task made for another loop holds
//!    only a closure, which is `Send`; the first run adopts it. It stays SCHEDULED until then, so
//!    there is no second entry and nobody else to poll or cancel it. The field `owner` is written
//!    before the flag is cleared, and read by who holds the entry. If it cannot be delivered,
//!    dropping the entry cancels it on the spot.
//! 5. **An entry holds no reference while the task lives, and one when it is complete.** The
//!    owner's keeps it. Upon completion with SCHEDULED set, the owner's reference passes to the
//!    entry (or, if the owner needs its own for waking the joiner, the entry gets another). When
//!    that entry surfaces, COMPLETE tells its holder to release it. A wake that sets SCHEDULED on a
//!    complete task makes no entry.
//! 6. **The list of the living is the owner's.** A task is linked when it gets its owner and
//!    unlinked before COMPLETE is set; `owned_prev` and `owned_next` are touched by the owner
//!    alone.
//! 7. **The stage has one user.** Before COMPLETE the owner (rule 4: or the entry). After it, if
//!    JOIN_INTEREST was set at that moment, the join handle, which takes or drops the output. If it
//!    was not, the owner drops the output before it sets COMPLETE.
//! 8. **JOIN_WAKER says who may touch the joiner's waker.** Clear: the handle alone may, and only
//!    while JOIN_INTEREST is set. Set: the handle and the owner may both read it, the owner once
//!    COMPLETE is set. Before COMPLETE only the handle flips the flag, after it only the owner, who
//!    clears it when it has woken the joiner. A handle that goes away before COMPLETE clears it and
//!    drops the waker; one that goes away after COMPLETE and finds it set leaves the waker to the
//!    owner. No waker outlives both.
//! 9. **The context is the owner's** (rule 4: or the entry's). A task that was made in a
//!    [context](crate::context) has it behind its cell; it is current while the future is polled or
//!    dropped, and is taken out and dropped before COMPLETE is set.
//!
//! # What it costs
//! A wake is one read-modify-write, a poll is one, a completion is one (none for the last reference
//! to a detached task), and waking the joiner is one more.

pub(crate) mod budget;
mod cell;
mod error;
mod harness;
mod inbox;
mod join;
mod lazy;
#[cfg(all(test, loom))]
mod models;
mod owned;
mod ready_queue;
mod scheduled;
mod site;
mod state;
mod steal;
#[cfg(all(test, not(loom)))]
mod tests;
mod wait_list;
mod waker;

use std::panic::Location;

pub(crate) use budget::{
    budgeted, budgeted_or_leave, has_left, is_cancelled, poll_proceed, poll_uncancelled, proceed,
    proceed_free, refund, uncancellable, uncancelled,
};
pub use error::JoinError;
pub(crate) use inbox::{Inbox, Pushed, Sleep};
pub use join::{AbortHandle, AbortOnDrop, JoinHandle};
pub(crate) use owned::OwnedTasks;
pub(crate) use ready_queue::ReadyQueue;
pub(crate) use scheduled::Scheduled;
pub(crate) use site::SiteCell;
pub(crate) use steal::StealQueues;
pub(crate) use wait_list::WaitList;

/// Where a task's queue entries go. It is kept in the task.
pub(crate) trait Schedule: Send + Sync + 'static {
    /// Queues an entry, on whatever thread the wake happened: into the owner's ready queue if this
    /// is its thread, otherwise into its inbox, waking it if told to. It must not run the task, nor
    /// panic.
    fn schedule(&self, entry: Scheduled);

    /// The task gets its owner, whose thread this is: for those that are not bound to one from the
    /// beginning. It is called once, before anything is scheduled (rule 4), and must not panic.
    fn adopted(&self) {}
}

/// Makes a task to be run by another loop: a closure that travels there, and makes the future when
/// it first runs.
///
/// Whoever cannot deliver the entry drops it; the closure is then dropped unused, and the handle
/// told.
pub(crate) fn remote<M, F, S>(
    make: M,
    scheduler: S,
    spawned_at: &'static Location<'static>,
) -> (Scheduled, JoinHandle<F::Output>)
where
    M: FnOnce() -> F + Send + 'static,
    F: Future + 'static,
    F::Output: Send + 'static,
    S: Schedule,
{
    let task = cell::RawTask::allocate(lazy::Lazy::new(make), scheduler, None, spawned_at);
    // SAFETY: the task is new: it is scheduled (rule 2), and one of its two references is the
    // handle's.
    unsafe { (task.entry(), JoinHandle::from_raw(task)) }
}
