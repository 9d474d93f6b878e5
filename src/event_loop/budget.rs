//! The cooperative budget: a task whose resources are always ready still gives the others a turn.

use std::cell::Cell;
use std::task::{Context, Poll};

/// Operations that may succeed in one poll of a task before it must yield. Tokio's figure, which
/// its users' programs are tuned to: large enough that the extra polls cost under a percent.
const OPERATIONS_A_POLL: u32 = 128;

thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(OPERATIONS_A_POLL) };
}

/// A task's turn begins.
pub(super) fn refill() {
    LEFT.set(OPERATIONS_A_POLL);
}

/// Takes one unit. When none is left the task is woken for another turn and must return.
pub(crate) fn poll_proceed(cx: &mut Context<'_>) -> Poll<()> {
    let left = LEFT.get();
    if left == 0 {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    LEFT.set(left - 1);
    Poll::Ready(())
}

/// Gives a unit back: the operation that it was taken for has to wait. Otherwise a task that looks
/// at more idle resources in one poll than its budget has would never get to the last of them.
pub(crate) fn refund() {
    LEFT.set((LEFT.get() + 1).min(OPERATIONS_A_POLL));
}
