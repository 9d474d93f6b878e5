//! Waiting for what a mutex guards to change.

use super::mutex::MutexGuard;
use super::notices::{Listening, Notices};
use super::park::block_on_future;
use super::sharing::{AcrossLoops, OneLoop, Sharing, constructors};
use crate::event_loop::{budgeted_or_leave, is_cancelled, proceed};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;

/// Lets who holds a [`Mutex`](super::Mutex) give it back and wait until somebody says that the value
/// has changed, then have it again.
///
/// A notice reaches only those who wait: it is lost if nobody does. Between a notice and having the
/// lock again others may have had it, so the condition is to be looked at again, as
/// [`wait_while`](Condvar::wait_while) does.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::sync::{Condvar, Mutex};
/// use std::sync::Arc;
///
/// ringmill::block_on(async {
///     let shared = Arc::new((Mutex::new(0), Condvar::new()));
///     let other = shared.clone();
///     let task = ringmill::spawn(async move {
///         let (count, changed) = &*other;
///         let count = changed.wait_while(count.lock().await, |count| *count < 3).await;
///         assert_eq!(*count, 3);
///     });
///     for _ in 0..3 {
///         *shared.0.lock().await += 1;
///         shared.1.notify_one();
///     }
///     task.await.unwrap();
/// })?;
/// # Ok(())
/// # }
/// ```
pub struct Condvar<S: Sharing> {
    notices: Notices<S>,
}

constructors! {
    impl[] Condvar[] {
        /// With nobody waiting.
        pub fn new() -> Self {
            Condvar { notices: Notices::<S>::new() }
        }
    }
}

impl<S: Sharing> Condvar<S> {
    /// Gives the lock back, waits for a notice, and then for the lock.
    ///
    /// It stands in the line of those who wait before the lock is given back, so no notice is missed
    /// that is given under the lock.
    ///
    /// # Cancel safety
    ///
    /// Dropping it leaves the lock given back. A notice that was for it alone goes to the next, also if
    /// it waits for the lock already.
    pub async fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T, S>) -> MutexGuard<'a, T, S> {
        let mutex = MutexGuard::mutex(&guard);
        let mut listening = self.notices.listen();
        listening.join();
        drop(guard);
        poll_fn(|cx| budgeted_or_leave(cx, &mut listening, Listening::poll, Listening::leave))
            .await;
        let mut lock = pin!(mutex.lock());
        let guard = poll_fn(|cx| {
            let polled = lock.as_mut().poll(cx);
            if polled.is_pending() && is_cancelled() {
                listening.leave();
            }
            polled
        });
        let guard = guard.await;
        listening.settle();
        guard
    }

    /// Waits as long as `condition` says so of the value. It is asked first, so it may not wait at
    /// all.
    ///
    /// # Cancel safety
    ///
    /// As [`wait`](Condvar::wait).
    pub async fn wait_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T, S>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'a, T, S> {
        // A checkpoint also where there is nothing to wait for.
        proceed().await;
        while condition(&mut guard) {
            guard = self.wait(guard).await;
        }
        guard
    }

    /// Wakes the first of those who wait.
    pub fn notify_one(&self) {
        self.notices.notify_one();
    }

    /// Wakes all who wait.
    pub fn notify_all(&self) {
        self.notices.notify_all();
    }

    /// How many wait for a notice.
    pub fn waiting(&self) -> usize {
        self.notices.waiting()
    }
}

impl Condvar<AcrossLoops> {
    /// [`wait`](Condvar::wait) on a plain thread, which it blocks meanwhile.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_wait<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T, AcrossLoops>,
    ) -> MutexGuard<'a, T, AcrossLoops> {
        block_on_future(self.wait(guard))
    }
}

impl Default for Condvar<AcrossLoops> {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for Condvar<OneLoop> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Sharing> fmt::Debug for Condvar<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar")
            .field("waiting", &self.waiting())
            .finish()
    }
}
