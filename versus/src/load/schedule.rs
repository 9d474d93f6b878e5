//! The open loop's timetable: request `k` is intended for `begin + k × interval`, on connection
//! `k mod connections`.
//!
//! The spacing is constant, as in wrk2: every server faces the same arrivals, and the latency that
//! comes out is the server's own and its queue's, not that of chance bursts. So the intended time
//! of any request follows from its number, and nothing has to be remembered for those that wait.

/// Intended times, in nanoseconds since the start.
#[derive(Clone, Copy)]
pub struct Schedule {
    interval: f64,
    connections: usize,
    begin: u64,
    next: u64,
}

impl Schedule {
    /// `rate` requests a second, over all connections.
    pub fn new(rate: f64, connections: usize) -> Self {
        Self {
            interval: 1e9 / rate,
            connections,
            begin: u64::MAX,
            next: 0,
        }
    }

    pub fn begin(&mut self, now: u64) {
        self.begin = now;
    }

    /// When the next request is due.
    pub fn next(&self) -> u64 {
        self.at(self.next)
    }

    /// Goes on to the one after; whose turn it was.
    pub fn take(&mut self) -> usize {
        let turn = (self.next % self.connections as u64) as usize;
        self.next += 1;
        turn
    }

    /// The intended time of a connection's `nth` request.
    pub fn of(&self, connection: usize, nth: u64) -> u64 {
        self.at(connection as u64 + nth * self.connections as u64)
    }

    fn at(&self, number: u64) -> u64 {
        self.begin
            .saturating_add((number as f64 * self.interval) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;

    #[test]
    fn turns_and_times_agree() {
        let mut schedule = Schedule::new(1_000_000.0, 3);
        schedule.begin(500);
        for number in 0..10 {
            let due = schedule.next();
            assert_eq!(due, 500 + number * 1_000);
            let connection = schedule.take();
            assert_eq!(connection as u64, number % 3);
            assert_eq!(schedule.of(connection, number / 3), due);
        }
    }
}
