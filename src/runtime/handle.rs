//! [`Handle`]: a runtime as an address, from any thread.

use super::census::Census;
use super::drain::DrainSignal;
use super::loop_ref::LoopRef;
use crate::blocking::{self, Job, PoolStats, PoolThread, Pools};
use crate::driver::DriverInfo;
use crate::event_loop::{self, Disturbs, LoopShared, LoopStats, Siblings, Unbound};
use crate::task::{self, JoinError, JoinHandle};
use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::{Arc, OnceLock, Weak};

thread_local! {
    static CURRENT: RefCell<Option<Handle>> = const { RefCell::new(None) };
}

/// A runtime, as other threads see it. Cheap to clone.
///
/// It does not keep the runtime alive: what is sent to a loop that is gone comes back as a
/// cancelled [`JoinHandle`].
#[derive(Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

struct Inner {
    driver: DriverInfo,
    seed: u64,
    loops: Vec<LoopRef>,
    pools: Arc<Pools>,
    siblings: Arc<Siblings>,
    drain: DrainSignal,
}

impl Handle {
    pub(super) fn new(
        driver: DriverInfo,
        seed: u64,
        loops: impl Iterator<Item = Arc<LoopShared>>,
        siblings: Arc<Siblings>,
        pools: impl FnOnce(PoolThread) -> Arc<Pools>,
    ) -> Self {
        // A pool's thread is one of the runtime's: it has its handle for as long as it lives.
        let handle: Arc<OnceLock<Weak<Inner>>> = Arc::default();
        let of_threads = handle.clone();
        let disturbs = Disturbs::loops(&siblings);
        let of_clock = disturbs.clone();
        let on_start = move || {
            of_clock.share_clock();
            let inner = of_threads.get().and_then(Weak::upgrade);
            if let Some(inner) = inner {
                enter_for_ever(Handle { inner });
            }
        };
        let inner = Arc::new(Inner {
            driver,
            seed,
            loops: loops.map(LoopRef::new).collect(),
            siblings,
            pools: pools(PoolThread {
                on_start: Some(Arc::new(on_start)),
                disturbs,
            }),
            drain: DrainSignal::default(),
        });
        let set = handle.set(Arc::downgrade(&inner));
        debug_assert!(set.is_ok(), "it is set once");
        Handle { inner }
    }

    /// The runtime whose loop runs on this thread.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn current() -> Self {
        match Self::try_current() {
            Some(handle) => handle,
            None => panic!("no Ringmill runtime runs on this thread"),
        }
    }

    /// The runtime whose loop runs on this thread, if one does.
    pub fn try_current() -> Option<Self> {
        CURRENT.try_with(|current| current.borrow().clone()).ok()?
    }

    /// The loops, in order; the first is that of `block_on`.
    pub fn loops(&self) -> &[LoopRef] {
        &self.inner.loops
    }

    /// Starts a task on loop `index`; see [`LoopRef::spawn`].
    ///
    /// # Panics
    ///
    /// If there is no such loop.
    #[track_caller]
    pub fn spawn_on<M, F>(&self, index: usize, make: M) -> JoinHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        match self.loops().get(index) {
            Some(target) => target.spawn(make),
            None => panic!(
                "there is no loop {index}; this runtime has {}",
                self.loops().len()
            ),
        }
    }

    /// Starts a task on each loop; `make` is told the loop's number.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let runtime = ringmill::Builder::new().loops(2).build()?;
    /// let handle = runtime.handle().clone();
    /// let numbers = runtime.block_on(async move {
    ///     let mut numbers = Vec::new();
    ///     for task in handle.spawn_on_each(|index| async move { index }) {
    ///         numbers.push(task.await.unwrap());
    ///     }
    ///     numbers
    /// });
    /// assert_eq!(numbers, [0, 1]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn_on_each<M, F>(&self, make: M) -> Vec<JoinHandle<F::Output>>
    where
        M: FnOnce(usize) -> F + Clone + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let start = |target: &LoopRef| {
            let make = make.clone();
            let index = target.index();
            target.spawn(move || make(index))
        };
        self.loops().iter().map(start).collect()
    }

    /// Runs a future on each loop and gives the outputs in the loops' order: a
    /// [`call`](LoopRef::call) to all of them at once. They begin when this is called, and not only
    /// when it is awaited.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let runtime = ringmill::Builder::new().loops(2).build()?;
    /// let everywhere = runtime.handle().for_each_loop(|index| async move { 10 * index });
    /// assert_eq!(runtime.block_on(everywhere)?, [0, 10]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`JoinError`] of the first loop, in their order, where the future panicked or that is gone;
    /// what still runs on the loops behind it is cancelled.
    ///
    /// # Cancel safety
    ///
    /// Dropping it cancels the futures on all loops; which of them had begun is not known.
    #[track_caller]
    pub fn for_each_loop<M, F>(
        &self,
        make: M,
    ) -> impl Future<Output = Result<Vec<F::Output>, JoinError>> + use<M, F>
    where
        M: FnOnce(usize) -> F + Clone + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let calls: Vec<_> = self
            .spawn_on_each(make)
            .into_iter()
            .map(JoinHandle::abort_on_drop)
            .collect();
        async move {
            let mut outputs = Vec::with_capacity(calls.len());
            for call in calls {
                outputs.push(call.await?);
            }
            Ok(outputs)
        }
    }

    /// Starts a task on whichever loop has time; see [`spawn_anywhere`](crate::spawn_anywhere). From
    /// a thread that is none of the runtime's loops, tasks are dealt to the loops in turn, and idle
    /// ones take from the others.
    #[track_caller]
    pub fn spawn_anywhere<M, F>(&self, make: M) -> JoinHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let (entry, handle) = task::remote(make, Unbound::default(), Location::caller());
        self.inner.siblings.spread(entry);
        handle
    }

    /// Runs a closure that may block, from any thread; see
    /// [`spawn_blocking`](crate::blocking::spawn_blocking).
    #[track_caller]
    pub fn spawn_blocking<F, T>(&self, work: F) -> Job<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.inner.pools.blocking().spawn(work)
    }

    /// Runs a closure that keeps a processor busy, from any thread; see
    /// [`compute`](crate::blocking::compute).
    #[track_caller]
    pub fn compute<F, T>(&self, work: F) -> Job<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.inner.pools.compute().spawn(work)
    }

    /// The counters of the blocking pool.
    pub fn blocking_stats(&self) -> PoolStats {
        self.inner.pools.blocking().stats()
    }

    /// The counters of the CPU pool.
    pub fn compute_stats(&self) -> PoolStats {
        self.inner.pools.compute().stats()
    }

    pub(super) fn pools(&self) -> &Arc<Pools> {
        &self.inner.pools
    }

    /// Which driver the loops have, and what it found to work with.
    pub fn driver(&self) -> DriverInfo {
        self.inner.driver
    }

    /// The seed of the runtime's random numbers: chosen by [`Builder::seed`](super::Builder::seed)
    /// or by chance.
    pub fn seed(&self) -> u64 {
        self.inner.seed
    }

    /// The counters of every loop.
    pub fn stats(&self) -> Vec<LoopStats> {
        self.loops().iter().map(LoopRef::stats).collect()
    }

    /// Tells every [`Drain`](super::Drain) of the runtime that it is time to finish. Servers
    /// started by [`serve`](super::serve) stop accepting and end when their connections have.
    pub fn drain(&self) {
        self.inner.drain.start();
    }

    pub(super) fn drain_signal(&self) -> &DrainSignal {
        &self.inner.drain
    }

    /// Tasks alive on all loops, the caller's own not counted. Each loop counts its tasks itself,
    /// behind all that was sent to it before.
    ///
    /// The counts are of different moments: a task that moves on, by starting another one elsewhere
    /// and ending, may be in none of them. [`Census::is_quiet_since`] tells.
    pub(super) async fn live_tasks(&self) -> Census {
        let mut census = Census {
            live: self.inner.siblings.waiting_tasks(),
            ever: 0,
            loops: 0,
        };
        for count in self.spawn_on_each(|_| async { event_loop::context::current().live_tasks() }) {
            // A loop that is gone has none.
            let Ok((live, ever)) = count.await else {
                continue;
            };
            // Less the tasks that count, this time and before.
            census.live += live - 1;
            census.ever += ever - 1;
            census.loops += 1;
        }
        census.live -= 1;
        census
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("loops", &self.inner.loops)
            .finish()
    }
}

/// Makes a runtime the current one of this thread until the guard is dropped.
pub(super) fn enter(handle: Handle) -> Entered {
    let pools = handle.inner.pools.enter();
    Entered {
        before: CURRENT.with(|current| current.borrow_mut().replace(handle)),
        _pools: pools,
    }
}

/// Makes a runtime the current one of this thread, a pool's, until it ends.
fn enter_for_ever(handle: Handle) {
    std::mem::forget(enter(handle));
}

pub(super) struct Entered {
    before: Option<Handle>,
    _pools: blocking::Entered,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.before.take();
        let left = CURRENT.with(|current| std::mem::replace(&mut *current.borrow_mut(), before));
        drop(left);
    }
}
