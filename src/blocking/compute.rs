//! The CPU pool: a thread a processor, on which a large computation splits.
//!
//! The threads and their work stealing are rayon's: whatever uses rayon inside of a computation
//! (`rayon::join`, parallel iterators) splits over these threads. What is added here is the bound of
//! the queue before them, the counters, and the way back to a task.

use super::gate::{self, Gate};
use super::job::{self, Carrier, Job, PoolFull};
use super::stats::{Counters, PoolStats};
use super::thread::{self, PoolThread};
use crate::sys::inherit::plainly;
use crate::sys::lock;
use crate::task::Scheduled;
use arc_swap::ArcSwapOption;
use rayon_core::{ThreadPool, ThreadPoolBuilder};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Threads for closures that compute. One a runtime.
pub(crate) struct ComputePool {
    gate: Gate,
    counters: Counters,
    threads: usize,
    settings: PoolThread,
    /// Started with the first computation. It is taken out at the end, as its threads hold the
    /// runtime's handle, and with it this.
    engine: ArcSwapOption<ThreadPool>,
    /// Why it could not be started, the last time; held while it is started, or taken out.
    failure: Mutex<Option<String>>,
    closed: AtomicBool,
}

impl ComputePool {
    pub(super) fn new(threads: usize, settings: PoolThread) -> Arc<Self> {
        Arc::new(ComputePool {
            gate: Gate::new(gate::BOUND),
            counters: Counters::default(),
            threads,
            settings,
            engine: ArcSwapOption::empty(),
            failure: Mutex::new(None),
            closed: AtomicBool::new(false),
        })
    }

    /// The threads; `None` if they could not be started, or the runtime has ended.
    fn engine(&self) -> Option<Arc<ThreadPool>> {
        let running = self.engine.load_full();
        if running.is_some() {
            return running;
        }
        let mut failure = lock(&self.failure);
        if self.is_closed() || self.engine.load().is_some() {
            return self.engine.load_full();
        }
        let settings = self.settings.clone();
        let threads = ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .thread_name(|number| format!("ringmill-cpu-{number}"))
            .start_handler(move |_| settings.apply());
        match plainly(|| threads.build()) {
            Ok(engine) => {
                *failure = None;
                self.engine.store(Some(Arc::new(engine)));
            }
            Err(error) => {
                self.counters.fail();
                let what = "the threads of the CPU pool could not be started";
                *failure = Some(thread::not_started(what, error));
            }
        }
        self.engine.load_full()
    }

    #[track_caller]
    pub(crate) fn spawn<F, T>(self: &Arc<Self>, work: F) -> Job<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Job::new(self, work)
    }

    #[track_caller]
    pub(super) fn try_spawn<F, T>(self: &Arc<Self>, work: F) -> Result<Job<T>, PoolFull<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Job::try_new(self, work)
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let threads = match *self.engine.load() {
            Some(_) => self.threads,
            None => 0,
        };
        // Rayon does not tell which of them sleep.
        self.counters.read(threads, 0, self.gate.waiting())
    }

    /// What has not begun is cancelled; what runs is left to itself, and its threads end after it.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.gate.open();
        // Under the lock, so that nobody starts it afterwards. Whoever is about to submit to it holds
        // it until then.
        let failure = lock(&self.failure);
        let engine = self.engine.swap(None);
        drop(failure);
        drop(engine);
    }
}

impl Carrier for ComputePool {
    fn name(&self) -> &str {
        "cpu"
    }

    fn gate(&self) -> &Gate {
        &self.gate
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn submit(self: Arc<Self>, entry: Scheduled) {
        let Some(engine) = self.engine() else {
            self.gate.leave();
            return drop(entry);
        };
        let since = Instant::now();
        let disturbance = self.settings.disturbs.begin();
        let this = self.clone();
        engine.spawn(move || {
            let _until_the_end = disturbance;
            let started = Instant::now();
            this.gate.leave();
            if this.is_closed() {
                return drop(entry);
            }
            job::run(entry);
            this.counters.ran(started - since, started.elapsed());
        });
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn failure(&self) -> Option<String> {
        lock(&self.failure).clone()
    }
}
