//! A fair mutual exclusion.

use super::access::{reads, writes};
use super::cell::{Exclusive, Guarded};
use super::park::block_on_future;
use super::sharing::{AcrossLoops, OneLoop, Sharing, constructors};
use super::taken::Gives;
use super::{LockStatistics, TryLockError};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

/// A value that one at a time has access to, in the order of their asking.
///
/// A lock that is given back goes to the first of those who wait, at once: nobody overtakes them, and
/// [`try_lock`](Mutex::try_lock) fails as long as there are any. The price is that a lock that is much
/// asked for goes to whoever is next, on whatever loop, and that one has to be woken first; hold it
/// briefly, or use a [`std::sync::Mutex`] where nothing is awaited meanwhile.
///
/// **No poisoning**: where a task panics with the guard in its hands the lock is given back, and the
/// next has the value as the panic left it. A panic ends its task and no other, as everywhere in this
/// crate; whether the value is still whole only its owner can say, and can say in the value. (Tokio's
/// mutex does the same.)
///
/// Waiting allocates nothing but a table of those who wait, which grows to their largest number.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::sync::Mutex;
/// use std::sync::Arc;
///
/// ringmill::block_on(async {
///     let log = Arc::new(Mutex::new(Vec::new()));
///     let other = log.clone();
///     let task = ringmill::spawn(async move {
///         let mut log = other.lock().await;
///         log.push("there");
///         // The guard may be held over an await; others wait until it is dropped.
///         ringmill::yield_now().await;
///         log.push("and back");
///     });
///     task.await.unwrap();
///     assert_eq!(*log.lock().await, ["there", "and back"]);
/// })?;
/// # Ok(())
/// # }
/// ```
pub struct Mutex<T: ?Sized, S: Sharing> {
    pub(super) cell: Guarded<T, S>,
}

constructors! {
    impl[T] Mutex[T,] {
        /// A mutex that is free.
        pub fn new(value: T) -> Self {
            Mutex { cell: Guarded::<T, S>::new(value) }
        }
    }
}

impl<T: ?Sized, S: Sharing> Mutex<T, S> {
    /// Waits for the lock.
    ///
    /// Somebody who holds it and asks again waits for ever.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives the place in the line up; a lock that had been handed over already goes to
    /// the next. Asking again means the line's end.
    #[inline]
    pub async fn lock(&self) -> MutexGuard<'_, T, S> {
        MutexGuard(Exclusive::new(self).await)
    }

    /// The lock, if it is free and nobody waits for it.
    ///
    /// # Errors
    ///
    /// If it is not.
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T, S>, TryLockError> {
        Exclusive::try_new(self)
            .map(MutexGuard)
            .ok_or(TryLockError(()))
    }

    /// The value; who has the mutex alone needs no lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.cell.get_mut()
    }

    /// The value, without the mutex.
    pub fn into_inner(self) -> T
    where
        T: Sized,
    {
        self.cell.into_inner()
    }

    /// Whether somebody holds it.
    pub fn is_locked(&self) -> bool {
        self.permits().free() == 0
    }

    /// Who holds it and who waits for it, at this moment.
    pub fn statistics(&self) -> LockStatistics {
        LockStatistics {
            holders: usize::from(self.is_locked()),
            waiting: self.permits().waiting(),
        }
    }
}

impl<T: ?Sized> Mutex<T, AcrossLoops> {
    /// Waits for the lock on a plain thread, in the same line as the tasks, and blocks it meanwhile.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_lock(&self) -> MutexGuard<'_, T, AcrossLoops> {
        block_on_future(self.lock())
    }

    /// [`lock`](Mutex::lock), with a guard that owns the mutex and so may go anywhere.
    ///
    /// # Cancel safety
    ///
    /// As `lock`.
    pub async fn lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T, AcrossLoops> {
        OwnedMutexGuard(Exclusive::new(self).await)
    }

    /// [`try_lock`](Mutex::try_lock), with a guard that owns the mutex.
    ///
    /// # Errors
    ///
    /// If it is held, or somebody waits for it.
    pub fn try_lock_owned(
        self: Arc<Self>,
    ) -> Result<OwnedMutexGuard<T, AcrossLoops>, TryLockError> {
        Exclusive::try_new(self)
            .map(OwnedMutexGuard)
            .ok_or(TryLockError(()))
    }

    /// [`blocking_lock`](Mutex::blocking_lock), with a guard that owns the mutex.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T, AcrossLoops> {
        block_on_future(self.lock_owned())
    }
}

impl<T: ?Sized> Mutex<T, OneLoop> {
    /// [`lock`](Mutex::lock), with a guard that owns the mutex and so may go anywhere on its thread.
    ///
    /// # Cancel safety
    ///
    /// As `lock`.
    pub async fn lock_owned(self: Rc<Self>) -> OwnedMutexGuard<T, OneLoop> {
        OwnedMutexGuard(Exclusive::new(self).await)
    }

    /// [`try_lock`](Mutex::try_lock), with a guard that owns the mutex.
    ///
    /// # Errors
    ///
    /// If it is held, or somebody waits for it.
    pub fn try_lock_owned(self: Rc<Self>) -> Result<OwnedMutexGuard<T, OneLoop>, TryLockError> {
        Exclusive::try_new(self)
            .map(OwnedMutexGuard)
            .ok_or(TryLockError(()))
    }
}

impl<T: ?Sized + fmt::Debug, S: Sharing> fmt::Debug for Mutex<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(value) => shown.field("value", &&*value).finish(),
            Err(_) => shown.finish_non_exhaustive(),
        }
    }
}

impl<T: Default> Default for Mutex<T, AcrossLoops> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Default> Default for Mutex<T, OneLoop> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

/// The right to the value of a [`Mutex`], given back when it is dropped.
#[must_use = "the lock is given back when it is dropped"]
pub struct MutexGuard<'a, T: ?Sized, S: Sharing>(Exclusive<&'a Mutex<T, S>>);

impl<'a, T: ?Sized, S: Sharing> MutexGuard<'a, T, S> {
    /// The mutex that it is of.
    pub fn mutex(guard: &Self) -> &'a Mutex<T, S> {
        guard.0.lock()
    }
}

reads!(MutexGuard<'_>);
writes!(MutexGuard<'_>);

/// A [`MutexGuard`] that owns its mutex, by an `Arc` or `Rc`.
#[must_use = "the lock is given back when it is dropped"]
pub struct OwnedMutexGuard<T: ?Sized, S: Sharing>(Exclusive<S::Counted<Mutex<T, S>>>);

impl<T: ?Sized, S: Sharing> OwnedMutexGuard<T, S> {
    /// The mutex that it is of.
    pub fn mutex(guard: &Self) -> &S::Counted<Mutex<T, S>> {
        guard.0.lock()
    }
}

reads!(OwnedMutexGuard);
writes!(OwnedMutexGuard);
