//! [`Sender`]: the end of a pipe to write to.

use super::end::End;
use crate::op;
use crate::sys::file::Readiness;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;
use std::task::{Context, Poll};

/// The end of a pipe to write to.
///
/// It belongs to the loop that made it. What a write has counted is in the pipe; there is nothing
/// to flush. Dropping it closes it, which is the end of the stream at the other end.
pub struct Sender {
    end: End,
}

impl Sender {
    pub(super) fn new(end: End) -> Self {
        Sender { end }
    }

    /// Opens a FIFO to write to.
    ///
    /// # Errors
    ///
    /// If it cannot be opened or is no FIFO, naming it; `ENXIO` if nobody has it open for reading:
    /// the kernel has no way to wait for that which does not block.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Sender {
            end: super::open(path.as_ref(), Readiness::Writable)?,
        })
    }

    /// Takes over the writing end of a pipe or FIFO, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is something else.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    pub fn from_owned_fd(fd: OwnedFd) -> io::Result<Self> {
        Ok(Sender {
            end: super::adopt(fd, Readiness::Writable)?,
        })
    }

    /// Gives the descriptor away, blocking, for example to a child process.
    ///
    /// # Errors
    ///
    /// If a duplicate is needed, because a dropped write is still being cancelled, and no
    /// descriptor is left for it; the end is closed then.
    pub fn into_owned_fd(self) -> io::Result<OwnedFd> {
        self.end.into_owned_fd()
    }

    /// Writes some of `bytes`: as much as the pipe has room for, waiting for some. Up to 4,096
    /// bytes (PIPE_BUF) go whole, and not mixed with what others write.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` if all receivers are gone.
    ///
    /// # Cancel safety
    ///
    /// Dropping it before it is ready: nothing was written.
    pub fn write(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        poll_fn(move |cx| self.poll_write(cx, bytes))
    }

    /// The write of [`write`](Sender::write), for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`write`](Sender::write).
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.end.poll_write(cx, bytes)
    }

    /// Writes what there is room for now, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room, and as [`write`](Sender::write).
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write_vectored(&[IoSlice::new(bytes)])
    }

    /// Writes some of several pieces, one after the other, as if they were one
    /// [`write`](Sender::write): at most the first 1,024 that are not empty.
    ///
    /// # Errors
    ///
    /// As [`write`](Sender::write).
    ///
    /// # Cancel safety
    ///
    /// Dropping it before it is ready: nothing was written.
    pub fn write_vectored(
        &mut self,
        pieces: &[IoSlice<'_>],
    ) -> impl Future<Output = io::Result<usize>> {
        poll_fn(move |cx| self.poll_write_vectored(cx, pieces))
    }

    /// The write of [`write_vectored`](Sender::write_vectored), for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`write`](Sender::write).
    pub fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.end.poll_write_vectored(cx, pieces)
    }

    /// Writes what there is room for of several pieces now, without waiting.
    ///
    /// # Errors
    ///
    /// As [`try_write`](Sender::try_write).
    pub fn try_write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.end.try_write_vectored(pieces)
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    ///
    /// As [`write`](Sender::write).
    ///
    /// # Cancel safety
    ///
    /// Not safe: how much was written is unknown.
    pub fn write_all(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> {
        op::write_all(bytes, move |cx, bytes| self.poll_write(cx, bytes))
    }
}

impl AsFd for Sender {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }
}

impl AsRawFd for Sender {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::debug("Sender", self.as_raw_fd(), f)
    }
}
