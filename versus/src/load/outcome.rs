//! What one run of the generator reports to the parent.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::results::Figure;

/// One measurement window. All times are of the window alone, except that errors count from the
/// first request to the last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Requests answered; in churn, connections.
    pub requests: u64,
    /// The same from the first request to the last: first exchanges, warm-up and draining included.
    /// What was counted over the server's whole life is to be divided by this.
    pub requests_overall: u64,
    /// Wrong answers and lost connections.
    pub errors: u64,
    /// Requests of the open loop that were intended in the window and had no answer long after it.
    pub unanswered: u64,
    pub seconds: f64,
    /// CPU time of the server's process, user and system.
    pub server_cpu_seconds: f64,
    /// CPU time of the generator's own process.
    pub load_cpu_seconds: f64,
    /// In the closed loop from the enter that sent a request to the enter that brought its answer,
    /// in the open loop from the time at which it was to be sent, in churn from before the socket
    /// to the end of the answer. Those without an answer count as long as they were waited for.
    pub p50_micros: f64,
    pub p90_micros: f64,
    pub p99_micros: f64,
    pub p999_micros: f64,
    pub max_micros: f64,
    /// How many requests of the open loop left over 100 µs after their time because the generator
    /// was busy or had no processor.
    pub late_percent: Option<f64>,
    pub idle: Option<Idle>,
}

/// The server's resident memory (VmRSS) before and after connections that are then at rest, in
/// bytes. What the kernel holds for their sockets is in no process's account.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Idle {
    pub connections: usize,
    pub memory_before: u64,
    pub memory_after: u64,
}

impl Idle {
    /// Bytes for one connection at rest.
    pub fn each(&self) -> f64 {
        (self.memory_after as f64 - self.memory_before as f64) / self.connections as f64
    }
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

    /// The part of the window, in percent, in which the server had a processor; over 100 on
    /// several.
    pub fn server_busy(&self) -> f64 {
        100.0 * self.server_cpu_seconds / self.seconds
    }

    /// The same of the generator, which spins in an open loop whose next request is near.
    pub fn load_busy(&self) -> f64 {
        100.0 * self.load_cpu_seconds / self.seconds
    }

    /// Operations a second; in an open loop the rate that was achieved.
    pub fn throughput(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// All that was measured: times in nanoseconds, memory in bytes.
    pub fn figures(&self) -> BTreeMap<Figure, f64> {
        let mut figures = BTreeMap::from([
            (Figure::Throughput, self.throughput()),
            (Figure::ServerBusy, self.server_busy()),
            (Figure::LoadBusy, self.load_busy()),
            (Figure::Errors, self.errors as f64),
        ]);
        if self.requests > 0 {
            figures.extend([
                (Figure::Cpu, 1e3 * self.server_cost()),
                (Figure::LoadCpu, 1e3 * self.load_cost()),
                (Figure::P50, 1e3 * self.p50_micros),
                (Figure::P90, 1e3 * self.p90_micros),
                (Figure::P99, 1e3 * self.p99_micros),
                (Figure::P999, 1e3 * self.p999_micros),
                (Figure::Max, 1e3 * self.max_micros),
            ]);
        }
        if let Some(idle) = &self.idle {
            figures.insert(Figure::Memory, idle.each());
        }
        if let Some(late) = self.late_percent {
            figures.insert(Figure::Late, late);
            figures.insert(Figure::Unanswered, self.unanswered as f64);
        }
        figures
    }
}

/// A latency in microseconds.
pub fn micros(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::{Idle, Outcome};
    use crate::results::Figure;

    #[test]
    fn figures_are_in_nanoseconds_and_bytes() {
        let outcome = Outcome {
            requests: 1_000,
            requests_overall: 1_500,
            errors: 2,
            unanswered: 0,
            seconds: 0.5,
            server_cpu_seconds: 0.25,
            load_cpu_seconds: 0.1,
            p50_micros: 3.0,
            p90_micros: 4.0,
            p99_micros: 5.0,
            p999_micros: 6.0,
            max_micros: 7.0,
            late_percent: Some(12.5),
            idle: Some(Idle {
                connections: 10,
                memory_before: 1_000,
                memory_after: 21_000,
            }),
        };
        let figures = outcome.figures();
        assert_eq!(figures[&Figure::Cpu].round(), 250_000.0);
        assert_eq!(figures[&Figure::Throughput], 2_000.0);
        assert_eq!(figures[&Figure::P999].round(), 6_000.0);
        assert_eq!(figures[&Figure::Memory], 2_000.0);
    }
}
