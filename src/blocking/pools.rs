//! [`Pools`]: the pools of one runtime, and which are those of the present thread.

use super::compute::ComputePool;
use super::pool::{Pool, PoolBuilder};
use super::thread::PoolThread;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

thread_local! {
    static CURRENT: RefCell<Option<Arc<Pools>>> = const { RefCell::new(None) };
}

/// The pools of one runtime. No thread is started before the first job.
pub(crate) struct Pools {
    blocking: Pool,
    compute: Arc<ComputePool>,
    thread: PoolThread,
}

impl Pools {
    pub(crate) fn new(
        blocking: PoolBuilder,
        compute_threads: usize,
        thread: PoolThread,
    ) -> Arc<Self> {
        Arc::new(Pools {
            blocking: blocking.build_with(thread.clone()),
            compute: ComputePool::new(compute_threads, thread.clone()),
            thread,
        })
    }

    /// Those of the runtime that this thread belongs to.
    pub(crate) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(|current| current.borrow().clone()).ok()?
    }

    /// Makes these the present thread's until the guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> Entered {
        Entered(CURRENT.with(|current| current.borrow_mut().replace(self.clone())))
    }

    pub(super) fn thread_settings(&self) -> &PoolThread {
        &self.thread
    }

    pub(crate) fn blocking(&self) -> &Pool {
        &self.blocking
    }

    pub(crate) fn compute(&self) -> &Arc<ComputePool> {
        &self.compute
    }

    /// Ends both: what has not begun is cancelled, what runs in the blocking pool may finish within
    /// `limit`.
    pub(crate) fn shutdown(&self, limit: Duration) {
        self.compute.close();
        self.blocking.shutdown(limit);
    }
}

pub(crate) struct Entered(Option<Arc<Pools>>);

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.0.take();
        let left = CURRENT.with(|current| std::mem::replace(&mut *current.borrow_mut(), before));
        drop(left);
    }
}
