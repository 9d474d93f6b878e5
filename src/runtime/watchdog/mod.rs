//! [`Watchdog`]: tells of a task that holds its loop up.
//!
//! One plain thread a runtime looks at the loops, a few times in each limit: whether one is still in
//! the tick that it was in at the look before, and how much of the time between them that tick can
//! answer for (`judge`). The loops help with a store for each poll and read no clock for it. While
//! they all rest, the thread sleeps, and the first one that ticks wakes it.

mod judge;
mod settings;
mod stall;
mod thread;
#[cfg(feature = "backtrace")]
mod trace;
#[cfg(not(feature = "backtrace"))]
#[path = "trace_off.rs"]
mod trace;

pub use settings::Watchdog;
pub use stall::{Stall, StallFrame};
pub(super) use thread::WatchdogThread;
