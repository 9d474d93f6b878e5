//! The promises of tasks, kept on one thread and on several. The interleavings are in `models`.

mod contexts;
mod lifecycle;
mod panics;
mod threads;

use std::cell::Cell;
use std::future::poll_fn;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread::{self, Thread};

use super::owned::Ran;
use super::{Inbox, JoinError, JoinHandle, OwnedTasks, Pushed, Schedule, Scheduled, Sleep, remote};

/// A loop that knows nothing but tasks: all entries go through its inbox, and it sleeps by parking
/// its thread.
struct Loop {
    shared: Arc<Shared>,
    tasks: OwnedTasks,
}

struct Shared {
    inbox: Inbox,
    thread: Thread,
}

struct ToInbox(Arc<Shared>);

impl Schedule for ToInbox {
    fn schedule(&self, entry: Scheduled) {
        let _: Pushed = self.0.push(entry);
    }
}

impl Shared {
    fn push(&self, entry: Scheduled) -> Pushed {
        let pushed = self.inbox.push(entry);
        if pushed == Pushed::WakeOwner {
            self.thread.unpark();
        }
        pushed
    }
}

impl Loop {
    fn new() -> Self {
        let shared = Shared {
            inbox: Inbox::new(),
            thread: thread::current(),
        };
        Self {
            shared: Arc::new(shared),
            tasks: OwnedTasks::new(),
        }
    }

    fn scheduler(&self) -> ToInbox {
        ToInbox(self.shared.clone())
    }

    #[track_caller]
    fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        let (entry, handle) = self
            .tasks
            .spawn(future, self.scheduler(), Location::caller());
        let _: Pushed = self.shared.push(entry);
        handle
    }

    /// Runs what is ready, and what becomes ready by that.
    fn run(&self) -> Vec<Ran> {
        let mut ran = Vec::new();
        loop {
            let arrived = self.shared.inbox.take();
            if arrived.is_empty() {
                return ran;
            }
            while let Some(entry) = arrived.pop_front() {
                ran.push(self.tasks.run(entry));
            }
        }
    }

    fn run_until(&self, done: impl Fn() -> bool) {
        loop {
            let _ = self.run();
            if done() {
                return;
            }
            if self.shared.inbox.try_sleep() == Sleep::Announced {
                thread::park();
            }
            self.shared.inbox.awake();
        }
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        self.tasks.close();
        drop(self.shared.inbox.close());
    }
}

/// The output, which must be there.
fn output<T>(handle: JoinHandle<T>) -> Result<T, JoinError> {
    match poll(&mut { handle }, Waker::noop()) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the task has not finished"),
    }
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Counts its drops, on any thread.
#[derive(Clone, Default)]
struct Drops(Arc<AtomicUsize>);

impl Drops {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn guard(&self) -> DropGuard {
        DropGuard(self.clone())
    }
}

struct DropGuard(Drops);

impl Drop for DropGuard {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Never ready; counts its polls and leaves its waker where the test finds it.
#[derive(Clone, Default)]
struct Probe {
    polls: Rc<Cell<usize>>,
    waker: Rc<Cell<Option<Waker>>>,
}

impl Probe {
    fn future(&self) -> impl Future<Output = ()> + use<> {
        let probe = self.clone();
        poll_fn(move |cx| {
            probe.polls.set(probe.polls.get() + 1);
            probe.waker.set(Some(cx.waker().clone()));
            Poll::Pending
        })
    }

    fn waker(&self) -> Waker {
        self.waker.take().expect("the future was polled")
    }
}
