//! Loom models of the protocol: a handful of threads, every interleaving of them, and the promises
//! that must hold in each. `RUSTFLAGS="--cfg loom" cargo test --release --lib loom`
//!
//! Loom itself reports a lost wake (the owner waits for a signal that nobody sends), a leaked cell
//! (the `Arc` in it is never dropped), and two uses of one stage, link or waker slot that nothing
//! orders.

mod inbox;
mod join;
mod steal;
mod wake;

use std::future::poll_fn;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Notify};
use loom::thread;

use super::owned::Ran;
use super::{
    AbortHandle, Inbox, JoinError, JoinHandle, OwnedTasks, Pushed, Schedule, Scheduled, Sleep,
    remote,
};

/// What a loop shares with other threads. `signal` stands in for the eventfd.
struct Shared {
    inbox: Inbox,
    signal: Notify,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            inbox: Inbox::new(),
            signal: Notify::new(),
        })
    }

    fn push(&self, entry: Scheduled) -> Pushed {
        let pushed = self.inbox.push(entry);
        self.signal_if(pushed);
        pushed
    }

    fn signal_if(&self, pushed: Pushed) {
        if pushed == Pushed::WakeOwner {
            self.signal.notify();
        }
    }

    /// The owner's loop, until `done`.
    fn run(&self, tasks: &OwnedTasks, done: impl Fn() -> bool) {
        loop {
            self.run_arrived(tasks);
            if done() {
                return;
            }
            if self.inbox.try_sleep() == Sleep::Announced {
                self.signal.wait();
            }
            self.inbox.awake();
        }
    }

    /// The end of the owner: without it a stale entry and the inbox would keep each other, through
    /// the scheduler.
    fn shut_down(&self, tasks: &OwnedTasks) {
        tasks.close();
        let late = self.inbox.close();
        while let Some(entry) = late.pop_front() {
            assert_eq!(tasks.run(entry), Ran::Stale);
        }
    }

    fn run_arrived(&self, tasks: &OwnedTasks) {
        let arrived = self.inbox.take();
        while let Some(entry) = arrived.pop_front() {
            let _: Ran = tasks.run(entry);
        }
    }
}

struct Remote(Arc<Shared>);

fn scheduler(shared: &Arc<Shared>) -> Remote {
    Remote(shared.clone())
}

impl Schedule for Remote {
    fn schedule(&self, entry: Scheduled) {
        let _: Pushed = self.0.push(entry);
    }
}

/// A signal that a joiner on a plain thread waits for.
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

fn poll<T>(handle: &mut JoinHandle<T>, waker: &Waker) -> Poll<Result<T, JoinError>> {
    Pin::new(handle).poll(&mut Context::from_waker(waker))
}

fn join<T>(mut handle: JoinHandle<T>) -> Result<T, JoinError> {
    let (parked, waker) = parked();
    loop {
        if let Poll::Ready(output) = poll(&mut handle, &waker) {
            return output;
        }
        parked.0.wait();
    }
}

/// Counts its drops; loom sees to it that two are ordered.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn counter() -> (Arc<AtomicUsize>, Counted) {
    let count = Arc::new(AtomicUsize::new(0));
    (count.clone(), Counted(count))
}

/// Pending until `done`; with the first poll it hands its waker to `start`.
fn waits<D>(
    mut start: impl FnMut(Waker),
    done: impl Fn() -> bool,
    dropped_with_it: D,
) -> impl Future<Output = u32> {
    let mut started = false;
    poll_fn(move |cx| {
        let _ = &dropped_with_it;
        if !started {
            started = true;
            start(cx.waker().clone());
        }
        if done() {
            Poll::Ready(7)
        } else {
            Poll::Pending
        }
    })
}

fn bounded(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}
