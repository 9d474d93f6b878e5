//! A bound on how long a future may take.

use super::{Instant, Sleep, sleep, sleep_until};
use crate::event_loop::{has_left, poll_proceed, poll_uncancelled};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{fmt, io};

/// Runs `future` for at most `duration`, counted from this call and not from the first poll.
///
/// Each poll asks the future first and looks at the time after: a future that is ready wins, even
/// past its deadline, and with a duration of zero it gets one poll. The time is looked at even when
/// the task's budget is spent, so a busy future cannot outlast its deadline.
///
/// Past the deadline the future is dropped with the `Timeout`, at the end of the `.await`.
///
/// Where it has to wait it is a [checkpoint](crate::scope), before that only what `future` does is. In
/// a scope that is cancelled the deadline still bounds what the future [shields](crate::scope::shield),
/// but nobody is told.
///
/// # Errors
///
/// [`Elapsed`] if the deadline came first.
///
/// # Panics
///
/// A poll panics on a thread that runs no loop, unless `future` is ready at once.
///
/// # Cancel safety
///
/// That of `future`: both the deadline and dropping the `Timeout` cancel it by dropping it.
///
/// # Examples
///
/// ```
/// use ringmill::time::{sleep, timeout};
/// use std::{future::pending, io, time::Duration};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// ringmill::block_on(async {
///     let quick = timeout(Duration::from_secs(60), async { 7 });
///     assert_eq!(quick.await, Ok(7));
///
///     let stuck = timeout(Duration::from_millis(1), pending::<()>());
///     let error = io::Error::from(stuck.await.unwrap_err());
///     assert_eq!(error.kind(), io::ErrorKind::TimedOut);
/// })?;
/// # Ok(())
/// # }
/// ```
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    Timeout {
        future: Some(future.into_future()),
        deadline: sleep(duration),
    }
}

/// Runs `future` until `deadline` at the latest.
///
/// Each poll asks the future first and looks at the time after, as [`timeout`] does.
///
/// # Errors
///
/// [`Elapsed`] if the deadline came first.
///
/// # Panics
///
/// A poll panics on a thread that runs no loop, unless `future` is ready at once.
///
/// # Cancel safety
///
/// That of `future`: both the deadline and dropping the `Timeout` cancel it by dropping it.
///
/// # Examples
///
/// Two steps that share one deadline:
///
/// ```
/// use ringmill::time::{Elapsed, Instant, sleep, timeout_at};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let steps = ringmill::block_on(async {
///     let deadline = Instant::now() + Duration::from_millis(5);
///     timeout_at(deadline, async { "first" }).await?;
///     timeout_at(deadline, sleep(Duration::from_secs(60))).await?;
///     Ok::<(), Elapsed>(())
/// })?;
/// assert!(steps.is_err());
/// # Ok(())
/// # }
/// ```
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    Timeout {
        future: Some(future.into_future()),
        deadline: sleep_until(deadline),
    }
}

pin_project! {
    /// A future with a deadline: what [`timeout`] and [`timeout_at`] return.
    #[derive(Debug)]
    #[must_use = "a timeout does nothing unless it is awaited"]
    pub struct Timeout<F> {
        // Until it is dropped, at the deadline in a scope that is cancelled.
        #[pin]
        future: Option<F>,
        #[pin]
        deadline: Sleep,
    }
}

impl<F> Timeout<F> {
    /// The future that is bounded; `None` where its deadline has passed in a scope that is cancelled.
    pub fn get_ref(&self) -> Option<&F> {
        self.future.as_ref()
    }

    /// When it will be given up.
    pub fn deadline(&self) -> Instant {
        self.deadline.deadline()
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let had_left = has_left();
        if let Some(future) = this.future.as_mut().as_pin_mut()
            && let Poll::Ready(output) = future.poll(cx)
        {
            return Poll::Ready(Ok(output));
        }
        let proceeds = poll_uncancelled();
        ready!(this.deadline.poll_free(cx));
        if proceeds.is_pending() {
            // What it shields has had its time, and the scope may be waiting for that.
            this.future.set(None);
            return Poll::Pending;
        }
        // At no charge where the future has spent the budget: its deadline holds all the same.
        if has_left() || !had_left {
            ready!(poll_proceed(cx));
        }
        Poll::Ready(Err(Elapsed(())))
    }
}

/// The deadline of a [`timeout`] came before its future was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl Elapsed {
    pub(crate) fn new() -> Self {
        Elapsed(())
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl std::error::Error for Elapsed {}

/// An error of kind [`TimedOut`](io::ErrorKind::TimedOut).
impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}
