//! [`Attached`]: a future in a context of its own.

use super::{Context, current};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

pin_project! {
    /// A future that runs in a given context: what [`Context::attach`] returns.
    ///
    /// # Cancel safety
    ///
    /// That of the future.
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct Attached<F> {
        context: Context,
        // `None` once it has ended: it is dropped in the context.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Attached<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                current::enter(this.context, || this.future.set(None));
            }
        }
    }
}

impl<F> Attached<F> {
    pub(super) fn new(context: Context, future: F) -> Self {
        Attached {
            context,
            future: Some(future),
        }
    }

    /// Puts another context in the place of its own.
    pub(super) fn set_context(self: Pin<&mut Self>, context: Context) {
        *self.project().context = context;
    }
}

impl<F: Future> Future for Attached<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let polled = current::enter(this.context, || {
            let future = this.future.as_mut().as_pin_mut();
            let polled = future
                .expect("a future was polled after it had ended")
                .poll(cx);
            if polled.is_ready() {
                this.future.set(None);
            }
            polled
        });
        if polled.is_ready() {
            // Its values may end with it.
            *this.context = Context::empty();
        }
        polled
    }
}

impl<F> fmt::Debug for Attached<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attached")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}
