//! The CPU time of a process, user and system, all threads, in nanoseconds.
//!
//! `clock_getcpuclockid(3)` gives the scheduler's own account, which is finer than the ticks in
//! `/proc/PID/stat` and counts io_uring's kernel workers, as they are threads of the process. For
//! another process the account is as old as that processor's last scheduling event, a few
//! milliseconds at most.

use std::io;
use std::time::Duration;

use crate::during::{During, checked};

/// A process's CPU-time clock.
#[derive(Clone, Copy)]
pub struct CpuClock(libc::clockid_t);

impl CpuClock {
    /// The clock of this process.
    pub const OWN: Self = Self(libc::CLOCK_PROCESS_CPUTIME_ID);

    /// The clock of another process.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn of(pid: libc::pid_t) -> io::Result<Self> {
        let mut clock = 0;
        // SAFETY: the pointer names a clockid_t for the call to fill.
        let error = unsafe { libc::clock_getcpuclockid(pid, &mut clock) };
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error))
                .during(format_args!("finding the CPU clock of process {pid}"));
        }
        Ok(Self(clock))
    }

    /// CPU time spent so far.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn read(self) -> io::Result<Duration> {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the kernel fills the timespec that the pointer names.
        checked(unsafe { libc::clock_gettime(self.0, &mut time) })
            .during("reading a CPU clock (has the process ended?)")?;
        Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
    }
}
