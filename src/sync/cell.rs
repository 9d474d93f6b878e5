//! [`Guarded`]: a value behind permits, and the two guards that give access to it. The only `unsafe`
//! code of this module.
//!
//! All [`ALL`] permits together are the right to change the value, a single one the right to read it;
//! a mutex always takes all. The proof that the guards are sound:
//!
//! 1. A `Guarded` is made with exactly [`ALL`] permits. Nobody adds any: `Permits::give` is called for
//!    those of a cell by [`Taken`] alone, for as many as it holds, and by the line for what it had
//!    handed to somebody who went away. (`Mutex` and `RwLock` only count them.)
//! 2. So while a [`Taken`] of [`ALL`] permits of a cell exists there is no other [`Taken`] of that
//!    cell with any, and while one of a single permit exists there is none of [`ALL`].
//! 3. [`Exclusive`] has a [`Taken`] of [`ALL`], checked when it is made, and gives a `&mut` only for
//!    as long as itself is borrowed uniquely, a `&` only for as long as it is borrowed. [`Shared`] has
//!    one of a single permit at least, and gives a `&`.
//! 4. A guard holds its lock by `&`, `Rc` or `Arc` ([`Hold`]): these keep the lock alive, unmoved, and
//!    go on giving the same one.
//! 5. Taking permits comes behind the giving back of those permits, in the order of memory: the word
//!    is changed by acquiring and releasing read-modify-writes, what is handed on by a lock.
//!
//! Across threads: an exclusive guard takes the value to whichever thread it is on, as `&mut T`, which
//! asks for `T: Send`; shared guards lend it to several at once, which asks for `T: Sync` too. Both
//! guards have a [`PhantomData`] of `T`, without which a guard would be `Sync` where its lock is.

use super::mutex::Mutex;
use super::permits::{MOST, NoMore, Permits, Refused};
use super::rwlock::RwLock;
use super::sharing::{AcrossLoops, Sharing, constructors};
use super::taken::{Asking, Gives, Taken};
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::sync::Arc;

/// The permits of a cell.
pub(super) const ALL: usize = MOST;

pub(super) struct Guarded<T: ?Sized, S: Sharing> {
    permits: Permits<S>,
    value: UnsafeCell<T>,
}

constructors! {
    impl[T] Guarded[T,] {
        pub(super) fn new(value: T) -> Self {
            Guarded {
                permits: Permits::<S>::new(ALL),
                value: UnsafeCell::new(value),
            }
        }
    }
}

impl<T: ?Sized, S: Sharing> Guarded<T, S> {
    pub(super) fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    pub(super) fn into_inner(self) -> T
    where
        T: Sized,
    {
        self.value.into_inner()
    }
}

// SAFETY: the exclusive guard, the only way to the value through a `&Mutex`, may be on any thread, and
// two guards are never there at once: that is sending the value to and fro.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T, AcrossLoops> {}
// SAFETY: as above, and shared guards lend the value to several threads at once.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T, AcrossLoops> {}

/// A lock that is made of a cell.
///
/// # Safety
///
/// `cell` gives the same cell each time.
pub(super) unsafe trait Locks {
    type Value: ?Sized;
    type Sharing: Sharing;
    fn cell(&self) -> &Guarded<Self::Value, Self::Sharing>;
}

// SAFETY: a field.
unsafe impl<T: ?Sized, S: Sharing> Locks for Mutex<T, S> {
    type Value = T;
    type Sharing = S;

    #[inline]
    fn cell(&self) -> &Guarded<T, S> {
        &self.cell
    }
}

// SAFETY: a field.
unsafe impl<T: ?Sized, S: Sharing> Locks for RwLock<T, S> {
    type Value = T;
    type Sharing = S;

    #[inline]
    fn cell(&self) -> &Guarded<T, S> {
        &self.cell
    }
}

impl<L: Locks + ?Sized> Gives for L {
    type Sharing = L::Sharing;

    #[inline]
    fn permits(&self) -> &Permits<L::Sharing> {
        &self.cell().permits
    }
}

/// What a guard holds its lock by.
///
/// # Safety
///
/// As long as it exists the lock does, and `deref` gives that one each time.
pub unsafe trait Hold: Deref {}

// SAFETY: a reference.
unsafe impl<L: ?Sized> Hold for &L {}
// SAFETY: counted, and the lock is on the heap.
unsafe impl<L: ?Sized> Hold for Rc<L> {}
// SAFETY: counted, and the lock is on the heap.
unsafe impl<L: ?Sized> Hold for Arc<L> {}

type ValueOf<H> = <<H as Deref>::Target as Locks>::Value;

/// The right to change the value.
pub(super) struct Exclusive<H: Hold<Target: Locks>> {
    taken: Taken<H>,
    value: PhantomData<ValueOf<H>>,
}

impl<H: Hold<Target: Locks>> Exclusive<H> {
    #[inline]
    fn of(taken: Taken<H>) -> Self {
        assert_eq!(taken.amount(), ALL, "the right to change is all permits");
        Exclusive {
            taken,
            value: PhantomData,
        }
    }

    #[inline]
    pub(super) async fn new(lock: H) -> Self {
        Self::of(never_closed(Asking::new(lock, ALL).await))
    }

    #[inline]
    pub(super) fn try_new(lock: H) -> Option<Self> {
        match Taken::try_new(lock, ALL) {
            Ok(taken) => Some(Self::of(taken)),
            Err((Refused::Busy | Refused::Closed, _)) => None,
        }
    }

    /// Lets readers in.
    pub(super) fn downgrade(self) -> Shared<H> {
        let mut taken = self.taken;
        taken.keep(1);
        Shared::of(taken)
    }

    pub(super) fn lock(&self) -> &H {
        self.taken.owner()
    }
}

impl<H: Hold<Target: Locks>> Deref for Exclusive<H> {
    type Target = ValueOf<H>;

    #[inline]
    fn deref(&self) -> &ValueOf<H> {
        // SAFETY: rule 3: all permits are here, and `&mut` is given out only while `self` is borrowed
        // uniquely, which it is not; rule 4: it is the lock that they are of.
        unsafe { &*self.taken.owner().cell().value.get() }
    }
}

impl<H: Hold<Target: Locks>> DerefMut for Exclusive<H> {
    #[inline]
    fn deref_mut(&mut self) -> &mut ValueOf<H> {
        // SAFETY: rule 3: all permits are here, and `self` is borrowed uniquely as long as the result
        // is used; rule 4: it is the lock that they are of.
        unsafe { &mut *self.taken.owner().cell().value.get() }
    }
}

/// The right to read the value.
pub(super) struct Shared<H: Hold<Target: Locks>> {
    taken: Taken<H>,
    value: PhantomData<ValueOf<H>>,
}

impl<H: Hold<Target: Locks>> Shared<H> {
    #[inline]
    fn of(taken: Taken<H>) -> Self {
        assert_ne!(taken.amount(), 0, "the right to read is a permit");
        Shared {
            taken,
            value: PhantomData,
        }
    }

    #[inline]
    pub(super) async fn new(lock: H) -> Self {
        Self::of(never_closed(Asking::new(lock, 1).await))
    }

    #[inline]
    pub(super) fn try_new(lock: H) -> Option<Self> {
        match Taken::try_new(lock, 1) {
            Ok(taken) => Some(Self::of(taken)),
            Err((Refused::Busy | Refused::Closed, _)) => None,
        }
    }
}

impl<H: Hold<Target: Locks>> Deref for Shared<H> {
    type Target = ValueOf<H>;

    #[inline]
    fn deref(&self) -> &ValueOf<H> {
        // SAFETY: rule 3: a permit is here, so nobody has all of them; rule 4: it is the lock that it
        // is of.
        unsafe { &*self.taken.owner().cell().value.get() }
    }
}

#[inline]
fn never_closed<T>(taken: Result<T, NoMore>) -> T {
    match taken {
        Ok(taken) => taken,
        Err(NoMore) => unreachable!("locks are not closed"),
    }
}
