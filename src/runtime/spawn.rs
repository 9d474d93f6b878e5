//! [`spawn`] and [`spawn_anywhere`]: a task on this loop, and on whichever has time.

use super::handle::Handle;
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

/// Starts a task on whichever loop of the runtime has time: the closure may be taken by an idle
/// loop; the future is made where it first runs and stays there, so it need not be `Send`.
///
/// For tasks that work for long, a millisecond say, or that come in bursts on one loop. A task that
/// shares something with its spawner, or is short, belongs to [`spawn`]: what another loop takes
/// costs both a few cache misses, and a wake-up if it sleeps. Tasks are started in the order in
/// which they came, this loop's own by itself unless others are faster.
///
/// Idle loops hear of a task once the present task's poll is over. Dropping the handle detaches the
/// task; aborting it before it was started drops the closure.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let runtime = ringmill::Builder::new().loops(2).build()?;
/// let sum = runtime.block_on(async {
///     let tasks: Vec<_> = (1..=10_u64)
///         .map(|n| ringmill::spawn_anywhere(move || async move { n * n }))
///         .collect();
///     let mut sum = 0;
///     for task in tasks {
///         sum += task.await?;
///     }
///     Ok::<_, ringmill::JoinError>(sum)
/// })?;
/// assert_eq!(sum, 385);
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Outside of a runtime. From other threads [`Handle::spawn_anywhere`] does it.
#[track_caller]
pub fn spawn_anywhere<M, F>(make: M) -> JoinHandle<F::Output>
where
    M: FnOnce() -> F + Send + 'static,
    F: Future + 'static,
    F::Output: Send + 'static,
{
    Handle::current().spawn_anywhere(make)
}
