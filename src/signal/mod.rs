//! Signals of the process: for now those that ask it to end.
//!
//! Delivery is signal-hook's (async-signal-safe, by a pipe); one plain thread, started at the first
//! use, takes the signals from it and wakes the tasks that wait. Wakers work from any thread, so
//! no loop has to listen on a descriptor.

use crate::sys::{contained, lock};
use crate::task::WaitList;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll};

/// Who waits, and how often a signal has come.
struct Watch {
    started: bool,
    arrived: u64,
    waiting: WaitList,
}

static WATCH: Mutex<Watch> = Mutex::new(Watch {
    started: false,
    arrived: 0,
    waiting: WaitList::new(),
});

fn watch() -> MutexGuard<'static, Watch> {
    lock(&WATCH)
}

/// Requests of the operator to end: SIGINT (ctrl-c) and SIGTERM, counted from its making on.
///
/// From the first one made on, these signals no longer end the process by themselves.
pub(crate) struct Shutdown {
    seen: u64,
    key: Option<usize>,
}

impl Shutdown {
    /// Starts listening.
    ///
    /// # Errors
    ///
    /// If the handler or its thread cannot be set up.
    pub(crate) fn new() -> io::Result<Self> {
        let mut watch = watch();
        if !watch.started {
            let mut signals = Signals::new([SIGINT, SIGTERM])?;
            std::thread::Builder::new()
                .name("ringmill-signal".to_owned())
                .spawn(move || {
                    for _ in signals.forever() {
                        let waiting = {
                            let mut watch = self::watch();
                            watch.arrived += 1;
                            // Cloned, not taken: a waiter's key stays its own until it leaves.
                            watch.waiting.wakers()
                        };
                        for waker in waiting {
                            // A waker's panic must not end the thread: the signals would be
                            // swallowed from then on.
                            contained(|| waker.wake());
                        }
                    }
                })?;
            watch.started = true;
        }
        Ok(Shutdown {
            seen: watch.arrived,
            key: None,
        })
    }

    /// Ready once for each signal.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Cloned before the lock is taken, the old one dropped after: a waker's code is foreign.
        let waker = cx.waker().clone();
        let mut watch = watch();
        if watch.arrived > self.seen {
            self.seen += 1;
            drop(watch);
            return Poll::Ready(());
        }
        let old = watch.waiting.enter(&mut self.key, waker);
        drop(watch);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Shutdown {
    fn drop(&mut self) {
        let waker = watch().waiting.leave(self.key);
        drop(waker);
    }
}

/// Waits for SIGINT (ctrl-c) or SIGTERM.
///
/// From the first call on, these signals no longer end the process by themselves. Every waiting
/// task is woken.
///
/// # Errors
///
/// If the handler or its thread cannot be set up.
///
/// # Cancel safety
///
/// A signal that comes while nobody waits is not kept: it was for those who waited then.
pub async fn shutdown_requested() -> io::Result<()> {
    let mut signals = Shutdown::new()?;
    std::future::poll_fn(|cx| signals.poll_next(cx)).await;
    Ok(())
}
