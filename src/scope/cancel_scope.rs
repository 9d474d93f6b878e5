//! [`CancelScope`], and the deadlines that are made of one.

use super::node::{NEVER, Node};
use super::{CancelToken, Run, current};
use crate::time::{Elapsed, Instant};
use std::time::Duration;

/// Something that can be cancelled as a whole: what runs in it ends at its next checkpoint.
///
/// A scope stands below the one in which it was made, if there is one, and is cancelled with it; and
/// it is inside of the one in which it runs. See [the module](super) for what that means for the code inside.
///
/// ```
/// use ringmill::scope::{CancelReason, CancelScope};
/// use ringmill::time::sleep;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// ringmill::block_on(async {
///     let scope = CancelScope::new();
///     let token = scope.token();
///     ringmill::spawn(async move { token.cancel().await });
///     let ended = scope.run(sleep(Duration::from_secs(3600))).await;
///     assert_eq!(ended.unwrap_err().reason(), &CancelReason::Requested);
/// })?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CancelScope(CancelToken);

impl CancelScope {
    /// A scope without a deadline of its own.
    pub fn new() -> Self {
        CancelScope(CancelToken(Node::below_any(current::current().as_ref())))
    }

    /// Sets when it is cancelled if it is not done by then. While it runs,
    /// [`CancelToken::set_deadline`] does it.
    pub fn deadline(self, deadline: Instant) -> Self {
        self.0.set_deadline(deadline);
        self
    }

    /// What cancels it, from anywhere.
    pub fn token(&self) -> CancelToken {
        self.0.clone()
    }

    /// Runs a future in the scope.
    ///
    /// # Errors
    ///
    /// [`Cancelled`](super::Cancelled) if it was cancelled before it was done. Inside another scope
    /// that is cancelled, too, it gives no output any more, and ends with that one.
    ///
    /// # Panics
    ///
    /// The first poll panics on a thread that runs no loop, if there is a deadline.
    ///
    /// # Cancel safety
    ///
    /// That of `future`.
    pub fn run<F: IntoFuture>(self, future: F) -> Run<F::IntoFuture> {
        // It is consumed: nobody else runs under this node itself.
        Run::new(self.0.0, true, future.into_future())
    }
}

impl Default for CancelScope {
    fn default() -> Self {
        CancelScope::new()
    }
}

/// The earliest deadline of all scopes around the caller, up to a shield; `None` if there is none.
pub fn effective_deadline() -> Option<Instant> {
    let nanos = current::effective_deadline();
    (nanos != NEVER).then(|| Instant::from_nanos(nanos))
}

/// Runs `future` for at most `duration` from now; `None` if that was not enough.
///
/// ```
/// use ringmill::scope::move_on_after;
/// use ringmill::time::sleep;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// ringmill::block_on(async {
///     let slow = move_on_after(Duration::from_millis(1), sleep(Duration::from_secs(3600)));
///     assert_eq!(slow.await, None);
/// })?;
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
///
/// That of `future`.
pub async fn move_on_after<F: IntoFuture>(duration: Duration, future: F) -> Option<F::Output> {
    move_on_at(Instant::now() + duration, future).await
}

/// Runs `future` until `deadline` at the latest; `None` if that came first.
///
/// # Cancel safety
///
/// That of `future`.
pub async fn move_on_at<F: IntoFuture>(deadline: Instant, future: F) -> Option<F::Output> {
    CancelScope::new().deadline(deadline).run(future).await.ok()
}

/// Runs `future` for at most `duration` from now.
///
/// As [`timeout`](crate::time::timeout), which drops the future at once; this one lets shielded
/// parts of it come to their end first, and the operations inside know of the deadline.
///
/// # Errors
///
/// [`Elapsed`] if that was not enough.
///
/// # Cancel safety
///
/// That of `future`.
pub async fn fail_after<F: IntoFuture>(
    duration: Duration,
    future: F,
) -> Result<F::Output, Elapsed> {
    fail_at(Instant::now() + duration, future).await
}

/// Runs `future` until `deadline` at the latest.
///
/// # Errors
///
/// [`Elapsed`] if that came first.
///
/// # Cancel safety
///
/// That of `future`.
pub async fn fail_at<F: IntoFuture>(deadline: Instant, future: F) -> Result<F::Output, Elapsed> {
    move_on_at(deadline, future).await.ok_or(Elapsed::new())
}
