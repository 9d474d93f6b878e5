//! What one run of the generator reports to the parent.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::results::Figure;

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
    /// For the table; times in nanoseconds.
    pub fn figures(&self) -> BTreeMap<Figure, f64> {
        let requests = self.requests as f64;
        [
            (Figure::Cpu, self.server_cpu_seconds * 1e9 / requests),
            (Figure::Throughput, requests / self.seconds),
            (Figure::LoadCpu, self.load_cpu_seconds * 1e9 / requests),
            (
                Figure::ServerBusy,
                100.0 * self.server_cpu_seconds / self.seconds,
            ),
            (
                Figure::LoadBusy,
                100.0 * self.load_cpu_seconds / self.seconds,
            ),
            (Figure::P50, self.p50_micros * 1e3),
            (Figure::P99, self.p99_micros * 1e3),
            (Figure::Errors, self.errors as f64),
        ]
        .into()
    }
}

/// A latency in microseconds.
pub fn micros(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64() * 1e6
}
