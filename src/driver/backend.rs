//! The choice of a back end, made once at start: enum dispatch, so that no type parameter leaks.
//!
//! A back end moves what is queued to the kernel and what is done back. It is handed the
//! [`Driver`] for the queue and the slots, which are the same for all.

use super::epoll::Epoll;
use super::uring::Uring;
use super::{Config, Driver, DriverInfo, DriverKind};
use crate::buf::BufferPool;
use crate::sys::eventfd::EventFd;
use crate::sys::mapping::Mapping;
use crate::sys::registered;
use crate::sys::ring::{Ring, Wait};
use crate::sys::ring_setup::SetupError;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
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
    Epoll(Epoll),
}

/// Calls the same method of whichever back end it is.
macro_rules! either {
    ($self:expr, $backend:ident => $call:expr) => {
        match $self {
            Backend::Uring($backend) => $call,
            Backend::Epoll($backend) => $call,
        }
    };
}

impl Backend {
    pub(super) fn new(config: &Config) -> Result<(Self, BufferPool), SetupError> {
        Ok(match config.kind {
            DriverKind::Epoll => {
                let (epoll, pool) = Epoll::new(config)?;
                (Backend::Epoll(epoll), pool)
            }
            DriverKind::Auto | DriverKind::Uring => {
                let (uring, pool) = Uring::new(config)?;
                (Backend::Uring(uring), pool)
            }
        })
    }

    pub(super) fn info(&self) -> DriverInfo {
        either!(self, backend => backend.info())
    }

    pub(super) fn signal(&self) -> &Arc<Signal> {
        either!(self, backend => backend.signal())
    }

    /// Whether operations are carried out as they are submitted, so that what they lead to is known
    /// before the loop decides to wait.
    pub(super) fn acts_at_once(&self) -> bool {
        matches!(self, Backend::Epoll(_))
    }

    /// Whether a turn would bring something without waiting.
    pub(super) fn is_ready(&self) -> bool {
        either!(self, backend => backend.is_ready())
    }

    /// Whether a loop that has other work should look at the kernel now.
    pub(super) fn wants_enter(&self) -> bool {
        either!(self, backend => backend.wants_enter())
    }

    /// Whether requests were taken from the queue that the kernel has not yet taken.
    pub(super) fn has_unsubmitted(&self) -> bool {
        either!(self, backend => backend.has_unsubmitted())
    }

    /// Moves the queue to the kernel and waits as told.
    pub(super) fn turn(&self, driver: &Driver, wait: Wait) -> io::Result<()> {
        either!(self, backend => backend.turn(driver, wait))
    }

    /// Delivers what has completed, without waiting. Returns how many were delivered since the
    /// last call.
    pub(super) fn reap(&self, driver: &Driver) -> usize {
        either!(self, backend => backend.reap(driver))
    }

    /// Makes room for memory that is registered, as what follows.
    ///
    /// # Errors
    ///
    /// Without a ring, or where its kernel has no such thing.
    pub(super) fn make_room_for_memory(&self, count: u16) -> io::Result<()> {
        registered::make_room(self.ring()?, count)
    }

    pub(super) fn register_memory(&self, place: u16, memory: &Mapping) -> io::Result<()> {
        registered::register(self.ring()?, place, memory)
    }

    pub(super) fn unregister_memory(&self, place: u16) -> io::Result<()> {
        registered::unregister(self.ring()?, place)
    }

    fn ring(&self) -> io::Result<&Ring> {
        match self {
            Backend::Uring(uring) => Ok(uring.ring()),
            Backend::Epoll(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// A descriptor is being closed by its owner.
    pub(super) fn forget(&self, fd: RawFd) {
        match self {
            // A ring knows files, not their numbers.
            Backend::Uring(_) => {}
            Backend::Epoll(epoll) => epoll.forget(fd),
        }
    }

    /// A descriptor is no longer this driver's, but stays open.
    pub(super) fn release(&self, fd: BorrowedFd<'_>) {
        match self {
            Backend::Uring(_) => {}
            Backend::Epoll(epoll) => epoll.release(fd),
        }
    }

    /// Ends the kernel's use of the pool; nothing is in flight.
    /// The kernel is not entered any more: closes that are on their way are made here.
    pub(super) fn break_off(&self) {
        match self {
            Backend::Uring(uring) => uring.break_off(),
            // It closes as it is told to.
            Backend::Epoll(_) => {}
        }
    }

    pub(super) fn close(&self, pool: &BufferPool) {
        match self {
            Backend::Uring(uring) => uring.close(pool),
            // It never had any.
            Backend::Epoll(_) => {}
        }
    }
}
