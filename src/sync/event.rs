//! Something that happens once.

use super::notices::Notices;
use super::park::block_on_future;
use super::sharing::{AcrossLoops, OneLoop, Sharing, Word, constructors};
use crate::event_loop::budgeted;
use std::fmt;
use std::future::poll_fn;
use std::task::Poll;

/// Something that happens once, and that any number of tasks wait for: Trio's `Event`.
///
/// Once it is set it stays so, and everybody passes. For what happens again there is
/// [`Notify`](super::Notify), for what has a value [`OnceCell`](super::OnceCell) and
/// [`watch`](crate::channel::watch).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::sync::Event;
/// use std::sync::Arc;
///
/// ringmill::block_on(async {
///     let ready = Arc::new(Event::new());
///     let other = ready.clone();
///     let task = ringmill::spawn(async move { other.wait().await });
///     ready.set();
///     task.await.unwrap();
///     ready.wait().await; // at once
/// })?;
/// # Ok(())
/// # }
/// ```
pub struct Event<S: Sharing> {
    /// 1 once it is set, and then a round of notices begins.
    set: S::Word,
    notices: Notices<S>,
}

constructors! {
    impl[] Event[] {
        /// It has not happened.
        pub fn new() -> Self {
            Event {
                set: <S as Sharing>::Word::new(0),
                notices: Notices::<S>::new(),
            }
        }
    }
}

impl<S: Sharing> Event<S> {
    /// Waits until it is set.
    ///
    /// # Cancel safety
    ///
    /// Dropping it changes nothing.
    pub async fn wait(&self) {
        // Listens before it looks: the setter sets before it tells.
        let mut listening = self.notices.listen();
        poll_fn(|cx| {
            budgeted(cx, |cx| match self.is_set() {
                true => Poll::Ready(()),
                false => listening.poll(cx),
            })
        })
        .await;
    }

    /// It happens: everybody passes, now and later. Setting it again does nothing.
    pub fn set(&self) {
        let before = self.set.update(|set| (set == 0).then_some(1));
        if before.is_ok() {
            self.notices.notify_all();
        }
    }

    /// Whether it is set.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.set.load() != 0
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.notices.waiting()
    }
}

impl Event<AcrossLoops> {
    /// Waits on a plain thread, which is blocked until it is set.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_wait(&self) {
        block_on_future(self.wait());
    }
}

impl Default for Event<AcrossLoops> {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for Event<OneLoop> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Sharing> fmt::Debug for Event<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("is_set", &self.is_set())
            .field("waiting", &self.waiting())
            .finish()
    }
}
