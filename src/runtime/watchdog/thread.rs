//! The thread that watches the loops.

use super::judge::{Blocked, Judge, Look, Verdict};
use super::stall::{Stall, StallFrame};
use super::{Watchdog, trace};
use crate::event_loop::{Doing, LoopShared, Siblings};
use crate::sys::thread::ThreadId;
use crate::sys::{clock, contained, inherit};
use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Looks in each limit. A stall is found between one limit and one and a half after its beginning.
const LOOKS: u32 = 4;

/// How long the loops rest before the watchdog does. So loops that rest and wake by turns do not wake
/// it each time, but once a second at most.
const QUIET: Duration = Duration::from_secs(1);

/// How long the end of a runtime waits for a hook that is being called.
const PATIENCE: Duration = Duration::from_secs(1);

/// The thread; it ends when this is dropped.
pub(in crate::runtime) struct WatchdogThread {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    gone: mpsc::Receiver<Infallible>,
}

impl WatchdogThread {
    /// Watches these loops.
    pub(in crate::runtime) fn start(
        name: &str,
        watchdog: Watchdog,
        loops: Vec<Arc<LoopShared>>,
        siblings: Arc<Siblings>,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let watch = Watch {
            period: watchdog.limit / LOOKS,
            watchdog,
            loops: loops.into_iter().map(|l| (l, Judge::default())).collect(),
            siblings,
            stop: stop.clone(),
        };
        let (alive, gone) = mpsc::channel();
        let thread = inherit::thread(format!("{name}-watchdog"), move || {
            watch.run();
            drop(alive);
        })?;
        Ok(WatchdogThread {
            stop,
            thread: Some(thread),
            gone,
        })
    }
}

impl Drop for WatchdogThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It ends when the channel does. A hook that hangs (a standard error that nobody reads)
            // is left to itself: the end of a runtime is not to depend on it.
            let ended = self.gone.recv_timeout(PATIENCE);
            if ended == Err(mpsc::RecvTimeoutError::Disconnected) {
                // It has nothing left to do but to end; the hook's panics are contained.
                let _ = thread.join();
            }
        }
    }
}

struct Watch {
    watchdog: Watchdog,
    period: Duration,
    loops: Vec<(Arc<LoopShared>, Judge)>,
    siblings: Arc<Siblings>,
    stop: Arc<AtomicBool>,
}

impl Watch {
    fn run(mut self) {
        self.siblings.nudge().watch_here();
        let mut quiet = Duration::ZERO;
        while !self.is_over() {
            thread::park_timeout(self.period);
            if self.look() {
                quiet = Duration::ZERO;
                continue;
            }
            quiet += self.period;
            if quiet >= QUIET {
                self.rest();
                quiet = Duration::ZERO;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Sleeps until a loop ticks or the runtime ends.
    fn rest(&mut self) {
        let siblings = self.siblings.clone();
        let nudge = siblings.nudge();
        nudge.announce();
        // A loop that did not see the announcement shows by now that it ticks.
        thread::park_timeout(self.period);
        if !self.look() {
            while nudge.is_announced() && !self.is_over() {
                thread::park();
            }
        }
        nudge.retract();
    }

    /// Looks at all loops; whether any of them has something to do.
    fn look(&mut self) -> bool {
        let limit = nanos(self.watchdog.limit);
        let period = nanos(self.period);
        let mut busy = false;
        for (shared, judge) in &mut self.loops {
            let (tick, doing) = shared.doing();
            let look = Look {
                tick,
                doing,
                wall: clock::monotonic_nanos(),
                // A look at a loop that rests makes no system call.
                cpu: match doing {
                    Doing::Nothing => None,
                    Doing::Turning | Doing::Polling(_) => shared.thread_nanos(),
                },
            };
            let thread = shared.thread();
            let blocked = || Blocked {
                sleeps: thread.sleeps(),
                kept_waiting: thread.kept_waiting(),
            };
            let verdict = judge.judge(look, blocked, limit, period);
            busy |= verdict != Verdict::Rests;
            match verdict {
                Verdict::Rests | Verdict::Works => {}
                Verdict::Stalls(nanos) => {
                    shared.count_stall();
                    shared.stalled_for(nanos);
                    let stall = Stall {
                        index: shared.index(),
                        name: shared.name().to_owned(),
                        task: match doing {
                            Doing::Polling(site) => Some(site),
                            Doing::Turning | Doing::Nothing => None,
                        },
                        duration: Duration::from_nanos(nanos),
                        frames: stack(shared, thread),
                    };
                    contained(|| (self.watchdog.on_stall)(&stall));
                }
                Verdict::StallsStill(nanos) => shared.stalled_for(nanos),
            }
        }
        busy
    }
}

/// The stack of a loop's thread, unless the loop has gone on before it could be taken: it would be
/// another one's.
fn stack(shared: &LoopShared, thread: ThreadId) -> Vec<StallFrame> {
    let before = shared.doing();
    let addresses = trace::of_thread(thread);
    if shared.doing() == before {
        trace::named(addresses)
    } else {
        Vec::new()
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
