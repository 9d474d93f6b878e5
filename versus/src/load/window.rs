//! The phases of a run and the clocks at both ends of its middle one.

use std::io;
use std::time::{Duration, Instant};

use crate::cpu_clock::CpuClock;

/// What the generator does at the moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    WarmingUp,
    Measuring,
    /// No new requests; the outstanding answers are read and checked in full.
    Draining,
}

/// Readings of all clocks at one moment.
#[derive(Clone, Copy)]
struct Reading {
    at: Instant,
    server: Duration,
    own: Duration,
}

/// Length and cost of the measured window.
pub struct Measured {
    pub elapsed: Duration,
    pub server: Duration,
    pub own: Duration,
}

/// Goes from phase to phase as time passes.
pub struct Window {
    server: CpuClock,
    length: Duration,
    phase: Phase,
    until: Instant,
    begin: Option<Reading>,
    measured: Option<Measured>,
}

impl Window {
    pub fn new(server: CpuClock, (warm_up, length): (Duration, Duration), now: Instant) -> Self {
        Self {
            server,
            length,
            phase: Phase::WarmingUp,
            until: now + warm_up,
            begin: None,
            measured: None,
        }
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Moves on when the phase's time is over; whether it did.
    ///
    /// # Errors
    /// When the server's process has ended.
    pub fn advance(&mut self, now: Instant) -> io::Result<bool> {
        if now < self.until || self.phase == Phase::Draining {
            return Ok(false);
        }
        let reading = Reading {
            at: Instant::now(),
            server: self.server.read()?,
            own: CpuClock::OWN.read()?,
        };
        match self.begin {
            None => {
                self.phase = Phase::Measuring;
                self.until = reading.at + self.length;
                self.begin = Some(reading);
            }
            Some(begin) => {
                self.phase = Phase::Draining;
                self.measured = Some(Measured {
                    elapsed: reading.at - begin.at,
                    server: reading.server.saturating_sub(begin.server),
                    own: reading.own.saturating_sub(begin.own),
                });
            }
        }
        Ok(true)
    }

    /// The window, once it is over.
    pub fn measured(self) -> Option<Measured> {
        self.measured
    }
}
