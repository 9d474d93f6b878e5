//! A place that is empty or has one value.

use super::park::block_on_future;
use super::permits::{NoMore, Permits};
use super::sharing::{AcrossLoops, Lock, OneLoop, Sharing, constructors};
use super::taken::{Asking, Taken};
use std::fmt;

/// A place that is empty or has one value: Haskell's `MVar`.
///
/// [`take`](MVar::take) empties it and waits while it is empty, [`put`](MVar::put) fills it and waits
/// while it is full, [`update`](MVar::update) changes the value in its place. It is a lock whose value
/// can be taken away, or a channel with room for one.
///
/// Those who want the value (to take, read or change it) are served in the order of their coming, and
/// so are those who want to put one. Here this differs from Haskell's: there a reader is served before
/// those who take.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::sync::MVar;
/// use std::sync::Arc;
///
/// ringmill::block_on(async {
///     let account = Arc::new(MVar::new(100));
///     let tasks: Vec<_> = (0..10)
///         .map(|_| {
///             let account = account.clone();
///             ringmill::spawn(async move { account.update(|balance| *balance -= 7).await })
///         })
///         .collect();
///     for task in tasks {
///         task.await.unwrap();
///     }
///     assert_eq!(account.take().await, 30);
///     assert!(account.try_take().is_none());
/// })?;
/// # Ok(())
/// # }
/// ```
pub struct MVar<T, S: Sharing> {
    /// One while there is a value that nobody has in hand.
    full: Permits<S>,
    /// One while there is no value and nobody is putting one. With the other, and whoever has either
    /// in hand, there is always just one.
    empty: Permits<S>,
    /// For whoever has the one permit in hand: so it is never waited for, and users' code may run in
    /// it, as it cannot get here a second time.
    value: S::Lock<Option<T>>,
}

constructors! {
    impl[T] MVar[T,] {
        /// A place with a value.
        pub fn new(value: T) -> Self {
            MVar {
                full: Permits::<S>::new(1),
                empty: Permits::<S>::new(0),
                value: <S as Sharing>::Lock::new(Some(value)),
            }
        }

        /// A place without one.
        pub fn empty() -> Self {
            MVar {
                full: Permits::<S>::new(0),
                empty: Permits::<S>::new(1),
                value: <S as Sharing>::Lock::new(None),
            }
        }
    }
}

/// The one permit.
type Turn<'a, S> = Taken<&'a Permits<S>>;

impl<T, S: Sharing> MVar<T, S> {
    /// Takes the value away, and waits for one where there is none.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives the place in the line up, and takes nothing.
    pub async fn take(&self) -> T {
        self.take_in(wait(&self.full).await)
    }

    /// Takes the value away, if there is one and nobody waits for it.
    pub fn try_take(&self) -> Option<T> {
        Some(self.take_in(try_turn(&self.full)?))
    }

    /// Puts a value, and waits until the one that is there has been taken.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives the place in the line up; nothing was put, and the value is dropped. To keep
    /// it, use [`try_put`](MVar::try_put).
    pub async fn put(&self, value: T) {
        let turn = wait(&self.empty).await;
        self.put_in(turn, value);
    }

    /// Puts a value, if there is none and nobody waits to put one.
    ///
    /// # Errors
    ///
    /// If that is not so, the value is given back.
    pub fn try_put(&self, value: T) -> Result<(), T> {
        match try_turn(&self.empty) {
            Some(turn) => {
                self.put_in(turn, value);
                Ok(())
            }
            None => Err(value),
        }
    }

    /// A clone of the value, which stays; waits for one where there is none.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives the place in the line up.
    pub async fn read(&self) -> T
    where
        T: Clone,
    {
        self.update(|value| value.clone()).await
    }

    /// A clone of the value, if there is one and nobody waits for it.
    pub fn try_read(&self) -> Option<T>
    where
        T: Clone,
    {
        self.try_update(|value| value.clone())
    }

    /// Changes the value in its place, and waits for one where there is none.
    ///
    /// If `change` panics, the value stays, as far as it was changed, for whoever comes next. While it
    /// runs the place is empty to everybody, `change` too, and the `try_` forms fail.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives the place in the line up; `change` has run as a whole or not at all.
    pub async fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        self.update_in(wait(&self.full).await, change)
    }

    /// Changes the value in its place, if there is one and nobody waits for it.
    pub fn try_update<R>(&self, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        Some(self.update_in(try_turn(&self.full)?, change))
    }

    /// Whether there is no value, or somebody has it in hand.
    pub fn is_empty(&self) -> bool {
        self.full.free() == 0
    }

    /// How many wait for a value.
    pub fn waiting_to_take(&self) -> usize {
        self.full.waiting()
    }

    /// How many wait to put one.
    pub fn waiting_to_put(&self) -> usize {
        self.empty.waiting()
    }

    /// The value, if there is one; who has the place alone waits for nobody.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut().as_mut()
    }

    /// The value, if there is one, without the place.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    fn take_in(&self, turn: Turn<'_, S>) -> T {
        let value = self.value.with(Option::take);
        turn.forget();
        self.empty.give(1);
        value.expect("full")
    }

    fn put_in(&self, turn: Turn<'_, S>, value: T) {
        let before = self.value.with(|place| place.replace(value));
        debug_assert!(before.is_none(), "empty");
        turn.forget();
        self.full.give(1);
    }

    fn update_in<R>(&self, turn: Turn<'_, S>, change: impl FnOnce(&mut T) -> R) -> R {
        // A panic gives the lock back first, then the turn.
        let _turn = turn;
        self.value
            .with(|value| change(value.as_mut().expect("full")))
    }
}

#[inline]
async fn wait<S: Sharing>(side: &Permits<S>) -> Turn<'_, S> {
    match Asking::new(side, 1).await {
        Ok(turn) => turn,
        Err(NoMore) => unreachable!("it is not closed"),
    }
}

fn try_turn<S: Sharing>(side: &Permits<S>) -> Option<Turn<'_, S>> {
    Taken::try_new(side, 1).ok()
}

impl<T> MVar<T, AcrossLoops> {
    /// [`take`](MVar::take) on a plain thread, which it blocks meanwhile.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_take(&self) -> T {
        block_on_future(self.take())
    }

    /// [`put`](MVar::put) on a plain thread, which it blocks meanwhile.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_put(&self, value: T) {
        block_on_future(self.put(value));
    }

    /// [`read`](MVar::read) on a plain thread, which it blocks meanwhile.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_read(&self) -> T
    where
        T: Clone,
    {
        block_on_future(self.read())
    }

    /// [`update`](MVar::update) on a plain thread, which it blocks meanwhile.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_update<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        block_on_future(self.update(change))
    }
}

impl<T> Default for MVar<T, AcrossLoops> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<T> Default for MVar<T, OneLoop> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<T, S: Sharing> fmt::Debug for MVar<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MVar")
            .field("is_empty", &self.is_empty())
            .finish_non_exhaustive()
    }
}
