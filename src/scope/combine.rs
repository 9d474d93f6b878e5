//! Several futures at once, in the task that awaits them: all, the first, the first that succeeds.
//!
//! These are for any number of futures of one kind. For a few of different kinds there are `join!`
//! and `select!` of futures-util, and `tokio::select!`, which needs no runtime of Tokio's.

use super::checkpoint;
use futures_util::StreamExt;
use futures_util::stream::{FuturesOrdered, FuturesUnordered};

/// Waits for all, and gives their outputs in the order of the futures.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let squares = ringmill::block_on(async {
///     ringmill::scope::join_all((1..=3).map(|n| async move { n * n })).await
/// })?;
/// assert_eq!(squares, [1, 4, 9]);
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
///
/// Dropping it drops all of them, and the outputs that have come.
pub async fn join_all<I>(futures: I) -> Vec<<I::Item as IntoFuture>::Output>
where
    I: IntoIterator<Item: IntoFuture>,
{
    checkpoint().await;
    let futures = futures.into_iter().map(IntoFuture::into_future);
    futures.collect::<FuturesOrdered<_>>().collect().await
}

/// Waits for the first that is done, and drops the others; `None` if there are none.
///
/// ```
/// use ringmill::time::sleep;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let first = ringmill::block_on(ringmill::scope::race([600, 1].map(|seconds| async move {
///     sleep(Duration::from_millis(seconds)).await;
///     seconds
/// })))?;
/// assert_eq!(first, Some(1));
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
///
/// Dropping it drops all of them.
pub async fn race<I>(futures: I) -> Option<<I::Item as IntoFuture>::Output>
where
    I: IntoIterator<Item: IntoFuture>,
{
    checkpoint().await;
    let futures = futures.into_iter().map(IntoFuture::into_future);
    futures.collect::<FuturesUnordered<_>>().next().await
}

/// Waits for the first that succeeds, and drops the others.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mirrors = ["down", "up"];
/// let fetched = ringmill::block_on(ringmill::scope::first_ok(mirrors.map(async |mirror| {
///     if mirror == "up" { Ok(mirror) } else { Err("no answer") }
/// })))?;
/// assert_eq!(fetched, Ok("up"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// All their errors, in the order in which they came, if none succeeds.
///
/// # Cancel safety
///
/// Dropping it drops all of them.
pub async fn first_ok<I, T, E>(futures: I) -> Result<T, Vec<E>>
where
    I: IntoIterator<Item: IntoFuture<Output = Result<T, E>>>,
{
    checkpoint().await;
    let futures = futures.into_iter().map(IntoFuture::into_future);
    let mut ends: FuturesUnordered<_> = futures.collect();
    let mut errors = Vec::new();
    while let Some(ended) = ends.next().await {
        match ended {
            Ok(output) => return Ok(output),
            Err(error) => errors.push(error),
        }
    }
    Err(errors)
}
