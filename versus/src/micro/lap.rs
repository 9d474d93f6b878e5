//! What the measured run took.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::cpu_clock::CpuClock;
use crate::results::Figure;
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
    /// For the table; times in nanoseconds.
    pub fn figures(&self) -> BTreeMap<Figure, f64> {
        let operations = self.operations as f64;
        [
            (Figure::Elapsed, self.seconds * 1e9 / operations),
            (Figure::Cpu, self.cpu_seconds * 1e9 / operations),
            (Figure::Throughput, operations / self.seconds),
        ]
        .into()
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
