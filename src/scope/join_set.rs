//! [`JoinSet`]: tasks whose results come as they end.

use crate::runtime::{LoopRef, spawn, spawn_anywhere};
use crate::task::{AbortOnDrop, JoinError, JoinHandle, poll_proceed, refund};
use futures_core::Stream;
use futures_util::stream::FuturesUnordered;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Tasks, on this loop or others, whose results come in the order in which they end.
///
/// Dropping the set aborts what is left in it. For children that may borrow, and whose failures end
/// the others, see [`scope`](super::scope()).
///
/// ```
/// use ringmill::scope::JoinSet;
/// use ringmill::time::sleep;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// ringmill::block_on(async {
///     let mut set = JoinSet::new();
///     for ms in [9, 1, 5] {
///         set.spawn(async move {
///             sleep(Duration::from_millis(ms)).await;
///             ms
///         });
///     }
///     let mut order = Vec::new();
///     while let Some(ended) = set.join_next().await {
///         order.push(ended?);
///     }
///     assert_eq!(order, [1, 5, 9]);
///     Ok::<_, ringmill::JoinError>(())
/// })??;
/// # Ok(())
/// # }
/// ```
pub struct JoinSet<T> {
    tasks: FuturesUnordered<AbortOnDrop<T>>,
}

impl<T: 'static> JoinSet<T> {
    /// An empty set.
    pub fn new() -> Self {
        JoinSet {
            tasks: FuturesUnordered::new(),
        }
    }

    /// Starts a task on this loop, as [`spawn`](crate::spawn) does.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    #[track_caller]
    pub fn spawn(&mut self, future: impl Future<Output = T> + 'static) {
        self.insert(spawn(future));
    }

    /// Starts a task on another loop, as [`LoopRef::spawn`] does.
    #[track_caller]
    pub fn spawn_on<M, F>(&mut self, target: &LoopRef, make: M)
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future<Output = T> + 'static,
        T: Send,
    {
        self.insert(target.spawn(make));
    }

    /// Starts a task on whichever loop has time, as [`spawn_anywhere`](crate::spawn_anywhere) does.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn_anywhere<M, F>(&mut self, make: M)
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future<Output = T> + 'static,
        T: Send,
    {
        self.insert(spawn_anywhere(make));
    }

    /// Takes a task in.
    pub fn insert(&mut self, task: JoinHandle<T>) {
        self.tasks.push(task.abort_on_drop());
    }

    /// Waits for the next task that ends; `None` once the set is empty.
    ///
    /// # Cancel safety
    ///
    /// The results stay in the set until they are given.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| self.poll_join_next(cx)).await
    }

    /// What [`join_next`](Self::join_next) awaits.
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        ready!(poll_proceed(cx));
        let polled = Pin::new(&mut self.tasks).poll_next(cx);
        if polled.is_pending() {
            refund();
        }
        polled
    }

    /// Waits for all, and gives their outputs in the order in which they ended.
    ///
    /// # Errors
    ///
    /// The first [`JoinError`]; the tasks that are left are aborted.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future aborts all.
    pub async fn join_all(mut self) -> Result<Vec<T>, JoinError> {
        let mut outputs = Vec::with_capacity(self.len());
        while let Some(ended) = self.join_next().await {
            outputs.push(ended?);
        }
        Ok(outputs)
    }

    /// Aborts all, and waits until they have ended. Their results are dropped.
    ///
    /// # Cancel safety
    ///
    /// The tasks are aborted in any case.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// Aborts all. They stay in the set until their ends are [taken](Self::join_next).
    pub fn abort_all(&self) {
        for task in &self.tasks {
            task.abort();
        }
    }

    /// Lets all go on by themselves, and empties the set.
    pub fn detach_all(&mut self) {
        for task in std::mem::take(&mut self.tasks) {
            drop(task.disarm());
        }
    }

    /// How many tasks are in the set, with those that have ended and were not taken.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }
}

impl<T: 'static> Default for JoinSet<T> {
    fn default() -> Self {
        JoinSet::new()
    }
}

impl<T: 'static> Extend<JoinHandle<T>> for JoinSet<T> {
    fn extend<I: IntoIterator<Item = JoinHandle<T>>>(&mut self, tasks: I) {
        tasks.into_iter().for_each(|task| self.insert(task));
    }
}

impl<T: 'static> FromIterator<JoinHandle<T>> for JoinSet<T> {
    fn from_iter<I: IntoIterator<Item = JoinHandle<T>>>(tasks: I) -> Self {
        let mut set = JoinSet::new();
        set.extend(tasks);
        set
    }
}

impl<T: 'static> Stream for JoinSet<T> {
    type Item = Result<T, JoinError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_join_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet")
            .field("len", &self.tasks.len())
            .finish_non_exhaustive()
    }
}
