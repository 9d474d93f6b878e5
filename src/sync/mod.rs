//! What tasks agree by: locks, permits, signals, values that are made once.
//!
//! | | what it is |
//! |---|---|
//! | [`Mutex`] | one at a time has the value |
//! | [`RwLock`] | many read, or one writes |
//! | [`MVar`] | a place that is empty or has one value, to take, put, or update there |
//! | [`Semaphore`] | a number of permits, taken one or many at a time |
//! | [`CapacityLimiter`] | tokens, one to each borrower; their number can be changed |
//! | [`Notify`] | tells one who waits, or all; or keeps one notice |
//! | [`Event`] | happens once; then everybody passes |
//! | [`Condvar`] | waits, with a mutex given back, for what it guards to change |
//! | [`Barrier`] | so many wait for each other |
//! | [`OnceCell`], [`Lazy`] | a value that is made once, with awaits |
//!
//! These are for tasks of several loops and for plain threads, which use the `blocking_` forms. The
//! same names in [`local`] are for the tasks of one loop: they cost no atomics, and cannot be shared
//! with another thread. A value that every task of a loop has to itself needs neither: tasks of a loop
//! take turns only where they await, so a `Cell` or `RefCell` does.
//!
//! - **Fair**: all are served in the order of their coming, and nobody overtakes. What is given back is
//!   handed to the first who waits, in the same step; `try_` forms fail while somebody waits.
//! - **Cancel safe**: whatever waits can be dropped at any time. A lock, permit or notice that had been
//!   handed to it goes to the next. So it does where who waits is in a [scope](crate::scope) that is
//!   cancelled, as soon as it is polled, even if something shielded keeps it from being dropped. But a
//!   future that has begun to wait and is neither polled nor dropped holds the others up: what is
//!   handed to it stays there. Drop what a `select!` is through with, or poll it on.
//! - **Not poisoned**: a task that panics gives its locks back; see [`generic::Mutex`].
//! - On a loop each operation counts as one against its task's turn. All work off the loops, too, on
//!   any executor.
//!
//! The types are aliases: those of this module are [`generic`]'s for [`AcrossLoops`], those of
//! [`local`] for [`OneLoop`]. There are their methods and examples.
//!
//! # How it is built
//!
//! ```text
//!   Mutex  RwLock      Semaphore  MVar  OnceCell     Notify  Event  Condvar     Barrier  CapacityLimiter
//!      \    /               \      |     /                \     |     /               \       /
//!       cell ────────────── taken, permits                 notices                       │
//!                                  \                          │                          │
//!                                   └───────────────────── line, under one lock ─────────┘
//! ```
//!
//! `line` orders those who wait; `permits` and `notices` are the two protocols over it, whose rules
//! they state; `cell` is the value behind a lock, and the only `unsafe` code. `sharing` is what all of
//! it is made of: atomics and a lock, or cells.

mod access;
mod barrier;
mod capacity_limiter;
mod cell;
mod condvar;
mod error;
mod event;
pub mod generic;
mod lazy;
mod line;
pub mod local;
#[cfg(all(test, loom))]
mod models;
mod mutex;
mod mvar;
mod notices;
mod notify;
mod once_cell;
pub(crate) mod park;
mod permits;
mod rwlock;
mod semaphore;
mod sharing;
mod taken;

pub use barrier::BarrierWaitResult;
pub use error::{AcquireError, BorrowError, CapacityStatistics, LockStatistics};
pub use error::{SetError, TryAcquireError, TryBorrowError, TryLockError};
pub use lazy::LazyFuture;
pub(crate) use line::{Found, Left, Line};
pub use sharing::{AcrossLoops, OneLoop, Sharing};

/// A fair mutual exclusion: [`generic::Mutex`].
pub type Mutex<T> = generic::Mutex<T, AcrossLoops>;
/// The right to the value of a [`Mutex`]: [`generic::MutexGuard`].
pub type MutexGuard<'a, T> = generic::MutexGuard<'a, T, AcrossLoops>;
/// A [`MutexGuard`] that owns its mutex: [`generic::OwnedMutexGuard`].
pub type OwnedMutexGuard<T> = generic::OwnedMutexGuard<T, AcrossLoops>;
/// A place that is empty or has one value: [`generic::MVar`].
pub type MVar<T> = generic::MVar<T, AcrossLoops>;
/// Many readers or one writer: [`generic::RwLock`].
pub type RwLock<T> = generic::RwLock<T, AcrossLoops>;
/// The right to read the value of an [`RwLock`]: [`generic::RwLockReadGuard`].
pub type RwLockReadGuard<'a, T> = generic::RwLockReadGuard<'a, T, AcrossLoops>;
/// The right to change the value of an [`RwLock`]: [`generic::RwLockWriteGuard`].
pub type RwLockWriteGuard<'a, T> = generic::RwLockWriteGuard<'a, T, AcrossLoops>;
/// An [`RwLockReadGuard`] that owns its lock: [`generic::OwnedRwLockReadGuard`].
pub type OwnedRwLockReadGuard<T> = generic::OwnedRwLockReadGuard<T, AcrossLoops>;
/// An [`RwLockWriteGuard`] that owns its lock: [`generic::OwnedRwLockWriteGuard`].
pub type OwnedRwLockWriteGuard<T> = generic::OwnedRwLockWriteGuard<T, AcrossLoops>;
/// A number of permits: [`generic::Semaphore`].
pub type Semaphore = generic::Semaphore<AcrossLoops>;
/// Permits of a [`Semaphore`]: [`generic::SemaphorePermit`].
pub type SemaphorePermit<'a> = generic::SemaphorePermit<'a, AcrossLoops>;
/// Permits that own their [`Semaphore`]: [`generic::OwnedSemaphorePermit`].
pub type OwnedSemaphorePermit = generic::OwnedSemaphorePermit<AcrossLoops>;
/// Wake-ups without a message: [`generic::Notify`].
pub type Notify = generic::Notify<AcrossLoops>;
/// Somebody who waits for a [`Notify`]: [`generic::Notified`].
pub type Notified<'a> = generic::Notified<'a, AcrossLoops>;
/// Something that happens once: [`generic::Event`].
pub type Event = generic::Event<AcrossLoops>;
/// Waiting for what a [`Mutex`] guards to change: [`generic::Condvar`].
pub type Condvar = generic::Condvar<AcrossLoops>;
/// A point that so many pass together: [`generic::Barrier`].
pub type Barrier = generic::Barrier<AcrossLoops>;
/// A value that is made once, by whoever comes first: [`generic::OnceCell`].
pub type OnceCell<T> = generic::OnceCell<T, AcrossLoops>;
/// A value that is made when it is first asked for: [`generic::Lazy`].
pub type Lazy<T, F = fn() -> LazyFuture<T>> = generic::Lazy<T, F, AcrossLoops>;
/// So many at a time, each known by name: [`generic::CapacityLimiter`].
pub type CapacityLimiter<B> = generic::CapacityLimiter<B, AcrossLoops>;
/// A token of a [`CapacityLimiter`]: [`generic::CapacityToken`].
pub type CapacityToken<'a, B> = generic::CapacityToken<'a, B, AcrossLoops>;
/// A token that owns its [`CapacityLimiter`]: [`generic::OwnedCapacityToken`].
pub type OwnedCapacityToken<B> = generic::OwnedCapacityToken<B, AcrossLoops>;
