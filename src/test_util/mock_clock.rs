//! [`MockClock`]: the time of a runtime, in the hands of a test.

use crate::event_loop::{LoopClock, VirtualClock, context};
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// The time of one runtime, which the test moves. Clones are the same clock; it may be used on any
/// thread.
///
/// All that waits for time in the runtime goes by it: [`Instant::now`], sleeps, timeouts, intervals,
/// on every loop and on the threads of its pools. What measures does not: counters, the
/// [`Watchdog`](crate::Watchdog), how long a runtime takes to end. On other threads, and outside of
/// `block_on`, [`now`](MockClock::now) tells its time.
///
/// Timers fire at their own instants, not up to 16.4 µs later, and those of one instant in the order
/// in which they were armed, as far as they are on one loop.
///
/// ```
/// use ringmill::test_util::MockClock;
/// use ringmill::time::{Instant, sleep};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clock = MockClock::autojump();
/// let runtime = ringmill::Builder::new().loops(1).mock_clock(&clock).build()?;
/// runtime.block_on(async {
///     let start = Instant::now();
///     sleep(Duration::from_secs(3600)).await; // takes no time
///     assert_eq!(start.elapsed(), Duration::from_secs(3600));
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MockClock(Arc<VirtualClock>);

impl MockClock {
    /// A clock that stands still until it is [advanced](MockClock::advance). Where nobody does that,
    /// what waits for time waits for ever.
    ///
    /// ```
    /// use ringmill::test_util::MockClock;
    /// use ringmill::time::{sleep, timeout};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let clock = MockClock::manual();
    /// let runtime = ringmill::Builder::new().loops(1).mock_clock(&clock).build()?;
    /// runtime.block_on(async {
    ///     let nap = ringmill::spawn(sleep(Duration::from_secs(10)));
    ///     clock.advance(Duration::from_secs(9));
    ///     ringmill::yield_now().await;
    ///     assert!(!nap.is_finished());
    ///     clock.advance(Duration::from_secs(1));
    ///     nap.await.unwrap();
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn manual() -> Self {
        MockClock(VirtualClock::new(0.0, None))
    }

    /// A clock that goes at `rate` seconds for each real one.
    ///
    /// # Panics
    ///
    /// If the rate is negative or no finite number.
    #[track_caller]
    pub fn with_rate(rate: f64) -> Self {
        check(rate);
        MockClock(VirtualClock::new(rate, None))
    }

    /// A clock that stands still while anything happens, and jumps to the next timer of any loop as
    /// soon as [all wait](crate::test_util#what-all-wait-means).
    ///
    /// Where there are no timers either it stands, and the runtime waits for the outside.
    pub fn autojump() -> Self {
        MockClock(VirtualClock::new(0.0, Some(0)))
    }

    /// The clock of the loop that runs on this thread; `None` if that is the real one, or no loop
    /// runs here.
    pub fn current() -> Option<Self> {
        context::try_current()?.virtual_clock().map(MockClock)
    }

    /// The present.
    pub fn now(&self) -> Instant {
        Instant::from_nanos(self.0.now())
    }

    /// How much time has passed since the clock was made, by its own reckoning.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.now() - VirtualClock::start())
    }

    /// Moves on by `duration`, at once.
    ///
    /// Timers that this makes due fire at their loops' next turns, in order, and all find the new
    /// time: to see them one by one, advance by steps.
    pub fn advance(&self, duration: Duration) {
        self.0.advance(nanos(duration));
    }

    /// Moves on to `instant`, at once; not at all if it has passed.
    pub fn advance_to(&self, instant: Instant) {
        self.0.advance_to(instant.as_nanos());
    }

    /// Goes at `rate` seconds for each real one from now on; at 0 it stands still.
    ///
    /// # Panics
    ///
    /// If the rate is negative or no finite number.
    #[track_caller]
    pub fn set_rate(&self, rate: f64) {
        check(rate);
        self.0.set_rate(rate);
    }

    /// Jumps to the next timer from now on once all have waited for `threshold`, in real time; or
    /// never, with `None`. The threshold of [`autojump`](MockClock::autojump) is zero; where
    /// something outside of the runtime is waited for, such as another process, it should be longer
    /// than that takes.
    pub fn set_autojump(&self, threshold: impl Into<Option<Duration>>) {
        self.0.set_autojump(threshold.into().map(nanos));
    }

    /// The clock as loops have it.
    pub(crate) fn for_loops(&self) -> LoopClock {
        LoopClock::mock(self.0.clone())
    }
}

#[track_caller]
fn check(rate: f64) {
    assert!(
        rate >= 0.0 && rate.is_finite(),
        "a clock's rate is a finite number from 0 on, not {rate}"
    );
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
