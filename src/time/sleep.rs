//! Waiting until a point in time.

use super::Instant;
use crate::event_loop::{Timer, budgeted, context};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Waits for `duration`, counted from this call and not from the first poll.
///
/// A duration of zero is over at once. One that ends past the loop's time, such as
/// `Duration::MAX`, never is.
///
/// # Panics
///
/// The first poll panics on a thread that runs no loop.
///
/// # Cancel safety
///
/// Dropping the future disarms its timer; nothing is lost.
///
/// # Examples
///
/// ```
/// use ringmill::time::{Instant, sleep};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// ringmill::block_on(async {
///     let start = Instant::now();
///     sleep(Duration::from_millis(2)).await;
///     assert!(start.elapsed() >= Duration::from_millis(2));
/// })?;
/// # Ok(())
/// # }
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    let now = Instant::now();
    if duration.is_zero() {
        Sleep::over(now)
    } else {
        sleep_until(now + duration)
    }
}

/// Waits until `deadline`; not at all if that has passed.
///
/// # Panics
///
/// The first poll panics on a thread that runs no loop.
///
/// # Cancel safety
///
/// Dropping the future disarms its timer; nothing is lost.
///
/// # Examples
///
/// ```
/// use ringmill::time::{Instant, sleep_until};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// ringmill::block_on(async {
///     let deadline = Instant::now() + Duration::from_millis(2);
///     sleep_until(deadline).await;
///     assert!(Instant::now() >= deadline);
/// })?;
/// # Ok(())
/// # }
/// ```
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep {
        timer: Timer::new(deadline.as_nanos()),
    }
}

pin_project! {
    /// Waits for a point in time: what [`sleep`] and [`sleep_until`] return.
    ///
    /// The future holds its own timer (56 bytes), so it must be pinned to be polled: `.await` does,
    /// so do [`std::pin::pin!`] and [`Box::pin`]. It belongs to the loop that polls it first.
    #[must_use = "a sleep does nothing unless it is awaited"]
    pub struct Sleep {
        #[pin]
        timer: Timer,
    }
}

impl Sleep {
    /// A sleep that is over.
    pub(super) fn over(deadline: Instant) -> Sleep {
        Sleep {
            timer: Timer::elapsed(deadline.as_nanos()),
        }
    }

    /// When the sleep ends.
    pub fn deadline(&self) -> Instant {
        Instant::from_nanos(self.timer.deadline())
    }

    /// Whether the sleep is over.
    ///
    /// True once the loop has fired the timer or a poll has found it due, so possibly a little
    /// after the deadline.
    pub fn is_elapsed(&self) -> bool {
        self.timer.is_elapsed()
    }

    /// Sets another deadline, which may lie in the past.
    ///
    /// A task that waits for this sleep goes on waiting, until the new deadline. A sleep that was
    /// over begins anew when it is polled. To put a deadline off costs a few nanoseconds: it only
    /// writes the new one down, so a timeout may well be reset at every byte that arrives.
    ///
    /// # Examples
    ///
    /// ```
    /// use ringmill::time::{Instant, sleep};
    /// use std::{pin::pin, time::Duration};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// ringmill::block_on(async {
    ///     let mut idle = pin!(sleep(Duration::from_secs(60)));
    ///     let deadline = Instant::now() + Duration::from_millis(1);
    ///     idle.as_mut().reset(deadline);
    ///     idle.await;
    ///     assert!(Instant::now() >= deadline);
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        self.project().timer.reset(deadline.as_nanos());
    }

    /// Polls at no charge to the task's budget.
    pub(crate) fn poll_free(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().timer.poll_elapsed(cx, context::timers)
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        budgeted(cx, |cx| self.poll_free(cx))
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline())
            .field("is_elapsed", &self.is_elapsed())
            .finish()
    }
}
