//! What one run of the generator reports to the parent.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One measurement window. All times are of the window alone, except that errors count from the
/// first request to the last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Requests answered.
    pub requests: u64,
    /// Wrong answers and lost connections.
    pub errors: u64,
    pub seconds: f64,
    /// CPU time of the server's process, user and system.
    pub server_cpu_seconds: f64,
    /// CPU time of the generator's own process.
    pub load_cpu_seconds: f64,
    /// From the enter that sent a request to the enter that brought its answer.
    pub p50_micros: f64,
    pub p99_micros: f64,
}

impl Outcome {
    /// Microseconds of the server's CPU for one request.
    pub fn server_cost(&self) -> f64 {
        self.server_cpu_seconds * 1e6 / self.requests as f64
    }

    /// Microseconds of the generator's CPU for one request.
    pub fn load_cost(&self) -> f64 {
        self.load_cpu_seconds * 1e6 / self.requests as f64
    }

    /// The part of the window, in percent, in which the server had a processor.
    pub fn server_busy(&self) -> f64 {
        100.0 * self.server_cpu_seconds / self.seconds
    }

    /// The same of the generator.
    pub fn load_busy(&self) -> f64 {
        100.0 * self.load_cpu_seconds / self.seconds
    }

    pub fn throughput(&self) -> f64 {
        self.requests as f64 / self.seconds
    }
}

/// A latency in microseconds.
pub fn micros(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64() * 1e6
}
