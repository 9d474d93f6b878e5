//! [`CancelToken`]: cancels from anywhere.

use super::node::{Listener, Node};
use super::{CancelReason, Run};
use crate::event_loop::{poll_proceed, refund};
use crate::time::Instant;
use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Cancels what runs under it, from any loop and any thread, and tells who asks that it has.
///
/// Tokens form a tree: what cancels one cancels all below it. Clones are the same token.
///
/// ```
/// use ringmill::scope::{CancelReason, CancelToken};
/// use std::future::pending;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// ringmill::block_on(async {
///     let server = CancelToken::new();
///     let connection = server.child();
///     let task = ringmill::spawn(connection.run(pending::<()>()));
///     ringmill::yield_now().await;
///
///     // Awaiting the cancel waits for the end of what ran; it begins without.
///     server.cancel_because("shutting down").await;
///     let error = task.await?.unwrap_err();
///     assert_eq!(error.reason(), &CancelReason::Because("shutting down".into()));
///     Ok(())
/// })?
/// # }
/// ```
#[derive(Clone)]
pub struct CancelToken(pub(super) Arc<Node>);

impl CancelToken {
    /// A token with nothing above it.
    pub fn new() -> Self {
        CancelToken(Node::root())
    }

    /// A token below this one: cancelled with it, but not the other way round.
    pub fn child(&self) -> CancelToken {
        CancelToken(Node::below(&self.0))
    }

    /// Cancels everything under this token. That begins with the call; awaiting what it returns
    /// waits until all of that has ended, in clean-ups and on other loops, too.
    ///
    /// Code under this token that awaits it comes to its own end there. In a [`shield`](super::shield)
    /// under this token it must not be awaited: that would wait for itself.
    ///
    /// To cancel again does nothing: the first reason stands.
    pub fn cancel(&self) -> Ended {
        self.end(CancelReason::Requested)
    }

    /// As [`cancel`](Self::cancel), and says why.
    pub fn cancel_because(&self, why: impl Into<Cow<'static, str>>) -> Ended {
        self.end(CancelReason::Because(why.into()))
    }

    pub(super) fn end(&self, reason: CancelReason) -> Ended {
        self.0.cancel(reason);
        Ended {
            node: self.0.clone(),
            key: None,
        }
    }

    /// Whether it is cancelled, by itself or by what is above it.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Why it was cancelled, if it was.
    pub fn reason(&self) -> Option<CancelReason> {
        self.0.reason()
    }

    /// Sets when it is cancelled if what runs under it is not done by then, in place of the deadline
    /// before; `Instant::now() + Duration::MAX` is never. A deadline counts while something runs under
    /// the token or one below it.
    pub fn set_deadline(&self, deadline: Instant) {
        self.0.set_deadline(deadline.as_nanos());
    }

    /// Waits until it is cancelled.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping the future.
    pub fn cancelled(&self) -> WaitCancelled {
        WaitCancelled(Listener::new(self.0.clone()))
    }

    /// Runs a future under this token, as many as there may be, on any loop. What runs is inside of
    /// the scope around, too, if there is one, and is cancelled with it.
    ///
    /// # Errors
    ///
    /// [`Cancelled`](super::Cancelled) if the token was cancelled before the future was done.
    ///
    /// Where this runs inside another scope that is cancelled, too, it gives no output any more: it
    /// ends with that one.
    ///
    /// # Cancel safety
    ///
    /// That of `future`.
    pub fn run<F: IntoFuture>(&self, future: F) -> Run<F::IntoFuture> {
        Run::new(self.0.clone(), false, future.into_future())
    }
}

impl Default for CancelToken {
    fn default() -> Self {
        CancelToken::new()
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            .field("reason", &self.reason())
            .finish()
    }
}

/// Waits until a token is cancelled: what [`CancelToken::cancelled`] returns.
#[must_use = "this does nothing unless it is awaited"]
pub struct WaitCancelled(Listener);

impl Future for WaitCancelled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(poll_proceed(cx));
        self.0.listen(cx.waker());
        if self.0.node().is_cancelled() {
            return Poll::Ready(());
        }
        refund();
        Poll::Pending
    }
}

/// Waits until what was cancelled has ended: what [`CancelToken::cancel`] returns. The cancel
/// stands without it.
///
/// # Cancel safety
///
/// Nothing is lost by dropping the future.
pub struct Ended {
    node: Arc<Node>,
    /// The place among those who wait.
    key: Option<usize>,
}

impl Future for Ended {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(poll_proceed(cx));
        let Ended { node, key } = &mut *self;
        if node.poll_quiet(key, cx.waker()) {
            return Poll::Ready(());
        }
        refund();
        Poll::Pending
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.node.leave_quiet(Some(key));
        }
    }
}
