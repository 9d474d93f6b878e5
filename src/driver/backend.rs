//! The choice of a back end, made once at start: enum dispatch, so that no type parameter leaks.
//!
//! A back end moves what is queued to the kernel and what is done back. It is handed the
//! [`Driver`] for the queue and the slots, which are the same for all.

use super::uring::Uring;
use super::{Config, Driver, DriverInfo, DriverKind};
use crate::buf::BufferPool;
use crate::sys::eventfd::EventFd;
use crate::sys::preflight::Preflight;
use crate::sys::ring::Wait;
use crate::sys::ring_setup::SetupError;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// How other threads wake a parked driver.
pub(crate) struct Signal {
    /// Signalled by plain threads, and by loops that cannot post to a ring.
    pub(crate) eventfd: EventFd,
    /// A descriptor of the loop's ring for other rings to post to; a duplicate of its own, so that
    /// the number cannot come to mean something else while anyone may still use it.
    pub(crate) ring: Option<OwnedFd>,
}

pub(super) enum Backend {
    Uring(Uring),
}

impl Backend {
    pub(super) fn new(config: &Config) -> Result<(Self, BufferPool), SetupError> {
        match config.kind {
            DriverKind::Auto | DriverKind::Uring => {
                let (uring, pool) = Uring::new(config)?;
                Ok((Backend::Uring(uring), pool))
            }
            DriverKind::Epoll => Err(SetupError {
                call: "epoll_create1",
                source: io::Error::new(io::ErrorKind::Unsupported, "the epoll driver is not built"),
            }),
        }
    }

    pub(super) fn info(&self) -> DriverInfo {
        match self {
            Backend::Uring(uring) => uring.info(),
        }
    }

    pub(super) fn preflight(&self) -> Preflight {
        match self {
            Backend::Uring(uring) => uring.preflight(),
        }
    }

    pub(super) fn signal(&self) -> &Arc<Signal> {
        match self {
            Backend::Uring(uring) => uring.signal(),
        }
    }

    /// Whether a turn would bring something without waiting. Reads memory only.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Backend::Uring(uring) => uring.is_ready(),
        }
    }

    /// Whether an enter would bring something. Reads memory only.
    pub(super) fn wants_enter(&self) -> bool {
        match self {
            Backend::Uring(uring) => uring.wants_enter(),
        }
    }

    /// Whether requests were taken from the queue that the kernel has not yet taken.
    pub(super) fn has_unsubmitted(&self) -> bool {
        match self {
            Backend::Uring(uring) => uring.has_unsubmitted(),
        }
    }

    /// Moves the queue to the kernel and waits as told.
    pub(super) fn turn(&self, driver: &Driver, wait: Wait) -> io::Result<()> {
        match self {
            Backend::Uring(uring) => uring.turn(driver, wait),
        }
    }

    /// Delivers what has completed, without waiting. Returns how many.
    pub(super) fn reap(&self, driver: &Driver) -> usize {
        match self {
            Backend::Uring(uring) => uring.reap(driver),
        }
    }

    /// Ends the kernel's use of the pool; nothing is in flight.
    pub(super) fn close(&self, pool: &BufferPool) {
        match self {
            Backend::Uring(uring) => uring.close(pool),
        }
    }
}
