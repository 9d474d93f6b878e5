//! [`Receiver`]: the end of a pipe to read from.

use super::end::End;
use crate::op;
use crate::sys::file::Readiness;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;
use std::task::{Context, Poll, ready};

/// Bytes that [`Receiver::read_to_end`] makes room for at a time: what a pipe holds by default
/// (pipe(7)), so that a full one is emptied by one call.
const CHUNK: usize = 64 * 1024;

/// The end of a pipe to read from.
///
/// It belongs to the loop that made it. Dropping it closes it, and then writing at the other end
/// fails.
pub struct Receiver {
    end: End,
}

impl Receiver {
    pub(super) fn new(end: End) -> Self {
        Receiver { end }
    }

    /// Opens a FIFO to read from, without waiting for anyone who writes.
    ///
    /// The first read waits for a writer. Once the last writer is gone reads give 0, and go on to
    /// when the next one comes.
    ///
    /// # Errors
    ///
    /// If it cannot be opened or is no FIFO, naming it.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut end = super::open(path.as_ref(), Readiness::Readable)?;
        // A read before anyone has written would find the end of the stream.
        end.wait_first();
        Ok(Receiver { end })
    }

    /// Takes over the reading end of a pipe or FIFO, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is something else.
    ///
    /// # Panics
    ///
    /// Outside of a loop.
    pub fn from_owned_fd(fd: OwnedFd) -> io::Result<Self> {
        Ok(Receiver {
            end: super::adopt(fd, Readiness::Readable)?,
        })
    }

    /// Gives the descriptor away, blocking, for example to a child process.
    ///
    /// # Errors
    ///
    /// If a duplicate is needed, because a dropped read is still being cancelled, and no
    /// descriptor is left for it; the end is closed then.
    pub fn into_owned_fd(self) -> io::Result<OwnedFd> {
        self.end.into_owned_fd()
    }

    /// Reads what is there into `room`, waiting for the first byte; 0 once all senders are gone.
    ///
    /// # Errors
    ///
    /// What read(2) says.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no byte.
    pub fn read(&mut self, room: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        poll_fn(move |cx| self.poll_read(cx, room))
    }

    /// The read of [`read`](Receiver::read), for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`read`](Receiver::read).
    pub fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        self.end.poll_read(cx, room)
    }

    /// Fills `room` whole.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the stream ends before, and as [`read`](Receiver::read).
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was read into `room` is not read again.
    pub async fn read_exact(&mut self, room: &mut [u8]) -> io::Result<()> {
        op::read_exact("pipe", room, |cx, room| self.poll_read(cx, room)).await
    }

    /// Reads everything up to the end of the stream, behind what `bytes` has already. Returns how
    /// much was added by this call.
    ///
    /// # Errors
    ///
    /// As [`read`](Receiver::read); what came before the error is in `bytes`.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no byte: what was read is in `bytes`.
    pub async fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        let before = bytes.len();
        poll_fn(|cx| self.poll_read_to_end(cx, bytes)).await?;
        Ok(bytes.len() - before)
    }

    pub(crate) fn poll_read_to_end(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &mut Vec<u8>,
    ) -> Poll<io::Result<()>> {
        loop {
            let before = bytes.len();
            bytes.resize(before + CHUNK, 0);
            let polled = self.poll_read(cx, &mut bytes[before..]);
            let read = match &polled {
                Poll::Ready(Ok(read)) => *read,
                _ => 0,
            };
            bytes.truncate(before + read);
            if ready!(polled)? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }
}

impl AsRawFd for Receiver {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::debug("Receiver", self.as_raw_fd(), f)
    }
}
