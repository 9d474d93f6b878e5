//! What happens to a task: polling, cancelling, completing, joining.
//!
//! The functions of the vtable are generic and small; what does not depend on the future's type is
//! compiled once.

use std::any::Any;
use std::mem::{self, ManuallyDrop};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll, Waker};

use super::Schedule;
use super::cell::{InContext, RawTask, Stage, TaskCell, VTable};
use super::error::JoinError;
use super::state::{Completion, Detach, Join, JoinerWoken, Leave, Output};
use super::waker;
use crate::context;
use crate::sys::atomics::UnsafeCell;
use crate::sys::contained;

/// What a poll left in the stage.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Polled {
    /// The future.
    Pending,
    /// The output: the future is gone, and the task is to be completed.
    Ready,
}

pub(super) fn vtable<F: Future, S: Schedule>() -> &'static VTable {
    &VTable {
        poll: poll::<F, S>,
        cancel: cancel::<F, S>,
        schedule: schedule::<F, S>,
        adopted: adopted::<F, S>,
        take_output: take_output::<F, S>,
        drop_output: drop_output::<F, S>,
        deallocate: deallocate::<F, S>,
    }
}

/// The same for a task that was made in a context: the same code with the context around it.
pub(super) fn vtable_in_context<F: Future, S: Schedule>() -> &'static VTable {
    &VTable {
        poll: poll_in_context::<F, S>,
        cancel: cancel_in_context::<F, S>,
        schedule: schedule::<F, S>,
        adopted: adopted::<F, S>,
        take_output: take_output::<F, S>,
        drop_output: drop_output::<F, S>,
        deallocate: deallocate_in_context::<F, S>,
    }
}

/// Polls the future once.
///
/// # Safety
/// The caller is the owner, on its thread, the task is not complete and is not being polled (rule
/// 3).
// Never inlined, as it would be into `poll_in_context`, and the future with it, once more.
#[inline(never)]
unsafe fn poll<F: Future, S: Schedule>(task: RawTask) -> Polled {
    // SAFETY: rule 1: the owner's reference keeps the cell of a task that is not complete.
    let cell: &TaskCell<F, S> = unsafe { task.cell() };
    // The owner's reference outlives this waker, so it needs none of its own; its clones take
    // theirs.
    let waker = ManuallyDrop::new(waker::waker(task));
    let mut cx = Context::from_waker(&waker);
    let polled = catch_unwind(AssertUnwindSafe(|| {
        cell.stage.with_mut(|stage| {
            // SAFETY: rule 7: the stage is the owner's until the task is complete.
            let Stage::Future(future) = (unsafe { &mut *stage }) else {
                unreachable!()
            };
            // SAFETY: the cell does not move, and the future is dropped in its place.
            unsafe { Pin::new_unchecked(future) }.poll(&mut cx)
        })
    }));
    let output = match polled {
        Ok(Poll::Pending) => return Polled::Pending,
        Ok(Poll::Ready(output)) => Ok(output),
        Err(payload) => Err(JoinError::panic(cell.header.spawned_at, payload)),
    };
    // SAFETY: rule 7.
    let output = match unsafe { drop_stage(&cell.stage) } {
        Ok(()) => output,
        Err(payload) => {
            contained(|| drop(output));
            Err(JoinError::panic(cell.header.spawned_at, payload))
        }
    };
    // SAFETY: rule 7, and the stage holds nothing.
    unsafe { set_stage(&cell.stage, Stage::Output(output)) };
    Polled::Ready
}

/// Drops the future in its place, and stores "cancelled" for an output.
///
/// # Safety
/// As [`poll`], or the caller holds the queue entry of a task that has no owner yet (rule 4).
unsafe fn cancel<F: Future, S: Schedule>(task: RawTask) {
    // SAFETY: rule 1: the owner's reference keeps the cell of a task that is not complete.
    let cell: &TaskCell<F, S> = unsafe { task.cell() };
    // SAFETY: rule 7.
    let error = match unsafe { drop_stage(&cell.stage) } {
        Ok(()) => JoinError::cancelled(cell.header.spawned_at),
        Err(payload) => JoinError::panic(cell.header.spawned_at, payload),
    };
    // SAFETY: rule 7, and the stage holds nothing.
    unsafe { set_stage(&cell.stage, Stage::Output(Err(error))) };
}

/// As [`poll`], in the task's context.
///
/// # Safety
/// As [`poll`], and the task was made in a context.
unsafe fn poll_in_context<F: Future, S: Schedule>(task: RawTask) -> Polled {
    // SAFETY: the caller's contract.
    let polled = unsafe { enter_context::<F, S, _>(task, || poll::<F, S>(task)) };
    if polled == Polled::Ready {
        // SAFETY: as above.
        unsafe { leave_context::<F, S>(task) };
    }
    polled
}

/// As [`cancel`], in the task's context.
///
/// # Safety
/// As [`cancel`], and the task was made in a context.
unsafe fn cancel_in_context<F: Future, S: Schedule>(task: RawTask) {
    // SAFETY: the caller's contract.
    unsafe {
        enter_context::<F, S, _>(task, || cancel::<F, S>(task));
        leave_context::<F, S>(task);
    }
}

/// # Safety
/// The caller is the owner (rule 9) of a task that was made in a context and is not complete.
unsafe fn enter_context<F: Future, S, R>(task: RawTask, run: impl FnOnce() -> R) -> R {
    // SAFETY: rule 1: the owner's reference keeps the cell of a task that is not complete.
    let whole: &InContext<F, S> = unsafe { task.in_context() };
    // SAFETY: rule 9: nobody writes it meanwhile.
    let run = |context: *const _| context::enter(unsafe { &*context }, run);
    whole.context.with(run)
}

/// Drops the task's context.
///
/// # Safety
/// As [`enter_context`], and the future is gone.
unsafe fn leave_context<F: Future, S>(task: RawTask) {
    // SAFETY: rule 1: the owner's reference keeps the cell of a task that is not complete.
    let whole: &InContext<F, S> = unsafe { task.in_context() };
    // SAFETY: rule 9: nobody looks at it.
    let take = |context: *mut _| mem::take(unsafe { &mut *context });
    let left = whole.context.with_mut(take);
    contained(|| drop(left));
}

/// Cancels a task that may have nothing to do with what the thread is at: in its own context, or in
/// none. (A loop that runs a task is in none anyway, and its polls need not see to it.)
///
/// # Safety
/// As [`cancel`].
pub(super) unsafe fn cancel_anywhere(task: RawTask) {
    // SAFETY: the caller's contract.
    context::detached(|| unsafe { (task.vtable().cancel)(task) });
}

/// # Safety
/// As [`RawTask::schedule`].
unsafe fn schedule<F: Future, S: Schedule>(task: RawTask) {
    // SAFETY: the caller's reference keeps the cell.
    let cell: &TaskCell<F, S> = unsafe { task.cell() };
    // SAFETY: rule 2: the caller has set the flag from 0 to 1.
    cell.scheduler.schedule(unsafe { task.entry() });
}

/// # Safety
/// The caller is the owner, on its thread, and holds the task's first entry (rule 4).
unsafe fn adopted<F: Future, S: Schedule>(task: RawTask) {
    // SAFETY: rule 4: the entry keeps the cell.
    let cell: &TaskCell<F, S> = unsafe { task.cell() };
    cell.scheduler.adopted();
}

/// Moves the output to `to`, a `*mut Result<F::Output, JoinError>`.
///
/// # Safety
/// The caller is the handle, the task is complete (rule 7), and the output was not taken before.
unsafe fn take_output<F: Future, S: Schedule>(task: RawTask, to: *mut ()) {
    // SAFETY: the handle's reference keeps the cell.
    let cell: &TaskCell<F, S> = unsafe { task.cell() };
    cell.stage.with_mut(|stage| {
        // SAFETY: rule 7: the stage of a complete task is the handle's.
        let Stage::Output(output) = (unsafe { &mut *stage }) else {
            unreachable!()
        };
        // SAFETY: the caller's `to` has this type; the original is overwritten without being
        // dropped.
        unsafe {
            ptr::copy_nonoverlapping(output, to.cast(), 1);
            stage.write(Stage::Consumed);
        }
    });
}

/// Drops the output.
///
/// # Safety
/// As [`take_output`], or the caller is the owner and there is no handle left (rule 7).
unsafe fn drop_output<F: Future, S: Schedule>(task: RawTask) {
    // SAFETY: the caller's reference keeps the cell.
    let cell: &TaskCell<F, S> = unsafe { task.cell() };
    // SAFETY: rule 7.
    if let Err(payload) = unsafe { drop_stage(&cell.stage) } {
        contained(|| drop(payload));
    }
}

/// # Safety
/// The caller had the last reference (rule 1).
unsafe fn deallocate<F: Future, S: Schedule>(task: RawTask) {
    let cell = task.as_ptr().cast::<TaskCell<F, S>>();
    // SAFETY: rule 1: nobody else is left; the cell was allocated as a box of this type.
    let cell = unsafe { Box::from_raw(cell.as_ptr()) };
    assert_consumed(&cell);
}

/// # Safety
/// As [`deallocate`].
unsafe fn deallocate_in_context<F: Future, S: Schedule>(task: RawTask) {
    let cell = task.as_ptr().cast::<InContext<F, S>>();
    // SAFETY: rule 1: nobody else is left; the cell was allocated as a box of this type. Rule 9: its
    // context is empty.
    let cell = unsafe { Box::from_raw(cell.as_ptr()) };
    assert_consumed(&cell.cell);
}

fn assert_consumed<F: Future, S>(cell: &TaskCell<F, S>) {
    // SAFETY: who deallocates a task has it alone.
    let consumed = |stage: *const Stage<F>| matches!(unsafe { &*stage }, Stage::Consumed);
    if !cell.stage.with(consumed) {
        // What is in there may be bound to another thread, or to a lifetime that is over.
        std::process::abort();
    }
}

/// Empties the stage in its place, and hands back the panic if a destructor raised one.
///
/// # Safety
/// By rule 7 the stage is the caller's.
unsafe fn drop_stage<F: Future>(stage: &UnsafeCell<Stage<F>>) -> Result<(), Box<dyn Any + Send>> {
    stage.with_mut(|stage| {
        let dropped = if mem::needs_drop::<Stage<F>>() {
            // SAFETY: the stage is the caller's, and is overwritten below without being dropped
            // again.
            catch_unwind(AssertUnwindSafe(|| unsafe { ptr::drop_in_place(stage) }))
        } else {
            Ok(())
        };
        // SAFETY: as above.
        unsafe { stage.write(Stage::Consumed) };
        dropped
    })
}

/// # Safety
/// By rule 7 the stage is the caller's; it holds nothing that needs to be dropped.
unsafe fn set_stage<F: Future>(stage: &UnsafeCell<Stage<F>>, next: Stage<F>) {
    // SAFETY: the caller's contract.
    stage.with_mut(|stage| unsafe { stage.write(next) });
}

/// Announces that the output is in the stage, and disposes of the owner's reference.
///
/// # Safety
/// The caller is the owner (or holds the entry of a task without one), the stage holds the output,
/// and the owner does not use the task afterwards (rule 5).
pub(super) unsafe fn complete(task: RawTask) {
    // SAFETY: rule 1: the owner's reference keeps the cell until `state.complete` has disposed of
    // it.
    let state = unsafe { &task.header().state };
    let mut output = Output::Stored;
    loop {
        match state.complete(output) {
            Completion::Unwanted => {
                // SAFETY: rule 7: there is no handle, and there will be none.
                unsafe { (task.vtable().drop_output)(task) };
                output = Output::Dropped;
            }
            // SAFETY: rule 8: COMPLETE was set with JOIN_WAKER.
            Completion::WakeJoiner => return unsafe { wake_joiner(task) },
            Completion::Done => return,
            // SAFETY: rule 1: nobody else is left.
            Completion::Last => return unsafe { task.deallocate() },
        }
    }
}

/// # Safety
/// The caller has just set COMPLETE, with JOIN_WAKER set, and has kept its reference (rule 8).
unsafe fn wake_joiner(task: RawTask) {
    // SAFETY: rule 8: until JOIN_WAKER is cleared both sides may read the slot.
    let woken = catch_unwind(AssertUnwindSafe(|| unsafe {
        task.with_join_waker(|waker| waker.map(Waker::wake_by_ref))
    }));
    if let Err(payload) = woken {
        contained(|| drop(payload));
    }
    // SAFETY: rule 1: the reference that was kept.
    match unsafe { task.header() }.state.joiner_woken() {
        JoinerWoken::Released => {}
        JoinerWoken::DropWaker => {
            // SAFETY: rule 8: the handle has left, so the slot is the owner's alone.
            contained(|| drop(unsafe { task.replace_join_waker(None) }));
            // SAFETY: rule 1: the reference that was kept.
            unsafe { task.release() };
        }
    }
}

/// The handle's poll: unless it returns `Complete`, `waker` (or one that wakes the same task) is in
/// the slot.
///
/// # Safety
/// The caller is the handle.
pub(super) unsafe fn poll_join(task: RawTask, waker: &Waker) -> Join {
    // SAFETY: rule 1: the handle's reference.
    let state = unsafe { &task.header().state };
    match state.join() {
        Join::Complete => return Join::Complete,
        Join::Pending => {}
        Join::PendingWithWaker => {
            // SAFETY: rule 8: while JOIN_WAKER is set both sides may read the slot, and only the
            // handle clears it as long as JOIN_INTEREST is set and the task is not complete; once
            // it is, the owner only reads.
            if unsafe {
                task.with_join_waker(|known| known.is_some_and(|known| known.will_wake(waker)))
            } {
                return Join::PendingWithWaker;
            }
            if state.reclaim_join_waker() == Join::Complete {
                return Join::Complete;
            }
        }
    }
    // SAFETY: rule 8: JOIN_WAKER is clear and the task was not complete when it was, so the owner
    // will not look.
    drop(unsafe { task.replace_join_waker(Some(waker.clone())) });
    // Should the task have completed meanwhile, the waker stays in the slot, which is the handle's:
    // `leave` drops it.
    state.lend_join_waker()
}

/// The handle goes away without the output.
///
/// # Safety
/// The caller is the handle, and does not use the task afterwards.
pub(super) unsafe fn detach(task: RawTask) {
    // SAFETY: rule 1: the handle's reference keeps the cell until it is released.
    match unsafe { task.header() }.state.detach() {
        Detach::Done => {}
        Detach::DropWaker => {
            // SAFETY: rule 8: the handle has cleared JOIN_WAKER, so the slot is its own.
            contained(|| drop(unsafe { task.replace_join_waker(None) }));
            // SAFETY: the handle's reference.
            unsafe { task.release() };
        }
        Detach::Complete => {
            // SAFETY: rule 7: the stage of a complete task is the handle's.
            unsafe { (task.vtable().drop_output)(task) };
            // SAFETY: the output is gone.
            unsafe { leave(task) };
        }
    }
}

/// The handle goes away, having taken or dropped the output of a complete task.
///
/// # Safety
/// The caller is the handle, and does not use the task afterwards.
#[inline]
pub(super) unsafe fn leave(task: RawTask) {
    // SAFETY: rule 1: the handle's reference keeps the cell until it is released.
    match unsafe { task.header() }.state.leave() {
        Leave::Done => {}
        Leave::DropWaker => {
            // SAFETY: rule 8: the task is complete and JOIN_WAKER is clear, so the owner is done
            // with the slot.
            contained(|| drop(unsafe { task.replace_join_waker(None) }));
            // SAFETY: the handle's reference.
            unsafe { task.release() };
        }
    }
}
