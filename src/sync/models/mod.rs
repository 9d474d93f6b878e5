//! Loom models of the two protocols, permits and notices, by the types that stand on them: a handful
//! of threads, the interleavings of them within a bound of preemptions, and the promises that must
//! hold in each. `RUSTFLAGS="--cfg loom" cargo test --release --lib models`
//!
//! Loom itself reports a lost wake (a thread waits for a signal that nobody sends), and two accesses to
//! a guarded value that nothing orders: it is one of loom's own cells.

mod notices;
mod permits;

use loom::sync::{Arc, Notify};
use loom::thread;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Wake, Waker};

/// A signal that a thread waits for.
struct Parked(Notify);

impl Wake for Parked {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.notify();
    }
}

fn parked() -> (std::sync::Arc<Parked>, Waker) {
    let parked = std::sync::Arc::new(Parked(Notify::new()));
    (parked.clone(), Waker::from(parked))
}

/// Runs a future to its end; it is polled again only when it was woken.
fn block_on<F: Future>(future: F) -> F::Output {
    let (parked, waker) = parked();
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => parked.0.wait(),
        }
    }
}

/// Polls a future once, and drops it.
fn poll_and_drop<F: Future>(future: F) -> Option<F::Output> {
    let (_parked, waker) = parked();
    match pin!(future).poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Explores every interleaving with up to `preemptions` of them.
fn bounded(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}
