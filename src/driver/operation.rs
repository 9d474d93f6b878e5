//! The seam: what an operation tells a driver, and what a driver tells an operation.

use super::Driver;
use crate::sys::errno;
use crate::sys::ring::{Cqe, Sqe, cqueue};
use std::os::fd::{FromRawFd, OwnedFd};
use std::task::Waker;

/// What came back from the kernel for one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Completion {
    /// A count, a descriptor, or a negative errno.
    pub(crate) result: i32,
    flags: u32,
}

impl Completion {
    pub(super) fn of(cqe: &Cqe) -> Self {
        Completion {
            result: cqe.result(),
            flags: cqe.flags(),
        }
    }

    /// A terminal completion that no kernel wrote.
    pub(super) const fn cancelled() -> Self {
        Completion {
            result: -errno::ECANCELED,
            flags: 0,
        }
    }

    /// Whether more completions of the same submission follow.
    pub(crate) fn more(&self) -> bool {
        cqueue::more(self.flags)
    }

    /// The buffer of the pool that the kernel chose.
    pub(crate) fn buffer(&self) -> Option<u16> {
        cqueue::buffer_select(self.flags)
    }

    /// The result as an error or a count.
    pub(crate) fn into_result(self) -> std::io::Result<u32> {
        if self.result < 0 {
            Err(std::io::Error::from_raw_os_error(-self.result))
        } else {
            Ok(self.result as u32)
        }
    }

    /// The descriptor that the kernel made for us.
    ///
    /// # Panics
    ///
    /// If the result is an error.
    pub(crate) fn into_descriptor(self) -> OwnedFd {
        assert!(self.result >= 0, "an error is no descriptor");
        // SAFETY: a completion that makes a descriptor is delivered once, and nobody else knows
        // the number yet.
        unsafe { OwnedFd::from_raw_fd(self.result) }
    }

    /// Whether the kernel asks for the same again: a signal came, or it was short of something.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(-self.result, errno::EINTR | errno::EAGAIN)
    }
}

/// What becomes of an operation after its terminal completion.
pub(crate) enum After {
    /// It is over: drop it and free its slot.
    Done,
    /// Its result waits in the slot for the future that comes for it; wake that future's task.
    Keep(Option<Waker>),
    /// Submit it again.
    Again,
}

/// One operation: what goes to the kernel and what comes back, for every driver.
///
/// The value lives in a slot that does not move, from `Driver::submit` until `After::Done`. While
/// the kernel works on it (between `prepare` and the terminal completion) nobody but the driver
/// touches it, and the driver only to call `complete`.
///
/// # Safety
///
/// 1. Every address in the submission that `prepare` makes points into `self` or into memory that
///    `self` owns, neither moved nor freed before the terminal completion or the drop of `self`.
/// 2. Every descriptor in it is kept open by a reference that `self` holds.
/// 3. `prepare` may be called again after each terminal completion that `complete` answers with
///    `After::Again`.
pub(crate) unsafe trait Operation: Sized + 'static {
    /// Whether a driver that shuts down lets the operation finish, within its time, instead of
    /// cancelling it at once.
    const FINISHES: bool = false;

    /// Builds the submission; called when it is about to be written, so that what gathered since
    /// `submit` can go along.
    fn prepare(&mut self) -> Sqe;

    /// Takes a completion. The answer counts only for a terminal one (`!completion.more()`).
    ///
    /// It must not wake anyone who could come back for this very slot: that is what
    /// [`After::Keep`] is for.
    fn complete(&mut self, completion: Completion, driver: &Driver) -> After;
}
