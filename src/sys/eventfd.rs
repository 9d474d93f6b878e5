//! A counter in the kernel that wakes whoever polls it: how a plain thread wakes a loop.

use nix::sys::eventfd::{EfdFlags, EventFd as NixEventFd};
use std::io;
use std::os::fd::{AsRawFd, RawFd};

/// A non-blocking, close-on-exec eventfd(2).
pub(crate) struct EventFd(NixEventFd);

impl EventFd {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        Ok(EventFd(NixEventFd::from_value_and_flags(0, flags)?))
    }

    /// Adds one, which wakes every poller. Safe from any thread.
    pub(crate) fn signal(&self) {
        // The only possible failure is EAGAIN, a counter at its maximum: then it is readable, and
        // the wake-up that the write was for has happened already.
        let _ = self.0.write(1);
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        use std::os::fd::AsFd;
        self.0.as_fd().as_raw_fd()
    }
}
