//! [`Run`]: a future that runs under a node of the cancel tree.

use super::node::{Listener, NEVER, Node, Running};
use super::{CancelReason, Cancelled, current};
use crate::time::{Instant, Sleep, sleep_until};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pin_project! {
    /// Runs a future until it is done or its scope is cancelled: what [`CancelScope::run`] and
    /// [`CancelToken::run`] return.
    ///
    /// [`CancelScope::run`]: super::CancelScope::run
    /// [`CancelToken::run`]: super::CancelToken::run
    #[must_use = "a scope does nothing unless it is awaited"]
    pub struct Run<F> {
        // Before `running`: what runs here has ended once it is dropped.
        #[pin]
        future: Option<F>,
        #[pin]
        timer: Option<Sleep>,
        listener: Listener,
        // From the first poll on.
        running: Option<Running>,
    }
}

impl<F> Run<F> {
    pub(super) fn new(node: Arc<Node>, future: F) -> Self {
        Run {
            future: Some(future),
            timer: None,
            listener: Listener::new(node),
            running: None,
        }
    }
}

impl<F: Future> Future for Run<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        this.listener.listen(cx.waker());
        let node = this.listener.node();
        if this.running.is_none() {
            *this.running = Some(Running::under(node));
            // In time for the first checkpoint, up to which it runs in any case.
            if node.deadline() <= Instant::now().as_nanos() {
                node.cancel(CancelReason::Deadline);
            }
        } else if node.must_end() {
            return end(this.future, node);
        }
        if let Some(future) = this.future.as_mut().as_pin_mut() {
            let polled = {
                let _inside = current::enter(Some(node.clone()));
                future.poll(cx)
            };
            if let Poll::Ready(output) = polled {
                this.future.set(None);
                *this.running = None;
                return Poll::Ready(Ok(output));
            }
        }
        if !node.is_cancelled() && poll_deadline(this.timer, node.deadline(), cx).is_ready() {
            node.cancel(CancelReason::Deadline);
        }
        if node.must_end() {
            return end(this.future, node);
        }
        Poll::Pending
    }
}

/// Waits for the deadline as it is now.
fn poll_deadline(
    mut timer: Pin<&mut Option<Sleep>>,
    deadline: u64,
    cx: &mut Context<'_>,
) -> Poll<()> {
    if deadline == NEVER {
        if timer.is_some() {
            timer.set(None);
        }
        return Poll::Pending;
    }
    let deadline = Instant::from_nanos(deadline);
    match timer.as_mut().as_pin_mut() {
        None => timer.set(Some(sleep_until(deadline))),
        Some(sleep) if sleep.deadline() != deadline => sleep.reset(deadline),
        Some(_) => {}
    }
    match timer.as_pin_mut() {
        Some(sleep) => sleep.poll_free(cx),
        None => Poll::Pending,
    }
}

/// Drops what ran. Inside another scope that is cancelled, too, there is no output: the code that
/// would get it is not to go on, but to be dropped by that one.
fn end<F: Future>(
    mut future: Pin<&mut Option<F>>,
    node: &Arc<Node>,
) -> Poll<Result<F::Output, Cancelled>> {
    {
        let _inside = current::enter(Some(node.clone()));
        future.set(None);
    }
    match node.reason() {
        Some(reason) if !current::is_cancelled() => Poll::Ready(Err(Cancelled::new(reason))),
        _ => Poll::Pending,
    }
}
