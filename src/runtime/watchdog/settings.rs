//! The settings of a watchdog.

use super::stall::{self, Stall};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The default limit. Code that was not optimised is slower, but whoever runs it is about to look
/// for what is slow.
const LIMIT: Duration = Duration::from_millis(if cfg!(debug_assertions) { 25 } else { 100 });

type OnStall = Arc<dyn Fn(&Stall) + Send + Sync>;

/// When to tell of a loop that does not tick, and whom; see [`Builder::watchdog`].
///
/// A loop runs its tasks by turns, so a task that computes for long, or blocks in a system call or
/// on a lock, holds up every other one of its loop. The watchdog finds it out: a tick (one round of
/// the loop) that takes longer than the limit is told of once, while it lasts.
///
/// What counts is the time that the tick itself can answer for: the processor time of its thread,
/// and time that the thread is blocked. A loop whose thread waits for a processor, because the
/// machine has more to do than it can, is not blamed.
///
/// [`LoopStats::stalls`](crate::LoopStats::stalls) and
/// [`longest_stall`](crate::LoopStats::longest_stall) count.
///
/// ```
/// use ringmill::{Builder, Watchdog};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let watchdog = Watchdog::new(Duration::from_millis(50)).on_stall(|stall| {
///     eprintln!("{stall}");
/// });
/// let runtime = Builder::new().loops(1).watchdog(watchdog).build()?;
/// # drop(runtime);
/// # Ok(())
/// # }
/// ```
///
/// # What it costs
///
/// A store for each poll of a task, some more for each tick. The watchdog's thread looks at the loops
/// four times in each limit while any of them has something to do, and sleeps once they have all
/// rested for a second.
///
/// With the feature `backtrace`, a thread that stalls gets a real-time signal that was free (below
/// SIGRTMAX); its handler walks the stack. A system call that the task is blocked in is restarted,
/// or fails with EINTR where the kernel never restarts it (signal(7)).
///
/// [`Builder::watchdog`]: crate::Builder::watchdog
#[derive(Clone)]
pub struct Watchdog {
    pub(super) limit: Duration,
    pub(super) on_stall: OnStall,
}

impl Watchdog {
    /// Tells of ticks that take longer than `limit`, at least 1 ms, on the standard error.
    pub fn new(limit: Duration) -> Self {
        Watchdog {
            limit,
            on_stall: Arc::new(stall::report),
        }
    }

    /// Calls this for each stall, instead of a report on the standard error. It runs on the
    /// watchdog's thread, which watches nothing meanwhile; a panic of it stays there.
    pub fn on_stall(mut self, hook: impl Fn(&Stall) + Send + Sync + 'static) -> Self {
        self.on_stall = Arc::new(hook);
        self
    }

    /// The longest that a tick may take.
    pub fn limit(&self) -> Duration {
        self.limit
    }
}

impl Default for Watchdog {
    /// A limit of 25 ms where debug assertions are on, else of 100 ms.
    fn default() -> Self {
        Watchdog::new(LIMIT)
    }
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchdog")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
