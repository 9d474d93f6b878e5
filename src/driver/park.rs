//! Turning the driver: flush, enter, reap; and the drain at the end.

use super::{Driver, Life};
use crate::sys::ring::Wait;
use std::io;
use std::time::Duration;

/// How a turn of the driver waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Park {
    /// Not at all.
    Poll,
    /// Until something happens.
    Forever,
    /// Until something happens or the clock says so (nanoseconds of [`Driver::now`]).
    Until(u64),
}

/// How long a drain waits at a time before it looks at the clock again.
const DRAIN_STEP: Duration = Duration::from_millis(10);

/// How long a drain waits for what it has cancelled. The kernel ends most of it within the enter that
/// carries the cancels; the alternative is to leak a ring.
const CANCEL_LIMIT: Duration = Duration::from_secs(1);

impl Driver {
    /// Whether operations are carried out as they are submitted: then what is queued goes before
    /// the loop decides to wait.
    pub(crate) fn acts_at_once(&self) -> bool {
        self.backend.acts_at_once()
    }

    /// Whether a turn would bring something without waiting: completions or deferred work are
    /// there. Reads shared memory only, if there is any.
    pub(crate) fn is_ready(&self) -> bool {
        self.backend.is_ready()
    }

    /// Whether a turn would send or bring something: requests, submissions that the kernel did not
    /// take at once, receives that wait for a buffer and could have one, deferred work, kept
    /// completions, descriptors not looked at for a while. Makes no system call.
    pub(crate) fn wants_turn(&self) -> bool {
        self.queued() > 0
            || self.backend.has_unsubmitted()
            || self.pool.can_feed()
            || self.backend.wants_enter()
    }

    /// Brings the gauges that other threads read up to date.
    pub(crate) fn publish(&self) {
        self.counters.slots.set(u64::from(self.slots.used()));
        self.counters.leased.set(u64::from(self.pool.leased()));
    }

    /// Delivers the completions that lie in the queue, without a system call.
    pub(crate) fn reap(&self) {
        let reaped = self.backend.reap(self);
        self.counters.cqes.add(reaped as u64);
    }

    /// Submits everything queued without waiting for anything.
    pub(crate) fn submit_queued(&self) -> io::Result<()> {
        self.turn(Wait::No)
    }

    /// Submits everything queued and waits as told. Completions are left for [`Driver::reap`].
    pub(crate) fn park(&self, park: Park) -> io::Result<()> {
        self.turn(match park {
            Park::Poll => Wait::Poll,
            Park::Forever => Wait::Forever,
            Park::Until(deadline) => match deadline.saturating_sub(self.now()) {
                0 => Wait::Poll,
                left => Wait::For(Duration::from_nanos(left)),
            },
        })
    }

    fn turn(&self, wait: Wait) -> io::Result<()> {
        self.urgent.set(false);
        self.pool.flush();
        self.registered.empty(&self.backend);
        let wait = match wait {
            // More of the starved can be fed than a flush may feed at once.
            Wait::Forever | Wait::For(_) if self.pool.can_feed() => Wait::Poll,
            wait => wait,
        };
        self.backend.turn(self, wait)
    }

    /// Ends everything: lets finish what should finish (staged bytes on their way out) for `limit`
    /// at most, cancels the rest, and waits for the terminal completions, for [`CANCEL_LIMIT`].
    ///
    /// Returns false if the kernel still has something after that: then the memory that it may
    /// touch must be leaked.
    pub(crate) fn drain(&self, limit: Duration) -> bool {
        if self.life.get() == Life::Broken {
            return false;
        }
        let turned = self.drain_for(limit).and_then(|()| {
            for key in self.slots.keys_in_flight(true) {
                self.cancel(key);
            }
            self.drain_for(CANCEL_LIMIT)
        });
        if turned.is_err() {
            // It ends in the leak.
            self.break_off();
            return false;
        }
        let drained = self.is_idle();
        if !drained {
            self.abandon_all();
        }
        self.life.set(Life::Closed);
        self.pool.forget_starved();
        self.backend.close(&self.pool);
        drained
    }

    /// Gives up a driver that cannot enter the kernel any more, or whose loop has died. What others
    /// wait for is done without it: operations are told, descriptors that wait for their close are
    /// closed. Its memory must be leaked.
    pub(crate) fn break_off(&self) {
        if self.life.replace(Life::Broken) != Life::Open {
            return;
        }
        // Whatever the panic came from may hold the queue; then nothing in it is waited for.
        if let Ok(mut requests) = self.requests.try_borrow_mut() {
            requests.clear();
        }
        self.backend.break_off();
        self.abandon_all();
    }

    /// Tells the operations that no completion comes.
    fn abandon_all(&self) {
        for finishing in [true, false] {
            for key in self.slots.keys_in_flight(finishing) {
                self.slots.abandon(key);
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.slots.in_flight() == 0
            && self.requests.borrow().is_empty()
            && !self.backend.has_unsubmitted()
    }

    /// Cancels what need not finish, also what is armed again meanwhile, and turns until nothing is
    /// left or the time is over.
    ///
    /// # Errors
    ///
    /// Where the driver cannot be turned.
    fn drain_for(&self, limit: Duration) -> io::Result<()> {
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let deadline = self.now().saturating_add(limit);
        loop {
            for key in self.slots.keys_in_flight(false) {
                self.cancel(key);
            }
            if self.is_idle() || self.now() >= deadline {
                return Ok(());
            }
            // Closes give no completion to wait for.
            let park = if self.slots.in_flight() == 0 {
                Park::Poll
            } else {
                let step = self.now() + DRAIN_STEP.as_nanos() as u64;
                Park::Until(step.min(deadline))
            };
            self.park(park)?;
            self.reap();
        }
    }
}
