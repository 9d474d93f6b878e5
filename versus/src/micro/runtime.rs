//! What a workload asks of a runtime, so that all of them do the same to the letter: the work is
//! written once, over this trait, and a contender is a runtime that implements it.

use std::future::{Future, poll_fn};
use std::io;
use std::task::Poll;

use super::{Lap, Work};

/// A runtime's tasks. They stay on the thread that spawns them, so a future need not be `Send`.
pub trait Runtime: 'static {
    /// Runs `measured` as a task of a new runtime, which has one thread for tasks, on the first
    /// processor of the work.
    ///
    /// # Errors
    /// When there is no such runtime to be had here, or as `measured` does.
    fn run(
        work: &Work,
        measured: impl Future<Output = io::Result<Lap>> + 'static,
    ) -> io::Result<Lap>;

    /// Starts a task on this thread; the future that is returned waits for it, and is never dropped
    /// before the task has ended.
    fn spawn<T: 'static>(
        future: impl Future<Output = T> + 'static,
    ) -> impl Future<Output = io::Result<T>> + 'static;

    /// Lets the other tasks run. What is done here does it in a runtime without one of its own, if a
    /// task that wakes itself is put at the end of the queue there.
    fn yield_now() -> impl Future<Output = ()> {
        let mut yielded = false;
        poll_fn(move |cx| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }
}
