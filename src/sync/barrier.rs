//! A point that so many pass together.

use super::line::{Found, Left, Line};
use super::park::block_on_future;
use super::sharing::{AcrossLoops, Lock, Sharing, constructors};
use crate::event_loop::budgeted;
use crate::sys::contained;
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

/// Lets tasks pass when so many of them have come, again and again.
///
/// The last to come is the leader: [`BarrierWaitResult::is_leader`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringmill::sync::Barrier;
/// use std::sync::Arc;
///
/// ringmill::block_on(async {
///     let barrier = Arc::new(Barrier::new(3));
///     let tasks: Vec<_> = (0..3)
///         .map(|_| {
///             let barrier = barrier.clone();
///             ringmill::spawn(async move { barrier.wait().await.is_leader() })
///         })
///         .collect();
///     let mut leaders = 0;
///     for task in tasks {
///         leaders += u32::from(task.await.unwrap());
///     }
///     assert_eq!(leaders, 1);
/// })?;
/// # Ok(())
/// # }
/// ```
pub struct Barrier<S: Sharing> {
    size: usize,
    /// Those who have come, and wait for the others.
    line: S::Lock<Line<(), ()>>,
}

constructors! {
    impl[] Barrier[] {
        /// For so many. For one or none, nobody ever waits.
        pub fn new(size: usize) -> Self {
            Barrier { size, line: <S as Sharing>::Lock::new(Line::new()) }
        }
    }
}

impl<S: Sharing> Barrier<S> {
    /// Waits until so many have come.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it counts as never having come.
    pub async fn wait(&self) -> BarrierWaitResult {
        let mut arrival = Arrival {
            barrier: self,
            key: None,
        };
        poll_fn(|cx| budgeted(cx, |cx| arrival.poll(cx))).await
    }

    /// How many have come and wait for the others.
    pub fn waiting(&self) -> usize {
        self.line.with(|line| line.waiting())
    }
}

impl Barrier<AcrossLoops> {
    /// [`wait`](Barrier::wait) on a plain thread, which it blocks meanwhile.
    ///
    /// # Panics
    ///
    /// On a Ringmill loop.
    #[track_caller]
    pub fn blocking_wait(&self) -> BarrierWaitResult {
        block_on_future(self.wait())
    }
}

impl<S: Sharing> fmt::Debug for Barrier<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("size", &self.size)
            .field("waiting", &self.waiting())
            .finish()
    }
}

/// What [`Barrier::wait`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether this was the last to come; one of each company is.
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

/// Somebody at the barrier.
struct Arrival<'a, S: Sharing> {
    barrier: &'a Barrier<S>,
    key: Option<usize>,
}

impl<S: Sharing> Arrival<'_, S> {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<BarrierWaitResult> {
        let line = &self.barrier.line;
        let Some(key) = self.key else {
            return self.arrive(cx);
        };
        let mut fresh = None;
        loop {
            match line.with(|line| line.look(key, cx.waker(), &mut fresh)) {
                Found::Served(()) => {
                    self.key = None;
                    return Poll::Ready(BarrierWaitResult(false));
                }
                Found::Waits(old) => {
                    drop(old);
                    return Poll::Pending;
                }
                Found::WakerNeeded => fresh = Some(cx.waker().clone()),
            }
        }
    }

    fn arrive(&mut self, cx: &Context<'_>) -> Poll<BarrierWaitResult> {
        let waker = cx.waker().clone();
        let size = self.barrier.size;
        let company = self.barrier.line.with(|line| {
            let others = line.waiting();
            if others + 1 < size {
                self.key = Some(line.join((), waker));
                return None;
            }
            // All in one go: who comes next belongs to the next company.
            let mut company = Vec::with_capacity(others + 1);
            while let Some((_, waker)) = line.serve_first(()) {
                company.push(waker);
            }
            Some((company, waker))
        });
        let Some((company, own)) = company else {
            return Poll::Pending;
        };
        contained(|| drop(own));
        for waker in company {
            contained(|| waker.wake());
        }
        Poll::Ready(BarrierWaitResult(true))
    }
}

impl<S: Sharing> Drop for Arrival<'_, S> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        match self.barrier.line.with(|line| line.leave(key)) {
            Left::Waiting(waker) => drop(waker),
            Left::Served(()) => {}
        }
    }
}
