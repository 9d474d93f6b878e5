//! Checkpoints: where a task whose resources are always ready still gives the others a turn, and
//! where one that is cancelled stops.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Operations that may succeed in one poll of a task before it must yield. Tokio's figure, which
/// its users' programs are tuned to: large enough that the extra polls cost under a percent.
const OPERATIONS_A_POLL: u32 = 128;

/// Outside of a loop: a plain executor has turns of its own, which nothing here would begin.
const UNLIMITED: u32 = u32::MAX;

thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(UNLIMITED) };

    /// Whether the code that runs is cancelled; `None` where nothing can cancel it.
    static OBSERVE: Cell<Observe> = const { Cell::new(None) };

    /// Checkpoints that this thread has come to.
    static PASSED: Cell<u64> = const { Cell::new(0) };
}

/// How checkpoints find out whether they are cancelled.
pub(crate) type Observe = Option<fn() -> bool>;

/// Sets how checkpoints find out whether they are cancelled; how they did before.
pub(crate) fn observe_cancellation(observe: Observe) -> Observe {
    OBSERVE.replace(observe)
}

/// Whether anything can cancel the code that runs.
pub(crate) fn is_cancellable() -> bool {
    OBSERVE.get().is_some()
}

/// Runs a closure that nothing outside of it can cancel: who cancels the caller does not poll, and so
/// cannot drop, what the closure runs.
pub(crate) fn uncancellable<R>(run: impl FnOnce() -> R) -> R {
    let _restore = Restore(observe_cancellation(None));
    run()
}

/// Puts back what was observed before, after a panic too.
struct Restore(Observe);

impl Drop for Restore {
    fn drop(&mut self) {
        OBSERVE.set(self.0);
    }
}

/// Whether the code that runs is cancelled: then every checkpoint in it is pending.
#[inline]
pub(crate) fn is_cancelled() -> bool {
    OBSERVE.get().is_some_and(|is_cancelled| is_cancelled())
}

/// Notes a checkpoint that yields in any case, and so needs neither a look at the budget nor one for
/// a cancellation: who runs the task looks when it has yielded.
#[inline]
pub(crate) fn pass() {
    PASSED.set(PASSED.get().wrapping_add(1));
}

/// How many checkpoints this thread has come to so far.
pub(crate) fn checkpoints() -> u64 {
    PASSED.get()
}

/// A task's turn begins.
pub(crate) fn refill() {
    LEFT.set(OPERATIONS_A_POLL);
}

/// The thread has left its loop.
pub(crate) fn lift() {
    LEFT.set(UNLIMITED);
}

/// A checkpoint that looks at the cancellation alone, whatever is left of the budget.
#[inline]
pub(crate) fn poll_uncancelled() -> Poll<()> {
    pass();
    if is_cancelled() {
        Poll::Pending
    } else {
        Poll::Ready(())
    }
}

/// A checkpoint: every operation begins each poll with it. Takes one unit of the budget; when none is
/// left, the task is woken for another turn and must return. So it must where it is cancelled: who
/// runs it then drops it.
#[inline]
pub(crate) fn poll_proceed(cx: &mut Context<'_>) -> Poll<()> {
    ready!(poll_uncancelled());
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

/// Whether the task may do more in this turn.
#[inline]
pub(crate) fn has_left() -> bool {
    LEFT.get() > 0
}

/// Gives a unit back: the operation that it was taken for has to wait. Otherwise a task that looks
/// at more idle resources in one poll than its budget has would never get to the last of them.
#[inline]
pub(crate) fn refund() {
    let left = LEFT.get();
    if left < OPERATIONS_A_POLL {
        LEFT.set(left + 1);
    }
}

/// One poll of an operation: a unit of the budget is taken if it gets done, given back if it waits.
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

/// The part of an operation that waits, behind the checkpoint at which it begins: each poll is one, too,
/// and where the code is cancelled it is not polled any more.
///
/// Not for futures of users': what they shield is to go on.
#[inline]
pub(crate) fn uncancelled<F: Future + Unpin>(
    mut operation: F,
) -> impl Future<Output = F::Output> + Unpin {
    poll_fn(move |cx| {
        ready!(poll_uncancelled());
        Pin::new(&mut operation).poll(cx)
    })
}

/// A checkpoint at which an operation begins that consists of nothing else, or of others.
pub(crate) async fn proceed() {
    poll_fn(poll_proceed).await;
}

/// As [`proceed`], in front of what takes the unit, being an operation by itself.
pub(crate) async fn proceed_free() {
    poll_fn(poll_proceed).await;
    refund();
}

/// As [`budgeted`], for who waits in a line: where it is cancelled it also gives up, by `leave`, its
/// place and what it was handed. It may stay undropped for long, beside something that is shielded,
/// and others would wait for what it does not take.
#[inline]
pub(crate) fn budgeted_or_leave<'a, W: ?Sized, T>(
    cx: &mut Context<'a>,
    waiter: &mut W,
    poll: impl FnOnce(&mut W, &mut Context<'a>) -> Poll<T>,
    leave: impl FnOnce(&mut W),
) -> Poll<T> {
    if poll_proceed(cx).is_pending() {
        if is_cancelled() {
            leave(waiter);
        }
        return Poll::Pending;
    }
    let polled = poll(waiter, cx);
    if polled.is_pending() {
        refund();
    }
    polled
}
