//! Many readers or one writer.

use super::access::{reads, writes};
use super::cell::{ALL, Exclusive, Guarded, Shared};
use super::park::block_on_future;
use super::sharing::{AcrossLoops, OneLoop, Sharing, constructors};
use super::taken::Gives;
use super::{LockStatistics, TryLockError};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

/// A value that many at a time may read, or one may change.
///
/// All wait in one line, in the order of their coming. A writer is preferred to readers that come
/// after it: they wait behind it, also while others read, so that it is never starved; and it is not
/// preferred to those that came before it, so that they are not. Hence a task that holds a read guard
/// and asks for another one may wait for ever, as a writer may have come in between.
///
/// There is **no poisoning**; see [`Mutex`](super::Mutex).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::sync::RwLock;
///
/// ringmill::block_on(async {
///     let routes = RwLock::new(vec!["/"]);
///     {
///         let (one, two) = (routes.read().await, routes.read().await);
///         assert_eq!(one.len() + two.len(), 2);
///         assert!(routes.try_write().is_err());
///     }
///     let mut writing = routes.write().await;
///     writing.push("/status");
///     // What was written is read before any other writer gets to it.
///     let reading = writing.downgrade();
///     assert_eq!(*reading, ["/", "/status"]);
/// })?;
/// # Ok(())
/// # }
/// ```
pub struct RwLock<T: ?Sized, S: Sharing> {
    pub(super) cell: Guarded<T, S>,
}

constructors! {
    impl[T] RwLock[T,] {
        /// A lock that is free.
        pub fn new(value: T) -> Self {
            RwLock { cell: Guarded::<T, S>::new(value) }
        }
    }
}

impl<T: ?Sized, S: Sharing> RwLock<T, S> {
    /// Waits until it can be read: until no writer holds it, nor any came before.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives the place in the line up; what had been handed over already goes to the next.
    #[inline]
    pub async fn read(&self) -> RwLockReadGuard<'_, T, S> {
        RwLockReadGuard(Shared::new(self).await)
    }

    /// Waits until nobody else holds it.
    ///
    /// # Cancel safety
    ///
    /// As [`read`](RwLock::read).
    #[inline]
    pub async fn write(&self) -> RwLockWriteGuard<'_, T, S> {
        RwLockWriteGuard(Exclusive::new(self).await)
    }

    /// The right to read, if no writer holds it and nobody waits.
    ///
    /// # Errors
    ///
    /// If that is not so.
    #[inline]
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T, S>, TryLockError> {
        Shared::try_new(self)
            .map(RwLockReadGuard)
            .ok_or(TryLockError(()))
    }

    /// The right to write, if it is free and nobody waits.
    ///
    /// # Errors
    ///
    /// If that is not so.
    #[inline]
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T, S>, TryLockError> {
        Exclusive::try_new(self)
            .map(RwLockWriteGuard)
            .ok_or(TryLockError(()))
    }

    /// The value; who has the lock alone needs no guard.
    pub fn get_mut(&mut self) -> &mut T {
        self.cell.get_mut()
    }

    /// The value, without the lock.
    pub fn into_inner(self) -> T
    where
        T: Sized,
    {
        self.cell.into_inner()
    }

    /// Who holds it and who waits for it, at this moment. With one holder, it may be a reader or a
    /// writer.
    pub fn statistics(&self) -> LockStatistics {
        let permits = self.permits();
        let waiting = permits.waiting();
        let holders = match permits.free() {
            0 => 1,
            free => ALL - free,
        };
        LockStatistics { holders, waiting }
    }
}

impl<T: ?Sized> RwLock<T, AcrossLoops> {
    /// [`read`](RwLock::read) on a plain thread, which it blocks meanwhile.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_read(&self) -> RwLockReadGuard<'_, T, AcrossLoops> {
        block_on_future(self.read())
    }

    /// [`write`](RwLock::write) on a plain thread, which it blocks meanwhile.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_write(&self) -> RwLockWriteGuard<'_, T, AcrossLoops> {
        block_on_future(self.write())
    }

    /// [`read`](RwLock::read), with a guard that owns the lock and so may go anywhere.
    ///
    /// # Cancel safety
    ///
    /// As `read`.
    pub async fn read_owned(self: Arc<Self>) -> OwnedRwLockReadGuard<T, AcrossLoops> {
        OwnedRwLockReadGuard(Shared::new(self).await)
    }

    /// [`write`](RwLock::write), with a guard that owns the lock.
    ///
    /// # Cancel safety
    ///
    /// As `write`.
    pub async fn write_owned(self: Arc<Self>) -> OwnedRwLockWriteGuard<T, AcrossLoops> {
        OwnedRwLockWriteGuard(Exclusive::new(self).await)
    }
}

impl<T: ?Sized> RwLock<T, OneLoop> {
    /// [`read`](RwLock::read), with a guard that owns the lock and so may go anywhere on its thread.
    ///
    /// # Cancel safety
    ///
    /// As `read`.
    pub async fn read_owned(self: Rc<Self>) -> OwnedRwLockReadGuard<T, OneLoop> {
        OwnedRwLockReadGuard(Shared::new(self).await)
    }

    /// [`write`](RwLock::write), with a guard that owns the lock.
    ///
    /// # Cancel safety
    ///
    /// As `write`.
    pub async fn write_owned(self: Rc<Self>) -> OwnedRwLockWriteGuard<T, OneLoop> {
        OwnedRwLockWriteGuard(Exclusive::new(self).await)
    }
}

impl<T: ?Sized + fmt::Debug, S: Sharing> fmt::Debug for RwLock<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(value) => shown.field("value", &&*value).finish(),
            Err(_) => shown.finish_non_exhaustive(),
        }
    }
}

impl<T: Default> Default for RwLock<T, AcrossLoops> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Default> Default for RwLock<T, OneLoop> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

/// The right to read the value of an [`RwLock`], given back when it is dropped.
#[must_use = "the lock is given back when it is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized, S: Sharing>(Shared<&'a RwLock<T, S>>);

/// The right to change the value of an [`RwLock`], given back when it is dropped.
#[must_use = "the lock is given back when it is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized, S: Sharing>(Exclusive<&'a RwLock<T, S>>);

/// An [`RwLockReadGuard`] that owns its lock, by an `Arc` or `Rc`.
#[must_use = "the lock is given back when it is dropped"]
pub struct OwnedRwLockReadGuard<T: ?Sized, S: Sharing>(Shared<S::Counted<RwLock<T, S>>>);

/// An [`RwLockWriteGuard`] that owns its lock, by an `Arc` or `Rc`.
#[must_use = "the lock is given back when it is dropped"]
pub struct OwnedRwLockWriteGuard<T: ?Sized, S: Sharing>(Exclusive<S::Counted<RwLock<T, S>>>);

impl<'a, T: ?Sized, S: Sharing> RwLockWriteGuard<'a, T, S> {
    /// Becomes a reader without letting a writer in between; readers at the front of the line come
    /// in, too.
    pub fn downgrade(self) -> RwLockReadGuard<'a, T, S> {
        RwLockReadGuard(self.0.downgrade())
    }
}

impl<T: ?Sized, S: Sharing> OwnedRwLockWriteGuard<T, S> {
    /// Becomes a reader without letting a writer in between; readers at the front of the line come
    /// in, too.
    pub fn downgrade(self) -> OwnedRwLockReadGuard<T, S> {
        OwnedRwLockReadGuard(self.0.downgrade())
    }
}

reads!(RwLockReadGuard<'_>);
reads!(RwLockWriteGuard<'_>);
writes!(RwLockWriteGuard<'_>);
reads!(OwnedRwLockReadGuard);
reads!(OwnedRwLockWriteGuard);
writes!(OwnedRwLockWriteGuard);
