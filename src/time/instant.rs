//! A point in the loop's time.

use crate::event_loop::context;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::Duration;

/// A point in time of the loop's monotonic clock, in nanoseconds.
///
/// Where `std::time::Instant` panics, sums and differences stop at the ends of time: the clock's
/// zero, and 584 years later the far future, which no timer ever reaches. So
/// `Instant::now() + Duration::MAX` means "never".
///
/// ```
/// use ringmill::time::Instant;
/// use std::time::Duration;
///
/// let start = Instant::now();
/// let end = start + Duration::from_millis(20);
/// assert_eq!(end - start, Duration::from_millis(20));
/// assert_eq!(start - end, Duration::ZERO);
/// assert!(start + Duration::MAX > end);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The present, by the clock of the current loop, or of the runtime whose pool's thread this is;
    /// on other threads by `CLOCK_MONOTONIC`.
    pub fn now() -> Instant {
        Instant(context::now())
    }

    pub(crate) const fn from_nanos(nanos: u64) -> Instant {
        Instant(nanos)
    }

    pub(crate) const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long ago this was; zero for the future.
    pub fn elapsed(&self) -> Duration {
        Instant::now().duration_since(*self)
    }

    /// The time from `earlier` to this; zero if `earlier` is later.
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The time from `earlier` to this, or `None` if `earlier` is later.
    pub fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration::from_nanos)
    }

    /// `duration` after this, or `None` if that is past the end of time.
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        let nanos = u64::try_from(duration.as_nanos()).ok()?;
        self.0.checked_add(nanos).map(Instant)
    }

    /// `duration` before this, or `None` if that is before the clock's zero.
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        let nanos = u64::try_from(duration.as_nanos()).ok()?;
        self.0.checked_sub(nanos).map(Instant)
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// `duration` after this; the far future if that is past the end of time.
    fn add(self, duration: Duration) -> Instant {
        self.checked_add(duration).unwrap_or(Instant(u64::MAX))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    /// `duration` before this; the clock's zero if that is before it.
    fn sub(self, duration: Duration) -> Instant {
        self.checked_sub(duration).unwrap_or(Instant(0))
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// The time from `earlier` to this; zero if `earlier` is later.
    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}

/// Keeps the distance to the present. Each conversion reads both clocks, so that one there and back
/// is off by the time between the readings, some tens of nanoseconds.
impl From<std::time::Instant> for Instant {
    fn from(instant: std::time::Instant) -> Instant {
        let present = std::time::Instant::now();
        match instant.checked_duration_since(present) {
            Some(ahead) => Instant::now() + ahead,
            None => Instant::now() - present.duration_since(instant),
        }
    }
}

/// Keeps the distance to the present. What `std` cannot express becomes 30 years away.
impl From<Instant> for std::time::Instant {
    fn from(instant: Instant) -> std::time::Instant {
        /// Tokio's far future: long enough, and within every platform's range.
        const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);
        let (present, now) = (std::time::Instant::now(), Instant::now());
        match instant.checked_duration_since(now) {
            Some(ahead) => present.checked_add(ahead).unwrap_or(present + FAR),
            None => {
                let behind = now - instant;
                present.checked_sub(behind).unwrap_or(present)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: Instant = Instant(5_000);

    #[test]
    fn sums_and_differences_stop_at_the_ends_of_time() {
        let step = Duration::from_nanos(7_000);
        assert_eq!(MIDDLE + step, Instant(12_000));
        assert_eq!(MIDDLE - step, Instant(0));
        assert_eq!(MIDDLE + Duration::MAX, Instant(u64::MAX));
        assert_eq!(MIDDLE - Duration::MAX, Instant(0));
        assert_eq!(MIDDLE.checked_sub(step), None);
        assert_eq!(MIDDLE.checked_add(Duration::MAX), None);
        let mut moved = MIDDLE;
        moved += step;
        assert_eq!((moved - MIDDLE, MIDDLE - moved), (step, Duration::ZERO));
        assert_eq!(MIDDLE.checked_duration_since(moved), None);
        moved -= step;
        assert_eq!(moved.checked_duration_since(MIDDLE), Some(Duration::ZERO));
    }

    #[test]
    fn conversions_keep_the_distance_to_the_present() {
        let near = Duration::from_secs(3600);
        let ahead = std::time::Instant::from(Instant::now() + near);
        let left = ahead.duration_since(std::time::Instant::now());
        assert!(left <= near && left > near / 2);
        let back = Instant::from(ahead) - Instant::now();
        assert!(back <= near && back > near / 2);
        let never = std::time::Instant::from(Instant(u64::MAX));
        assert!(never > std::time::Instant::now() + near);
    }
}
