//! The types of [`sync`](super), for the tasks of one loop.
//!
//! They cost no atomics. As with a `RefCell`, they may be made on one thread and moved to another, but
//! not shared between two.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use ringmill::sync::local::Mutex;
//! use std::rc::Rc;
//!
//! ringmill::block_on(async {
//!     let count = Rc::new(Mutex::new(0));
//!     let tasks: Vec<_> = (0..3)
//!         .map(|_| {
//!             let count = count.clone();
//!             ringmill::spawn(async move {
//!                 let mut count = count.lock().await;
//!                 let before = *count;
//!                 ringmill::yield_now().await;
//!                 *count = before + 1;
//!             })
//!         })
//!         .collect();
//!     for task in tasks {
//!         task.await.unwrap();
//!     }
//!     assert_eq!(*count.lock().await, 3);
//! })?;
//! # Ok(())
//! # }
//! ```
//!
//! ```compile_fail,E0277
//! fn shared_by_threads<T: Sync>() {}
//! shared_by_threads::<ringmill::sync::local::Event>();
//! ```

use super::{LazyFuture, OneLoop, generic};

/// A fair mutual exclusion: [`generic::Mutex`].
pub type Mutex<T> = generic::Mutex<T, OneLoop>;
/// The right to the value of a [`Mutex`]: [`generic::MutexGuard`].
pub type MutexGuard<'a, T> = generic::MutexGuard<'a, T, OneLoop>;
/// A [`MutexGuard`] that owns its mutex: [`generic::OwnedMutexGuard`].
pub type OwnedMutexGuard<T> = generic::OwnedMutexGuard<T, OneLoop>;
/// A place that is empty or has one value: [`generic::MVar`].
pub type MVar<T> = generic::MVar<T, OneLoop>;
/// Many readers or one writer: [`generic::RwLock`].
pub type RwLock<T> = generic::RwLock<T, OneLoop>;
/// The right to read the value of an [`RwLock`]: [`generic::RwLockReadGuard`].
pub type RwLockReadGuard<'a, T> = generic::RwLockReadGuard<'a, T, OneLoop>;
/// The right to change the value of an [`RwLock`]: [`generic::RwLockWriteGuard`].
pub type RwLockWriteGuard<'a, T> = generic::RwLockWriteGuard<'a, T, OneLoop>;
/// An [`RwLockReadGuard`] that owns its lock: [`generic::OwnedRwLockReadGuard`].
pub type OwnedRwLockReadGuard<T> = generic::OwnedRwLockReadGuard<T, OneLoop>;
/// An [`RwLockWriteGuard`] that owns its lock: [`generic::OwnedRwLockWriteGuard`].
pub type OwnedRwLockWriteGuard<T> = generic::OwnedRwLockWriteGuard<T, OneLoop>;
/// A number of permits: [`generic::Semaphore`].
pub type Semaphore = generic::Semaphore<OneLoop>;
/// Permits of a [`Semaphore`]: [`generic::SemaphorePermit`].
pub type SemaphorePermit<'a> = generic::SemaphorePermit<'a, OneLoop>;
/// Permits that own their [`Semaphore`]: [`generic::OwnedSemaphorePermit`].
pub type OwnedSemaphorePermit = generic::OwnedSemaphorePermit<OneLoop>;
/// Wake-ups without a message: [`generic::Notify`].
pub type Notify = generic::Notify<OneLoop>;
/// Somebody who waits for a [`Notify`]: [`generic::Notified`].
pub type Notified<'a> = generic::Notified<'a, OneLoop>;
/// Something that happens once: [`generic::Event`].
pub type Event = generic::Event<OneLoop>;
/// Waiting for what a [`Mutex`] guards to change: [`generic::Condvar`].
pub type Condvar = generic::Condvar<OneLoop>;
/// A point that so many pass together: [`generic::Barrier`].
pub type Barrier = generic::Barrier<OneLoop>;
/// A value that is made once, by whoever comes first: [`generic::OnceCell`].
pub type OnceCell<T> = generic::OnceCell<T, OneLoop>;
/// A value that is made when it is first asked for: [`generic::Lazy`].
pub type Lazy<T, F = fn() -> LazyFuture<T>> = generic::Lazy<T, F, OneLoop>;
/// So many at a time, each known by name: [`generic::CapacityLimiter`].
pub type CapacityLimiter<B> = generic::CapacityLimiter<B, OneLoop>;
/// A token of a [`CapacityLimiter`]: [`generic::CapacityToken`].
pub type CapacityToken<'a, B> = generic::CapacityToken<'a, B, OneLoop>;
/// A token that owns its [`CapacityLimiter`]: [`generic::OwnedCapacityToken`].
pub type OwnedCapacityToken<B> = generic::OwnedCapacityToken<B, OneLoop>;
