//! The seam: what an operation tells a driver, and what a driver tells an operation.

use super::Driver;
use crate::sys::epoll;
use crate::sys::errno;
use crate::sys::preflight::Preflight;
use crate::sys::ring::{self, Cqe, Sqe, cqueue};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
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
        Self::failed(errno::ECANCELED)
    }

    /// The terminal completion of a call that failed.
    pub(crate) const fn failed(errno: i32) -> Self {
        Self::ended(-errno)
    }

    /// The terminal completion of a call that gave `result`.
    pub(crate) const fn ended(result: i32) -> Self {
        Completion { result, flags: 0 }
    }

    /// One of many: `len` bytes were received into a buffer of the pool.
    pub(crate) const fn received(len: i32, buffer: u16) -> Self {
        Completion {
            result: len,
            flags: ring::CQE_MORE | ring::CQE_BUFFER | (buffer as u32) << ring::CQE_BUFFER_SHIFT,
        }
    }

    /// One of many: a descriptor was made.
    pub(crate) fn made(fd: OwnedFd) -> Self {
        Self::one_of_many(fd.into_raw_fd())
    }

    /// One of many.
    pub(crate) const fn one_of_many(result: i32) -> Self {
        Completion {
            result,
            flags: ring::CQE_MORE,
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

/// What was reported of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// The peer has ended the stream, or the connection has failed: there may be nothing to come
    /// after what is there now that would be reported again.
    pub(crate) is_last: bool,
}

/// What to wait for: the descriptor is readable, or writable.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Interest {
    Readable(RawFd),
    Writable(RawFd),
}

impl Interest {
    pub(crate) fn readable(fd: &impl AsRawFd) -> Self {
        Interest::Readable(fd.as_raw_fd())
    }

    pub(crate) fn writable(fd: &impl AsRawFd) -> Self {
        Interest::Writable(fd.as_raw_fd())
    }

    pub(super) fn fd(&self) -> RawFd {
        match self {
            Interest::Readable(fd) | Interest::Writable(fd) => *fd,
        }
    }

    pub(super) fn mask(&self) -> epoll::Interest {
        match self {
            Interest::Readable(_) => epoll::Interest::EPOLLIN | epoll::Interest::EPOLLRDHUP,
            Interest::Writable(_) => epoll::Interest::EPOLLOUT,
        }
    }
}

/// What came of trying an operation without waiting.
pub(crate) enum Attempt {
    /// It is over; or, if more completions follow, it is to be tried again at once.
    Done(Completion),
    /// One of many completions, and nothing is left until the next event.
    Drained(Completion),
    /// Nothing yet.
    Wait(Interest),
}

impl Attempt {
    /// Of a call that gives a count, and that would have to wait for `interest`.
    pub(crate) fn of(result: io::Result<usize>, interest: Interest) -> Self {
        match result {
            Ok(count) => Attempt::Done(Completion::ended(count as i32)),
            Err(error) => Self::failed(&error, interest),
        }
    }

    /// Of a call that failed, maybe because it would have to wait for `interest`.
    pub(crate) fn failed(error: &io::Error, interest: Interest) -> Self {
        match error.raw_os_error() {
            Some(errno::EAGAIN) => Attempt::Wait(interest),
            Some(errno) => Attempt::Done(Completion::failed(errno)),
            // A system call's error has a number.
            None => Attempt::Done(Completion::failed(errno::EIO)),
        }
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
/// 2. Every descriptor in it, or that an attempt waits for, is kept open by a reference that `self`
///    holds.
/// 3. `prepare` may be called again after each terminal completion that `complete` answers with
///    `After::Again`.
pub(crate) unsafe trait Operation: Sized + 'static {
    /// Whether a driver that shuts down lets the operation finish, within its time, instead of
    /// cancelling it at once.
    const FINISHES: bool = false;

    /// Builds the submission; called when it is about to be written, so that what gathered since
    /// `submit` can go along.
    fn prepare(&mut self, able: Preflight) -> Sqe;

    /// Tries the same by a call that does not wait: at once when it is submitted (`event` is
    /// `None`), then whenever the descriptor that it waits for is reported.
    fn attempt(&mut self, event: Option<Event>) -> Attempt;

    /// Takes a completion. The answer counts only for a terminal one (`!completion.more()`).
    ///
    /// It must not wake anyone who could come back for this very slot: that is what
    /// [`After::Keep`] is for.
    fn complete(&mut self, completion: Completion, driver: &Driver) -> After;

    /// The driver is broken: the kernel may have the operation or not, and no completion comes. It
    /// is never dropped. For what others wait for; it must not touch what the submission points to.
    fn abandoned(&mut self) {}
}
