//! What a loop tells about itself.
//!
//! Every count is written by one thread alone, nearly all by the loop's, as a plain load and store,
//! and read by any thread: reading costs the loop nothing. A snapshot is not one instant's: its
//! fields may be a few operations apart.

use super::shared::LoopShared;
use crate::driver::{Counter, Counters};
use crate::sys::clock::{self, ThreadClock};
use std::time::Duration;

#[derive(Default)]
pub(super) struct Metrics {
    pub(super) ticks: Counter,
    pub(super) polls: Counter,
    pub(super) parks: Counter,
    pub(super) wakes_sent: Counter,
    pub(super) tasks: Counter,
    pub(super) timers: Counter,
    pub(super) spun: Counter,
    pub(super) handed_over: Counter,
    pub(super) stolen: Counter,
    /// These two are the watchdog's.
    pub(super) stalls: Counter,
    pub(super) longest_stall: Counter,
    time: RunTime,
}

/// How long the loop has run, and how much of that its thread had the processor.
///
/// The loop marks the beginning and the end of a run only; who wants to know in between reads the
/// thread's own clock. An enter both works (sends run in it) and waits, so time around it would
/// tell neither, and would cost the loop two looks at the clock a tick.
#[derive(Default)]
struct RunTime {
    /// The thread's clock, plus 1 << 32 while the loop runs.
    clock: Counter,
    /// Wall and processor time at the beginning of the present run, in nanoseconds.
    wall_start: Counter,
    cpu_start: Counter,
    /// Of the runs before.
    wall: Counter,
    cpu: Counter,
}

/// Set in `RunTime::clock` while the loop runs.
const RUNNING: u64 = 1 << 32;

impl RunTime {
    fn begin(&self) {
        let Some(clock) = ThreadClock::mine() else {
            return;
        };
        self.wall_start.set(clock::monotonic_nanos());
        self.cpu_start.set(clock.nanos().unwrap_or(0));
        self.clock.set(clock.to_bits() | RUNNING);
    }

    fn end(&self) {
        let (wall, cpu) = self.read();
        self.clock.set(0);
        self.wall.set(wall);
        self.cpu.set(cpu);
    }

    /// Wall and processor time so far, in nanoseconds.
    fn read(&self) -> (u64, u64) {
        let clock = self.clock.get();
        let (mut wall, mut cpu) = (self.wall.get(), self.cpu.get());
        if clock & RUNNING != 0
            && let Some(now) = ThreadClock::from_bits(clock).nanos()
        {
            wall += clock::monotonic_nanos().saturating_sub(self.wall_start.get());
            cpu += now.saturating_sub(self.cpu_start.get());
        }
        (wall, cpu)
    }
}

impl Metrics {
    /// The loop begins to run.
    pub(super) fn begin_run(&self) {
        self.time.begin();
    }

    /// Processor time in which the loop worked, in nanoseconds: spinning left out.
    pub(super) fn busy_nanos(&self) -> u64 {
        let (_, cpu) = self.time.read();
        cpu.saturating_sub(self.spun.get())
    }

    /// Processor time of the loop's thread, in nanoseconds; `None` if the loop does not run.
    pub(super) fn thread_nanos(&self) -> Option<u64> {
        let clock = self.time.clock.get();
        (clock & RUNNING != 0).then(|| ThreadClock::from_bits(clock).nanos())?
    }

    /// The loop ends a run.
    pub(super) fn end_run(&self) {
        self.time.end();
    }
}

/// One loop's counters, since its start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoopStats {
    /// The loop's number in its runtime, from 0.
    pub index: usize,
    /// The name of the loop's thread.
    pub name: String,
    /// Rounds of the loop.
    pub ticks: u64,
    /// Polls of tasks.
    pub polls: u64,
    /// Times that the loop had nothing to do and blocked.
    pub parks: u64,
    /// Calls of `io_uring_enter`, or of `epoll_pwait2`.
    pub enters: u64,
    /// Submissions: entries written to the ring, or requests carried out by the epoll driver.
    pub sqes: u64,
    /// Completions, of the ring or of the epoll driver's own calls.
    pub cqes: u64,
    /// Wake-ups sent to other loops.
    pub wakes_sent: u64,
    /// Wake-ups received from other loops and threads.
    pub wakes_received: u64,
    /// Enters that filled the completion queue, so that the kernel kept what did not fit.
    pub overflows: u64,
    /// Multishot operations armed again after they ended by themselves.
    pub rearms: u64,
    /// Receives that found the buffer pool empty.
    pub enobufs: u64,
    /// Connections that were accepted here and handed to other loops; see
    /// [`Balance`](crate::Balance).
    pub handed_over: u64,
    /// Tasks of [`spawn_anywhere`](crate::spawn_anywhere) that were queued at other loops and
    /// started here.
    pub stolen: u64,
    /// Times that one tick took longer than the limit of the [`Watchdog`](crate::Watchdog).
    pub stalls: u64,
    /// The longest of them.
    pub longest_stall: Duration,
    /// Live tasks.
    pub tasks: u64,
    /// Armed timers.
    pub timers: u64,
    /// Operations that are queued, in the kernel, or completed and not yet taken. One of them is
    /// the loop's own, which listens for wake-ups.
    pub slots: u64,
    /// Receive buffers in the hands of the program.
    pub leased: u64,
    /// Processor time of the loop's thread while the loop ran, spinning left out.
    pub busy: Duration,
    /// The rest of the time that the loop ran: blocked, spinning, or waiting for a processor.
    pub idle: Duration,
    /// Of the idle time, the part spent spinning.
    pub spun: Duration,
}

impl LoopStats {
    pub(super) fn read(shared: &LoopShared, metrics: &Metrics, counters: &Counters) -> Self {
        let (wall, cpu) = metrics.time.read();
        let busy = cpu.saturating_sub(metrics.spun.get());
        LoopStats {
            index: shared.index(),
            name: shared.name().to_owned(),
            ticks: metrics.ticks.get(),
            polls: metrics.polls.get(),
            parks: metrics.parks.get(),
            enters: counters.enters.get(),
            sqes: counters.sqes.get(),
            cqes: counters.cqes.get(),
            wakes_sent: metrics.wakes_sent.get(),
            wakes_received: counters.wakes_received.get(),
            overflows: counters.overflows.get(),
            rearms: counters.rearms.get(),
            enobufs: counters.enobufs.get(),
            handed_over: metrics.handed_over.get(),
            stolen: metrics.stolen.get(),
            stalls: metrics.stalls.get(),
            longest_stall: Duration::from_nanos(metrics.longest_stall.get()),
            tasks: metrics.tasks.get(),
            timers: metrics.timers.get(),
            slots: counters.slots.get(),
            leased: counters.leased.get(),
            busy: Duration::from_nanos(busy),
            idle: Duration::from_nanos(wall.saturating_sub(busy)),
            spun: Duration::from_nanos(metrics.spun.get()),
        }
    }

    /// Completions for each enter: how well the loop batches. 0 before the first.
    pub fn completions_per_enter(&self) -> f64 {
        if self.enters == 0 {
            0.0
        } else {
            self.cqes as f64 / self.enters as f64
        }
    }

    /// The share of its time that the loop has worked, from 0 to 1.
    pub fn utilisation(&self) -> f64 {
        let total = (self.busy + self.idle).as_secs_f64();
        if total == 0.0 {
            0.0
        } else {
            self.busy.as_secs_f64() / total
        }
    }
}
