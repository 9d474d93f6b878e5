//! [`Pool`]: threads for closures that block or compute.

use super::Pools;
use super::dispatch::{Call, Dispatch, Sleeper, Taken};
use super::gate::{self, Gate};
use super::job::{self, Carrier, Job, PoolFull};
use super::stats::{Counters, PoolStats};
use super::thread::{PoolThread, not_started};
use crate::event_loop::Disturbance;
use crate::sys::inherit::plainly;
use crate::sys::{contained, lock};
use crate::task::Scheduled;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Threads of a pool that does not say. They mostly wait, so there may be many; each costs a stack
/// that is touched where it was used (Tokio's bound as well).
const THREADS: usize = 512;
/// How long a thread without work stays, where the pool does not say (as Tokio's do).
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Settings of a [`Pool`].
#[derive(Clone)]
pub struct PoolBuilder {
    name: String,
    threads: usize,
    queue: usize,
    keep_alive: Duration,
    stack_size: Option<usize>,
    thread: PoolThread,
}

impl PoolBuilder {
    /// The default settings.
    fn new(name: String) -> Self {
        PoolBuilder {
            // No thread's name may have one.
            name: name.replace('\0', ""),
            threads: THREADS,
            queue: gate::BOUND,
            keep_alive: KEEP_ALIVE,
            stack_size: None,
            thread: PoolThread::default(),
        }
    }

    /// The most threads that there may be, at least 1. Default 512. A thread is started when a job
    /// waits and none is idle.
    pub fn threads(mut self, most: usize) -> Self {
        self.threads = most.max(1);
        self
    }

    /// How many jobs may wait for a thread, at least 1; beyond, submitters wait. Default 16,384.
    pub fn queue(mut self, most: usize) -> Self {
        self.queue = most.max(1);
        self
    }

    /// How long a thread without work stays. Default 10 s.
    pub fn keep_alive(mut self, time: Duration) -> Self {
        self.keep_alive = time;
        self
    }

    /// The bytes of each thread's stack. Default 2 MiB, or what `RUST_MIN_STACK` says; memory that
    /// was never used is never touched.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// The pool. Its first thread starts with the first job.
    pub fn build(self) -> Pool {
        let pools = Pools::current();
        let thread = pools.map(|pools| pools.thread_settings().clone());
        self.build_with(thread.unwrap_or_default())
    }

    /// The pool, with threads like those of a runtime.
    pub(super) fn build_with(mut self, thread: PoolThread) -> Pool {
        self.thread = thread;
        Pool::with(self)
    }
}

impl fmt::Debug for PoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolBuilder")
            .field("name", &self.name)
            .field("threads", &self.threads)
            .field("queue", &self.queue)
            .field("keep_alive", &self.keep_alive)
            .field("stack_size", &self.stack_size)
            .finish_non_exhaustive()
    }
}

/// Threads for closures that block: as many as there are jobs, up to a bound, with a bounded queue
/// before them. Cheap to clone.
///
/// [`spawn_blocking`](super::spawn_blocking) uses the runtime's own; a pool of one's own keeps, say,
/// the database's connections from taking all of its threads.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::blocking::Pool;
///
/// let pool = Pool::builder("db").threads(8).queue(1000).build();
/// let answer = ringmill::block_on(pool.spawn(|| 6 * 7))??;
/// assert_eq!(answer, 42);
/// # Ok(())
/// # }
/// ```
///
/// When the last clone is dropped, what is queued is still run, and then the threads end.
/// [`shutdown`](Pool::shutdown) ends it sooner. Threads are named after the pool and run on all the
/// processors that the runtime was given, whatever the loops are pinned to.
#[derive(Clone)]
pub struct Pool(Arc<Owner>);

/// The pool as its users hold it: the last of them closes it. The threads hold what is within.
struct Owner(Arc<Inner>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The pool as its threads and jobs hold it.
struct Inner {
    settings: PoolBuilder,
    gate: Gate,
    dispatch: Dispatch<Queued>,
    counters: Counters,
    /// Numbers the threads.
    started: AtomicUsize,
    closed: AtomicBool,
    /// Why jobs could not be run.
    failure: Mutex<Option<String>>,
    /// Each thread has a sender, so that their end is the channel's.
    alive: Mutex<Option<Alive>>,
}

struct Alive {
    sender: mpsc::Sender<Infallible>,
    gone: mpsc::Receiver<Infallible>,
}

/// A job that waits for a thread.
struct Queued {
    entry: Scheduled,
    since: Instant,
    /// Until it was run, or dropped: after the entry.
    _disturbance: Disturbance,
}

impl Pool {
    /// Settings for a pool of that name.
    pub fn builder(name: impl Into<String>) -> PoolBuilder {
        PoolBuilder::new(name.into())
    }

    fn with(settings: PoolBuilder) -> Self {
        let (sender, gone) = mpsc::channel();
        Pool(Arc::new(Owner(Arc::new(Inner {
            gate: Gate::new(settings.queue),
            dispatch: Dispatch::new(settings.threads),
            counters: Counters::default(),
            started: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            failure: Mutex::new(None),
            alive: Mutex::new(Some(Alive { sender, gone })),
            settings,
        }))))
    }

    /// Runs a closure on one of the threads. Where the queue is full, the closure enters it when
    /// there is room and the job is awaited.
    #[track_caller]
    pub fn spawn<F, T>(&self, work: F) -> Job<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Job::new(&self.0.0, work)
    }

    /// Runs a closure on one of the threads, unless the queue is full.
    ///
    /// # Errors
    ///
    /// [`PoolFull`] gives the closure back.
    #[track_caller]
    pub fn try_spawn<F, T>(&self, work: F) -> Result<Job<T>, PoolFull<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Job::try_new(&self.0.0, work)
    }

    /// What the pool has done so far.
    pub fn stats(&self) -> PoolStats {
        let inner = &self.0.0;
        let (threads, idle) = inner.dispatch.threads();
        let waiting = inner.gate.waiting();
        inner.counters.read(threads, idle, waiting)
    }

    /// Ends the pool: what is queued is cancelled, what runs may finish within `limit`. Returns
    /// whether all threads have ended; those that have not are left to themselves.
    ///
    /// It blocks the calling thread.
    pub fn shutdown(&self, limit: Duration) -> bool {
        let inner = &self.0.0;
        inner.close();
        for queued in inner.dispatch.drain() {
            inner.gate.leave();
            // Cancels the task, and drops the closure.
            contained(|| drop(queued.entry));
        }
        let Some(alive) = lock(&inner.alive).take() else {
            // It was ended before.
            return inner.dispatch.threads().0 == 0;
        };
        drop(alive.sender);
        match alive.gone.recv_timeout(limit) {
            Err(RecvTimeoutError::Disconnected) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Ok(never) => match never {},
        }
    }
}

impl Carrier for Inner {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn gate(&self) -> &Gate {
        &self.gate
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn submit(self: Arc<Self>, entry: Scheduled) {
        let since = Instant::now();
        let queued = Queued {
            entry,
            since,
            _disturbance: self.settings.thread.disturbs.begin(),
        };
        match self.dispatch.push(queued) {
            Ok(call) => self.answer(call),
            Err(refused) => {
                self.gate.leave();
                drop(refused);
            }
        }
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn failure(&self) -> Option<String> {
        lock(&self.failure).clone()
    }
}

impl Inner {
    fn answer(self: &Arc<Self>, call: Option<Call>) {
        match call {
            Some(Call::Wake(sleeper)) => sleeper.call(),
            Some(Call::Start) => self.start(),
            None => {}
        }
    }

    fn start(self: &Arc<Self>) {
        let this = self.clone();
        let alive = lock(&self.alive).as_ref().map(|it| it.sender.clone());
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let mut thread = thread::Builder::new().name(format!("{}-{number}", self.settings.name));
        if let Some(bytes) = self.settings.stack_size {
            thread = thread.stack_size(bytes);
        }
        let started = plainly(|| {
            thread.spawn(move || {
                this.settings.thread.apply();
                this.work();
                // Not before: this is what `shutdown` waits for.
                drop(alive);
            })
        });
        match started {
            // What failed before is over.
            Ok(_) => *lock(&self.failure) = None,
            Err(error) => self.not_started(&error),
        }
    }

    /// The other threads will come to the work, if there are any; if not, nobody would.
    fn not_started(&self, error: &io::Error) {
        self.counters.fail();
        let (left, called) = self.dispatch.not_started();
        if let Some(sleeper) = called {
            sleeper.call();
        }
        if left > 0 {
            return;
        }
        let what = format_args!(
            "no thread of the pool {:?} could be started",
            self.settings.name
        );
        *lock(&self.failure) = Some(not_started(what, error));
        for queued in self.dispatch.drain() {
            self.gate.leave();
            contained(|| drop(queued.entry));
        }
    }

    /// A thread's life: it is started for something, so it begins by searching.
    fn work(self: &Arc<Self>) {
        let me = Sleeper::here();
        let mut searching = true;
        loop {
            match self.dispatch.take(&mut searching) {
                Taken::Work(queued, call) => {
                    self.answer(call);
                    self.run(queued);
                }
                Taken::Nothing if self.dispatch.lie_down(&me) => {
                    if !self.sleep(&me) {
                        return;
                    }
                    searching = true;
                }
                Taken::Nothing => {}
                Taken::Closed => {
                    self.dispatch.gone();
                    return;
                }
            }
        }
    }

    /// Sleeps until it is called; false if it has been idle for long enough and is gone.
    fn sleep(&self, me: &Arc<Sleeper>) -> bool {
        let until = Instant::now().checked_add(self.settings.keep_alive);
        loop {
            if me.take_call() {
                return true;
            }
            match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) if self.dispatch.retire(me) => return false,
                // It was called a moment ago, and will hear it.
                Some(Duration::ZERO) | None => me.sleep(None),
                Some(left) => me.sleep(Some(left)),
            }
        }
    }

    fn run(&self, queued: Queued) {
        let started = Instant::now();
        let _disturbance = queued._disturbance;
        self.gate.leave();
        job::run(queued.entry);
        let (waited, ran) = (started - queued.since, started.elapsed());
        self.counters.ran(waited, ran);
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.dispatch.close();
        self.gate.open();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.0.0.settings.name)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
