//! [`Results`]: the values of children, in the order in which they come.

use super::{Child, NoValue};
use crate::event_loop::{poll_proceed, refund};
use futures_core::Stream;
use futures_util::stream::FuturesUnordered;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Children of a scope whose values come in the order in which the children end.
///
/// ```
/// use ringmill::scope::{NoValue, Results, scope};
/// use ringmill::time::sleep;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let order = ringmill::block_on(scope(async |s| {
///     let mut results: Results<u64> = [9, 1, 5]
///         .into_iter()
///         .map(|ms| s.spawn(async move {
///             sleep(Duration::from_millis(ms)).await;
///             Ok(ms)
///         }))
///         .collect();
///     let mut order = Vec::new();
///     while let Some(result) = results.next().await {
///         order.push(result?);
///     }
///     Ok::<_, NoValue>(order)
/// }))??;
/// assert_eq!(order, [1, 5, 9]);
/// # Ok(())
/// # }
/// ```
///
/// To drop it, or to leave some of them in it, is to drop the [`Child`]ren, which run on.
pub struct Results<T> {
    children: FuturesUnordered<Child<T>>,
}

impl<T> Results<T> {
    /// Of no child yet.
    pub fn new() -> Self {
        Results {
            children: FuturesUnordered::new(),
        }
    }

    /// Takes a child in.
    pub fn push(&mut self, child: Child<T>) {
        self.children.push(child);
    }

    /// Waits for the next child that ends; `None` if there is none in here.
    ///
    /// # Errors
    ///
    /// [`NoValue`] of a child that was cancelled or failed. Its error is the scope's.
    ///
    /// # Cancel safety
    ///
    /// The values stay in here until they are given.
    pub async fn next(&mut self) -> Option<Result<T, NoValue>> {
        poll_fn(|cx| self.poll_result(cx)).await
    }

    fn poll_result(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, NoValue>>> {
        ready!(poll_proceed(cx));
        let polled = Pin::new(&mut self.children).poll_next(cx);
        if polled.is_pending() {
            refund();
        }
        polled
    }

    /// How many children's values have not been given.
    pub fn len(&self) -> usize {
        self.children.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }
}

impl<T> Default for Results<T> {
    fn default() -> Self {
        Results::new()
    }
}

impl<T> Extend<Child<T>> for Results<T> {
    fn extend<I: IntoIterator<Item = Child<T>>>(&mut self, children: I) {
        children.into_iter().for_each(|child| self.push(child));
    }
}

impl<T> FromIterator<Child<T>> for Results<T> {
    fn from_iter<I: IntoIterator<Item = Child<T>>>(children: I) -> Self {
        let mut results = Results::new();
        results.extend(children);
        results
    }
}

impl<T> Stream for Results<T> {
    type Item = Result<T, NoValue>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_result(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl<T> fmt::Debug for Results<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
