//! Permits by number.

use super::error::{AcquireError, TryAcquireError};
use super::park::block_on_future;
use super::permits::{MOST, NoMore, Permits, Refused};
use super::sharing::{AcrossLoops, OneLoop, Sharing, constructors};
use super::taken::{Asking, Gives, Taken};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

/// A number of permits, of which each taker takes one or several, in the order of asking.
///
/// Who asks for many is served in its turn: while it waits at the front of the line, permits that come
/// back are kept for it, and nobody behind it gets any.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::sync::Semaphore;
///
/// ringmill::block_on(async {
///     // A budget of 64 KiB for what is in flight.
///     let budget = Semaphore::new(64 * 1024);
///     let page = budget.acquire_many(4096).await?;
///     assert_eq!(budget.available_permits(), 60 * 1024);
///     drop(page);
///     budget.close();
///     assert!(budget.acquire().await.is_err());
///     Ok::<_, ringmill::sync::AcquireError>(())
/// })??;
/// # Ok(())
/// # }
/// ```
pub struct Semaphore<S: Sharing> {
    permits: Permits<S>,
}

impl<S: Sharing> Gives for Semaphore<S> {
    type Sharing = S;

    #[inline]
    fn permits(&self) -> &Permits<S> {
        &self.permits
    }
}

constructors! {
    impl[] Semaphore[] {
        /// A semaphore with so many permits.
        ///
        /// # Panics
        ///
        /// If they are more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS).
        pub fn new(permits: usize) -> Self {
            Semaphore { permits: Permits::<S>::new(permits) }
        }
    }
}

impl<S: Sharing> Semaphore<S> {
    /// The most permits that a semaphore can have.
    pub const MAX_PERMITS: usize = MOST;

    /// Waits for a permit.
    ///
    /// # Errors
    ///
    /// If the semaphore is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives the place in the line up; what had been handed over already goes on to the
    /// next.
    #[inline]
    pub async fn acquire(&self) -> Result<SemaphorePermit<'_, S>, AcquireError> {
        self.acquire_many(1).await
    }

    /// Waits for so many permits at once. If there are never as many, it waits for ever, and everybody
    /// behind it.
    ///
    /// # Errors
    ///
    /// If the semaphore is closed.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Semaphore::acquire).
    #[inline]
    pub async fn acquire_many(&self, count: usize) -> Result<SemaphorePermit<'_, S>, AcquireError> {
        let taken = Asking::new(self, count).await;
        taken
            .map(SemaphorePermit)
            .map_err(|NoMore| AcquireError(()))
    }

    /// A permit, if one is free and nobody waits.
    ///
    /// # Errors
    ///
    /// If that is not so.
    #[inline]
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_, S>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// So many permits, if they are free and nobody waits.
    ///
    /// # Errors
    ///
    /// If that is not so.
    #[inline]
    pub fn try_acquire_many(
        &self,
        count: usize,
    ) -> Result<SemaphorePermit<'_, S>, TryAcquireError> {
        Taken::try_new(self, count)
            .map(SemaphorePermit)
            .map_err(|(refused, _)| error(refused))
    }

    /// Adds permits.
    ///
    /// # Panics
    ///
    /// If there are more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS) then.
    pub fn add_permits(&self, count: usize) {
        let free = self.permits.free();
        assert!(
            count <= MOST && free + count <= MOST,
            "more permits than a semaphore can have"
        );
        self.permits.give(count);
    }

    /// Takes free permits away for good, up to `count`, also from under those who wait. Gives their
    /// number.
    pub fn forget_permits(&self, count: usize) -> usize {
        self.permits.take_up_to(count)
    }

    /// How many are free. While somebody waits, they are kept for the first in the line.
    pub fn available_permits(&self) -> usize {
        self.permits.free()
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.permits.waiting()
    }

    /// Ends it: nobody gets a permit any more, and those who wait are told. Permits that are out stay
    /// good.
    pub fn close(&self) {
        self.permits.close();
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }
}

fn error(refused: Refused) -> TryAcquireError {
    match refused {
        Refused::Busy => TryAcquireError::NoPermits,
        Refused::Closed => TryAcquireError::Closed,
    }
}

/// The forms with permits that own their semaphore, once for each way of counting.
macro_rules! owned {
    ($sharing:ident, $counted:ident) => {
        impl Semaphore<$sharing> {
            /// [`acquire`](Semaphore::acquire), with a permit that owns the semaphore and so may go
            /// elsewhere.
            ///
            /// # Errors
            ///
            /// If the semaphore is closed.
            ///
            /// # Cancel safety
            ///
            /// As `acquire`.
            pub async fn acquire_owned(
                self: $counted<Self>,
            ) -> Result<OwnedSemaphorePermit<$sharing>, AcquireError> {
                self.acquire_many_owned(1).await
            }

            /// [`acquire_many`](Semaphore::acquire_many), with permits that own the semaphore.
            ///
            /// # Errors
            ///
            /// If the semaphore is closed.
            ///
            /// # Cancel safety
            ///
            /// As `acquire`.
            pub async fn acquire_many_owned(
                self: $counted<Self>,
                count: usize,
            ) -> Result<OwnedSemaphorePermit<$sharing>, AcquireError> {
                let taken = Asking::new(self, count).await;
                taken
                    .map(OwnedSemaphorePermit)
                    .map_err(|NoMore| AcquireError(()))
            }

            /// [`try_acquire`](Semaphore::try_acquire), with a permit that owns the semaphore.
            ///
            /// # Errors
            ///
            /// As `try_acquire`.
            pub fn try_acquire_owned(
                self: $counted<Self>,
            ) -> Result<OwnedSemaphorePermit<$sharing>, TryAcquireError> {
                self.try_acquire_many_owned(1)
            }

            /// [`try_acquire_many`](Semaphore::try_acquire_many), with permits that own the semaphore.
            ///
            /// # Errors
            ///
            /// As `try_acquire_many`.
            pub fn try_acquire_many_owned(
                self: $counted<Self>,
                count: usize,
            ) -> Result<OwnedSemaphorePermit<$sharing>, TryAcquireError> {
                Taken::try_new(self, count)
                    .map(OwnedSemaphorePermit)
                    .map_err(|(refused, _)| error(refused))
            }
        }
    };
}
owned!(AcrossLoops, Arc);
owned!(OneLoop, Rc);

impl Semaphore<AcrossLoops> {
    /// [`acquire_many`](Semaphore::acquire_many) on a plain thread, in the same line as the tasks; the
    /// thread is blocked meanwhile.
    ///
    /// # Errors
    ///
    /// If the semaphore is closed.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_acquire_many(
        &self,
        count: usize,
    ) -> Result<SemaphorePermit<'_, AcrossLoops>, AcquireError> {
        block_on_future(self.acquire_many(count))
    }

    /// [`acquire`](Semaphore::acquire) on a plain thread, which it blocks meanwhile.
    ///
    /// # Errors
    ///
    /// If the semaphore is closed.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_acquire(&self) -> Result<SemaphorePermit<'_, AcrossLoops>, AcquireError> {
        self.blocking_acquire_many(1)
    }
}

impl<S: Sharing> fmt::Debug for Semaphore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .field("waiting", &self.waiting())
            .finish()
    }
}

/// Permits of a [`Semaphore`], given back when it is dropped.
#[must_use = "permits are given back when this is dropped"]
pub struct SemaphorePermit<'a, S: Sharing>(Taken<&'a Semaphore<S>>);

/// Permits that own their [`Semaphore`], by an `Arc` or `Rc`.
#[must_use = "permits are given back when this is dropped"]
pub struct OwnedSemaphorePermit<S: Sharing>(Taken<S::Counted<Semaphore<S>>>);

/// What can be done with permits, whoever owns the semaphore.
macro_rules! permits {
    ($permit:ident $(<$lifetime:lifetime>)?) => {
        impl<$($lifetime,)? S: Sharing> $permit<$($lifetime,)? S> {
            /// How many they are.
            pub fn num_permits(&self) -> usize {
                self.0.amount()
            }

            /// Never gives them back: the semaphore has fewer from now on.
            pub fn forget(self) {
                self.0.forget();
            }

            /// Takes over the permits of another of the same semaphore.
            ///
            /// # Panics
            ///
            /// If it is of another semaphore.
            pub fn merge(&mut self, other: Self) {
                let (ours, theirs): (&Semaphore<S>, &Semaphore<S>) =
                    (self.0.owner(), other.0.owner());
                assert!(
                    std::ptr::eq(ours, theirs),
                    "permits of two semaphores cannot be merged"
                );
                self.0.merge(other.0);
            }

            /// Splits `count` of them off, if there are as many.
            pub fn split(&mut self, count: usize) -> Option<Self> {
                self.0.split(count).map($permit)
            }
        }

        impl<$($lifetime,)? S: Sharing> fmt::Debug for $permit<$($lifetime,)? S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($permit))
                    .field("num_permits", &self.num_permits())
                    .finish()
            }
        }
    };
}
permits!(SemaphorePermit<'a>);
permits!(OwnedSemaphorePermit);
