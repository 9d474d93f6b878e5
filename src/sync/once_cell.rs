//! A value that is made once, by whoever comes first.

use super::error::SetError;
use super::permits::{NoMore, Permits};
use super::sharing::{AcrossLoops, Once, OneLoop, Sharing, constructors};
use super::taken::{Asking, Taken};
use crate::event_loop::budgeted;
use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::task::Poll;

/// A value that is set once, and may take an await to make.
///
/// Of those who want to initialise it at the same time one does, and the others wait. If that one
/// fails, panics or is dropped, the next in the line tries.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::sync::OnceCell;
///
/// static LIMIT: OnceCell<u32> = OnceCell::new();
///
/// ringmill::block_on(async {
///     let failed = LIMIT.get_or_try_init(async || "12x".parse()).await;
///     assert!(failed.is_err());
///     assert_eq!(*LIMIT.get_or_init(async || 12).await, 12);
///     assert_eq!(LIMIT.get(), Some(&12));
/// })?;
/// # Ok(())
/// # }
/// ```
pub struct OnceCell<T, S: Sharing> {
    value: S::Once<T>,
    /// One, for who initialises; closed once there is a value.
    turn: Permits<S>,
}

constructors! {
    impl[T] OnceCell[T,] {
        /// A cell without a value.
        pub fn new() -> Self {
            OnceCell {
                value: <S as Sharing>::Once::new(),
                turn: Permits::<S>::new(1),
            }
        }
    }
}

impl<T, S: Sharing> OnceCell<T, S> {
    /// The value, if there is one.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value, if there is one; who has the cell alone may change it.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// The value, without the cell.
    pub fn into_inner(mut self) -> Option<T> {
        self.value.take()
    }

    /// Sets the value.
    ///
    /// # Errors
    ///
    /// If there is one, or somebody is about to make one; the new value is in the error.
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        match Taken::try_new(&self.turn, 1) {
            Ok(turn) => {
                self.finish(turn, value);
                Ok(())
            }
            Err(_) => Err(SetError(value)),
        }
    }

    /// The value; if there is none, `init` makes it, unless somebody is doing so.
    ///
    /// An `init` that asks the same cell waits for itself, for ever.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops `init`'s future, too, if it was this one's turn; the next that waits then has
    /// its turn.
    pub async fn get_or_init(&self, init: impl AsyncFnOnce() -> T) -> &T {
        let got = self.get_or_try_init(async || Ok::<T, Infallible>(init().await));
        match got.await {
            Ok(value) => value,
        }
    }

    /// The value; if there is none, `init` tries to make it, unless somebody is doing so.
    ///
    /// # Errors
    ///
    /// Those of `init`, if it was this one's turn. The others do not hear of them: the next tries.
    ///
    /// # Cancel safety
    ///
    /// As [`get_or_init`](OnceCell::get_or_init).
    pub async fn get_or_try_init<E>(
        &self,
        init: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<&T, E> {
        if let Some(value) = self.get() {
            poll_fn(|cx| budgeted(cx, |_| Poll::Ready(()))).await;
            return Ok(value);
        }
        match Asking::new(&self.turn, 1).await {
            Ok(turn) => {
                let value = init().await?;
                Ok(self.finish(turn, value))
            }
            Err(NoMore) => Ok(self.get().expect("set before the turn was closed")),
        }
    }

    /// Sets the value that whoever has the turn has made, and lets everybody else go.
    fn finish(&self, turn: Taken<&Permits<S>>, value: T) -> &T {
        let set = self.value.set(value);
        debug_assert!(set.is_ok(), "the turn is there until there is a value");
        self.turn.close();
        drop(turn);
        self.get().expect("it was set")
    }
}

impl<T> Default for OnceCell<T, AcrossLoops> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Default for OnceCell<T, OneLoop> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug, S: Sharing> fmt::Debug for OnceCell<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnceCell").field(&self.get()).finish()
    }
}
