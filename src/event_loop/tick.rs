//! The tick: completions, inbox, timers, tasks, park; in this order.

use super::{EventLoop, Scheduler, context};
use crate::context::detached;
use crate::driver::Park;
use crate::task::{JoinError, JoinHandle, Scheduled, Sleep, budget};
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Polls between two looks at the clock and at the number of queued submissions: a look costs about
/// as much as one poll, so it adds some 3 %.
const POLLS_A_LOOK: u32 = 32;

/// Queued submissions that are handed to the kernel in mid-tick, without waiting. Sends run inline
/// at submission, so this bounds how long the first answer of a tick waits for the last.
const SUBMIT_BATCH: usize = 128;

/// Looks at shared memory between two looks at the clock while spinning.
const SPINS_A_LOOK: u32 = 16;

impl EventLoop {
    /// Runs a future to its end on this loop, with everything else that is spawned here.
    pub(crate) fn block_on<F: Future>(
        self: &Rc<Self>,
        future: F,
        spawned_at: &'static Location<'static>,
    ) -> F::Output {
        let _entered = context::enter(self);
        let scheduler = Scheduler(self.shared.clone());
        let joined = self
            .tasks
            .scoped(future, scheduler, spawned_at, |entry, mut handle| {
                self.ready.push_back(entry);
                self.run_until(|| handle.is_finished());
                finished(&mut handle)
            });
        match joined {
            Ok(output) => output,
            Err(error) => match error.try_into_panic() {
                Ok(payload) => std::panic::resume_unwind(payload),
                Err(_) => unreachable!("nobody holds an abort handle of the root task"),
            },
        }
    }

    /// Runs until another thread asks the loop to stop.
    pub(crate) fn run(self: &Rc<Self>) {
        let _entered = context::enter(self);
        self.run_until(|| false);
    }

    /// Starts a task here.
    pub(crate) fn spawn<F: Future + 'static>(
        &self,
        future: F,
        spawned_at: &'static Location<'static>,
    ) -> JoinHandle<F::Output> {
        let scheduler = Scheduler(self.shared.clone());
        let (entry, handle) = self.tasks.spawn(future, scheduler, spawned_at);
        self.ready.push_back(entry);
        handle
    }

    fn run_until(&self, done: impl Fn() -> bool) {
        // What the future of `block_on` is about is none of the other tasks' business; nor does a scope
        // that a plain executor runs and `block_on` is called in reach into the loop.
        detached(|| budget::uncancellable(|| self.turn_until(done)));
    }

    fn turn_until(&self, done: impl Fn() -> bool) {
        self.shared.metrics.begin_run();
        let _run = self.shared.activity.begin_run();
        let _presence = self.shared.begin_presence();
        loop {
            self.tick();
            if done() || self.shared.stop_requested() {
                break;
            }
            self.rest();
        }
        self.pass_on();
        // What the last tick submitted (closes, staged bytes) should not wait for the next run.
        self.turn(Park::Poll);
        self.driver.reap();
        // Nor what those completions have led to (a wake-up of another loop).
        self.turn_if_useful();
        self.publish();
        self.shared.metrics.end_run();
    }

    fn tick(&self) {
        self.shared.metrics.ticks.add(1);
        self.shared.activity.turns();
        self.shared.siblings.nudge().nudge();
        self.driver.reap();
        self.ready.append(&self.shared.inbox.take());
        // One a tick, however much else there is to do; the others when that is done. Before the
        // rest: among them nobody else could take it any more, however long they work.
        if let Some(entry) = self.pop_unbound() {
            self.ready.push_front(entry);
        }
        if self.slept.take() && !self.ready.is_empty() {
            self.pass_on();
        }
        self.tick_time.set(None);
        if self.timers.len() > 0 {
            self.timers.advance(self.tick_time());
        }
        self.run_ready();
        self.publish();
    }

    /// Runs ready tasks within the budgets.
    fn run_ready(&self) {
        let mut polls = 0;
        let mut deadline = None;
        while let Some(entry) = self.ready.pop_front().or_else(|| self.pop_unbound()) {
            budget::refill();
            self.shared.activity.polls(entry.spawned_at());
            let _ = self.tasks.run(entry);
            if self.driver.is_urgent() {
                self.submit_queued();
            }
            polls += 1;
            if polls >= self.config.poll_budget {
                break;
            }
            if polls.is_multiple_of(POLLS_A_LOOK) {
                if self.driver.queued() >= SUBMIT_BATCH {
                    self.submit_queued();
                }
                let now = self.clock.now();
                if now >= *deadline.get_or_insert(now.saturating_add(self.config.time_budget)) {
                    break;
                }
            }
        }
        self.shared.activity.turns();
        self.shared.metrics.polls.add(u64::from(polls));
    }

    /// After the tasks: straight on if there is work, else spin and block until there is.
    fn rest(&self) {
        if self.driver.acts_at_once() && self.driver.queued() > 0 {
            self.submit_queued();
        }
        if !self.ready.is_empty() || self.find_unbound() {
            self.turn_if_useful();
            return;
        }
        self.shared.activity.rests();
        let until = self.timers.next_deadline();
        if self.spin.limit() > 0 && self.spin_until(until) {
            return;
        }
        let sleeper = self.shared.siblings.queues().sleeper();
        match self.shared.inbox.try_sleep() {
            Sleep::HasWork => self.turn_if_useful(),
            Sleep::Announced => {
                // Both are looked at after the announcement, or they could be missed.
                if !self.shared.stop_requested()
                    && sleeper.may_sleep()
                    && let Some(park) = self.clock.park(self, until)
                {
                    self.block(park);
                }
                // Before anything else: what it told of its waiting holds no more.
                self.clock.awake(self);
                self.shared.inbox.awake();
            }
        }
    }

    /// A task of this loop's queue of those that any loop may take.
    fn pop_unbound(&self) -> Option<Scheduled> {
        self.shared.siblings.queues().pop(self.shared.index())
    }

    /// Takes a task that any loop may take, this loop's or another's; whether there was one.
    fn find_unbound(&self) -> bool {
        let stolen = || {
            let queues = self.shared.siblings.queues();
            let entry = queues.steal(self.shared.index())?;
            self.shared.metrics.stolen.add(1);
            Some(entry)
        };
        let found = self.pop_unbound().or_else(stolen);
        found.map(|entry| self.ready.push_back(entry)).is_some()
    }

    /// Has another loop look for what this one may have been told of, as it has something else to
    /// do; at once, and not with the next submission.
    fn pass_on(&self) {
        self.shared.siblings.pass_on(self.shared.index());
        if self.driver.is_urgent() {
            self.submit_queued();
        }
    }

    fn block(&self, park: Park) {
        self.slept.set(true);
        self.shared.metrics.parks.add(1);
        if self.spin.is_off() {
            self.turn(park);
        } else {
            let start = self.driver.now();
            self.turn(park);
            self.spin.blocked(self.driver.now() - start);
        }
    }

    /// Spins on shared memory; true if something came of it.
    fn spin_until(&self, until: Option<u64>) -> bool {
        self.turn_if_useful();
        let start = self.driver.now();
        let end = (start + self.spin.limit()).min(until.unwrap_or(u64::MAX));
        let mut looks = 0_u32;
        let found = loop {
            if self.driver.is_ready() || !self.shared.inbox.is_empty() {
                break true;
            }
            looks += 1;
            if looks.is_multiple_of(SPINS_A_LOOK) {
                if !self.shared.siblings.queues().is_empty() {
                    break true;
                }
                if self.driver.now() >= end {
                    break false;
                }
            }
            std::hint::spin_loop();
        };
        self.shared.metrics.spun.add(self.driver.now() - start);
        if found {
            self.spin.hit();
            self.turn_if_useful();
        } else {
            self.spin.miss();
        }
        found
    }

    /// Enters only if there is something to submit or to fetch.
    fn turn_if_useful(&self) {
        if self.driver.wants_turn() {
            self.turn(Park::Poll);
        }
    }

    fn submit_queued(&self) {
        if let Err(error) = self.driver.submit_queued() {
            self.die_of(&error);
        }
    }

    pub(super) fn turn(&self, park: Park) {
        if let Err(error) = self.driver.park(park) {
            self.die_of(&error);
        }
    }

    /// A wait failed in a way that no retry mends. The loop cannot go on, and must not silently
    /// hang.
    fn die_of(&self, error: &std::io::Error) -> ! {
        self.driver.break_off();
        panic!(
            "loop {} ({}): the driver's wait failed: {error}",
            self.shared.index(),
            self.shared.name()
        );
    }

    /// Brings the gauges that other threads read up to date.
    pub(super) fn publish(&self) {
        let metrics = &self.shared.metrics;
        metrics.tasks.set(self.tasks.len() as u64);
        metrics.timers.set(self.timers.len() as u64);
        self.driver.publish();
    }
}

/// Takes the result of a task that has ended.
fn finished<T>(handle: &mut JoinHandle<T>) -> Result<T, JoinError> {
    match handle.poll_output(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => {
            unreachable!("the loop runs until the task has ended or it is told to stop")
        }
    }
}
