//! The monotonic clock, in nanoseconds.

/// Nanoseconds of `CLOCK_MONOTONIC`; read in user space by the vDSO.
pub(crate) fn monotonic_nanos() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a valid, writable timespec for the length of the call.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    // clock_gettime(2) can only fail for a bad clock or a bad pointer; both are constants here.
    debug_assert_eq!(result, 0);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Asks the kernel to end this thread's timed waits on time, and gives back the old slack.
///
/// The default slack of 50 µs lets the kernel batch wake-ups at the price of late timers; a loop
/// whose timers are to be at most 100 µs late cannot spend half of that (prctl(2),
/// `PR_SET_TIMERSLACK`).
pub(crate) fn set_timer_slack(nanos: u64) -> u64 {
    // SAFETY: both calls take and give plain integers and touch only this thread's slack.
    unsafe {
        let before = libc::prctl(libc::PR_GET_TIMERSLACK);
        libc::prctl(libc::PR_SET_TIMERSLACK, nanos);
        u64::try_from(before).unwrap_or(0)
    }
}

/// A thread's clock of processor time (user and system), readable from other threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadClock(libc::clockid_t);

impl ThreadClock {
    /// The clock of the calling thread; `None` if the system has none to give.
    pub(crate) fn mine() -> Option<Self> {
        let mut id = 0;
        // SAFETY: the thread is the calling one, so it lives; `id` is writable.
        let result = unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &mut id) };
        (result == 0).then_some(ThreadClock(id))
    }

    /// For keeping it in an atomic.
    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.0 as u32)
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        ThreadClock(bits as u32 as libc::clockid_t)
    }

    /// Nanoseconds of processor time; `None` once the thread has ended.
    pub(crate) fn nanos(self) -> Option<u64> {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `time` is writable; a clock that is gone is an error, not a danger.
        let result = unsafe { libc::clock_gettime(self.0, &mut time) };
        (result == 0).then(|| time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
    }
}
