//! `sync`: whoever waits is served in its turn, whoever goes away passes it on.
//!
//! What each type does step by step needs no loop and is the same for one loop and across: it is
//! tested once for each of the two, by polling. What many tasks do is tested on each driver.

#[path = "../kit/mod.rs"]
mod kit;

mod cancelled;
mod foreign;
mod limiter;
mod many;
mod mutex;
mod mvar;
mod off_loop;
mod once;
mod rwlock;
mod semaphore;
mod signals;
mod storm;

use std::future::Future;
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

/// A future that is polled by hand.
struct Polled<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    wakes: Arc<Counter>,
}

impl<T> Polled<'_, T> {
    /// Polls, and gives what comes of it.
    fn poll(&mut self) -> Option<T> {
        let waker = Waker::from(self.wakes.clone());
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    /// How often it has been woken.
    fn wakes(&self) -> usize {
        self.wakes.0.load(Ordering::SeqCst)
    }
}

/// A future, not polled yet.
fn begun<'a, T>(future: impl Future<Output = T> + 'a) -> Polled<'a, T> {
    Polled {
        future: Box::pin(future),
        wakes: Arc::default(),
    }
}

/// A future that waits.
#[track_caller]
fn waiting<'a, T>(future: impl Future<Output = T> + 'a) -> Polled<'a, T> {
    let mut begun = begun(future);
    assert!(begun.poll().is_none(), "it should wait");
    begun
}

/// What comes of a future that does not wait.
#[track_caller]
fn at_once<T>(future: impl Future<Output = T>) -> T {
    begun(future).poll().expect("it should not wait")
}

/// The same tests twice: with the types across loops, and with those of one loop.
macro_rules! in_both_forms {
    ($($item:item)*) => {
        mod across {
            #[allow(unused_imports, reason = "not every list uses all")]
            use {super::*, ringmill::sync, std::sync::Arc as Counted};
            $($item)*
        }

        mod local {
            #[allow(unused_imports, reason = "not every list uses all")]
            use {super::*, ringmill::sync::local as sync, std::rc::Rc as Counted};
            $($item)*
        }
    };
}
use in_both_forms;

/// How often something is repeated: more where the optimiser helps, a few times under Miri, which
/// `cargo +nightly miri test --test sync -- --skip many:: --skip storm::` runs what needs no loop by.
const fn often(debug: usize, release: usize) -> usize {
    if cfg!(miri) {
        20
    } else if cfg!(debug_assertions) {
        debug
    } else {
        release
    }
}

/// Waits once.
async fn yielded() {
    let mut first = true;
    std::future::poll_fn(|cx| {
        if std::mem::take(&mut first) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}
