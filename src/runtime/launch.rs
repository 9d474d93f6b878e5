//! Starting the loops' threads, and ending them.

use super::error::BuildError;
use super::handle::{self, Handle};
use crate::event_loop::{EventLoop, LoopConfig, LoopShared, Siblings};
use crate::sys::{affinity, clock};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// The kernel's timer slack for loops: timers are to be at most 100 µs late.
pub(super) const TIMER_SLACK_NANOS: u64 = 1;

/// One loop on a thread of its own.
pub(super) struct LoopThread {
    pub(super) shared: Arc<LoopShared>,
    thread: Option<thread::JoinHandle<()>>,
    /// Given once all loops stand; dropped unsent if the runtime could not be built.
    begin: mpsc::Sender<Handle>,
}

/// How to start a loop.
pub(super) struct Launch {
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) config: LoopConfig,
    pub(super) cpu: Option<usize>,
    pub(super) siblings: Arc<Siblings>,
    pub(super) drain_timeout: Duration,
}

impl LoopThread {
    /// Starts a thread, and waits until its loop stands.
    pub(super) fn start(launch: Launch) -> Result<Self, BuildError> {
        let (built, is_built) = mpsc::channel();
        let (begin, may_begin) = mpsc::channel();
        let thread = thread::Builder::new()
            .name(launch.name.clone())
            .spawn(move || Self::main(launch, &built, &may_begin))
            .map_err(BuildError::thread)?;
        match is_built.recv() {
            Ok(Ok(shared)) => Ok(LoopThread {
                shared,
                thread: Some(thread),
                begin,
            }),
            Ok(Err(error)) => {
                join(thread);
                Err(error)
            }
            Err(mpsc::RecvError) => {
                join(thread);
                let died = std::io::Error::other("the loop's thread panicked as it started");
                Err(BuildError::thread(died))
            }
        }
    }

    fn main(
        launch: Launch,
        built: &mpsc::Sender<Result<Arc<LoopShared>, BuildError>>,
        may_begin: &mpsc::Receiver<Handle>,
    ) {
        clock::set_timer_slack(TIMER_SLACK_NANOS);
        let stands = (|| {
            if let Some(cpu) = launch.cpu {
                affinity::pin(cpu)
                    .map_err(|source| BuildError::affinity("sched_setaffinity", source))?;
            }
            EventLoop::new(launch.index, launch.name, launch.config, launch.siblings)
                .map_err(BuildError::ring)
        })();
        let event_loop = match stands {
            Ok(event_loop) => event_loop,
            Err(error) => {
                // The receiver waits for exactly this.
                let _ = built.send(Err(error));
                return;
            }
        };
        // If the receiver is gone the runtime is not to be, and the next call tells so.
        let _ = built.send(Ok(event_loop.shared().clone()));
        let current = may_begin.recv().ok().map(handle::enter);
        if current.is_some() {
            event_loop.run();
        }
        event_loop.close(launch.drain_timeout);
    }

    /// Lets the loop run, as part of the runtime behind `handle`.
    pub(super) fn begin(&self, handle: Handle) {
        // The thread waits for this; if it is dead its loop's inbox is closed and tells so.
        let _ = self.begin.send(handle);
    }
}

impl Drop for LoopThread {
    fn drop(&mut self) {
        // A thread that never got its handle sees the channel close instead.
        let (closed, _) = mpsc::channel();
        self.begin = closed;
        self.shared.request_stop();
        if let Some(thread) = self.thread.take() {
            join(thread);
        }
    }
}

fn join(thread: thread::JoinHandle<()>) {
    // A panic has been reported by the panic hook; it ended that loop, not this thread.
    let _ = thread.join();
}
