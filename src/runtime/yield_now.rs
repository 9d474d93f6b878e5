//! [`yield_now`]: let the others run.

use crate::task::budget;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Puts the task at the end of its loop's ready queue once.
///
/// # Cancel safety
///
/// Nothing is lost by dropping it.
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.yielded, true) {
            return budget::poll_uncancelled();
        }
        budget::pass();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
