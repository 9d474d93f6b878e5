//! What the measured run took.

use std::io;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::cpu_clock::CpuClock;
use crate::server::Driver;

/// A run, from the first operation to the last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lap {
    /// How many were done.
    pub operations: u64,
    /// By the wall clock.
    pub seconds: f64,
    /// CPU time of the whole process, user and system, all threads.
    pub cpu_seconds: f64,
    /// As taken, by a contender that has several.
    pub driver: Option<Driver>,
}

impl Lap {
    /// Nanoseconds from one operation to the next.
    pub fn elapsed_each(&self) -> f64 {
        self.seconds * 1e9 / self.operations as f64
    }

    /// Nanoseconds of CPU time for one operation, on all processors.
    pub fn cpu_each(&self) -> f64 {
        self.cpu_seconds * 1e9 / self.operations as f64
    }

    /// Notes which driver it was.
    pub fn on(mut self, driver: Driver) -> Self {
        self.driver = Some(driver);
        self
    }
}

/// Both clocks, running.
pub struct Stopwatch {
    at: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// Starts them.
    ///
    /// # Errors
    /// When the CPU clock cannot be read.
    pub fn start() -> io::Result<Self> {
        let cpu = CpuClock::OWN.read()?;
        Ok(Self {
            at: Instant::now(),
            cpu,
        })
    }

    /// The lap since the start, of so many operations.
    ///
    /// # Errors
    /// When the CPU clock cannot be read.
    pub fn stop(self, operations: u64) -> io::Result<Lap> {
        Ok(Lap {
            operations,
            seconds: self.at.elapsed().as_secs_f64(),
            cpu_seconds: CpuClock::OWN.read()?.saturating_sub(self.cpu).as_secs_f64(),
            driver: None,
        })
    }
}
