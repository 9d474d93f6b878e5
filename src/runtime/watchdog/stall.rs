//! [`Stall`]: what the watchdog tells, and the report of it.

use crate::sys::contained;
use std::fmt;
use std::io::Write;
use std::panic::Location;
use std::path::PathBuf;
use std::time::Duration;

/// A loop that has not ticked for longer than the [`Watchdog`](crate::Watchdog)'s limit, as it was
/// found. Its `Display` tells all of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stall {
    /// The loop's number in its runtime, from 0.
    pub index: usize,
    /// The name of the loop's thread.
    pub name: String,
    /// Where the task was spawned that is being polled. `None` if the loop is at its own work.
    pub task: Option<&'static Location<'static>>,
    /// How long the tick has taken so far, by what it can answer for.
    pub duration: Duration,
    /// The stack of the loop's thread, innermost first, down to the task's poll. Empty without the
    /// feature `backtrace`, and where the thread did not answer in time.
    pub frames: Vec<StallFrame>,
}

/// One function on the stack of a [`Stall`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StallFrame {
    /// An address in the instruction that it is at. Functions that were inlined into each other have the same.
    pub address: usize,
    /// The function's name, if the program has symbols.
    pub function: Option<String>,
    /// The source file, if the program has debug information.
    pub file: Option<PathBuf>,
    /// The line in it.
    pub line: Option<u32>,
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, name, millis) = (self.index, &self.name, self.duration.as_millis());
        write!(f, "loop {index} ({name}) has not ticked for {millis} ms: ")?;
        match self.task {
            Some(site) => write!(f, "it polls the task that was spawned at {site}")?,
            None => write!(f, "it is at its own work, not in a task")?,
        }
        for (number, frame) in self.frames.iter().enumerate() {
            write!(f, "\n{number:4}: {frame}")?;
        }
        Ok(())
    }
}

impl fmt::Display for StallFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.function {
            Some(function) => f.write_str(function)?,
            None => write!(f, "{:#x}", self.address)?,
        }
        if let (Some(file), Some(line)) = (&self.file, self.line) {
            write!(f, "\n          at {}:{line}", file.display())?;
        }
        Ok(())
    }
}

/// What is done at a stall where the program does not say.
pub(super) fn report(stall: &Stall) {
    contained(|| emit(stall));
    // One write, so that it stays together. Where the standard error is closed there is nobody to
    // tell.
    let text = format!("ringmill: {stall}\n");
    let _ = std::io::stderr().write_all(text.as_bytes());
}

#[cfg(feature = "tracing")]
fn emit(stall: &Stall) {
    let task = stall.task.map(tracing::field::display);
    tracing::warn!(
        index = stall.index,
        name = stall.name,
        task,
        millis = stall.duration.as_millis() as u64,
        "a loop does not tick"
    );
}

/// Without the feature `tracing` there is only the report.
#[cfg(not(feature = "tracing"))]
fn emit(_: &Stall) {}
