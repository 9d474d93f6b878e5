//! [`spawn`]: a task on this loop.

use crate::event_loop::context;
use crate::task::JoinHandle;
use std::future::Future;
use std::panic::Location;

/// Starts a task on this loop. It runs concurrently with its spawner, and stays on the loop, so it
/// need not be `Send`.
///
/// Dropping the handle detaches the task. A panic in it comes back through the handle as a
/// [`JoinError`](crate::JoinError); the loop goes on.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let length = ringmill::block_on(async {
///     let task = ringmill::spawn(async { "seven".len() });
///     task.await
/// })??;
/// assert_eq!(length, 5);
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Outside of a loop.
#[track_caller]
pub fn spawn<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
    context::current().spawn(future, Location::caller())
}
