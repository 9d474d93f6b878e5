//! A future that is made where it runs: a closure that may travel, and the future it makes, which
//! may not.

use std::pin::Pin;
use std::task::{Context, Poll};

/// The closure until the first poll, then its future, in the same memory.
pub(super) enum Lazy<M, F> {
    Closure(M),
    Future(F),
    /// The closure panicked.
    Empty,
}

impl<M, F> Lazy<M, F> {
    pub(super) fn new(make: M) -> Self {
        Self::Closure(make)
    }
}

impl<M, F> Future for Lazy<M, F>
where
    M: FnOnce() -> F,
    F: Future,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: pinning is structural for `Future` alone, and that variant is only ever replaced
        // by dropping the whole; the closure is not pinned and may be moved out.
        let this = unsafe { self.get_unchecked_mut() };
        if let Self::Closure(_) = this {
            let Self::Closure(make) = std::mem::replace(this, Self::Empty) else {
                unreachable!()
            };
            *this = Self::Future(make());
        }
        match this {
            // SAFETY: as above; `this` was pinned before the future was written into it.
            Self::Future(future) => unsafe { Pin::new_unchecked(future) }.poll(cx),
            Self::Closure(_) | Self::Empty => {
                panic!("a future was polled after its closure had panicked")
            }
        }
    }
}
