//! Sending: staged bytes, gathered until the next flush, one send in flight a connection.
//!
//! A write copies into `staged` and, if nothing is under way, queues a send; what is written until
//! the loop enters the kernel goes out with it. While it is in flight further writes gather, and
//! the completion sends them as one. So a write completes at once, costs no wake-up of its own, and
//! what it accepted is sent even if the stream is dropped. An error of a send surfaces at the next
//! write, flush or shutdown.

use super::stream::StreamSocket;
use super::waiter::Waiter;
use crate::driver::{After, Attempt, Completion, Driver, Event, Interest, Operation};
use crate::sys::preflight::Preflight;
use crate::sys::ring::{Sqe, opcode, types};
use crate::sys::socket::{self, SEND_FLAGS};
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;
use std::task::{Context, Poll};

/// Bytes that one connection may have staged before a write waits: what a socket's own send
/// buffer takes at once by default is of this order.
const HIGH_WATER: usize = 64 * 1024;

/// From this size on a write that finds nothing under way first offers its bytes to the socket by
/// a send that does not wait. Measured on loopback, processor time of a request of one byte and
/// its answer, staged against direct: 4 KiB 6.7 and 6.3 µs, 16 KiB 7.2 and 6.5 µs, 256 KiB 32 and
/// 18 µs. Direct is never dearer for one write; but smaller ones often come in numbers, and staged
/// they go out as one.
const DIRECT: usize = 16 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// Nothing is under way.
    Idle,
    /// Staged bytes are queued or in flight.
    Staged,
    /// A buffer handed over by the user is queued or in flight.
    Owned,
}

pub(super) struct SendState {
    /// What the next send takes along.
    staged: RefCell<Vec<u8>>,
    /// What the kernel reads, while [`Send`] is in flight, and how much of it has gone.
    in_flight: RefCell<Vec<u8>>,
    sent: Cell<usize>,
    pub(super) sending: Cell<Sending>,
    /// The errno that ended sending for good; 0 for none.
    pub(super) error: Cell<i32>,
    pub(super) writer: Waiter,
    /// The write half is gone and the read half is not: shut the direction down once idle.
    ending: Cell<bool>,
}

impl SendState {
    pub(super) fn new() -> Self {
        SendState {
            staged: RefCell::new(Vec::new()),
            in_flight: RefCell::new(Vec::new()),
            sent: Cell::new(0),
            sending: Cell::new(Sending::Idle),
            error: Cell::new(0),
            writer: Waiter::default(),
            ending: Cell::new(false),
        }
    }

    /// Whether accepted bytes have not all been taken by the socket.
    pub(super) fn is_busy(&self) -> bool {
        self.sending.get() != Sending::Idle
    }

    /// Makes what is staged the bytes of the next submission. All of the last one's have gone.
    fn load(&self) {
        let mut bytes = self.in_flight.borrow_mut();
        bytes.clear();
        self.sent.set(0);
        std::mem::swap(&mut *bytes, &mut *self.staged.borrow_mut());
    }

    /// What is still to go of the bytes in flight; where all of them have gone, what is staged
    /// takes their place first.
    fn with_rest<R>(&self, send: impl FnOnce(&[u8]) -> R) -> R {
        if self.sent.get() == self.in_flight.borrow().len() {
            self.load();
        }
        send(&self.in_flight.borrow()[self.sent.get()..])
    }

    fn check(&self) -> io::Result<()> {
        match self.error.get() {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }
}

impl StreamSocket {
    /// Accepts bytes of `pieces` to be sent, as many as there is room for.
    pub(crate) fn poll_write(
        self: &Rc<Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [piece] = pieces {
            return self.poll_write_one(cx, piece);
        }
        self.send.check()?;
        self.stage(cx, pieces.iter().map(|piece| &**piece))
    }

    /// Accepts bytes of one slice.
    pub(crate) fn poll_write_one(
        self: &Rc<Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.send.check()?;
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if bytes.len() >= DIRECT && !self.send.is_busy() {
            match socket::send_now(self.as_fd(), bytes) {
                Ok(sent) => return Poll::Ready(Ok(sent)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        self.stage(cx, [bytes])
    }

    /// Copies as much as there is room for into the staged bytes, and has them sent; waits if there
    /// is no room.
    #[inline]
    fn stage<'a>(
        self: &Rc<Self>,
        cx: &mut Context<'_>,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Poll<io::Result<usize>> {
        let mut staged = self.send.staged.borrow_mut();
        if staged.len() >= HIGH_WATER {
            // A waker's clone is foreign code.
            drop(staged);
            self.send.writer.wait(cx);
            return Poll::Pending;
        }
        if staged.capacity() == 0 {
            *staged = self.driver().spare().take();
        }
        let before = staged.len();
        for piece in pieces {
            let room = HIGH_WATER - staged.len();
            staged.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        let written = staged.len() - before;
        drop(staged);
        if written > 0 {
            self.send_staged();
        }
        Poll::Ready(Ok(written))
    }

    /// Whether bytes wait for the next send.
    pub(super) fn has_staged(&self) -> bool {
        !self.send.staged.borrow().is_empty()
    }

    /// Queues a send of what is staged, if nothing is under way.
    pub(super) fn send_staged(self: &Rc<Self>) {
        if self.send.sending.get() == Sending::Idle {
            self.send.sending.set(Sending::Staged);
            self.driver().submit(Send {
                stream: self.clone(),
            });
        }
    }

    /// Waits until the socket has taken everything that was accepted.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.send.is_busy() {
            self.send.writer.wait(cx);
            return Poll::Pending;
        }
        Poll::Ready(self.send.check())
    }

    /// The error that ended sending, if one did.
    #[cfg_attr(not(feature = "hyper"), allow(dead_code, reason = "for adapters"))]
    pub(crate) fn send_error(&self) -> io::Result<()> {
        self.send.check()
    }

    pub(super) fn release_send(&self) {
        self.send.writer.clear();
    }

    /// Ends sending after what was accepted, with nobody waiting for it.
    pub(super) fn end_sending(&self) {
        self.send.ending.set(true);
        self.shut_down_if_ending();
    }

    /// Called whenever nothing is under way any more.
    pub(super) fn shut_down_if_ending(&self) {
        if self.send.ending.get() && !self.send.is_busy() {
            // It fails only on a connection that is gone.
            let _ = self.shutdown_write();
        }
    }

    /// Tells the peer that nothing more comes.
    pub(crate) fn shutdown_write(&self) -> io::Result<()> {
        socket::shutdown(self.as_fd(), std::net::Shutdown::Write)
    }

    /// A send failed for good: nothing more goes out.
    pub(super) fn send_failed(&self, error: i32) {
        self.send.error.set(error);
        let staged = std::mem::take(&mut *self.send.staged.borrow_mut());
        self.driver().spare().give(staged);
    }
}

/// The send in flight; it holds the stream, and through it the bytes that the kernel reads.
struct Send {
    stream: Rc<StreamSocket>,
}

// SAFETY: the bytes are in the stream's `in_flight`, which only this operation touches, and only
// before `prepare` and after the completion; the stream also keeps the descriptor open.
unsafe impl Operation for Send {
    const FINISHES: bool = true;

    fn prepare(&mut self, _: Preflight) -> Sqe {
        let fd = types::Fd(self.stream.as_raw_fd());
        self.stream.send.with_rest(|rest| {
            opcode::Send::new(fd, rest.as_ptr(), rest.len() as u32)
                .flags(SEND_FLAGS)
                .build()
        })
    }

    fn attempt(&mut self, _: Option<Event>) -> Attempt {
        let stream = &*self.stream;
        let sent = stream
            .send
            .with_rest(|rest| socket::send_now(stream.as_fd(), rest));
        Attempt::of(sent, Interest::writable(stream))
    }

    fn complete(&mut self, completion: Completion, driver: &Driver) -> After {
        let send = &self.stream.send;
        if completion.result >= 0 {
            send.sent.set(send.sent.get() + completion.result as usize);
            if send.sent.get() < send.in_flight.borrow().len() {
                return After::Again;
            }
        } else if completion.is_transient() {
            return After::Again;
        } else {
            self.stream.send_failed(-completion.result);
        }
        let staged = send.staged.borrow().len();
        let more = staged > 0;
        if staged >= HIGH_WATER {
            // No more can join it until the flush, and a writer waits for the room.
            send.load();
        }
        if !more {
            send.sending.set(Sending::Idle);
            send.sent.set(0);
            for buffer in [&send.in_flight, &send.staged] {
                let mut buffer = buffer.borrow_mut();
                if buffer.capacity() > 0 {
                    driver.spare().give(std::mem::take(&mut *buffer));
                }
            }
            self.stream.shut_down_if_ending();
        }
        // A writer that waited for room has it; one that waits for a flush looks again.
        send.writer.wake();
        if more { After::Again } else { After::Done }
    }

    fn abandoned(&mut self) {
        self.stream.shut_down_abandoned();
    }
}
