//! Where a run is and how long it will take, on standard error.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Told of every measurement before it is made.
pub struct Progress {
    start: Instant,
    all: usize,
    done: usize,
    /// One line that is written over; otherwise a line for each case.
    terminal: bool,
    case: String,
}

impl Progress {
    /// Of so many measurements.
    pub fn new(all: usize) -> Self {
        Self {
            start: Instant::now(),
            all,
            done: 0,
            terminal: io::stderr().is_terminal(),
            case: String::new(),
        }
    }

    /// The next one begins.
    pub fn step(&mut self, workload: &str, case: &str, contender: &str, round: usize) {
        let left = self.left();
        let case = format!("{workload}: {case}");
        let place = format!("[{}/{}, {left}] {case}", self.done + 1, self.all);
        // What cannot be written to standard error is not worth a run.
        if self.terminal {
            let _ = write!(
                io::stderr(),
                "\r\x1b[K{place}: {contender}, round {}",
                round + 1
            );
            let _ = io::stderr().flush();
        } else if self.case != case {
            let _ = writeln!(io::stderr(), "{place}");
        }
        self.case = case;
        self.done += 1;
    }

    /// Makes room for a table.
    pub fn clear(&self) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    fn left(&self) -> String {
        if self.done == 0 {
            return String::from("begins");
        }
        let each = self.start.elapsed() / self.done as u32;
        let left: Duration = each * self.all.saturating_sub(self.done) as u32;
        match left.as_secs() {
            seconds @ 0..120 => format!("{seconds} s left"),
            seconds => format!("{} min left", seconds / 60),
        }
    }
}
