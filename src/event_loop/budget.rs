//! The cooperative budget: a task whose resources are always ready still gives the others a turn.

use std::cell::Cell;
use std::task::{Context, Poll, ready};

/// Operations that may succeed in one poll of a task before it must yield. Tokio's figure, which
/// its users' programs are tuned to: large enough that the extra polls cost under a percent.
const OPERATIONS_A_POLL: u32 = 128;

/// Outside of a loop: a plain executor has turns of its own, which nothing here would begin.
const UNLIMITED: u32 = u32::MAX;

thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(UNLIMITED) };
}

/// A task's turn begins.
pub(super) fn refill() {
    LEFT.set(OPERATIONS_A_POLL);
}

/// The thread has left its loop.
pub(super) fn lift() {
    LEFT.set(UNLIMITED);
}

/// Takes one unit. When none is left the task is woken for another turn and must return.
pub(crate) fn poll_proceed(cx: &mut Context<'_>) -> Poll<()> {
    match LEFT.get() {
        0 => {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        UNLIMITED => {}
        left => LEFT.set(left - 1),
    }
    Poll::Ready(())
}

/// Gives a unit back: the operation that it was taken for has to wait. Otherwise a task that looks
/// at more idle resources in one poll than its budget has would never get to the last of them.
pub(crate) fn refund() {
    let left = LEFT.get();
    if left < OPERATIONS_A_POLL {
        LEFT.set(left + 1);
    }
}

/// One operation of the task's turn: taken if it gets something done, given back if it waits.
#[inline]
pub(crate) fn budgeted<'a, T>(
    cx: &mut Context<'a>,
    poll: impl FnOnce(&mut Context<'a>) -> Poll<T>,
) -> Poll<T> {
    ready!(poll_proceed(cx));
    let polled = poll(cx);
    if polled.is_pending() {
        refund();
    }
    polled
}
