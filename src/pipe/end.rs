//! [`End`]: a descriptor that is waited for by the loop, and read or written by calls that do not
//! wait.

use crate::driver::{Closing, Descriptor, Driver, Pending};
use crate::event_loop::{budgeted, context};
use crate::op::{self, Ready};
use crate::sys::file::{self, Readiness};
use crate::sys::socket;
use std::future::Future;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// By which calls bytes are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calls {
    /// read(2) and write(2): the open file is non-blocking, or never makes anyone wait.
    File,
    /// recv(2) and send(2), which can be told not to wait whatever the socket is set to.
    Socket,
}

impl Calls {
    fn write(self, fd: BorrowedFd<'_>, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Calls::File => file::write_vectored(fd, pieces),
            Calls::Socket => socket::send_vectored_now(fd, pieces),
        }
    }
}

/// Without the empty pieces at the beginning: one call takes a bounded number. `None` if no piece has
/// a byte.
fn from_the_first_byte<'a, 'b>(pieces: &'a [IoSlice<'b>]) -> Option<&'a [IoSlice<'b>]> {
    let first = pieces.iter().position(|piece| !piece.is_empty())?;
    Some(&pieces[first..])
}

/// One direction of an open file.
pub(crate) struct End {
    /// What the last call found it has to wait for. It stays when the future that called is
    /// dropped: the next one goes on with it.
    waiting: Option<Pending<Ready>>,
    descriptor: Rc<Descriptor>,
    calls: Calls,
}

impl End {
    pub(crate) fn new(driver: Rc<Driver>, fd: OwnedFd, calls: Calls) -> Self {
        End {
            waiting: None,
            // At once, so that the other side learns of it now; nothing of these waits at a close.
            descriptor: Rc::new(Descriptor::new(driver, fd, Closing::AtOnce)),
            calls,
        }
    }

    /// Has the next read wait until something is there, even the end.
    pub(crate) fn wait_first(&mut self) {
        self.waiting = Some(op::ready(&self.descriptor, Readiness::Readable));
    }

    /// Reads what is there, waiting for the first byte; 0 at the end (or for no room).
    #[track_caller]
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if room.is_empty() {
            return budgeted(cx, |_| Poll::Ready(Ok(0)));
        }
        match self.calls {
            Calls::File => self.poll(cx, Readiness::Readable, |fd| file::read(fd, room)),
            Calls::Socket => self.poll(cx, Readiness::Readable, |fd| file::recv(fd, room)),
        }
    }

    /// Writes as much as there is room for, waiting for some.
    #[track_caller]
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return budgeted(cx, |_| Poll::Ready(Ok(0)));
        }
        match self.calls {
            Calls::File => self.poll(cx, Readiness::Writable, |fd| file::write(fd, bytes)),
            Calls::Socket => self.poll(cx, Readiness::Writable, |fd| socket::send_now(fd, bytes)),
        }
    }

    /// As [`poll_write`](End::poll_write), of several pieces.
    #[track_caller]
    pub(crate) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some(pieces) = from_the_first_byte(pieces) else {
            return budgeted(cx, |_| Poll::Ready(Ok(0)));
        };
        let calls = self.calls;
        self.poll(cx, Readiness::Writable, |fd| calls.write(fd, pieces))
    }

    /// Writes as much as there is room for now, else fails with `WouldBlock`.
    pub(crate) fn try_write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(pieces) = from_the_first_byte(pieces) else {
            return Ok(0);
        };
        loop {
            match self.calls.write(self.as_fd(), pieces) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => return written,
            }
        }
    }

    #[track_caller]
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        what: Readiness,
        call: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let polled = budgeted(cx, |cx| self.call_when_ready(cx, what, call));
        if polled.is_pending() {
            context::assert_current(self.descriptor.driver());
        }
        polled
    }

    /// Calls first: often something is there, and then nothing has to be waited for.
    fn call_when_ready(
        &mut self,
        cx: &mut Context<'_>,
        what: Readiness,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            if let Some(waiting) = &mut self.waiting {
                let waited = ready!(Pin::new(waiting).poll(cx));
                self.waiting = None;
                waited?;
            }
            match call(self.as_fd()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.waiting = Some(op::ready(&self.descriptor, what));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                called => return Poll::Ready(called),
            }
        }
    }

    /// Gives the descriptor away, blocking.
    pub(crate) fn into_owned_fd(self) -> io::Result<OwnedFd> {
        drop(self.waiting);
        let fd = self.descriptor.into_owned_fd()?;
        socket::set_nonblocking(fd.as_fd(), false)?;
        Ok(fd)
    }
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
