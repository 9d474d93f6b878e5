//! A thread of this process, as the kernel tells of it through /proc: whether it sleeps, and how
//! long it has waited for a processor.

use std::fs;

/// A thread's number in the system; it may be given again once the thread has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadId(libc::pid_t);

impl ThreadId {
    pub(crate) fn mine() -> Self {
        ThreadId(nix::unistd::gettid().as_raw())
    }

    /// For keeping it in an atomic.
    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.0 as u32)
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        ThreadId(bits as u32 as libc::pid_t)
    }

    #[cfg(feature = "backtrace")]
    pub(super) fn as_raw(self) -> libc::pid_t {
        self.0
    }

    /// Whether it is blocked in a system call, be that interruptible or not, rather than running or
    /// waiting for a processor. No, if /proc does not say.
    pub(crate) fn sleeps(self) -> bool {
        // The state is the first field behind the name, which is in parentheses and may have some
        // of its own (proc_pid_stat(5)).
        let stat = self.read("stat");
        let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
        state.is_some_and(|state| state.starts_with(['S', 'D']))
    }

    /// How long it has been ready to run and had no processor, in nanoseconds: the second field of
    /// schedstat (the kernel's Documentation/scheduler/sched-stats.rst). 0 where it is not kept.
    pub(crate) fn kept_waiting(self) -> u64 {
        let stat = self.read("schedstat");
        let field = stat.split_whitespace().nth(1);
        field.and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
    }

    fn read(self, file: &str) -> String {
        fs::read_to_string(format!("/proc/self/task/{}/{file}", self.0)).unwrap_or_default()
    }
}
