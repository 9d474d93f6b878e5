//! What comes to its end though the scope around it is cancelled: [`shield`], [`with_cleanup`].

use super::caught::Caught;
use super::current;
use super::node::{Hold, Node};
use super::under::Under;
use pin_project_lite::pin_project;
use std::future::pending;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Runs `future` to its end, whatever becomes of the scopes around it: they are cancelled, but what
/// runs in them is dropped only when this is done. Inside there is no scope and no deadline, unless
/// it makes its own:
///
/// ```
/// use ringmill::scope::{move_on_after, shield};
/// use ringmill::time::sleep;
/// use std::cell::Cell;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ms = Duration::from_millis;
/// ringmill::block_on(async {
///     let said_goodbye = Cell::new(false);
///     let work = async {
///         // Cancelled in the midst of this, which goes on, but for no longer than a second.
///         shield(move_on_after(ms(1000), async {
///             sleep(ms(2)).await;
///             said_goodbye.set(true);
///         }))
///         .await;
///         sleep(ms(3_600_000)).await;
///     };
///     assert_eq!(move_on_after(ms(1), work).await, None);
///     assert!(said_goodbye.get());
/// })?;
/// # Ok(())
/// # }
/// ```
///
/// It shields from cancel scopes only. To drop the future, or to abort its task, ends it at once.
///
/// The scopes around wait for a shield that has begun until it is done or dropped. So await it: one
/// that is polled a few times and then kept, by a `select!` over a reference to it, holds them up for
/// as long as it is kept.
///
/// # Cancel safety
///
/// That of `future`.
pub fn shield<F: IntoFuture>(future: F) -> Shield<F::IntoFuture> {
    Shield {
        future: future.into_future(),
        hold: None,
        begun: false,
    }
}

pin_project! {
    /// Runs a future to its end: what [`shield`] returns.
    #[must_use = "a shield does nothing unless it is awaited"]
    pub struct Shield<F> {
        // Before `hold`, which lets the scopes around it drop what they run.
        #[pin]
        future: F,
        hold: Option<Hold>,
        begun: bool,
    }
}

impl<F: Future> Future for Shield<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if !*this.begun {
            *this.begun = true;
            *this.hold = current::current().as_ref().map(Hold::on);
        }
        let polled = {
            let _inside = current::enter(None);
            this.future.poll(cx)
        };
        if polled.is_ready() {
            *this.hold = None;
        }
        polled
    }
}

/// Runs `work`, then `cleanup`: when `work` is done, when it panics, and when a scope around it is
/// cancelled, which then waits until `cleanup` is done. What `finally` is to Trio's and Python's
/// tasks.
///
/// The clean-up runs as under a [`shield`]; give it a deadline if it may take long. It does not run
/// if this future is dropped otherwise, by `select!` or by aborting its task: what must happen even
/// then belongs into a destructor.
///
/// ```
/// use ringmill::scope::{move_on_after, with_cleanup};
/// use std::cell::Cell;
/// use std::future::pending;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// ringmill::block_on(async {
///     let clean = Cell::new(false);
///     let work = with_cleanup(pending::<()>(), async || {
///         ringmill::yield_now().await;
///         clean.set(true);
///     });
///     assert_eq!(move_on_after(Duration::from_millis(1), work).await, None);
///     assert!(clean.get());
/// })?;
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// With what `work` panicked with, after the clean-up.
///
/// # Cancel safety
///
/// That of `work` and `cleanup`.
pub async fn with_cleanup<F, C>(work: F, cleanup: C) -> F::Output
where
    F: IntoFuture,
    C: AsyncFnOnce(),
{
    let outer = current::current();
    let hold = outer.as_ref().map(Hold::on);
    let node = Node::below_any(outer.as_ref());
    let work = Caught::new(Under::new(node, work.into_future()));
    // Not inside the outer scope, whose node this one's is below.
    let worked = outside(work).await;
    outside(async { cleanup().await }).await;
    drop(hold);
    match worked {
        Ok(Ok(output)) => output,
        Err(panic) => resume_unwind(panic),
        // The scope around this is cancelled, and drops it here.
        Ok(Err(_)) => pending().await,
    }
}

/// Runs a future as if there was no scope around it: checkpoints in it do not end.
pub(super) fn outside<F: Future>(future: F) -> Shield<F> {
    Shield {
        future,
        hold: None,
        begun: true,
    }
}
