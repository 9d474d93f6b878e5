//! [`LoopRef`]: one loop as an address, from any thread.

use crate::channel;
use crate::event_loop::{self, LoopShared, LoopStats, Scheduler};
use crate::task::{self, AbortOnDrop, JoinError, JoinHandle, Schedule};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

/// One loop of a runtime, as an address. Cheap to clone.
#[derive(Clone)]
pub struct LoopRef(Arc<LoopShared>);

impl LoopRef {
    pub(super) fn new(shared: Arc<LoopShared>) -> Self {
        LoopRef(shared)
    }

    /// The loop that runs on this thread, if one does.
    pub fn current() -> Option<Self> {
        event_loop::context::shared().map(Self::new)
    }

    /// The loop's number in its runtime, from 0.
    pub fn index(&self) -> usize {
        self.0.index()
    }

    /// The name of the loop's thread.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The loop's counters; reading them costs the loop nothing.
    pub fn stats(&self) -> LoopStats {
        self.0.stats()
    }

    /// The processor time that the loop has worked for, in nanoseconds.
    pub(super) fn busy_nanos(&self) -> u64 {
        self.0.busy_nanos()
    }

    /// The loop has handed a connection over. Only its own thread may call it.
    pub(super) fn count_hand_over(&self) {
        self.0.count_hand_over();
    }

    /// Starts a task there: the closure travels, the future is made on arrival and stays, so it
    /// need not be `Send`.
    ///
    /// If the loop is gone, or goes before the task ends, the handle gives a cancelled
    /// [`JoinError`].
    #[track_caller]
    pub fn spawn<M, F>(&self, make: M) -> JoinHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let scheduler = Scheduler(self.0.clone());
        let (entry, handle) = task::remote(make, scheduler.clone(), Location::caller());
        scheduler.schedule(entry);
        handle
    }

    /// Runs a future there and gives its output: request and reply in one.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let runtime = ringmill::Builder::new().loops(2).build()?;
    /// let other = runtime.handle().loops()[1].clone();
    /// let answer = runtime.block_on(async move { other.call(|| async { 6 * 7 }).await })?;
    /// assert_eq!(answer, 42);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`JoinError`]: it panicked; or it was cancelled, which here means that the
    /// loop is gone, before the call or since. That comes at once, a call never hangs.
    ///
    /// # Cancel safety
    ///
    /// Dropping it cancels the future on the other loop; whether that had begun is not known.
    #[track_caller]
    pub fn call<M, F>(&self, make: M) -> AbortOnDrop<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        self.spawn(make).abort_on_drop()
    }

    /// Runs a future there and blocks the calling thread until it gives its output: for closures in
    /// a pool, and other threads that are no loops.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use ringmill::{LoopRef, blocking::spawn_blocking};
    ///
    /// ringmill::block_on(async {
    ///     let home = LoopRef::current().unwrap();
    ///     let job = spawn_blocking(move || home.call_blocking(|| async { 6 * 7 }));
    ///     assert_eq!(job.await.unwrap().unwrap(), 42);
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`call`](LoopRef::call).
    ///
    /// # Panics
    ///
    /// On a loop, which would stand still.
    #[track_caller]
    pub fn call_blocking<M, F>(&self, make: M) -> Result<F::Output, JoinError>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let mut call = self.call(make);
        channel::block_on(|cx| call.poll_output(cx))
    }
}

impl PartialEq for LoopRef {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for LoopRef {}

impl fmt::Debug for LoopRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopRef")
            .field("index", &self.index())
            .field("name", &self.name())
            .finish()
    }
}
