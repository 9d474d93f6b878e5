//! What a registry counts.

use super::UnclaimedReason;
use std::ops::AddAssign;

/// The counters of a [`Waiters`](super::Waiters), from its beginning.
///
/// What was registered is in one of the first five.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitersStats {
    /// Waits that have not ended.
    pub in_flight: usize,
    /// Waits that ended by a reply.
    pub replied: u64,
    /// Waits that ended by their deadline.
    pub timed_out: u64,
    /// Waits that were cancelled, by the close of the registry among others.
    pub cancelled: u64,
    /// Waits whose waiter was dropped.
    pub dropped: u64,
    /// Replies that came after their wait had ended without one.
    pub late: u64,
    /// Replies that came after another.
    pub duplicate: u64,
    /// Replies that nobody is known to have waited for.
    pub unknown: u64,
    /// Replies that ended a wait, but whose waiter was dropped before it looked.
    pub untaken: u64,
}

impl WaitersStats {
    pub(super) fn count(&mut self, reason: UnclaimedReason) {
        *match reason {
            UnclaimedReason::Late => &mut self.late,
            UnclaimedReason::Duplicate => &mut self.duplicate,
            UnclaimedReason::Unknown => &mut self.unknown,
            UnclaimedReason::Untaken => &mut self.untaken,
        } += 1;
    }
}

impl AddAssign for WaitersStats {
    fn add_assign(&mut self, other: Self) {
        self.in_flight += other.in_flight;
        self.replied += other.replied;
        self.timed_out += other.timed_out;
        self.cancelled += other.cancelled;
        self.dropped += other.dropped;
        self.late += other.late;
        self.duplicate += other.duplicate;
        self.unknown += other.unknown;
        self.untaken += other.untaken;
    }
}
