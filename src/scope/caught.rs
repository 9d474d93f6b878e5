//! [`Caught`]: a future none of whose panics get out.

use crate::sys::contained;
use pin_project_lite::pin_project;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// What was thrown.
pub(super) type Panic = Box<dyn Any + Send>;

pin_project! {
    /// Gives what a future panics with, in a poll or as it is dropped at its end. It is dropped
    /// before the output is given.
    pub(super) struct Caught<F> {
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Caught<F> {
        fn drop(this: Pin<&mut Self>) {
            // A sibling's drop, which may come next, is not to be missed.
            contained(|| this.project().future.set(None));
        }
    }
}

impl<F> Caught<F> {
    pub(super) fn new(future: F) -> Self {
        Caught {
            future: Some(future),
        }
    }

    /// Drops the future now.
    pub(super) fn end(self: Pin<&mut Self>) -> Result<(), Panic> {
        let mut future = self.project().future;
        catch_unwind(AssertUnwindSafe(|| future.set(None)))
    }
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Panic>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = self.as_mut().project().future.as_pin_mut() else {
            panic!("polled after it was ready");
        };
        let polled = catch_unwind(AssertUnwindSafe(|| future.poll(cx)));
        let output = match polled {
            Ok(polled) => Ok(ready!(polled)),
            Err(panic) => Err(panic),
        };
        Poll::Ready(match (output, self.end()) {
            (output, Ok(())) => output,
            (Ok(output), Err(panic)) => {
                contained(|| drop(output));
                Err(panic)
            }
            (Err(first), Err(second)) => {
                contained(|| drop(second));
                Err(first)
            }
        })
    }
}
