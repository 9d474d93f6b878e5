//! A connected stream socket: its descriptor, its receive queue, its send queue.
//!
//! One allocation a connection. The user's handle and every operation in flight hold it by
//! reference count, so the descriptor is closed when the last of them is gone: never while the
//! kernel may still use its number for an operation of ours.

use super::recv::RecvState;
use super::send::SendState;
use crate::driver::{Closing, Descriptor, Driver};
use crate::sys::socket;
use std::cell::Cell;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

/// How long bytes that were accepted before the stream was dropped may wait for a peer that takes
/// none. Without a bound such a peer would hold memory and a descriptor for ever.
const LINGER: Duration = Duration::from_secs(30);

pub(crate) struct StreamSocket {
    descriptor: Descriptor,
    pub(super) recv: RecvState,
    pub(super) send: SendState,
    /// The user's handles: the read half and the write half.
    halves: Cell<u8>,
}

impl StreamSocket {
    /// Takes over a connected stream socket: a blocking one, or one that was connected by the same
    /// driver.
    pub(crate) fn new(descriptor: Descriptor) -> Rc<Self> {
        Rc::new(StreamSocket {
            descriptor,
            recv: RecvState::new(),
            send: SendState::new(),
            halves: Cell::new(2),
        })
    }

    pub(crate) fn driver(&self) -> &Rc<Driver> {
        self.descriptor.driver()
    }

    /// Tells whether the close may block.
    pub(crate) fn set_lingers(&self, lingers: bool) {
        self.descriptor.set_closing(if lingers {
            Closing::Elsewhere
        } else {
            Closing::WithNextTurn
        });
    }

    /// The read half was dropped.
    pub(crate) fn release_reader(&self) {
        self.release_recv();
        self.release_half();
    }

    /// The write half was dropped: while the other one lives, sending ends after what was written.
    pub(crate) fn release_writer(&self) {
        self.release_send();
        self.release_half();
        if self.halves.get() > 0 {
            self.end_sending();
        }
    }

    /// The driver is broken, and the socket stays open with an operation's slot: its peer is to hear
    /// that nobody is there.
    pub(super) fn shut_down_abandoned(&self) {
        // It fails only on a connection that is gone.
        let _ = socket::shutdown(self.as_fd(), Shutdown::Both);
    }

    /// After the second half: let what was written go out; the last reference then closes.
    fn release_half(&self) {
        self.halves.set(self.halves.get() - 1);
        if self.halves.get() == 0 && self.send.is_busy() {
            // A system call at a close with bytes under way, not on every request. It fails only
            // on a socket that is dead already.
            let _ = socket::set_user_timeout(self.as_fd(), Some(LINGER));
        }
    }
}

impl AsFd for StreamSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl AsRawFd for StreamSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}
