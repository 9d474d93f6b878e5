//! Channels: what is sent arrives once and in order, whoever goes away in between.

#[path = "../kit/mod.rs"]
mod kit;

mod broadcast;
mod cancel;
mod mpsc;
mod oneshot;
mod spsc;
mod storm;
mod watch;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A waker that counts.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Counter {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Polls once, with a waker that counts its wakes in `counter`.
fn poll_with<F: Future + Unpin>(future: &mut F, counter: &Arc<Counter>) -> Poll<F::Output> {
    let waker = Waker::from(counter.clone());
    Pin::new(future).poll(&mut Context::from_waker(&waker))
}

/// Polls once, and gives what comes of it.
fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_with(future, &Arc::default())
}

/// The next item of a stream.
async fn next<S: futures_core::Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await
}

/// How many messages the long tests send: many where the optimiser helps, and as many as
/// `RINGMILL_MESSAGES` says.
fn messages() -> u64 {
    match std::env::var("RINGMILL_MESSAGES") {
        Ok(messages) => messages.parse().expect("RINGMILL_MESSAGES is a number"),
        Err(_) if cfg!(debug_assertions) => 200_000,
        Err(_) => 10_000_000,
    }
}
