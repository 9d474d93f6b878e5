//! One trial: is epoll there, and can it wait for less than a millisecond?

use nix::sys::epoll::{Epoll, EpollCreateFlags};
use std::io;
use std::os::fd::AsRawFd;

/// What epoll can do here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EpollTrial {
    /// epoll_pwait2(2), whose timeout counts nanoseconds (Linux 5.11); otherwise milliseconds.
    pub(crate) nanoseconds: bool,
}

/// Makes an epoll instance and looks at it, without waiting.
pub(crate) fn try_epoll() -> io::Result<EpollTrial> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    // SAFETY: room for the one event asked for and a valid timespec, both alive during the call.
    let found = unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait2,
            epoll.0.as_raw_fd(),
            &raw mut event,
            1,
            &raw const now,
            std::ptr::null::<libc::sigset_t>(),
            0,
        )
    };
    Ok(EpollTrial {
        nanoseconds: found >= 0,
    })
}
