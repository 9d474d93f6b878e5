//! Waking loops: hearing a signal, and sending one to another loop's ring.

use crate::driver::{
    After, Attempt, Completion, Driver, Event, Interest, Operation, Signal, WAKE_USER_DATA,
};
use crate::sys::preflight::Preflight;
use crate::sys::ring::{Sqe, opcode, types};
use crate::sys::{errno, socket};
use std::os::fd::AsRawFd;
use std::sync::Arc;

/// Polls the loop's own eventfd for as long as the loop lives.
struct Listen {
    signal: Arc<Signal>,
}

/// Makes signals from plain threads end a park of this driver.
pub(crate) fn listen_for_wakes(driver: &Driver) {
    let signal = driver.signal().clone();
    driver.submit(Listen { signal });
}

// SAFETY: no memory; the descriptor is kept open by the signal.
unsafe impl Operation for Listen {
    fn prepare(&mut self, _: Preflight) -> Sqe {
        let fd = types::Fd(self.signal.eventfd.as_raw_fd());
        // Multishot reports each write to the counter once, so the counter is never read back: one
        // system call less a wake-up, and 2^64 of them before it is full.
        opcode::PollAdd::new(fd, socket::POLL_IN)
            .multi(true)
            .build()
    }

    fn attempt(&mut self, event: Option<Event>) -> Attempt {
        match event {
            None => Attempt::Wait(Interest::readable(&self.signal.eventfd)),
            // Each write to the counter is an event, here too, so it is never read.
            Some(_) => Attempt::Drained(Completion::one_of_many(0)),
        }
    }

    fn complete(&mut self, completion: Completion, driver: &Driver) -> After {
        if completion.result == -errno::ECANCELED {
            return After::Done;
        }
        driver.counters().wakes_received.add(1);
        if !completion.more() {
            driver.counters().rearms.add(1);
        }
        After::Again
    }
}

/// Posts a completion to another loop's ring.
struct WakeOther {
    target: Arc<Signal>,
}

/// Wakes the loop behind `target` with this loop's next submission, which follows the present poll.
pub(crate) fn wake_other(driver: &Driver, target: &Arc<Signal>) {
    if target.ring.is_some() {
        let target = target.clone();
        driver.submit_urgent(WakeOther { target });
    } else {
        target.eventfd.signal();
    }
}

// SAFETY: no memory; the descriptor of the target ring is a duplicate that the signal keeps open.
unsafe impl Operation for WakeOther {
    const FINISHES: bool = true;

    fn prepare(&mut self, _: Preflight) -> Sqe {
        let ring = self.target.ring.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        opcode::MsgRingData::new(types::Fd(ring), 0, WAKE_USER_DATA, None).build()
    }

    fn attempt(&mut self, _: Option<Event>) -> Attempt {
        self.target.eventfd.signal();
        Attempt::Done(Completion::ended(0))
    }

    fn complete(&mut self, completion: Completion, _: &Driver) -> After {
        if completion.result < 0 {
            // A full or unwilling ring: the eventfd always works.
            self.target.eventfd.signal();
        }
        After::Done
    }

    fn abandoned(&mut self) {
        self.target.eventfd.signal();
    }
}
