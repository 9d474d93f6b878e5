//! [`Run`]: a future in a cancel scope.

use super::node::Node;
use super::under::Under;
use super::{Cancelled, current};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Runs a future until it is done or its scope is cancelled: what [`CancelScope::run`] and
    /// [`CancelToken::run`] return.
    ///
    /// [`CancelScope::run`]: super::CancelScope::run
    /// [`CancelToken::run`]: super::CancelToken::run
    #[must_use = "a scope does nothing unless it is awaited"]
    pub struct Run<F> {
        #[pin]
        under: Under<F>,
        own: bool,
        ended: bool,
    }
}

impl<F> Run<F> {
    /// Under a node, as others may do, too; or under one of its `own`.
    pub(super) fn new(node: Arc<Node>, own: bool, future: F) -> Self {
        Run {
            under: Under::new(node, future),
            own,
            ended: false,
        }
    }
}

impl<F: Future> Future for Run<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if *this.ended {
            return Poll::Pending;
        }
        this.under.as_mut().place(*this.own);
        match ready!(this.under.poll(cx)) {
            Ok(output) => Poll::Ready(Ok(output)),
            Err(reason) if !current::is_cancelled() => Poll::Ready(Err(Cancelled::new(reason))),
            // Inside another scope that is cancelled, too, there is no output: the code that would
            // get it is not to go on, but to be dropped by that one.
            Err(_) => {
                *this.ended = true;
                Poll::Pending
            }
        }
    }
}
