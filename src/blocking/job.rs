//! [`Job`]: a closure on a pool, as who submitted it holds it; and the running of one.

use super::gate::Gate;
use super::stats::Counters;
use crate::context::detached;
use crate::event_loop::{budgeted, is_cancelled as is_scope_cancelled};
use crate::task::{self, AbortHandle, JoinError, JoinHandle, OwnedTasks, Schedule, Scheduled};
use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A pool, as a job sees it.
pub(super) trait Carrier: Send + Sync {
    fn name(&self) -> &str;

    fn gate(&self) -> &Gate;

    fn counters(&self) -> &Counters;

    /// Queues a job that the gate has counted; if the pool is closed, that cancels it.
    fn submit(self: Arc<Self>, entry: Scheduled);

    fn is_closed(&self) -> bool;

    /// Why jobs were not run, if not because somebody asked for it.
    fn failure(&self) -> Option<String>;
}

/// A closure that runs on a pool's thread, and a future for what it returns.
///
/// Where the pool's queue is full the closure waits in here, and goes in when there is room and this
/// is awaited. Those that wait are woken in the order of their coming; who finds room at once does not
/// queue behind them.
///
/// Dropping it cancels a closure that has not started. One that runs goes on, as a thread cannot be
/// stopped; it may ask [`is_cancelled`](super::is_cancelled). [`detach`](Job::detach) lets the
/// closure run without anybody waiting for it.
///
/// # Errors
///
/// [`JoinError`]: the closure panicked; or it never ran, as the job was aborted, the pool was shut
/// down, or no thread could be started, which the error then says.
///
/// # Panics
///
/// When polled again after it returned the output.
///
/// # Cancel safety
///
/// Await `&mut job` to keep it: dropping it is the cancellation.
#[must_use = "dropping it cancels a closure that has not started"]
pub struct Job<T> {
    /// `None` once it is detached.
    handle: Option<JoinHandle<T>>,
    pool: Arc<dyn Carrier>,
    /// Until there is room in the queue.
    outside: Option<Outside>,
    /// It was aborted in time.
    aborted: bool,
    spawned_at: &'static Location<'static>,
}

/// A pool's queue is full: the closure, unused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PoolFull<F>(pub F);

impl<F> fmt::Debug for PoolFull<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolFull").finish_non_exhaustive()
    }
}

impl<F> fmt::Display for PoolFull<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue of the pool is full")
    }
}

impl<F> std::error::Error for PoolFull<F> {}

/// A job that is not in the queue.
struct Outside {
    entry: Scheduled,
    /// Its place among those who wait for room.
    ticket: Option<u64>,
}

impl<T> Job<T> {
    /// A job that is queued, or waits for room in the queue.
    #[track_caller]
    pub(super) fn new<F>(pool: &Arc<impl Carrier + 'static>, work: F) -> Self
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let counted = pool.gate().try_enter();
        Job::with(pool.clone(), counted, work, Location::caller())
    }

    /// A job that is queued, if there is room.
    #[track_caller]
    pub(super) fn try_new<F>(
        pool: &Arc<impl Carrier + 'static>,
        work: F,
    ) -> Result<Self, PoolFull<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if !pool.gate().try_enter() {
            pool.counters().reject();
            return Err(PoolFull(work));
        }
        Ok(Job::with(pool.clone(), true, work, Location::caller()))
    }

    /// A job that has been counted by the gate of its pool, or waits for that.
    fn with<F>(
        pool: Arc<dyn Carrier>,
        counted: bool,
        work: F,
        spawned_at: &'static Location<'static>,
    ) -> Self
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (entry, handle) = task::remote(move || async move { work() }, Once, spawned_at);
        let mut job = Job {
            handle: Some(handle),
            pool,
            outside: None,
            aborted: false,
            spawned_at,
        };
        if counted {
            job.pool.clone().submit(entry);
        } else {
            job.outside = Some(Outside {
                entry,
                ticket: None,
            });
        }
        job
    }

    /// Cancels the closure if it has not started; whether that was in time. The job then gives a
    /// [`JoinError`] that [is cancelled](JoinError::is_cancelled).
    ///
    /// A closure that has started goes on, and [`is_cancelled`](super::is_cancelled) tells it.
    pub fn abort(&mut self) -> bool {
        let unstarted = self.leave_queue() || self.cancel_unstarted();
        self.aborted |= unstarted;
        unstarted
    }

    /// Whether awaiting it will not wait.
    pub fn is_finished(&self) -> bool {
        self.aborted || self.handle.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Lets the closure run on its own; what it returns is dropped.
    ///
    /// # Errors
    ///
    /// Gives the job back if it is still outside of a full queue, which it enters when it is awaited.
    pub fn detach(mut self) -> Result<(), Self> {
        if self.outside.is_some() {
            return Err(self);
        }
        self.handle = None;
        Ok(())
    }

    /// Takes the closure away if it is not in the queue yet; whether that was so.
    fn leave_queue(&mut self) -> bool {
        let Some(mut outside) = self.outside.take() else {
            return false;
        };
        self.pool.gate().leave_queue(&mut outside.ticket);
        // Dropping the entry cancels the task, and drops the closure.
        drop(outside.entry);
        true
    }

    fn cancel_unstarted(&self) -> bool {
        let handle = self.handle.as_ref();
        handle.is_some_and(JoinHandle::cancel_unstarted)
    }
}

impl<T> Future for Job<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let polled = budgeted(cx, |cx| this.poll_output(cx));
        if polled.is_pending()
            && is_scope_cancelled()
            && let Some(outside) = &mut this.outside
        {
            // It will not come for the room, and may stay for long where something is shielded.
            this.pool.gate().leave_queue(&mut outside.ticket);
        }
        polled
    }
}

impl<T> Job<T> {
    fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        if self.aborted {
            return Poll::Ready(Err(JoinError::cancelled(self.spawned_at)));
        }
        if let Some(outside) = &mut self.outside {
            let entered = self.pool.gate().poll_enter(&mut outside.ticket, cx);
            if entered.is_pending() && !self.pool.is_closed() {
                return Poll::Pending;
            }
            match entered {
                Poll::Ready(()) => {
                    if let Some(outside) = self.outside.take() {
                        self.pool.clone().submit(outside.entry);
                    }
                }
                // The pool was shut down: nobody will make room.
                Poll::Pending => {
                    self.leave_queue();
                }
            }
        }
        let handle = self.handle.as_mut();
        let output = handle.expect("a detached job is gone").poll_output(cx);
        output.map_err(|error| match self.pool.failure() {
            Some(cause) if error.is_cancelled() => error.because(cause),
            _ => error,
        })
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        if !self.leave_queue() {
            self.cancel_unstarted();
        }
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("pool", &self.pool.name())
            .field("spawned_at", &format_args!("{}", self.spawned_at))
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

/// A job's task has one queue entry in its life, the first; what makes another, an abort, has no
/// place to go.
struct Once;

impl Schedule for Once {
    fn schedule(&self, entry: Scheduled) {
        // The task runs at this moment: its owner sees to its end.
        drop(entry);
    }
}

thread_local! {
    /// The jobs that run on this thread: the last one runs, the others wait for it. (A thread of
    /// the CPU pool may take another job while one waits for its parts.)
    static RUNNING: RefCell<Vec<AbortHandle>> = const { RefCell::new(Vec::new()) };
}

/// Runs a job to its end. No panic of the closure's gets out.
pub(super) fn run(entry: Scheduled) {
    struct Leave;

    impl Drop for Leave {
        fn drop(&mut self) {
            let left = RUNNING.with(|running| running.borrow_mut().pop());
            drop(left);
        }
    }

    RUNNING.with(|running| running.borrow_mut().push(entry.abort_handle()));
    let _leave = Leave;
    // An owner for each: jobs nest where one waits for its parts, and runs of one owner must not. Nor
    // does it concern this one in which context the other is.
    let _ = detached(|| OwnedTasks::new().run(entry));
}

/// Whether the job that runs on this thread is no longer wanted: it was aborted, or dropped by who
/// submitted it. A long computation asks now and then, and returns early. False outside of jobs.
///
/// It is for the closure itself. The parts into which rayon splits a computation run wherever there is
/// time, also on a thread that waits in the middle of another job: they ask a [`cancellation`] that the
/// closure has taken for them.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::blocking::{is_cancelled, spawn_blocking};
///
/// ringmill::block_on(async {
///     let mut job = spawn_blocking(|| {
///         while !is_cancelled() {
///             std::thread::yield_now();
///         }
///         "ended early"
///     });
///     // Either it never starts, or it hears of the abort.
///     if job.abort() {
///         assert!(job.await.unwrap_err().is_cancelled());
///     } else {
///         assert_eq!(job.await.unwrap(), "ended early");
///     }
/// })?;
/// # Ok(())
/// # }
/// ```
pub fn is_cancelled() -> bool {
    RUNNING.with(|running| running.borrow().last().is_some_and(AbortHandle::is_aborted))
}

/// Tells whether a job is no longer wanted, on whatever thread; see [`cancellation`].
#[derive(Clone, Debug)]
pub struct Cancellation(Option<AbortHandle>);

impl Cancellation {
    /// Whether the job was aborted, or dropped by who submitted it.
    pub fn is_cancelled(&self) -> bool {
        self.0.as_ref().is_some_and(AbortHandle::is_aborted)
    }
}

/// What tells whether the job that runs on this thread is no longer wanted, to be taken along by parts
/// of it. Outside of jobs it never does.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::blocking::{cancellation, compute};
///
/// let runtime = ringmill::Runtime::new()?;
/// let job = runtime.handle().compute(|| {
///     let cancellation = cancellation();
///     let count = || (0..1000).take_while(|_| !cancellation.is_cancelled()).count();
///     let (one, other) = rayon_core::join(count, count);
///     one + other
/// });
/// assert_eq!(runtime.block_on(job)?, 2000);
/// # Ok(())
/// # }
/// ```
pub fn cancellation() -> Cancellation {
    Cancellation(RUNNING.with(|running| running.borrow().last().cloned()))
}
