//! Ticks at a fixed period.

use super::{Instant, Sleep, sleep_until};
use futures_core::Stream;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// A tick taken this late counts as missed (or a period late, if that is less): more than what a
/// loop under load adds, so that its usual lateness does not shift the ticks of
/// [`MissedTickPolicy::Delay`].
const LATE: Duration = Duration::from_millis(1);

/// Ticks every `period`, the first time at once.
///
/// # Panics
///
/// If `period` is zero.
///
/// # Examples
///
/// ```
/// use ringmill::time::interval;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// ringmill::block_on(async {
///     let mut every = interval(Duration::from_millis(1));
///     let first = every.tick().await;
///     let second = every.tick().await;
///     assert_eq!(second - first, Duration::from_millis(1));
/// })?;
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    let now = Instant::now();
    Interval::new(Sleep::over(now), period)
}

/// Ticks at `start` and every `period` after it.
///
/// # Panics
///
/// If `period` is zero.
///
/// # Examples
///
/// ```
/// use ringmill::time::{Instant, interval_at};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// ringmill::block_on(async {
///     let start = Instant::now() + Duration::from_millis(2);
///     let mut every = interval_at(start, Duration::from_millis(1));
///     assert_eq!(every.tick().await, start);
/// })?;
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    Interval::new(sleep_until(start), period)
}

/// Ticks at a fixed period: what [`interval`] and [`interval_at`] return.
///
/// All its ticks share one allocation, so that it may be moved freely (it is `Unpin`). No timer is
/// armed while nobody waits for a tick. It is also a [`Stream`] of the same ticks, without an end.
#[derive(Debug)]
pub struct Interval {
    /// Ends at the next tick.
    next: Pin<Box<Sleep>>,
    period: Duration,
    policy: MissedTickPolicy,
}

/// What an [`Interval`] does when ticks were not taken in time.
///
/// With a period of 10 ms and a task that was busy from 5 to 34 ms, the ticks are taken at:
///
/// | policy | | | | | | | |
/// |---|---|---|---|---|---|---|---|
/// | `Burst` | 0 | 34 | 34 | 34 | 40 | 50 | 60 |
/// | `Delay` | 0 | 34 | | | 44 | 54 | 64 |
/// | `Skip` | 0 | 34 | | | 40 | 50 | 60 |
///
/// A tick is missed when it is taken 1 ms late (or a whole period late, if that is less).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MissedTickPolicy {
    /// Makes up for missed ticks at once: their number stays right. The default.
    #[default]
    Burst,
    /// Begins anew from the late tick: the next one comes a whole period after it.
    Delay,
    /// Leaves missed ticks out: the next one comes at a multiple of the period.
    Skip,
}

impl Interval {
    #[track_caller]
    fn new(first: Sleep, period: Duration) -> Interval {
        assert!(
            !period.is_zero(),
            "the period of an interval must not be zero"
        );
        Interval {
            next: Box::pin(first),
            period,
            policy: MissedTickPolicy::default(),
        }
    }

    /// Waits for the next tick and gives the time for which it was planned.
    ///
    /// # Panics
    ///
    /// On a thread that runs no loop.
    ///
    /// # Cancel safety
    ///
    /// A dropped `tick` loses none: the next call waits for the same tick.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// Takes the next tick if its time has come; else wakes `cx` then.
    ///
    /// Only the task of the latest call is woken.
    ///
    /// # Panics
    ///
    /// On a thread that runs no loop.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(self.next.as_mut().poll(cx));
        let tick = self.next.deadline();
        let next = self.policy.after(tick, Instant::now(), self.period);
        self.next.as_mut().reset(next);
        Poll::Ready(tick)
    }

    /// Puts the next tick one period from now.
    pub fn reset(&mut self) {
        let next = Instant::now() + self.period;
        self.next.as_mut().reset(next);
    }

    /// The time between ticks.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// What happens to ticks that were not taken in time.
    pub fn missed_tick_policy(&self) -> MissedTickPolicy {
        self.policy
    }

    /// Sets what happens to ticks that were not taken in time.
    ///
    /// # Examples
    ///
    /// ```
    /// use ringmill::time::{MissedTickPolicy, interval};
    /// use std::time::Duration;
    ///
    /// let mut report = interval(Duration::from_secs(10));
    /// report.set_missed_tick_policy(MissedTickPolicy::Skip);
    /// ```
    pub fn set_missed_tick_policy(&mut self, policy: MissedTickPolicy) {
        self.policy = policy;
    }
}

impl MissedTickPolicy {
    /// The tick after the one planned for `tick` and taken at `now`.
    fn after(self, tick: Instant, now: Instant, period: Duration) -> Instant {
        let late = now - tick;
        match self {
            MissedTickPolicy::Delay if late >= LATE.min(period) => now + period,
            MissedTickPolicy::Skip if late >= period => {
                let into = late.as_nanos() % period.as_nanos();
                // Less than `late`, which fits.
                now + period - Duration::from_nanos(into as u64)
            }
            _ => tick + period,
        }
    }
}

impl Stream for Interval {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

#[cfg(test)]
mod tests {
    use super::MissedTickPolicy::{Burst, Delay, Skip};
    use super::*;

    /// When the ticks of the example in the documentation are taken, in ms.
    fn taken(policy: MissedTickPolicy) -> Vec<u64> {
        const MS: u64 = 1_000_000;
        let period = Duration::from_millis(10);
        let (mut tick, mut now) = (Instant::from_nanos(0), Instant::from_nanos(0));
        let mut taken = Vec::new();
        while taken.len() < 7 {
            now = now.max(tick);
            taken.push(now.as_nanos() / MS);
            tick = policy.after(tick, now, period);
            if now.as_nanos() == 0 {
                now = Instant::from_nanos(34 * MS);
            }
        }
        taken
    }

    #[test]
    fn missed_ticks_are_made_up_put_off_or_left_out() {
        assert_eq!(taken(Burst), [0, 34, 34, 34, 40, 50, 60]);
        assert_eq!(taken(Delay)[..5], [0, 34, 44, 54, 64]);
        assert_eq!(taken(Skip)[..5], [0, 34, 40, 50, 60]);
    }

    #[test]
    fn the_usual_lateness_shifts_no_tick() {
        let period = Duration::from_millis(10);
        let tick = Instant::from_nanos(1 << 40);
        for policy in [Burst, Delay, Skip] {
            let now = tick + Duration::from_micros(900);
            assert_eq!(policy.after(tick, now, period), tick + period);
        }
    }

    #[test]
    fn the_end_of_time_has_no_next_tick() {
        let end = Instant::from_nanos(u64::MAX);
        for policy in [Burst, Delay, Skip] {
            let late = policy.after(Instant::from_nanos(0), end, Duration::MAX);
            assert_eq!(late, end);
            assert_eq!(policy.after(end, end, Duration::from_nanos(3)), end);
        }
    }

    #[test]
    #[should_panic = "must not be zero"]
    fn a_period_of_zero_is_refused() {
        interval(Duration::ZERO);
    }
}
