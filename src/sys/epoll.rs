//! epoll(7): which descriptors have become ready, and until when to wait for that.

use super::errno;
use super::ring::Wait;
use nix::sys::epoll::{self, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What has become of a descriptor, or what of it is to be reported.
pub(crate) type Interest = EpollFlags;

/// One report: what has happened, and the word that the descriptor was registered with.
pub(crate) type Report = EpollEvent;

/// An epoll instance. Registrations are edge-triggered.
pub(crate) struct Epoll {
    epoll: epoll::Epoll,
    /// Whether the kernel waits to the nanosecond (`epoll_pwait2`, 5.11, where it is allowed);
    /// otherwise waits end up to a millisecond late.
    is_precise: AtomicBool,
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Epoll {
            epoll: epoll::Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            is_precise: AtomicBool::new(true),
        })
    }

    /// Whether a wait may be shorter than a millisecond, as far as waits have shown.
    pub(crate) fn is_precise(&self) -> bool {
        self.is_precise.load(Ordering::Relaxed)
    }

    /// Registers a descriptor, or changes what of it is reported. What is so already is reported
    /// at the next wait.
    pub(crate) fn watch(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        data: u64,
        is_known: bool,
    ) -> io::Result<()> {
        let mut event = EpollEvent::new(interest | Interest::EPOLLET, data);
        if is_known {
            return Ok(self.epoll.modify(fd, &mut event)?);
        }
        match self.epoll.add(fd, event) {
            // The same open file came back under the same number: a duplicate of it had kept the
            // registration.
            Err(nix::Error::EEXIST) => Ok(self.epoll.modify(fd, &mut event)?),
            added => Ok(added?),
        }
    }

    /// Ends a registration.
    pub(crate) fn unwatch(&self, fd: BorrowedFd<'_>) {
        // It fails only where there is none.
        let _ = self.epoll.delete(fd);
    }

    /// Waits for reports and writes them over `room`; returns how many. A signal ends the wait.
    pub(crate) fn wait(&self, room: &mut [Report], wait: Wait) -> io::Result<usize> {
        let limit = match wait {
            Wait::No | Wait::Poll => Some(Duration::ZERO),
            Wait::For(limit) => Some(limit),
            Wait::Forever => None,
        };
        if self.is_precise.load(Ordering::Relaxed) {
            match self.wait_precisely(room, limit) {
                Err(error)
                    if matches!(error.raw_os_error(), Some(errno::ENOSYS | errno::EPERM)) =>
                {
                    self.is_precise.store(false, Ordering::Relaxed);
                }
                waited => return waited.or_else(interrupted),
            }
        }
        let limit = match limit {
            None => EpollTimeout::NONE,
            // Rounded up: a timer fires late rather than finds that it is early, again and again.
            Some(limit) => i32::try_from(limit.as_nanos().div_ceil(1_000_000))
                .ok()
                .and_then(|millis| EpollTimeout::try_from(millis).ok())
                .unwrap_or(EpollTimeout::MAX),
        };
        let waited = self.epoll.wait(room, limit).map_err(io::Error::from);
        waited.or_else(interrupted)
    }

    fn wait_precisely(&self, room: &mut [Report], limit: Option<Duration>) -> io::Result<usize> {
        let limit = limit.map(|limit| libc::timespec {
            tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        });
        let timespec = limit
            .as_ref()
            .map_or(std::ptr::null(), |limit| &raw const *limit);
        // SAFETY: `EpollEvent` is an `epoll_event` by its repr, `room` has room for as many as is
        // said; the timespec outlives the call; no signal mask is given.
        let reported = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.as_raw_fd(),
                room.as_mut_ptr(),
                room.len() as libc::c_int,
                timespec,
                std::ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        };
        usize::try_from(reported).map_err(|_| io::Error::last_os_error())
    }
}

impl AsRawFd for Epoll {
    fn as_raw_fd(&self) -> RawFd {
        self.epoll.0.as_fd().as_raw_fd()
    }
}

/// A wait that a signal ended has nothing to report.
fn interrupted(error: io::Error) -> io::Result<usize> {
    match error.kind() {
        io::ErrorKind::Interrupted => Ok(0),
        _ => Err(error),
    }
}
