//! What a loop does at this moment, for whoever watches it; and waking who watches.
//!
//! A loop tells with one relaxed store for each poll and two for each tick, and reads no clock.

use crate::sys::thread::ThreadId;
use crate::task::SiteCell;
use std::panic::Location;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;

/// Stands for the loop's own work: completions, timers, submissions.
static LOOP: &Location<'static> = Location::caller();

/// What a loop is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// It waits for work, or does not run.
    Nothing,
    /// Its own work, between tasks.
    Turning,
    /// It polls the task that was spawned there.
    Polling(&'static Location<'static>),
}

/// What a loop tells of its doings.
#[derive(Default)]
pub(super) struct Activity {
    site: SiteCell,
    thread: AtomicU64,
}

impl Activity {
    /// The loop begins to run on this thread; it ends when what is returned is dropped, also by a
    /// panic.
    pub(super) fn begin_run(&self) -> impl Drop {
        struct Run<'a>(&'a SiteCell);

        impl Drop for Run<'_> {
            fn drop(&mut self) {
                self.0.clear();
            }
        }

        let thread = ThreadId::mine().to_bits();
        self.thread.store(thread, Ordering::Relaxed);
        Run(&self.site)
    }

    #[inline]
    pub(super) fn rests(&self) {
        self.site.clear();
    }

    #[inline]
    pub(super) fn turns(&self) {
        self.site.set(LOOP);
    }

    #[inline]
    pub(super) fn polls(&self, site: &'static Location<'static>) {
        self.site.set(site);
    }

    pub(super) fn now(&self) -> Doing {
        match self.site.get() {
            None => Doing::Nothing,
            Some(site) if std::ptr::eq(site, LOOP) => Doing::Turning,
            Some(site) => Doing::Polling(site),
        }
    }

    /// The thread that the loop runs on, or ran on last.
    pub(super) fn thread(&self) -> ThreadId {
        ThreadId::from_bits(self.thread.load(Ordering::Relaxed))
    }
}

/// Wakes the thread that watches the loops, which sleeps while they all rest.
///
/// A loop looks at the flag once a tick, without a fence: so the watcher may have announced its
/// sleep, looked at the loop, and missed a tick that began just then. It therefore looks a second
/// time, a while after the announcement, before it sleeps for long.
#[derive(Default)]
pub(crate) struct Nudge {
    sleeps: AtomicBool,
    watcher: OnceLock<Thread>,
}

impl Nudge {
    /// This thread watches.
    pub(crate) fn watch_here(&self) {
        // There is one watcher a runtime.
        let _ = self.watcher.set(std::thread::current());
    }

    /// The watcher is about to sleep.
    pub(crate) fn announce(&self) {
        self.sleeps.store(true, Ordering::Relaxed);
    }

    /// The watcher does not sleep after all, or was woken by something else.
    pub(crate) fn retract(&self) {
        self.sleeps.store(false, Ordering::Relaxed);
    }

    /// Whether no loop has ticked since the announcement.
    pub(crate) fn is_announced(&self) -> bool {
        self.sleeps.load(Ordering::Relaxed)
    }

    /// A loop has something to do.
    #[inline]
    pub(super) fn nudge(&self) {
        if self.sleeps.load(Ordering::Relaxed) {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        if self.sleeps.swap(false, Ordering::Relaxed)
            && let Some(watcher) = self.watcher.get()
        {
            watcher.unpark();
        }
    }
}
