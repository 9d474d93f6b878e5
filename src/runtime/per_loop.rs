//! [`PerLoop`]: one value on each loop.

use super::handle::Handle;
use super::loop_ref::LoopRef;
use crate::event_loop::{context, proceed_free};
use crate::task::{AbortOnDrop, JoinError, JoinHandle};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A value on each loop of a runtime: the parts of a sharded store, a loop's own cache or
/// connection pool.
///
/// Where it is, it is reached without synchronisation, by [`with`](PerLoop::with); from elsewhere
/// the work is sent to it, by [`call_on`](PerLoop::call_on). So it need be neither `Send` nor `Sync`.
/// Cheap to clone; with the last clone the values are dropped, each on its loop.
///
/// ```
/// use ringmill::PerLoop;
/// use std::cell::Cell;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let runtime = ringmill::Builder::new().loops(2).build()?;
/// let handle = runtime.handle().clone();
/// runtime.block_on(async move {
///     let counts = PerLoop::new(&handle, |_index| Cell::new(0)).await?;
///     counts.with(|count| count.set(count.get() + 1));
///     let there = counts.call_on(1, |count| async move {
///         count.set(10);
///         count.get()
///     });
///     assert_eq!(there.await?, 10);
///     assert_eq!(counts.with(Cell::get), 1);
///     Ok::<_, ringmill::JoinError>(())
/// })?;
/// # Ok(())
/// # }
/// ```
pub struct PerLoop<T> {
    inner: Arc<Inner>,
    /// The values are on the loops: of them a handle has nothing.
    value: PhantomData<fn() -> T>,
}

struct Inner {
    owner: u64,
    loops: Vec<LoopRef>,
}

impl<T: 'static> PerLoop<T> {
    /// Makes a value on each loop; `make` is told the loop's number.
    ///
    /// # Errors
    ///
    /// If `make` panics, or a loop is gone. The values made elsewhere are dropped.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops what was made.
    pub async fn new<M>(handle: &Handle, make: M) -> Result<Self, JoinError>
    where
        M: FnOnce(usize) -> T + Clone + Send + 'static,
    {
        proceed_free().await;
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let owner = NEXT.fetch_add(1, Ordering::Relaxed);
        let made = PerLoop {
            inner: Arc::new(Inner {
                owner,
                loops: handle.loops().to_vec(),
            }),
            value: PhantomData,
        };
        let make_there = move |index| async move {
            let value: Rc<T> = Rc::new(make(index));
            context::current().locals().insert(owner, value);
        };
        handle.for_each_loop(make_there).await?;
        Ok(made)
    }

    /// This loop's value.
    ///
    /// # Panics
    ///
    /// On a thread that is not one of the runtime's loops.
    #[track_caller]
    pub fn get(&self) -> Rc<T> {
        here(self.inner.owner).expect("a PerLoop is used on the loops that it was made on")
    }

    /// Looks at this loop's value.
    ///
    /// # Panics
    ///
    /// As [`get`](PerLoop::get).
    #[track_caller]
    pub fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.get())
    }

    /// Runs a future beside the value of loop `index`, and gives its output; see [`LoopRef::call`].
    ///
    /// # Panics
    ///
    /// If there is no such loop.
    #[track_caller]
    pub fn call_on<M, F>(&self, index: usize, make: M) -> AbortOnDrop<F::Output>
    where
        M: FnOnce(Rc<T>) -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        // The task holds a handle: the value is there when it starts.
        let this = self.clone();
        self.inner.loops[index].call(move || make(this.get()))
    }

    /// Starts a task beside each value; `make` is told the loop's number.
    #[track_caller]
    pub fn spawn_on_each<M, F>(&self, make: M) -> Vec<JoinHandle<F::Output>>
    where
        M: FnOnce(usize, Rc<T>) -> F + Clone + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let start = |target: &LoopRef| {
            let (this, make, index) = (self.clone(), make.clone(), target.index());
            target.spawn(move || make(index, this.get()))
        };
        self.inner.loops.iter().map(start).collect()
    }

    /// How many loops there are, and values.
    pub fn loops(&self) -> usize {
        self.inner.loops.len()
    }
}

/// The value of `owner` on this loop.
fn here<T: 'static>(owner: u64) -> Option<Rc<T>> {
    let value = context::try_current()?.locals().get(owner)?;
    value.downcast().ok()
}

impl<T> Clone for PerLoop<T> {
    fn clone(&self) -> Self {
        PerLoop {
            inner: self.inner.clone(),
            value: PhantomData,
        }
    }
}

impl<T> fmt::Debug for PerLoop<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerLoop")
            .field("loops", &self.inner.loops.len())
            .finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let owner = self.owner;
        for target in &self.loops {
            // A loop that is gone has dropped its value itself.
            drop(target.spawn(move || async move {
                context::current().locals().remove(owner);
            }));
        }
    }
}
