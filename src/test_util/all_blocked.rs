//! [`wait_all_blocked`]: goes on when all other tasks wait.

use crate::event_loop::{Siblings, context, poll_proceed, refund};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Waits until all other tasks of the runtime wait, and [nothing is under
/// way](crate::test_util#what-all-wait-means).
///
/// A test that wants to see what happens while a task waits starts the task, calls this, and
/// knows that the task has come as far as it can. Of several callers all go on at the same time.
/// While somebody waits here an [autojump](crate::test_util::MockClock::autojump) clock with the same
/// threshold, or a longer one, does not jump.
///
/// ```
/// use ringmill::channel::oneshot;
/// use ringmill::test_util::wait_all_blocked;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// ringmill::block_on(async {
///     let (sender, receiver) = oneshot::channel();
///     let task = ringmill::spawn(receiver);
///     wait_all_blocked().await;
///     assert!(!task.is_finished()); // it waits for the message
///     sender.send("now").unwrap();
///     assert_eq!(task.await.unwrap(), Ok("now"));
/// })?;
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// The first poll panics on a thread that runs no loop.
///
/// # Cancel safety
///
/// Nothing is lost by dropping it.
pub fn wait_all_blocked() -> AllBlocked {
    wait_all_blocked_for(Duration::ZERO)
}

/// As [`wait_all_blocked`], once all have waited for `cushion`, in real time: for tests of what
/// waits for something outside of the runtime.
///
/// Of several callers those with the shortest cushion go on, and the others wait for the next time.
///
/// # Panics
///
/// The first poll panics on a thread that runs no loop.
///
/// # Cancel safety
///
/// Nothing is lost by dropping it.
pub fn wait_all_blocked_for(cushion: Duration) -> AllBlocked {
    AllBlocked {
        cushion: u64::try_from(cushion.as_nanos()).unwrap_or(u64::MAX),
        waits: None,
    }
}

/// The future of [`wait_all_blocked`] and [`wait_all_blocked_for`].
#[must_use = "futures do nothing unless awaited"]
pub struct AllBlocked {
    cushion: u64,
    /// The loops, and its number among those who wait for them.
    waits: Option<(Arc<Siblings>, u64)>,
}

impl Future for AllBlocked {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(poll_proceed(cx));
        let waker = cx.waker().clone();
        match &self.waits {
            Some((siblings, number)) => {
                if !siblings.still_awaits_quiet(*number, waker) {
                    self.waits = None;
                    return Poll::Ready(());
                }
            }
            None => {
                let siblings = context::current().siblings().clone();
                let number = siblings.await_quiet(self.cushion, waker);
                self.waits = Some((siblings, number));
            }
        }
        refund();
        Poll::Pending
    }
}

impl Drop for AllBlocked {
    fn drop(&mut self) {
        if let Some((siblings, number)) = self.waits.take() {
            siblings.forget_quiet(number);
        }
    }
}

impl fmt::Debug for AllBlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllBlocked")
            .field("cushion", &Duration::from_nanos(self.cushion))
            .field("waits", &self.waits.is_some())
            .finish()
    }
}
