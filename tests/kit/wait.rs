//! Waiting for something to become true; never for time to pass.

use ringmill::time::{Instant, sleep};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// How long anything may take before it counts as never: generous, as a loaded machine is slow.
pub const NEVER: Duration = Duration::from_secs(60);

/// Between two looks at a state that tells nobody when it changes.
const LOOK: Duration = Duration::from_millis(1);

/// Waits on a plain thread until `true_now`.
///
/// # Panics
///
/// If it never is.
#[track_caller]
pub fn eventually(what: &str, mut true_now: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !true_now() {
        assert!(start.elapsed() < NEVER, "never came: {what}");
        thread::sleep(LOOK);
    }
}

/// Waits on a loop until `true_now`; the loop goes on meanwhile.
///
/// # Panics
///
/// If it never is.
pub async fn until(what: &str, mut true_now: impl FnMut() -> bool) {
    let start = Instant::now();
    while !true_now() {
        assert!(start.elapsed() < NEVER, "never came: {what}");
        sleep(LOOK).await;
    }
}

/// Fails instead of hanging.
///
/// # Panics
///
/// If the future never ends.
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match ringmill::time::timeout(NEVER, future).await {
        Ok(output) => output,
        Err(_) => panic!("never came: {what}"),
    }
}

/// Wakes a plain thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on a plain thread that has no loop.
///
/// # Panics
///
/// If the future never ends.
#[track_caller]
pub fn here<F: Future>(what: &str, future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    let start = std::time::Instant::now();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        assert!(start.elapsed() < NEVER, "never came: {what}");
        thread::park_timeout(NEVER);
    }
}
