//! Closures that block, and closures that compute, on threads of their own: nothing blocks a loop.
//!
//! | | for | threads | splits |
//! |---|---|---|---|
//! | [`spawn_blocking`] | calls that wait: files, databases, locks | as many as there are jobs, up to 512 | no |
//! | [`compute`] | what keeps a processor busy | one a processor | by rayon |
//! | [`Pool`] | the same as the first, apart from it | as it is built | no |
//!
//! Each gives a [`Job`], a future for what the closure returns. Queues are bounded: where one is
//! full the closure waits with who awaits the job, and `try_` gives it back. A panic comes back as a
//! [`JoinError`](crate::JoinError) and costs no thread. The threads of a runtime's pools are not
//! pinned to the loops' processors, and `Handle::current` works on them; a closure can ask something
//! of a loop and wait for it by [`LoopRef::call_blocking`](crate::LoopRef::call_blocking).
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use ringmill::blocking::{compute, spawn_blocking};
//!
//! ringmill::block_on(async {
//!     let hosts = spawn_blocking(|| std::fs::read_to_string("/etc/hosts")).await.unwrap();
//!     assert!(hosts.is_ok());
//!     let sum = compute(|| (1..=1_000_u64).sum::<u64>()).await.unwrap();
//!     assert_eq!(sum, 500_500);
//! })?;
//! # Ok(())
//! # }
//! ```
//!
//! # How a job travels
//!
//! ```text
//!  spawn_blocking ─► Gate ──► Dispatch ──► a thread ──► the task's output ──► the waker of the Job
//!                 (room?)   (queue, whom     │                                 (the loop's inbox)
//!                            to wake)     job::run
//! ```
//!
//! A job is a task of one poll: the closure travels in its cell and the result comes
//! back in it, in one allocation.

mod compute;
mod dispatch;
mod gate;
mod job;
mod limiter;
#[cfg(all(test, loom))]
mod models;
mod pool;
mod pools;
mod stats;
mod thread;

pub use job::{Cancellation, Job, PoolFull, cancellation, is_cancelled};
pub use limiter::{Acquire, Limiter, Permit};
pub use pool::{Pool, PoolBuilder};
pub(crate) use pools::{Entered, Pools};
pub use stats::PoolStats;
pub(crate) use thread::PoolThread;

use std::os::fd::OwnedFd;

/// Runs a closure that may block, on the runtime's pool for that.
///
/// The pool is made by [`Builder::blocking_pool`](crate::Builder::blocking_pool). Where its queue is
/// full, the closure enters it when there is room and the job is awaited.
///
/// # Panics
///
/// Outside of a runtime, that is, on a thread that is neither one of a runtime's loops nor one of its
/// pools'. [`Handle::spawn_blocking`](crate::Handle::spawn_blocking) works from any.
#[track_caller]
pub fn spawn_blocking<F, T>(work: F) -> Job<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    here().blocking().spawn(work)
}

/// Runs a closure that may block, unless the queue of the runtime's pool is full.
///
/// # Errors
///
/// [`PoolFull`] gives the closure back.
///
/// # Panics
///
/// As [`spawn_blocking`].
#[track_caller]
pub fn try_spawn_blocking<F, T>(work: F) -> Result<Job<T>, PoolFull<F>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    here().blocking().try_spawn(work)
}

/// Runs a closure that keeps a processor busy, on the runtime's CPU pool: a thread a processor (or as
/// many as [`Builder::compute_threads`](crate::Builder::compute_threads) says), with work stealing.
/// What uses rayon in it (`rayon::join`, parallel iterators) splits over the pool's threads.
///
/// A thread that waits in `rayon::join` for a part may run another job meanwhile, on the same stack: so
/// no lock may be held across such a call that another job takes, too.
///
/// Where its queue, of 16,384 jobs, is full, the closure enters it when there is room and the job is
/// awaited.
///
/// # Panics
///
/// As [`spawn_blocking`].
#[track_caller]
pub fn compute<F, T>(work: F) -> Job<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    here().compute().spawn(work)
}

/// Runs a closure that keeps a processor busy, unless the queue of the CPU pool is full.
///
/// # Errors
///
/// [`PoolFull`] gives the closure back.
///
/// # Panics
///
/// As [`spawn_blocking`].
#[track_caller]
pub fn try_compute<F, T>(work: F) -> Result<Job<T>, PoolFull<F>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    here().compute().try_spawn(work)
}

/// Runs a closure that nobody waits for in the runtime's pool; here and now, if this is no runtime's
/// thread, or the queue is full.
pub(crate) fn run_aside(work: impl FnOnce() + Send + 'static) {
    let work = match Pools::current() {
        Some(pools) => match pools.blocking().try_spawn(work) {
            Ok(job) => {
                // It is in the queue: there was room.
                let _ = job.detach();
                return;
            }
            Err(PoolFull(work)) => work,
        },
        None => work,
    };
    crate::sys::contained(work);
}

/// Closes a descriptor, which may take long (SO_LINGER), in the runtime's pool: the epoll driver's way,
/// which is below this layer and is given it as it is built.
///
/// A connection that lingers must not hold the loop up, so where the pool is full or gone a thread is
/// made for it.
pub(crate) fn close_aside(fd: OwnedFd) {
    let close = move || drop(fd);
    let close = match Pools::current() {
        Some(pools) => match pools.blocking().try_spawn(close) {
            Ok(job) => {
                // It is in the queue: there was room.
                let _ = job.detach();
                return;
            }
            Err(PoolFull(close)) => close,
        },
        None => close,
    };
    let thread = std::thread::Builder::new().name("ringmill-close".to_owned());
    // Where no thread is to be had the closure is dropped, and the descriptor with it: here, then.
    let _ = thread.spawn(close);
}

#[track_caller]
fn here() -> std::sync::Arc<Pools> {
    match Pools::current() {
        Some(pools) => pools,
        None => panic!(
            "no Ringmill runtime runs on this thread: use `Handle::spawn_blocking` or a `Pool`"
        ),
    }
}
