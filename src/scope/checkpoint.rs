//! Checkpoints: the points at which a task can be cancelled and others get a turn.

use crate::task::{budget, poll_proceed};
use std::future::poll_fn;

/// A point at which the code around it can be cancelled, and gives others a turn if its own is up.
///
/// Every asynchronous operation of this crate is one, whether it has to wait or not. Code that
/// computes for long needs its own. [`yield_now`](crate::yield_now) is a checkpoint at which the
/// others have a turn in any case.
///
/// ```
/// use ringmill::scope::{checkpoint, move_on_after};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// ringmill::block_on(async {
///     let endless = async {
///         loop {
///             checkpoint().await;
///         }
///     };
///     assert_eq!(move_on_after(Duration::from_millis(1), endless).await, None::<()>);
/// })?;
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
///
/// Nothing is lost by dropping the future.
pub async fn checkpoint() {
    poll_fn(poll_proceed).await;
}

/// Whether the code around the caller is cancelled, and ends at its next checkpoint.
pub fn is_cancelled() -> bool {
    super::current::is_cancelled()
}

/// How many checkpoints the code of this thread has come to so far. For [`assert_checkpoints!`].
///
/// [`assert_checkpoints!`]: crate::assert_checkpoints
#[doc(hidden)]
pub fn checkpoints() -> u64 {
    budget::checkpoints()
}

/// Gives the value of an expression that awaits something, and panics if it came to no checkpoint.
///
/// For tests: code that awaits may still not be cancellable, if what it awaits is.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// ringmill::block_on(async {
///     let (tx, rx) = ringmill::channel::oneshot::channel();
///     tx.send(7).unwrap();
///     let seven = ringmill::assert_checkpoints!(rx.await);
///     assert_eq!(seven, Ok(7));
/// })?;
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// If there was none.
#[macro_export]
macro_rules! assert_checkpoints {
    ($expression:expr) => {{
        let before = $crate::scope::checkpoints();
        let value = $expression;
        assert!(
            $crate::scope::checkpoints() != before,
            "no checkpoint in `{}`",
            stringify!($expression)
        );
        value
    }};
}
