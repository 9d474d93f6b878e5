//! A value that is made when it is first asked for.

use super::once_cell::OnceCell;
use super::sharing::{Sharing, constructors};
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// What the function of a [`Lazy`] in a `static` returns, whose type has to be written.
pub type LazyFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A value that is made when it is first asked for, and may take an await to make.
///
/// If who makes it panics or is dropped, the next who asks calls the function again.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::sync::Lazy;
///
/// static GREETING: Lazy<String> = Lazy::new(|| {
///     Box::pin(async {
///         ringmill::yield_now().await;
///         String::from("hello")
///     })
/// });
///
/// ringmill::block_on(async {
///     assert!(GREETING.try_get().is_none());
///     assert_eq!(GREETING.get().await, "hello");
///
///     // Elsewhere than in a `static`, an async closure does.
///     let sum = Lazy::new(async || 1 + 1);
///     assert_eq!(*sum.get().await, 2);
/// })?;
/// # Ok(())
/// # }
/// ```
pub struct Lazy<T, F, S: Sharing> {
    cell: OnceCell<T, S>,
    make: F,
}

constructors! {
    impl[T, F] Lazy[T, F,] {
        /// A value that `make` is to make.
        pub fn new(make: F) -> Self {
            Lazy { cell: OnceCell::<T, S>::new(), make }
        }
    }
}

impl<T, F, S: Sharing> Lazy<T, F, S> {
    /// The value, which is made if there is none.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the future that makes the value, too, if it was this one's turn; who waits
    /// next begins anew.
    pub async fn get(&self) -> &T
    where
        F: AsyncFn() -> T,
    {
        self.cell.get_or_init(&self.make).await
    }

    /// The value, if it has been made.
    #[inline]
    pub fn try_get(&self) -> Option<&T> {
        self.cell.get()
    }

    /// The value, if it has been made, without the rest.
    pub fn into_inner(self) -> Option<T> {
        self.cell.into_inner()
    }
}

impl<T: fmt::Debug, F, S: Sharing> fmt::Debug for Lazy<T, F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lazy").field(&self.try_get()).finish()
    }
}
