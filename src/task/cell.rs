//! The one allocation of a task.
//!
//! ```text
//!  TaskCell<F, S>   who may touch it
//! ┌────────────┐
//! │ state      │   any thread
//! │ vtable     │   read only
//! │ queue_next │   the queue entry (rule 2)
//! │ owner      │   the queue entry (rule 4)
//! │ prev, next │   the owner (rule 6)
//! │ join_waker │   the handle, or both it and the owner (rule 8)
//! │ spawned_at │   read only
//! ├────────────┤   so far the Header, the same for every task
//! │ scheduler  │   read only
//! │ stage      │   the future, then the output: the owner, then the handle (rule 7)
//! ├────────────┤   so far the TaskCell; a task that was made in a context goes on
//! │ context    │   the owner (rule 9)
//! └────────────┘
//! ```
//!
//! Everything outside goes through [`RawTask`], a pointer to the header that may reach the whole
//! cell.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::panic::Location;
use std::ptr::NonNull;
use std::task::Waker;

use super::error::JoinError;
use super::harness::{self, Polled};
use super::state::{Release, State};
use super::{Schedule, Scheduled};
use crate::context::{self, Context};
use crate::sys::atomics::UnsafeCell;

/// Names an [`OwnedTasks`](super::OwnedTasks), once and for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OwnerId(pub(super) NonZeroUsize);

pub(super) struct Header {
    pub(super) state: State,
    vtable: &'static VTable,
    /// The link of the queue that holds the entry: a ready queue or an inbox, never both (rule 2).
    queue_next: UnsafeCell<Option<RawTask>>,
    /// The owner, once there is one (rule 4).
    owner: UnsafeCell<Option<OwnerId>>,
    /// The owner's list of living tasks.
    pub(super) owned_prev: Cell<Option<RawTask>>,
    pub(super) owned_next: Cell<Option<RawTask>>,
    join_waker: UnsafeCell<Option<Waker>>,
    pub(super) spawned_at: &'static Location<'static>,
}

#[repr(C)]
pub(super) struct TaskCell<F: Future, S> {
    pub(super) header: Header,
    pub(super) scheduler: S,
    pub(super) stage: UnsafeCell<Stage<F>>,
}

/// A task that was made in a context.
#[repr(C)]
pub(super) struct InContext<F: Future, S> {
    pub(super) cell: TaskCell<F, S>,
    pub(super) context: UnsafeCell<Context>,
}

pub(super) enum Stage<F: Future> {
    Future(F),
    Output(Result<F::Output, JoinError>),
    Consumed,
}

/// What depends on the types of the future and the scheduler.
pub(super) struct VTable {
    pub(super) poll: unsafe fn(RawTask) -> Polled,
    pub(super) cancel: unsafe fn(RawTask),
    pub(super) schedule: unsafe fn(RawTask),
    pub(super) adopted: unsafe fn(RawTask),
    pub(super) take_output: unsafe fn(RawTask, *mut ()),
    pub(super) drop_output: unsafe fn(RawTask),
    pub(super) deallocate: unsafe fn(RawTask),
}

/// A pointer to a task, with no claim to it: who uses one holds a reference, the queue entry, or is
/// the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawTask(NonNull<Header>);

impl RawTask {
    /// Allocates a task, which starts scheduled and with two references: the owner's and the
    /// handle's. If a context is current, it has that.
    #[inline]
    pub(super) fn allocate<F, S>(
        future: F,
        scheduler: S,
        owner: Option<OwnerId>,
        spawned_at: &'static Location<'static>,
    ) -> Self
    where
        F: Future,
        S: Schedule,
    {
        let cell = |vtable| TaskCell {
            header: Header {
                state: State::new(),
                vtable,
                queue_next: UnsafeCell::new(None),
                owner: UnsafeCell::new(owner),
                owned_prev: Cell::new(None),
                owned_next: Cell::new(None),
                join_waker: UnsafeCell::new(None),
                spawned_at,
            },
            scheduler,
            stage: UnsafeCell::new(Stage::Future(future)),
        };
        if context::is_set() {
            let whole = Box::new(InContext {
                cell: cell(harness::vtable_in_context::<F, S>()),
                context: UnsafeCell::new(Context::current()),
            });
            Self(NonNull::from(Box::leak(whole)).cast())
        } else {
            let whole = Box::new(cell(harness::vtable::<F, S>()));
            Self(NonNull::from(Box::leak(whole)).cast())
        }
    }

    /// The task whose header this is; what the pointer may reach, the task may.
    pub(super) fn from_ptr(header: NonNull<Header>) -> Self {
        Self(header)
    }

    pub(super) fn as_ptr(self) -> NonNull<Header> {
        self.0
    }

    /// The whole cell.
    ///
    /// # Safety
    /// As [`header`](Self::header), and the task was made with these types.
    pub(super) unsafe fn cell<'a, F: Future, S>(self) -> &'a TaskCell<F, S> {
        // SAFETY: the cell is `repr(C)` with the header first, and the pointer was made from the
        // whole of it.
        unsafe { self.0.cast().as_ref() }
    }

    /// The whole cell, and the context behind it.
    ///
    /// # Safety
    /// As [`cell`](Self::cell), and the task was made in a context.
    pub(super) unsafe fn in_context<'a, F: Future, S>(self) -> &'a InContext<F, S> {
        // SAFETY: as for `cell`, which is the first in it.
        unsafe { self.0.cast().as_ref() }
    }

    /// # Safety
    /// The task is kept from being deallocated for as long as `'a` (rule 1).
    #[inline]
    pub(super) unsafe fn header<'a>(self) -> &'a Header {
        // SAFETY: the caller keeps the cell; of a header only its cells are ever written.
        unsafe { self.0.as_ref() }
    }

    /// # Safety
    /// As [`header`](Self::header).
    #[inline]
    pub(super) unsafe fn vtable(self) -> &'static VTable {
        // SAFETY: the caller keeps the cell.
        unsafe { self.header() }.vtable
    }

    /// # Safety
    /// The caller holds the queue entry, or the queue that does (rule 2).
    #[inline]
    pub(super) unsafe fn queue_next(self) -> Option<RawTask> {
        // SAFETY: rule 2: the entry keeps the cell, and its link is the holder's alone.
        unsafe { self.header() }
            .queue_next
            .with(|next| unsafe { *next })
    }

    /// # Safety
    /// As [`queue_next`](Self::queue_next).
    #[inline]
    pub(super) unsafe fn set_queue_next(self, next: Option<RawTask>) {
        // SAFETY: rule 2: the entry keeps the cell, and its link is the holder's alone.
        unsafe { self.header() }
            .queue_next
            .with_mut(|slot| unsafe { *slot = next });
    }

    /// # Safety
    /// The caller holds the queue entry (rule 4).
    #[inline]
    pub(super) unsafe fn owner(self) -> Option<OwnerId> {
        // SAFETY: rule 4: only the holder of the entry writes it.
        unsafe { self.header() }
            .owner
            .with(|owner| unsafe { *owner })
    }

    /// # Safety
    /// As [`owner`](Self::owner), and the caller is that owner.
    pub(super) unsafe fn set_owner(self, id: OwnerId) {
        // SAFETY: rule 4: only the holder of the entry reads or writes it.
        unsafe { self.header() }
            .owner
            .with_mut(|owner| unsafe { *owner = Some(id) });
    }

    /// Lends the joiner's waker.
    ///
    /// # Safety
    /// By rule 8 the caller may read the slot.
    pub(super) unsafe fn with_join_waker<R>(self, read: impl FnOnce(Option<&Waker>) -> R) -> R {
        // SAFETY: rule 8, held by the caller.
        unsafe { self.header() }
            .join_waker
            .with(|slot| read(unsafe { (*slot).as_ref() }))
    }

    /// Exchanges the joiner's waker.
    ///
    /// # Safety
    /// By rule 8 the slot is the caller's alone.
    pub(super) unsafe fn replace_join_waker(self, waker: Option<Waker>) -> Option<Waker> {
        // SAFETY: rule 8, held by the caller.
        unsafe { self.header() }
            .join_waker
            .with_mut(|slot| std::mem::replace(unsafe { &mut *slot }, waker))
    }

    /// Makes the queue entry of a task whose SCHEDULED flag the caller has just set, and hands it
    /// to the scheduler.
    ///
    /// # Safety
    /// The caller has set the flag from 0 to 1 (rule 2), and holds a reference until this returns,
    /// as the scheduler is in the cell.
    #[inline]
    pub(super) unsafe fn schedule(self) {
        // SAFETY: the caller's reference keeps the cell.
        unsafe { (self.vtable().schedule)(self) };
    }

    /// Makes the queue entry.
    ///
    /// # Safety
    /// The SCHEDULED flag is set and no other entry exists (rule 2).
    pub(super) unsafe fn entry(self) -> Scheduled {
        // SAFETY: rule 2, held by the caller.
        unsafe { Scheduled::from_raw(self) }
    }

    /// Gives up a reference.
    ///
    /// # Safety
    /// The caller has one, and does not use the task afterwards.
    #[inline]
    pub(super) unsafe fn release(self) {
        // SAFETY: the caller's reference keeps the cell until the count drops.
        match unsafe { self.header() }.state.release() {
            // SAFETY: rule 1: nobody else is left.
            Release::Last => unsafe { self.deallocate() },
            Release::Others => {}
        }
    }

    /// # Safety
    /// The caller had the last reference (rule 1).
    pub(super) unsafe fn deallocate(self) {
        // SAFETY: the cell is whole until the function called here frees it.
        unsafe { (self.vtable().deallocate)(self) };
    }
}
