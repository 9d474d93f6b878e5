//! Receiving: one submission that serves many arrivals, and the queue that it fills.
//!
//! ```text
//!            poll_read, room in the queue
//!   Idle ───────────────────────────────► Armed(key)
//!    ▲  ▲                                  │   │ queue past its high-water mark
//!    │  └──────── terminal completion ─────┤   ▼
//!    │                                     │  Cancelling
//!    │  fed: a buffer came back            ▼   │
//!   Starved ◄──────── ENOBUFS ─────────────┴───┘
//! ```
//!
//! Whatever ends a receive (an overflow of the completion queue, a full pool, a cancel of ours),
//! the data before it is in the queue, and it is armed again as soon as there is room. End of
//! stream and errors are reported after all data that came before.

use super::stream::StreamSocket;
use super::waiter::Waiter;
use crate::buf::{RecvBuf, SegmentQueue, Starved};
use crate::driver::{After, Attempt, Completion, Driver, Event, Interest, Key, Operation};
use crate::sys::errno;
use crate::sys::preflight::Preflight;
use crate::sys::ring::{Sqe, opcode, squeue, types};
use crate::sys::socket;
use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// Bytes that one connection may hold unread before its receive is cancelled. Sixteen buffers of
/// the default size: enough to keep a transfer going while its reader has its turn, and the bound
/// of what a connection with a slow reader costs.
const HIGH_WATER: usize = 64 * 1024;
/// Unread bytes below which it is armed again.
const LOW_WATER: usize = HIGH_WATER / 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arm {
    Idle,
    Armed(Key),
    Cancelling,
    Starved,
}

/// How the stream ended, told after the data before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    Error(i32),
    Eof,
}

pub(super) struct RecvState {
    queue: SegmentQueue,
    arm: Cell<Arm>,
    end: Cell<End>,
    reader: Waiter,
    /// The read half is gone: nothing is received any more.
    released: Cell<bool>,
}

impl RecvState {
    pub(super) fn new() -> Self {
        RecvState {
            queue: SegmentQueue::new(),
            arm: Cell::new(Arm::Idle),
            end: Cell::new(End::Open),
            reader: Waiter::default(),
            released: Cell::new(false),
        }
    }
}

impl StreamSocket {
    /// Copies received bytes into `room`; 0 at the end of the stream (or for no room).
    pub(crate) fn poll_read(
        self: &Rc<Self>,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if room.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if !ready!(self.poll_received(cx))? {
            return Poll::Ready(Ok(0));
        }
        let read = self.recv.queue.copy_to(self.driver().pool(), room);
        self.arm_if_wanted();
        Poll::Ready(Ok(read))
    }

    /// Takes a received buffer as it is; `None` at the end of the stream.
    pub(crate) fn poll_recv(
        self: &Rc<Self>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<RecvBuf>>> {
        if !ready!(self.poll_received(cx))? {
            return Poll::Ready(Ok(None));
        }
        let lease = RecvBuf::pop(&self.recv.queue, self.driver().pool());
        self.arm_if_wanted();
        Poll::Ready(Ok(lease))
    }

    /// Waits until something is in the queue (true) or the stream has ended (false).
    #[inline]
    fn poll_received(self: &Rc<Self>, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.recv.queue.bytes() > 0 {
            return Poll::Ready(Ok(true));
        }
        self.poll_empty(cx)
    }

    /// The rest of [`poll_received`](StreamSocket::poll_received). Apart, as every read begins there
    /// and most find something.
    #[inline(never)]
    fn poll_empty(self: &Rc<Self>, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        match self.recv.end.get() {
            End::Eof => Poll::Ready(Ok(false)),
            End::Error(errno) => {
                // Reported once, as the kernel does; after that the stream is at its end.
                self.recv.end.set(End::Eof);
                Poll::Ready(Err(io::Error::from_raw_os_error(errno)))
            }
            End::Open => {
                self.arm_if_wanted();
                self.recv.reader.wait(cx);
                Poll::Pending
            }
        }
    }

    /// Unread bytes in the queue.
    pub(crate) fn unread(&self) -> usize {
        self.recv.queue.bytes()
    }

    #[inline]
    fn arm_if_wanted(self: &Rc<Self>) {
        if self.recv.arm.get() == Arm::Idle
            && self.recv.end.get() == End::Open
            && self.unread() <= LOW_WATER
        {
            self.arm();
        }
    }

    /// Apart, as every read asks for it and few need it.
    #[inline(never)]
    fn arm(self: &Rc<Self>) {
        let key = self.driver().submit(Recv {
            stream: self.clone(),
        });
        self.recv.arm.set(Arm::Armed(key));
    }

    pub(super) fn release_recv(&self) {
        self.recv.released.set(true);
        self.recv.reader.clear();
        self.recv.queue.clear(self.driver().pool());
        if let Arm::Armed(key) = self.recv.arm.replace(Arm::Cancelling) {
            self.driver().cancel(key);
        }
    }
}

/// The submission in flight; it holds the stream.
struct Recv {
    stream: Rc<StreamSocket>,
}

// SAFETY: the submission points to no memory (the kernel picks a buffer of the registered pool);
// the stream keeps the descriptor open.
unsafe impl Operation for Recv {
    fn prepare(&mut self, able: Preflight) -> Sqe {
        let group = self.stream.driver().pool().ring().group();
        let fd = types::Fd(self.stream.as_raw_fd());
        if able.recv_multishot {
            opcode::RecvMulti::new(fd, group).build()
        } else {
            opcode::Recv::new(fd, std::ptr::null_mut(), 0)
                .buf_group(group)
                .build()
                .flags(squeue::Flags::BUFFER_SELECT)
        }
    }

    fn attempt(&mut self, event: Option<Event>) -> Attempt {
        let stream = &*self.stream;
        let pool = stream.driver().pool();
        match pool.fill(|room| socket::recv_now(stream.as_fd(), room)) {
            Some(Ok((_, 0))) => Attempt::Done(Completion::ended(0)),
            Some(Ok((buffer, len))) => {
                let received = Completion::received(len as i32, buffer);
                if len < pool.ring().buffer_len() as usize && event.is_some_and(|e| !e.is_last) {
                    Attempt::Drained(received)
                } else {
                    Attempt::Done(received)
                }
            }
            Some(Err(error)) => Attempt::failed(&error, Interest::readable(stream)),
            None => Attempt::Done(Completion::failed(errno::ENOBUFS)),
        }
    }

    fn complete(&mut self, completion: Completion, driver: &Driver) -> After {
        let stream = &self.stream;
        let recv = &stream.recv;
        if let Some(buffer) = completion.buffer() {
            if completion.result > 0 && !recv.released.get() {
                let len = completion.result as u32;
                recv.queue.push(driver.pool(), buffer, len);
            } else {
                driver.pool().discard(buffer);
            }
        }
        if completion.more() {
            if stream.unread() >= HIGH_WATER
                && let Arm::Armed(key) = recv.arm.get()
            {
                recv.arm.set(Arm::Cancelling);
                driver.cancel(key);
            }
            recv.reader.wake();
            return After::Done;
        }
        let after = self.ended(completion, driver);
        self.stream.recv.reader.wake();
        after
    }

    fn abandoned(&mut self) {
        self.stream.shut_down_abandoned();
    }
}

impl Recv {
    /// What follows the terminal completion.
    fn ended(&self, completion: Completion, driver: &Driver) -> After {
        let recv = &self.stream.recv;
        let arm = recv.arm.replace(Arm::Idle);
        if recv.released.get() {
            return After::Done;
        }
        match -completion.result {
            0 => recv.end.set(End::Eof),
            errno::ENOBUFS => {
                driver.counters().enobufs.add(1);
                recv.arm.set(Arm::Starved);
                let stream = Rc::downgrade(&self.stream);
                driver.pool().starve(stream);
            }
            // Our own cancel, or a driver that shuts down.
            errno::ECANCELED if arm != Arm::Cancelling => {
                recv.end.set(End::Error(errno::ECANCELED))
            }
            errno::ECANCELED | errno::EINTR | errno::EAGAIN | ..0 => {
                if self.stream.unread() <= LOW_WATER {
                    driver.counters().rearms.add(1);
                    if let Arm::Armed(key) = arm {
                        recv.arm.set(Arm::Armed(key));
                        return After::Again;
                    }
                    // Cancelled for the high-water mark and drained since: a fresh submission,
                    // because a cancel of the old key may still be queued.
                    self.stream.arm_if_wanted();
                }
            }
            error => recv.end.set(End::Error(error)),
        }
        After::Done
    }
}

impl Starved for StreamSocket {
    fn fed(self: Rc<Self>) {
        if self.recv.arm.get() == Arm::Starved && !self.recv.released.get() {
            self.recv.arm.set(Arm::Idle);
            self.driver().counters().rearms.add(1);
            self.arm_if_wanted();
        }
    }
}
