//! Wake-ups without a message.

use super::notices::{Listening, Notices};
use super::sharing::{AcrossLoops, OneLoop, Sharing, constructors};
use crate::event_loop::budgeted_or_leave;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Tells one task, or all that wait, that something has happened.
///
/// [`notify_one`](Notify::notify_one) wakes the first of those who wait; if nobody does, the notice is
/// kept, one at most, and the next who waits has it at once. [`notify_waiters`](Notify::notify_waiters)
/// wakes all who wait, and keeps nothing. These are the semantics of Tokio's.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::sync::Notify;
/// use std::sync::Arc;
///
/// ringmill::block_on(async {
///     let work = Arc::new(Notify::new());
///     let worker = work.clone();
///     let task = ringmill::spawn(async move { worker.notified().await });
///     work.notify_one();
///     task.await.unwrap();
/// })?;
/// # Ok(())
/// # }
/// ```
pub struct Notify<S: Sharing> {
    notices: Notices<S>,
}

constructors! {
    impl[] Notify[] {
        /// With nobody waiting and no notice kept.
        pub fn new() -> Self {
            Notify { notices: Notices::<S>::that_store() }
        }
    }
}

impl<S: Sharing> Notify<S> {
    /// Waits for a notice.
    ///
    /// [`notify_waiters`](Notify::notify_waiters) reaches it from this call on, without its having
    /// been polled. To be in the line of those that [`notify_one`](Notify::notify_one) wakes it must
    /// have been polled, or [enabled](Notified::enable).
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives the place in the line up; a notice that was for it alone goes to the next, or
    /// is kept.
    #[inline]
    pub fn notified(&self) -> Notified<'_, S> {
        Notified {
            listening: self.notices.listen(),
        }
    }

    /// Wakes the first of those who wait; if there is none, keeps the notice for the next.
    #[inline]
    pub fn notify_one(&self) {
        self.notices.notify_one();
    }

    /// Wakes all who wait. No notice is kept.
    pub fn notify_waiters(&self) {
        self.notices.notify_all();
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.notices.waiting()
    }
}

impl Default for Notify<AcrossLoops> {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for Notify<OneLoop> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Sharing> fmt::Debug for Notify<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notify")
            .field("waiting", &self.waiting())
            .finish()
    }
}

/// Somebody who waits for a notice; see [`Notify::notified`].
#[must_use = "futures do nothing unless polled"]
pub struct Notified<'a, S: Sharing> {
    listening: Listening<'a, S>,
}

impl<S: Sharing> Notified<'_, S> {
    /// Stands in the line without waiting: from now on a notice may be for this one. True if it has one
    /// already: its poll is ready then, and dropped it passes nothing on. Asked again, it says whether
    /// there is one by now.
    pub fn enable(&mut self) -> bool {
        let heard = self.listening.join();
        self.listening.settle();
        heard
    }
}

impl<S: Sharing> Future for Notified<'_, S> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let listening = &mut self.listening;
        budgeted_or_leave(cx, &mut *listening, Listening::poll, Listening::leave)
            .map(|()| listening.settle())
    }
}

impl<S: Sharing> fmt::Debug for Notified<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notified").finish_non_exhaustive()
    }
}
