//! Waiting on a plain thread: the same polls as a task's, with a waker that unparks the thread.

use crate::event_loop::{context, uncancellable};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    /// One a thread, so that waiting allocates nothing.
    static UNPARK: Waker = unpark();
}

/// A waker for this thread.
fn unpark() -> Waker {
    Waker::from(Arc::new(Unpark(thread::current())))
}

/// Polls until it is ready, and blocks the thread in between. It is not cancelled by a scope around it.
///
/// # Panics
///
/// On a loop, which would stand still.
#[track_caller]
pub(crate) fn block_on<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    assert!(
        context::shared().is_none(),
        "a blocking operation was called on a Ringmill loop, which would stop all of its tasks; \
         await the async form instead"
    );
    // A destructor of a thread-local may wait, too, when this one is gone.
    let waker = UNPARK.try_with(Waker::clone).unwrap_or_else(|_| unpark());
    let mut cx = Context::from_waker(&waker);
    // A plain executor may have polled the caller in a scope that is cancelled.
    uncancellable(|| {
        loop {
            if let Poll::Ready(value) = poll(&mut cx) {
                return value;
            }
            // A token that is left from an earlier wake-up costs one more poll.
            thread::park();
        }
    })
}

/// Runs a future that needs no loop to its end, and blocks the thread in between.
///
/// # Panics
///
/// On a loop.
#[track_caller]
pub(super) fn block_on_future<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    block_on(|cx| future.as_mut().poll(cx))
}
