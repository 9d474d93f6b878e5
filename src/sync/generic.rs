//! The types behind [`sync`](super) and [`local`](super::local), for either [`Sharing`](super::Sharing).
//!
//! Use them by the names in those modules; these are for code that is to be generic in the same way.
//! (`lock_api` and parking_lot have the same relation.)

pub use super::barrier::Barrier;
pub use super::capacity_limiter::{CapacityLimiter, CapacityToken, OwnedCapacityToken};
pub use super::condvar::Condvar;
pub use super::event::Event;
pub use super::lazy::Lazy;
pub use super::mutex::{Mutex, MutexGuard, OwnedMutexGuard};
pub use super::mvar::MVar;
pub use super::notify::{Notified, Notify};
pub use super::once_cell::OnceCell;
pub use super::rwlock::{
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
pub use super::semaphore::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
