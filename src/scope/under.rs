//! [`Under`]: a future that runs under a node of the cancel tree, and [`Alarm`], which minds the
//! node's deadline.

use super::node::{Listener, NEVER, Node, Running};
use super::{CancelReason, current};
use crate::time::{Instant, Sleep, sleep_until};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pin_project! {
    /// Runs a future until it is done or the node is cancelled, and then says which, in any case.
    pub(super) struct Under<F> {
        // Before `running`: what runs here has ended once it is dropped.
        #[pin]
        future: Option<F>,
        #[pin]
        alarm: Alarm,
        listener: Listener,
        running: Option<Running>,
        begun: bool,
    }
}

impl<F> Under<F> {
    /// Counts among those who run from its first poll on.
    pub(super) fn new(node: Arc<Node>, future: F) -> Self {
        Under {
            future: Some(future),
            alarm: Alarm::new(),
            listener: Listener::new(node),
            running: None,
            begun: false,
        }
    }

    /// Counts among them already.
    pub(super) fn counted(node: Arc<Node>, running: Running, future: F) -> Self {
        Under {
            running: Some(running),
            ..Under::new(node, future)
        }
    }

    /// Before the first poll: gives it a node of its own below the one that it has, unless that is
    /// its `own`, and puts it inside the current scope as well, if there is one that its node is no
    /// part of.
    ///
    /// Of its own, because a hold is on all that stand above it: a shield below one run is not to
    /// hold up another run under the same token, which may be inside of that shield.
    pub(super) fn place(self: Pin<&mut Self>, own: bool) {
        let this = self.project();
        if *this.begun {
            return;
        }
        let node = this.listener.node();
        let placed = match current::current() {
            Some(around) if !node.is_within(&around) => Node::below_both(&around, node),
            _ if own => return,
            _ => Node::below(node),
        };
        *this.listener = Listener::new(placed);
    }
}

impl<F: Future> Future for Under<F> {
    type Output = Result<F::Output, CancelReason>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        this.listener.listen(cx.waker());
        let node = this.listener.node();
        if *this.begun {
            // First, so that of several deadlines that have passed the outermost counts.
            this.alarm.as_mut().mind(node, cx);
            if node.must_end() {
                return Poll::Ready(Err(end(this.future, this.running, node)));
            }
        } else {
            *this.begun = true;
            this.running.get_or_insert_with(|| Running::under(node));
            // In time for the first checkpoint, up to which it runs in any case.
            let deadline = node.effective_deadline();
            if deadline != NEVER && deadline <= Instant::now().as_nanos() {
                node.expire(deadline);
            }
        }
        if let Some(future) = this.future.as_mut().as_pin_mut() {
            let polled = {
                let _inside = current::enter(Some(node.clone()));
                future.poll(cx)
            };
            if let Poll::Ready(output) = polled {
                clear(this.future, this.running, node);
                return Poll::Ready(Ok(output));
            }
        }
        this.alarm.mind(node, cx);
        if node.must_end() {
            return Poll::Ready(Err(end(this.future, this.running, node)));
        }
        Poll::Pending
    }
}

/// Drops what ran, because the node is cancelled; says why it is.
fn end<F>(
    future: Pin<&mut Option<F>>,
    running: &mut Option<Running>,
    node: &Arc<Node>,
) -> CancelReason {
    clear(future, running, node);
    node.reason().unwrap_or(CancelReason::Dropped)
}

fn clear<F>(mut future: Pin<&mut Option<F>>, running: &mut Option<Running>, node: &Arc<Node>) {
    {
        let _inside = current::enter(Some(node.clone()));
        future.set(None);
    }
    *running = None;
}

pin_project! {
    /// The timer of who runs under a node.
    pub(super) struct Alarm {
        #[pin]
        sleep: Option<Sleep>,
    }
}

impl Alarm {
    pub(super) fn new() -> Self {
        Alarm { sleep: None }
    }

    /// Waits for the node's effective deadline as it is now, and cancels what is due.
    pub(super) fn mind(self: Pin<&mut Self>, node: &Arc<Node>, cx: &mut Context<'_>) {
        let deadline = node.effective_deadline();
        let mut sleep = self.project().sleep;
        // One that the scope around has, too, is minded there.
        if deadline >= current::effective_deadline() || node.is_cancelled() {
            if sleep.is_some() {
                sleep.set(None);
            }
            return;
        }
        let at = Instant::from_nanos(deadline);
        match sleep.as_mut().as_pin_mut() {
            None => sleep.set(Some(sleep_until(at))),
            Some(sleep) if sleep.deadline() != at => sleep.reset(at),
            Some(_) => {}
        }
        if let Some(sleep) = sleep.as_pin_mut()
            && sleep.poll_free(cx).is_ready()
        {
            node.expire(deadline);
        }
    }
}
