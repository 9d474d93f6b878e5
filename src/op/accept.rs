//! Accepting: one submission that serves many connections, and the queue that it fills.

use super::waiter::Waiter;
use crate::driver::{
    After, Attempt, Closing, Completion, Descriptor, Driver, Event, Interest, Key, Operation,
};
use crate::sys::preflight::Preflight;
use crate::sys::ring::{Sqe, opcode, types};
use crate::sys::{errno, socket};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll};

/// Accepted connections that may wait for the program before accepting stops and the kernel's own
/// backlog fills instead.
const HIGH_WATER: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arm {
    Idle,
    Armed(Key),
    Cancelling,
}

/// A listening socket with its queue of accepted connections.
pub(crate) struct Acceptor {
    listener: Descriptor,
    queue: RefCell<VecDeque<OwnedFd>>,
    arm: Cell<Arm>,
    error: Cell<Option<i32>>,
    waiter: Waiter,
    /// Accepting is over: what the kernel still delivers goes to the queue, nothing is armed.
    stopped: Cell<bool>,
}

impl Acceptor {
    pub(crate) fn new(driver: Rc<Driver>, listener: OwnedFd) -> Rc<Self> {
        Rc::new(Acceptor {
            listener: Descriptor::new(driver, listener, Closing::AtOnce),
            queue: RefCell::new(VecDeque::new()),
            arm: Cell::new(Arm::Idle),
            error: Cell::new(None),
            waiter: Waiter::default(),
            stopped: Cell::new(false),
        })
    }

    pub(crate) fn driver(&self) -> &Rc<Driver> {
        self.listener.driver()
    }

    /// The next connection.
    pub(crate) fn poll_accept(self: &Rc<Self>, cx: &mut Context<'_>) -> Poll<io::Result<OwnedFd>> {
        let next = self.queue.borrow_mut().pop_front();
        if let Some(fd) = next {
            return Poll::Ready(Ok(fd));
        }
        if let Some(error) = self.error.take() {
            return Poll::Ready(Err(io::Error::from_raw_os_error(error)));
        }
        self.arm_if_wanted();
        self.waiter.wait(cx);
        Poll::Pending
    }

    fn arm_if_wanted(self: &Rc<Self>) {
        if self.arm.get() == Arm::Idle && !self.stopped.get() {
            let key = self.driver().submit(Accept {
                acceptor: self.clone(),
            });
            self.arm.set(Arm::Armed(key));
        }
    }

    /// Ends accepting for good. [`Acceptor::poll_stopped`] tells when the kernel is done.
    pub(crate) fn stop(&self) {
        self.stopped.set(true);
        self.cancel();
    }

    fn cancel(&self) {
        if let Arm::Armed(key) = self.arm.get() {
            self.arm.set(Arm::Cancelling);
            self.driver().cancel(key);
            // Withdrawn before the kernel saw it: no completion will come.
            if self.driver().is_gone(key) {
                self.arm.set(Arm::Idle);
            }
        }
    }

    /// Waits, after `stop`, until the kernel accepts no more.
    pub(crate) fn poll_stopped(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.arm.get() == Arm::Idle {
            return Poll::Ready(());
        }
        self.waiter.wait(cx);
        Poll::Pending
    }

    /// After `stop`: a connection that was accepted or had completed its handshake.
    pub(crate) fn take_left(&self) -> io::Result<Option<OwnedFd>> {
        let next = self.queue.borrow_mut().pop_front();
        if next.is_some() {
            return Ok(next);
        }
        socket::set_nonblocking(self.as_fd(), true)?;
        loop {
            match socket::accept_now(self.as_fd()) {
                Ok(fd) => return Ok(Some(fd)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.raw_os_error().is_some_and(concerns_one_connection) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The user's handle was dropped.
    pub(crate) fn release(&self) {
        self.waiter.clear();
        self.stop();
        let queue = std::mem::take(&mut *self.queue.borrow_mut());
        drop(queue);
    }
}

impl AsFd for Acceptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

/// Whether an accept failed for a connection (or a signal) and not for the listener: accept(2) hands
/// on the errors that are pending on the new socket, and says to try again.
fn concerns_one_connection(error: i32) -> bool {
    matches!(
        error,
        errno::EINTR
            | errno::ECONNABORTED
            | errno::EPROTO
            | errno::ENETDOWN
            | errno::ENETUNREACH
            | errno::EHOSTDOWN
            | errno::EHOSTUNREACH
            | errno::ENONET
    )
}

/// The submission in flight; it holds the acceptor.
struct Accept {
    acceptor: Rc<Acceptor>,
}

// SAFETY: the submission points to no memory (no peer address is asked for); the acceptor keeps
// the descriptor open.
unsafe impl Operation for Accept {
    fn prepare(&mut self, _: Preflight) -> Sqe {
        let fd = types::Fd(self.acceptor.listener.as_raw_fd());
        opcode::AcceptMulti::new(fd)
            .flags(socket::ACCEPT_FLAGS)
            .build()
    }

    fn attempt(&mut self, event: Option<Event>) -> Attempt {
        let listener = &self.acceptor.listener;
        let accepted = match event {
            None => socket::set_nonblocking(listener.as_fd(), true),
            Some(_) => Ok(()),
        };
        match accepted.and_then(|()| socket::accept_now(listener.as_fd())) {
            Ok(fd) => Attempt::Done(Completion::made(fd)),
            Err(error) => Attempt::failed(&error, Interest::readable(listener)),
        }
    }

    fn complete(&mut self, completion: Completion, driver: &Driver) -> After {
        let acceptor = &self.acceptor;
        if completion.result >= 0 {
            acceptor
                .queue
                .borrow_mut()
                .push_back(completion.into_descriptor());
        }
        let mut after = After::Done;
        if completion.more() {
            if acceptor.queue.borrow().len() >= HIGH_WATER {
                acceptor.cancel();
            }
        } else {
            let arm = acceptor.arm.replace(Arm::Idle);
            match -completion.result {
                // A connection that broke before it was taken, a signal, or an accept that
                // succeeded and ended all the same (an overflow).
                error if error <= 0 || error == errno::EAGAIN || concerns_one_connection(error) => {
                    if matches!(arm, Arm::Armed(_)) && !acceptor.stopped.get() {
                        driver.counters().rearms.add(1);
                        acceptor.arm.set(arm);
                        after = After::Again;
                    }
                }
                errno::ECANCELED if arm == Arm::Cancelling => {}
                error => acceptor.error.set(Some(error)),
            }
        }
        acceptor.waiter.wake();
        after
    }

    fn abandoned(&mut self) {
        // The socket stays open with this slot: the kernel is to send nobody here any more.
        let _ = socket::shutdown(self.acceptor.listener.as_fd(), Shutdown::Both);
    }
}
