//! One core: the tick, the ready queue, park and wake.
//!
//! ```text
//!        ┌────────────────────────────── tick ──────────────────────────────┐
//!  reap completions ► take the inbox ► fire timers ► run ready tasks ► park ─┘
//!        │                 │                │              │            │
//!      driver            inbox            wheel       OwnedTasks      driver
//! ```
//!
//! The wheel lives here and not in `time/`: the tick turns it, and `time/`, which is above, only has
//! the futures. Inbox and ready queue are in `task/`, because they are made of the tasks' own links.
//!
//! [`EventLoop`] belongs to one thread and is found there through [`context`]; [`LoopShared`] is the
//! part of it that other threads see: the inbox, the signal that ends a park, the counters.

mod activity;
#[cfg(not(feature = "test-util"))]
mod clock;
pub(crate) mod context;
mod locals;
mod metrics;
#[cfg(feature = "test-util")]
mod mock;
#[cfg(not(feature = "test-util"))]
mod quiet;
#[cfg(not(feature = "test-util"))]
mod run_queue;
mod shared;
mod siblings;
mod spin;
mod tick;
mod wheel;

pub(crate) use activity::Doing;
pub(crate) use clock::LoopClock;
pub use metrics::LoopStats;
#[cfg(feature = "test-util")]
pub(crate) use mock::clock::VirtualClock;
#[cfg(feature = "test-util")]
use mock::{clock, quiet, run_queue};
pub(crate) use quiet::{Disturbance, Disturbs};
pub(crate) use shared::{LoopShared, Scheduler, Unbound};
pub(crate) use siblings::Siblings;
pub(crate) use wheel::{Timer, Timers};

use crate::context::detached;
use crate::driver::{self, Driver};
use crate::op;
use crate::sys::ring_setup::SetupError;
use crate::task::OwnedTasks;
pub(crate) use crate::task::{
    budgeted, budgeted_or_leave, has_left, is_cancelled, poll_proceed, poll_uncancelled, proceed,
    proceed_free, refund, uncancellable, uncancelled,
};
use fastrand::Rng;
use locals::Locals;
use run_queue::RunQueue;
use spin::Spin;
pub use spin::SpinPolicy;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What one loop is made with.
#[derive(Clone, Debug)]
pub(crate) struct LoopConfig {
    pub(crate) driver: driver::Config,
    /// Polls in one tick before completions are looked at again.
    pub(crate) poll_budget: u32,
    /// Time in one tick before completions are looked at again, in nanoseconds.
    pub(crate) time_budget: u64,
    /// The longest spin before a park, in nanoseconds; 0 for none.
    pub(crate) spin_limit: u64,
    pub(crate) clock: LoopClock,
    /// Of the runtime's random numbers.
    pub(crate) seed: u64,
    /// Whether ready tasks run in an order drawn by lot.
    pub(crate) shuffle: bool,
}

/// One core's event loop.
pub(crate) struct EventLoop {
    shared: Arc<LoopShared>,
    driver: Rc<Driver>,
    tasks: OwnedTasks,
    ready: RunQueue,
    timers: Rc<Timers>,
    clock: LoopClock,
    random: RefCell<Rng>,
    locals: Locals,
    spin: Spin,
    /// It has slept since the last tick.
    slept: Cell<bool>,
    /// The time at the beginning of this tick, once somebody has asked for it.
    tick_time: Cell<Option<u64>>,
    config: LoopConfig,
}

impl EventLoop {
    /// Makes the loop of the calling thread.
    pub(crate) fn new(
        index: usize,
        name: String,
        config: LoopConfig,
        siblings: Arc<Siblings>,
    ) -> Result<Rc<Self>, SetupError> {
        let driver = Driver::new(&config.driver)?;
        op::listen_for_wakes(&driver);
        // A loop's numbers are its own, and the order of its tasks does not hang on how many its
        // tasks draw.
        let offset = (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut root = Rng::with_seed(config.seed.wrapping_add(offset));
        let random = root.fork();
        let lots = config.shuffle.then(|| root.u64(..));
        let (signal, counters) = (driver.signal(), driver.counters().clone());
        let shared = LoopShared::new(index, name, signal, counters, siblings);
        Ok(Rc::new(EventLoop {
            shared: Arc::new(shared),
            tasks: OwnedTasks::new(),
            ready: RunQueue::new(lots),
            timers: config.clock.timers(),
            clock: config.clock.clone(),
            random: RefCell::new(random),
            locals: Locals::default(),
            spin: Spin::new(config.spin_limit),
            slept: Cell::new(false),
            tick_time: Cell::new(None),
            driver,
            config,
        }))
    }

    pub(crate) fn shared(&self) -> &Arc<LoopShared> {
        &self.shared
    }

    #[cfg(feature = "test-util")]
    pub(crate) fn siblings(&self) -> &Arc<Siblings> {
        &self.shared.siblings
    }

    #[cfg(feature = "test-util")]
    pub(crate) fn virtual_clock(&self) -> Option<Arc<VirtualClock>> {
        self.clock.virtual_clock()
    }

    pub(crate) fn driver(&self) -> &Rc<Driver> {
        &self.driver
    }

    /// The time of this tick: a clock that is read at most once a tick.
    pub(crate) fn tick_time(&self) -> u64 {
        let time = self.tick_time.get().unwrap_or_else(|| self.clock.now());
        self.tick_time.set(Some(time));
        time
    }

    /// The loop's random numbers. `draw` must not run foreign code.
    pub(crate) fn random<R>(&self, draw: impl FnOnce(&mut Rng) -> R) -> R {
        self.shared.note_draw();
        draw(&mut self.random.borrow_mut())
    }

    pub(crate) fn locals(&self) -> &Locals {
        &self.locals
    }

    /// How many tasks are alive here, and how many there have ever been.
    pub(crate) fn live_tasks(&self) -> (usize, u64) {
        (self.tasks.len(), self.tasks.ever())
    }

    /// Ends the loop: no more tasks, everything in flight brought home, what streams had accepted
    /// within `limit` (see [`Driver::drain`]).
    pub(crate) fn close(self: &Rc<Self>, limit: Duration) {
        let _entered = context::enter_to_close(self);
        // Not in the context of whoever drops the runtime.
        detached(|| self.end(limit));
    }

    fn end(&self, limit: Duration) {
        // First nothing new comes in, then nothing is left: tasks that arrived but never ran are
        // cancelled with the entries, the others with the list.
        drop(self.shared.close());
        self.tasks.close();
        while let Some(entry) = self.ready.pop_front() {
            drop(entry);
        }
        self.timers.close();
        // After the tasks, which may use them to their end; before the drain, which their drops may
        // give something to do.
        self.locals.clear();
        if !self.driver.drain(limit) {
            // The kernel may still write to slots and buffers: they are never freed.
            std::mem::forget(self.driver.clone());
        }
        self.publish();
        self.shared.end_presence();
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        // A loop that died by a panic of the runtime's own: whoever sends it something must hear.
        drop(self.shared.close());
        self.shared.end_presence();
        if !self.driver.is_closed() {
            self.driver.break_off();
            // Nothing was drained, so the kernel may still write to slots and buffers.
            std::mem::forget(self.driver.clone());
        }
    }
}
