//! The atomics and the guarded cell of everything that threads share, under one name for two
//! worlds.
//!
//! Built normally these are the standard library's. Built with `--cfg loom` they are loom's, which
//! runs a model under every interleaving (and every value a weakly ordered load may see) instead of
//! under the one that happened. Protocol code takes its atomics from here and from nowhere else; a
//! static that no protocol depends on may use `std`.

use std::sync::PoisonError;

#[cfg(not(loom))]
#[allow(
    unused_imports,
    reason = "the same list in both worlds, whoever needs it"
)]
pub(crate) use self::native::UnsafeCell;
#[cfg(loom)]
#[allow(
    unused_imports,
    reason = "the same list in both worlds, whoever needs it"
)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    },
};
#[cfg(not(loom))]
#[allow(
    unused_imports,
    reason = "the same list in both worlds, whoever needs it"
)]
pub(crate) use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

/// [`sys::lock`](super::lock) for the mutexes of here, which may be loom's.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(not(loom))]
mod native {
    /// The standard `UnsafeCell` behind loom's interface: the pointer lives no longer than the
    /// closure, so that loom knows when an access begins and ends.
    #[derive(Debug)]
    #[repr(transparent)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        #[inline]
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        /// Lends a pointer to read through.
        #[inline]
        pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
            read(self.0.get())
        }

        /// Lends a pointer to write through.
        #[inline]
        pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
            write(self.0.get())
        }
    }
}
