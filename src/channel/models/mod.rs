//! Loom models of the channels: a handful of threads, every interleaving of them (or all within a
//! bound of preemptions), and the promises that must hold in each.
//! `RUSTFLAGS="--cfg loom" cargo test --release --lib models`
//!
//! Loom itself reports a lost wake (a thread waits for a signal that nobody sends), a message that is
//! leaked (the `Arc` in it is never dropped), and two uses of one slot that nothing orders.
//!
//! `oneshot` and `spsc` are modelled as they are, `mpsc` with the real `concurrent-queue`, which
//! knows loom. `broadcast` and `watch` have a stand-in for arc-swap: see `channel/published.rs`.

mod broadcast;
mod mpsc;
mod oneshot;
mod spsc;
mod watch;

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

/// A message that loom misses if it is leaked.
type Message = Arc<u32>;

fn message(number: u32) -> Message {
    Arc::new(number)
}

/// Explores every interleaving with up to `preemptions` of them.
fn bounded(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}
