//! What is counted while the load runs.

use std::io;

use hdrhistogram::Histogram;

use super::outcome::{Outcome, micros};
use super::script::Script;
use super::window::{Measured, Phase};

/// Content is compared at one in this many receives: enough to notice, too few to cost.
const CHECK_EVERY: u64 = 8;

/// Latencies from 1 ns to 60 s with three digits.
const LATENCY_RANGE: (u64, u64, u8) = (1, 60_000_000_000, 3);

/// A request that leaves this much after its intended time is late, in nanoseconds.
const LATE: u64 = 100_000;

/// Which latencies belong to the window.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Belongs {
    /// Those of requests answered after its beginning; what is outstanding at its end included.
    ByAnswer,
    /// Those of requests that were intended within it, whenever their answers come.
    ByIntent,
}

/// Counters, latencies, and the moment that they refer to.
pub struct Tally {
    pub phase: Phase,
    /// Nanoseconds since the start, read once a batch.
    pub now: u64,
    belongs: Belongs,
    /// The window, in nanoseconds since the start; for ever away while not yet known.
    begin: u64,
    end: u64,
    latencies: Histogram<u64>,
    requests: u64,
    overall: u64,
    errors: u64,
    receives: u64,
    released: u64,
    late: u64,
    unanswered: u64,
}

impl Tally {
    /// # Errors
    /// When the histogram's bounds are refused, which they are not.
    pub fn new(belongs: Belongs) -> io::Result<Self> {
        let (lowest, highest, digits) = LATENCY_RANGE;
        Ok(Self {
            phase: Phase::WarmingUp,
            now: 0,
            belongs,
            begin: u64::MAX,
            end: u64::MAX,
            latencies: Histogram::new_with_bounds(lowest, highest, digits)
                .map_err(io::Error::other)?,
            requests: 0,
            overall: 0,
            errors: 0,
            receives: 0,
            released: 0,
            late: 0,
            unanswered: 0,
        })
    }

    pub fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        match phase {
            Phase::WarmingUp => {}
            Phase::Measuring => {
                self.begin = self.now;
                self.requests = 0;
                self.latencies.reset();
            }
            Phase::Draining => self.end = self.now,
        }
    }

    /// The end of the window, once it has come.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// One operation is done that began, or was to begin, at `since`.
    pub fn answered(&mut self, since: u64) {
        self.overall += 1;
        self.requests += u64::from(self.phase != Phase::Draining);
        if self.belongs == Belongs::ByAnswer || self.in_window(since) {
            self.latencies
                .saturating_record(self.now.saturating_sub(since));
        }
    }

    /// A request that was intended for a moment is seen to at `now`.
    pub fn released(&mut self, intended: u64) {
        if self.in_window(intended) {
            self.released += 1;
            self.late += u64::from(self.now.saturating_sub(intended) > LATE);
        }
    }

    /// The wait for a request's answer is given up: it counts as long as it lasted.
    pub fn unanswered(&mut self, intended: u64) {
        if self.in_window(intended) {
            self.unanswered += 1;
            self.latencies
                .saturating_record(self.now.saturating_sub(intended));
        }
    }

    pub fn error(&mut self) {
        self.errors += 1;
    }

    /// Looks at what was received as an answer of `answer` bytes, from its byte `offset` on: at
    /// some of it, at all while draining.
    pub fn check(
        &mut self,
        script: &Script,
        connection: usize,
        answer: usize,
        offset: usize,
        bytes: &[u8],
    ) {
        let whole = offset == 0 && bytes.len().is_multiple_of(answer);
        self.receives += 1;
        let good = if self.phase == Phase::Draining && whole {
            script.agrees_fully(connection, answer, bytes)
        } else if self.phase == Phase::Draining || self.receives.is_multiple_of(CHECK_EVERY) {
            script.agrees(connection, offset, bytes)
        } else {
            true
        };
        self.errors += u64::from(!good);
    }

    /// The figures, with what opening the connections added to all answers.
    pub fn outcome(&self, measured: &Measured, opening: u64) -> Outcome {
        let quantile = |share| micros(self.latencies.value_at_quantile(share));
        Outcome {
            requests: self.requests,
            requests_overall: self.overall + opening,
            errors: self.errors,
            unanswered: self.unanswered,
            seconds: measured.elapsed.as_secs_f64(),
            server_cpu_seconds: measured.server.as_secs_f64(),
            load_cpu_seconds: measured.own.as_secs_f64(),
            p50_micros: quantile(0.5),
            p90_micros: quantile(0.9),
            p99_micros: quantile(0.99),
            p999_micros: quantile(0.999),
            max_micros: micros(self.latencies.max()),
            late_percent: (self.released > 0)
                .then(|| 100.0 * self.late as f64 / self.released as f64),
            idle: None,
        }
    }

    fn in_window(&self, moment: u64) -> bool {
        (self.begin..self.end).contains(&moment)
    }
}

#[cfg(test)]
mod tests {
    use super::{Belongs, Tally};
    use crate::load::window::Phase;

    #[test]
    fn a_latency_counts_from_the_intended_time_if_that_is_in_the_window() {
        let mut tally = Tally::new(Belongs::ByIntent).expect("good bounds");
        tally.now = 1_000;
        tally.answered(500);
        tally.enter(Phase::Measuring);
        tally.now = 3_000_000;
        tally.answered(999);
        tally.released(2_999_000);
        tally.released(2_000_000);
        tally.answered(2_000_000);
        tally.enter(Phase::Draining);
        tally.now = 6_000_000;
        tally.answered(2_999_000);
        tally.answered(3_000_001);
        tally.unanswered(2_000_000);
        assert_eq!(tally.latencies.len(), 3);
        assert_eq!((tally.released, tally.late, tally.unanswered), (2, 1, 1));
        assert_eq!((tally.requests, tally.overall), (2, 5));
        assert!(tally.latencies.max() >= 4_000_000);
    }
}
