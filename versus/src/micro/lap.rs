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
    /// How many there were.
    pub operations: u64,
    /// By the wall clock.
    pub seconds: f64,
    /// CPU time of the whole process, user and system, all threads.
    pub cpu_seconds: f64,
    /// Bytes of the heap for one item, where that is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<f64>,
    /// As taken, by a contender that has several.
    pub driver: Option<Driver>,
}

impl Lap {
    /// All that is known of it; times in nanoseconds.
    pub fn figures(&self) -> BTreeMap<Figure, f64> {
        let operations = self.operations as f64;
        let timed = [
            (Figure::Elapsed, self.seconds * 1e9 / operations),
            (Figure::Cpu, self.cpu_seconds * 1e9 / operations),
            (Figure::Throughput, operations / self.seconds),
        ];
        let memory = self.memory.map(|bytes| (Figure::Memory, bytes));
        timed.into_iter().chain(memory).collect()
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
    /// # Errors
    /// When the CPU clock cannot be read.
    pub fn start() -> io::Result<Self> {
        let cpu = CpuClock::OWN.read()?;
        Ok(Self {
            at: Instant::now(),
            cpu,
        })
    }

    /// # Errors
    /// When the CPU clock cannot be read.
    pub fn stop(self, operations: u64) -> io::Result<Lap> {
        Ok(Lap {
            operations,
            seconds: self.at.elapsed().as_secs_f64(),
            cpu_seconds: CpuClock::OWN.read()?.saturating_sub(self.cpu).as_secs_f64(),
            memory: None,
            driver: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Lap;
    use crate::results::Figure;

    #[test]
    fn figures_are_of_one_operation_and_memory_is_there_if_measured() {
        let mut lap = Lap {
            operations: 1_000,
            seconds: 2e-6,
            cpu_seconds: 1e-6,
            memory: None,
            driver: None,
        };
        let close = |one: f64, other: f64| (one / other - 1.0).abs() < 1e-9;
        assert!(close(lap.figures()[&Figure::Elapsed], 2.0));
        assert!(close(lap.figures()[&Figure::Cpu], 1.0));
        assert!(close(lap.figures()[&Figure::Throughput], 5e8));
        assert_eq!(lap.figures().get(&Figure::Memory), None);
        lap.memory = Some(128.0);
        assert_eq!(lap.figures()[&Figure::Memory], 128.0);
    }
}
